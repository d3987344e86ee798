//! The real command, as at a terminal.

mod bench;
mod evaluate;
mod synth;
mod tokens;
