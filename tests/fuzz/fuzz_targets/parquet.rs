//! `tests/fuzz/run parquet`
#![no_main]
libfuzzer_sys::fuzz_target!(
    init: blindjoin_fuzz::let_caught_panics_pass(),
    |input: &[u8]| {
        blindjoin_fuzz::parquet(input);
    }
);
