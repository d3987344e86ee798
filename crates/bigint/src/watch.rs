//! For tests: an allocator that looks at what is asked for and at what it is given back.
//!
//! It is here because an allocator is `unsafe` to write, and `unsafe` lives in this crate alone. A test
//! names it as its `#[global_allocator]`; every thread watches itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which remembers the largest piece that the current thread asked for, and how
/// many of the pieces that it gave back hold a secret.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watching;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static SECRET: Cell<Option<[u64; 2]>> = const { Cell::new(None) };
    static LEFT_BEHIND: Cell<usize> = const { Cell::new(0) };
}

impl Watching {
    /// Yields what `work` yields, and the bytes of the largest piece of memory that it asked for on
    /// this thread.
    pub fn largest<T>(work: impl FnOnce() -> T) -> (T, usize) {
        LARGEST.set(0);
        let done = work();
        (done, LARGEST.get())
    }

    /// Yields how many pieces of memory `work` gives back on this thread with a secret in them: its 128
    /// bits, low half first, at a multiple of eight bytes.
    pub fn left_behind(secret: u128, work: impl FnOnce()) -> usize {
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        LEFT_BEHIND.set(0);
        SECRET.set(Some([half(secret), half(secret >> 64)]));
        work();
        SECRET.set(None);
        LEFT_BEHIND.get()
    }
}

#[expect(unsafe_code, reason = "allocators are")]
// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if let Some([low, high]) = SECRET.get()
            && layout.align() >= 8
        {
            #[expect(clippy::cast_ptr_alignment, reason = "only such pieces are looked at")]
            let start = piece.cast::<u64>();
            let word = |at: usize| {
                // SAFETY: `at` counts whole words inside of the piece, which starts at a word.
                unsafe { start.wrapping_add(at).read_volatile() }
            };
            let words = layout.size() >> 3;
            if (1..words).any(|at| word(at - 1) == low && word(at) == high) {
                LEFT_BEHIND.set(LEFT_BEHIND.get() + 1);
            }
        }
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(piece, layout) }
    }
}
