//! Signatures of a table, on either side of a linkage.

use std::num::NonZeroUsize;

use blindjoin_columnar::{Error, Population, ReadOptions, Reader};
use blindjoin_linkage::{Side, Signed, Signer};
use blindjoin_record::findings::Finding;
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

/// Row; rule and form; text; block.
type Taking = (u32, (u16, u16), String, Option<String>);

#[derive(Debug, Default)]
struct Taken {
    rows: u32,
    signatures: Vec<Taking>,
}

impl Taken {
    fn take(&mut self, record: &Signed<'_>) {
        assert_eq!(record.row, self.rows);
        self.rows += 1;
        let block = record.blocks[0].map(str::to_owned);
        self.signatures.extend(record.signatures.iter().map(|one| {
            (
                record.row,
                (one.rule, one.form),
                one.text.to_owned(),
                block.clone(),
            )
        }));
    }
}

fn population(text: &str, side: Side) -> Result<(Population, Taken), Error> {
    let source = Box::new(std::io::Cursor::new(text.to_owned()));
    let mut reader = Reader::from_csv(source, "people".into(), None, ReadOptions::strict())?;
    let rules = RuleSet::from_toml(RULES).expect("rules");
    let today = Date::from_iso("2026-01-01").expect("a date");
    let binding = rules
        .bind(reader.columns(), today)
        .expect("all columns are there");
    let blocks = rules
        .with_only_rule("block", &["name:T|S(0,1)|L"])
        .expect("a block");
    let blocks = blocks
        .bind(reader.columns(), today)
        .expect("all columns are there");
    let threads = NonZeroUsize::new(2).expect("not zero");
    let mut taken = Taken::default();
    let signer = Signer::new(binding, vec![blocks], side);
    let take = |record: &Signed<'_>| {
        taken.take(record);
        Ok::<_, Error>(())
    };
    let population = Population::read(&mut reader, &signer, threads, take, |_| ())?;
    Ok((population, taken))
}

#[test]
fn signatures_come_by_row_and_rule_with_their_block() {
    let text = "rec_id, soc_sec_id,name\nr1, 17 ,Ana\nr2,,Bo\nr3,18,\n";
    let (population, querier) = population_of(text, Side::Querier);
    let key = |row, rule, text: &str, block: &str| {
        (
            row,
            rule,
            text.to_owned(),
            (!block.is_empty()).then(|| block.to_owned()),
        )
    };
    let expected = [
        key(0, (0, 0), "17", "a"),
        key(0, (1, 0), "ANA", "a"),
        key(1, (1, 0), "BO", "b"),
        key(2, (0, 0), "18", ""),
    ];
    assert_eq!(querier.signatures, expected);
    assert_eq!(querier.rows, 3);
    let [(reason, 1)] = population.without_block[0][..] else {
        panic!("{:?}", population.without_block)
    };
    assert_eq!(reason.fault, Fault::Missing);
    assert_eq!(
        population.ids.iter().collect::<Vec<_>>(),
        ["r1", "r2", "r3"]
    );
    assert_eq!(population.missing[0].len(), 1);
    assert_eq!(
        (population.missing[0][0].0.fault, population.missing[0][0].1),
        (Fault::Missing, 1)
    );
    let (_, provider) = population_of(text, Side::Provider);
    let expected = [
        key(0, (0, 0), "17", "a"),
        key(0, (1, 0), "ANA", "a"),
        key(0, (1, 1), "A", "a"),
        key(1, (1, 0), "BO", "b"),
        key(1, (1, 1), "B", "b"),
        key(2, (0, 0), "18", ""),
    ];
    assert_eq!(provider.signatures, expected);
}

fn population_of(text: &str, side: Side) -> (Population, Taken) {
    population(text, side).expect("read")
}

#[test]
fn rows_keep_their_numbers_across_chunks() {
    let mut text = String::from("rec_id,soc_sec_id,name\n");
    for row in 0..30_000 {
        text.push_str(&["r", &row.to_string(), ",", &row.to_string(), ",x\n"].concat());
    }
    let (population, taken) = population_of(&text, Side::Querier);
    for (row, _, text, _) in taken
        .signatures
        .iter()
        .filter(|(_, (rule, _), _, _)| *rule == 0)
    {
        assert_eq!(*text, row.to_string());
        assert_eq!(population.ids.get(*row as usize), format!("r{row}"));
    }
    // The number of the first row is a zero, which stands for none.
    assert_eq!(taken.signatures.len(), 59_999);
    let number = population.findings.fields().iter();
    let number = number.max_by_key(|line| line.of(Finding::Placeholder).count);
    let placeholders = number.expect("two fields").of(Finding::Placeholder);
    assert_eq!(
        (placeholders.count, placeholders.first_rows()),
        (1, &[1][..])
    );
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
