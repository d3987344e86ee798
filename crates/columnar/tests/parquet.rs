//! Parquet files of other programs: every codec, what columns mean, and files that are damaged.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, FixedSizeBinaryArray, RecordBatch, StringArray,
};
use blindjoin_columnar::{Content, Error, ReadOptions, Reader, RowFault};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fn read(path: &Path) -> Result<Vec<Vec<Option<String>>>, Error> {
    let reader = Reader::open(path, ReadOptions::strict())?;
    let width = reader.columns().len();
    let mut rows = Vec::new();
    for chunk in reader {
        for row in chunk?.rows().iter() {
            let cells = (0..width).map(|column| row.cell(column).map(str::to_owned));
            rows.push(cells.collect());
        }
    }
    Ok(rows)
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, compression: Compression) {
    let properties = WriterProperties::builder().set_compression(compression);
    write_with(path, columns, properties.build());
}

fn write_with(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = File::create(path).expect("created");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

/// A file of some rows, of which damaged copies are made.
fn sound(folder: &Path) -> PathBuf {
    let path = folder.join("sound.parquet");
    let ids: StringArray = (0..500).map(|row| Some(format!("id{row}"))).collect();
    let names: StringArray = (0..500).map(|row| (row % 3 > 0).then_some("Ann")).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(ids)), ("name", Arc::new(names))];
    write(&path, columns, Compression::UNCOMPRESSED);
    path
}

#[test]
fn every_codec_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let path = folder.path().join(format!("{compression}.parquet"));
        let names = StringArray::from(vec![Some("Łucja"), None, Some("Ann")]);
        write(&path, vec![("name", Arc::new(names))], compression);
        let rows = read(&path).unwrap_or_else(|error| panic!("{compression}: {error}"));
        let names: Vec<Option<&str>> = rows.iter().map(|row| row[0].as_deref()).collect();
        assert_eq!(names, [Some("Łucja"), None, Some("Ann")], "{compression}");
    }
}

/// Texts as differences of lengths: read as they are, and refused where a page claims more of them than
/// it can hold, before memory is taken for as many.
#[test]
fn delta_encodings_are_read_and_their_counts_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("delta.parquet");
    let names = || (0..500).map(|row| (row % 5 > 0).then(|| format!("Łucja {}", row / 7)));
    let expected: Vec<Vec<Option<String>>> = names().map(|name| vec![name]).collect();
    let mut refused = 0;
    for encoding in [
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY,
    ] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
                let properties = WriterProperties::builder()
                    .set_dictionary_enabled(false)
                    .set_encoding(encoding)
                    .set_writer_version(version)
                    .set_compression(compression);
                let names: StringArray = names().collect();
                let columns: Vec<(&str, ArrayRef)> = vec![("name", Arc::new(names))];
                write_with(&path, columns, properties.build());
                assert_eq!(
                    read(&path).expect("sound"),
                    expected,
                    "{encoding} {version:?}"
                );
                if compression == Compression::UNCOMPRESSED {
                    refused += with_other_counts(&path);
                }
            }
        }
    }
    // Twice for lengths, and twice for those of beginnings and of ends.
    assert_eq!(refused, 6);
}

/// Makes every delta header of a file in turn claim more than its 400 values; all are refused.
fn with_other_counts(path: &Path) -> usize {
    let sound = fs::read(path).expect("there");
    // Blocks of 128 in 4 parts, 400 values; and 511.
    let (header, other) = ([0x80, 0x01, 4, 0x90, 0x03], [0x80, 0x01, 4, 0xff, 0x03]);
    let places = sound.windows(5).enumerate();
    let places: Vec<usize> = places
        .filter(|(_, bytes)| *bytes == header)
        .map(|(at, _)| at)
        .collect();
    for &at in &places {
        let mut claims = sound.clone();
        claims[at..at + 5].copy_from_slice(&other);
        fs::write(path, claims).expect("written");
        let error = read(path).expect_err("refused").to_string();
        assert!(error.contains("claims more values"), "{error}");
    }
    places.len()
}

#[test]
fn columns_of_very_wide_fixed_bytes_are_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    for (width, columns) in [(4096, 2), (4097, 1)] {
        let path = folder.path().join(format!("{width}.parquet"));
        let wide = vec![b'a'; width];
        let wide = FixedSizeBinaryArray::try_from_iter(std::iter::once(wide)).expect("an array");
        let id = StringArray::from(vec!["1"]);
        let all: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(id)), ("wide", Arc::new(wide))];
        write(&path, all, Compression::UNCOMPRESSED);
        let reader = Reader::open(&path, ReadOptions::strict()).expect("it is read");
        assert_eq!(reader.columns().len(), columns, "{width}");
        assert_eq!(reader.notes().len(), 2 - columns, "{width}");
    }
}

#[test]
fn fixed_bytes_are_a_uuid_only_where_the_file_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, expected) in [
        ("(UUID)", "52535352-4f53-5338-3041-303148353031"),
        ("", "RSSROSS80A01H501"),
    ] {
        let path = folder.path().join(format!("x{}.parquet", kind.len()));
        let schema = format!("message people {{ required fixed_len_byte_array(16) id {kind}; }}");
        let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
        let file = File::create(&path).expect("created");
        let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("opened").expect("one column");
        let id = FixedLenByteArray::from(ByteArray::from(&b"RSSROSS80A01H501"[..]));
        column
            .typed::<FixedLenByteArrayType>()
            .write_batch(&[id], None, None)
            .expect("written");
        column.close().expect("closed");
        group.close().expect("closed");
        writer.close().expect("closed");
        assert_eq!(
            read(&path).expect("read"),
            [[Some(expected.to_owned())]],
            "{kind}"
        );
    }
}

#[test]
fn fixed_bytes_that_are_neither_uuid_nor_text_are_a_fault_of_their_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    let bytes = [*b"RSSROSS80A01H501", [0xff; 16]];
    let bytes = FixedSizeBinaryArray::try_from_iter(bytes.iter()).expect("an array");
    write(&path, vec![("id", Arc::new(bytes))], Compression::SNAPPY);
    match read(&path) {
        Err(Error::Cell {
            row: 2,
            column,
            fault: RowFault::Encoding,
            ..
        }) => assert_eq!(column, "id"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_cut_short_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fs::read(sound(folder.path())).expect("there");
    let path = folder.path().join("cut.parquet");
    for end in [4, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..end]).expect("written");
        let error = read(&path).expect_err("cut").to_string();
        assert!(
            error.contains("cut.parquet") && error.contains("copied whole"),
            "{error}"
        );
    }
}

/// A footer of a few bytes could otherwise cost minutes: what is skipped costs no byte.
#[test]
fn a_footer_of_countless_truth_values_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("endless.parquet");
    // A field that nobody knows: a list of 2147483647 truth values; many of them.
    let mut footer = Vec::new();
    for _ in 0..100 {
        footer.extend_from_slice(&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07]);
    }
    footer.push(0);
    let length = u32::try_from(footer.len()).expect("short").to_le_bytes();
    let file = [b"PAR1", &footer[..], &length, b"PAR1"].concat();
    fs::write(&path, file).expect("written");
    match read(&path) {
        Err(Error::DamagedParquet { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn encrypted_files_are_called_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    let start_only = [&b"PARE"[..], &[0; 20], b"PARE"].concat();
    // A readable footer whose field 8 names the algorithm.
    let footer = [0x8c, 0x1c, 0x00, 0x00, 0x00];
    let tail = [&b"PAR1"[..], &footer, &[5, 0, 0, 0], b"PAR1"].concat();
    for content in [start_only, tail] {
        fs::write(&path, content).expect("written");
        match read(&path) {
            Err(Error::Content {
                found: Content::EncryptedParquet,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A file as newer writers make it, of which damaged copies are made: compressed pages of the second
/// version, without a dictionary.
fn sound_and_newer(folder: &Path) -> PathBuf {
    let path = folder.join("newer.parquet");
    let ids: StringArray = (0..300).map(|row| Some(format!("id{row}"))).collect();
    let days: Date32Array = (0..300).map(|row| (row % 4 > 0).then_some(row)).collect();
    let flags: BooleanArray = (0..300).map(|row| Some(row % 3 == 0)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(ids)),
        ("day", Arc::new(days)),
        ("flag", Arc::new(flags)),
    ];
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()));
    write_with(&path, columns, properties.build());
    path
}

/// Whatever byte is changed, the file is read or refused: nothing else gets out, no panic least.
#[test]
fn damaged_files_are_errors_with_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("damaged.parquet");
    for whole in [sound(folder.path()), sound_and_newer(folder.path())] {
        let whole = fs::read(whole).expect("there");
        let mut refused = 0;
        for at in (4..whole.len() - 8).step_by(13) {
            for value in [0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                fs::write(&path, &bytes).expect("written");
                if let Err(error) = read(&path) {
                    assert!(
                        error.to_string().contains("damaged.parquet"),
                        "{at}: {error}"
                    );
                    refused += 1;
                }
            }
        }
        assert!(refused > 40, "{refused} files were refused");
    }
}

/// The decoder asserts what a damaged file does not hold; that is an error like any other.
#[test]
fn what_makes_the_decoder_panic_is_a_damaged_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flags.parquet");
    let flags: BooleanArray = (0..70)
        .map(|row| (row % 4 > 0).then_some(row % 3 == 0))
        .collect();
    write(
        &path,
        vec![("flag", Arc::new(flags))],
        Compression::UNCOMPRESSED,
    );
    let whole = fs::read(&path).expect("there");
    let panics = (4..60)
        .flat_map(|at| [(at, 1), (at, 2)])
        .filter(|&(at, value)| {
            let mut bytes = whole.clone();
            bytes[at] = value;
            fs::write(&path, &bytes).expect("written");
            let error = read(&path).err().map(|error| error.to_string());
            error.is_some_and(|error| error.contains("do not hold what its footer says"))
        });
    assert!(panics.count() > 0);
}
