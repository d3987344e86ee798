//! `tests/fuzz/run answer`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::answer(input);
});
