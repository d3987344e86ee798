use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use blindjoin_record::Encoding;

use crate::{Content, Format};

/// What can go wrong between a file and a batch. Row numbers count records from 1 and leave out the
/// header and blank lines; content never appears.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The header lacks a column that must be there.
    #[error("{file}: {source}; {header}")]
    Binding {
        /// The file.
        file: Arc<str>,
        /// What the header has.
        header: String,
        /// Which column it lacks.
        source: Box<blindjoin_record::Error>,
    },
    /// A cell whose value has no text.
    #[error("{file}: row {row}, column '{column}': {fault}")]
    Cell {
        /// The file.
        file: Arc<str>,
        /// The record's number.
        row: u64,
        /// The column's name.
        column: String,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// The file is not what was expected; its first bytes say what it is.
    #[error("{file}: is {found}, not {expected}{}", .found.advice(*.expected))]
    Content {
        /// The file.
        file: Arc<str>,
        /// What it is.
        found: Content,
        /// What its name or an option says.
        expected: Format,
    },
    /// A Parquet file of which parts contradict each other or are missing.
    #[error("{file}: is a damaged Parquet file: {what}")]
    DamagedParquet {
        /// The file.
        file: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The header is one cell in which the cells of another kind of file stand.
    #[error(
        "{file}: the header is one cell that holds {}; if that separates the cells, say --delimiter '{}'",
        shown(*.found),
        written(*.found)
    )]
    Delimiter {
        /// The file.
        file: Arc<str>,
        /// What seems to separate them.
        found: u8,
    },
    /// Two columns of the header carry the same name.
    #[error("{file}: column '{column}' appears twice in the header")]
    DuplicateColumn {
        /// The file.
        file: Arc<str>,
        /// The name they share.
        column: String,
    },
    /// Two records carry the same identifier.
    #[error(
        "{file}: rows {first} and {second} carry the same record id{}; each needs one of its own, since results \
         name records by it",
        others(*.more)
    )]
    DuplicateRecordId {
        /// The file.
        file: Arc<str>,
        /// The earlier row.
        first: u64,
        /// The later row.
        second: u64,
        /// How many rows after it repeat an identifier, as far as that is known.
        more: u64,
    },
    /// Not even a header.
    #[error("{file}: the file is empty, not even a header is there")]
    EmptyFile {
        /// The file.
        file: Arc<str>,
    },
    /// Reading stopped below the level of rows.
    #[error("{file}: cannot be read")]
    Input {
        /// The file.
        file: Arc<str>,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The header is not in the encoding of the file, or that which is said.
    #[error("{file}: the header {fault}{}", remedy(*.fault, Some(0)))]
    HeaderEncoding {
        /// The file.
        file: Arc<str>,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// A record without identifier where every record must have one.
    #[error("{file}: row {row} has no record id")]
    MissingRecordId {
        /// The file.
        file: Arc<str>,
        /// The row.
        row: u64,
    },
    /// Columns that hold lists or structures, for which CSV has no form.
    #[error(
        "{file}: columns {columns} hold lists or structures, which CSV has no form for: name a .parquet file for \
         the output, or leave them out of the input"
    )]
    NestedColumns {
        /// The file.
        file: Arc<str>,
        /// The columns.
        columns: String,
    },
    /// The header lacks columns such that no record could ever be signed.
    #[error(
        "{file}: no rule has all of its columns; wanted are {lacking}, but {header}; name a column \
         under [columns] in a rules file (base = \"NAME\" takes the rules of a built-in set), or to a command \
         that has it by --column FIELD=COLUMN{hints}"
    )]
    NoRule {
        /// The file.
        file: Arc<str>,
        /// The fields without a column, and the names by which it would be known.
        lacking: String,
        /// What the header has.
        header: String,
        /// Columns that may be meant, each behind a semicolon.
        hints: String,
    },
    /// The header has no record id column where there must be one.
    #[error(
        "{file}: has no record id column; name it with record_id under [columns] in a rules file, \
         which may begin with base = \"NAME\" of a built-in set"
    )]
    NoRecordIdColumn {
        /// The file.
        file: Arc<str>,
    },
    /// Writing stopped.
    #[error("{}: cannot be written", .path.display())]
    Output {
        /// The destination.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The name of an output and an option say different formats.
    #[error("{name}: its name says {named}, but an option {told}; change one of them")]
    OtherFormat {
        /// The output as named.
        name: String,
        /// What the name says.
        named: Format,
        /// What the option says.
        told: Format,
    },
    /// The destination is there already and replacing it was not asked for.
    #[error("{} exists already; --force replaces it", .path.display())]
    OutputExists {
        /// The destination.
        path: PathBuf,
    },
    /// Two outputs of one run would be the same file, and one of them lost.
    #[error("{}: two outputs would be this file; name another for one of them", .path.display())]
    OutputTwice {
        /// The destination as it was named the second time.
        path: PathBuf,
    },
    /// A Parquet file that its reader refuses.
    #[error("{file}: is not a Parquet file that can be read")]
    Parquet {
        /// The file.
        file: Arc<str>,
        /// What the Parquet reader says.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A Parquet output that could not be encoded.
    #[error("{}: cannot be encoded as Parquet", .path.display())]
    ParquetOutput {
        /// The destination.
        path: PathBuf,
        /// What the Parquet writer says.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A row that breaks the format.
    #[error("{file}: row {row}{}: {fault}{}", at_line(*.line), remedy(*.fault, *.line))]
    Row {
        /// The file.
        file: Arc<str>,
        /// The record's number.
        row: u64,
        /// The line on which it starts, in text files.
        line: Option<u64>,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// Rules that do not hold together, or a rule set that nobody knows.
    #[error("{file}")]
    Rules {
        /// The rules file, or the name.
        file: Arc<str>,
        /// What is wrong.
        #[source]
        source: blindjoin_record::Error,
    },
    /// A column of moments in a time zone that nobody knows.
    #[error(
        "{file}: column '{column}' is in the time zone '{zone}', which is not known; write its dates as \
         dates, or its times in a zone such as Europe/Berlin or UTC"
    )]
    TimeZone {
        /// The file.
        file: Arc<str>,
        /// The column's name.
        column: String,
        /// The zone's name.
        zone: String,
    },
    /// More rows than a linkage can number.
    #[error("{file}: has more than 4294967295 rows; split it")]
    TooManyRows {
        /// The file.
        file: Arc<str>,
    },
    /// Neither an input's extension nor an option says which format it is.
    #[error(
        "{name}: the format is not clear from the extension; say --format csv or --format parquet"
    )]
    UnknownFormat {
        /// The file's name as given.
        name: String,
    },
    /// Neither an output's extension nor an option says which format it is to have.
    #[error(
        "{name}: the format is not clear from the extension; take .csv or .parquet, or say \
         --out-format csv or --out-format parquet"
    )]
    UnknownOutputFormat {
        /// The output as named.
        name: String,
    },
    /// Rules under which none of the records has a signature.
    #[error(
        "{file}: none of the {records} records has a value for rule {rules}, so that nothing is found by it; \
         --allow-empty goes on all the same"
    )]
    UnusableRule {
        /// The file.
        file: Arc<str>,
        /// The rules, and what the fields lack.
        rules: String,
        /// How many records there are.
        records: u64,
    },
}

impl Error {
    /// Whether the command line is at fault, whatever the files hold.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::OtherFormat { .. }
                | Self::OutputTwice { .. }
                | Self::UnknownFormat { .. }
                | Self::UnknownOutputFormat { .. }
        )
    }
}

/// What is wrong with one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// Bytes that are no UTF-8.
    #[error("holds bytes that are not UTF-8")]
    Encoding,
    /// Bytes that stand for no character in the encoding that the file is said to have.
    #[error("holds bytes that are no characters in {0}")]
    NoCharacter(Encoding),
    /// UTF-8, while the file is said to have another encoding.
    #[error("holds UTF-8, and the file is said to be {0}")]
    Utf8Already(Encoding),
    /// More or fewer cells than the header.
    #[error("has {found} cells where the header has {expected}")]
    Cells {
        /// Columns of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A date or timestamp that four digits of a year do not tell.
    #[error("holds a date outside the years 1 to 9999; correct it or leave it empty")]
    Date,
    /// A time of day that no day has.
    #[error("holds a time of day that is none; correct it or leave it empty")]
    Time,
    /// A record beyond the limit, which a forgotten quotation mark usually explains.
    #[error("is longer than {limit} bytes; is a quotation mark left open?")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Text between a closing quotation mark and the next comma.
    #[error("has text after a closing quotation mark")]
    TextAfterQuote,
    /// A quotation mark that is never closed.
    #[error("opens a quotation mark that is never closed")]
    UnclosedQuote,
}

fn others(more: u64) -> String {
    match more {
        0 => String::new(),
        more => format!(", and {more} more repeat one"),
    }
}

fn at_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

/// What to do about text in another encoding; the files of spreadsheet programs are mostly in this
/// one.
const RECODE: &str = "; say how it is encoded, by --encoding windows-1252 or by \
    encoding = \"windows-1252\" under [input] in the rules file, or save it as \"CSV UTF-8\"";

/// What to do about text in UTF-8 that is said to be something else.
const RETELL: &str = "; take the setting of its encoding away or, if all that is not ASCII in it only \
    happens to be UTF-8 as well, convert it, as with iconv -t UTF-8";

fn remedy(fault: RowFault, line: Option<u64>) -> &'static str {
    match (fault, line) {
        (RowFault::Encoding, Some(_)) => RECODE,
        (RowFault::NoCharacter(_), _) => {
            "; say the encoding that it has, or save it as \"CSV UTF-8\""
        }
        (RowFault::Utf8Already(_), _) => RETELL,
        _ => "",
    }
}

fn shown(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tabs".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

fn written(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => char::from(other).to_string(),
    }
}
