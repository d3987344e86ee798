//! Checks and normal forms of the field kinds, dialect by dialect.

pub(crate) mod contact;
pub(crate) mod date;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod postal;
pub(crate) mod sex;
pub(crate) mod ssn;
