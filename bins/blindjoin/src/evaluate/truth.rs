//! Who is who: listed pairs, or persons named inside the record ids.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::InputOptions;
use regex::Regex;

use crate::console::Console;

use super::table::{self, Ids, Table};

/// The pairs of a truth file by numbers of record ids, sorted and distinct.
#[derive(Debug)]
pub(super) struct Listed {
    left: Ids,
    right: Ids,
    /// With the row each was first seen in.
    pairs: Vec<(u32, u32, u64)>,
    /// Whether the columns were read the other way round.
    swapped: bool,
}

/// Reads a table with two columns whose names end in `record_id`.
pub(super) fn listed_pairs(
    path: &Path,
    swap: bool,
    reading: InputOptions,
    console: &Console,
) -> anyhow::Result<Listed> {
    let table = Table::open(path, reading, console)?;
    let file = Arc::clone(table.name());
    let [mut first, mut second] = table.record_id_columns()[..] else {
        bail!(
            "{file}: a truth has two columns whose names end in record_id; this one has {}",
            table.columns.join(", ")
        );
    };
    if swap {
        std::mem::swap(&mut first, &mut second);
    }
    let (mut left, mut right) = (Ids::new(&file), Ids::new(&file));
    let mut pairs = Vec::new();
    table.for_each(|number, row| {
        let a = left.intern(table::present(&file, number, row, first)?)?;
        let b = right.intern(table::present(&file, number, row, second)?)?;
        pairs.push((a, b, number));
        Ok(())
    })?;
    pairs.sort_unstable();
    if let Some(same) = pairs
        .windows(2)
        .find(|two| two[0].0 == two[1].0 && two[0].1 == two[1].1)
    {
        bail!(
            "{file}: rows {} and {} hold the same pair",
            same[0].2,
            same[1].2
        );
    }
    Ok(Listed {
        left,
        right,
        pairs,
        swapped: swap,
    })
}

/// Which records of a card have a partner, by their number.
pub(super) fn partnered(
    listed: &Listed,
    card: &Ids,
    others: Option<&Ids>,
) -> anyhow::Result<Vec<bool>> {
    listed.check(card, others)?;
    let mut partnered = vec![false; card.len()];
    for id in listed.left.iter() {
        let number = card
            .number(id)
            .expect("the truth's records have been looked up");
        partnered[number as usize] = true;
    }
    Ok(partnered)
}

impl Listed {
    /// Refuses record ids that the tables do not have.
    fn check(&self, ours: &Ids, others: Option<&Ids>) -> anyhow::Result<()> {
        let file = &self.left.file;
        let unknown = self.pairs.iter().filter_map(|&(a, b, row)| {
            let missing = |truth: &Ids, number: u32, ids: &Ids| {
                ids.number(&truth.texts()[number as usize]).is_none()
            };
            if missing(&self.left, a, ours) {
                Some((row, Arc::clone(&ours.file)))
            } else {
                let others = others.filter(|others| missing(&self.right, b, others))?;
                Some((row, Arc::clone(&others.file)))
            }
        });
        match unknown.min() {
            None => Ok(()),
            Some((row, table)) => bail!(
                "{file}: row {row} names a record that {table} does not have; if the columns are \
                 the other way round, {}",
                if self.swapped {
                    "leave out --swap"
                } else {
                    "say --swap"
                }
            ),
        }
    }
}

/// A regular expression with a group that identifies the person.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    pub(super) fn new(pattern: &str) -> anyhow::Result<Self> {
        let regex = Regex::new(pattern).context("--truth-pattern: not a regular expression")?;
        ensure!(
            regex.captures_len() > 1,
            r"--truth-pattern: has no group in parentheses, such as 'rec-(\d+)-'"
        );
        Ok(Self(regex))
    }
}

/// Numbers for the persons that record ids name.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<Box<str>, u32>);

/// The person of each record of a table.
#[derive(Debug)]
pub(super) struct Persons(Vec<u32>);

impl Groups {
    pub(super) fn of(&mut self, pattern: &Pattern, ids: &Ids) -> anyhow::Result<Persons> {
        let mut persons = Vec::with_capacity(ids.len());
        for (row, id) in (1..).zip(ids.iter()) {
            let captured = pattern.0.captures(id).and_then(|captures| captures.get(1));
            let Some(captured) = captured else {
                let row: u64 = row;
                bail!(
                    "{}: the record id of row {row} does not fit --truth-pattern",
                    ids.file
                );
            };
            let next = u32::try_from(self.0.len()).context("more than 2³² persons")?;
            let person = match self.0.get(captured.as_str()) {
                Some(&person) => person,
                None => *self.0.entry(captured.as_str().into()).or_insert(next),
            };
            persons.push(person);
        }
        Ok(Persons(persons))
    }
}

impl Persons {
    /// Whether each record's person has a record among the others.
    pub(super) fn among(&self, others: &Self) -> Vec<bool> {
        let counts = others.counts();
        self.0
            .iter()
            .map(|&person| counts.get(person as usize).is_some_and(|&n| n > 0))
            .collect()
    }

    /// How many records each person has.
    fn counts(&self) -> Vec<u64> {
        let persons = self.0.iter().max().map_or(0, |&person| person as usize + 1);
        let mut counts = vec![0; persons];
        for &person in &self.0 {
            counts[person as usize] += 1;
        }
        counts
    }
}

/// Which pairs are true.
#[derive(Debug)]
pub(super) struct PairTruth {
    left: Ids,
    /// Nothing when the pairs are within one table.
    right: Option<Ids>,
    /// Whether an id that is in neither list is a fault.
    complete: (bool, bool),
    same: Same,
    /// How many pairs are true.
    pub(super) total: u64,
}

#[derive(Debug)]
enum Same {
    /// Sorted.
    Listed(Vec<(u32, u32)>),
    Person {
        left: Persons,
        right: Option<Persons>,
    },
}

impl PairTruth {
    /// From listed pairs. Given tables make unknown record ids a fault; `ours` alone stands for
    /// both sides.
    pub(super) fn listed(
        listed: &Listed,
        ours: Option<Ids>,
        others: Option<Ids>,
    ) -> anyhow::Result<Self> {
        let within = ours.is_some() && others.is_none();
        let complete = (ours.is_some(), within || others.is_some());
        if let Some(ours) = &ours {
            listed.check(ours, if within { Some(ours) } else { others.as_ref() })?;
        }
        let mut left = ours.unwrap_or_else(|| Ids::new(&listed.left.file));
        let mut right = match others {
            _ if within => None,
            Some(others) => Some(others),
            None => Some(Ids::new(&listed.right.file)),
        };
        let mut pairs = Vec::with_capacity(listed.pairs.len());
        for &(a, b, row) in &listed.pairs {
            let a = left.intern(&listed.left.texts()[a as usize])?;
            let b = &listed.right.texts()[b as usize];
            let b = match &mut right {
                Some(right) => right.intern(b)?,
                None => left.intern(b)?,
            };
            ensure!(
                !(within && a == b),
                "{}: row {row} pairs a record with itself",
                listed.left.file
            );
            pairs.push(if within { (a.min(b), a.max(b)) } else { (a, b) });
        }
        pairs.sort_unstable();
        pairs.dedup();
        let total = pairs.len() as u64;
        Ok(Self {
            left,
            right,
            complete,
            same: Same::Listed(pairs),
            total,
        })
    }

    /// From the persons that the record ids name; without `others`, within `ours`.
    pub(super) fn by_pattern(
        pattern: &Pattern,
        ours: Ids,
        others: Option<Ids>,
    ) -> anyhow::Result<Self> {
        let mut groups = Groups::default();
        let left = groups.of(pattern, &ours)?;
        let right = others
            .as_ref()
            .map(|others| groups.of(pattern, others))
            .transpose()?;
        let counts = left.counts();
        let total = match &right {
            Some(right) => counts.iter().zip(right.counts()).map(|(a, b)| a * b).sum(),
            None => counts.iter().map(|&n| n * n.saturating_sub(1) / 2).sum(),
        };
        let same = Same::Person { left, right };
        Ok(Self {
            left: ours,
            right: others,
            complete: (true, true),
            same,
            total,
        })
    }

    /// The numbers of a pair's records.
    pub(super) fn pair(
        &mut self,
        file: &Arc<str>,
        row: u64,
        first: &str,
        second: &str,
    ) -> anyhow::Result<(u32, u32)> {
        let number = |ids: &mut Ids, complete: bool, id: &str| {
            if complete {
                ids.number(id).with_context(|| {
                    format!(
                        "{file}: row {row} names a record that {} does not have",
                        ids.file
                    )
                })
            } else {
                ids.intern(id)
            }
        };
        let a = number(&mut self.left, self.complete.0, first)?;
        if let Some(right) = &mut self.right {
            return Ok((a, number(right, self.complete.1, second)?));
        }
        let b = number(&mut self.left, self.complete.1, second)?;
        ensure!(a != b, "{file}: row {row} pairs a record with itself");
        Ok((a.min(b), a.max(b)))
    }

    /// Whether a pair of [`Self::pair`] is the same person.
    pub(super) fn holds(&self, (a, b): (u32, u32)) -> bool {
        match &self.same {
            Same::Listed(pairs) => pairs.binary_search(&(a, b)).is_ok(),
            Same::Person { left, right } => {
                left.0[a as usize] == right.as_ref().unwrap_or(left).0[b as usize]
            }
        }
    }
}
