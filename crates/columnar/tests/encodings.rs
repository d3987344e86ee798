//! Text files that are not UTF-8: read as what they are said to be, and refused by row where they are
//! not that.

use std::fmt::Write as _;

use blindjoin_columnar::{Error, Input, ReadOptions, Reader, RowFault};
use blindjoin_record::{Encoding, RuleSet};
use sha2::{Digest, Sha256};

/// What is read from a file of these bytes: its header, and the cells of its rows.
fn read(bytes: &[u8], options: ReadOptions) -> Result<Vec<Vec<String>>, Error> {
    let file = tempfile::Builder::new().suffix(".csv").tempfile();
    let file = file.expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    let mut reader = Input::open(file.path(), options)?.reader()?;
    let mut rows = vec![reader.columns().to_vec()];
    while let Some(chunk) = reader.next().transpose()? {
        for row in chunk.rows().iter() {
            let cells = (0..rows[0].len()).map(|column| row.cell(column).unwrap_or("-").to_owned());
            rows.push(cells.collect());
        }
    }
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    assert_eq!(reader.digest(), Some(digest), "of the bytes as they are");
    Ok(rows)
}

fn read_as(encoding: Encoding, bytes: &[u8]) -> Result<Vec<Vec<String>>, Error> {
    let options = ReadOptions {
        digest: true,
        ..ReadOptions::strict().with_encoding(Some(encoding))
    };
    read(bytes, options)
}

fn row_fault(encoding: Encoding, bytes: &[u8]) -> (u64, RowFault, String) {
    match read_as(encoding, bytes) {
        Err(error @ Error::Row { row, fault, .. }) => (row, fault, error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_reads_as_it_would_in_utf_8() {
    let expected = [
        ["id", "Größe"],
        ["1", "Müller, Jörg"],
        ["2", "René\nÉtienne"],
    ];
    let marked = "\u{feff}id,Größe\n1,\"Müller, Jörg\"\n2,\"René\nÉtienne\"\n";
    let text = &marked[3..];
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin"))
        .collect();
    for encoding in [Encoding::Windows1252, Encoding::Latin1, Encoding::Latin9] {
        assert_eq!(
            read_as(encoding, &latin).expect("read"),
            expected,
            "{encoding}"
        );
    }
    for text in [marked, text] {
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read_as(Encoding::Utf16, &little).expect("read"), expected);
        assert_eq!(read_as(Encoding::Utf16, &big).expect("read"), expected);
    }
    let polish = b"id,nazwisko\n1,W\xf3jcik\n2,\xa3uczak\n3,P\xd3\xa3TORAK\n";
    let rows = read_as(Encoding::Windows1250, polish).expect("read");
    assert_eq!(
        rows[1..],
        [["1", "Wójcik"], ["2", "Łuczak"], ["3", "PÓŁTORAK"]]
    );
}

#[test]
fn text_beyond_one_reading_is_whole() {
    let mut text = String::from("id,name\n");
    for row in 0..100_000 {
        writeln!(text, "{row},Łucja Ζωή {row}").expect("strings take all text");
    }
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(units.len() > 3 << 20);
    let rows = read_as(Encoding::Utf16, &units).expect("read");
    assert_eq!(rows.len(), 100_001);
    assert!(
        rows[1..]
            .iter()
            .enumerate()
            .all(|(row, cells)| cells[1] == format!("Łucja Ζωή {row}"))
    );
}

#[test]
fn bytes_without_a_character_are_a_fault_of_their_row() {
    let smart = b"id,name\n1,Ann\n\n2,O\x92Brien\n3,Jos\xe9\n";
    let (row, fault, told) = row_fault(Encoding::Latin1, smart);
    assert_eq!((row, fault), (2, RowFault::NoCharacter(Encoding::Latin1)));
    assert!(
        told.contains("(line 4)") && told.contains("iso-8859-1"),
        "{told}"
    );
    assert!(!told.contains("Brien"), "{told}");
    assert_eq!(
        read_as(Encoding::Windows1252, smart).expect("read")[2],
        ["2", "O’Brien"]
    );
    let (row, fault, _) = row_fault(Encoding::Windows1252, b"id,name\n1,\x81\n");
    assert_eq!(
        (row, fault),
        (1, RowFault::NoCharacter(Encoding::Windows1252))
    );
    // Half a character at the end.
    let (row, fault, _) = row_fault(Encoding::Utf16, b"i\0,\0x\0\n\x001\0,\0a");
    assert_eq!((row, fault), (1, RowFault::NoCharacter(Encoding::Utf16)));
}

#[test]
fn utf_8_that_is_said_to_be_something_else_is_a_fault_of_its_first_row() {
    for encoding in [
        Encoding::Windows1252,
        Encoding::Windows1250,
        Encoding::Ibm850,
    ] {
        let (row, fault, told) =
            row_fault(encoding, "id,name\n1,Ann\n2,Müller\n3,Łucja\n".as_bytes());
        assert_eq!((row, fault), (2, RowFault::Utf8Already(encoding)));
        assert!(
            told.contains(encoding.name()) && told.contains("UTF-8"),
            "{told}"
        );
    }
    match read_as(Encoding::Windows1252, "id,Größe\n1,2\n".as_bytes()) {
        Err(error @ Error::HeaderEncoding { .. }) => {
            assert!(error.to_string().contains("windows-1252"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_of_an_unsaid_encoding_name_the_setting() {
    for bytes in [
        &b"id,name\n1,Jos\xe9\n"[..],
        b"id,pr\xe9nom\n1,Ann\n",
        b"\xff\xfei\0d\0\n\0",
    ] {
        let told = read(bytes, ReadOptions::strict())
            .expect_err("refused")
            .to_string();
        assert!(
            told.contains("--encoding ") && told.contains("[input]"),
            "{told}"
        );
    }
}

#[test]
fn rules_say_how_a_partys_files_are_encoded_and_nothing_else_changes() {
    let rules = |input: &str| {
        let text = format!("base = \"ssn\"\n{input}");
        RuleSet::from_toml(&text).expect("rules")
    };
    let ours = rules("[input]\nencoding = \"windows-1252\"\n");
    assert_eq!(ours.digest(), rules("").digest());
    let options = ReadOptions::strict().with_encoding(ours.encoding());
    let name = "people.csv".into();
    let source = Box::new(&b"id,name\n1,Jos\xe9\n"[..]);
    let mut reader = Reader::from_csv(source, name, None, options).expect("opened");
    let chunk = reader.next().expect("rows").expect("read");
    assert_eq!(
        chunk.rows().iter().next().and_then(|row| row.cell(1)),
        Some("José")
    );
}
