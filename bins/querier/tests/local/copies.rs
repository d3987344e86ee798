//! What becomes of a registry's own columns, and where results may go.

use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::desk::{Desk, RULES, said};

const PEOPLE: &str =
    "id,nid,last,dob\n1,A1,Kowal,1980-02-03\n2,A1,Kowal,1980-02-03\n3,A3,Stone,1981-02-03\n";

/// The same people in Parquet, with visits and weights that CSV has no form for, or loses the type of.
fn parquet(desk: &Desk) {
    let mut visits = ListBuilder::new(Int32Builder::new());
    for visit in [&[7, 8][..], &[], &[9]] {
        visits.append_value(visit.iter().copied().map(Some));
    }
    let text = |cells: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(cells.to_vec())) };
    let born = [Some(3685), Some(3685), Some(4051)];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text(["1", "2", "3"])),
        ("nid", text(["A1", "A1", "A3"])),
        ("visits", Arc::new(visits.finish())),
        ("last", text(["Kowal", "Kowal", "Stone"])),
        ("dob", Arc::new(Date32Array::from(born.to_vec()))),
        (
            "weight",
            Arc::new(Int64Array::from(vec![Some(70), None, Some(81)])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(desk.path("people.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn batch(desk: &Desk, name: &str) -> RecordBatch {
    let file = File::open(desk.path(name)).unwrap();
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    batches.next().unwrap().unwrap()
}

#[test]
fn columns_keep_their_types_from_parquet_to_parquet() {
    let desk = Desk::new(RULES, PEOPLE);
    parquet(&desk);
    let run = |from: &str, to: &str| {
        let output = desk.command(&[from, "--out", to]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    run("people.parquet", "out.parquet");
    let (before, after) = (batch(&desk, "people.parquet"), batch(&desk, "out.parquet"));
    for (position, field) in before.schema().fields().iter().enumerate() {
        assert_eq!(after.schema().field(position), field.as_ref());
        assert_eq!(
            after.column(position),
            before.column(position),
            "{}",
            field.name()
        );
    }
    let names: Vec<String> = after
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names[6..], ["duplicate_of", "duplicate_rules", "keep"]);
    let keep = after
        .column(8)
        .as_any()
        .downcast_ref::<Int64Array>()
        .unwrap();
    assert_eq!(keep.values().to_vec(), [1, 0, 1]);
    assert_eq!(after.column(7).data_type(), &DataType::Utf8);
    assert!(after.column(6).is_null(0) && !after.column(6).is_null(1));
    // Its own output is the input again.
    run("out.parquet", "again.parquet");
    assert_eq!(batch(&desk, "again.parquet"), after);
}

/// Values of many kinds, of which text would lose some part.
#[test]
fn every_kind_of_column_is_copied_as_it_is() {
    let desk = Desk::new(RULES, PEOPLE);
    let text = |cells: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(cells.to_vec())) };
    let ward = Arc::new(Field::new("ward", DataType::Int64, true));
    let wards: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let mut codes = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..3 {
        codes.keys().append_value("code");
        codes.values().append_value(row);
        codes.append(row != 1).unwrap();
    }
    let sums = Decimal128Array::from(vec![Some(12_345), None, Some(-1)]);
    let kinds: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    let seen = TimestampNanosecondArray::from(vec![Some(1), None, Some(1_600_000_000_123_456_789)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("stay", Arc::new(StructArray::from(vec![(ward, wards)]))),
        ("id", text(["1", "2", "3"])),
        ("codes", Arc::new(codes.finish())),
        ("nid", text(["A1", "A1", "A3"])),
        (
            "sum",
            Arc::new(sums.with_precision_and_scale(12, 3).unwrap()),
        ),
        ("last", text(["Kowal", "Kowal", "Stone"])),
        ("kind", Arc::new(kinds)),
        ("dob", text(["1980-02-03", "1980-02-03", "1981-02-03"])),
        ("seen", Arc::new(seen.with_timezone("Asia/Kathmandu"))),
        (
            "code",
            Arc::new(BinaryArray::from(vec![&b"x1"[..], b"", b"y"])),
        ),
        (
            "weight",
            Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::NAN), None])),
        ),
    ];
    let batch_before = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(desk.path("people.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch_before.schema(), None).unwrap();
    writer.write(&batch_before).unwrap();
    writer.close().unwrap();
    for (from, to) in [
        ("people.parquet", "out.parquet"),
        ("out.parquet", "again.parquet"),
    ] {
        let output = desk.command(&[from, "--out", to]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let after = batch(&desk, to);
        assert_eq!(after.num_columns(), batch_before.num_columns() + 3);
        for (position, field) in batch_before.schema().fields().iter().enumerate() {
            assert_eq!(after.schema().field(position), field.as_ref());
            // As debugging shows them: what is no number equals nothing.
            let values = |batch: &RecordBatch| format!("{:?}", batch.column(position));
            assert_eq!(values(&after), values(&batch_before), "{}", field.name());
        }
    }
}

#[test]
fn people_and_their_latest_visits_are_told_by_the_clock_of_the_writer() {
    let desk = Desk::new(RULES, PEOPLE);
    let text = |cells: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(cells.to_vec())) };
    let berlin = |moments: [i64; 3]| -> ArrayRef {
        let moments = moments.map(|seconds| seconds * 1_000).to_vec();
        Arc::new(TimestampMillisecondArray::from(moments).with_timezone("Europe/Berlin"))
    };
    // 1980-02-03 at midnight there, and a day later; half past midnight on 2021-01-02, midnight, and
    // the evening before.
    let born = [318_380_400, 318_380_400, 318_466_800];
    let seen = [1_609_543_800, 1_609_542_000, 1_609_538_400];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text(["1", "2", "3"])),
        ("nid", text(["", "", "A3"])),
        ("last", text(["Kowal", "Kowal", "Kowal"])),
        ("dob", berlin(born)),
        ("seen", berlin(seen)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(desk.path("zoned.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let arguments = ["zoned.parquet", "--out", "out.csv", "--latest", "seen"];
    let output = desk.command(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let out = desk.read("out.csv");
    let keep = out.lines().skip(1).map(|line| line.ends_with(",1"));
    assert_eq!(keep.collect::<Vec<_>>(), [true, false, true], "{out}");
    assert!(
        out.lines().nth(1).unwrap().contains(",1980-02-03,"),
        "{out}"
    );
}

#[test]
fn lists_that_csv_cannot_hold_are_refused_by_name_before_anything_is_written() {
    let desk = Desk::new(RULES, PEOPLE);
    parquet(&desk);
    let output = desk
        .command(&["people.parquet", "--out", "out.csv"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(
        told.contains("columns visits") && told.contains(".parquet"),
        "{told}"
    );
    assert!(!desk.path("out.csv").exists());
}

#[test]
fn columns_go_from_csv_to_either_and_back() {
    let desk = Desk::new(RULES, PEOPLE);
    let run = |from: &str, to: &str| {
        let output = desk
            .command(&[from, "--out", to, "--force", "-q"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    run("people.csv", "out.csv");
    run("people.csv", "out.parquet");
    run("out.parquet", "back.csv");
    assert_eq!(desk.read("back.csv"), desk.read("out.csv"));
    assert!(
        desk.read("out.csv")
            .starts_with("id,nid,last,dob,duplicate_of,duplicate_rules,keep\n")
    );
}

#[test]
fn other_separators_are_named_and_read() {
    for separator in [";", "|", "\t"] {
        let desk = Desk::new(RULES, &PEOPLE.replace(',', separator));
        let told = desk.fails(&[]);
        assert!(told.contains("--delimiter"), "{told}");
        assert_eq!(desk.kept(&["--delimiter", separator]), ["1", "3"]);
    }
}

#[test]
fn two_results_never_go_to_one_file() {
    let desk = Desk::new(RULES, PEOPLE);
    std::fs::create_dir(desk.path("folder")).unwrap();
    std::os::unix::fs::symlink("../out.csv", desk.path("folder/link.csv")).unwrap();
    for pairs in [
        "out.csv",
        "./out.csv",
        "folder/../out.csv",
        "folder/link.csv",
    ] {
        let output = desk.dedupe(&["--pairs", pairs]);
        assert_eq!(output.status.code(), Some(2), "{pairs}: {}", said(&output));
        assert!(said(&output).contains("two outputs"), "{}", said(&output));
        assert!(!desk.path("out.csv").exists());
    }
    let output = desk.dedupe(&["--pairs", "pairs.csv"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(desk.read("pairs.csv"), "a_record_id,b_record_id\n1,2\n");
}

#[test]
fn an_output_whose_name_says_otherwise_is_refused() {
    let desk = Desk::new(RULES, PEOPLE);
    let output = desk.dedupe(&["--out-format", "parquet"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("out.csv: its name says CSV"),
        "{}",
        said(&output)
    );
}

#[test]
fn an_empty_registry_is_one_of_no_persons() {
    let desk = Desk::new(RULES, "id,nid,last,dob\n");
    let output = desk.dedupe(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("people.csv: there are no records"),
        "{}",
        said(&output)
    );
    assert_eq!(
        desk.read("out.csv"),
        "id,nid,last,dob,duplicate_of,duplicate_rules,keep\n"
    );
}

#[test]
fn a_rule_that_no_record_can_use_is_refused_unless_it_is_meant() {
    for (people, words) in [
        (
            "id,nid,last,dob\n1,,Kowal,1980-02-03\n2,,Stone,1980-02-03\n",
            "ID (nid is missing in 2)",
        ),
        (
            "id,nid,last,dob\n1,n/a,Kowal,1980-02-03\n",
            "ID (nid is a placeholder in 1)",
        ),
        (
            "id,nid,last,dob\n1,A1,,1980-02-03\n2,A2,Hill,1980-02-33\n",
            "NAME (birth_date does not fit its expression in 1, last_name is missing in 1)",
        ),
    ] {
        let desk = Desk::new(RULES, people);
        let told = desk.fails(&[]);
        assert!(
            told.contains(words) && told.contains("--allow-empty"),
            "{told}"
        );
        let output = desk.dedupe(&["--allow-empty"]);
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn figures_are_had_as_data() {
    let desk = Desk::new(
        RULES,
        "id,nid,last,dob\n1,A1,Kowal,1980-02-03\n2,A1,,1980-02-03\n",
    );
    let output = desk.dedupe(&["--json", "-q"]);
    assert!(output.status.success(), "{}", said(&output));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["records"], 2);
    assert_eq!(figures["persons"], 1);
    assert_eq!(figures["duplicates"], 1);
    assert_eq!(figures["outputs"][0], "out.csv");
    assert!(
        figures["findings"].to_string().contains("last_name"),
        "{figures}"
    );
    let both = desk
        .command(&["people.csv", "--out", "-", "--json"])
        .output()
        .unwrap();
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
}
