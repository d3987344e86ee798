//! `tests/fuzz/run csv`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::csv(input);
});
