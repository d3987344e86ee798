//! A program that is killed while it charges: what it was told is paid stays paid.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use blindjoin_journal::{Charge, Journal};

const FOLDER: &str = "BLINDJOIN_TEST_JOURNAL";

fn charge(amount: u64) -> [Charge<'static>; 1] {
    [Charge {
        unit: "places",
        amount,
        allowance: u64::MAX,
    }]
}

/// The program that gets killed: does nothing unless this file's other test starts it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test hands a folder to its child in the environment"
)]
fn charge_for_ever() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let journal = Journal::open(Path::new(&folder)).unwrap();
    for number in 1_u64.. {
        journal.charge(b"a", &charge(1), 1 << 40, 0).unwrap();
        println!("acknowledged {number}");
    }
}

#[test]
fn acknowledged_charges_outlive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "charge_for_ever", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = 0;
        let number = |line: &str| line.strip_prefix("acknowledged ")?.parse::<u64>().ok();
        // The rest is what was in the pipe when the kill came.
        for line in lines {
            last = number(&line.unwrap()).unwrap_or(last);
            if last == 20 + 7 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(last >= 20 + 7 * round, "it ran until it was killed");
        let journal = Journal::open(folder.path()).unwrap();
        let spent = journal.spent(b"a", "places", 1 << 40, 0).unwrap().amount;
        let told = acknowledged + last;
        assert!(
            spent == told || spent == told + 1,
            "round {round}: {told} acknowledged, {spent} held"
        );
        acknowledged = spent;
    }
}
