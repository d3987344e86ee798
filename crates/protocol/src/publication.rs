//! What a provider publishes: everything that it lets a querier know before a session.

mod encoding;

use blindjoin_paillier::KeySize;
use blindjoin_paillier::Profile;
use sha2::Digest as _;
use sha2::Sha256;

use crate::blocks::Blocking;
use crate::blocks::offer::BlockOffer;
use crate::class::most_hash_bits;
use crate::class::{CANARY_ROOM, class_noise, published_class};
use crate::codec::Writer;
use crate::names::named;
use crate::objection::Objection;

/// What a provider publishes, to every querier alike, at fixed dates and not at changes; and what
/// one querier is told about itself.
///
/// It is all of the provider's records that an offer is [held against](Self::admit), and so all
/// that the answer to any offer can tell.
///
/// # Source
///
/// `spec/protocol.md`, §19.2, §20.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The rules, in their order.
    pub rules: Vec<PublishedRule>,
    /// Digest of the rules and of the normalisation behind them.
    pub rules_digest: [u8; 32],
    /// The kinds of keys that are accepted.
    pub profiles: Vec<Profile>,
    /// The lengths of keys that are accepted.
    pub key_sizes: Vec<KeySize>,
    /// Whether the key holder counts the matches of joins and pairs.
    pub counting: Counting,
    /// Whether pairs of records are compared.
    pub pairs: bool,
    /// The blockings by fields, in ascending order of their digests.
    pub blockings: Vec<Blocking>,
    /// The most bits of hashed blocks; 0 where there are none.
    pub hash_bits: u8,
    /// The date of this publication, in seconds since 1970.
    pub dated: u64,
    /// The date of the next one.
    pub next: u64,
    /// What concerns the querier alone that asks.
    pub own: OwnTerms,
}

/// A rule of a provider's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedRule {
    /// Its id.
    pub id: String,
    /// The class of the keys under it; see [`PublishedRule::class_of`].
    pub class: u64,
    /// Under how many forms the provider probes for it.
    pub forms: u16,
    /// Its weight where pairs are scored.
    pub weight: u8,
}

impl PublishedRule {
    /// Yields below what the noise of a rule's class is drawn, once and for all.
    pub fn noise(keys: u64) -> u64 {
        class_noise(keys + CANARY_ROOM)
    }

    /// Yields the class that is published of so many keys, with a [`noise`](Self::noise).
    pub fn class_of(keys: u64, noise: u64) -> u64 {
        published_class(keys, noise)
    }

    /// Says whether a class has room for so many keys.
    pub fn fits(keys: u64, class: u64) -> bool {
        keys.saturating_add(CANARY_ROOM) <= class
    }
}

/// Whether a key holder may, or must, count matches, and so enforce their cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// It stays blind.
    Refused,
    /// As the querier likes.
    Allowed,
    /// It counts.
    Required,
}

named!(
    Counting,
    "rule for counting",
    Refused = "refused",
    Allowed = "allowed",
    Required = "required"
);

/// What a provider tells a querier about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTerms {
    /// The salt of the querier's hashed blocks.
    pub salt: [u8; 32],
    /// What is left of its allowance.
    pub left: Allowance,
    /// When the allowance is next renewed, in seconds since 1970.
    pub renewed: u64,
}

/// What a querier may ask for in a period, or what a session takes of it.
///
/// # Source
///
/// `spec/protocol.md`, §19.6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Places of tables.
    pub places: u64,
    /// Lookups, of one record under one rule each.
    pub lookups: u64,
    /// Pairs of records.
    pub pairs: u64,
}

impl Published {
    /// The most blockings.
    pub const MOST_BLOCKINGS: usize = 16;

    /// Yields a publication of these rules alone: all kinds of keys of these lengths, counting as the
    /// querier likes, neither pairs nor blocks, nothing left of the allowance. What else is to be
    /// published is for the caller to add.
    pub fn new(
        rules: Vec<PublishedRule>,
        rules_digest: [u8; 32],
        key_sizes: Vec<KeySize>,
        salt: [u8; 32],
    ) -> Self {
        Self {
            rules,
            rules_digest,
            profiles: Profile::ALL.to_vec(),
            key_sizes,
            counting: Counting::Allowed,
            pairs: false,
            blockings: Vec::new(),
            hash_bits: 0,
            dated: 0,
            next: 0,
            own: OwnTerms {
                salt,
                left: Allowance::default(),
                renewed: 0,
            },
        }
    }

    /// Yields the digest of what is the same for all queriers.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = Writer::new();
        self.encode_common(&mut out);
        Sha256::digest(out.finish()).into()
    }

    /// Yields the blocking of this digest.
    ///
    /// # Errors
    ///
    /// [`Objection::Blocking`].
    pub fn blocking(&self, digest: &[u8; 32]) -> Result<&Blocking, Objection> {
        let mut blockings = self.blockings.iter();
        let found = blockings.find(|blocking| blocking.digest() == *digest);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.blockings.iter().map(Blocking::name).collect();
            let offered = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join("; ")
            };
            Objection::Blocking { offered }
        })
    }

    /// Checks that a digest is that of the provider's rules.
    ///
    /// # Errors
    ///
    /// [`Objection::Rules`].
    pub fn check_rules_digest(&self, digest: &[u8; 32]) -> Result<(), Objection> {
        if *digest == self.rules_digest {
            return Ok(());
        }
        let theirs = self.rule_ids();
        Err(Objection::Rules { theirs })
    }

    /// Yields the classes of some of the rules, which must be in their order.
    pub(crate) fn classes(&self, rules: &[String]) -> Result<Vec<u64>, Objection> {
        let mut published = self.rules.iter();
        let class = |id: &String| {
            let rule = published.find(|rule| rule.id == *id);
            let unknown = || Objection::RuleId {
                id: id.clone(),
                theirs: self.rule_ids(),
            };
            Ok(rule.ok_or_else(unknown)?.class)
        };
        rules.iter().map(class).collect()
    }

    pub(crate) fn rule_ids(&self) -> String {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
        ids.join(", ")
    }

    /// Yields the most bits of hashed blocks in a session under these rules.
    pub fn most_hash_bits(&self, rules: &[String]) -> u8 {
        let keys = self.classes(rules).map_or(0, |classes| sum(&classes));
        self.hash_bits
            .min(most_hash_bits(keys))
            .min(BlockOffer::MOST_HASH_BITS)
    }
}

pub(crate) fn sum(classes: &[u64]) -> u64 {
    classes
        .iter()
        .fold(0, |sum, class| sum.saturating_add(*class))
}
