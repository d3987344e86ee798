//! Conversions between widths whose success an earlier check has ensured.

/// A position in memory.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).expect("what is held in memory can be numbered")
}

/// A number of a key, row or place, all of which are counted in 32 bits.
pub(crate) fn short(index: usize) -> u32 {
    u32::try_from(index).expect("keys, rows and places are counted in 32 bits")
}

/// A label, after a comparison with its width.
pub(crate) fn label(residue: u128) -> u64 {
    u64::try_from(residue).expect("labels have at most 64 bits")
}
