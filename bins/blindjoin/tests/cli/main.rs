//! The real command, as at a terminal.

mod bench;
mod synth;
