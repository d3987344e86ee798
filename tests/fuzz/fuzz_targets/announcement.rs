//! `tests/fuzz/run announcement`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::announcement(input);
});
