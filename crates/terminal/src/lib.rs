//! What the four programs share at the terminal: what they say and where, how they end, what an
//! interruption finds, how numbers are read from a command line, and what shells and manuals are told.
//!
//! Results go to standard output, everything else to standard error. An error is one line there, with
//! all its causes; a mistake in the command line itself looks no different, but ends with another
//! code:
//!
//! | code | meaning |
//! |--:|---|
//! | 0 | done |
//! | 1 | the input, a peer or the configuration is wrong |
//! | 2 | usage |
//! | 70 | a fault of the program |
//! | 75 | temporary: run the same command again |
//! | 128 + n | ended by signal n |
//!
//! # Leakage
//!
//! What is said names files, rows, fields and options. Values and record identifiers are the caller's
//! to keep out: standard error goes to mail of schedulers and to collectors of logs.
#![forbid(unsafe_code)]

mod arguments;
mod console;
mod ending;
mod interrupt;
mod pages;
mod table;

pub use arguments::{real, whole};
pub use console::{Console, say};
pub use ending::{Program, Usage, chain};
pub use interrupt::{Interruptions, on_interruption};
pub use pages::Pages;
pub use table::table;
