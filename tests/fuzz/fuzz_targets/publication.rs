//! `tests/fuzz/run publication`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::publication(input);
});
