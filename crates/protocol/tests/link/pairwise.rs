//! Pairs of records in blocks, against the plain evaluation of the clauses.

use std::collections::BTreeMap;

use blindjoin_protocol::{
    BlockDirectory, Cell, Clause, Error, KeyHolder, Mode, PairQuerier, PairResult, Pairwise,
    Provider, ProviderJobs, ProviderRecords, QuerierRecords, TableIntake, TableKind, Terms,
    size_class,
};
use rand::Rng;

use crate::common::{Session, key, open_all, rng, seal_all, session, terms};

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

/// Rows and clauses that hold, for every pair of one block of which the querier compares.
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

fn run(
    session: &Session,
    blocks: &BlockDirectory,
    ours: QuerierRecords,
    theirs: &ProviderRecords,
) -> Result<(PairResult, Option<u64>), Error> {
    let agreement = &session.agreement;
    let keys = session.querier_to_provider.join_keys(agreement.suite());
    let querier = PairQuerier::new(agreement, keys.clone(), blocks, ours, &session.secrets[0])?;
    let (_, table) = seal_all(querier.table_stream(&session.querier_to_provider), |i| {
        querier.table_chunk(i)
    })?;
    let jobs = ProviderJobs::prepare_pairs(agreement, &keys, blocks, theirs, &session.secrets[1])?;
    let mut intake = TableIntake::new(agreement);
    let (stream, payloads) = open_all(intake.stream(&session.provider_to_querier), &table)?;
    for payload in payloads {
        intake = intake.take(&payload)?;
    }
    let provider = Provider::new(
        agreement,
        keys,
        jobs,
        intake.finish(&stream)?,
        &session.secrets[1],
    );
    let (stream, comparisons) = seal_all(
        provider.comparison_stream(&session.provider_to_keyholder),
        |i| provider.compare(i),
    )?;
    let summary = provider.summary(&session.provider_to_querier, stream.account()?)?;
    let keyholder = KeyHolder::new(agreement, key(agreement.manifest().terms.profile));
    let stream = keyholder.comparison_stream(&session.keyholder_to_provider);
    let (stream, payloads) = open_all(stream, &comparisons)?;
    let mut release = keyholder.release();
    for (number, payload) in (0..).zip(payloads) {
        release = release.take(keyholder.decide(number, &payload)?)?;
    }
    let released = release.finish(&stream)?;
    let (_, result) = seal_all(released.stream(&session.keyholder_to_querier), |i| {
        released.chunk(i)
    })?;
    let (result, payloads) = open_all(
        querier.result_stream(&session.querier_to_keyholder),
        &result,
    )?;
    let mut opening = querier.opening();
    for payload in payloads {
        opening = opening.take(&payload)?;
    }
    let (summary, _) = querier
        .summary_stream(&session.querier_to_provider)
        .open(0, &summary)?;
    Ok((opening.finish(&result, &summary)?, released.matches()))
}

/// Links two lists of records; yields the result and what a plain evaluation says.
fn link(terms: Terms, pairwise: &Pairwise, seed: u64) -> (PairResult, Expected, Vec<Record>) {
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
        let clauses: Vec<Option<Vec<&[u8]>>> = pairwise
            .clauses
            .iter()
            .map(|clause| {
                let value = |&part: &u8| {
                    record.parts[usize::from(part)]
                        .as_deref()
                        .map(str::as_bytes)
                };
                clause.parts.iter().map(value).collect()
            })
            .collect();
        provider.push(record.block.as_bytes(), &clauses).unwrap();
    }
    let blocks = BlockDirectory::of_pairwise(querier.blocks(), 0, &mut rng(seed)).unwrap();
    let sizes = [
        size_class(blocks.padded_rows()),
        size_class(provider.pairs(&blocks)),
    ];
    let session = session(terms, sizes[0], sizes[1], Some(blocks.clone()), seed).unwrap();
    let (result, learned) = run(&session, &blocks, querier, &provider).unwrap();
    // The key holder sees every clause that holds, as often as it has slots, of whatever pair.
    let all = Pairwise {
        threshold: None,
        ..pairwise.clone()
    };
    let held = plain(&ours, &theirs, &all, "1990").into_values().flatten();
    let weights = held.map(|clause| u64::from(pairwise.clauses[usize::from(clause)].weight));
    let blind = session.agreement.manifest().terms.blind;
    assert_eq!(learned, (!blind).then(|| weights.sum()));
    let expected = plain(&ours, &theirs, pairwise, "1990");
    (result, expected, ours)
}

/// Compares up to the provider's handles, which must be one for each of its records.
fn assert_same(result: &PairResult, expected: &Expected) {
    let ours: Vec<(u32, Vec<u8>)> = result
        .pairs
        .iter()
        .map(|p| (p.row, p.clauses.clone()))
        .collect();
    let mut expected_pairs: Vec<(u32, Vec<u8>)> = expected
        .iter()
        .map(|((row, _), clauses)| (*row, clauses.clone()))
        .collect();
    let mut sorted = ours;
    sorted.sort();
    expected_pairs.sort();
    assert_eq!(sorted, expected_pairs);
    let handles: std::collections::BTreeSet<u32> = result.pairs.iter().map(|p| p.handle).collect();
    let records: std::collections::BTreeSet<usize> =
        expected.keys().map(|(_, record)| *record).collect();
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
        let (result, expected, ours) = link(terms, &pairwise, seed);
        assert!(!expected.is_empty());
        assert_same(&result, &expected);
        for (row, record) in (0_u32..).zip(&ours) {
            let loose = result.card.row(row as usize)[1];
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
        let (result, expected, _) = link(terms, &pairwise, seed);
        assert_same(&result, &expected);
        assert_eq!(result.card.notes().spurious, 0);
    }
    let weighted = vec![clause(0, &[0], 2), clause(1, &[2], 1)];
    let (terms, pairwise) = pairwise_terms(weighted, Some(2), false);
    let (result, expected, _) = link(terms, &pairwise, 6);
    assert_same(&result, &expected);
}

#[test]
fn a_directory_other_than_the_agreed_one_is_refused() {
    let (terms, pairwise) = pairwise_terms(vec![clause(0, &[0], 1)], None, false);
    let blocks: [(&[u8], usize); 1] = [(b"1970", 20)];
    let directory = |seed| BlockDirectory::of_pairwise(blocks, 0, &mut rng(seed)).unwrap();
    let session = session(terms, 64, 64, Some(directory(1)), 1).unwrap();
    let keys = session
        .querier_to_provider
        .join_keys(session.agreement.suite());
    let refused = PairQuerier::new(
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
