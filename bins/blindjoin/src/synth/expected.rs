//! The card that a linkage must yield, from a join of both tables in the clear.

use std::path::Path;

use blindjoin_columnar::{
    Bound, CardWriter, Error, Format, Output, Population, ReadOptions, Reader, RecordIds, pipeline,
};
use blindjoin_linkage::{
    Error as LinkageError, ProviderInput, QuerierKeyInput, Side, Signed, clear, rule_ids,
};
use blindjoin_record::{Date, RuleSet};

/// A card computed in the clear, for comparison.
///
/// Holds the keys of both tables while it is made: some 60 bytes per record and rule.
#[derive(Debug)]
pub(crate) struct Expected {
    ids: RecordIds,
    rules: Vec<String>,
    /// Record by record, a cell per rule.
    cells: Vec<Option<bool>>,
}

impl Expected {
    /// Joins two tables under the rules, which bind to the headers of both.
    pub(crate) fn join(
        ours: &Path,
        theirs: &Path,
        rules: &RuleSet,
        today: Date,
    ) -> anyhow::Result<Self> {
        let mut theirs_input = ProviderInput::new(rules, 0, false)?;
        let take = |record: &Signed<'_>| theirs_input.take(record);
        sign(theirs, rules, today, Side::Provider, take)?;
        let mut input = QuerierKeyInput::new(rules);
        let take = |record: &Signed<'_>| input.take(record);
        let population = sign(ours, rules, today, Side::Querier, take)?;
        let ((keys, _), theirs) = (input.finish(), theirs_input.finish().keys);
        let width = rules.rules().len();
        let mut cells = vec![None; width * population.ids.len()];
        for (row, rule, matches) in clear::cells(&keys, &theirs) {
            cells[row as usize * width + usize::from(rule)] = Some(matches);
        }
        Ok(Self {
            ids: population.ids,
            rules: rule_ids(rules),
            cells,
        })
    }

    /// The record ids, in input order.
    pub(crate) fn ids(&self) -> &RecordIds {
        &self.ids
    }

    /// The records' cells in input order, a cell per rule; `None` where a record has no value.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[Option<bool>]> {
        self.cells.chunks_exact(self.rules.len())
    }

    /// How many records match by any rule.
    pub(crate) fn matched(&self) -> u64 {
        self.rows().filter(|row| row.contains(&Some(true))).count() as u64
    }

    /// The rules, and how many records match by each.
    pub(crate) fn by_rule(&self) -> Vec<(&str, u64)> {
        let count = |rule: usize| self.rows().filter(|row| row[rule] == Some(true)).count() as u64;
        self.rules
            .iter()
            .enumerate()
            .map(|(rule, name)| (&**name, count(rule)))
            .collect()
    }

    /// Writes the card as `blindjoin-querier link` does; the output is still to be committed.
    pub(crate) fn write(&self, output: Output, format: Format) -> Result<Output, Error> {
        let rules = self.rules.iter().map(String::as_str);
        let mut card = CardWriter::new(output, format, rules)?;
        for (id, cells) in self.ids.iter().zip(self.rows()) {
            card.push(id, cells.iter().copied())?;
        }
        card.finish()
    }
}

fn sign(
    path: &Path,
    rules: &RuleSet,
    today: Date,
    side: Side,
    mut take: impl FnMut(&Signed<'_>) -> Result<(), LinkageError>,
) -> anyhow::Result<Population> {
    let mut reader = Reader::open(path, ReadOptions::strict())?;
    let (signer, _) = Bound::signer(&reader, rules, &[], side, today)?;
    let take = |record: &Signed<'_>| anyhow::Ok(take(record)?);
    Population::read(&mut reader, &signer, pipeline::all_cores(), take, |_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_matched_not_and_no_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let ours = write("ours.csv", "id,n,m\na,1,x\nb,2,\nc,,\nd,9,y\n");
        let theirs = write("theirs.csv", "id,n,m\np,2,x\nq,1,z\nr,1,z\n");
        let rules = "[columns]\nrecord_id = 'id'\nn = 'n'\nm = 'm'\n\
                     [[rule]]\nid = 'N'\nsignature = ['n:T']\n\
                     [[rule]]\nid = 'M'\nsignature = ['m:T']\n";
        let rules = RuleSet::from_toml(rules).expect("rules");
        let today = Date::new(2026, 1, 1).expect("a day");
        let expected = Expected::join(&ours, &theirs, &rules, today).expect("joined");
        let rows: Vec<_> = expected.rows().collect();
        assert_eq!(
            rows,
            [
                [Some(true), Some(true)],
                [Some(true), None],
                [None, None],
                [Some(false), Some(false)],
            ]
        );
        assert_eq!(
            expected.ids().iter().collect::<Vec<_>>(),
            ["a", "b", "c", "d"]
        );
        assert_eq!(expected.matched(), 2);
        assert_eq!(expected.by_rule(), [("N", 2), ("M", 1)]);
        let card = folder.path().join("card.csv");
        let output = Output::create(&card, false).expect("created");
        let output = expected.write(output, Format::Csv).expect("written");
        output.commit().expect("committed");
        assert_eq!(
            std::fs::read_to_string(&card).expect("there"),
            "record_id,matched,N,M\na,1,1,1\nb,1,1,\nc,,,\nd,0,0,0\n"
        );
    }
}
