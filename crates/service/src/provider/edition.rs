//! One edition of what a provider publishes of its records: counted at a date, kept until the next.

use blindjoin_protocol::agree::PublishedRule;
use blindjoin_protocol::input::{Blocking, CellRule, OfferedCell};

use prost::Message;

use super::census::{BlockingCensus, Cell, Census};
use super::marks::MarksDigest;
use super::noise::Noise;
use super::registry::Registry;
use crate::Error;

/// The layout of what is kept; another one is not read.
const LAYOUT: u32 = 1;

/// What was published of a registry's records, as it is kept in the journal.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Edition {
    #[prost(uint32, tag = "1")]
    layout: u32,
    /// In seconds since 1970.
    #[prost(uint64, tag = "2")]
    pub(super) dated: u64,
    /// What makes the registry another one, whose classes say nothing about the one before.
    #[prost(message, required, tag = "3")]
    basis: Basis,
    /// The class of each rule, in their order.
    #[prost(uint64, repeated, tag = "4")]
    pub(super) classes: Vec<u64>,
    /// The marks of all keys.
    #[prost(bytes = "vec", tag = "5")]
    marks: Vec<u8>,
    #[prost(message, repeated, tag = "6")]
    blockings: Vec<BlockingEdition>,
}

/// What the classes of an edition rest on, records aside.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Basis {
    /// The provider's public key: queriers know it by that.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) identity: Vec<u8>,
    #[prost(string, repeated, tag = "2")]
    pub(super) rules: Vec<String>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) rules_digest: Vec<u8>,
    /// Without noise: for tests.
    #[prost(bool, tag = "4")]
    pub(super) exact: bool,
}

/// The offered cells of one blocking.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlockingEdition {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) digest: Vec<u8>,
    /// The least number of records that it was made with.
    #[prost(uint64, tag = "2")]
    least: u64,
    /// In ascending order of their keys.
    #[prost(message, repeated, tag = "3")]
    pub(super) cells: Vec<CellEdition>,
    /// The marks of all keys in blocks, and of all records.
    #[prost(bytes = "vec", tag = "4")]
    marks: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
}

/// A cell that is offered. Its key stays out of logs.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct CellEdition {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) keys: u64,
    #[prost(uint32, tag = "3")]
    pub(super) records: u32,
}

impl std::fmt::Debug for CellEdition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CellEdition").finish_non_exhaustive()
    }
}

/// How an edition is made.
pub(super) struct Press<'a> {
    pub(super) noise: &'a Noise,
    /// The least number of records in an offered cell.
    pub(super) least: u64,
    pub(super) basis: Basis,
}

impl Press<'_> {
    /// Whether an edition is of the same registry.
    pub(super) fn continues(&self, edition: &Edition) -> bool {
        edition.basis == self.basis
    }

    /// The edition of a date. `before` is the one whose cells were offered until then.
    pub(super) fn print(&self, census: &Census, before: Option<&Edition>, dated: u64) -> Edition {
        let class = |(rule, &keys): (&String, &u64)| {
            let bound = PublishedRule::noise(keys);
            PublishedRule::class_of(keys, self.noise.below(bound, &[b"rule", rule.as_bytes()]))
        };
        let rules = self.basis.rules.iter().zip(&census.rules);
        let blockings = census.blockings.iter().map(|blocking| {
            let before = before.and_then(|edition| edition.blocking(&blocking.digest));
            self.print_blocking(blocking, before)
        });
        Edition {
            layout: LAYOUT,
            dated,
            basis: self.basis.clone(),
            classes: rules.map(class).collect(),
            marks: Vec::new(),
            blockings: blockings.collect(),
        }
    }

    /// The edition with the blockings that the configuration has now: those that are new to it are
    /// published for the first time, under the date of the others. Says whether there are such.
    pub(super) fn reprint(&self, edition: &Edition, census: &Census) -> (Edition, bool) {
        let mut changed = edition.blockings.len() != census.blockings.len();
        let blockings = census.blockings.iter().map(|blocking| {
            let known = edition.blocking(&blocking.digest);
            let known = known.filter(|known| known.least == self.least);
            known.cloned().unwrap_or_else(|| {
                changed = true;
                self.print_blocking(blocking, None)
            })
        });
        let blockings = blockings.collect();
        let edition = Edition {
            blockings,
            ..edition.clone()
        };
        (edition, changed)
    }

    fn print_blocking(
        &self,
        blocking: &BlockingCensus,
        before: Option<&BlockingEdition>,
    ) -> BlockingEdition {
        let rule = CellRule { least: self.least };
        let before = before.filter(|before| before.least == self.least);
        let digest = &blocking.digest;
        let offered = blocking.cells.iter().filter_map(|cell| {
            let draw =
                |bound, what: &[u8]| self.noise.below(bound, &[b"cell", what, digest, &cell.key]);
            let offered_before = before.is_some_and(|before| before.find(&cell.key).is_some());
            let late = draw(self.least.max(1), b"offered");
            let offers = rule.offers(cell.records, late, offered_before);
            offers.then(|| {
                let keys = draw(rule.noise(cell.keys), b"keys");
                let records = draw(rule.noise(cell.records), b"records");
                let records = rule.records(cell.records, records);
                CellEdition {
                    key: cell.key.clone(),
                    keys: rule.keys(cell.keys, keys),
                    records: u32::try_from(records).unwrap_or(u32::MAX),
                }
            })
        });
        BlockingEdition {
            digest: digest.to_vec(),
            least: self.least,
            cells: offered.collect(),
            marks: Vec::new(),
            name: blocking.name.clone(),
        }
    }
}

impl Edition {
    /// Reads what is kept.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = Error::Kept {
            what: "the published edition",
        };
        match Self::decode(bytes) {
            Ok(edition) if edition.layout == LAYOUT => Ok(edition),
            _ => Err(damaged),
        }
    }

    pub(super) fn blocking(&self, digest: &[u8; 32]) -> Option<&BlockingEdition> {
        self.blockings
            .iter()
            .find(|blocking| blocking.digest == digest)
    }

    /// Whether all keys fit the classes of their rules.
    pub(super) fn fits(&self, rules: &[u64]) -> bool {
        let fits = |(class, keys): (&u64, &u64)| PublishedRule::fits(*keys, *class);
        self.classes.iter().zip(rules).all(fits)
    }

    /// The digests of the marks of all keys and of each blocking, none where they are not written
    /// yet.
    pub(super) fn marks(&self) -> impl Iterator<Item = Option<MarksDigest>> {
        let all = [&self.marks].into_iter();
        let marks = all.chain(self.blockings.iter().map(|blocking| &blocking.marks));
        marks.map(|marks| MarksDigest::try_from(marks.as_slice()).ok())
    }

    /// Notes the digests of marks, in the order of [`marks`](Self::marks).
    pub(super) fn set_marks(&mut self, digests: impl IntoIterator<Item = MarksDigest>) {
        let all = [&mut self.marks].into_iter();
        let blockings = self.blockings.iter_mut();
        let marks = all.chain(blockings.map(|blocking| &mut blocking.marks));
        for (marks, digest) in marks.zip(digests) {
            *marks = digest.to_vec();
        }
    }

    /// The blockings as they are told to queriers.
    pub(super) fn offered(&self) -> Result<Vec<Blocking>, Error> {
        let mut blockings = Vec::new();
        for blocking in &self.blockings {
            let cells = blocking.cells.iter().map(|cell| OfferedCell {
                key: cell.key.clone(),
                keys: cell.keys,
                records: cell.records,
            });
            let digest = blocking.digest.as_slice().try_into();
            let digest = digest.map_err(|_| Error::Kept {
                what: "the published edition",
            })?;
            blockings.push(Blocking::new(&blocking.name, digest, cells.collect())?);
        }
        blockings.sort_unstable_by_key(Blocking::digest);
        Ok(blockings)
    }
}

impl BlockingEdition {
    pub(super) fn find(&self, key: &[u8]) -> Option<&CellEdition> {
        let position = self
            .cells
            .binary_search_by(|cell| cell.key.as_slice().cmp(key));
        position.ok().map(|position| &self.cells[position])
    }

    /// Whether what an offered cell holds fits its classes.
    pub(super) fn fits(&self, cells: &[Cell]) -> bool {
        cells.iter().all(|cell| {
            let offered = self.find(&cell.key);
            offered.is_none_or(|offered| {
                cell.keys <= offered.keys && cell.records <= u64::from(offered.records)
            })
        })
    }
}

impl Basis {
    pub(super) fn new(registry: &Registry, identity: [u8; 32], exact: bool) -> Self {
        Self {
            identity: identity.to_vec(),
            rules: registry.rules.clone(),
            rules_digest: registry.rules_digest.to_vec(),
            exact,
        }
    }
}
