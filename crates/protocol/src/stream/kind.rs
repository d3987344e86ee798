//! What the streams of a session are.

use crate::role::Role;

/// What a stream carries, from whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// The querier's encrypted table, to the provider.
    Table,
    /// The provider's masked comparisons, to the key holder.
    Comparisons,
    /// The key holder's result, to the querier.
    Result,
    /// What the provider sent to the key holder, in one chunk, to the querier.
    Summary,
}

impl StreamKind {
    /// Yields the sender and the receiver.
    pub fn direction(self) -> (Role, Role) {
        match self {
            Self::Table => (Role::Querier, Role::Provider),
            Self::Comparisons => (Role::Provider, Role::KeyHolder),
            Self::Result => (Role::KeyHolder, Role::Querier),
            Self::Summary => (Role::Provider, Role::Querier),
        }
    }

    /// Yields the number that enters nonces and heads. Two is for columns of the provider's, four
    /// for what controls a session, neither of which is a stream yet.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Table => 1,
            Self::Summary => 3,
            Self::Comparisons => 5,
            Self::Result => 6,
        }
    }

    /// Yields the name that errors and logs give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Comparisons => "stream",
            Self::Result => "result",
            Self::Summary => "summary",
        }
    }
}

/// The digest that closes a stream: SHA-256 over its head and payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamDigest(pub [u8; 32]);

/// The longest message of a stream: a payload, a head, a digest and the seal.
pub(crate) const LONGEST_CHUNK: usize = 1 << 20;

/// An account of the stream of comparisons: what its two ends must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number of ciphertexts.
    pub ciphertexts: u64,
    /// The stream's closing digest.
    pub digest: StreamDigest,
}
