//! `tests/fuzz/run rules`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::rules(input);
});
