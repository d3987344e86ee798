//! Tables in CSV, as a querier, a provider or a token file brings them.

use std::io::{Cursor, Read};
use std::num::NonZeroUsize;

use blindjoin_columnar::{Error, Population, ReadOptions, Reader};
use blindjoin_linkage::{Side, Signed as Record, Signer};
use blindjoin_record::{Binding, RuleSet, Scratch};

use crate::today;

/// Reads a table strictly and leniently, whole and in small pieces, writes it again and signs its
/// rows. The first byte chooses the pieces, the rules and the side.
pub fn csv(input: &[u8]) -> bool {
    let Some((&choice, text)) = input.split_first() else {
        return false;
    };
    let strict = read(text, usize::MAX, ReadOptions::strict());
    let pieces = usize::from(choice & 7) + 1;
    let trickled = read(text, pieces, ReadOptions::strict());
    assert_eq!(strict, trickled, "how the bytes arrive does not matter");

    let lenient = read(text, usize::MAX, ReadOptions::lenient());
    if let Ok(table) = &lenient {
        let width = table.columns.len();
        assert!(table.rows.iter().all(|row| row.len() == width));
    }
    let Ok(table) = strict else { return false };
    assert_eq!(lenient.as_ref(), Ok(&table), "what is strict is lenient");
    assert!(table.rows.iter().flatten().all(Option::is_some));
    let again = read(&written(&table), usize::MAX, ReadOptions::strict());
    assert_eq!(again.as_ref(), Ok(&table), "what is written is read");
    sign(text, &table, choice);
    true
}

#[derive(Debug, PartialEq, Eq)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

fn read(text: &[u8], pieces: usize, options: ReadOptions) -> Result<Table, String> {
    let say = |error: Error| error.to_string();
    let mut reader = open(text, pieces, options).map_err(say)?;
    let columns = reader.columns().to_vec();
    let mut rows = Vec::new();
    for chunk in reader.by_ref() {
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
    Ok(Table { columns, rows })
}

fn open(text: &[u8], pieces: usize, options: ReadOptions) -> Result<Reader, Error> {
    let source = Trickle(Cursor::new(text.to_vec()), pieces);
    Reader::from_csv(Box::new(source), "input".into(), None, options)
}

/// A source that yields so many bytes at a time at most.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// The table as an independent writer puts it.
fn written(table: &Table) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    writer
        .write_record(&table.columns)
        .expect("memory takes any row");
    for row in &table.rows {
        let cells = row.iter().map(|cell| cell.as_deref().unwrap_or(""));
        writer.write_record(cells).expect("memory takes any row");
    }
    writer.into_inner().expect("memory takes any row")
}

/// Signs the rows one by one, and the table whole: both yield the same.
fn sign(text: &[u8], table: &Table, choice: u8) {
    let sets = ["ndi", "opentoken", "htac", "ssn"];
    let rules = RuleSet::builtin(sets[usize::from(choice >> 3 & 3)]).expect("a built-in set");
    let Ok(binding) = rules.bind(&table.columns, today()) else {
        return;
    };
    let side = if choice & 32 == 0 {
        Side::Querier
    } else {
        Side::Provider
    };
    let mut expected = Signed::default();
    let mut scratch = Scratch::default();
    for (number, row) in (0..).zip(&table.rows) {
        expected.rows = number + 1;
        let cells: Vec<&str> = row
            .iter()
            .map(|cell| cell.as_deref().unwrap_or(""))
            .collect();
        for (rule, text) in signatures(&binding, &cells, side, &mut scratch) {
            expected.signatures.push((number, rule, text));
        }
    }
    if choice & 64 == 0 {
        return;
    }
    let mut reader = open(text, usize::MAX, ReadOptions::strict()).expect("it was read before");
    let mut signed = Signed::default();
    let threads = NonZeroUsize::MIN;
    let signer = Signer::new(binding, Vec::new(), side);
    let take = |record: &Record<'_>| {
        signed.take(record);
        Ok::<_, Error>(())
    };
    let whole = Population::read(&mut reader, &signer, threads, take, |_| {});
    match whole {
        Ok(population) => {
            assert_eq!(signed, expected);
            assert_eq!(population.ids.len(), table.rows.len());
        }
        Err(error) => assert!(
            matches!(
                error,
                Error::NoRecordIdColumn { .. }
                    | Error::MissingRecordId { .. }
                    | Error::DuplicateRecordId { .. }
            ),
            "{error}"
        ),
    }
}

fn signatures(
    binding: &Binding,
    cells: &[&str],
    side: Side,
    scratch: &mut Scratch,
) -> Vec<(usize, String)> {
    let found = |(rule, text): (usize, Result<&str, _>)| Some((rule, text.ok()?.to_owned()));
    match side {
        Side::Querier => {
            let signed = binding.sign(cells, scratch).iter();
            signed.enumerate().filter_map(found).collect()
        }
        Side::Provider => binding
            .probe(cells, scratch)
            .iter()
            .filter_map(found)
            .collect(),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Signed {
    rows: u32,
    signatures: Vec<(u32, usize, String)>,
}

impl Signed {
    fn take(&mut self, record: &Record<'_>) {
        assert_eq!(record.row, self.rows, "rows come in order");
        self.rows += 1;
        for signature in record.signatures {
            assert!(!signature.text.is_empty());
            let rule = usize::from(signature.rule);
            self.signatures
                .push((record.row, rule, signature.text.to_owned()));
        }
    }
}
