use blindjoin_columnar::{
    Error, Format, Header, Output, OutputColumn, Quoting, ROWS_PER_CHUNK, RecordIds, TableWriter,
};
use blindjoin_protocol::{Card, Cell};
use blindjoin_record::RuleSet;

/// Writes the pairs that match, a line each, by record in input order: `record_id,handle,<rule>,…`,
/// cells `1` where the pair agrees, `0` where it does not, and empty where the record has no value.
/// Where pairs are scored, `score` stands before the rules. The output is still to be committed.
///
/// # Errors
///
/// What writing yields.
pub fn write_pairs(
    card: &Card,
    ids: &RecordIds,
    rules: &RuleSet,
    scored: bool,
    output: Output,
    format: Format,
) -> Result<Output, Error> {
    let mut columns = vec![
        OutputColumn::text("record_id"),
        OutputColumn::integer("handle"),
    ];
    if scored {
        columns.push(OutputColumn::integer("score"));
    }
    columns.extend(
        rules
            .rules()
            .iter()
            .map(|rule| OutputColumn::integer(rule.id())),
    );
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    let mut rows = table.buffers().buffer(ROWS_PER_CHUNK);
    for pair in card.pairs() {
        let row = pair.row as usize;
        let agrees = |rule: &usize| pair.rules.iter().any(|held| usize::from(*held) == *rule);
        let weight = |rule: usize| u32::from(rules.rules()[rule].weight());
        let score: u32 = (0..rules.rules().len()).filter(agrees).map(weight).sum();
        let (handle, score) = (pair.handle.to_string(), score.to_string());
        let cells = card
            .row(row)
            .iter()
            .enumerate()
            .map(|(rule, cell)| match cell {
                Cell::NoValue | Cell::NotCompared => None,
                _ if agrees(&rule) => Some("1"),
                _ => Some("0"),
            });
        let head = [Some(ids.get(row)), Some(handle.as_str())];
        let score = scored.then_some(Some(score.as_str()));
        rows.push(head.into_iter().chain(score).chain(cells));
        if rows.len() >= ROWS_PER_CHUNK {
            let empty = table.buffers().buffer(ROWS_PER_CHUNK);
            table.append(std::mem::replace(&mut rows, empty))?;
        }
    }
    table.append(rows)?;
    table.finish()
}
