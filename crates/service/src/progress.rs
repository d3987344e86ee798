//! What a linkage tells while it runs, and in sum when it has ended.

use std::time::Duration;

/// A step of a linkage, as the querier sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Connecting, and agreeing on the manifest.
    Negotiate,
    /// Waiting for the session's key, checking it, agreeing on secrets.
    Keys,
    /// Laying out, encrypting and sending the table.
    Table,
    /// The provider compares and the key holder decrypts.
    Compare,
    /// Fetching and opening the result.
    Result,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Negotiate => "negotiating",
            Self::Keys => "agreeing on keys",
            Self::Table => "encrypting the table",
            Self::Compare => "comparing",
            Self::Result => "opening the result",
        })
    }
}

/// News of a linkage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A phase begins.
    Begun(Phase),
    /// A phase has done so many of so many pieces of its work.
    Done(Phase, u64, u64),
}

/// Takes the news of a linkage; called from several threads, never for long.
pub trait Observer: Send + Sync {
    /// Takes a piece of news.
    fn news(&self, news: News);
}

impl Observer for () {
    fn news(&self, _news: News) {}
}

/// What a linkage cost, sizes all public.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Distinct join keys of the querier, or its records in a pairwise linkage.
    pub asked: u64,
    /// Bits of the session key's modulus.
    pub key_bits: u64,
    /// Ciphertexts in the querier's table.
    pub table_entries: u64,
    /// Ciphertexts from provider to key holder.
    pub comparisons: u64,
    /// The provider's keys (or the pairs) that the session has room for.
    pub provider_size: u64,
    /// Bytes from querier to provider, sealed, without transport.
    pub table_bytes: u64,
    /// Bytes from provider to key holder, sealed, without transport.
    pub comparison_bytes: u64,
    /// Bytes from key holder to querier, sealed, without transport.
    pub result_bytes: u64,
    /// How long each phase took.
    pub phases: Vec<(Phase, Duration)>,
}

impl Figures {
    /// How long each phase took, in words.
    pub fn times(&self) -> String {
        let phases = self.phases.iter();
        let phases = phases.map(|(phase, time)| format!("{phase} {:.1} s", time.as_secs_f64()));
        phases.collect::<Vec<_>>().join(", ")
    }
}
