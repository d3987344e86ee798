//! The real command, as at a terminal.

mod bench;
#[path = "../../../../tests/common/data.rs"]
mod data;
mod evaluate;
mod faults;
mod headers;
mod help;
mod inputs;
mod outputs;
mod provenance;
mod synth;
mod token_commands;
mod tokens;
#[path = "../../../../tests/common/usage.rs"]
mod usage;
mod values;
