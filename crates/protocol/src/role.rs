//! The three parts that parties play.

/// A party's part in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Holds the secret key and decrypts.
    KeyHolder,
    /// Holds the big table and compares.
    Provider,
    /// Asks, and alone learns the result.
    Querier,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KeyHolder => "key holder",
            Self::Provider => "data provider",
            Self::Querier => "querier",
        })
    }
}

pub(crate) fn role_byte(role: Role) -> u8 {
    match role {
        Role::KeyHolder => 1,
        Role::Provider => 2,
        Role::Querier => 3,
    }
}
