//! Which files are opened as journals, which are not, and what is said about them.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use blindjoin_journal::{Charge, Error, Journal};
use redb::{Database, TableDefinition};

const HEAD: TableDefinition<'_, &str, u64> = TableDefinition::new("blindjoin journal");

fn places(amount: u64) -> [Charge<'static>; 1] {
    [Charge {
        unit: "places",
        amount,
        allowance: 1000,
    }]
}

/// A folder with a journal in which 600 places are spent.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.charge(b"a", &places(600), 100, 0).unwrap();
    folder
}

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("journal.redb")
}

/// Closes what the fault left open to others, so that the fault itself is what is met.
fn open(folder: &Path) -> Result<Journal, Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file(folder), mode).unwrap();
    }
    Journal::open(folder)
}

#[test]
fn what_was_spent_and_used_outlives_a_restart() {
    let folder = made();
    let journal = Journal::open(folder.path()).unwrap();
    journal.use_id(&[1; 32], 1000, 10).unwrap();
    drop(journal);
    let journal = Journal::open(folder.path()).unwrap();
    let refused = journal.charge(b"a", &places(401), 100, 50);
    assert!(matches!(refused, Err(Error::Exhausted { spent: 600, .. })));
    journal.charge(b"a", &places(400), 100, 50).unwrap();
    assert!(matches!(
        journal.use_id(&[1; 32], 1000, 10),
        Err(Error::Used)
    ));
}

#[test]
fn two_programs_cannot_share_a_journal() {
    let folder = made();
    let first = Journal::open(folder.path()).unwrap();
    let error = Journal::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another program"));
    drop(first);
    Journal::open(folder.path()).unwrap();
}

#[test]
fn a_newer_layout_is_left_alone() {
    let folder = made();
    let database = Database::open(file(folder.path())).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut head = transaction.open_table(HEAD).unwrap();
    head.insert("layout", 2).unwrap();
    drop(head);
    transaction.commit().unwrap();
    drop(database);
    let error = Journal::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Newer { layout: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("layout 2, which is newer"));
}

#[test]
fn the_file_of_another_program_is_left_alone() {
    const OTHER: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(OTHER)
        .unwrap()
        .insert("x", 1)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");

    for bytes in [&b"record_id,name\n1,Ann\n"[..], &[0; 8192], b""] {
        std::fs::write(&path, bytes).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "left as it was");
    }
}

#[test]
fn damage_is_noticed_or_harmless() {
    let folder = made();
    let journal = Journal::open(folder.path()).unwrap();
    for number in 0..200_u8 {
        journal.use_id(&[number; 32], 1000, 10).unwrap();
    }
    drop(journal);
    let whole = std::fs::read(file(folder.path())).unwrap();
    let mut noticed = 0;
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        for byte in &mut bytes[page * 4096 + 100..page * 4096 + 164] {
            *byte ^= 0x5a;
        }
        std::fs::write(file(folder.path()), bytes).unwrap();
        match open(folder.path()) {
            // A page that holds nothing, or the record of an earlier commit.
            Ok(journal) => {
                assert_eq!(journal.spent(b"a", "places", 100, 0).unwrap().amount, 600);
                for number in 0..200_u8 {
                    let again = journal.use_id(&[number; 32], 1000, 10);
                    assert!(matches!(again, Err(Error::Used)), "page {page}: {again:?}");
                }
            }
            Err(Error::Damaged { .. } | Error::Foreign { .. }) => noticed += 1,
            Err(other) => panic!("page {page}: {other:?}"),
        }
    }
    assert!(noticed >= 3, "{noticed} pages are looked at");
    for length in [1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(file(folder.path()), &whole[..length]).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(
            matches!(error, Error::Damaged { .. } | Error::Foreign { .. }),
            "cut to {length}: {error:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn the_journal_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("deep").join("state");
    drop(Journal::open(&state).unwrap());
    assert_eq!((mode(&state), mode(&file(&state))), (0o700, 0o600));
    assert_eq!(
        std::fs::read_dir(&state).unwrap().count(),
        1,
        "nothing else"
    );

    set(&file(&state), 0o640);
    let error = Journal::open(&state).unwrap_err();
    assert!(matches!(error, Error::Permissions { mode: 0o640, .. }));
    assert!(error.to_string().contains("mode 640"), "{error}");
    set(&file(&state), 0o600);
    set(&state, 0o770);
    let error = Journal::open(&state).unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
    // Being looked at is harmless.
    set(&state, 0o755);
    drop(Journal::open(&state).unwrap());
}

#[test]
fn what_an_interrupted_first_start_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.new"), [0; 5000]).unwrap();
    drop(Journal::open(folder.path()).unwrap());
    drop(Journal::open(folder.path()).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
