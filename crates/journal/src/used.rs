//! Session ids that were used.

use redb::{ReadableTable, TableDefinition};

use crate::store::HEAD;
use crate::{Error, Journal};

/// When the agreement behind an id ends.
const USED: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("used ids");

/// The same, in the order of the ends.
const ENDS: TableDefinition<'_, (u64, &[u8; 32]), ()> = TableDefinition::new("ends of used ids");

/// The entry of the head that holds the latest end of an id that was forgotten.
const FORGOTTEN: &str = "forgotten until";

/// How many ids a call forgets at most, so that none takes long.
const FORGET: usize = 1000;

impl Journal {
    /// Uses an id, which is refused from then on.
    ///
    /// It is forgotten when `expires` has passed; the caller refuses what has expired. Should the
    /// clock be turned back behind that, an id that would end no later than one that was forgotten
    /// counts as used.
    ///
    /// # Errors
    ///
    /// [`Error::Used`].
    pub fn use_id(&self, id: &[u8; 32], expires: u64, now: u64) -> Result<(), Error> {
        self.write(|transaction| {
            let mut head = transaction.open_table(HEAD)?;
            let mut used = transaction.open_table(USED)?;
            let mut ends = transaction.open_table(ENDS)?;
            let forgotten = head.get(FORGOTTEN)?.map(|end| end.value());
            let is_used = used.get(id)?.is_some();
            if is_used || forgotten.is_some_and(|end| expires <= end) {
                return Ok(Err(Error::Used));
            }
            let over: Vec<(u64, [u8; 32])> = ends
                .range(..(now.saturating_add(1), &[0; 32]))?
                .take(FORGET)
                .map(|entry| entry.map(|(key, _)| (key.value().0, *key.value().1)))
                .collect::<Result<_, _>>()?;
            for (end, id) in &over {
                ends.remove((*end, id))?;
                used.remove(id)?;
            }
            if let Some((end, _)) = over.last() {
                head.insert(FORGOTTEN, *end)?;
            }
            used.insert(id, expires)?;
            ends.insert((expires, id), ())?;
            Ok(Ok(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use redb::ReadableTableMetadata;

    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("state")).unwrap();
        (folder, journal)
    }

    #[test]
    fn an_id_serves_once_until_it_ends_and_after_that_too() {
        let (_folder, journal) = journal();
        let (one, other) = ([1; 32], [2; 32]);
        journal.use_id(&one, 200, 100).unwrap();
        for now in [100, 150, 250, 50] {
            assert!(matches!(journal.use_id(&one, 200, now), Err(Error::Used)));
        }
        // The first is forgotten now; a clock turned back does not make it fresh.
        journal.use_id(&other, 900, 200).unwrap();
        assert!(matches!(journal.use_id(&one, 200, 100), Err(Error::Used)));
        assert!(matches!(journal.use_id(&other, 900, 100), Err(Error::Used)));
        journal.use_id(&[3; 32], 201, 100).unwrap();
    }

    #[test]
    fn one_of_many_uses_at_once_succeeds() {
        let (_folder, journal) = journal();
        let first = std::thread::scope(|scope| {
            let use_it = || journal.use_id(&[1; 32], 10, 0).is_ok();
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(use_it)).collect();
            let outcomes = callers.into_iter().map(|caller| caller.join().unwrap());
            outcomes.filter(|&first| first).count()
        });
        assert_eq!(first, 1);
    }

    #[test]
    fn what_has_ended_takes_no_room() {
        let (_folder, journal) = journal();
        for i in 0..50_u8 {
            journal.use_id(&[i; 32], 100 + u64::from(i), 0).unwrap();
        }
        journal.use_id(&[99; 32], 1000, 120).unwrap();
        let left = journal.read(|transaction| {
            let (used, ends) = (transaction.open_table(USED)?, transaction.open_table(ENDS)?);
            Ok((used.len()?, ends.len()?))
        });
        // Ends 100 to 120 are over.
        assert_eq!(left.unwrap(), (30, 30));
    }
}
