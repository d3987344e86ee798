//! What can go wrong between the parties.

use std::path::PathBuf;

use tonic::Status;

use crate::{Code, Fault, Fingerprint, Refusal, Role};

/// What can go wrong between the parties. [`Error::fault`] says whose fault it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The other side answered a call with an error.
    #[error("the {role} answered \"{code}\": {}", code.meaning())]
    Answer {
        /// Who answered.
        role: Role,
        /// What it said.
        code: Code,
    },
    /// The environment asks for arithmetic that is not to be had here.
    #[error(transparent)]
    Arithmetic(#[from] blindjoin_protocol::paillier::ArithmeticError),
    /// A certificate or key file does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file does not parse, or has a key that nobody knows.
    #[error("{}: {message}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// Line, key and problem.
        message: String,
    },
    /// No connection.
    #[error("no connection to the {role} at {address}")]
    Connect {
        /// Whom we wanted to reach.
        role: Role,
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A development identity could not be made.
    #[error("certificate for {name}")]
    Creation {
        /// Whose.
        name: String,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// As much is under way as the configuration allows.
    #[error("no room for more {what}: {limit} are under way, and the configuration allows no more")]
    Full {
        /// What is full.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// What this party must remember could not be read or written, or says no.
    #[error(transparent)]
    Journal(#[from] blindjoin_journal::Error),
    /// A size of session keys that does not exist.
    #[error("session keys of {bits} bits are not offered")]
    KeySize {
        /// The size of their modulus.
        bits: u32,
    },
    /// What the state folder keeps is not what was put there.
    #[error(
        "the state folder does not hold {what} as it was written: restore it from a copy, or move it \
         away to begin anew"
    )]
    Kept {
        /// What.
        what: &'static str,
    },
    /// The connection broke while a call was under way.
    #[error(
        "the connection to the {role} at {address} broke: {reason}; nothing is kept of this run, so run \
         the command again"
    )]
    Lost {
        /// Who was at the other end.
        role: Role,
        /// Where.
        address: String,
        /// What the transport said.
        reason: String,
    },
    /// The address for incoming connections is not available.
    #[error("listening on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A message lacks a part or holds one of the wrong size.
    #[error("the {role} sent a message without a valid {part}")]
    Message {
        /// Who sent it.
        role: Role,
        /// What is missing.
        part: &'static str,
    },
    /// A task of this program ended without a result.
    #[error("{task} ended without a result")]
    Panicked {
        /// Which.
        task: &'static str,
    },
    /// The registry is not what was published, by far.
    #[error(
        "only {known} of the registry's {keys} keys were in it when it was published on {dated}, and \
         they have outgrown the published classes. Between two publications a provider serves what \
         was published, and the next is on {next}. If this is another registry, start once with \
         --publish-now; queriers then see new classes out of turn, and that something has changed"
    )]
    Outgrown {
        /// The date of the publication.
        dated: String,
        /// The date of the next one.
        next: String,
        /// Keys now.
        keys: usize,
        /// Keys of the published version among them.
        known: usize,
    },
    /// The policy of this party forbids what was asked.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The other side's TLS refused this party's certificate.
    #[error(
        "the {role} at {address} refused our certificate ({alert}); likely causes: its configuration \
         does not list our certificate fingerprint {own}, our certificate has expired, or another \
         authority has issued it; its log names the reason"
    )]
    RefusedUs {
        /// Who refused.
        role: Role,
        /// Where.
        address: String,
        /// The alert in the words of TLS.
        alert: String,
        /// The fingerprint that the other side must list.
        own: Fingerprint,
    },
    /// This party does not accept the other side's certificate.
    #[error("refused the certificate of the {role} at {address}: {problem}")]
    RefusedThem {
        /// Whose certificate.
        role: Role,
        /// Where.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A session id came a second time.
    #[error("this session has been opened before; a new run needs a new session")]
    Replayed,
    /// Nobody knows the session any more, or it is in another phase.
    #[error(
        "the session is over or another call of it is under way: it has ended, nobody went on with it \
         in time, or a connection of one of its parties broke; the line with its id above this one \
         says which"
    )]
    SessionState,
    /// A stream ended before its last piece.
    #[error("the stream of the {role} ended before its last piece")]
    Truncated {
        /// Who was sending.
        role: Role,
    },
    /// The other side did not go on in time.
    #[error("the {role} did not go on within {seconds} s ({phase})")]
    Timeout {
        /// Who was to act.
        role: Role,
        /// In which phase.
        phase: &'static str,
        /// How long this side waited.
        seconds: u64,
    },
    /// The pure protocol refused something.
    #[error(transparent)]
    Protocol(#[from] blindjoin_protocol::Error),
    /// A random source of the operating system failed.
    #[error("the random source of the operating system failed")]
    Randomness,
    /// A caller's connection broke.
    #[error("the {role} went away: {reason}")]
    Vanished {
        /// Who.
        role: Role,
        /// What the transport said.
        reason: String,
    },
    /// TLS could not be set up.
    #[error("setting up TLS")]
    Tls(#[from] rustls::Error),
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Answer { code, .. } => code.fault(),
            Self::Arithmetic(_)
            | Self::Certificate { .. }
            | Self::Configuration { .. }
            | Self::Creation { .. }
            | Self::File { .. }
            | Self::KeySize { .. }
            | Self::Kept { .. }
            | Self::Listen { .. }
            | Self::Outgrown { .. }
            | Self::Tls(_) => Fault::Input,
            Self::Connect { .. }
            | Self::Lost { .. }
            | Self::Randomness
            | Self::SessionState
            | Self::Timeout { .. }
            | Self::Vanished { .. } => Fault::Environment,
            Self::Message { .. } | Self::Truncated { .. } => Fault::Peer,
            Self::Journal(error) => journal_fault(error),
            Self::Protocol(error) => protocol_fault(error),
            Self::Panicked { .. } => Fault::Misuse,
            Self::Refused(_)
            | Self::RefusedThem { .. }
            | Self::RefusedUs { .. }
            | Self::Replayed => Fault::Refused,
            Self::Full { .. } => Fault::Busy,
        }
    }

    /// What the other side is told: one word, see [`Code`].
    pub fn to_status(&self) -> Status {
        let code = Code::of_error(self);
        Status::new(code.grpc(), code.word())
    }
}

/// The error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

fn journal_fault(error: &blindjoin_journal::Error) -> Fault {
    use blindjoin_journal::Error as E;
    match error {
        E::Exhausted { .. } => Fault::Refused,
        E::Folder { .. } | E::Storage { .. } | E::Used => Fault::Environment,
        // In use, of another program or version, damaged, or with the wrong permissions.
        _ => Fault::Input,
    }
}

fn protocol_fault(error: &blindjoin_protocol::Error) -> Fault {
    use blindjoin_protocol::Fault as F;
    match error.fault() {
        F::Environment => Fault::Environment,
        F::Input => Fault::Input,
        F::Misuse => Fault::Misuse,
        F::Peer => Fault::Peer,
        F::Refused => Fault::Refused,
    }
}
