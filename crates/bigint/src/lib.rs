//! Big integers.
