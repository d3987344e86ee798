//! Tables in Parquet, as they are read as text and copied with their types.

mod files;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use parquet::basic::Type;
use parquet::file::reader::{FileReader, SerializedFileReader};

use blindjoin_columnar::{
    Error, Format, Input, Output, OutputColumn, ReadOptions, check_copy, is_guarded, widen,
};

pub(crate) use files::files;

/// How many chunks of a table are read. A few bytes may honestly stand for countless equal rows.
const CHUNKS: usize = 4;

/// Tables of more rows are not written again.
const WRITTEN: usize = 64;

/// Reads a table twice, and writes it as CSV and as Parquet, where all of them must say the same. What
/// is wrong with it is an error that names the file.
pub fn parquet(input: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("input.parquet");
    fs::write(&path, input).expect("a file that can be written");
    let table = read(&path);
    assert_eq!(read(&path), table, "a file reads the same again");
    let table = match table {
        Ok(table) => table,
        Err(error) => {
            assert!(error.contains("input.parquet"), "{error}");
            return false;
        }
    };
    let small = table.whole && table.rows.len() <= WRITTEN;
    if small && !table.columns.contains(&ADDED.to_owned()) && !has_long_timestamps(input) {
        for format in [Format::Csv, Format::Parquet] {
            match copied(&path, format, folder.path()) {
                Ok(copy) => {
                    let due = table.with_the_added(format);
                    assert_eq!(copy.columns, due.columns, "{format:?}");
                    assert!(copy.agrees_with(&due), "{format:?}: {copy:?} of {due:?}");
                }
                // A list or structure may be damaged where all that is read as text is sound.
                Err(error) => assert!(error.contains("input.parquet"), "{error}"),
            }
        }
    }
    true
}

/// Timestamps of 96 bits are text to the millisecond, and copied to the microsecond.
fn has_long_timestamps(input: &[u8]) -> bool {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(input));
    let reader = reader.expect("it was read");
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    let mut types = columns.iter().map(|column| column.physical_type());
    types.any(|kind| kind == Type::INT96)
}

/// Lets the panics pass that the reader of Parquet catches: the fuzzer would stop at each.
pub fn let_caught_panics_pass() {
    let stop = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            stop(panic);
        }
    }));
}

/// A column that copies have behind their own.
const ADDED: &str = "added";

#[derive(Debug, PartialEq, Eq)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// Whether these are all rows.
    whole: bool,
}

impl Table {
    /// Whether a copy's cells are those due. Numbers may have become what the writer's Arrow schema alone
    /// says that they are, such as times in seconds.
    fn agrees_with(&self, due: &Self) -> bool {
        let is_number = |cell: &str| cell.parse::<i64>().is_ok();
        let cells = |table: &Self| table.rows.concat();
        let (found, due) = (cells(self), cells(due));
        let mut pairs = found.iter().zip(&due);
        found.len() == due.len()
            && pairs.all(|(found, due)| found == due || due.as_deref().is_some_and(is_number))
    }

    /// As a copy of it must read.
    fn with_the_added(&self, format: Format) -> Self {
        let cells = |row: &Vec<Option<String>>| {
            let own = row.iter().map(|cell| match format {
                // There is no null.
                Format::Csv => Some(cell.clone().unwrap_or_default()),
                Format::Parquet => cell.clone(),
            });
            own.chain([Some("1".to_owned())]).collect()
        };
        let columns = self.columns.iter().cloned().chain([ADDED.to_owned()]);
        Self {
            columns: columns.collect(),
            rows: self.rows.iter().map(cells).collect(),
            whole: true,
        }
    }
}

fn read(path: &Path) -> Result<Table, String> {
    let say = |error: Error| error.to_string();
    let input = Input::open(path, ReadOptions::strict()).map_err(say)?;
    let mut reader = input.reader().map_err(say)?;
    let columns = reader.columns().to_vec();
    let mut rows = Vec::new();
    for chunk in reader.by_ref().take(CHUNKS) {
        let chunk = chunk.map_err(say)?;
        assert_eq!(
            chunk.first_row(),
            rows.len() as u64 + 1,
            "rows are numbered through"
        );
        for row in chunk.rows().iter() {
            let cell = |column| row.cell(column).map(str::to_owned);
            rows.push((0..columns.len()).map(cell).collect());
        }
    }
    let whole = reader.total() == Some(rows.len() as u64);
    Ok(Table {
        columns,
        rows,
        whole,
    })
}

fn copied(path: &Path, format: Format, folder: &Path) -> Result<Table, String> {
    let say = |error: Error| error.to_string();
    let input = Input::open(path, ReadOptions::strict()).map_err(say)?;
    check_copy(&input.reader().map_err(say)?, format).map_err(say)?;
    let target = folder.join(match format {
        Format::Csv => "copy.csv",
        Format::Parquet => "copy.parquet",
    });
    let output = Output::create(&target, false).expect("a folder that can be written");
    let added = vec![OutputColumn::text(ADDED)];
    let cells = |_, cells: &mut Vec<String>| cells.push("1".to_owned());
    let (output, _) = widen(&input, &[], added, (output, format), cells).map_err(say)?;
    output.commit().expect("a folder that can be written");
    // A first column may be called as files of other kinds begin.
    let table = read(&target).map(|table| Table {
        whole: true,
        ..table
    });
    table.map_err(|error| match format {
        Format::Csv if error.contains(", not CSV") => error.replace("copy.csv", "input.parquet"),
        // Or a number become a time in a zone that nobody knows.
        Format::Parquet if error.contains("time zone") => {
            error.replace("copy.parquet", "input.parquet")
        }
        _ => panic!("what is written is read: {error}"),
    })
}
