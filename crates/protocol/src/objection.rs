//! Why a party does not agree to an offer or a manifest.

use thiserror::Error as ThisError;

/// What a party's policy, or what a provider publishes, does not allow.
///
/// The querier looks for it before it asks, and words it for its user. A provider or key holder
/// keeps it for its own log: to the querier every objection is the same.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Objection {
    /// The querier's allowance of the period does not suffice.
    #[error("{needed} {what} are needed, but {left} are left of the querier's allowance")]
    Allowance {
        /// What is counted.
        what: &'static str,
        /// What the session needs.
        needed: u64,
        /// What is left.
        left: u64,
        /// When the allowance is renewed, in seconds since 1970.
        renewed: u64,
    },
    /// The provider does not offer the querier's blocking, or not under these rules.
    #[error("the provider does not offer this blocking, but: {offered}")]
    Blocking {
        /// The blockings that it offers, as it calls them.
        offered: String,
    },
    /// A block is named that the provider does not offer.
    #[error("a block is named that the provider does not offer")]
    Cell,
    /// The stream of comparisons is too long.
    #[error("{needed} comparisons are needed, but {most} are allowed")]
    Comparisons {
        /// What the session needs.
        needed: u64,
        /// What is allowed.
        most: u64,
    },
    /// The key holder may not count matches.
    #[error("the key holder may not count matches: sessions must be blind")]
    CountingRefused,
    /// The key holder must count matches.
    #[error("the key holder must count matches: sessions must not be blind")]
    CountingRequired,
    /// The agreement is to be valid for too long.
    #[error("the agreement is to be valid for {seconds} s, but {most} s are allowed")]
    Expiry {
        /// From now on.
        seconds: u64,
        /// What is allowed.
        most: u64,
    },
    /// The prefixes of hashed blocks are too long, or not allowed at all.
    #[error("hashed blocks of {bits} bits, but {most} are allowed (0: none)")]
    HashBits {
        /// What the session needs.
        bits: u8,
        /// What is allowed, for the rules asked for.
        most: u8,
    },
    /// The key is of a length that is not accepted.
    #[error("keys of {bits} bits are not accepted, but of {accepted:?}")]
    KeySize {
        /// The length of the modulus.
        bits: usize,
        /// The lengths that are accepted.
        accepted: Vec<usize>,
    },
    /// The key is too short.
    #[error("the modulus has {bits} bits, but at least {least} are needed")]
    KeyTooShort {
        /// The length of the modulus.
        bits: usize,
        /// The least.
        least: usize,
    },
    /// The cap on matches is too high.
    #[error("a cap of {cap} matches, but {most} are allowed")]
    Matches {
        /// What the agreement lets out.
        cap: u64,
        /// What is allowed.
        most: u64,
    },
    /// None of the querier's records is in a block that the provider offers, or that is named.
    #[error("no record is in a block that the provider offers, or that is named")]
    NoBlock,
    /// Pairs of records are not compared.
    #[error("pairs of records are not compared")]
    Pairs,
    /// The key is of a kind that is not accepted.
    #[error("keys of the profile {profile} are not accepted")]
    Profile {
        /// The name of the profile.
        profile: &'static str,
    },
    /// The provider has no rule of this id, or has the rules in another order.
    #[error("the provider has no rule {id}, or not in this place; its rules are {theirs}")]
    RuleId {
        /// The querier's rule.
        id: String,
        /// The provider's rules.
        theirs: String,
    },
    /// The rules have the provider's ids, but other expressions, or are in other blocks.
    #[error(
        "the querier's rules are not the provider's: both need the same with the same expressions (the \
         provider's rules are {theirs})"
    )]
    Rules {
        /// The provider's rules.
        theirs: String,
    },
    /// The table is too large.
    #[error("a table of {entries} places, but {most} are allowed")]
    Table {
        /// What the session needs.
        entries: u64,
        /// What is allowed.
        most: u64,
    },
    /// The weights or forms of the rules are not the provider's.
    #[error("the weights of the querier's rules are not those of the provider's")]
    Weights,
}
