//! Buffers of 64-bit words, aligned to a cache line, zeroed when they are made.

use zeroize::{DefaultIsZeroes, Zeroize};

const LINE: usize = 8;

#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line([u64; LINE]);

/// Erased a line at a time: word by word would cost as much as a product.
impl DefaultIsZeroes for Line {}

#[derive(Clone, Default)]
pub(crate) struct Words {
    lines: Vec<Line>,
    len: usize,
}

impl Words {
    pub(crate) fn zeroed(len: usize) -> Self {
        let mut out = Self::default();
        out.reserve_exact(len);
        out.resize(len);
        out
    }

    /// Grows in steps that double, so that appending costs the same whatever there is already.
    pub(crate) fn resize(&mut self, len: usize) {
        let lines = len.div_ceil(LINE);
        if lines > self.lines.capacity() {
            self.lines.reserve(lines - self.lines.len());
            advise_large_pages(&mut self.lines);
        }
        self.lines.resize(lines, Line([0; LINE]));
        self.len = len;
    }

    pub(crate) fn reserve_exact(&mut self, additional: usize) {
        let lines = (self.len + additional).div_ceil(LINE) - self.lines.len();
        self.lines.reserve_exact(lines);
        advise_large_pages(&mut self.lines);
    }

    #[expect(unsafe_code, reason = "the aligned lines are one run of words")]
    pub(crate) fn as_slice(&self) -> &[u64] {
        // SAFETY: `Line` is `repr(C)` around `[u64; 8]` of the same size, so the vector's storage is
        // `lines.len() * 8 >= len` initialised words.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    #[expect(unsafe_code, reason = "the aligned lines are one run of words")]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u64] {
        // SAFETY: as in `as_slice`; the borrow is exclusive, and any word is a valid word.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl std::ops::Deref for Words {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.as_slice()
    }
}

impl std::ops::DerefMut for Words {
    fn deref_mut(&mut self) -> &mut [u64] {
        self.as_mut_slice()
    }
}

impl Zeroize for Words {
    fn zeroize(&mut self) {
        self.lines.as_mut_slice().zeroize();
    }
}

/// Asks for large pages where there is much memory: tables are read at random, and every page that the
/// processor does not know costs about as much as a cache line from memory.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "advice on memory takes a pointer")]
fn advise_large_pages(lines: &mut Vec<Line>) {
    use rustix::mm::{Advice, madvise};
    const LARGE: usize = 2 << 20;
    const PAGE: usize = 1 << 16;
    let bytes = lines.capacity() * size_of::<Line>();
    if bytes < 2 * LARGE {
        return;
    }
    let start = lines.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let length = (bytes - skipped) & !(PAGE - 1);
    let start = start.wrapping_add(skipped).cast();
    // SAFETY: the range lies within the vector's own storage, and the advice changes no contents.
    let advised = unsafe { madvise(start, length, Advice::LinuxHugepage) };
    // A kernel that refuses leaves small pages.
    advised.unwrap_or_default();
}

#[cfg(not(target_os = "linux"))]
fn advise_large_pages(_lines: &mut Vec<Line>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_start_on_a_cache_line_and_keep_their_values_when_resized() {
        let mut words = Words::zeroed(3);
        words.copy_from_slice(&[1, 2, 3]);
        assert!(words.as_ptr().addr().is_multiple_of(64));
        words.resize(11);
        assert_eq!(*words, [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
        words.zeroize();
        assert_eq!(*words, [0; 11]);
    }
}
