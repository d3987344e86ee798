//! `tests/fuzz/run handshake`
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    blindjoin_fuzz::handshake(input);
});
