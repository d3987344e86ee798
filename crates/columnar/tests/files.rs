//! Files on disk: what is read back equals what was written, and every bad file is refused for its
//! own reason.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use blindjoin_columnar::{
    CardWriter, Error, Format, Header, Input, Note, Output, OutputColumn, Quoting, ReadOptions,
    Reader, RowFault, TableWriter,
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("written");
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn read(path: &Path, options: ReadOptions) -> Result<Vec<Vec<Option<String>>>, Error> {
    let reader = Reader::open(path, options)?;
    let width = reader.columns().len();
    let mut rows = Vec::new();
    for chunk in reader {
        let chunk = chunk?;
        assert_eq!(chunk.first_row(), rows.len() as u64 + 1);
        for row in chunk.rows().iter() {
            rows.push(
                (0..width)
                    .map(|column| row.cell(column).map(str::to_owned))
                    .collect(),
            );
        }
    }
    Ok(rows)
}

fn fault(content: &[u8]) -> (u64, Option<u64>, RowFault) {
    let folder = Folder::new();
    match read(&folder.file("x.csv", content), ReadOptions::strict()) {
        Err(Error::Row {
            row, line, fault, ..
        }) => (row, line, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_rows_are_named_by_row_and_line() {
    let long = b"id,name\n1,a\n\n2,b,c\n";
    assert_eq!(
        fault(long),
        (
            2,
            Some(4),
            RowFault::Cells {
                expected: 2,
                found: 3
            }
        )
    );
    let short = b"id,name\n1,\"a\nb\"\n2\n";
    assert_eq!(
        fault(short),
        (
            2,
            Some(4),
            RowFault::Cells {
                expected: 2,
                found: 1
            }
        )
    );
    let latin1 = b"id,name\n1,a\n2,Jos\xe9\n";
    assert_eq!(fault(latin1), (2, Some(3), RowFault::Encoding));
    let open = b"id,name\n1,a\n2,\"b\n3,c\n";
    assert_eq!(fault(open), (2, Some(3), RowFault::UnclosedQuote));
    let after = b"id,name\n1,\"a\"b\n";
    assert_eq!(fault(after), (1, Some(2), RowFault::TextAfterQuote));
}

#[test]
fn a_bad_row_far_into_a_file_has_its_true_number() {
    let mut text = String::from("id,name\n");
    for row in 1..=50_000 {
        writeln!(text, "{row},\"x\ny\"").expect("strings take all text");
    }
    text.push_str("50001,\"x\"y\n");
    let expected = (50_001, Some(100_002), RowFault::TextAfterQuote);
    assert_eq!(fault(text.as_bytes()), expected);
}

#[test]
fn messages_never_hold_content() {
    let folder = Folder::new();
    let path = folder.file("x.csv", b"id,name\n1,secret,more\n");
    let error = read(&path, ReadOptions::strict()).expect_err("faulty");
    let text = error.to_string();
    assert!(
        text.contains("row 1 (line 2)") && text.contains("3 cells"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn lenient_reading_pads_and_cuts_and_counts() {
    let folder = Folder::new();
    let path = folder.file("x.csv", b"id,name,id\n1\n2,b,c,d\n3,x,y\n");
    let rows = read(&path, ReadOptions::lenient()).expect("lenient");
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(rows[0], [some("1"), None, None]);
    assert_eq!(rows[1], [some("2"), some("b"), some("c")]);
    let mut reader = Reader::open(&path, ReadOptions::lenient()).expect("opened");
    let chunk = reader.next().expect("rows").expect("well-formed");
    assert_eq!(
        (chunk.ragged_rows(), chunk.first_ragged_row()),
        (2, Some(1))
    );
    match Reader::open(&path, ReadOptions::strict()) {
        Err(Error::DuplicateColumn { column, .. }) => assert_eq!(column, "id"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn headers_keep_their_blanks_and_lose_a_byte_order_mark() {
    let folder = Folder::new();
    let path = folder.file("x.csv", b"\xef\xbb\xbf\"rec_id\", given_name\r\n1, a\r\n");
    let reader = Reader::open(&path, ReadOptions::strict()).expect("opened");
    assert_eq!(reader.columns(), ["rec_id", " given_name"]);
    assert_eq!(reader.notes(), [Note::ByteOrderMark]);
}

#[test]
fn files_that_are_no_tables_are_refused() {
    let folder = Folder::new();
    let open = |name: &str, content: &[u8]| {
        Reader::open(&folder.file(name, content), ReadOptions::strict()).expect_err("refused")
    };
    assert!(matches!(open("a.csv", b""), Error::EmptyFile { .. }));
    assert!(matches!(open("b.csv", b"\n\r\n"), Error::EmptyFile { .. }));
    assert!(matches!(
        open("c.csv", b"\xef\xbb\xbf"),
        Error::EmptyFile { .. }
    ));
    assert!(matches!(
        open("f.csv", b"id,\xe9\n"),
        Error::HeaderEncoding { .. }
    ));
    assert!(matches!(
        open("h.parquet", b"PAR1 and then something else"),
        Error::DamagedParquet { .. }
    ));
    assert!(matches!(open("i.parquet", b""), Error::EmptyFile { .. }));
    assert!(matches!(
        open("j.txt", b"id\n"),
        Error::UnknownFormat { .. }
    ));
    let missing = Reader::open(&folder.path("none.csv"), ReadOptions::strict());
    assert!(matches!(missing, Err(Error::Input { .. })));
}

#[test]
fn a_file_of_another_kind_is_called_by_its_name_and_says_what_to_do() {
    let folder = Folder::new();
    let complaint = |name: &str, content: &[u8]| {
        let path = folder.file(name, content);
        let error = Reader::open(&path, ReadOptions::strict()).expect_err("refused");
        assert!(matches!(error, Error::Content { .. }), "{error}");
        error.to_string()
    };
    let workbook = b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0....[Content_Types].xml";
    for (name, content, words) in [
        (
            "a.csv",
            &b"\x1f\x8b\x08\0\0"[..],
            &["gzip", "decompress"][..],
        ),
        ("a.csv.gz", b"\x1f\x8b\x08\0\0", &["gzip", "decompress"]),
        ("b.csv", b"\x28\xb5\x2f\xfd....", &["Zstandard"]),
        ("c.csv", workbook, &["workbook", "CSV UTF-8"]),
        ("c.xlsx", workbook, &["workbook", "CSV UTF-8"]),
        ("d.csv", b"\xff\xfei\0d\0", &["UTF-16", "--encoding utf-16"]),
        ("e.csv", b"i\0d\0,\0", &["UTF-16"]),
        (
            "f.csv",
            b"PAR1....",
            &["a Parquet file", "--format parquet"],
        ),
        (
            "f.data",
            b"PAR1....",
            &["a Parquet file", "--format parquet"],
        ),
        ("g.parquet", b"id,name\n1,2\n", &["text", "--format csv"]),
        ("h.parquet", b"\x1f\x8b\x08\0\0", &["gzip"]),
        ("i.parquet", b"id\0name", &["unknown kind"]),
        ("j.parquet", b"PARE....PARE", &["encrypted Parquet"]),
        ("k.json", b"[{\"id\": 1}]", &["JSON"]),
        ("l.csv", b"<html><table>", &["web page"]),
    ] {
        let text = complaint(name, content);
        for word in words {
            assert!(text.contains(word), "{name}: {text}");
        }
        assert!(!text.contains("UTF-8") || !name.starts_with('a'), "{text}");
    }
}

#[test]
fn a_header_of_one_cell_that_holds_a_separator_asks_which_one_it_is() {
    let folder = Folder::new();
    for (content, option) in [
        (&b"id;name\n1;Ann\n"[..], "--delimiter ';'"),
        (b"id\tname\n1\tAnn\n", "--delimiter 'tab'"),
        (b"id|name\n1|Ann\n", "--delimiter '|'"),
        (
            b"\xef\xbb\xbf\"id\";\"name\"\r\n1;Ann\r\n",
            "--delimiter ';'",
        ),
    ] {
        let path = folder.file("x.csv", content);
        match Reader::open(&path, ReadOptions::strict()) {
            Err(error @ Error::Delimiter { .. }) => {
                let text = error.to_string();
                assert!(text.contains(option), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    let one = folder.file("one.csv", b"id;name\n1\n");
    let told = ReadOptions::strict().with_delimiter(Some(b','));
    assert_eq!(read(&one, told).expect("one column").len(), 1);
    let quoted = folder.file("quoted.csv", b"\"a|b\",c\n1,2\n");
    assert_eq!(
        read(&quoted, ReadOptions::strict())
            .expect("two columns")
            .len(),
        1
    );
}

#[test]
fn delimiters_are_those_told_or_those_of_the_name() {
    let folder = Folder::new();
    let expected = [[Some("1,5".to_owned()), Some("Ann;\tB".to_owned())]];
    let told = |delimiter| ReadOptions::strict().with_delimiter(Some(delimiter));
    let semicolons = folder.file("s.csv", b"id;name\n1,5;\"Ann;\tB\"\n");
    assert_eq!(read(&semicolons, told(b';')).expect("a table"), expected);
    let bars = folder.file("b.csv", b"id|name\n\"1,5\"|Ann;\tB\n");
    assert_eq!(read(&bars, told(b'|')).expect("a table"), expected);
    for name in ["t.tsv", "t.TAB"] {
        let tabs = folder.file(name, b"id\tname\n1,5\t\"Ann;\tB\"\n");
        let rows = read(&tabs, ReadOptions::strict()).expect("a table");
        assert_eq!(rows, expected, "{name}");
    }
}

#[test]
fn the_digest_is_that_of_the_bytes_read() {
    let folder = Folder::new();
    let mut text = String::from("\u{feff}id,name\n");
    for row in 0..40_000 {
        writeln!(text, "{row},\"x\ny\"").expect("strings take all text");
    }
    let path = folder.file("x.csv", text.as_bytes());
    let options = ReadOptions {
        digest: true,
        ..ReadOptions::strict()
    };
    let sha256 = |bytes: &[u8]| {
        use sha2::Digest as _;
        <[u8; 32]>::from(sha2::Sha256::digest(bytes))
    };
    let stream = Box::new(std::io::Cursor::new(text.clone().into_bytes()));
    let mut reader = Reader::from_csv(stream, "x".into(), None, options).expect("opened");
    assert_eq!(
        reader
            .by_ref()
            .map(|chunk| chunk.expect("rows").len())
            .sum::<usize>(),
        40_000
    );
    assert_eq!(reader.digest(), Some(sha256(text.as_bytes())));
    let mut reader = Reader::open(&path, options).expect("opened");
    fs::remove_file(&path).expect("removed");
    folder.file("x.csv", b"another file of its name");
    assert_eq!(reader.by_ref().flatten().count(), 5);
    assert_eq!(reader.digest(), Some(sha256(text.as_bytes())));
    let reader = Reader::open(&path, ReadOptions::strict()).expect("opened");
    assert_eq!(reader.digest(), None, "it was not asked for");
}

#[test]
fn a_file_is_read_again_as_it_was_and_a_stream_from_its_copy() {
    let folder = Folder::new();
    let path = folder.file("x.csv", b"id\n1\n2\n");
    let count = |input: &Input| {
        let chunks = input.reader().expect("opened");
        chunks
            .map(|chunk| chunk.expect("rows").len())
            .sum::<usize>()
    };
    let input = Input::open(&path, ReadOptions::strict()).expect("opened");
    fs::remove_file(&path).expect("removed");
    folder.file("x.csv", b"id\n1\n2\n3\n");
    assert_eq!(
        (count(&input), count(&input)),
        (2, 2),
        "the file that was opened"
    );

    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "id\n1\n2\n3\n4\n")
    });
    let options = ReadOptions::strict().with_format(Some(Format::Csv));
    let input = Input::open(&pipe, options).expect("opened");
    let input = input.repeatable().expect("copied");
    assert_eq!((count(&input), count(&input)), (4, 4));
    writer.join().expect("it ends").expect("written");
}

#[test]
fn a_file_without_a_byte_may_be_a_table_without_rows() {
    let folder = Folder::new();
    let options = ReadOptions {
        may_be_empty: true,
        ..ReadOptions::strict()
    };
    for name in ["x.csv", "x.parquet"] {
        let mut reader = Reader::open(&folder.file(name, b""), options).expect("a table");
        assert!(
            reader.columns().is_empty() && reader.next().is_none(),
            "{name}"
        );
    }
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    let folder = Folder::new();
    let rows = read(&folder.file("x.csv", b"id,name"), ReadOptions::strict()).expect("a table");
    assert!(rows.is_empty());
}

#[test]
fn every_primitive_type_of_parquet_becomes_text() {
    let midnight = 1_700_006_400_000_000; // 2023-11-15 00:00 UTC
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("whole", Arc::new(Int64Array::from(vec![Some(-7), None]))),
        (
            "zip",
            Arc::new(Float64Array::from(vec![98_101.0, f64::NAN])),
        ),
        ("flag", Arc::new(BooleanArray::from(vec![true, false]))),
        ("born", Arc::new(Date32Array::from(vec![6_655, -1]))),
        (
            "born_at",
            Arc::new(TimestampMicrosecondArray::from(vec![
                midnight,
                midnight + 1_500_000,
            ])),
        ),
        (
            "seen",
            Arc::new(TimestampMicrosecondArray::from(vec![midnight, 0]).with_timezone("UTC")),
        ),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![1_250, -5])
                    .with_precision_and_scale(10, 2)
                    .expect("fits"),
            ),
        ),
        (
            "state",
            Arc::new(DictionaryArray::<Int32Type>::from_iter(["WA", "OR"])),
        ),
        ("text", Arc::new(StringArray::from(vec![Some("é"), None]))),
        ("visits", Arc::new(list)),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let folder = Folder::new();
    let path = folder.path("x.parquet");
    let file = File::create(&path).expect("created");
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let reader = Reader::open(&path, ReadOptions::strict()).expect("opened");
    assert_eq!(
        reader.notes(),
        [Note::ColumnsLeftOut(vec!["visits".into()])]
    );
    assert_eq!(reader.total(), Some(2));
    let rows = read(&path, ReadOptions::strict()).expect("read");
    let texts = |row: &[Option<String>]| -> Vec<String> {
        row.iter()
            .map(|cell| cell.clone().unwrap_or_else(|| "NULL".into()))
            .collect()
    };
    let zoned = "2023-11-15";
    assert_eq!(
        texts(&rows[0]),
        [
            "-7",
            "98101",
            "true",
            "1988-03-22",
            "2023-11-15",
            zoned,
            "12.50",
            "WA",
            "é"
        ]
    );
    let instant = "2023-11-15T00:00:01.500";
    let epoch = "1970-01-01";
    assert_eq!(
        texts(&rows[1]),
        [
            "NULL",
            "NULL",
            "false",
            "1969-12-31",
            instant,
            epoch,
            "-0.05",
            "OR",
            "NULL"
        ]
    );
}

#[test]
fn tables_come_back_as_they_were_written() {
    let folder = Folder::new();
    for format in [Format::Csv, Format::Parquet] {
        let path = folder.path(if format == Format::Csv {
            "t.csv"
        } else {
            "t.parquet"
        });
        let columns = vec![OutputColumn::text("id"), OutputColumn::integer("n")];
        let output = Output::create(&path, false).expect("created");
        let mut table = TableWriter::new(
            output,
            format,
            columns,
            Quoting::OuterBlanks,
            Header::Always,
        )
        .expect("begun");
        let ids = ["a", " b", "c,d", "e\"f", "g\nh", ""];
        for (number, id) in ids.iter().enumerate() {
            let mut rows = table.buffers().buffer(1);
            rows.push([Some(*id), Some(number.to_string()).as_deref()]);
            table.append(rows).expect("appended");
        }
        assert_eq!(table.rows(), 6);
        table
            .finish()
            .expect("finished")
            .commit()
            .expect("committed");
        let rows = read(&path, ReadOptions::strict()).expect("read");
        let found: Vec<&str> = rows
            .iter()
            .map(|row| row[0].as_deref().expect("text"))
            .collect();
        assert_eq!(found, ids);
        assert_eq!(rows[5][1].as_deref(), Some("5"));
        if format == Format::Csv {
            let text = fs::read_to_string(&path).expect("there");
            assert_eq!(
                text,
                "id,n\na,0\n\" b\",1\n\"c,d\",2\n\"e\"\"f\",3\n\"g\nh\",4\n,5\n"
            );
        }
    }
}

#[test]
fn without_rows_there_may_be_no_bytes() {
    let folder = Folder::new();
    let path = folder.path("t.csv");
    let output = Output::create(&path, false).expect("created");
    let columns = vec![OutputColumn::distinct_text("Token")];
    let table = TableWriter::new(
        output,
        Format::Csv,
        columns,
        Quoting::Needed,
        Header::WithRows,
    );
    table
        .expect("begun")
        .finish()
        .expect("finished")
        .commit()
        .expect("committed");
    assert_eq!(fs::read(&path).expect("there"), b"");
}

#[test]
fn cards_have_a_line_per_record() {
    let folder = Folder::new();
    let path = folder.path("card.csv");
    let output = Output::create(&path, false).expect("created");
    let mut card = CardWriter::new(output, Format::Csv, ["ID", "NAME"]).expect("begun");
    card.push("r1", [Some(true), None]).expect("pushed");
    card.push("r2", [Some(false), Some(false)]).expect("pushed");
    card.push("r,3", [None, None]).expect("pushed");
    card.finish()
        .expect("finished")
        .commit()
        .expect("committed");
    let text = fs::read_to_string(&path).expect("there");
    assert_eq!(
        text,
        "record_id,matched,ID,NAME\nr1,1,1,\nr2,0,0,0\n\"r,3\",,,\n"
    );
}
