//! What can go wrong with a journal.

use std::io;
use std::path::PathBuf;

/// Why a journal does not open, or does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file was a journal, and is not what was written to it.
    #[error(
        "{} is damaged: restore it from a copy, or move it away to begin with a new one, which \
         forgets what was spent and which sessions were opened",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: redb::Error,
    },
    /// A charge exceeds what is left in the period. Nothing was charged.
    #[error(
        "{spent} {unit} of {allowance} are spent in the period until {until} (seconds since 1970), \
         and {amount} more are needed"
    )]
    Exhausted {
        /// What is counted.
        unit: String,
        /// What was asked for.
        amount: u64,
        /// What the period allows.
        allowance: u64,
        /// What was spent before.
        spent: u64,
        /// When the next period can begin.
        until: u64,
    },
    /// The folder or the file cannot be made or looked at.
    #[error("{}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no journal.
    #[error("{} is not a journal of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another program has it open, or this one a second time.
    #[error("{} is in use by another program: two cannot share a journal", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote the file.
    #[error(
        "{} has layout {layout}, which is newer than this program's {}: use the newer program",
        path.display(),
        crate::store::LAYOUT
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        layout: u64,
    },
    /// Others may read the file or write to its folder.
    #[error(
        "{} has mode {mode:03o}, which lets others in: chmod {} {0}",
        path.display(),
        if *is_folder { "go-w" } else { "600" }
    )]
    Permissions {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whether it is the folder.
        is_folder: bool,
    },
    /// The store failed, and so will all further calls until it is opened again.
    #[error("{} cannot be read or written", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: redb::Error,
    },
    /// The id was used before, or its end lies so far back that nobody can tell any more.
    #[error("the session id was used before")]
    Used,
}
