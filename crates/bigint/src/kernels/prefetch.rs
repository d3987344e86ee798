//! Asking for memory before it is read.

/// Asks for the lines of some rows.
pub(crate) fn prefetch(rows: &[&[u64]]) {
    for row in rows {
        for line in row.chunks(8) {
            prefetch_line(line);
        }
    }
}

#[expect(unsafe_code, reason = "the prefetch instruction takes a pointer")]
fn prefetch_line(line: &[u64]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch reads nothing, whatever the address; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
}
