use std::fmt;

use crate::Format;

/// How many bytes of a file tell what it is: a tape archive's mark stands at byte 257.
pub(crate) const TELLING: usize = 512;

/// What a file's first bytes say that it holds, where that is no table this crate reads.
///
/// A file is often another one than its name says: an export that was compressed on the way, a
/// workbook that was renamed. Whoever gets the file wants to know which, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// An Arrow stream or file.
    Arrow,
    /// An Avro container.
    Avro,
    /// Bytes that are no text, of no kind known here.
    Binary,
    /// bzip2.
    Bzip2,
    /// A Parquet file whose footer is encrypted.
    EncryptedParquet,
    /// gzip.
    Gzip,
    /// A page for a browser, which some programs write under a spreadsheet's name.
    Html,
    /// JSON.
    Json,
    /// An LZ4 frame.
    Lz4,
    /// A workbook of Excel before 2007, or another compound document.
    OldWorkbook,
    /// An `OpenDocument` spreadsheet.
    OpenDocument,
    /// ORC.
    Orc,
    /// Parquet.
    Parquet,
    /// PDF.
    Pdf,
    /// A data set of SAS.
    Sas,
    /// A data set of SPSS.
    Spss,
    /// A database of `SQLite`.
    Sqlite,
    /// A data set of Stata.
    Stata,
    /// A tape archive.
    Tar,
    /// Text, which may be CSV.
    Text,
    /// UTF-16 text.
    Utf16,
    /// UTF-32 text.
    Utf32,
    /// A workbook of Excel.
    Workbook,
    /// XML.
    Xml,
    /// xz.
    Xz,
    /// A zip archive that is no workbook.
    Zip,
    /// Zstandard.
    Zstd,
}

/// The marks that stand at the very start of a file; of two the longer one first, where it begins
/// with the other. None of them begins a header.
const MARKS: &[(&[u8], Content)] = &[
    (b"PAR1", Content::Parquet),
    (b"PARE", Content::EncryptedParquet),
    (b"\x1f\x8b", Content::Gzip),
    (b"\x28\xb5\x2f\xfd", Content::Zstd),
    (b"\x04\x22\x4d\x18", Content::Lz4),
    (b"\xfd7zXZ\0", Content::Xz),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content::OldWorkbook),
    (b"ARROW1\0\0", Content::Arrow),
    (b"\xff\xff\xff\xff", Content::Arrow),
    (b"Obj\x01", Content::Avro),
    (b"SQLite format 3\0", Content::Sqlite),
    (b"%PDF-", Content::Pdf),
    (b"$FL2@(#)", Content::Spss),
    (b"$FL3@(#)", Content::Spss),
    (b"<stata_dta>", Content::Stata),
    (b"\0\0\xfe\xff", Content::Utf32),
    (b"\xff\xfe\0\0", Content::Utf32),
    (b"\xff\xfe", Content::Utf16),
    (b"\xfe\xff", Content::Utf16),
];

/// What every file of SAS has behind twelve zeros.
const SAS: &[u8] = b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92";

impl Content {
    /// What the first bytes of a file, as many of [`TELLING`] as it has, say about it.
    pub(crate) fn of(start: &[u8]) -> Self {
        if let Some((_, content)) = MARKS.iter().find(|(mark, _)| start.starts_with(mark)) {
            return *content;
        }
        if start.starts_with(b"PK\x03\x04") {
            return Self::of_archive(start);
        }
        if start.starts_with(b"BZh") && start.get(4..10) == Some(b"1AY&SY") {
            return Self::Bzip2;
        }
        let control = |byte: &u8| *byte < b' ' && !b"\t\n\r".contains(byte);
        if start.starts_with(b"ORC") && start.get(3).is_some_and(control) {
            return Self::Orc;
        }
        if start.get(12..22) == Some(SAS) {
            return Self::Sas;
        }
        if start.get(257..262) == Some(b"ustar") {
            return Self::Tar;
        }
        if let [first, second, third, fourth, ..] = start {
            match [*first == 0, *second == 0, *third == 0, *fourth == 0] {
                [false, true, false, true] | [true, false, true, false] => return Self::Utf16,
                [false, true, true, true] | [true, true, true, false] => return Self::Utf32,
                _ => {}
            }
        }
        // Zeros further down are some cell's affair.
        let header = start.split(|&byte| byte == b'\n').next().unwrap_or(start);
        if header.contains(&0) {
            return Self::Binary;
        }
        Self::of_text(start)
    }

    fn of_archive(start: &[u8]) -> Self {
        let holds = |words: &[u8]| start.windows(words.len()).any(|window| window == words);
        if holds(b"opendocument.spreadsheet") {
            Self::OpenDocument
        } else if holds(b"[Content_Types].xml") || holds(b"_rels/") || holds(b"xl/") {
            Self::Workbook
        } else {
            Self::Zip
        }
    }

    fn of_text(start: &[u8]) -> Self {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let start = start.trim_ascii_start();
        let begins = |words: &[u8]| {
            start
                .get(..words.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(words))
        };
        if begins(b"<!doctype html") || begins(b"<html") || begins(b"<table") {
            Self::Html
        } else if begins(b"<?xml") {
            Self::Xml
        } else if begins(b"{") && start[1..].trim_ascii_start().starts_with(b"\"")
            || begins(b"[") && start[1..].trim_ascii_start().starts_with(b"{")
        {
            Self::Json
        } else {
            Self::Text
        }
    }

    /// What to do about it, where there is advice beyond reading another file.
    pub(crate) fn advice(self, expected: Format) -> &'static str {
        match self {
            Self::Bzip2 | Self::Gzip | Self::Lz4 | Self::Xz | Self::Zstd => "; decompress it first",
            Self::Zip | Self::Tar => "; take the table out of it first",
            Self::Workbook | Self::OldWorkbook | Self::OpenDocument | Self::Html => {
                "; open it in a spreadsheet program and save the table as \"CSV UTF-8\""
            }
            Self::Utf16 if expected == Format::Csv => {
                "; say --encoding utf-16, or encoding = \"utf-16\" under [input] in the rules file"
            }
            Self::Utf16 | Self::Utf32 => "; save it as UTF-8",
            Self::EncryptedParquet => "; decrypt it first",
            Self::Parquet if expected == Format::Csv => "; say --format parquet",
            Self::Text if expected == Format::Parquet => "; if that is CSV, say --format csv",
            Self::Arrow
            | Self::Avro
            | Self::Json
            | Self::Orc
            | Self::Pdf
            | Self::Sas
            | Self::Spss
            | Self::Sqlite
            | Self::Stata
            | Self::Xml => "; export it as CSV or Parquet",
            Self::Binary | Self::Parquet | Self::Text => "",
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arrow => "an Arrow file",
            Self::Avro => "an Avro file",
            Self::Binary => "binary data of an unknown kind",
            Self::Bzip2 => "compressed by bzip2",
            Self::EncryptedParquet => "an encrypted Parquet file",
            Self::Gzip => "compressed by gzip",
            Self::Html => "a web page",
            Self::Json => "JSON",
            Self::Lz4 => "compressed by LZ4",
            Self::OldWorkbook => "a workbook in Excel's old format (.xls) or another document",
            Self::OpenDocument => "an OpenDocument spreadsheet",
            Self::Orc => "an ORC file",
            Self::Parquet => "a Parquet file",
            Self::Pdf => "a PDF document",
            Self::Sas => "a SAS data set",
            Self::Spss => "an SPSS data set",
            Self::Sqlite => "an SQLite database",
            Self::Stata => "a Stata data set",
            Self::Tar => "a tar archive",
            Self::Text => "text",
            Self::Utf16 => "text in UTF-16",
            Self::Utf32 => "text in UTF-32",
            Self::Workbook => "a workbook (.xlsx)",
            Self::Xml => "XML",
            Self::Xz => "compressed by xz",
            Self::Zip => "a zip archive",
            Self::Zstd => "compressed by Zstandard",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_tell_what_they_are() {
        let mut sas = vec![0; 12];
        sas.extend_from_slice(SAS);
        let mut tar = vec![b'x'; 257];
        tar.extend_from_slice(b"ustar\0");
        for (start, content) in [
            (&b"PAR1\x15\x04"[..], Content::Parquet),
            (b"PARE\x15\x04", Content::EncryptedParquet),
            (b"\x1f\x8b\x08\0", Content::Gzip),
            (b"BZh91AY&SY\xae", Content::Bzip2),
            (b"ORC\x0c\x0a", Content::Orc),
            (
                b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0....[Content_Types].xml",
                Content::Workbook,
            ),
            (
                b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
                Content::OpenDocument,
            ),
            (b"PK\x03\x04....people.csv", Content::Zip),
            (b"\xff\xfei\0d\0", Content::Utf16),
            (b"i\0d\0,\0", Content::Utf16),
            (b"\0i\0d\0,", Content::Utf16),
            (b"\xff\xfe\0\0i\0\0\0", Content::Utf32),
            (b"i\0\0\0d\0\0\0", Content::Utf32),
            (b"id,na\0me\n", Content::Binary),
            (b"<!DOCTYPE HTML><table>", Content::Html),
            (b"<?xml version=\"1.0\"?>", Content::Xml),
            (b"[\n  {\"id\": 1}", Content::Json),
            (b"{\"id\": 1}\n", Content::Json),
            (&sas, Content::Sas),
            (&tar, Content::Tar),
        ] {
            assert_eq!(
                Content::of(start),
                content,
                "{:?}",
                start.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn headers_of_tables_are_text() {
        for start in [
            &b"id,name\n"[..],
            b"",
            b"i",
            b"\xef\xbb\xbfid;name\r\n1;\0",
            b"[id],[name]\n",
            b"{id},{name}\n",
            b"BZh9,name\n",
            b"ORC\nx\n",
            b"\xe9t\xe9,nom\n",
        ] {
            assert_eq!(
                Content::of(start),
                Content::Text,
                "{:?}",
                start.escape_ascii().to_string()
            );
        }
    }
}
