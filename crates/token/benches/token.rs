//! Tokens per second.
fn main() {}
