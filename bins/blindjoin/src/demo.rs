//! `blindjoin demo`: three parties in one process, over real sockets and mutual TLS, or without.

mod data;
mod in_process;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use blindjoin_columnar::{InputOptions, Output, ReadOptions, Reader, load_rules};
use blindjoin_linkage::{Rules, clear};
use blindjoin_protocol::input::{ProviderKeys, QuerierKeys};
use blindjoin_protocol::leakage::Observer;
use blindjoin_protocol::paillier::KeySize;
use blindjoin_protocol::{Card, Cell, local};
use blindjoin_provider::{Loaded, Permissions};
use blindjoin_querier::{Bars, People, Summary, Told, human_bytes, report};
use blindjoin_record::RuleSet;
use blindjoin_service::config::{KeyHolderConfig, ProviderConfig, QuerierConfig};
use blindjoin_service::keyholder::{Decided, KeyHolder};
use blindjoin_service::provider::Provider;
use blindjoin_service::querier::{Counterparts, Linked, Question, link};
use blindjoin_service::{Fingerprint, Identity, program};
use blindjoin_terminal::whole;

use crate::console::{self, Console};
use crate::{init, synth};

/// Show a whole linkage: three parties on this machine, on generated registries
///
/// Generates two registries that share some people, sets up a key holder, a data provider and a
/// querier with identities of their own, links them over mutual TLS, tells what each party did and
/// learned, and compares the card, cell by cell, with a join of the two registries in the clear.
///
/// With --in-process the three sessions run one after the other in one thread, without sockets,
/// certificates or files of state: for machines where nothing may listen.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  blindjoin demo --records 200 --dir demonstration")]
pub(crate) struct Arguments {
    /// Records in each registry
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = whole(1..=u64::MAX))]
    records: u64,
    /// Bits of the session key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 2048, value_parser = init::key_bits)]
    key_bits: u32,
    /// Carry messages within this process: no network, identities or report
    #[arg(long)]
    in_process: bool,
    /// Folder for registries, set-up, card.csv and report.html, kept afterwards [default: none]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Bits of a key that protects nothing, for tests
    #[arg(long, value_name = "BITS", hide = true, conflicts_with = "key_bits")]
    insecure_test_key_bits: Option<u32>,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    program::check_environment()?;
    let temporary = {
        // Noted while nobody looks, so that an interruption finds it as soon as it is there.
        let mut unkept = UNKEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let temporary = tempfile::tempdir().context("making a temporary folder")?;
        *unkept = Some(temporary.path().to_owned());
        temporary
    };
    let folder = arguments.dir.as_deref().unwrap_or(temporary.path());
    let plan = synth::Plan {
        records: arguments.records,
        overlap: 0.3,
        typos: 0.1,
        seed: 7,
        jurisdictions: 2,
    };
    let registries = synth::generate(&plan, folder, true)?;
    let [ours, theirs] = &registries.registries[..] else {
        unreachable!("two were asked for")
    };
    let rules = registries.rules.to_string_lossy().into_owned();
    let sides = read(&load_rules(&rules)?, ours, theirs)?;
    let outcome = if arguments.in_process {
        console.note(format_args!(
            "two registries of {} records; a key holder, a data provider and a querier in one thread",
            arguments.records
        ));
        let bits = arguments.insecure_test_key_bits;
        let key_size = match bits {
            Some(bits) => KeySize::insecure_test_key(bits as usize)?,
            None => KeySize::new(arguments.key_bits as usize)?,
        };
        link_in_process(sides, key_size)?
    } else {
        let plan = init::Plan {
            data: Some(theirs.clone()),
            providers: Vec::new(),
            rules,
            key_bits: arguments.key_bits,
            base_port: 7701,
            insecure_test_key_bits: arguments.insecure_test_key_bits,
            reading: InputOptions::default(),
        };
        let setup = init::set_up(folder, &plan, true)?;
        console.note(format_args!(
            "two registries of {} records; a key holder, a data provider and a querier, each with its own identity",
            arguments.records
        ));
        link_all(&setup, sides, console)?
    };
    let checked = check(&outcome, &registries.truth)?;
    if !arguments.json {
        show(&outcome, &checked)?;
    }
    let what = match outcome.linked {
        Linkage::Served(_) => "card.csv, report.html, the registries and the set-up",
        Linkage::InProcess(_) => "card.csv and the registries",
    };
    if let Some(folder) = &arguments.dir {
        keep(folder, &outcome)?;
        console.note(format_args!("{what} are in {}", folder.display()));
    } else {
        console.note(format_args!("nothing is kept; --dir DIR keeps {what}"));
    }
    console.note(
        "next, with records of your own: blindjoin init DIR --data THEIR_RECORDS --rules RULES",
    );
    if arguments.json {
        for warning in outcome.summary.warnings() {
            console.note(warning);
        }
        let data = data::data(&outcome, &checked);
        console.data(data).context("standard output")?;
    }
    Ok(())
}

/// Keys and registries of a demonstration that is not kept.
static UNKEPT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Removes what a demonstration under way has written and would not keep.
pub(crate) fn abandon() {
    let folder = UNKEPT.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(folder) = folder {
        std::fs::remove_dir_all(folder).unwrap_or_default();
    }
}

/// Both registries, as their parties read them.
struct Sides {
    ours: People<QuerierKeys>,
    theirs: Loaded,
}

fn read(rules: &RuleSet, ours: &Path, theirs: &Path) -> anyhow::Result<Sides> {
    let strict = ReadOptions::strict();
    let permissions = Permissions {
        allow_empty: true,
        allow_no_records: true,
        ..Permissions::NONE
    };
    let theirs = blindjoin_provider::load(Reader::open(theirs, strict)?, rules, permissions)?;
    let asked = Rules::all(rules.clone());
    let ours = People::read(Reader::open(ours, strict)?, &asked, None, true)?;
    Ok(Sides { ours, theirs })
}

/// What the three parties did.
struct Outcome {
    linked: Linkage,
    summary: Summary,
    ours: People<QuerierKeys>,
    /// How many records the provider has.
    records: usize,
    theirs: Arc<ProviderKeys>,
    took: Duration,
}

enum Linkage {
    Served(Box<Served>),
    InProcess(local::Linked),
}

/// What came of a linkage over the network.
struct Served {
    linked: Linked,
    decided: Option<Decided>,
    certificates: [Fingerprint; 3],
}

impl Linkage {
    fn card(&self) -> &Card {
        match self {
            Self::Served(served) => &served.linked.card,
            Self::InProcess(linked) => &linked.card,
        }
    }
}

fn link_in_process(sides: Sides, key_size: KeySize) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let Sides { ours, theirs } = sides;
    let linked = in_process::link(&ours, &theirs.registry, key_size)?;
    let theirs = (theirs.records, theirs.registry.keys);
    Ok(Outcome::new(
        Linkage::InProcess(linked),
        ours,
        theirs,
        started,
    ))
}

fn link_all(setup: &init::Files, sides: Sides, console: &Console) -> anyhow::Result<Outcome> {
    let mut keyholder = KeyHolderConfig::load(&setup.keyholder)?;
    let mut provider = ProviderConfig::load(&setup.providers[0].1)?;
    let querier = QuerierConfig::load(&setup.querier)?;
    // Free ports, so that a set-up which is already running is not in the way.
    "127.0.0.1:0".clone_into(&mut keyholder.listen);
    "127.0.0.1:0".clone_into(&mut provider.listen);
    // An earlier demonstration's parties had other identities: nothing of theirs goes on.
    forget(&provider.state_dir)?;
    forget(&keyholder.state_dir)?;

    let Sides { ours, theirs } = sides;
    let registry = (theirs.records, theirs.registry.keys.clone());
    let identity = Identity::load(&querier.identity)?;
    let (rules, count) = (ours.rules.clone(), ours.asked.len() as u64);
    let terms = querier.link.terms(rules, ours.rules_digest, count)?;
    let bars = Bars::new(console.is_quiet());
    let certificates = [
        identity.fingerprint(),
        querier.providers[0].certificate_sha256,
        querier.keyholder.certificate_sha256,
    ];
    let started = Instant::now();
    let linkage = async {
        let keyholder = KeyHolder::bind(&keyholder).await?;
        let (holder_address, decided) = (keyholder.address(), keyholder.decided());
        let holding = keyholder.serve(std::future::pending());
        provider.keyholder.address = holder_address.to_string();
        let provider = Provider::bind(&provider, theirs.registry).await?;
        let counterparts = Counterparts {
            keyholder: blindjoin_service::Peer {
                address: holder_address.to_string(),
                ..querier.keyholder
            },
            provider: blindjoin_service::Peer {
                address: provider.address().to_string(),
                ..querier.providers[0].peer()
            },
            idle: Duration::from_secs(querier.link.idle_seconds),
            constant_time_tables: querier.link.constant_time_tables,
        };
        let providing = provider.serve(std::future::pending());
        let question = Question::Keys(ours.asked.clone(), None);
        let linking = link(&identity, &counterparts, terms, question, &bars);
        // The servers end when the querier has its card.
        let linked = tokio::select! {
            linked = linking => linked?,
            ended = async { tokio::try_join!(holding, providing) } => {
                ended?;
                unreachable!("nobody asks the servers to stop")
            }
        };
        let decided = *decided.borrow();
        Ok::<_, blindjoin_service::Error>((linked, decided))
    };
    let (linked, decided) = program::block_on(linkage)??;
    bars.finish();
    let served = Served {
        linked,
        decided,
        certificates,
    };
    let linked = Linkage::Served(Box::new(served));
    Ok(Outcome::new(linked, ours, registry, started))
}

impl Outcome {
    /// `theirs` is how many records the provider has, and its keys.
    fn new(
        linked: Linkage,
        ours: People<QuerierKeys>,
        theirs: (usize, Arc<ProviderKeys>),
        started: Instant,
    ) -> Self {
        Self {
            summary: Summary::of(linked.card(), &ours.rules),
            linked,
            ours,
            records: theirs.0,
            theirs: theirs.1,
            took: started.elapsed(),
        }
    }
}

impl Served {
    fn told(&self) -> Told<'_> {
        Told {
            linked: &self.linked,
            least_block: None,
            outside: 0,
            counted: self.decided.and_then(|decided| decided.matches),
            certificates: self.certificates,
        }
    }
}

/// Tells what each party did and learned.
fn show(outcome: &Outcome, checked: &Checked) -> anyhow::Result<()> {
    let Outcome { summary, ours, .. } = outcome;
    let querier = format!(
        "\nquerier: {} records, {} distinct keys under {} rules",
        summary.records,
        ours.asked.len(),
        ours.rules.len()
    );
    let provider = format!(
        "data provider: {} records, {} distinct keys",
        outcome.records,
        outcome.theirs.len()
    );
    let mut times = match &outcome.linked {
        Linkage::Served(served) => show_served(served, &querier, &provider)?,
        Linkage::InProcess(linked) => {
            say(querier)?;
            say(provider)?;
            let ciphertexts = linked.account.ciphertexts;
            say(format!("key holder: decrypted {ciphertexts} comparisons"))?;
            Vec::new()
        }
    };
    let took = format!("{:.2} s", outcome.took.as_secs_f64());
    times.push(vec!["  in all".to_owned(), took]);
    say(format!("\ntimes\n{}", console::table(&times)))?;
    say(format!("\ncard: {summary}"))?;
    say(console::table(&first_rows(outcome)))?;
    for warning in summary.warnings() {
        say(warning)?;
    }
    say(format!(
        "\nthe card is right: all {} cells equal a join in the clear",
        checked.cells
    ))?;
    say(format!(
        "of {} people in both registries these rules find {}; {} matched records are of other people",
        checked.people, checked.found, checked.others
    ))
}

/// Tells what a linkage over the network cost and showed; yields the times of its phases.
fn show_served(served: &Served, querier: &str, provider: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let figures = &served.linked.figures;
    let session = served.told().session();
    let learned = |observer| {
        let clauses = session.sentences(observer);
        clauses
            .into_iter()
            .try_for_each(|clause| say(format!("  learned: {clause}")))
    };
    say(format!(
        "{querier}; encrypted {} table entries ({})",
        figures.table_entries,
        human_bytes(figures.table_bytes),
    ))?;
    learned(Observer::Querier)?;
    say(format!(
        "{provider}; computed {} masked comparisons ({})",
        figures.comparisons,
        human_bytes(figures.comparison_bytes),
    ))?;
    learned(Observer::Provider)?;
    say(format!(
        "key holder: made a key of {} bits, decrypted {} comparisons, released {}",
        figures.key_bits,
        figures.comparisons,
        human_bytes(figures.result_bytes),
    ))?;
    learned(Observer::KeyHolder)?;
    let phases = figures.phases.iter();
    let phases = phases.map(|(phase, time)| {
        let time = format!("{:.2} s", time.as_secs_f64());
        vec![format!("  {phase}"), time]
    });
    Ok(phases.collect())
}

fn say(text: String) -> anyhow::Result<()> {
    console::result(text).context("standard output")
}

/// The card's header and its first records.
fn first_rows(outcome: &Outcome) -> Vec<Vec<String>> {
    const SHOWN: usize = 3;
    let heading = ["  record_id", "matched"].map(str::to_owned);
    let mut lines = vec![[&heading[..], &outcome.ours.rules].concat()];
    let card = outcome.linked.card();
    let shown = |found: bool| u8::from(found).to_string();
    for row in 0..card.rows().min(SHOWN) {
        let id = format!("  {}", outcome.ours.ids.get(row));
        let cells = card.row(row).iter().map(|cell| match cell {
            Cell::Matched | Cell::NotMatched => shown(*cell == Cell::Matched),
            Cell::NoValue | Cell::NotCompared => String::new(),
        });
        let matched = card.matched(row).map_or_else(String::new, shown);
        lines.push([id, matched].into_iter().chain(cells).collect());
    }
    lines
}

/// What comparing the card with the truth has come to.
struct Checked {
    /// How many cells equal a join in the clear: all.
    cells: u64,
    /// How many people are in both registries.
    people: usize,
    /// How many of them matched.
    found: usize,
    /// How many records matched and are of none of them.
    others: usize,
}

/// Compares the card with a join in the clear, and with who is who.
fn check(outcome: &Outcome, truth: &Path) -> anyhow::Result<Checked> {
    let (mut cells, mut wrong) = (0_u64, 0_u64);
    for (row, rule, matches) in clear::cells(&outcome.ours.asked, &outcome.theirs) {
        let found = outcome.linked.card().row(row as usize)[usize::from(rule)];
        let expected = if matches {
            Cell::Matched
        } else {
            Cell::NotMatched
        };
        cells += 1;
        wrong += u64::from(found != expected && found != Cell::NotCompared);
    }
    ensure!(
        wrong == 0,
        "the card is wrong: {wrong} of {cells} cells differ from a join in the clear"
    );
    let people = shared(truth)?;
    let matched = |row: &usize| outcome.linked.card().matched(*row) == Some(true);
    let (found, others): (Vec<usize>, Vec<usize>) = (0..outcome.ours.ids.len())
        .filter(matched)
        .partition(|&row| people.contains(outcome.ours.ids.get(row)));
    Ok(Checked {
        cells,
        people: people.len(),
        found: found.len(),
        others: others.len(),
    })
}

/// The querier's records that have a partner in the truth.
fn shared(truth: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut people = BTreeSet::new();
    for chunk in Reader::open(truth, ReadOptions::strict())? {
        let chunk = chunk?;
        people.extend(
            chunk
                .rows()
                .iter()
                .filter_map(|row| row.cell(0).map(str::to_owned)),
        );
    }
    Ok(people)
}

fn keep(folder: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let card = Output::create(&folder.join("card.csv"), true)?;
    let Outcome { linked, ours, .. } = outcome;
    let format = blindjoin_columnar::Format::Csv;
    blindjoin_querier::write(linked.card(), &ours.ids, &ours.rules, card, format)?.commit()?;
    if let Linkage::Served(served) = linked {
        let mut html = Output::create(&folder.join("report.html"), true)?;
        let report = report("registry a at registry b", &outcome.summary, served.told());
        html.write_all(report.to_html().as_bytes())?;
        html.commit()?;
    }
    Ok(())
}

/// Removes what a party of an earlier demonstration had to remember.
fn forget(state: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", state.display()))
        }
        _ => Ok(()),
    }
}
