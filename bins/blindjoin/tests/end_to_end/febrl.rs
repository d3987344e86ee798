//! Registries in the shape of FEBRL's dataset 4, and FEBRL's where they are: the same people in either
//! file, the second time with errors.

use std::path::Path;

use blindjoin_columnar::{
    Format, Header, Output, OutputColumn, Quoting, ReadOptions, Reader, TableWriter,
};

use crate::data;
use crate::world::{World, text};

const RULES: &str = r#"
[columns]
record_id = "rec_id"
national_id = "soc_sec_id"
last_name = "surname"
first_name = "given_name"
birth_date = "date_of_birth"
postal_code = "postcode"

[[rule]]
id = "ID"
signature = ["national_id:T"]

[[rule]]
id = "NAME_DOB"
signature = ["last_name:T", "first_name:T", "birth_date:T"]

[[rule]]
id = "DOB_POST"
signature = ["birth_date:T", "postal_code:T"]
"#;

/// The same table as Parquet.
fn to_parquet(csv: &Path, parquet: &Path) {
    let reader = Reader::open(csv, ReadOptions::strict()).unwrap();
    let columns: Vec<OutputColumn> = reader
        .columns()
        .iter()
        .map(|column| OutputColumn::text(column.as_str()))
        .collect();
    let width = columns.len();
    let output = Output::create(parquet, false).unwrap();
    let mut writer = TableWriter::new(
        output,
        Format::Parquet,
        columns,
        Quoting::Needed,
        Header::Always,
    )
    .unwrap();
    for chunk in reader {
        let chunk = chunk.unwrap();
        let mut rows = writer.buffers().buffer(chunk.len());
        for row in chunk.rows().iter() {
            rows.push((0..width).map(|column| row.cell(column)));
        }
        writer.append(rows).unwrap();
    }
    writer.finish().unwrap().commit().unwrap();
}

/// Matched records in all, and per rule.
fn counts(card: &str) -> (usize, Vec<usize>) {
    let mut lines = card.lines();
    let rules = lines.next().unwrap().split(',').count() - 2;
    let mut counts = vec![0; rules + 1];
    let mut records = 0;
    for line in lines {
        records += 1;
        for (count, cell) in counts.iter_mut().zip(line.split(',').skip(1)) {
            *count += usize::from(cell == "1");
        }
    }
    (records, counts)
}

#[test]
fn febrl_4_links_as_a_plain_join_does() {
    links_as_a_plain_join(&data::own("febrl"), 200, [167, 54, 141]);
    if let Some(febrl) = data::outside("data/febrl") {
        links_as_a_plain_join(&febrl, 5000, [4561, 2079, 3757]);
    }
}

/// Links, and counts the records that match under each rule.
fn links_as_a_plain_join(data: &Path, people: usize, matched: [usize; 3]) {
    let [ours, theirs] = ["dataset4a.csv", "dataset4b.csv"].map(|name| data.join(name));
    let world = World::empty();
    world.write("rules-in.toml", RULES);
    world.init(&theirs);
    let (keyholder, provider) = world.serve();

    let output = world.link_path(&ours, &["--table", "okvs"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let from_csv = world.card();
    let (records, counts) = counts(&from_csv);
    assert_eq!(records, people);
    // A card counts records. Here that is as many as there are true pairs: nobody shares these
    // values with somebody else only.
    assert_eq!(counts[1..], matched);

    let parquet = world.path("ours.parquet");
    to_parquet(&ours, &parquet);
    let output = world.link_path(&parquet, &["--table", "okvs", "--force"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.card(), from_csv);
    provider.stop();
    keyholder.stop();
}
