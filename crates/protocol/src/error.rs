use thiserror::Error as ThisError;

use crate::objection::Objection;
use crate::role::Role;

/// Whose fault an error is, which says what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// What this party was given to link, or to agree to, cannot be used: report it and stop.
    Input,
    /// No honest peer could have sent this: abort the session.
    Peer,
    /// Time or resources: the same command may succeed later.
    Environment,
    /// The caller contradicts itself: a bug on this side.
    Misuse,
    /// This party does not agree to what a peer proposes, though an honest one may propose it.
    Refused,
}

/// What can end a linkage.
///
/// The texts are for this party's own log. To its peers a party says only "aborted"; no variant
/// holds a value of a record, a key, a token or a plaintext.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A canary known to querier and provider alone is not among the matches.
    #[error("{missing} of {placed} canaries are missing: results were dropped")]
    CanaryMissing {
        /// Canaries that did not come back.
        missing: usize,
        /// Canaries that had a place in the table.
        placed: usize,
    },
    /// A session is taken up again with something else than it had begun with: its randomness would
    /// be used twice.
    #[error("this session was begun with {what}: it cannot go on, and a new one is needed")]
    Changed {
        /// What was another.
        what: &'static str,
    },
    /// A sealed chunk fails authentication: altered, replayed, or from another session or key.
    #[error("chunk {number} of the {stream} stream is not authentic")]
    ChunkNotAuthentic {
        /// The stream.
        stream: &'static str,
        /// The chunk's number.
        number: u64,
    },
    /// A chunk arrived out of order.
    #[error("chunk {got} of the {stream} stream arrived where {expected} was due")]
    ChunkOutOfOrder {
        /// The stream.
        stream: &'static str,
        /// The number due.
        expected: u64,
        /// The number received.
        got: u64,
    },
    /// A peer holds another count of comparisons or another stream than this party does.
    #[error("provider and key holder disagree about the stream of comparisons")]
    Disagreement,
    /// A handshake or announcement is not signed by the identity the manifest names.
    #[error("the {role}'s signature does not verify")]
    BadSignature {
        /// The party that should have signed.
        role: Role,
    },
    /// The key holder's public key fails a check, or is not what the manifest says.
    #[error("the key holder's public key is refused")]
    BadPublicKey(#[source] blindjoin_paillier::Error),
    /// A join key is empty, or a part of it contains a NUL byte.
    #[error("a rule id, signature or block key is empty or contains a NUL byte")]
    KeyNotJoinable,
    /// A message does not decode.
    #[error("malformed {what}")]
    Malformed {
        /// The message.
        what: &'static str,
    },
    /// A ciphertext is out of range, shares a factor with the modulus, or decrypts to nothing.
    #[error("malformed ciphertext in chunk {number} of the {stream} stream")]
    MalformedCiphertext {
        /// The stream.
        stream: &'static str,
        /// The chunk's number.
        number: u64,
    },
    /// The manifest contradicts itself.
    #[error("contradictory manifest: {reason}")]
    ManifestContradiction {
        /// What does not fit together.
        reason: &'static str,
    },
    /// The manifest's time is over.
    #[error("the agreement expired at {at} (seconds since 1970)")]
    ManifestExpired {
        /// The end of its validity.
        at: u64,
    },
    /// The manifest is not the offer that was made, or not the answer that was given.
    #[error("the manifest does not repeat what was offered and answered: {field}")]
    ManifestMismatch {
        /// The part that differs.
        field: &'static str,
    },
    /// There are more matches than the agreement lets out.
    #[error("more matches than the agreed cap of {cap}")]
    MatchCap {
        /// The cap.
        cap: u64,
    },
    /// One place of the querier's table is reported matched twice.
    #[error("one identifier is reported matched twice")]
    MatchedTwice,
    /// There is no batch of this number.
    #[error("batch {number} asked for, but there are {batches}")]
    NoSuchBatch {
        /// The number asked for.
        number: u64,
        /// The number of batches.
        batches: u64,
    },
    /// A party does not agree to what is proposed.
    #[error(transparent)]
    Objection(#[from] Objection),
    /// The offer was made on what the provider published before: ask again.
    #[error("the offer rests on what the provider published before")]
    Outdated,
    /// The positions in a result are not strictly ascending below the number of comparisons.
    #[error("the positions of the result are out of order or out of range")]
    ResultPositions,
    /// The key holder received comparisons that no provider computes, or more matches than agreed.
    /// It says no more, and says it to the querier alone.
    #[error("the key holder reports that the session has failed, and lets nothing out")]
    SessionFailed,
    /// More labels than chance explains unmask to nothing of the querier's: somebody invents or
    /// changes results, so that none of them is reported.
    #[error(
        "{labels} labels of the result name nothing of ours, and chance explains 2: the key holder \
         or the provider changes results, so no match of this session is reported"
    )]
    Spurious {
        /// How many.
        labels: u64,
    },
    /// A stream's head or a payload's length is not what the manifest determines.
    #[error("the {stream} stream announces or holds another size than was agreed")]
    StreamSize {
        /// The stream.
        stream: &'static str,
    },
    /// A stream's closing digest differs from what was received.
    #[error("the {stream} stream's digest does not match its content")]
    StreamDigest {
        /// The stream.
        stream: &'static str,
    },
    /// A stream was used after its end, or closed before it.
    #[error("the {stream} stream is {state} after {chunks} chunks")]
    StreamState {
        /// The stream.
        stream: &'static str,
        /// What it is.
        state: &'static str,
        /// The chunks it has seen.
        chunks: u64,
    },
    /// There are more keys or rows than the agreed size class, or than 32 bits can number.
    #[error("{count} keys, but the agreement has room for {room}")]
    TooMany {
        /// How many there are.
        count: u64,
        /// How many may be.
        room: u64,
    },
    /// A name in a configuration or on a command line that nothing has.
    #[error("no {what} has this name; there are {}", known.join(", "))]
    UnknownName {
        /// What was to be named.
        what: &'static str,
        /// The names that there are.
        known: &'static [&'static str],
    },
    /// A peer sent a message that nobody waits for.
    #[error("the {from} sent a {what} that was not due")]
    Unexpected {
        /// Who sent it.
        from: Role,
        /// What it is.
        what: &'static str,
    },
    /// A message is of another version of the protocol than this party speaks.
    #[error("the {what} is of version {theirs} of the protocol; this party speaks version {ours}")]
    Version {
        /// The message.
        what: &'static str,
        /// The version that this party speaks.
        ours: u16,
        /// The version of the message.
        theirs: u16,
    },
    /// The key agreement yielded a constant: the peer sent a point of small order.
    #[error("the {role}'s ephemeral key is degenerate")]
    WeakSharedSecret {
        /// The party that sent it.
        role: Role,
    },
}

impl Error {
    /// Says whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Changed { .. }
            | Self::KeyNotJoinable
            | Self::TooMany { .. }
            | Self::UnknownName { .. } => Fault::Input,
            Self::ManifestExpired { .. } | Self::Objection(_) | Self::Version { .. } => {
                Fault::Refused
            }
            Self::Outdated => Fault::Environment,
            Self::NoSuchBatch { .. } => Fault::Misuse,
            Self::CanaryMissing { .. }
            | Self::ChunkNotAuthentic { .. }
            | Self::ChunkOutOfOrder { .. }
            | Self::Disagreement
            | Self::BadSignature { .. }
            | Self::BadPublicKey(_)
            | Self::Malformed { .. }
            | Self::MalformedCiphertext { .. }
            | Self::ManifestContradiction { .. }
            | Self::ManifestMismatch { .. }
            | Self::MatchCap { .. }
            | Self::MatchedTwice
            | Self::ResultPositions
            | Self::SessionFailed
            | Self::Spurious { .. }
            | Self::StreamSize { .. }
            | Self::StreamDigest { .. }
            | Self::StreamState { .. }
            | Self::Unexpected { .. }
            | Self::WeakSharedSecret { .. } => Fault::Peer,
        }
    }
}
