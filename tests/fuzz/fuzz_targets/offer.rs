//! `tests/fuzz/run offer`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::offer(input);
});
