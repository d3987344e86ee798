//! Opening a journal, and its transactions.

use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError, TableDefinition,
    TableError, WriteTransaction,
};

use crate::{Error, folder};

/// The layout of the tables that this program writes.
///
/// A table that is added does not change it; one that is given another meaning does.
pub(crate) const LAYOUT: u64 = 1;

/// Single numbers; its name marks the file as a journal.
pub(crate) const HEAD: TableDefinition<'_, &str, u64> = TableDefinition::new("blindjoin journal");

/// The entry of the head that says which layout the other tables have.
const LAYOUT_ENTRY: &str = "layout";

/// The name of the file in its folder.
const FILE: &str = "journal.redb";

/// Memory for pages that were read: a journal is small, and each call looks at a few of them.
const CACHE: usize = 8 << 20;

/// A journal, open.
///
/// Calls come from any number of threads and block: writing ones take turns and wait for the disk,
/// a few milliseconds each.
pub struct Journal {
    database: Database,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal of a folder, and makes both if they are not there.
    ///
    /// Reads the whole file, and checks every page of it.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], [`Error::Foreign`], [`Error::Newer`], [`Error::Damaged`] or
    /// [`Error::Permissions`], about which somebody must do something; [`Error::Folder`] or
    /// [`Error::Storage`] if the disk does not cooperate.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        folder::prepare(folder)?;
        let file = folder.join(FILE);
        if !file.exists() {
            folder::create(&file, |unfinished| {
                let database = builder().create(unfinished);
                Self::on(database, unfinished)?.initialise()
            })?;
        }
        folder::check_file(&file)?;
        let journal = Self::on(builder().open(&file), &file)?;
        journal.check_layout()?;
        Ok(journal)
    }

    pub(crate) fn on(
        database: Result<Database, DatabaseError>,
        path: &Path,
    ) -> Result<Self, Error> {
        let path = path.to_owned();
        match database {
            Ok(database) => Ok(Self { database, path }),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(Error::InUse { path }),
            Err(DatabaseError::Storage(StorageError::Io(error)))
                if error.kind() == std::io::ErrorKind::InvalidData =>
            {
                Err(Error::Foreign { path })
            }
            Err(error) => Err(wrong(path, error.into())),
        }
    }

    pub(crate) fn initialise(&self) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.open_table(HEAD)?.insert(LAYOUT_ENTRY, LAYOUT)?;
            Ok(Ok(()))
        })
    }

    pub(crate) fn check_layout(&self) -> Result<(), Error> {
        let layout = self.read(|transaction| {
            let head = match transaction.open_table(HEAD) {
                Ok(head) => head,
                Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            Ok(head.get(LAYOUT_ENTRY)?.map(|layout| layout.value()))
        })?;
        let path = self.path.clone();
        match layout {
            None => Err(Error::Foreign { path }),
            Some(LAYOUT) => Ok(()),
            Some(layout) => Err(Error::Newer { path, layout }),
        }
    }

    /// One transaction: durable if `body` yields a value, as if it had not been if it refuses.
    pub(crate) fn write<T>(
        &self,
        body: impl FnOnce(&WriteTransaction) -> Result<Result<T, Error>, redb::Error>,
    ) -> Result<T, Error> {
        let transaction = self.database.begin_write().map_err(|e| self.failed(e))?;
        match body(&transaction).map_err(|e| self.failed(e))? {
            Ok(value) => {
                transaction.commit().map_err(|e| self.failed(e))?;
                Ok(value)
            }
            Err(refused) => {
                transaction.abort().map_err(|e| self.failed(e))?;
                Err(refused)
            }
        }
    }

    /// One look at what was last written.
    pub(crate) fn read<T>(
        &self,
        body: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let transaction = self.database.begin_read().map_err(|e| self.failed(e))?;
        body(&transaction).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: impl Into<redb::Error>) -> Error {
        wrong(self.path.clone(), error.into())
    }
}

/// Tells a file that is not as it was written from a disk that does not cooperate.
fn wrong(path: PathBuf, source: redb::Error) -> Error {
    let is_damage = match &source {
        redb::Error::Corrupted(_) => true,
        // Shorter than its own header says.
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    if is_damage {
        Error::Damaged { path, source }
    } else {
        Error::Storage { path, source }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder
        .set_cache_size(CACHE)
        // A damaged file is refused at the start, with words, rather than met with later.
        .set_check_integrity_on_open(true);
    builder
}

/// What a table holds under a key, or nothing where there is no such table yet.
pub(crate) fn absent<T>(opened: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
