//! Enums that configurations and command lines know by name.

/// Gives an enum its names, in one place for all that read or show them.
macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Yields the name in configurations and on command lines.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let mut all = Self::ALL.into_iter();
                let unknown = $crate::error::Error::UnknownName {
                    what: $what,
                    known: &[$($name),+],
                };
                all.find(|one| one.name() == name).ok_or(unknown)
            }
        }
    };
}

pub(crate) use named;
