//! `tests/fuzz/run manifest`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::manifest(input);
});
