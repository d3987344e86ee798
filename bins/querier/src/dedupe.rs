//! `blindjoin-querier dedupe`.

mod board;
mod decide;
mod earlier;
mod links;
mod local;
mod matrix;
mod settings;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use blindjoin_columnar::{
    Format, Input, InputOptions, Output, OutputOptions, Outputs, ReadOptions, check_copy,
};
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_querier::People;
use blindjoin_service::config::DedupePlan;
use blindjoin_terminal::{Console, Usage, whole};
use serde_json::{Value, json};

use crate::blocks::BlockOptions;
use crate::session::Options;
use decide::Decisions;
use earlier::{Compared, Earlier};
use links::Standing;
use local::Local;
use matrix::Matrix;
use settings::{Elsewhere, Outcome, Settings};
use table::{Across, Contents};

/// Groups of more records than this are seldom of one person.
const LARGE_GROUP: usize = 20;

/// How many rows of a group a message lists.
const LISTED: usize = 3;

/// Find who is held twice, here or by other jurisdictions, and decide who keeps whom
///
/// Finds the duplicates among FILE's records under the rules, without any other party; links them
/// with every provider of the plan; and writes FILE with columns added:
///
/// duplicate_of, the record that stands for the same person here, empty if it is this one;
/// duplicate_rules, the rules under which the record has a duplicate here; held_by, the other
/// jurisdictions that hold the person; rules_NAME, the rules under which the record matched there;
/// not_compared, the jurisdictions with whose records this one could not be compared; stays_with, the
/// first jurisdiction of the plan's priority that holds the person; keep, 1 if that is this one and
/// this record stands for the person, 0 if not.
///
/// Names and rules are separated by |. All records of a person share held_by and stays_with. Where a
/// comparison failed and the decision hangs on it, stays_with and keep are empty, and a remark says
/// so. If a jurisdiction cannot be linked with, as when it is down, what the others have shown is
/// written all the same, not_compared names it in every line, and the exit code is not 0. What was
/// learned is kept in a file beside the output, OUT.unfinished: the same command, run again, asks only
/// who has not answered, replaces what it has written itself, and removes that file in the end. With
/// --force it begins anew.
///
/// With --block, records are compared with those of the same block only. A record without a value
/// for the block key, or in a block that is left out, is compared with no other jurisdiction's, and
/// in a block of which a jurisdiction has too few records not with its: the record is taken for one
/// that they do not hold, and so is kept unless another does. Where they hold the person after all,
/// she may be kept twice; nobody is lost.
///
/// When all jurisdictions run it with the same priority, each person is kept by one of them, as far
/// as the rules recognise her everywhere. A run on its own output replaces the added columns. From
/// Parquet to Parquet the other columns keep their types.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the documentation of arguments is their help text"
)]
#[command(
    after_help = "Examples:\n  blindjoin-querier dedupe people.csv --local --rules rules.toml --out once.csv\n  \
    blindjoin-querier dedupe people.csv --config querier.toml --plan plan.toml --out decided.csv"
)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet; - is standard input
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the records with the columns added; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Configuration file; see config.example.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "BLINDJOIN_QUERIER_CONFIG",
        required_unless_present = "local"
    )]
    config: Option<PathBuf>,
    /// The plan, instead of the configuration's section [dedupe]; see examples/dedupe-plan.toml
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    plan: Option<PathBuf>,
    /// Rules file or built-in rule set, instead of the configuration's
    #[arg(long, value_name = "RULES", env = "BLINDJOIN_RULES")]
    rules: Option<String>,
    /// Go by this rule only, of those agreed on; may be given several times
    #[arg(long = "rule", value_name = "ID")]
    only: Vec<String>,
    /// How many providers to link with at once, instead of the plan's
    #[arg(long, value_name = "N", value_parser = whole(1..=u16::MAX))]
    parallel: Option<u16>,
    /// Only find the duplicates among FILE's own records, without any other party
    #[arg(long, conflicts_with = "block")]
    local: bool,
    /// Keep the record with the latest date or time in this column, instead of the plan's choice
    ///
    /// Dates begin with their year, unless the rules file maps the column to a field and says under
    /// [input] how it is written. A record whose cell is empty is older than any; a cell that cannot be
    /// read is an error.
    #[arg(long, value_name = "COLUMN")]
    latest: Option<String>,
    /// Where to write the pairs of FILE's own records that are of one person
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// Where to write the matrix of counts, instead of the plan's
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    matrix: Option<PathBuf>,
    /// Go on although no record has a value for some rule
    #[arg(long)]
    allow_empty: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    writing: OutputOptions,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten, next_help_heading = "Blocks")]
    blocks: BlockOptions,
    #[command(flatten, next_help_heading = "What the others learn")]
    options: Options,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let Settings {
        rules,
        rules_file,
        keep,
        elsewhere,
    } = Settings::of(arguments)?;
    let blocking = arguments.blocks.resolve(&rules)?;
    let others = elsewhere.as_ref().map(|elsewhere| others(&elsewhere.plan));
    let added = table::added(&others.unwrap_or_default());
    // Now, because all of the work would be in vain if a result had no place.
    let earlier = match elsewhere {
        Some(_) if !arguments.writing.force => Earlier::beside(&arguments.out)?,
        _ => None,
    };
    let to_come = ToCome::create(arguments, elsewhere.as_ref(), earlier.as_ref())?;
    let options = ReadOptions::strict().with_encoding(rules.asked().encoding());
    let options = arguments.reading.over(options);
    let input = Input::open(&arguments.data, options)?.repeatable()?;
    let reader = input.reader()?;
    check_copy(&reader, to_come.table.1)?;
    let replaced = table::replaced(&reader, &added)?;

    let records = blocking.read(reader, &rules, arguments.allow_empty)?;
    let people = &records.people;
    for remark in &people.remarks {
        console.note(remark);
    }
    let local = Local::find(&input, rules.asked(), &keep, &people.ids)?;
    warn_of_large_groups(&local, console);

    let contents = Contents {
        ids: &people.ids,
        rules: &people.rules,
        local: &local,
        across: None,
    };
    let mut finished = Vec::new();
    if let Some((output, format)) = to_come.pairs {
        finished.push(table::write_pairs(&local, &people.ids, output, format)?);
    }
    let mut figures = json!({
        "input": &**input.name(),
        "records": people.ids.len(),
        "persons": local.persons(),
        "findings": serde_json::to_value(&people.findings)?,
    });
    let mut linked = None;
    if let Some(elsewhere) = elsewhere {
        let plan = elsewhere.plan.clone();
        let compared = compared(arguments, rules_file, &input, people, &plan)?;
        let known = match earlier {
            None => BTreeMap::new(),
            Some(earlier) => earlier.continued(
                &arguments.out,
                &compared,
                people.ids.len(),
                &elsewhere.config.providers,
            )?,
        };
        let outcome = elsewhere.link(&records, known, console)?;
        let standings = &outcome.standings;
        let decisions = Decisions::new(&local, standings);
        let matrix = Matrix::of(&decisions, standings, local.persons());
        if let Some((output, format)) = to_come.matrix {
            let threshold = plan.suppress_below;
            finished.push(matrix.write(&plan.priority, threshold, output, format)?);
        }
        let across = Across {
            names: &plan.priority,
            standings,
            decisions: &decisions,
        };
        let contents = Contents {
            across: Some(across),
            ..contents
        };
        finished.push(contents.write(&input, &replaced, &added, to_come.table)?);
        let told = tell(&plan, &decisions, standings, &matrix, &local, console);
        crate::linkage::extend(&mut figures, told);
        linked = Some((outcome, compared));
    } else {
        finished.push(contents.write(&input, &replaced, &added, to_come.table)?);
    }
    let results = finished.iter();
    let results: Vec<PathBuf> = results.map(|output| output.path().to_owned()).collect();
    Output::commit_all(finished)?;
    let duplicates = people.ids.len() - local.persons();
    console.note(format_args!(
        "{} records of {} persons: {duplicates} duplicates here",
        people.ids.len(),
        local.persons()
    ));
    if arguments.json {
        let names = results.iter().map(|path| path.display().to_string());
        let names: Vec<String> = names.collect();
        let more = json!({ "duplicates": duplicates, "outputs": names });
        crate::linkage::extend(&mut figures, more);
        console.data(figures).context("standard output")?;
    }
    match linked {
        None => Ok(()),
        Some((outcome, compared)) => conclude(&arguments.out, outcome, compared, &results),
    }
}

/// What is compared with the other jurisdictions' records.
fn compared(
    arguments: &Arguments,
    rules_file: String,
    input: &Input,
    people: &People<QuerierKeys>,
    plan: &DedupePlan,
) -> anyhow::Result<Compared> {
    let rules = (rules_file, people.rules_digest, people.rules.clone());
    let reading = format!("{:?}", arguments.reading);
    Compared::of(input, reading, rules, arguments.blocks.described(), plan)
}

/// Keeps what was learned where some have not answered, and fails then.
fn conclude(
    out: &Path,
    mut outcome: Outcome,
    compared: Compared,
    results: &[PathBuf],
) -> anyhow::Result<()> {
    let Some(failure) = outcome.failure.take() else {
        return Earlier::remove(out);
    };
    let kept = Earlier::leave(out, compared, &outcome, results)?;
    let what = if kept {
        "run the same command again for the rest, which asks nobody else"
    } else {
        "run the command again: nothing is kept beside what is no file"
    };
    Err(failure.context(format!("{} holds what is known; {what}", out.display())))
}

/// The files to come.
struct ToCome {
    table: (Output, Format),
    pairs: Option<(Output, Format)>,
    matrix: Option<(Output, Format)>,
}

impl ToCome {
    /// Opens them; those that an earlier run has written, and nobody has changed, are replaced.
    fn create(
        arguments: &Arguments,
        elsewhere: Option<&Elsewhere>,
        earlier: Option<&Earlier>,
    ) -> anyhow::Result<Self> {
        let mut outputs = Outputs::new(arguments.writing.force);
        let mut create = |path: &Path| {
            if arguments.json && path == Path::new("-") {
                let text = "--json: the result goes to standard output already";
                return Err(Usage::new(text).into());
            }
            let format = arguments.writing.format(path)?;
            let output = if earlier.is_some_and(|earlier| earlier.has_written(path)) {
                outputs.replace(path)?
            } else {
                outputs.create(path)?
            };
            anyhow::Ok((output, format))
        };
        let matrix = elsewhere.and_then(|elsewhere| elsewhere.plan.matrix.as_deref());
        Ok(Self {
            table: create(&arguments.out)?,
            pairs: arguments.pairs.as_deref().map(&mut create).transpose()?,
            matrix: matrix.map(create).transpose()?,
        })
    }
}

/// The jurisdictions of a plan but this one, in order of priority.
fn others(plan: &DedupePlan) -> Vec<&str> {
    plan.priority
        .iter()
        .map(String::as_str)
        .filter(|name| *name != plan.jurisdiction)
        .collect()
}

fn warn_of_large_groups(local: &Local, console: &Console) {
    let groups = local.groups();
    let Some(largest) = groups.iter().max_by_key(|rows| rows.len()) else {
        return;
    };
    if largest.len() > LARGE_GROUP {
        let rows = largest.iter().take(LISTED);
        let rows: Vec<String> = rows.map(|row| (row + 1).to_string()).collect();
        console.note(format_args!(
            "{} records are taken for one person, among them rows {}: does a rule trust a value that many share?",
            largest.len(),
            rows.join(", ")
        ));
    }
}

/// Says who holds and who keeps how many; yields the same as data.
fn tell(
    plan: &DedupePlan,
    decisions: &Decisions,
    standings: &[Standing],
    matrix: &Matrix,
    local: &Local,
    console: &Console,
) -> Value {
    let (mut kept, mut open) = (0_u64, 0_u64);
    for person in 0..local.persons() {
        match decisions.stays_here(person) {
            Some(true) => kept += 1,
            Some(false) => {}
            None => open += 1,
        }
    }
    if open > 0 {
        console.note(format_args!(
            "{open} persons are undecided, because a comparison failed: run the command again"
        ));
    }
    let mut jurisdictions = Vec::new();
    for (place, (name, standing)) in plan.priority.iter().zip(standings).enumerate() {
        let held = matrix.count(decisions.ours, place);
        match standing {
            Standing::Ours => {}
            Standing::Failed => {
                console.note(format_args!("{name} was not compared"));
                jurisdictions.push(json!({ "name": name, "compared": false }));
            }
            Standing::Linked(linked) => {
                console.note(format_args!("{name} holds {held} of our persons"));
                jurisdictions.push(json!({
                    "name": name,
                    "compared": true,
                    "holds": held,
                    "block_not_offered": linked.left_out,
                }));
            }
        }
    }
    console.note(format_args!("{} keeps {kept} persons", plan.jurisdiction));
    json!({ "kept": kept, "undecided": open, "jurisdictions": jurisdictions })
}

#[cfg(test)]
mod tests {
    use blindjoin_service::config::{Keep, NamedPeer};

    use super::*;

    #[test]
    fn the_example_plan_is_valid() {
        let example = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../examples/dedupe-plan.toml"
        );
        let providers = ["east", "south", "west"].map(|name| NamedPeer {
            name: name.to_owned(),
            address: "127.0.0.1:7702".to_owned(),
            certificate_sha256: "ab".repeat(32).parse().unwrap(),
        });
        let plan = DedupePlan::load(example.as_ref(), &providers).unwrap();
        assert_eq!(
            (plan.suppress_below, plan.parallel, plan.keep),
            (11, 1, Keep::First)
        );
        assert_eq!(plan.jurisdiction, plan.priority[0]);
    }
}
