//! The real command, as at a terminal.

mod bench;
mod evaluate;
mod faults;
mod synth;
mod token_commands;
mod tokens;
