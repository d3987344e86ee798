//! Whose fault an error is, and the exit code for it.

/// Whose fault an error is, hence what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something is too much or too early for now: the same command may work later.
    Busy,
    /// A connection, a file system or a process failed.
    Environment,
    /// The input or the configuration is wrong.
    Input,
    /// This program contradicts itself: a bug.
    Misuse,
    /// The other side broke the protocol, or its messages were tampered with.
    Peer,
    /// A policy forbids what was asked.
    Refused,
}

impl Fault {
    /// The exit code of a program that ends with this fault: 1 wrong input, peer or configuration,
    /// 75 temporary, 70 a bug.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input | Self::Peer | Self::Refused => 1,
            Self::Busy | Self::Environment => 75,
            Self::Misuse => 70,
        }
    }
}
