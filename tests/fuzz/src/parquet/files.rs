//! Small files of many kinds, as writers of Parquet make them.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array,
    Int16Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Files by name. Those whose names begin with `bad-` are refused.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let plain = write(texts(), properties());
    let end = plain.len() - 1;
    vec![
        (
            "bad-truth-values",
            // A list of 2147483647 truth values in a field that nobody knows.
            around(&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00]),
        ),
        ("bad-cut", plain[..end].to_vec()),
        ("bad-encrypted", around(&[0x8c, 0x1c, 0x00, 0x00, 0x00])),
        ("plain", plain),
        ("values", write(values(), newer())),
        ("times", write(times(), properties())),
        ("nested", write(nested(), properties())),
        ("moments", moments()),
        (
            "lengths",
            write(texts(), encoded(Encoding::DELTA_LENGTH_BYTE_ARRAY)),
        ),
        (
            "differences",
            write(texts(), encoded(Encoding::DELTA_BYTE_ARRAY)),
        ),
    ]
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn texts() -> Columns {
    let names: StringArray = (0..9).map(|row| (row % 3 > 0).then_some("Łucja")).collect();
    let ids: StringArray = (0..9).map(|row| Some(format!("id{row}"))).collect();
    vec![("id", Arc::new(ids)), ("name", Arc::new(names))]
}

fn values() -> Columns {
    let flags: BooleanArray = (0..20).map(|row| Some(row % 3 == 0)).collect();
    let days: Date32Array = (0..20).map(|row| (row % 4 > 0).then_some(row)).collect();
    let sums = Decimal128Array::from(vec![-1_234_567_i128; 20]).with_precision_and_scale(12, 3);
    let sizes: Float64Array = (0..20).map(|row| Some(f64::from(row) / 7.0)).collect();
    let bytes = FixedSizeBinaryArray::try_from_iter((0..20).map(|_| *b"RSSMRA80A01H501U"));
    vec![
        ("flag", Arc::new(flags)),
        ("day", Arc::new(days)),
        ("sum", Arc::new(sums.expect("few digits"))),
        ("size", Arc::new(sizes)),
        ("code", Arc::new(bytes.expect("equal lengths"))),
    ]
}

fn times() -> Columns {
    let at = || TimestampMillisecondArray::from(vec![Some(318_294_000_000), None, Some(-1)]);
    vec![
        ("zoned", Arc::new(at().with_timezone("Europe/Berlin"))),
        ("clock", Arc::new(at())),
    ]
}

fn nested() -> Columns {
    let mut visits = ListBuilder::new(Int32Builder::new());
    for row in 0..4 {
        (0..row).for_each(|visit| visits.values().append_value(visit));
        visits.append(row != 2);
    }
    let wards: ArrayRef = Arc::new(Int16Array::from(vec![Some(1), None, Some(3), Some(4)]));
    let ward = Arc::new(Field::new("ward", DataType::Int16, true));
    vec![
        ("id", Arc::new(StringArray::from(vec!["a", "b", "c", "d"]))),
        ("visits", Arc::new(visits.finish())),
        ("stay", Arc::new(StructArray::from(vec![(ward, wards)]))),
    ]
}

/// A timestamp of 96 bits.
fn moments() -> Vec<u8> {
    let schema = parse_message_type("message people { required int96 born; }");
    let schema = Arc::new(schema.expect("a schema"));
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::new(properties().build()))
        .expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let mut column = group.next_column().expect("opened").expect("one column");
    let born = [Int96::from(vec![0, 0, 2_444_255])];
    column
        .typed::<Int96Type>()
        .write_batch(&born, None, None)
        .expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
    file
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("seeds".to_owned())
        .set_compression(Compression::SNAPPY)
}

fn newer() -> WriterPropertiesBuilder {
    properties()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
}

fn encoded(encoding: Encoding) -> WriterPropertiesBuilder {
    properties()
        .set_dictionary_enabled(false)
        .set_encoding(encoding)
        .set_compression(Compression::UNCOMPRESSED)
}

fn write(columns: Columns, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build()))
        .expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    file
}

/// A file that is a footer alone.
fn around(footer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(footer.len()).expect("short").to_le_bytes();
    [b"PAR1", footer, &length, b"PAR1"].concat()
}
