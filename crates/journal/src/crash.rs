//! What a journal holds after every possible loss: a disk that forgets what was not yet synced, and
//! one that fails at any of its operations.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::{Database, StorageBackend};

use crate::{Charge, Error, Journal};

/// What a disk holds for good, and what was written since it was last synced.
#[derive(Clone, Debug, Default)]
struct Platter {
    durable: Vec<u8>,
    current: Vec<u8>,
    /// Writes since the last sync, in order.
    pending: Vec<(usize, Vec<u8>)>,
    /// Operations until the disk fails for good, if it does.
    left: Option<u64>,
    /// Operations that it was asked for.
    asked: u64,
}

/// A disk that shares its platter with the test.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.platter().durable.clone_from(&bytes);
        disk.platter().current = bytes;
        disk
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    /// One more operation, unless the disk has failed.
    fn operate(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let mut platter = self.platter();
        platter.asked += 1;
        match &mut platter.left {
            Some(0) => return Err(io::Error::other("the disk has failed")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(platter)
    }

    fn journal(&self) -> Result<Journal, Error> {
        let database = Database::builder()
            .set_check_integrity_on_open(true)
            .create_with_backend(self.clone());
        Journal::on(database, Path::new("a test's"))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.operate()?.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.operate()?;
        let start = usize::try_from(offset).unwrap();
        let from = platter.current.get(start..start + out.len());
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // The length of a file is part of what a sync makes durable, and may come before.
        let mut platter = self.operate()?;
        let len = usize::try_from(len).unwrap();
        platter.current.resize(len, 0);
        platter.durable.resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.operate()?;
        platter.durable = platter.current.clone();
        platter.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.operate()?;
        let start = usize::try_from(offset).unwrap();
        platter.current[start..start + data.len()].copy_from_slice(data);
        platter.pending.push((start, data.to_vec()));
        Ok(())
    }
}

/// A small generator, so that every run loses the same writes.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The disk after the power went: some of what was not synced is there, some is not, one write is
/// torn.
fn after_power_loss(platter: &Platter, state: &mut u64) -> Vec<u8> {
    let mut bytes = platter.durable.clone();
    for (start, data) in &platter.pending {
        let kept = match next(state) % 3 {
            0 => 0,
            1 => data.len(),
            _ => usize::try_from(next(state)).unwrap() % data.len(),
        };
        bytes[*start..start + kept].copy_from_slice(&data[..kept]);
    }
    bytes
}

const CALLER: &[u8] = b"a caller";

fn charge(journal: &Journal) -> Result<(), Error> {
    let charge = Charge {
        unit: "places",
        amount: 1,
        allowance: 1_000_000,
    };
    journal.charge(CALLER, &[charge], 1 << 40, 5)
}

fn id(number: u64) -> [u8; 32] {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// Charges and uses ids until the disk fails, which it does after so many operations; yields how
/// many of each were acknowledged.
fn run(disk: &Disk, operations: u64) -> (u64, u64) {
    let journal = disk.journal().unwrap();
    disk.platter().left = Some(operations);
    let (mut charges, mut ids) = (0, 0);
    while charges < 40 {
        match charge(&journal) {
            Ok(()) => charges += 1,
            Err(Error::Storage { .. }) => break,
            Err(other) => panic!("{other:?}"),
        }
        match journal.use_id(&id(ids), 1000, 5) {
            Ok(()) => ids += 1,
            Err(Error::Storage { .. }) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    let failed = charge(&journal).is_err();
    assert!(
        failed || charges >= 40,
        "a journal that failed once must not go on"
    );
    // What redb writes when it is closed fails too.
    drop(journal);
    (charges, ids)
}

fn initialised() -> Vec<u8> {
    let disk = Disk::default();
    let journal = disk.journal().unwrap();
    journal.initialise().unwrap();
    drop(journal);
    disk.platter().durable.clone()
}

#[test]
fn whatever_was_acknowledged_outlives_a_loss_of_power_at_any_moment() {
    let fresh = initialised();
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut torn = 0;
    for operations in 0..600 {
        let disk = Disk::holding(fresh.clone());
        let (charges, ids) = run(&disk, operations);
        let platter = disk.platter().clone();
        torn += usize::from(!platter.pending.is_empty());
        for _ in 0..4 {
            let disk = Disk::holding(after_power_loss(&platter, &mut state));
            let journal = disk.journal().unwrap();
            journal.check_layout().unwrap();
            let spent = journal.spent(CALLER, "places", 1 << 40, 5).unwrap().amount;
            assert!(
                spent == charges || spent == charges + 1,
                "after {operations} operations: {charges} acknowledged, {spent} held"
            );
            for used in 0..ids {
                let again = journal.use_id(&id(used), 1000, 5);
                assert!(matches!(again, Err(Error::Used)), "{again:?}");
            }
            charge(&journal).unwrap();
        }
    }
    assert!(torn > 100, "only {torn} of the losses had writes to lose");
}

#[test]
fn a_failing_disk_fails_every_call_until_the_journal_is_opened_again() {
    let disk = Disk::holding(initialised());
    let journal = disk.journal().unwrap();
    charge(&journal).unwrap();
    disk.platter().left = Some(1);
    assert!(matches!(charge(&journal), Err(Error::Storage { .. })));
    disk.platter().left = None;
    assert!(matches!(charge(&journal), Err(Error::Storage { .. })));
    drop(journal);
    charge(&disk.journal().unwrap()).unwrap();
}

#[test]
fn a_copy_that_was_made_meanwhile_is_whole() {
    let disk = Disk::holding(initialised());
    let journal = disk.journal().unwrap();
    for done in 1..20 {
        charge(&journal).unwrap();
        // Neither closed nor dropped: as a kill leaves it.
        let copy = Disk::holding(disk.platter().current.clone());
        let copy = copy.journal().unwrap();
        assert_eq!(
            copy.spent(CALLER, "places", 1 << 40, 5).unwrap().amount,
            done
        );
    }
}
