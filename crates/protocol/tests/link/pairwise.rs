//! Pairs of records in blocks, against the plain evaluation of the clauses.

use std::collections::{BTreeMap, BTreeSet};

use blindjoin_protocol::agree::{Mode, Pairwise, TableKind, Terms};
use blindjoin_protocol::input::{BlockDirectory, ProviderRecords, QuerierRecords};
use blindjoin_protocol::parts::{Clause, Querier, Released, size_class};
use blindjoin_protocol::session::{Question, Selected};
use blindjoin_protocol::{Card, Cell, Error};
use rand::Rng;

use crate::common::{
    Session, Transcript, blocking, decide, rng, run, send_comparisons, send_table, session,
    take_table, terms,
};

/// A record of the tests: a block and three parts.
#[derive(Clone, Debug)]
struct Record {
    block: &'static str,
    parts: [Option<String>; 3],
}

/// The clauses that hold, by the querier's row and the provider's record.
type Expected = BTreeMap<(u32, usize), Vec<u8>>;

fn clause(rule: u16, parts: &[u8], weight: u8) -> Clause {
    Clause {
        rule,
        parts: parts.to_vec(),
        weight,
    }
}

fn pairwise_terms(clauses: Vec<Clause>, threshold: Option<u8>, blind: bool) -> (Terms, Pairwise) {
    let pairwise = Pairwise {
        parts: 3,
        clauses,
        threshold,
    };
    let rules = vec!["strict".to_owned(), "loose".to_owned()];
    let mode = Mode::Pairwise(pairwise.clone());
    // 1024 bits hold three slots of 296 bits.
    (
        Terms {
            mode,
            rules,
            canaries: 0,
            blind,
            ..terms(TableKind::Cuckoo)
        },
        pairwise,
    )
}

fn records(seed: u64, count: usize) -> Vec<Record> {
    let mut rng = rng(seed);
    let mut draw = |below: u64| rng.next_u64() % below;
    (0..count)
        .map(|_| Record {
            block: ["1970", "1980", "1990"][usize::try_from(draw(3)).unwrap()],
            parts: [0, 1, 2].map(|part| (draw(6) > 0).then(|| format!("{part}-{}", draw(3)))),
        })
        .collect()
}

/// Rows and rules that hold, for every pair of one block of which the querier compares.
fn plain(ours: &[Record], theirs: &[Record], pairwise: &Pairwise, left_out: &str) -> Expected {
    let mut out = BTreeMap::new();
    for (row, ours) in (0..).zip(ours) {
        for (record, theirs) in theirs.iter().enumerate() {
            if ours.block != theirs.block || ours.block == left_out {
                continue;
            }
            let holds = |clause: &Clause| {
                clause.parts.iter().all(|&part| {
                    let part = usize::from(part);
                    ours.parts[part].is_some() && ours.parts[part] == theirs.parts[part]
                })
            };
            let held: Vec<u8> = (0..)
                .zip(&pairwise.clauses)
                .filter(|(_, clause)| holds(clause))
                .map(|(i, _)| i)
                .collect();
            let weight: u32 = held
                .iter()
                .map(|&i| u32::from(pairwise.clauses[usize::from(i)].weight))
                .sum();
            if weight >= pairwise.threshold.map_or(1, u32::from) {
                out.insert((row, record), held);
            }
        }
    }
    out
}

/// A linkage before the key holder lets its result out.
pub(crate) struct Held {
    pub(crate) session: Session,
    pub(crate) querier: Querier,
    pub(crate) released: Released,
    pub(crate) summary: Vec<u8>,
}

impl Held {
    /// Brings a session as far as that.
    pub(crate) fn of(
        session: Session,
        question: impl Into<Question>,
        selected: &(impl Clone + Into<Selected>),
    ) -> Self {
        let (querier, table) = send_table(&session, question).unwrap();
        let provider = take_table(&session, selected, &table).unwrap();
        let (comparisons, summary) = send_comparisons(&session, &provider).unwrap();
        let released = decide(&session, &comparisons).unwrap();
        Self {
            session,
            querier,
            released,
            summary,
        }
    }
}

/// The blocks of both sides' records, and a session of the sizes that they need.
fn introduce(
    terms: Terms,
    querier: &QuerierRecords,
    provider: &ProviderRecords,
    seed: u64,
) -> Result<(Session, BlockDirectory), Error> {
    // Cells in which the provider has something, and of them those in which the querier has too.
    let cells: Vec<_> = provider.blocks().collect();
    let cells = blocking(&cells);
    let counts = cells.count(querier.blocks());
    let blocks = BlockDirectory::of_pairs(&cells, &counts, 1, true, &mut rng(seed));
    let rows = size_class(blocks.padded_rows());
    let pairs = blocks.pairs() + u64::from(terms.canaries);
    let session = session(terms, rows, pairs, Some(&blocks), seed)?;
    Ok((session, blocks))
}

/// Brings both sides' records together.
fn meet(
    terms: Terms,
    querier: QuerierRecords,
    provider: ProviderRecords,
    seed: u64,
) -> (Card, Transcript) {
    let (session, blocks) = introduce(terms, &querier, &provider, seed).unwrap();
    run(&session, (querier, blocks.clone()), &(provider, blocks)).unwrap()
}

/// A linkage of two lists of records in one block, before the key holder lets its result out; the
/// terms carry canaries, and one record in three has a partner with whom it agrees in as many parts
/// as it takes.
pub(crate) fn held(threshold: Option<u8>, blind: bool, seed: u64) -> Held {
    let clauses = vec![clause(0, &[0], 1), clause(1, &[1], 1), clause(1, &[2], 1)];
    let (terms, pairwise) = pairwise_terms(clauses, threshold, blind);
    let terms = Terms {
        canaries: 8,
        ..terms
    };
    let mut querier = QuerierRecords::new(&pairwise);
    let mut provider = ProviderRecords::new(&pairwise);
    for record in 0..15 {
        let parts = [0, 1, 2].map(|part| format!("{part}-{record}"));
        let parts = parts.each_ref().map(|part| Some(part.as_bytes()));
        querier.push(Some(b"all"), &parts).unwrap();
        let needed = threshold.unwrap_or(1);
        let theirs = [0, 1, 2].map(|part| {
            let place = if part < needed { "" } else { " elsewhere" };
            format!("{part}-{}{place}", 3 * record)
        });
        let theirs = theirs.each_ref().map(|part| Some(part.as_bytes()));
        provider.push(b"all", &theirs).unwrap();
    }
    let (session, blocks) = introduce(terms, &querier, &provider, seed).unwrap();
    Held::of(session, (querier, blocks.clone()), &(provider, blocks))
}

/// Links two lists of records; yields the result and what a plain evaluation says.
fn link(terms: Terms, pairwise: &Pairwise, seed: u64) -> (Card, Expected, Vec<Record>) {
    let blind = terms.blind;
    let (ours, theirs) = (records(seed, 14), records(seed + 100, 12));
    let mut querier = QuerierRecords::new(pairwise);
    for record in &ours {
        let parts = record
            .parts
            .each_ref()
            .map(|part| part.as_deref().map(str::as_bytes));
        // The querier does not reveal the block of the nineties.
        let block = Some(record.block.as_bytes()).filter(|_| record.block != "1990");
        querier.push(block, &parts).unwrap();
    }
    let mut provider = ProviderRecords::new(pairwise);
    for record in &theirs {
        let parts = pairwise.clauses.iter().flat_map(|clause| &clause.parts);
        let values: Vec<Option<&[u8]>> = parts
            .map(|&part| {
                record.parts[usize::from(part)]
                    .as_deref()
                    .map(str::as_bytes)
            })
            .collect();
        provider.push(record.block.as_bytes(), &values).unwrap();
    }
    let (card, transcript) = meet(terms, querier, provider, seed);
    let counted = transcript.keyholder_learned;
    let expected = plain(&ours, &theirs, pairwise, "1990");
    // The key holder lets out every clause that holds, as often as it has slots, of whatever pair
    // that reaches the threshold, and nothing of the others.
    let held = expected.values().flatten();
    let weights = held.map(|&clause| u64::from(pairwise.clauses[usize::from(clause)].weight));
    assert_eq!(counted, (!blind).then(|| weights.sum()));
    (card, expected, ours)
}

/// Compares up to the provider's handles, which must be one for each of its records.
fn assert_same(card: &Card, expected: &Expected, pairwise: &Pairwise) {
    let mut found: Vec<(u32, Vec<u16>)> = card
        .pairs()
        .iter()
        .map(|pair| (pair.row, pair.rules.clone()))
        .collect();
    let mut due: Vec<(u32, Vec<u16>)> = expected
        .iter()
        .map(|((row, _), clauses)| {
            let rule = |&clause: &u8| pairwise.clauses[usize::from(clause)].rule;
            let rules: BTreeSet<u16> = clauses.iter().map(rule).collect();
            (*row, rules.into_iter().collect())
        })
        .collect();
    found.sort();
    due.sort();
    assert_eq!(found, due);
    let handles: BTreeSet<u32> = card.pairs().iter().map(|pair| pair.handle).collect();
    let records: BTreeSet<usize> = expected.keys().map(|(_, record)| *record).collect();
    assert_eq!(handles.len(), records.len());
}

#[test]
fn clauses_hold_where_they_hold_in_the_clear() {
    let clauses = vec![
        clause(0, &[0, 1, 2], 1),
        clause(1, &[0, 1], 1),
        clause(1, &[2], 1),
    ];
    for (seed, blind) in [(1, false), (2, true)] {
        let (terms, pairwise) = pairwise_terms(clauses.clone(), None, blind);
        let (card, expected, ours) = link(terms, &pairwise, seed);
        assert!(!expected.is_empty());
        assert_same(&card, &expected, &pairwise);
        for (row, record) in (0_u32..).zip(&ours) {
            let loose = card.row(row as usize)[1];
            let held = expected
                .iter()
                .any(|((r, _), held)| *r == row && held.iter().any(|&c| c > 0));
            let value = record.parts[2].is_some()
                || (record.parts[0].is_some() && record.parts[1].is_some());
            let due = match (held, value, record.block) {
                (true, ..) => Cell::Matched,
                (_, false, _) => Cell::NoValue,
                (_, true, "1990") => Cell::NotCompared,
                _ => Cell::NotMatched,
            };
            assert_eq!(loose, due, "row {row}");
        }
    }
}

#[test]
fn pairs_open_from_the_threshold_on() {
    let clauses = vec![clause(0, &[0], 1), clause(0, &[1], 1), clause(1, &[2], 1)];
    for (seed, threshold) in [(3, 2), (4, 3), (5, 1)] {
        let (terms, pairwise) = pairwise_terms(clauses.clone(), Some(threshold), false);
        let (card, expected, _) = link(terms, &pairwise, seed);
        assert_same(&card, &expected, &pairwise);
        assert_eq!(card.notes().spurious, 0);
    }
    let weighted = vec![clause(0, &[0], 2), clause(1, &[2], 1)];
    let (terms, pairwise) = pairwise_terms(weighted, Some(2), false);
    let (card, expected, _) = link(terms, &pairwise, 6);
    assert_same(&card, &expected, &pairwise);
}

#[test]
fn a_directory_other_than_the_agreed_one_is_refused() {
    let (terms, pairwise) = pairwise_terms(vec![clause(0, &[0], 1)], None, false);
    let cells = blocking(&[(b"1970", 20)]);
    let directory = |seed| BlockDirectory::of_pairs(&cells, &[20], 1, false, &mut rng(seed));
    let session = session(terms, 64, 64, Some(&directory(1)), 1).unwrap();
    let keys = session
        .querier_to_provider
        .fingerprints(session.agreement.suite());
    let refused = Querier::for_pairs(
        &session.agreement,
        keys,
        &directory(2),
        QuerierRecords::new(&pairwise),
        &session.secrets[0],
    );
    assert_eq!(
        refused.unwrap_err(),
        Error::ManifestMismatch { field: "blocks" }
    );
}

/// Years on both sides, in one block; the provider asks for its own and for both neighbours.
fn years(ours: &[u32], theirs: &[u32], seed: u64) -> (Card, Transcript) {
    let pairwise = Pairwise::of_rules([(3, 1)], None).unwrap();
    let terms = Terms {
        mode: Mode::Pairwise(pairwise.clone()),
        rules: vec!["year".to_owned()],
        canaries: 0,
        ..terms(TableKind::Cuckoo)
    };
    let text = |year: u32| year.to_string();
    let mut querier = QuerierRecords::new(&pairwise);
    for &year in ours {
        querier
            .push(Some(b"all"), &[Some(text(year).as_bytes())])
            .unwrap();
    }
    let mut provider = ProviderRecords::new(&pairwise);
    for &year in theirs {
        let probes = [text(year - 1), text(year), text(year + 1)];
        let values = probes.each_ref().map(|probe| Some(probe.as_bytes()));
        provider.push(b"all", &values).unwrap();
    }
    meet(terms, querier, provider, seed)
}

#[test]
fn nobody_learns_which_of_several_probes_holds() {
    let (ours, theirs) = ([1950; 8], [1951; 12]);
    let (card, transcript) = years(&ours, &theirs, 8);
    assert_eq!(card.pairs().len(), 96);
    // Only the first probe holds, and the key holder sees it in any of the three slots.
    let mut slots = [0; 3];
    let [_, _, result] = transcript.payloads;
    for entry in result.iter().flat_map(|payload| payload.chunks(8 + 8)) {
        let position = u64::from_be_bytes(entry[..8].try_into().unwrap());
        if position != u64::MAX {
            slots[usize::try_from(position % 3).unwrap()] += 1;
        }
    }
    assert_eq!(slots.iter().sum::<u32>(), 96);
    // 32 are due in each, with a standard deviation of 4.6.
    assert!(
        slots.iter().all(|&count| count.abs_diff(32) < 23),
        "{slots:?}"
    );
    assert_eq!(
        years(&ours, &[1948, 1949, 1950, 1951, 1952], 9)
            .0
            .pairs()
            .len(),
        24
    );
}

#[test]
fn pairs_look_alike_whatever_the_records_are() {
    let (few, of_few) = years(&[1950, 1960, 1970], &[1980; 9], 10);
    let (many, of_many) = years(&[1950, 1951, 1952], &[1951; 9], 11);
    assert_eq!((few.pairs().len(), many.pairs().len()), (0, 27));
    let lengths = |transcript: &Transcript| {
        let of = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).collect::<Vec<_>>();
        let Transcript {
            table,
            comparisons,
            result,
            ..
        } = transcript;
        [of(table), of(comparisons), of(result)]
    };
    assert_eq!(lengths(&of_few), lengths(&of_many));
}

/// Two linkages of fifteen records in one block, counted whole and shared out blindly.
pub(crate) fn two_linkages() -> Vec<Transcript> {
    let linked = |(threshold, blind)| {
        let clauses = vec![clause(0, &[0], 1), clause(1, &[1], 1), clause(1, &[2], 1)];
        let (terms, pairwise) = pairwise_terms(clauses, threshold, blind);
        let terms = Terms {
            canaries: 8,
            ..terms
        };
        let mut ours = QuerierRecords::new(&pairwise);
        let mut theirs = ProviderRecords::new(&pairwise);
        for record in 0..15 {
            let parts = [0, 1, 2].map(|part| format!("{part}-{record}"));
            let parts = parts.each_ref().map(|part| Some(part.as_bytes()));
            ours.push(Some(b"all"), &parts).unwrap();
            theirs.push(b"all", &parts).unwrap();
        }
        let (session, blocks) = introduce(terms, &ours, &theirs, 5).unwrap();
        run(&session, (ours, blocks.clone()), &(theirs, blocks))
            .unwrap()
            .1
    };
    [(None, false), (Some(2), true)].map(linked).into()
}
