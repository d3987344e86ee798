//! What a party tells another whose call failed: one word of a fixed list, and nothing else.
//!
//! A text of the party that fails would carry what it knows: a count, a size, which limit was met
//! or how far it came. So the word alone crosses, and the receiving side has the explanation.

use tonic::{Code as Grpc, Status};

use crate::{Error, Fault};

/// Why a call failed, as far as the caller is told.
///
/// On the wire it is the message of a gRPC status with the code of [`Code::grpc`].
///
/// # Source
///
/// `spec/protocol.md`, §21.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A check of the protocol failed.
    Aborted,
    /// No room for now.
    Busy,
    /// The session or reservation is over, or never was.
    Closed,
    /// The agreement's time is over.
    Expired,
    /// A bug.
    Internal,
    /// The caller's next message did not come in time.
    Late,
    /// What the caller's offer rests on has changed.
    Outdated,
    /// A policy forbids what was asked, whatever part of the policy it was.
    Refused,
    /// A connection, a disk or a program failed.
    Unavailable,
    /// The caller speaks another version of the protocol.
    Version,
}

struct Row {
    code: Code,
    word: &'static str,
    grpc: Grpc,
    fault: Fault,
    meaning: &'static str,
}

/// Code, word, gRPC code, whose fault, and what its receiver tells its user.
const TABLE: [Row; 10] = [
    Row {
        code: Code::Aborted,
        word: "aborted",
        grpc: Grpc::Aborted,
        fault: Fault::Peer,
        meaning: "what it received failed a check of the protocol, or there are more matches than \
                  agreed, and it says no more by design; its log names the check beside the session \
                  and our certificate's fingerprint. If a second run ends alike, compare the \
                  releases on all sides",
    },
    Row {
        code: Code::Busy,
        word: "busy",
        grpc: Grpc::ResourceExhausted,
        fault: Fault::Busy,
        meaning: "as many sessions or calls are under way as it allows, or no session key is ready; \
                  run the same command again in a while",
    },
    Row {
        code: Code::Closed,
        word: "closed",
        grpc: Grpc::NotFound,
        fault: Fault::Environment,
        meaning: "it does not know this session, or no longer: nobody went on with it in time, a \
                  connection of it broke, or it was opened before; run the same command again, \
                  which opens a new one",
    },
    Row {
        code: Code::Expired,
        word: "expired",
        grpc: Grpc::OutOfRange,
        fault: Fault::Refused,
        meaning: "the agreement is over by its clock; compare the clocks of all parties, or ask for \
                  more time (session_hours under [link] in the querier's configuration)",
    },
    Row {
        code: Code::Internal,
        word: "internal",
        grpc: Grpc::Internal,
        fault: Fault::Misuse,
        meaning: "a bug on its side; its log has the details",
    },
    Row {
        code: Code::Late,
        word: "late",
        grpc: Grpc::DeadlineExceeded,
        fault: Fault::Environment,
        meaning: "it waited for our next message for longer than it allows; look at the line \
                  between us, and run the same command again",
    },
    Row {
        code: Code::Outdated,
        word: "outdated",
        grpc: Grpc::FailedPrecondition,
        fault: Fault::Environment,
        meaning: "what it publishes has changed since we read it; run the same command again",
    },
    Row {
        code: Code::Refused,
        word: "refused",
        grpc: Grpc::PermissionDenied,
        fault: Fault::Refused,
        meaning: "its policy does not allow this, and it does not say which part of it by design; \
                  its log does, beside our certificate's fingerprint. Compare what both sides have \
                  configured: who may link with whom, rules and weights, mode, blocks and pairs, \
                  key_bits, blind, session_hours, the size of the table and what is left of the \
                  allowance",
    },
    Row {
        code: Code::Unavailable,
        word: "unavailable",
        grpc: Grpc::Unavailable,
        fault: Fault::Environment,
        meaning: "a connection, a disk or a program on its side failed, perhaps its own line to the \
                  key holder; run the same command again in a while, and ask its operator if that \
                  does not help",
    },
    Row {
        code: Code::Version,
        word: "version",
        grpc: Grpc::Unimplemented,
        fault: Fault::Refused,
        meaning: "it speaks another version of the protocol than this program; install the same \
                  release on all sides",
    },
];

impl Code {
    /// The word that crosses the network.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The gRPC code that goes with the word.
    pub fn grpc(self) -> Grpc {
        self.row().grpc
    }

    /// Whose fault it is, for the exit code of whoever is told.
    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// What it means and what to do about it, for the user of the party that is told.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// Reads what another party said. Nothing for a status that no party of ours has made: the
    /// transport's own, or another program's.
    pub fn of_status(status: &Status) -> Option<Self> {
        let said = |row: &&Row| row.word == status.message() && row.grpc == status.code();
        TABLE.iter().find(said).map(|row| row.code)
    }

    /// What the other party is told of an error. No part of the error but its kind enters.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::Answer { code, .. } => *code,
            Error::Full { .. } => Self::Busy,
            Error::Journal(error) => Self::of_journal(error),
            Error::Message { .. } | Error::Truncated { .. } => Self::Aborted,
            Error::Panicked { .. } => Self::Internal,
            Error::Protocol(error) => Self::of_protocol(error),
            Error::Refused(_) => Self::Refused,
            Error::Replayed | Error::SessionState => Self::Closed,
            Error::Timeout { .. } => Self::Late,
            Error::Arithmetic(_)
            | Error::Certificate { .. }
            | Error::Configuration { .. }
            | Error::Connect { .. }
            | Error::Creation { .. }
            | Error::File { .. }
            | Error::Kept { .. }
            | Error::KeySize { .. }
            | Error::Listen { .. }
            | Error::Lost { .. }
            | Error::Outgrown { .. }
            | Error::Randomness
            | Error::RefusedThem { .. }
            | Error::RefusedUs { .. }
            | Error::Tls(_)
            | Error::Vanished { .. } => Self::Unavailable,
        }
    }

    fn of_journal(error: &blindjoin_journal::Error) -> Self {
        use blindjoin_journal::Error as E;
        match error {
            E::Exhausted { .. } => Self::Refused,
            E::Used => Self::Closed,
            _ => Self::Unavailable,
        }
    }

    fn of_protocol(error: &blindjoin_protocol::Error) -> Self {
        use blindjoin_protocol::{Error as E, Fault as F};
        match (error, error.fault()) {
            (E::ManifestExpired { .. }, _) => Self::Expired,
            (E::Outdated, _) => Self::Outdated,
            (E::Version { .. }, _) => Self::Version,
            (_, F::Environment) => Self::Unavailable,
            (_, F::Input | F::Refused) => Self::Refused,
            (_, F::Misuse) => Self::Internal,
            (_, F::Peer) => Self::Aborted,
        }
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.code == self)
            .expect("the table has a row for every code")
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Refusal, Role};

    #[test]
    fn codes_survive_the_way_over_the_network_and_nothing_else_is_taken_for_one() {
        for row in &TABLE {
            let status = Status::new(row.code.grpc(), row.code.word());
            assert_eq!(Code::of_status(&status), Some(row.code));
            let foreign = Status::new(row.code.grpc(), format!("{}: details", row.word));
            assert_eq!(Code::of_status(&foreign), None);
            assert_eq!(Code::of_status(&Status::new(Grpc::Unknown, row.word)), None);
        }
        let words: BTreeSet<_> = TABLE.iter().map(|row| row.word).collect();
        let codes: BTreeSet<_> = TABLE.iter().map(|row| row.grpc as i32).collect();
        assert_eq!((words.len(), codes.len()), (TABLE.len(), TABLE.len()));
    }

    #[test]
    fn a_status_holds_the_word_and_nothing_of_the_error() {
        let errors = [
            Error::Refused(Refusal::KeySize { bits: 1234 }),
            Error::Full {
                what: "sessions",
                limit: 1234,
            },
            Error::Connect {
                role: Role::KeyHolder,
                address: "1234".to_owned(),
                source: std::io::Error::other("1234"),
            },
            blindjoin_protocol::Error::TooMany {
                count: 1234,
                room: 1234,
            }
            .into(),
            blindjoin_protocol::Error::MatchCap { cap: 1234 }.into(),
        ];
        for error in errors {
            let status = error.to_status();
            assert_eq!(Code::of_status(&status), Some(Code::of_error(&error)));
            assert!(crate::chain(&error).contains("1234"), "{error}");
            assert!(!format!("{status:?}").contains("1234"), "{status:?}");
        }
    }

    #[test]
    fn another_version_has_a_code_of_its_own() {
        let error = Error::Protocol(blindjoin_protocol::Error::Version {
            what: "offer",
            ours: 2,
            theirs: 1,
        });
        assert_eq!(Code::of_error(&error), Code::Version);
        assert_eq!(Code::Version.fault().exit_code(), 1);
    }

    #[test]
    fn whatever_passes_by_itself_has_the_code_of_temporary_failures() {
        for code in [
            Code::Busy,
            Code::Closed,
            Code::Late,
            Code::Outdated,
            Code::Unavailable,
        ] {
            assert_eq!(code.fault().exit_code(), 75, "{code}");
        }
        for code in [Code::Aborted, Code::Expired, Code::Refused, Code::Version] {
            assert_eq!(code.fault().exit_code(), 1, "{code}");
        }
        assert_eq!(Code::Internal.fault().exit_code(), 70);
    }
}
