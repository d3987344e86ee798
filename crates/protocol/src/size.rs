//! Every count and length of a session, from its manifest alone.

pub(crate) mod count;
pub(crate) mod shape;

pub use shape::Shape;

use crate::class::bound;
use crate::error::Error;
use crate::geometry::{CHUNK_BYTES, Geometry};
use crate::plan::Plan;
use crate::terms::Terms;
use crate::widths;

/// The position of an entry that pads the result.
pub(crate) const NO_POSITION: u64 = u64::MAX;

/// The most keys, rows or pairs of a side: places, jobs and slots are then numbered in 32 bits.
// An eighth of what can be numbered leaves room for the places of a table, which at such a size has
// three for a key, and for two comparisons of each key.
const MOST: u64 = u32::MAX as u64 / 8;

impl Plan {
    /// Computes the plan for the classes of both sides.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when they are beyond 32 bits.
    pub fn of(terms: &Terms, querier: u64, provider: u64) -> Result<Self, Error> {
        let refuse = |reason| Error::ManifestContradiction { reason };
        if querier > MOST || provider > MOST {
            return Err(refuse("more records than 32 bits can number"));
        }
        let dummies = 2 * terms.dummies.map_or(0, |dummies| u64::from(dummies.mean()));
        let shard_bits = 0;
        let shard_querier = bound(querier, shard_bits);
        let (bins, dense) = count::table(&terms.mode, shard_querier)?;
        Ok(Self {
            shard_bits,
            shard_querier,
            shard_provider: bound(provider + dummies, shard_bits),
            bins,
            dense,
        })
    }

    /// Checks a plan against the own one. The formula of the bins rounds a real number: others may
    /// find one bin more or less.
    fn check(&self, terms: &Terms, querier: u64, provider: u64) -> Result<(), Error> {
        let own = Self::of(terms, querier, provider)?;
        let near = self.bins.abs_diff(own.bins) <= 1 && (self.bins == 0) == (own.bins == 0);
        let same = Self {
            bins: own.bins,
            ..*self
        };
        if near && same == own {
            Ok(())
        } else {
            Err(Error::ManifestContradiction {
                reason: "sizes that do not follow from the classes",
            })
        }
    }
}

/// The counts and lengths of one session.
///
/// Everything that an observer of the network or a party counts is here, and nothing here depends
/// on a record.
///
/// # Source
///
/// `spec/protocol.md`, §5.4, §6.1, §6.2, §6.4, §6.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    table: Geometry,
    comparisons: Geometry,
    slots: usize,
    keys: u64,
}

impl Sizes {
    /// Computes the sizes that terms, the classes of both sides and a plan determine.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when a size is not a size class, or beyond 32 bits, or not
    /// what follows from the others.
    pub fn new(terms: &Terms, querier: u64, provider: u64, plan: &Plan) -> Result<Self, Error> {
        let refuse = |reason| Error::ManifestContradiction { reason };
        plan.check(terms, querier, provider)?;
        let key_bits = terms.key_size.bits();
        if !count::is_querier_size(terms, querier) {
            return Err(refuse("a size that is not a size class"));
        }
        if querier.min(provider) < u64::from(terms.canaries) {
            return Err(refuse("more canaries than keys"));
        }
        let counts = count::counts(terms, querier, plan);
        Ok(Self {
            table: Geometry::ciphertexts(counts.places, key_bits),
            comparisons: Geometry::ciphertexts(counts.ciphertexts, key_bits),
            slots: widths::index(counts.slots),
            keys: provider,
        })
    }

    /// Yields how the querier's table is cut into chunks.
    pub fn table(&self) -> Geometry {
        self.table
    }

    /// Yields how the stream of comparisons is cut into chunks.
    pub fn comparisons(&self) -> Geometry {
        self.comparisons
    }

    /// Yields the number of ciphertexts in the table: the identifiers a querier could test.
    pub fn table_entries(&self) -> u64 {
        self.table.items()
    }

    /// Yields the number of ciphertexts in the stream of comparisons.
    pub fn comparison_ciphertexts(&self) -> u64 {
        self.comparisons.items()
    }

    /// Yields the comparisons packed into one ciphertext of the stream.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Yields the number of positions: ciphertexts times slots.
    pub fn positions(&self) -> u64 {
        self.comparisons.items() * self.slots as u64
    }

    /// Yields the keys (or pairs) the provider's side has room for, canaries included.
    pub fn provider_keys(&self) -> u64 {
        self.keys
    }

    /// Yields how the key holder's result is cut into chunks: a word for each position where it is
    /// blind, and otherwise an entry for each match that may be let out, whether or not there are as
    /// many. Its length tells nobody how many match.
    pub(crate) fn result(&self, terms: &Terms) -> Geometry {
        let suite = terms.suite();
        let (items, item_bytes) = if terms.blind {
            (self.positions(), suite.residue_bytes())
        } else {
            let most = terms.match_cap.min(self.positions());
            (most, 8 + suite.label_bytes())
        };
        Geometry::new(items, item_bytes, CHUNK_BYTES / item_bytes)
    }
}
