//! `blindjoin demo`: three parties in one process, over real sockets and mutual TLS.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use blindjoin_columnar::{Output, ReadOptions, Reader, load_rules};
use blindjoin_linkage::{Rules, clear};
use blindjoin_protocol::leakage::Observer;
use blindjoin_protocol::{Cell, ProviderKeys, QuerierKeys};
use blindjoin_provider::Permissions;
use blindjoin_querier::{Bars, People, Summary, Told, human_bytes, report};
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
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  blindjoin demo --records 200 --dir demonstration")]
pub(crate) struct Arguments {
    /// Records in each registry
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = whole(1..=u64::MAX))]
    records: u64,
    /// Bits of the session key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 2048, value_parser = init::key_bits)]
    key_bits: u32,
    /// Folder for registries, set-up, card.csv and report.html, kept afterwards [default: none]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Bits of a key that protects nothing, for tests
    #[arg(long, value_name = "BITS", hide = true, conflicts_with = "key_bits")]
    insecure_test_key_bits: Option<u32>,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
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
    let plan = init::Plan {
        data: theirs.clone(),
        rules: registries.rules.to_string_lossy().into_owned(),
        key_bits: arguments.key_bits,
        base_port: 7701,
        insecure_test_key_bits: arguments.insecure_test_key_bits,
    };
    let setup = init::set_up(folder, &plan, true)?;
    console.note(format_args!(
        "two registries of {} records; a key holder, a data provider and a querier, each with its own identity",
        arguments.records
    ));
    let outcome = link_all(&setup, ours, console)?;
    show(&outcome)?;
    check(&outcome, &registries.truth)?;
    if let Some(folder) = &arguments.dir {
        keep(folder, &outcome)?;
        console.note(format_args!(
            "card.csv, report.html and the set-up are in {}",
            folder.display()
        ));
    } else {
        console.note("nothing is kept; --dir DIR keeps the card, a report and the set-up");
    }
    console.note(
        "next, with records of your own: blindjoin init DIR --data THEIR_RECORDS --rules RULES",
    );
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

/// What the three parties did.
struct Outcome {
    linked: Linked,
    decided: Option<Decided>,
    certificates: [Fingerprint; 3],
    ids: blindjoin_columnar::RecordIds,
    keys: QuerierKeys,
    records: usize,
    rules: Vec<String>,
    summary: Summary,
    theirs: Arc<ProviderKeys>,
    took: Duration,
}

fn link_all(setup: &init::Files, ours: &Path, console: &Console) -> anyhow::Result<Outcome> {
    let mut keyholder = KeyHolderConfig::load(&setup.keyholder)?;
    let mut provider = ProviderConfig::load(&setup.provider)?;
    let querier = QuerierConfig::load(&setup.querier)?;
    // Free ports, so that a set-up which is already running is not in the way.
    "127.0.0.1:0".clone_into(&mut keyholder.listen);
    "127.0.0.1:0".clone_into(&mut provider.listen);
    // An earlier demonstration's parties had other identities: nothing of theirs goes on.
    forget(&provider.state_dir)?;
    forget(&keyholder.state_dir)?;

    let rules = load_rules(
        querier
            .rules
            .as_deref()
            .context("the set-up names its rules")?,
    )?;
    let strict = ReadOptions::strict();
    let loaded = blindjoin_provider::load(
        Reader::open(&provider.data, strict)?,
        &load_rules(&provider.rules)?,
        Permissions {
            allow_empty: true,
            ..Permissions::NONE
        },
    )?;
    let theirs = loaded.registry.keys.clone();
    let people = People::read(Reader::open(ours, strict)?, &Rules::all(rules), None, true)?;
    let keys = people.asked.clone();
    let identity = Identity::load(&querier.identity)?;
    let terms = querier
        .link
        .terms(people.rules.clone(), people.rules_digest, keys.len() as u64)?;
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
        let provider = Provider::bind(&provider, loaded.registry).await?;
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
        let question = Question::Keys(people.asked, None);
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
    Ok(Outcome {
        summary: Summary::of(&linked.card, &people.rules),
        linked,
        decided,
        certificates,
        ids: people.ids,
        keys,
        records: loaded.records,
        rules: people.rules,
        theirs,
        took: started.elapsed(),
    })
}

impl Outcome {
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
fn show(outcome: &Outcome) -> anyhow::Result<()> {
    let Outcome {
        linked: Linked { figures, .. },
        summary,
        ..
    } = outcome;
    let say = |text: String| console::result(text).context("standard output");
    let session = outcome.told().session();
    let learned = |observer| {
        let clauses = session.sentences(observer);
        clauses
            .into_iter()
            .try_for_each(|clause| say(format!("  learned: {clause}")))
    };
    say(format!(
        "\nquerier: {} records, {} distinct keys under {} rules; encrypted {} table entries ({})",
        summary.records,
        figures.asked,
        outcome.rules.len(),
        figures.table_entries,
        human_bytes(figures.table_bytes),
    ))?;
    learned(Observer::Querier)?;
    say(format!(
        "data provider: {} records, {} distinct keys; computed {} masked comparisons ({})",
        outcome.records,
        outcome.theirs.len(),
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
    let mut phases: Vec<Vec<String>> = figures
        .phases
        .iter()
        .map(|(phase, time)| vec![format!("  {phase}"), format!("{:.2} s", time.as_secs_f64())])
        .collect();
    phases.push(vec![
        "  in all".to_owned(),
        format!("{:.2} s", outcome.took.as_secs_f64()),
    ]);
    say(format!("\ntimes\n{}", console::table(&phases)))?;
    say(format!("\ncard: {summary}"))?;
    say(console::table(&first_rows(outcome)))?;
    for warning in summary.warnings() {
        say(warning)?;
    }
    Ok(())
}

/// The card's header and its first records.
fn first_rows(outcome: &Outcome) -> Vec<Vec<String>> {
    const SHOWN: usize = 3;
    let heading = ["  record_id", "matched"].map(str::to_owned);
    let mut lines = vec![[&heading[..], &outcome.rules].concat()];
    let card = &outcome.linked.card;
    let shown = |found: bool| u8::from(found).to_string();
    for row in 0..card.rows().min(SHOWN) {
        let id = format!("  {}", outcome.ids.get(row));
        let cells = card.row(row).iter().map(|cell| match cell {
            Cell::Matched | Cell::NotMatched => shown(*cell == Cell::Matched),
            Cell::NoValue | Cell::NotCompared => String::new(),
        });
        let matched = card.matched(row).map_or_else(String::new, shown);
        lines.push([id, matched].into_iter().chain(cells).collect());
    }
    lines
}

/// Compares the card with a join in the clear, and with who is who.
fn check(outcome: &Outcome, truth: &Path) -> anyhow::Result<()> {
    let (mut cells, mut wrong) = (0_u64, 0_u64);
    for (row, rule, matches) in clear::cells(&outcome.keys, &outcome.theirs) {
        let found = outcome.linked.card.row(row as usize)[usize::from(rule)];
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
    console::result(format_args!(
        "\nthe card is right: all {cells} cells equal a join in the clear"
    ))?;

    let people = shared(truth)?;
    let matched = |row: &usize| outcome.linked.card.matched(*row) == Some(true);
    let (found, others): (Vec<usize>, Vec<usize>) = (0..outcome.ids.len())
        .filter(matched)
        .partition(|&row| people.contains(outcome.ids.get(row)));
    console::result(format_args!(
        "of {} people in both registries these rules find {}; {} matched records are of other people",
        people.len(),
        found.len(),
        others.len()
    ))?;
    Ok(())
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
    let format = blindjoin_columnar::Format::Csv;
    blindjoin_querier::write(
        &outcome.linked.card,
        &outcome.ids,
        &outcome.rules,
        card,
        format,
    )?
    .commit()?;
    let mut html = Output::create(&folder.join("report.html"), true)?;
    let report = report("registry a at registry b", &outcome.summary, outcome.told());
    html.write_all(report.to_html().as_bytes())?;
    Ok(html.commit()?)
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
