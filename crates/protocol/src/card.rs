//! The bingo card: what the querier learns.

/// One cell of the card: a record of the querier's under one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// The record has no valid value for the rule.
    NoValue,
    /// The provider has no record of this signature.
    NotMatched,
    /// The provider has a record of this signature.
    Matched,
    /// The record could not be compared: its key found no place, or its block was left out.
    NotCompared,
}

/// The result of a linkage: a cell for every record of the querier's and every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    rules: usize,
    cells: Vec<Cell>,
    notes: Notes,
    pairs: Vec<Pair>,
}

/// A record of the querier's and one of the provider's that match, in a pairwise linkage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The querier's record.
    pub row: u32,
    /// The provider's opaque handle of its record: the same wherever that record matches in this
    /// session, another in the next.
    pub handle: u32,
    /// The rules under which they match, ascending.
    pub rules: Vec<u16>,
}

/// What the querier should know besides the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Reported positions whose label unmasks to nothing of the querier's: one or two by chance.
    /// More mean that somebody invents matches, and then there is no card.
    pub spurious: u64,
    /// Keys that share their label with another of the querier's own: both are taken as matched.
    pub ambiguous: u64,
    /// Distinct keys that found no place in the table; their cells are not compared.
    pub unplaced: u64,
    /// Canaries that found no place in the table.
    pub unplaced_canaries: u64,
}

impl Card {
    /// Yields a card of cells without values.
    pub(crate) fn new(rows: u32, rules: u16) -> Self {
        let rules = usize::from(rules);
        Self {
            rules,
            cells: vec![Cell::NoValue; rows as usize * rules],
            notes: Notes::default(),
            pairs: Vec::new(),
        }
    }

    /// Yields a card of given cells, row by row; nothing where they make up no whole rows.
    pub fn from_cells(rules: usize, cells: Vec<Cell>) -> Option<Self> {
        if cells.len().checked_rem(rules)? != 0 {
            return None;
        }
        Some(Self {
            rules,
            cells,
            notes: Notes::default(),
            pairs: Vec::new(),
        })
    }

    /// Adds the pairs behind the matches, and their matches.
    pub(crate) fn with_pairs(mut self, pairs: Vec<Pair>) -> Self {
        for pair in &pairs {
            for &rule in &pair.rules {
                self.raise(pair.row, rule, Cell::Matched);
            }
        }
        Self { pairs, ..self }
    }

    /// Yields the pairs behind the matches by row and handle; none but in a pairwise linkage.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Yields the number of records.
    pub fn rows(&self) -> usize {
        self.cells.len().checked_div(self.rules).unwrap_or(0)
    }

    /// Yields the number of rules.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// Yields the cells of one record, in the order of the rules.
    ///
    /// # Panics
    ///
    /// If there is no such record.
    pub fn row(&self, row: usize) -> &[Cell] {
        &self.cells[row * self.rules..(row + 1) * self.rules]
    }

    /// Says whether a record matches under any rule; `None` when no rule could tell.
    ///
    /// # Panics
    ///
    /// If there is no such record.
    pub fn matched(&self, row: usize) -> Option<bool> {
        let cells = self.row(row);
        if cells.contains(&Cell::Matched) {
            Some(true)
        } else if cells.contains(&Cell::NotMatched) {
            Some(false)
        } else {
            None
        }
    }

    /// Yields how many cells of a rule are in a state.
    pub fn count(&self, rule: usize, cell: Cell) -> usize {
        self.cells
            .iter()
            .skip(rule)
            .step_by(self.rules.max(1))
            .filter(|&&c| c == cell)
            .count()
    }

    /// Yields the number of records that match under any rule.
    pub fn matched_rows(&self) -> usize {
        (0..self.rows())
            .filter(|&row| self.matched(row) == Some(true))
            .count()
    }

    /// Yields what there is to know besides the cells.
    #[doc(hidden)]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(crate) fn notes_mut(&mut self) -> &mut Notes {
        &mut self.notes
    }

    /// Raises a cell: a match outweighs a failed comparison, which outweighs none, which outweighs
    /// the lack of a value.
    pub(crate) fn raise(&mut self, row: u32, rule: u16, cell: Cell) {
        let rank = |cell| match cell {
            Cell::NoValue => 0,
            Cell::NotMatched => 1,
            Cell::NotCompared => 2,
            Cell::Matched => 3,
        };
        let place = &mut self.cells[row as usize * self.rules + usize::from(rule)];
        if rank(cell) > rank(*place) {
            *place = cell;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_outweighs_the_rest() {
        let mut card = Card::new(2, 2);
        card.raise(0, 1, Cell::NotMatched);
        assert_eq!((card.matched(0), card.matched(1)), (Some(false), None));
        card.raise(0, 1, Cell::NotCompared);
        assert_eq!(card.matched(0), None);
        card.raise(0, 1, Cell::Matched);
        card.raise(0, 1, Cell::NotMatched);
        assert_eq!(card.row(0), [Cell::NoValue, Cell::Matched]);
        let cells = (0..2).flat_map(|row| card.row(row).to_vec()).collect();
        assert_eq!(Card::from_cells(2, cells), Some(card.clone()));
        assert_eq!(Card::from_cells(2, vec![Cell::Matched; 3]), None);
        assert_eq!(Card::from_cells(0, Vec::new()), None);
        assert_eq!(
            (
                card.matched_rows(),
                card.count(1, Cell::Matched),
                card.count(0, Cell::NoValue)
            ),
            (1, 1, 2)
        );
    }
}
