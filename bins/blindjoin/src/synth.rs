//! `blindjoin synth`: registries that look like life, with the truth about who is who.

mod errors;
mod expected;
mod names;
mod person;
mod places;
mod random;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::{
    Format, Header, Output, OutputColumn, Quoting, ROWS_PER_CHUNK, TableWriter,
};
use blindjoin_record::{Date, RuleSet};

use blindjoin_terminal::{real, whole};
use serde_json::{Value, json};

use crate::console::Console;
pub(crate) use expected::Expected;
use person::People;
use random::{Permutation, Random};

const PURPOSE_ORDER: u64 = 16;
const PURPOSE_ERRORS: u64 = 32;
const PURPOSE_VISIT: u64 = 64;

/// The most registries at once: they are named by letter.
const MOST_REGISTRIES: u64 = 26;

/// What to generate: the same plan gives the same bytes everywhere.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Records in each registry
    #[arg(long, value_name = "N", value_parser = whole(1..=u64::MAX))]
    pub(crate) records: u64,
    /// Share of each registry's people who are in another registry too
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = real(0.0..=1.0))]
    pub(crate) overlap: f64,
    /// Share of the second and later records of a person that hold errors
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = real(0.0..=1.0))]
    pub(crate) typos: f64,
    /// Seed; the same seed gives the same files
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Number of registries: a.csv, b.csv, c.csv and so on
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = whole(2..=MOST_REGISTRIES))]
    pub(crate) jurisdictions: u64,
}

/// Generate registries with errors and the truth about them
///
/// Writes a.csv and b.csv with N records each, rules.toml with match rules for them, and truth.csv
/// with the pairs of records that are the same person. With more than two jurisdictions there is a
/// truth file per pair, and persons.csv says for every record which person it is.
///
/// The columns bear the names that OpenToken knows, so that the built-in rule sets opentoken, htac
/// and ssn apply to the files as they are.
///
/// Errors are those of real registries: misspellings, nicknames, changed and exchanged names,
/// misread dates, exchanged digits, missing identifiers, new addresses. Without errors (--typos 0)
/// every shared person's records agree in all fields but the record id and the last visit.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  blindjoin synth --records 1000 --expect --out registries")]
pub(crate) struct Arguments {
    #[command(flatten)]
    plan: Plan,
    /// Folder for the files; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also write expected.csv, the card that linking a.csv with b.csv under rules.toml must yield,
    /// from a join in the clear
    #[arg(long)]
    expect: bool,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let folder = &arguments.out;
    // Refused before the work rather than after it.
    let card = arguments
        .expect
        .then(|| {
            make(folder)?;
            Ok::<_, anyhow::Error>(Output::create(
                &folder.join("expected.csv"),
                arguments.force,
            )?)
        })
        .transpose()?;
    let files = generate(&arguments.plan, folder, arguments.force)?;
    console.note(format_args!(
        "{}: {} registries of {} records, {} distinct persons, {} pairs of records are the same \
         person",
        folder.display(),
        files.registries.len(),
        arguments.plan.records,
        files.persons,
        files.true_pairs,
    ));
    let mut expectation = Value::Null;
    if let Some(card) = card {
        let expected = files.expected()?;
        expected.write(card, Format::Csv)?.commit()?;
        let records = expected.ids().len();
        console.note(format_args!(
            "expected: {} of {records} matched",
            expected.matched()
        ));
        for (rule, matched) in expected.by_rule() {
            console.note(format_args!("  {matched} by {rule}"));
        }
        let by_rule = expected
            .by_rule()
            .into_iter()
            .map(|(rule, matched)| json!({ "rule": rule, "matched": matched }));
        expectation = json!({
            "records": records,
            "matched": expected.matched(),
            "rules": by_rule.collect::<Vec<_>>(),
        });
    }
    if arguments.json {
        let registries = files.registries.iter();
        let data = json!({
            "registries": registries.map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "records": arguments.plan.records,
            "persons": files.persons,
            "true_pairs": files.true_pairs,
            "expected": expectation,
        });
        console.data(data).context("standard output")?;
    }
    Ok(())
}

/// What was written.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// a.csv, b.csv and so on.
    pub(crate) registries: Vec<PathBuf>,
    /// Match rules with the columns mapped.
    pub(crate) rules: PathBuf,
    /// The true pairs between the first registry and the second.
    pub(crate) truth: PathBuf,
    /// How many true pairs there are between any two registries.
    pub(crate) true_pairs: u64,
    /// How many persons have a record in any registry.
    pub(crate) persons: u64,
}

impl Files {
    /// The card of the first registry against the second under the rules, in the clear.
    pub(crate) fn expected(&self) -> anyhow::Result<Expected> {
        let rules = RuleSet::from_toml(RULES)?;
        Expected::join(&self.registries[0], &self.registries[1], &rules, LAST_DAY)
    }
}

/// No generated date is later.
const LAST_DAY: Date = Date::new(2025, 12, 31).expect("a day");

/// Writes the files of a plan into a folder. They appear when all are complete.
///
/// # Errors
///
/// A plan that cannot be carried out; an existing file unless `force` says that it is to be replaced.
pub(crate) fn generate(plan: &Plan, folder: &Path, force: bool) -> anyhow::Result<Files> {
    let world = World::new(plan)?;
    make(folder)?;
    let create = |name: &str| Output::create(&folder.join(name), force);
    let letters: Vec<char> = (0..plan.jurisdictions).map(letter).collect();
    let pairs: Vec<(u64, u64)> = (0..plan.jurisdictions)
        .flat_map(|a| (a + 1..plan.jurisdictions).map(move |b| (a, b)))
        .collect();
    let truth_name = |&(a, b): &(u64, u64)| match plan.jurisdictions {
        2 => "truth.csv".to_owned(),
        _ => format!("truth_{}_{}.csv", letter(a), letter(b)),
    };
    // All before the first row: an existing file is noticed at once.
    let registries: Vec<Output> = letters
        .iter()
        .map(|letter| create(&format!("{letter}.csv")))
        .collect::<Result<_, _>>()?;
    let truths: Vec<Output> = pairs
        .iter()
        .map(|pair| create(&truth_name(pair)))
        .collect::<Result<_, _>>()?;
    let persons = (plan.jurisdictions > 2)
        .then(|| create("persons.csv"))
        .transpose()?;
    let mut rules = create("rules.toml")?;

    let mut outputs = Vec::new();
    for (registry, output) in (0..).zip(registries) {
        outputs.push(world.write_registry(registry, output)?);
    }
    let mut true_pairs = 0;
    for (&(a, b), output) in pairs.iter().zip(truths) {
        let (output, pairs) = world.write_truth(a, b, output)?;
        outputs.push(output);
        true_pairs += pairs;
    }
    if let Some(output) = persons {
        outputs.push(world.write_persons(output)?);
    }
    rules.write_all(RULES.as_bytes()).context("rules.toml")?;
    outputs.push(rules);
    for output in outputs {
        output.commit()?;
    }
    Ok(Files {
        registries: letters
            .iter()
            .map(|letter| folder.join(format!("{letter}.csv")))
            .collect(),
        rules: folder.join("rules.toml"),
        truth: folder.join(truth_name(&pairs[0])),
        true_pairs,
        persons: world.persons(),
    })
}

fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))
}

const RULES: &str = include_str!("synth/rules.toml");

fn letter(registry: u64) -> char {
    char::from(b'a' + u8::try_from(registry).expect("at most 26 registries"))
}

/// Who is in which registry, and where.
///
/// Every registry has `shared` people that another one has too. A quarter of these (the core) are in
/// all registries. The others stand on a ring, of which each registry sees a window; windows of
/// neighbours overlap, so that everybody on the ring is in two registries. With two registries both
/// windows are the whole ring.
struct World {
    plan: Plan,
    people: People,
    /// Row to slot, per registry.
    orders: Vec<Permutation>,
    shared: u64,
    core: u64,
    ring: u64,
}

impl World {
    fn new(plan: &Plan) -> anyhow::Result<Self> {
        ensure!(plan.records > 0, "--records must be at least 1");
        for (name, share) in [("--overlap", plan.overlap), ("--typos", plan.typos)] {
            ensure!(
                (0.0..=1.0).contains(&share),
                "{name} must be between 0 and 1"
            );
        }
        if !(2..=MOST_REGISTRIES).contains(&plan.jurisdictions) {
            bail!("--jurisdictions must be between 2 and {MOST_REGISTRIES}");
        }
        let people = plan.records.checked_mul(plan.jurisdictions);
        ensure!(
            people.is_some_and(|people| people <= People::MOST),
            "there are only {} people with distinct national ids",
            People::MOST
        );
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a number far below 2⁵³"
        )]
        let shared = (plan.records as f64 * plan.overlap).round() as u64;
        let core = shared / 4;
        let ring = ((shared - core) * plan.jurisdictions).div_ceil(2);
        let orders = (0..plan.jurisdictions)
            .map(|registry| Permutation::new(plan.records, plan.seed, PURPOSE_ORDER + registry))
            .collect();
        Ok(Self {
            plan: plan.clone(),
            people: People::new(plan.seed),
            orders,
            shared,
            core,
            ring,
        })
    }

    /// The person in a slot of a registry.
    fn person_in(&self, registry: u64, slot: u64) -> u64 {
        if slot < self.core {
            slot
        } else if slot < self.shared {
            self.core + (slot - self.core + self.window(registry)) % self.ring
        } else {
            let own = self.plan.records - self.shared;
            self.core + self.ring + registry * own + slot - self.shared
        }
    }

    /// The row of a shared person in a registry.
    fn row_of(&self, registry: u64, person: u64) -> Option<u64> {
        Some(self.order(registry).invert(self.slot_of(registry, person)?))
    }

    /// The slot of a shared person in a registry.
    fn slot_of(&self, registry: u64, person: u64) -> Option<u64> {
        if person < self.core {
            Some(person)
        } else if person < self.core + self.ring {
            let turned = person - self.core + self.ring - self.window(registry);
            let slot = self.core + turned % self.ring;
            (slot < self.shared).then_some(slot)
        } else {
            None
        }
    }

    /// How many persons are in any registry.
    fn persons(&self) -> u64 {
        let registries = self.plan.jurisdictions;
        let own = registries * (self.plan.records - self.shared);
        let seen = |&person: &u64| (0..registries).any(|r| self.slot_of(r, person).is_some());
        own + (0..self.core + self.ring).filter(seen).count() as u64
    }

    fn window(&self, registry: u64) -> u64 {
        self.ring * registry / self.plan.jurisdictions
    }

    fn order(&self, registry: u64) -> &Permutation {
        &self.orders[usize::try_from(registry).expect("at most 26 registries")]
    }

    /// The first registry that has a person has no errors about her.
    fn is_first_record(&self, registry: u64, person: u64) -> bool {
        (0..registry).all(|earlier| self.slot_of(earlier, person).is_none())
    }

    fn write_registry(&self, registry: u64, output: Output) -> anyhow::Result<Output> {
        let columns = [
            "RecordId",
            "FirstName",
            "MiddleName",
            "LastName",
            "BirthDate",
            "Sex",
            "State",
            "PostalCode",
            "SocialSecurityNumber",
            "PhoneNumber",
            "Email",
            "LastVisit",
        ];
        self.write_table(output, &columns, |row, cells| {
            let number = self.person_in(registry, self.order(registry).apply(row));
            let mut person = self.people.person(number);
            let mut random = Random::new(self.plan.seed, PURPOSE_ERRORS + registry, number);
            if random.chance(self.plan.typos) && !self.is_first_record(registry, number) {
                errors::spoil(&mut person, &mut random);
            }
            let mut visits = Random::new(self.plan.seed, PURPOSE_VISIT + registry, number);
            let visit = 18_262 + i64::try_from(visits.below(2_000)).expect("a few years"); // 2020-01-01
            let visit = Date::from_unix_days(visit).expect("in the 2020s");
            cells.extend([
                record_id(registry, row),
                person.first_name,
                person.middle_name,
                person.last_name,
                person.birth_date.to_string(),
                person.sex.to_owned(),
                person.state.to_owned(),
                person.postal_code,
                person.national_id,
                person.phone,
                person.email,
                visit.to_string(),
            ]);
        })
        .map(|(output, _)| output)
    }

    fn write_truth(&self, a: u64, b: u64, output: Output) -> anyhow::Result<(Output, u64)> {
        let columns = [
            format!("{}_record_id", letter(a)),
            format!("{}_record_id", letter(b)),
        ];
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.write_table(output, &columns, |row, cells| {
            let person = self.person_in(a, self.order(a).apply(row));
            if let Some(other) = self.row_of(b, person) {
                cells.extend([record_id(a, row), record_id(b, other)]);
            }
        })
    }

    fn write_persons(&self, output: Output) -> anyhow::Result<Output> {
        let records = self.plan.records;
        let columns = ["person", "jurisdiction", "record_id"];
        let rows = records * self.plan.jurisdictions;
        self.write_rows(output, &columns, rows, |row, cells| {
            let (registry, row) = (row / records, row % records);
            let person = self.person_in(registry, self.order(registry).apply(row));
            cells.extend([
                person.to_string(),
                letter(registry).to_string(),
                record_id(registry, row),
            ]);
        })
        .map(|(output, _)| output)
    }

    fn write_table(
        &self,
        output: Output,
        columns: &[&str],
        row: impl Fn(u64, &mut Vec<String>),
    ) -> anyhow::Result<(Output, u64)> {
        self.write_rows(output, columns, self.plan.records, row)
    }

    /// Writes the rows for which `row` yields cells.
    #[expect(clippy::unused_self, reason = "reads as one of the world's tables")]
    fn write_rows(
        &self,
        output: Output,
        columns: &[&str],
        rows: u64,
        row: impl Fn(u64, &mut Vec<String>),
    ) -> anyhow::Result<(Output, u64)> {
        let columns = columns.iter().copied().map(OutputColumn::text).collect();
        let mut table = TableWriter::new(
            output,
            Format::Csv,
            columns,
            Quoting::Needed,
            Header::Always,
        )?;
        let mut buffer = table.buffers().buffer(ROWS_PER_CHUNK);
        let mut cells = Vec::new();
        for number in 0..rows {
            cells.clear();
            row(number, &mut cells);
            if !cells.is_empty() {
                buffer.push(cells.iter().map(|cell| Some(cell.as_str())));
            }
            if buffer.len() == ROWS_PER_CHUNK || number + 1 == rows {
                let empty = table.buffers().buffer(ROWS_PER_CHUNK);
                table.append(std::mem::replace(&mut buffer, empty))?;
            }
        }
        let rows = table.rows();
        Ok((table.finish()?, rows))
    }
}

fn record_id(registry: u64, row: u64) -> String {
    format!("{}{:07}", letter(registry).to_ascii_uppercase(), row + 1)
}
