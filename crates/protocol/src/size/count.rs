//! What the manifest says of each way of comparing: public numbers only.
//!
//! # Source
//!
//! `spec/protocol.md`, §6.1, §6.2, §6.4, §6.5.

use blindjoin_cuckoo::Parameters;

use super::shape::Shape;
use crate::class::{CANARY_ROOM, size_class};
use crate::error::Error;
use crate::plan::Plan;
use crate::publication::Allowance;
use crate::terms::{Mode, TableKind, Terms};

/// The places of a table, the ciphertexts that are compared with it, and the comparisons in each.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) places: u64,
    pub(crate) ciphertexts: u64,
    pub(crate) slots: u64,
}

/// Yields the bins in a half, or the places in a third, and the dense places of a table for so many
/// keys; zeros where a table has entries.
pub(crate) fn table(mode: &Mode, keys: u64) -> Result<(u32, u32), Error> {
    match mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => {
            let reason = "a table beyond 32 bits";
            let parameters =
                Parameters::for_size(keys).map_err(|_| Error::ManifestContradiction { reason })?;
            Ok((parameters.half(), 0))
        }
        Mode::Join {
            table: TableKind::Okvs,
        } => {
            let shape = Shape::for_size(keys);
            Ok((shape.third(), shape.dense()))
        }
        Mode::Lookup | Mode::Pairwise(_) => Ok((0, 0)),
    }
}

/// Yields the querier's size for so many keys: their class, or the entries of a table that has one for
/// each rule.
pub(crate) fn querier_size(terms: &Terms, keys: u64) -> u64 {
    match terms.mode {
        Mode::Lookup => terms.lookup_entries(),
        Mode::Join { .. } | Mode::Pairwise(_) => size_class(keys + CANARY_ROOM),
    }
}

/// Says whether a querier may be of this size.
pub(crate) fn is_querier_size(terms: &Terms, size: u64) -> bool {
    match terms.mode {
        Mode::Lookup => size == terms.lookup_entries(),
        Mode::Join { .. } | Mode::Pairwise(_) => size == size_class(size),
    }
}

/// Yields what a session takes of the querier's allowance: of the places of its table, or the keys or
/// pairs that the provider's side has room for.
pub(crate) fn charge(terms: &Terms, places: u64, provider: u64) -> Allowance {
    let none = Allowance::default();
    match terms.mode {
        Mode::Join { .. } => Allowance { places, ..none },
        Mode::Lookup => Allowance {
            lookups: terms.rules.len() as u64,
            ..none
        },
        Mode::Pairwise(_) => Allowance {
            pairs: provider - CANARY_ROOM,
            ..none
        },
    }
}

/// Yields the counts that follow from terms, the querier's class and the plan.
pub(crate) fn counts(terms: &Terms, querier: u64, plan: &Plan) -> Counts {
    let provider = plan.shard_provider;
    match &terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => Counts {
            places: Parameters::with_half(plan.bins).bins().into(),
            ciphertexts: 2 * provider,
            slots: 1,
        },
        Mode::Join {
            table: TableKind::Okvs,
        } => Counts {
            places: Shape::agreed(plan.bins, plan.dense).places(),
            ciphertexts: provider,
            slots: 1,
        },
        Mode::Lookup => {
            let slots = terms.suite().slots_below_modulus(terms.key_size.bits()) as u64;
            Counts {
                places: querier,
                // Each entry may end in a pack that is not full.
                ciphertexts: (provider + (slots - 1) * querier.min(provider)).div_ceil(slots),
                slots,
            }
        }
        Mode::Pairwise(pairwise) => Counts {
            places: querier * u64::from(pairwise.parts),
            ciphertexts: provider,
            slots: pairwise.slots_needed() as u64,
        },
    }
}
