//! Pairs of records, a slot for each clause: how the querier's records lie in their table, and which
//! pairs the labels name.
//!
//! # Source
//!
//! `spec/protocol.md`, §6.4.

mod canary;
mod compare;
mod handle;
mod label;

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::card::{Card, Cell, Pair};
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::records::{ProviderRecords, QuerierRecords};
use crate::terms::pairwise::Pairwise;
use crate::ways::pairs::canary::CanaryPair;
use crate::ways::pairs::canary::handles_and_canaries;
use crate::ways::pairs::compare::PairJobs;
use crate::ways::pairs::handle::Handles;
use crate::ways::pairs::label::part_field;
use crate::ways::pairs::label::{PairLabel, open_shares};
use crate::ways::way::{Collect, LaidOut, Layout, Prepared, check_spurious};
use crate::widths;

/// A row of parts for each record, block by block, each padded to its size class.
pub(super) fn lay_out(
    agreement: &Agreement,
    pairwise: &Pairwise,
    fingerprints: &Fingerprints,
    blocks: &BlockDirectory,
    records: Arc<QuerierRecords>,
) -> Result<LaidOut, Error> {
    let (layout, plain) = PairLayout::new(agreement, pairwise, fingerprints, blocks, records)?;
    Ok(LaidOut {
        layout: Box::new(layout),
        plain,
    })
}

pub(super) fn prepare(
    agreement: &Agreement,
    pairwise: &Pairwise,
    fingerprints: &Fingerprints,
    blocks: &BlockDirectory,
    records: &ProviderRecords,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    let jobs = PairJobs::prepare(agreement, pairwise, fingerprints, blocks, records, rng)?;
    Ok(Arc::new(jobs))
}

/// How the records of a pairwise linkage lie in the table, a row of parts for each.
struct PairLayout {
    records: Arc<QuerierRecords>,
    pairwise: Pairwise,
    rules: u16,
    /// The record in each row of the table, if there is one.
    rows: Vec<Option<u32>>,
    handles: Handles,
    canaries: Vec<CanaryPair>,
    blind: bool,
}

impl PairLayout {
    /// Lays the records out by blocks, each padded to its size class; yields the table's plaintexts
    /// too.
    fn new(
        agreement: &Agreement,
        pairwise: &Pairwise,
        fingerprints: &Fingerprints,
        blocks: &BlockDirectory,
        records: Arc<QuerierRecords>,
    ) -> Result<(Self, Zeroizing<Vec<u128>>), Error> {
        let manifest = agreement.manifest();
        if manifest.blocks != Some(blocks.digest()) {
            return Err(Error::ManifestMismatch { field: "blocks" });
        }
        let (count, room) = (blocks.padded_rows(), manifest.querier_size);
        if count > room {
            return Err(Error::TooMany { count, room });
        }
        let mut free: Vec<(u32, u32)> = blocks
            .iter()
            .scan(0, |first, (_, rows)| {
                *first += rows;
                Some((*first - rows, *first))
            })
            .collect();
        let parts = usize::from(pairwise.parts);
        let table_rows = widths::index(room);
        let mut rows = vec![None; table_rows];
        let absent = agreement.suite().absent_querier();
        let mut plain = Zeroizing::new(vec![absent; table_rows * parts]);
        for record in 0..records.len() {
            let Some(block) = records.block(record).and_then(|block| blocks.find(block)) else {
                continue;
            };
            let (next, end) = &mut free[block];
            if next == end {
                return Err(Error::TooMany {
                    count: u64::from(*end) + 1,
                    room: u64::from(*end),
                });
            }
            let row = *next as usize;
            *next += 1;
            rows[row] = Some(widths::short(record));
            for (part, value) in (0_u8..).zip(records.parts(record)) {
                if let Some(value) = value {
                    plain[row * parts + usize::from(part)] =
                        fingerprints.fingerprint(part_field(part).as_bytes(), value);
                }
            }
        }
        let (handles, canaries) = handles_and_canaries(agreement, pairwise, fingerprints);
        let layout = Self {
            handles,
            canaries,
            blind: manifest.terms.blind,
            records,
            pairwise: pairwise.clone(),
            rules: u16::try_from(manifest.terms.rules.len()).expect("few rules"),
            rows,
        };
        Ok((layout, plain))
    }

    /// Makes the card of positions, ascending, with their unmasked labels.
    fn card(&self, found: &[(u64, u64)]) -> Result<Card, Error> {
        let slots = self.pairwise.slots();
        let of = |position: u64| position / slots.len() as u64;
        let mut pairs: Vec<Pair> = Vec::new();
        let mut canaries = vec![0_u32; self.canaries.len()];
        let mut spurious = 0;
        for group in found.chunk_by(|a, b| of(a.0) == of(b.0)) {
            let shown: Vec<(usize, u64)> = group
                .iter()
                .map(|&(position, label)| {
                    let slot = position % slots.len() as u64;
                    (widths::index(slot), label)
                })
                .collect();
            match self.open(&slots, &shown) {
                Opened::Pair(pair) => pairs.push(pair),
                Opened::Canary(number) => canaries[number] += 1,
                Opened::BelowThreshold => {}
                Opened::Nonsense => spurious += 1,
            }
        }
        check_spurious(spurious)?;
        pairs.sort_unstable();
        let twice = |two: &[Pair]| (two[0].row, two[0].handle) == (two[1].row, two[1].handle);
        if pairs.windows(2).any(twice) || canaries.iter().any(|&times| times > 1) {
            return Err(Error::MatchedTwice);
        }
        let (placed, missing) = (
            canaries.len(),
            canaries.iter().filter(|&&times| times == 0).count(),
        );
        if missing > 0 {
            return Err(Error::CanaryMissing { missing, placed });
        }
        let mut card = self.blank_card().with_pairs(pairs);
        card.notes_mut().spurious = spurious;
        Ok(card)
    }

    /// Opens what the slots of one pair show.
    fn open(&self, slots: &[usize], shown: &[(usize, u64)]) -> Opened {
        let label = match self.pairwise.threshold {
            None => {
                if shown.iter().any(|(_, label)| *label != shown[0].1) {
                    return Opened::Nonsense;
                }
                Some(PairLabel::from_whole(shown[0].1))
            }
            Some(threshold) => {
                let needed = usize::from(threshold);
                if shown.len() < needed {
                    // A key holder that sees matches withholds these itself.
                    return if self.blind {
                        Opened::BelowThreshold
                    } else {
                        Opened::Nonsense
                    };
                }
                // Every run of enough shares must tell the same.
                let secret = open_shares(&shown[..needed]);
                if shown.windows(needed).any(|run| open_shares(run) != secret) {
                    return Opened::Nonsense;
                }
                secret.and_then(PairLabel::from_secret)
            }
        };
        let Some(label) = label else {
            return Opened::Nonsense;
        };
        if let Some(number) = self.canaries.iter().position(|c| c.label == label) {
            return self.open_canary(number, slots, shown);
        }
        let row = self.rows.get(label.row as usize).copied().flatten();
        let Some(row) = row.filter(|_| self.handles.contains(label.handle)) else {
            return Opened::Nonsense;
        };
        let rule = |slot: usize| self.pairwise.clauses[slots[slot]].rule;
        let mut rules: Vec<u16> = shown.iter().map(|(slot, _)| rule(*slot)).collect();
        rules.sort_unstable();
        rules.dedup();
        let handle = label.handle;
        Opened::Pair(Pair { row, handle, rules })
    }

    /// A canary must show the slots of its clauses, all of them and no other.
    fn open_canary(&self, number: usize, slots: &[usize], shown: &[(usize, u64)]) -> Opened {
        let holds = |slot: &usize| self.canaries[number].holds[slots[*slot]];
        let due = (0..slots.len()).filter(holds);
        if due.eq(shown.iter().map(|(slot, _)| *slot)) {
            Opened::Canary(number)
        } else {
            Opened::Nonsense
        }
    }

    /// The card before any match: which cells have a value and were compared.
    fn blank_card(&self) -> Card {
        let rows = widths::short(self.records.len());
        let mut compared = vec![false; self.records.len()];
        for row in self.rows.iter().flatten() {
            compared[*row as usize] = true;
        }
        let mut card = Card::new(rows, self.rules);
        for row in 0..rows {
            let parts: Vec<bool> = self
                .records
                .parts(row as usize)
                .map(|value| value.is_some())
                .collect();
            for clause in &self.pairwise.clauses {
                if clause.parts.iter().all(|&part| parts[usize::from(part)]) {
                    let cell = if compared[row as usize] {
                        Cell::NotMatched
                    } else {
                        Cell::NotCompared
                    };
                    card.raise(row, clause.rule, cell);
                }
            }
        }
        card
    }
}

impl Layout for PairLayout {
    fn collect(&self) -> Box<dyn Collect + '_> {
        Box::new(Slots {
            layout: self,
            shown: Vec::new(),
        })
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn unplaced(&self) -> usize {
        0
    }
}

/// Positions with their unmasked labels.
struct Slots<'a> {
    layout: &'a PairLayout,
    shown: Vec<(u64, u64)>,
}

impl Collect for Slots<'_> {
    fn take(&mut self, position: u64, label: u64) {
        self.shown.push((position, label));
    }

    fn card(self: Box<Self>) -> Result<Card, Error> {
        self.layout.card(&self.shown)
    }
}

enum Opened {
    Pair(Pair),
    Canary(usize),
    BelowThreshold,
    Nonsense,
}
