//! Cuts a byte stream at record boundaries, so that the cut pieces can be parsed in parallel.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::decode::Decoder;

/// The longest record accepted. A forgotten quotation mark would otherwise swallow the rest of a
/// file into memory.
pub(crate) const LONGEST_RECORD: usize = 16 << 20;

const READ: usize = 1 << 20;

/// Whole records as they stand in the file, and where they stand.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// The records with their line ends, blank lines among them.
    pub(crate) bytes: Vec<u8>,
    /// Number of the first record, from 0.
    pub(crate) first_record: u64,
    /// Line of the first byte, from 1.
    pub(crate) first_line: u64,
    /// How many records there are.
    pub(crate) records: usize,
}

/// Why the scan cannot go on.
#[derive(Debug)]
pub(crate) enum Fault {
    Read(io::Error),
    TooLong { record: u64, line: u64 },
    UnclosedQuote { record: u64, line: u64 },
}

/// Where the scan stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the first byte of a cell, where alone a quotation mark opens.
    CellStart,
    /// Inside an unquoted cell, or behind a closing quotation mark.
    Bare,
    Quoted,
}

/// An exact but shallow reading of CSV: it knows quoted from unquoted text and finds the ends of
/// records, with a search for three bytes at a time.
#[derive(Debug)]
pub(crate) struct Scanner<R> {
    source: R,
    /// Bytes read and not yet handed out.
    buffer: Vec<u8>,
    ended: bool,
    pub(crate) delimiter: u8,
    /// Of text that is not UTF-8.
    decoder: Option<Decoder>,
    record: u64,
    line: u64,
    /// Over all bytes read.
    digest: Option<Sha256>,
}

impl<R: Read> Scanner<R> {
    /// A scanner of comma-separated text, turned into UTF-8 by the decoder where it is something else;
    /// `digest` says whether to take the digest of what is read, as it is.
    pub(crate) fn new(source: R, decoder: Option<Decoder>, digest: bool) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            ended: false,
            delimiter: b',',
            decoder,
            record: 0,
            line: 1,
            digest: digest.then(Sha256::new),
        }
    }

    /// The digest of what was read so far, where it is taken.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        let digest = self.digest.clone()?;
        Some(digest.finalize().into())
    }

    /// The first bytes of the stream, which stay to be read.
    pub(crate) fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.buffer.len() < bytes && !self.ended {
            self.fill()?;
        }
        Ok(&self.buffer[..bytes.min(self.buffer.len())])
    }

    /// Drops bytes that were peeked at.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
    }

    /// Starts the numbering of records at 0 again.
    pub(crate) fn restart_numbering(&mut self) {
        self.record = 0;
    }

    /// The next records, at most `records` of them and about `bytes` bytes at most; `None` at the
    /// end.
    pub(crate) fn next(&mut self, records: usize, bytes: usize) -> Result<Option<Piece>, Fault> {
        let mut state = State::CellStart;
        let mut at = 0; // scanned up to here
        let mut record_start = 0;
        let mut record_line = self.line;
        let mut line = self.line;
        let mut found = 0;
        loop {
            let Some(event) = self.event(&mut at, &mut state) else {
                if at - record_start > LONGEST_RECORD {
                    return Err(Fault::TooLong {
                        record: self.record + found as u64,
                        line: record_line,
                    });
                }
                if !self.ended {
                    self.fill().map_err(Fault::Read)?;
                    continue;
                }
                if state == State::Quoted {
                    return Err(Fault::UnclosedQuote {
                        record: self.record + found as u64,
                        line: record_line,
                    });
                }
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                if record_start < self.buffer.len() {
                    found += 1;
                }
                return Ok(Some(self.cut(self.buffer.len(), found, line)));
            };
            match event {
                Event::LineInQuotes => line += 1,
                Event::RecordEnd { width } => {
                    line += 1;
                    let end = at + width;
                    if at > record_start {
                        found += 1;
                    }
                    at = end;
                    record_start = end;
                    record_line = line;
                    if found >= records || (found > 0 && end >= bytes) {
                        return Ok(Some(self.cut(end, found, line)));
                    }
                }
            }
        }
    }

    /// Moves `at` to the next line end and says which kind it is; `None` when more bytes are needed
    /// to tell, with `at` and `state` such that the search goes on from there.
    fn event(&self, at: &mut usize, state: &mut State) -> Option<Event> {
        let bytes = &self.buffer[..];
        loop {
            if *at >= bytes.len() {
                return None;
            }
            match *state {
                State::CellStart if bytes[*at] == b'"' => {
                    *state = State::Quoted;
                    *at += 1;
                }
                State::CellStart => *state = State::Bare,
                State::Bare => {
                    let Some(offset) = memchr::memchr3(b'\n', b'\r', b'"', &bytes[*at..]) else {
                        // The last byte stays unscanned: a quotation mark after it looks back.
                        *at = bytes.len();
                        return None;
                    };
                    *at += offset;
                    match bytes[*at] {
                        b'"' => {
                            let opens = *at > 0 && bytes[*at - 1] == self.delimiter;
                            *at += 1;
                            if opens {
                                *state = State::Quoted;
                            }
                        }
                        b'\n' => {
                            *state = State::CellStart;
                            return Some(Event::RecordEnd { width: 1 });
                        }
                        _ => {
                            let width = match bytes.get(*at + 1) {
                                Some(b'\n') => 2,
                                Some(_) => 1,
                                None if self.ended => 1,
                                None => return None,
                            };
                            *state = State::CellStart;
                            return Some(Event::RecordEnd { width });
                        }
                    }
                }
                State::Quoted => {
                    let Some(offset) = memchr::memchr2(b'"', b'\n', &bytes[*at..]) else {
                        *at = bytes.len();
                        return None;
                    };
                    *at += offset;
                    if bytes[*at] == b'\n' {
                        *at += 1;
                        return Some(Event::LineInQuotes);
                    }
                    match bytes.get(*at + 1) {
                        Some(b'"') => *at += 2,
                        Some(_) => {
                            *at += 1;
                            *state = State::Bare;
                        }
                        None if self.ended => {
                            *at += 1;
                            *state = State::Bare;
                        }
                        None => return None,
                    }
                }
            }
        }
    }

    fn cut(&mut self, end: usize, records: usize, line: u64) -> Piece {
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let piece = Piece {
            bytes,
            first_record: self.record,
            first_line: self.line,
            records,
        };
        self.record += records as u64;
        self.line = line;
        piece
    }

    fn fill(&mut self) -> io::Result<()> {
        let before = self.buffer.len();
        let read = self
            .source
            .by_ref()
            .take(READ as u64)
            .read_to_end(&mut self.buffer)?;
        if let Some(digest) = &mut self.digest {
            digest.update(&self.buffer[before..]);
        }
        self.ended = read < READ;
        if let Some(decoder) = &mut self.decoder {
            let bytes = self.buffer.split_off(before);
            decoder.decode(&bytes, self.ended, &mut self.buffer);
        }
        Ok(())
    }
}

enum Event {
    LineInQuotes,
    RecordEnd { width: usize },
}
