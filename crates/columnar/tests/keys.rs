//! Join keys of a table, on either side of a linkage.

use std::num::NonZeroUsize;

use blindjoin_columnar::{Error, Population, ReadOptions, Reader, Side};
use blindjoin_record::{Date, Fault, RuleSet};

const RULES: &str = r#"
[columns]
record_id = "rec_id"
id = "soc_sec_id"
name = "name"
[[rule]]
id = "ID"
signature = ["id:T"]
[[rule]]
id = "NAME"
signature = ["name:T|U"]
probe = [["name:T|U"], ["name:T|S(0,1)|U"]]
"#;

fn population(text: &str, side: Side) -> Result<Population, Error> {
    let source = Box::new(std::io::Cursor::new(text.to_owned()));
    let mut reader = Reader::from_csv(source, "people".into(), None, ReadOptions::strict())?;
    let rules = RuleSet::from_toml(RULES).expect("rules");
    let today = Date::from_iso("2026-01-01").expect("a date");
    let binding = rules
        .bind(reader.columns(), today)
        .expect("all columns are there");
    let threads = NonZeroUsize::new(2).expect("not zero");
    Population::read(&mut reader, &binding, side, threads, |_| ())
}

fn keys(population: &Population) -> Vec<(usize, usize, String)> {
    population
        .keys
        .iter()
        .map(|key| {
            let text = String::from_utf8(key.bytes.to_vec()).expect("text");
            (key.row, key.rule, text.replace('\0', "/"))
        })
        .collect()
}

#[test]
fn a_key_is_rule_zero_signature_by_row_and_rule() {
    let text = "rec_id, soc_sec_id,name\nr1, 17 ,Ana\nr2,,Bo\nr3,18,\n";
    let querier = population(text, Side::Querier).expect("read");
    let key = |row, rule, text: &str| (row, rule, text.to_owned());
    let expected = [
        key(0, 0, "ID/17"),
        key(0, 1, "NAME/ANA"),
        key(1, 1, "NAME/BO"),
        key(2, 0, "ID/18"),
    ];
    assert_eq!(keys(&querier), expected);
    assert_eq!(querier.ids.iter().collect::<Vec<_>>(), ["r1", "r2", "r3"]);
    assert_eq!(querier.missing[0].len(), 1);
    assert_eq!(
        (querier.missing[0][0].0.fault, querier.missing[0][0].1),
        (Fault::Missing, 1)
    );
    let provider = population(text, Side::Provider).expect("read");
    let expected = [
        key(0, 0, "ID/17"),
        key(0, 1, "NAME/ANA"),
        key(0, 1, "NAME/A"),
        key(1, 1, "NAME/BO"),
        key(1, 1, "NAME/B"),
        key(2, 0, "ID/18"),
    ];
    assert_eq!(keys(&provider), expected);
}

#[test]
fn rows_keep_their_numbers_across_chunks() {
    let mut text = String::from("rec_id,soc_sec_id,name\n");
    for row in 0..30_000 {
        text.push_str(&["r", &row.to_string(), ",", &row.to_string(), ",x\n"].concat());
    }
    let population = population(&text, Side::Querier).expect("read");
    for key in population.keys.iter().filter(|key| key.rule == 0) {
        assert_eq!(key.bytes, format!("ID\0{}", key.row).as_bytes());
        assert_eq!(population.ids.get(key.row), format!("r{}", key.row));
    }
    assert_eq!(population.keys.len(), 60_000);
}

#[test]
fn record_ids_must_be_there_and_unique() {
    let duplicate = population(
        "rec_id,soc_sec_id,name\na,1,x\nb,2,y\na,3,z\n",
        Side::Querier,
    );
    assert!(
        matches!(
            duplicate,
            Err(Error::DuplicateRecordId {
                first: 1,
                second: 3,
                ..
            })
        ),
        "{duplicate:?}"
    );
    let missing = population("rec_id,soc_sec_id,name\na,1,x\n,2,y\n", Side::Provider);
    assert!(
        matches!(missing, Err(Error::MissingRecordId { row: 2, .. })),
        "{missing:?}"
    );
}
