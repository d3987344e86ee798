//! Comma-separated text, read strictly: UTF-8, and every departure from RFC 4180 is named with its
//! row. Records are cut off the stream by one thread and parsed by any number of them.

mod decode;
mod parse;
mod scan;

use std::io::Read;
use std::sync::Arc;

pub use parse::Ragged;
pub(crate) use parse::Rules;
pub(crate) use scan::Piece;

use blindjoin_record::Encoding;

use crate::chunk::Chunk;
use crate::content::{Content, TELLING};
use crate::{Error, Format, ROWS_PER_CHUNK, RowFault};

const PIECE_BYTES: usize = 4 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The sequential half: header and pieces.
pub(crate) struct Pieces {
    scanner: scan::Scanner<Box<dyn Read + Send>>,
    file: Arc<str>,
    pub(crate) columns: Vec<String>,
    pub(crate) byte_order_mark: bool,
}

impl Pieces {
    /// Nothing read yet.
    pub(crate) fn new(
        source: Box<dyn Read + Send>,
        file: Arc<str>,
        encoding: Option<Encoding>,
        digest: bool,
    ) -> Self {
        let decoder = encoding.map(decode::Decoder::new);
        Self {
            scanner: scan::Scanner::new(source, decoder, digest),
            file,
            columns: Vec::new(),
            byte_order_mark: false,
        }
    }

    /// Reads the header; `told` says that the delimiter was chosen for this file.
    pub(crate) fn read_header(&mut self, rules: Rules, told: bool) -> Result<(), Error> {
        let start = self.scanner.peek(TELLING).map_err(|source| Error::Input {
            file: Arc::clone(&self.file),
            source,
        })?;
        let found = Content::of(start);
        if found != Content::Text {
            return Err(Error::Content {
                file: Arc::clone(&self.file),
                found,
                expected: Format::Csv,
            });
        }
        self.byte_order_mark = start.starts_with(BYTE_ORDER_MARK);
        if self.byte_order_mark {
            self.scanner.skip(BYTE_ORDER_MARK.len());
        }
        self.scanner.delimiter = rules.delimiter;
        self.columns = self.header(rules, told)?;
        Ok(())
    }

    /// The digest of all that was read, where it is taken.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        self.scanner.digest()
    }

    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let piece = self
                .scanner
                .next(ROWS_PER_CHUNK, PIECE_BYTES)
                .map_err(|fault| self.scan_error(fault))?;
            match piece {
                Some(piece) if piece.records == 0 => {}
                piece => return Ok(piece),
            }
        }
    }

    fn header(&mut self, rules: Rules, told: bool) -> Result<Vec<String>, Error> {
        let piece = self
            .scanner
            .next(1, usize::MAX)
            .map_err(|fault| self.scan_error(fault))?;
        self.scanner.restart_numbering();
        let Some(piece) = piece.filter(|piece| piece.records == 1) else {
            return Err(Error::EmptyFile {
                file: Arc::clone(&self.file),
            });
        };
        let blank = piece
            .bytes
            .iter()
            .take_while(|&&byte| byte == b'\n' || byte == b'\r')
            .count();
        let header = &piece.bytes[blank..];
        let cells = parse::cells(header, rules);
        // One cell, or text where a cell has ended: the cells may be separated otherwise.
        let whole = matches!(&cells, Ok(cells) if cells.len() > 1);
        if !whole
            && !told
            && let Some(found) = separator(header, rules)
        {
            return Err(Error::Delimiter {
                file: Arc::clone(&self.file),
                found,
            });
        }
        let cells = cells.map_err(|fault| Error::Row {
            file: Arc::clone(&self.file),
            row: 0,
            line: Some(piece.first_line),
            fault,
        })?;
        cells
            .into_iter()
            .map(|cell| {
                String::from_utf8(cell).map_err(|error| {
                    let bad = error.utf8_error().valid_up_to();
                    Error::HeaderEncoding {
                        file: Arc::clone(&self.file),
                        fault: parse::not_utf_8(error.as_bytes()[bad], rules),
                    }
                })
            })
            .collect()
    }

    fn scan_error(&self, fault: scan::Fault) -> Error {
        let file = Arc::clone(&self.file);
        let (record, line, fault) = match fault {
            scan::Fault::Read(source) => return Error::Input { file, source },
            scan::Fault::TooLong { record, line } => (
                record,
                line,
                RowFault::TooLong {
                    limit: scan::LONGEST_RECORD,
                },
            ),
            scan::Fault::UnclosedQuote { record, line } => (record, line, RowFault::UnclosedQuote),
        };
        Error::Row {
            file,
            row: record + 1,
            line: Some(line),
            fault,
        }
    }
}

/// The customary separator that makes several cells of a header.
fn separator(header: &[u8], rules: Rules) -> Option<u8> {
    [b';', b'\t', b'|'].into_iter().find(|&delimiter| {
        let rules = Rules { delimiter, ..rules };
        parse::cells(header, rules).is_ok_and(|cells| cells.len() > 1)
    })
}

/// The parallel half: turns one piece into a chunk.
pub(crate) fn decode(
    piece: &Piece,
    file: &Arc<str>,
    schema: &arrow_schema::SchemaRef,
    rules: Rules,
) -> Result<Chunk, Error> {
    let width = schema.fields().len();
    let parsed = parse::parse(&piece.bytes, piece.records, width, rules).map_err(|located| {
        let lines = memchr::memchr_iter(b'\n', &piece.bytes[..located.offset]).count();
        Error::Row {
            file: Arc::clone(file),
            row: piece.first_record + located.record as u64 + 1,
            line: Some(piece.first_line + lines as u64),
            fault: located.fault,
        }
    })?;
    let first_row = piece.first_record + 1;
    let mut chunk = Chunk::new(schema, parsed.columns, first_row, piece.bytes.len() as u64);
    chunk.ragged_rows = parsed.ragged_rows;
    chunk.first_ragged_row = parsed
        .first_ragged
        .map(|position| first_row + position as u64);
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse::parse;
    use super::scan::{Fault, Scanner};
    use super::*;

    const RULES: Rules = Rules {
        delimiter: b',',
        ragged: Ragged::Pad,
        fold_quoted_crlf: false,
        encoding: None,
    };

    /// Hands out its bytes a few at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn scanner<R: Read>(source: R) -> Scanner<R> {
        Scanner::new(source, None, false)
    }

    fn rows(text: &[u8], width: usize, records: usize) -> Result<Vec<Vec<Option<String>>>, Fault> {
        use arrow_array::cast::AsArray;
        let mut scanner = scanner(Trickle(text, 3));
        let mut rows = Vec::new();
        while let Some(piece) = scanner.next(records, usize::MAX)? {
            let parsed = parse(&piece.bytes, piece.records, width, RULES).expect("well-formed");
            assert_eq!(piece.first_record, rows.len() as u64);
            for row in 0..piece.records {
                rows.push(
                    parsed
                        .columns
                        .iter()
                        .map(|column| {
                            let column = column.as_string::<i32>();
                            assert_eq!(column.len(), piece.records);
                            column.is_valid(row).then(|| column.value(row).to_owned())
                        })
                        .collect(),
                );
            }
        }
        Ok(rows)
    }

    use arrow_array::Array as _;

    #[test]
    fn quotes_count_only_at_the_start_of_a_cell() {
        let text = b"a,5\" disk\n\"x\ny\",\"say \"\"hi\"\"\"\r\n\r\n,\rlast,\"\"";
        let expected = [
            ["a", "5\" disk"],
            ["x\ny", "say \"hi\""],
            ["", ""],
            ["last", ""],
        ];
        for records in 1..5 {
            let found = rows(text, 2, records).expect("well-formed");
            let found: Vec<Vec<&str>> = found
                .iter()
                .map(|row| {
                    row.iter()
                        .map(|cell| cell.as_deref().expect("present"))
                        .collect()
                })
                .collect();
            assert_eq!(found, expected);
        }
    }

    /// Only the first bytes of a file can be a byte order mark, wherever it is cut.
    #[test]
    fn a_mark_within_a_table_is_text() {
        let text = "\u{feff}a,b\n\u{feff}c,d\n";
        for records in 1..3 {
            let found = rows(text.as_bytes(), 2, records).expect("well-formed");
            let first: Vec<_> = found.iter().map(|row| row[0].as_deref()).collect();
            assert_eq!(first, [Some("\u{feff}a"), Some("\u{feff}c")]);
        }
    }

    #[test]
    fn an_open_quote_is_reported_where_it_opens() {
        let mut scanner = scanner(&b"a,b\nc,\"d\ne\nf"[..]);
        assert_eq!(
            scanner
                .next(1, usize::MAX)
                .expect("first")
                .expect("first")
                .records,
            1
        );
        match scanner.next(9, usize::MAX) {
            Err(Fault::UnclosedQuote { record: 1, line: 2 }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn faults_carry_record_and_offset() {
        let strict = Rules {
            ragged: Ragged::Refuse,
            ..RULES
        };
        let fault = |bytes: &[u8]| parse(bytes, 3, 2, strict).expect_err("faulty");
        let located = fault(b"a,b\n\nc,d,e\n");
        assert_eq!((located.record, located.offset), (1, 5));
        assert_eq!(
            located.fault,
            RowFault::Cells {
                expected: 2,
                found: 3
            }
        );
        assert_eq!(fault(b"a,\"b\"c\n").fault, RowFault::TextAfterQuote);
        let located = fault(b"a,b\n\"x\ny\",\xff\nc,d\n");
        assert_eq!((located.record, located.offset), (1, 4));
        assert_eq!(located.fault, RowFault::Encoding);
    }

    #[test]
    fn line_ends_in_quotes_fold_on_request() {
        use arrow_array::cast::AsArray;
        let rules = Rules {
            fold_quoted_crlf: true,
            ..RULES
        };
        let parsed = parse(b"\"a\r\nb\rc\n\",x\n", 1, 2, rules).expect("well-formed");
        assert_eq!(parsed.columns[0].as_string::<i32>().value(0), "a\nb\rc\n");
    }

    proptest! {
        /// The csv crate writes, we read.
        #[test]
        fn reads_what_the_csv_crate_writes(
            table in proptest::collection::vec(
                proptest::collection::vec("[a-z,\"\r\n é]{0,6}", 3..=3), 1..20),
            crlf in any::<bool>(),
            records in 1usize..9,
        ) {
            let terminator =
                if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer =
                csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).expect("in memory");
            }
            let text = writer.into_inner().expect("in memory");
            let found = rows(&text, 3, records).expect("well-formed");
            let expected: Vec<Vec<Option<String>>> =
                table.iter().map(|row| row.iter().cloned().map(Some).collect()).collect();
            prop_assert_eq!(found, expected);
        }

        /// No input makes it panic, and the number of records never depends on how the text is cut.
        #[test]
        fn cuts_do_not_matter(text in "[a,\"\r\n]{0,40}", records in 1usize..4) {
            let count = |records| {
                let mut scanner = scanner(Trickle(text.as_bytes(), 1));
                let mut total = 0;
                loop {
                    match scanner.next(records, usize::MAX) {
                        Ok(Some(piece)) => {
                            let parsed = parse(&piece.bytes, piece.records, 2, RULES);
                            if let Ok(parsed) = parsed {
                                assert_eq!(parsed.columns[0].len(), piece.records);
                            }
                            total += piece.records;
                        }
                        Ok(None) => return Ok(total),
                        Err(_) => return Err(()),
                    }
                }
            };
            prop_assert_eq!(count(records), count(usize::MAX));
        }
    }
}
