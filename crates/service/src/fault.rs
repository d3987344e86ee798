//! Whose fault an error is, and the one table that maps faults to gRPC codes and exit codes.

use tonic::Code;

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

/// Fault, gRPC code, exit code.
const TABLE: [(Fault, Code, u8); 6] = [
    (Fault::Input, Code::InvalidArgument, 1),
    (Fault::Peer, Code::Aborted, 1),
    (Fault::Refused, Code::PermissionDenied, 1),
    (Fault::Busy, Code::ResourceExhausted, 75),
    (Fault::Environment, Code::Unavailable, 75),
    (Fault::Misuse, Code::Internal, 70),
];

impl Fault {
    /// The gRPC code that tells this fault to the other side.
    pub fn code(self) -> Code {
        self.row().1
    }

    /// The exit code of a program that ends with this fault: 1 wrong input, peer or configuration,
    /// 75 temporary, 70 a bug.
    pub fn exit_code(self) -> u8 {
        self.row().2
    }

    /// The fault behind a gRPC code; codes that only a transport produces count as environment.
    pub fn of_code(code: Code) -> Self {
        TABLE.iter().find(|row| row.1 == code).map_or_else(
            || match code {
                Code::Unauthenticated => Self::Refused,
                Code::FailedPrecondition
                | Code::NotFound
                | Code::AlreadyExists
                | Code::OutOfRange
                | Code::Unimplemented
                | Code::DataLoss => Self::Peer,
                _ => Self::Environment,
            },
            |row| row.0,
        )
    }

    fn row(self) -> &'static (Self, Code, u8) {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .expect("the table has a row for every fault")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_fault() {
        for (fault, code, _) in TABLE {
            assert_eq!(Fault::of_code(code), fault);
            assert_eq!(fault.code(), code);
        }
        assert_eq!(Fault::of_code(Code::Unknown), Fault::Environment);
        assert_eq!(Fault::of_code(Code::NotFound), Fault::Peer);
    }

    #[test]
    fn temporary_faults_say_so() {
        assert_eq!(Fault::Environment.exit_code(), 75);
        assert_eq!(Fault::Busy.exit_code(), 75);
        assert_eq!(Fault::Refused.exit_code(), 1);
        assert_eq!(Fault::Misuse.exit_code(), 70);
    }
}
