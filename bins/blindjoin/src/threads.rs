//! How many threads a command takes.

use std::num::NonZeroUsize;

use blindjoin_columnar::pipeline;
use blindjoin_terminal::whole;

/// The option.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Threads {
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = whole(1_u16..=1024))]
    threads: Option<u16>,
}

impl Threads {
    pub(crate) fn number(self) -> NonZeroUsize {
        let told = self
            .threads
            .and_then(|threads| NonZeroUsize::new(threads.into()));
        told.unwrap_or_else(pipeline::all_cores)
    }
}
