//! `tests/fuzz/run tokens`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::tokens(input);
});
