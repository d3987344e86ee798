use thiserror::Error as ThisError;

/// What can go wrong in laying out a table: only its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The number of bins does not fit 32 bits (input fault).
    #[error("a table for {size} items needs more bins than 32 bits can number")]
    TooLarge {
        /// The number of items asked for.
        size: u64,
    },
}
