//! `tests/fuzz/run chunk`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::chunk(input);
});
