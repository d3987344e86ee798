//! Dates and times of Parquet files: they are the days that the writer meant, or errors.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, RecordBatch, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use blindjoin_columnar::{
    Error, Format, Input, Output, OutputColumn, ReadOptions, Reader, RowFault, widen,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowWriter, encode_arrow_schema};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

const DAY: i64 = 86_400;
/// 1980-02-02, and 1980-07-02 when clocks are an hour ahead.
const WINTER: i64 = 3_684 * DAY;
const SUMMER: i64 = 3_835 * DAY;

struct Table {
    _folder: TempDir,
    path: PathBuf,
}

impl Table {
    /// A file of one column, with what is said of it beside it.
    fn of(column: ArrayRef, beside: Option<String>) -> Self {
        let (table, file) = Self::create();
        let batch = RecordBatch::try_from_iter_with_nullable([("born", column, true)]);
        let batch = batch.expect("a batch");
        let entries = beside.map(|text| vec![KeyValue::new(ARROW_SCHEMA_META_KEY.into(), text)]);
        let properties = WriterProperties::builder().set_key_value_metadata(entries);
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, batch.schema(), options);
        let mut writer = writer.expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        table
    }

    /// The same, as writers do that say what types they had.
    fn described(column: ArrayRef) -> Self {
        let described = schema(column.data_type().clone());
        Self::of(column, Some(described))
    }

    /// A file of timestamps in 96 bits: days since 1970, and nanoseconds of the day.
    fn of_96_bits(moments: &[(i32, u64)]) -> Self {
        let (table, file) = Self::create();
        let schema = parse_message_type("message people { required int96 born; }");
        let schema = Arc::new(schema.expect("a schema"));
        let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("opened").expect("one column");
        let moments: Vec<Int96> = moments
            .iter()
            .map(|&(day, nanoseconds)| {
                let mut moment = Int96::new();
                let low = u32::try_from(nanoseconds & 0xffff_ffff).expect("32 bits");
                let high = u32::try_from(nanoseconds >> 32).expect("32 bits");
                moment.set_data(low, high, (day + 2_440_588).cast_unsigned());
                moment
            })
            .collect();
        let typed = column.typed::<Int96Type>();
        typed.write_batch(&moments, None, None).expect("written");
        column.close().expect("closed");
        group.close().expect("closed");
        writer.close().expect("closed");
        table
    }

    fn create() -> (Self, File) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("people.parquet");
        let file = File::create(&path).expect("created");
        let table = Self {
            _folder: folder,
            path,
        };
        (table, file)
    }

    fn read(&self) -> Result<Vec<Option<String>>, Error> {
        read(Reader::open(&self.path, ReadOptions::strict())?)
    }

    /// Its cells as text, of which none is null.
    fn cells(&self) -> Vec<String> {
        let cells = self.read().expect("read").into_iter();
        cells.map(|cell| cell.expect("a value")).collect()
    }

    /// The cells of a copy in Parquet, which has a column behind them.
    fn copied(&self) -> Vec<String> {
        let copy = self.path.with_file_name("copy.parquet");
        let input = Input::open(&self.path, ReadOptions::strict()).expect("there");
        let output = Output::create(&copy, true).expect("a place");
        let added = vec![OutputColumn::text("added")];
        let cells = |_, cells: &mut Vec<String>| cells.push("1".to_owned());
        let (output, _) =
            widen(&input, &[], added, (output, Format::Parquet), cells).expect("copied");
        output.commit().expect("committed");
        let cells = read(Reader::open(&copy, ReadOptions::strict()).expect("there"));
        let cells = cells.expect("read").into_iter();
        cells.map(|cell| cell.expect("a value")).collect()
    }

    /// The row whose cell has no text, and why.
    fn fault(&self) -> (u64, RowFault) {
        match self.read() {
            Err(Error::Cell {
                row, column, fault, ..
            }) if column == "born" => (row, fault),
            other => panic!("{other:?}"),
        }
    }
}

fn read(reader: Reader) -> Result<Vec<Option<String>>, Error> {
    let mut cells = Vec::new();
    for chunk in reader {
        let chunk = chunk?;
        cells.extend(
            chunk
                .rows()
                .iter()
                .map(|row| row.cell(0).map(str::to_owned)),
        );
    }
    Ok(cells)
}

fn schema(data_type: DataType) -> String {
    encode_arrow_schema(&Schema::new(vec![Field::new("born", data_type, true)]))
}

fn seconds(moments: &[i64], zone: &str) -> ArrayRef {
    let values = moments
        .iter()
        .map(|moment| moment * 1_000)
        .collect::<Vec<_>>();
    Arc::new(TimestampMillisecondArray::from(values).with_timezone(zone))
}

#[test]
fn midnight_where_the_writer_was_is_that_day() {
    for (zone, winter, summer) in [
        ("Europe/Berlin", 3_600, 7_200),
        ("Europe/Warsaw", 3_600, 7_200),
        ("America/New_York", -18_000, -14_400),
        ("Asia/Kolkata", 19_800, 19_800),
        ("Pacific/Auckland", 46_800, 43_200),
        ("+05:45", 20_700, 20_700),
        ("-03:00", -10_800, -10_800),
        ("UTC", 0, 0),
    ] {
        let table = Table::described(seconds(&[WINTER - winter, SUMMER - summer], zone));
        assert_eq!(table.cells(), ["1980-02-02", "1980-07-02"], "{zone}");
    }
}

#[test]
fn a_zone_counts_in_whatever_unit_the_writer_had_its_times() {
    let moments = TimestampMicrosecondArray::from(vec![(WINTER - 3_600) * 1_000_000]);
    let moments = Arc::new(moments.with_timezone("UTC"));
    let berlin = DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into()));
    let table = Table::of(moments, Some(schema(berlin)));
    assert_eq!(table.cells(), ["1980-02-02"]);
}

/// The writer had other units or wider types than its file: a copy says of its days what the file says.
#[test]
fn days_and_zones_stay_in_a_copy_whatever_types_the_writer_had() {
    let utc = |zone: &str| {
        let moments = TimestampMicrosecondArray::from(vec![(WINTER - 3_600) * 1_000_000]);
        (
            Arc::new(moments.with_timezone("UTC")),
            DataType::Timestamp(TimeUnit::Nanosecond, Some(zone.into())),
        )
    };
    let days = Arc::new(Date32Array::from(vec![3_684]));
    let (berlin, lagos) = (utc("Europe/Berlin"), utc("+01:00"));
    for (column, had) in [
        (berlin.0 as ArrayRef, berlin.1),
        (lagos.0, lagos.1),
        (days.clone(), DataType::Date64),
        (days, DataType::Date32),
    ] {
        let table = Table::of(column, Some(schema(had.clone())));
        assert_eq!(table.cells(), ["1980-02-02"], "{had}");
        assert_eq!(table.copied(), ["1980-02-02"], "{had}");
    }
}

#[test]
fn times_of_day_stand_behind_the_day_with_their_offset() {
    let moments = [WINTER + 1, SUMMER - 7_201, -2_900_000_000];
    let table = Table::described(seconds(&moments, "Europe/Berlin"));
    assert_eq!(
        table.cells(),
        [
            "1980-02-02T01:00:01+01:00",
            "1980-07-01T23:59:59+02:00",
            "1878-02-07T05:20:08+00:53:28"
        ]
    );
    let table = Table::described(seconds(&[WINTER + 39_600], "-03:30"));
    assert_eq!(table.cells(), ["1980-02-02T07:30:00-03:30"]);
}

#[test]
fn moments_of_which_no_zone_is_known_stay_in_utc() {
    let table = Table::of(seconds(&[WINTER - 3_600, WINTER], "Europe/Berlin"), None);
    assert_eq!(table.cells(), ["1980-02-01T23:00:00Z", "1980-02-02"]);
}

#[test]
fn timestamps_without_a_zone_are_what_a_clock_showed() {
    let moments = [Some(WINTER), None, Some(WINTER + 3_661), Some(-1)];
    let moments = moments.map(|moment| moment.map(|seconds| seconds * 1_000));
    let table = Table::described(Arc::new(TimestampMillisecondArray::from(moments.to_vec())));
    let cells = table.read().expect("read");
    let expected = [
        Some("1980-02-02"),
        None,
        Some("1980-02-02T01:01:01"),
        Some("1969-12-31T23:59:59"),
    ];
    assert_eq!(
        cells.iter().map(Option::as_deref).collect::<Vec<_>>(),
        expected
    );
    let fractions = vec![1_000_000, 1_001_000, 1_001_001, -1];
    let table = Table::described(Arc::new(TimestampNanosecondArray::from(fractions)));
    assert_eq!(
        table.cells(),
        [
            "1970-01-01T00:00:00.001",
            "1970-01-01T00:00:00.001001",
            "1970-01-01T00:00:00.001001001",
            "1969-12-31T23:59:59.999999999"
        ]
    );
}

#[test]
fn columns_to_compare_as_times_keep_time_and_offset_at_midnight() {
    let table = Table::described(seconds(&[WINTER - 3_600, WINTER], "Europe/Berlin"));
    let mut reader = Reader::open(&table.path, ReadOptions::strict()).expect("opened");
    reader.keep_times(0);
    reader.keep_times(7);
    let cells = read(reader).expect("read");
    assert_eq!(
        cells.iter().flatten().collect::<Vec<_>>(),
        ["1980-02-02T00:00:00+01:00", "1980-02-02T01:00:00+01:00"]
    );
}

#[test]
fn days_that_nanoseconds_do_not_reach_are_read_from_96_bits() {
    let noon = 12 * 3_600 * 1_000_000_000;
    let table = Table::of_96_bits(&[
        (3_684, 0),
        (376_199, noon),
        (-171_654, 0),
        (2_932_896, 1_500_000),
    ]);
    assert_eq!(
        table.cells(),
        [
            "1980-02-02",
            "2999-12-31T12:00:00",
            "1500-01-11",
            "9999-12-31T00:00:00.001"
        ]
    );
}

#[test]
fn dates_that_four_digits_of_a_year_do_not_tell_are_faults_of_their_cell() {
    assert_eq!(
        Table::of_96_bits(&[(0, 0), (2_932_897, 0)]).fault(),
        (2, RowFault::Date)
    );
    assert_eq!(
        Table::of_96_bits(&[(i32::MAX - 2_440_588, 0)]).fault(),
        (1, RowFault::Date)
    );
    for day in [2_932_897, -719_163, i32::MAX, i32::MIN] {
        let days = Date32Array::from(vec![Some(0), None, Some(day)]);
        assert_eq!(
            Table::described(Arc::new(days)).fault(),
            (3, RowFault::Date),
            "{day}"
        );
    }
    for moment in [253_402_297_200_000, -62_135_600_009_000, i64::MAX, i64::MIN] {
        let moments = TimestampMillisecondArray::from(vec![0, moment]);
        let moments = Arc::new(moments.with_timezone("Europe/Berlin"));
        assert_eq!(
            Table::described(moments).fault(),
            (2, RowFault::Date),
            "{moment}"
        );
    }
    let days = Date32Array::from(vec![2_932_896, -719_162]);
    assert_eq!(
        Table::described(Arc::new(days)).cells(),
        ["9999-12-31", "0001-01-01"]
    );
}

#[test]
fn times_that_no_day_has_are_faults_of_their_cell() {
    let noon = 12 * 3_600 * 1_000_000_000;
    let times = |last| Arc::new(Time64NanosecondArray::from(vec![noon, last]));
    assert_eq!(
        Table::described(times(2 * noon - 1)).cells(),
        ["12:00:00", "23:59:59.999999999"]
    );
    for bad in [2 * noon, -1, i64::MAX] {
        assert_eq!(
            Table::described(times(bad)).fault(),
            (2, RowFault::Time),
            "{bad}"
        );
    }
}

#[test]
fn faults_name_row_and_column_and_no_value() {
    let days = Date32Array::from(vec![0, 2_932_897]);
    let error = Table::described(Arc::new(days))
        .read()
        .expect_err("too late");
    let told = error.to_string();
    assert!(
        told.contains("people.parquet: row 2, column 'born'"),
        "{told}"
    );
    assert!(
        !told.contains("10000") && !told.contains("2932897"),
        "{told}"
    );
}

#[test]
fn a_zone_that_nobody_knows_is_a_fault_and_so_is_a_schema_that_is_none() {
    let unknown = DataType::Timestamp(TimeUnit::Millisecond, Some("Mars/Olympus".into()));
    let table = Table::of(seconds(&[WINTER], "UTC"), Some(schema(unknown)));
    match table.read() {
        Err(Error::TimeZone { column, zone, .. }) => {
            assert_eq!((&column[..], &zone[..]), ("born", "Mars/Olympus"));
        }
        other => panic!("{other:?}"),
    }
    for text in ["", "not base64", "AAAA", "/////wgAAAAAAAAA"] {
        let table = Table::of(seconds(&[WINTER], "UTC"), Some(text.to_owned()));
        assert!(
            matches!(table.read(), Err(Error::DamagedParquet { .. })),
            "{text}"
        );
        // Where it would tell no zone it does not matter.
        let days = Arc::new(Date32Array::from(vec![3_684]));
        assert_eq!(
            Table::of(days, Some(text.to_owned())).cells(),
            ["1980-02-02"]
        );
    }
}
