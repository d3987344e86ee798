//! `blindjoin-querier dedupe`.

mod board;
mod decide;
mod links;
mod local;
mod matrix;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{Format, Output, ReadOptions, Reader, load_rules};
use blindjoin_querier::{People, Summary};
use blindjoin_service::Identity;
use blindjoin_service::config::{DedupePlan, Keep, QuerierConfig};
use blindjoin_service::program::{self, say};

use crate::blocks::{BlockOptions, InBlocks};
use crate::linkage::FormatName;
use crate::session::Options;
use board::Board;
use decide::Decisions;
use links::{Common, Linked};
use local::Local;
use matrix::Matrix;
use table::{Across, Contents};

/// Groups of more records than this are seldom of one person.
const LARGE_GROUP: usize = 20;

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
/// comparison failed and the decision hangs on it, stays_with and keep are empty, and a warning says
/// so; run the command again.
///
/// With --block, records are compared with those of the same block only. A record without a value
/// for the block key, or in a block that is left out, is compared with no other jurisdiction's, and
/// in a block of which a jurisdiction has too few records not with its: the record is taken for one
/// that they do not hold, and so is kept unless another does. Where they hold the person after all,
/// she may be kept twice; nobody is lost.
///
/// When all jurisdictions run it with the same priority, each person is kept by one of them, as far
/// as the rules recognise her everywhere. A run on its own output replaces the added columns.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the documentation of arguments is their help text"
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
    /// How many providers to link with at once, instead of the plan's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
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
    /// Replace existing outputs
    #[arg(long)]
    force: bool,
    /// Format of the records, and of outputs whose names do not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
    #[command(flatten)]
    blocks: BlockOptions,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<()> {
    let Settings {
        rules,
        keep,
        elsewhere,
    } = Settings::of(arguments)?;
    let input = Input::of(arguments)?;
    let others = elsewhere.as_ref().map(|elsewhere| others(&elsewhere.plan));
    let added = table::added(&others.unwrap_or_default());
    let reader = Reader::open(&input.path, ReadOptions::strict().with_format(input.format))?;
    let own = table::own_columns(reader.name(), reader.columns(), &added)?;
    drop(reader);
    // Now, because all of the work would be in vain if a result had no place.
    let outputs = Outputs::create(arguments, elsewhere.as_ref())?;

    let rules = load_rules(&rules)?;
    let records = arguments.blocks.read(&input.path, input.format, &rules)?;
    let people = &records.people;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    let local = Local::find(&input.path, input.format, &rules, &keep, &people.ids)?;
    warn_of_large_groups(&local, people);

    let contents = Contents {
        ids: &people.ids,
        rules: &people.rules,
        local: &local,
        across: None,
    };
    let data = (input.path.as_path(), input.format);
    let mut finished = Vec::new();
    if let Some((output, format)) = outputs.pairs {
        finished.push(table::write_pairs(&local, &people.ids, output, format)?);
    }
    let (output, format) = outputs.table;
    if let Some(elsewhere) = elsewhere {
        let threshold = elsewhere.plan.suppress_below;
        let plan = elsewhere.plan.clone();
        let cards = elsewhere.link(&records, quiet)?;
        let decisions = Decisions::new(&local, &cards);
        let matrix = Matrix::of(&decisions, local.persons());
        if let Some((output, format)) = outputs.matrix {
            finished.push(matrix.write(&plan.priority, threshold, output, format)?);
        }
        let across = Across {
            names: &plan.priority,
            cards: &cards,
            decisions: &decisions,
        };
        let contents = Contents {
            across: Some(across),
            ..contents
        };
        finished.push(contents.write(data, (own, &added), output, format)?);
        tell(&plan, &decisions, &matrix, &local, quiet);
    } else {
        finished.push(contents.write(data, (own, &added), output, format)?);
    }
    for output in finished {
        output.commit()?;
    }
    if !quiet {
        let duplicates = people.ids.len() - local.persons();
        say(format_args!(
            "{} records of {} persons: {duplicates} duplicates here",
            people.ids.len(),
            local.persons()
        ));
    }
    Ok(())
}

/// What the command line and the configuration come to.
struct Settings {
    rules: String,
    keep: Keep,
    elsewhere: Option<Elsewhere>,
}

/// What is needed to link with other jurisdictions.
struct Elsewhere {
    plan: DedupePlan,
    config: QuerierConfig,
    identity: Identity,
}

impl Settings {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let config = match &arguments.config {
            Some(path) => Some(QuerierConfig::load(path).context("reading the configuration")?),
            None => None,
        };
        let configured = || config.as_ref().and_then(|config| config.rules.clone());
        let rules = arguments
            .rules
            .clone()
            .or_else(configured)
            .context("say with --rules by which rules")?;
        let latest = arguments.latest.clone().map(Keep::Latest);
        let Some(mut config) = config.filter(|_| !arguments.local) else {
            return Ok(Self {
                rules,
                keep: latest.unwrap_or_default(),
                elsewhere: None,
            });
        };
        let plan = match &arguments.plan {
            Some(path) => {
                Some(DedupePlan::load(path, &config.providers).context("reading the plan")?)
            }
            None => config.dedupe.clone(),
        };
        let mut plan = plan.context(
            "the configuration has no section [dedupe]: name a plan with --plan, or look for duplicates here alone \
             with --local",
        )?;
        if let Some(parallel) = arguments.parallel {
            plan.parallel = usize::from(parallel);
        }
        if let Some(matrix) = &arguments.matrix {
            plan.matrix = Some(matrix.clone());
        }
        config.link = arguments.options.over(&config)?;
        let identity = Identity::load(&config.identity).context("loading our identity")?;
        let keep = latest.unwrap_or_else(|| plan.keep.clone());
        Ok(Self {
            rules,
            keep,
            elsewhere: Some(Elsewhere {
                plan,
                config,
                identity,
            }),
        })
    }
}

impl Elsewhere {
    /// Links with every provider; the cards are in order of priority, and our place has none.
    fn link(self, records: &InBlocks, quiet: bool) -> anyhow::Result<Vec<Option<Linked>>> {
        let Self {
            plan,
            config,
            identity,
        } = self;
        let board = Board::new(quiet);
        let common = Common {
            identity,
            keyholder: config.keyholder,
            options: config.link,
        };
        let links = links::link_all(common, config.providers, records, plan.parallel, &board);
        let mut cards = program::block_on(links).context("starting the runtime")??;
        let people = &records.people;
        if !people.outside.is_empty() {
            say(format_args!(
                "{} records are outside of the blocks: they are compared with no other jurisdiction's, as if none held them",
                people.outside.len()
            ));
        }
        for (name, linked) in &cards {
            if linked.left_out > 0 {
                say(format_args!(
                    "{} records are not compared with {name}'s, which does not offer their blocks, or they were not \
                     named: they count as if it held none of them",
                    linked.left_out
                ));
            }
            if !quiet {
                for line in &linked.learned {
                    say(format_args!("{name}: {line}"));
                }
            }
            let outside = |row| linked.outside(row);
            let summary = Summary::besides(&linked.card, &people.ids, &people.rules, outside);
            for warning in summary.warnings() {
                say(format_args!("{name}: {warning}"));
            }
        }
        Ok(plan
            .priority
            .iter()
            .map(|name| cards.remove(name))
            .collect())
    }
}

/// The records, as a file that can be read several times.
struct Input {
    path: PathBuf,
    format: Option<Format>,
    /// Removes the copy of standard input in the end.
    _copy: Option<tempfile::NamedTempFile>,
}

impl Input {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let format = arguments.format.map(Format::from);
        if arguments.data != Path::new("-") {
            return Ok(Self {
                path: arguments.data.clone(),
                format,
                _copy: None,
            });
        }
        let mut copy = tempfile::NamedTempFile::new().context("copying standard input")?;
        io::copy(&mut io::stdin().lock(), &mut copy).context("copying standard input")?;
        let format = Some(format.unwrap_or(Format::Csv));
        Ok(Self {
            path: copy.path().to_owned(),
            format,
            _copy: Some(copy),
        })
    }
}

/// The files to come.
struct Outputs {
    table: (Output, Format),
    pairs: Option<(Output, Format)>,
    matrix: Option<(Output, Format)>,
}

impl Outputs {
    fn create(arguments: &Arguments, elsewhere: Option<&Elsewhere>) -> anyhow::Result<Self> {
        let create = |path: &Path| {
            let format = match Format::of(path) {
                Ok(format) => format,
                Err(error) => arguments.format.map(Format::from).ok_or(error)?,
            };
            anyhow::Ok((Output::create(path, arguments.force)?, format))
        };
        let matrix = elsewhere.and_then(|elsewhere| elsewhere.plan.matrix.as_deref());
        let pairs = arguments.pairs.as_deref();
        let paths: Vec<&Path> = [Some(arguments.out.as_path()), pairs, matrix]
            .into_iter()
            .flatten()
            .collect();
        for (position, path) in paths.iter().enumerate() {
            ensure!(
                !paths[..position].contains(path),
                "{} is named for two outputs",
                path.display()
            );
        }
        Ok(Self {
            table: create(&arguments.out)?,
            pairs: pairs.map(create).transpose()?,
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

fn warn_of_large_groups(local: &Local, people: &People) {
    let groups = local.groups();
    let Some(largest) = groups.iter().max_by_key(|rows| rows.len()) else {
        return;
    };
    if largest.len() > LARGE_GROUP {
        say(format_args!(
            "{} records are taken for one person, among them {}: does a rule trust a value that many share?",
            largest.len(),
            people.ids.get(largest[0] as usize)
        ));
    }
}

fn tell(plan: &DedupePlan, decisions: &Decisions, matrix: &Matrix, local: &Local, quiet: bool) {
    let (mut kept, mut open) = (0_u64, 0_u64);
    for person in 0..local.persons() {
        match decisions.stays_here(person) {
            Some(true) => kept += 1,
            Some(false) => {}
            None => open += 1,
        }
    }
    if open > 0 {
        say(format_args!(
            "{open} persons are undecided, because a comparison failed: run the command again"
        ));
    }
    if quiet {
        return;
    }
    for (place, name) in plan
        .priority
        .iter()
        .enumerate()
        .filter(|&(place, _)| place != decisions.ours)
    {
        say(format_args!(
            "{name} holds {} of our persons",
            matrix.count(decisions.ours, place)
        ));
    }
    say(format_args!("{} keeps {kept} persons", plan.jurisdiction));
}

#[cfg(test)]
mod tests {
    use blindjoin_service::config::NamedPeer;

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
