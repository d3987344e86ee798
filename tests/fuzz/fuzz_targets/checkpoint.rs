//! `tests/fuzz/run checkpoint`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::checkpoint(input);
});
