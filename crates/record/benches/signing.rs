//! Rows signed per CPU-second, by rule set: `cargo bench -p blindjoin-record`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures time and prints it"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use blindjoin_record::{Date, RuleSet, Scratch};

const ROWS: usize = 200_000;

fn main() {
    let rows = people();
    let today = Date::new(2026, 11, 21).unwrap();
    let ours = "[columns]\nlast_name = \"LastName\"\nfirst_name = \"FirstName\"\nbirth_date = \
                \"BirthDate\"\n[[rule]]\nid = \"A\"\nsignature = [\"last_name:NY\", \
                \"first_name:DM\", \"birth_date:Y\"]\n[[rule]]\nid = \"B\"\nsignature = \
                [\"last_name:SX\", \"first_name:A|U\", \"birth_date:MO\", \"birth_date:DA\"]\n";
    for (name, rules) in [
        ("opentoken", RuleSet::builtin("opentoken").unwrap()),
        ("phonetic codes", RuleSet::from_toml(ours).unwrap()),
    ] {
        let binding = rules.bind(&HEADER, today).unwrap();
        let mut scratch = Scratch::default();
        let start = cpu_time();
        let mut bytes = 0;
        for row in &rows {
            for signature in binding.sign(row.as_slice(), &mut scratch).iter().flatten() {
                bytes += black_box(signature).len();
            }
        }
        let nanoseconds = cpu_time().saturating_sub(start).as_nanos() / ROWS as u128;
        let length = bytes / ROWS;
        println!("{name:16} {nanoseconds:6} ns per row of {length} bytes of signatures");
    }
}

const HEADER: [&str; 6] = [
    "FirstName",
    "LastName",
    "BirthDate",
    "Sex",
    "PostalCode",
    "SocialSecurityNumber",
];

fn people() -> Vec<[String; 6]> {
    let first = [
        "Maria",
        "José",
        "tom",
        "Anne-Marie",
        "John A.",
        "CHEN",
        "Fatima",
        "Dr. Ravi",
    ];
    let last = [
        "García",
        "O'Reilly",
        "Smith",
        "NGUYEN",
        "Müller",
        "Smith Jr.",
        "Kowalski",
        "Ng",
    ];
    (0..ROWS)
        .map(|i| {
            let day = Date::from_unix_days(i64::try_from(i % 25_000).unwrap() - 15_000).unwrap();
            [
                first[i % 8].to_owned(),
                last[i / 8 % 8].to_owned(),
                if i % 3 == 0 {
                    format!("{:02}/{:02}/{}", day.month(), day.day(), day.year())
                } else {
                    day.to_string()
                },
                ["M", "Female", "F", "male"][i % 4].to_owned(),
                format!("{:05}", 10_001 + i % 80_000),
                format!(
                    "{:03}-{:02}-{:04}",
                    100 + i % 500,
                    10 + i % 80,
                    1000 + i % 9000
                ),
            ]
        })
        .collect()
}

/// The time this thread has been running, or the time of day where the system does not tell.
fn cpu_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|text| text.split(' ').next()?.parse().ok());
    told.map_or_else(
        || {
            std::time::UNIX_EPOCH
                .elapsed()
                .unwrap_or_else(|_| Instant::now().elapsed())
        },
        Duration::from_nanos,
    )
}
