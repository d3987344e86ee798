//! What a party's policy forbids, in the words of its own log.

use crate::{Fingerprint, Role};

/// What the policy of this party forbids. The other side is told [`Code::Refused`] and no more.
///
/// [`Code::Refused`]: crate::Code::Refused
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A session belongs to another caller.
    #[error("the session is another {role}'s")]
    AnothersSession {
        /// In which role the caller would have to belong to it.
        role: Role,
    },
    /// Session keys of this size are not made here.
    #[error("session keys of {bits} bits are not among keys.bits in the configuration")]
    KeySize {
        /// The size of their modulus.
        bits: u64,
    },
    /// A session that would take more memory than all sessions may.
    #[error(
        "the session would take {needed} bytes of memory, but all together may take {most} \
         (limits.table_mib)"
    )]
    Memory {
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that there are.
        most: u64,
    },
    /// A connection without a certificate that shows a party.
    #[error("the connection shows no usable certificate")]
    NoCertificate,
    /// A linkage that the key holder's configuration does not list.
    #[error(
        "no [[link]] of the configuration lets querier {querier} link with provider {provider}"
    )]
    NotLinked {
        /// Who called.
        querier: Fingerprint,
        /// With whom it wants to link.
        provider: Fingerprint,
    },
    /// A manifest that names another key holder than the configuration.
    #[error("the manifest names another key holder than ours")]
    OtherKeyHolder,
    /// A manifest that names others than this party and its caller.
    #[error("the manifest names other parties")]
    OtherParties,
    /// A key of a profile that is not made here.
    #[error("session keys of another profile than the default are not made here")]
    Profile,
    /// Two of the three parties are one.
    #[error("two of the three parties have the same identity")]
    SameParty,
    /// A rule of the registry has more forms than can be published.
    #[error("rule {rule} has more than 65535 forms")]
    TooManyForms {
        /// The rule.
        rule: String,
    },
}
