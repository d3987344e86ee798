//! Both sides' input from one reading of a table, and who is counted.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use std::fmt::Write as _;

use blindjoin_linkage::blocking::{BlockCount, BlockKey, HashCount};
use blindjoin_linkage::{
    Batch, Error, ProviderInput, ProviderSide, QuerierKeyInput, QuerierRecordInput, Side, Signed,
    Signer, clear, digest,
};
use blindjoin_protocol::agree::Pairwise;
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_record::{Date, Fault, RuleSet, Scratch};

const RULES: &str = r#"
[columns]
record_id = "id"
national_id = "number"
last_name = "name"
birth_date = "born"
state = "state"
[[rule]]
id = "ID"
signature = ["national_id:T"]
[[rule]]
id = "NAME"
signature = ["last_name:T|U", "birth_date:Y"]
probe = [["last_name:T|U", "birth_date:Y"], ["last_name:T|U", "birth_date:Y(1)"]]
"#;

const HEADER: [&str; 5] = ["id", "number", "name", "born", "state"];

/// Twelve people of one year, two of whom have neither number nor name; one of another year; and one
/// without.
const PEOPLE: &[[&str; 5]] = &[
    ["1", "101", "Ann", "19500101", "NY"],
    ["2", "102", "Ben", "19500101", "NY"],
    ["3", "103", "", "19500101", "NY"],
    ["4", "104", "Dan", "19500101", "NY"],
    ["5", "105", "Eve", "19500101", "NY"],
    ["6", "106", "Fay", "19500101", "NY"],
    ["7", "107", "Guy", "19500101", "NY"],
    ["8", "108", "Hal", "19500101", "NY"],
    ["9", "", "Ida", "19500101", "NY"],
    ["10", "110", "Jan", "19500101", "NY"],
    ["11", "", "", "19500101", "NY"],
    ["12", "", "unknown", "19500101", "NY"],
    ["13", "101", "Ann", "19510101", "NY"],
    ["14", "114", "Leo", "", ""],
];

fn rules() -> RuleSet {
    RuleSet::from_toml(RULES).unwrap()
}

fn blocks(written: &str) -> RuleSet {
    let key = BlockKey::new(written, &rules()).unwrap();
    key.fields().unwrap().clone()
}

fn signed(side: Side, blockings: &[RuleSet], rows: &[[&str; 5]]) -> Batch {
    let today = Date::new(2026, 11, 21).unwrap();
    let bind = |rules: &RuleSet| rules.bind(&HEADER, today).unwrap();
    let signer = Signer::new(bind(&rules()), blockings.iter().map(bind).collect(), side);
    let (mut batch, mut scratch) = (signer.batch(), Scratch::default());
    for (number, row) in (1..).zip(rows) {
        signer.sign(row.as_slice(), number, &mut scratch, &mut batch);
    }
    batch
}

fn querier(blockings: &[RuleSet], rows: &[[&str; 5]]) -> (QuerierKeys, Vec<u32>) {
    let mut input = QuerierKeyInput::new(&rules());
    let records = signed(Side::Querier, blockings, rows);
    records.for_each(0, |record| input.take(record)).unwrap();
    input.finish()
}

fn provider(blockings: &[RuleSet], rows: &[[&str; 5]]) -> ProviderSide {
    let mut input = ProviderInput::new(&rules(), blockings.len(), true).unwrap();
    let records = signed(Side::Provider, blockings, rows);
    records.for_each(0, |record| input.take(record)).unwrap();
    input.finish()
}

#[test]
fn everybody_counts_the_records_that_take_part() {
    let year = blocks("birth_year");
    let mut count = BlockCount::default();
    let take = |record: &Signed<'_>| {
        count.add(record, record.blocks[0]);
        Ok::<_, Error>(())
    };
    let records = signed(Side::Querier, std::slice::from_ref(&year), PEOPLE);
    records.for_each(0, take).unwrap();
    let sizes: Vec<_> = count.blocks.sizes().collect();
    assert_eq!(sizes, [("1950", 10), ("1951", 1)]);
    assert_eq!((count.blocks.risk(1).unblocked, count.idle), (1, 2));
    assert_eq!(records.without_block()[0][0].0.fault, Fault::Missing);

    let both = [blocks("state"), year.clone()];
    let theirs = provider(&both, PEOPLE);
    assert_eq!(theirs.blockings[1].count, count);
    let states: Vec<_> = theirs.blockings[0].count.blocks.sizes().collect();
    assert_eq!(states, [("NY", 11)]);
    let stored = theirs.blockings[1].records.as_ref().unwrap();
    let stored: Vec<_> = stored.blocks().collect();
    assert_eq!(stored, [(&b"1950"[..], 10), (b"1951", 1)]);

    let (keys, outside) = querier(std::slice::from_ref(&year), PEOPLE);
    let of_1950 = |blocks: Vec<Option<&[u8]>>| {
        let blocks = blocks.into_iter().flatten();
        blocks.filter(|block| *block == b"1950").count()
    };
    assert_eq!((of_1950(keys.blocks()), &*outside), (10, &[13][..]));
    let pairwise = Pairwise::of_rules(rules().forms(), None).unwrap();
    let mut input = QuerierRecordInput::new(&rules(), &pairwise);
    records.for_each(0, |record| input.take(record)).unwrap();
    let (pairs, outside) = input.finish();
    assert_eq!((pairs.len(), &*outside), (14, &[13][..]));
}

#[test]
fn a_key_is_bound_to_its_block_and_knows_its_cells() {
    let year = [blocks("birth_year")];
    let rows = [PEOPLE[0], PEOPLE[12]];
    let cells = |blockings: &[RuleSet], theirs| {
        let (keys, _) = querier(blockings, &rows);
        let mut cells: Vec<_> = clear::cells(&keys, &theirs).collect();
        cells.sort_unstable();
        cells
    };
    // The first also by the provider's second form: next year's namesake.
    let all = [(0, 0, true), (0, 1, true), (1, 0, true), (1, 1, true)];
    assert_eq!(cells(&[], provider(&[], &rows[..1]).keys), all);
    let mut theirs = provider(&year, &rows[..1]);
    let in_years = [(0, 0, true), (0, 1, true), (1, 0, false), (1, 1, false)];
    assert_eq!(cells(&year, theirs.blockings.remove(0).keys), in_years);
}

#[test]
fn hashed_blocks_count_keys() {
    let mut count = HashCount::new(&rules(), [7; 32], 1);
    let records = signed(Side::Querier, &[], PEOPLE);
    records.for_each(0, |record| count.add(record)).unwrap();
    let risk = count.blocks.risk(1);
    assert_eq!((risk.records, risk.blocks), (21, 2));
    let lacking: u64 = records
        .missing()
        .iter()
        .flatten()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(lacking, 2 * 14 - 21);
}

#[test]
fn blocks_are_part_of_what_both_sides_must_mean() {
    let digests = [
        digest(&rules(), None),
        digest(&rules(), Some(&blocks("birth_year"))),
        digest(&rules(), Some(&blocks("state"))),
    ];
    assert_eq!(digests[0], rules().digest());
    assert!(digests[1] != digests[0] && digests[2] != digests[0] && digests[1] != digests[2]);
}

#[test]
fn nothing_of_a_record_is_shown() {
    let records = signed(
        Side::Querier,
        &[blocks("state")],
        &[["~1", "~2", "~3", "19500101", "~4"]],
    );
    let mut input = QuerierKeyInput::new(&rules());
    let mut shown = format!("{records:?}");
    let take = |record: &Signed<'_>| {
        write!(shown, "{record:?} {:?}", record.signatures[0]).unwrap();
        input.take(record)
    };
    records.for_each(0, take).unwrap();
    write!(shown, "{input:?} {:?}", provider(&[], PEOPLE)).unwrap();
    assert!(!shown.contains('~') && !shown.contains("126"), "{shown}");
}
