//! Values under a name, drawn once or replaced together.

use redb::{ReadableTable, TableDefinition};

use crate::store::absent;
use crate::{Error, Journal};

const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");

impl Journal {
    /// Yields the value of a name, if it has one.
    ///
    /// # Errors
    ///
    /// Only if the disk fails.
    pub fn value(&self, name: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.read(|transaction| {
            let Some(table) = absent(transaction.open_table(VALUES))? else {
                return Ok(None);
            };
            Ok(table.get(name)?.map(|value| value.value().to_vec()))
        })
    }

    /// Yields the value of a name; one that has none gets it from `draw`, once and for all.
    ///
    /// # Errors
    ///
    /// Only if the disk fails.
    pub fn keep(&self, name: &[u8], draw: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, Error> {
        if let Some(value) = self.value(name)? {
            return Ok(value);
        }
        self.write(|transaction| {
            let mut table = transaction.open_table(VALUES)?;
            if let Some(value) = table.get(name)? {
                // Somebody else was faster.
                return Ok(Ok(value.value().to_vec()));
            }
            let value = draw();
            table.insert(name, &*value)?;
            Ok(Ok(value))
        })
    }

    /// Gives names new values, all at once.
    ///
    /// # Errors
    ///
    /// Only if the disk fails.
    pub fn replace(&self, values: &[(&[u8], &[u8])]) -> Result<(), Error> {
        self.write(|transaction| {
            let mut table = transaction.open_table(VALUES)?;
            for (name, value) in values {
                table.insert(name, value)?;
            }
            Ok(Ok(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_drawn_once_and_replaced_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(folder.path()).unwrap();
        let journal = open();
        assert_eq!(journal.value(b"salt").unwrap(), None);
        assert_eq!(journal.keep(b"salt", || vec![1]).unwrap(), [1]);
        assert_eq!(journal.keep(b"salt", || vec![2]).unwrap(), [1]);
        drop(journal);
        let journal = open();
        assert_eq!(journal.keep(b"salt", || vec![3]).unwrap(), [1]);
        let both: [(&[u8], &[u8]); 2] = [(b"salt", b"new"), (b"other", b"")];
        journal.replace(&both).unwrap();
        assert_eq!(journal.value(b"salt").unwrap().unwrap(), b"new");
        assert_eq!(journal.value(b"other").unwrap().unwrap(), b"");
    }

    #[test]
    fn all_see_the_value_that_one_of_them_drew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let seen: Vec<_> = std::thread::scope(|scope| {
            let journal = &journal;
            let keep = |i| scope.spawn(move || journal.keep(b"salt", || vec![i]).unwrap());
            let callers: Vec<_> = (0..8).map(keep).collect();
            callers
                .into_iter()
                .map(|seen| seen.join().unwrap())
                .collect()
        });
        assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
    }
}
