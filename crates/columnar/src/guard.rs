//! Panics of the Parquet reader, caught.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread will be caught and told as an error about a file.
///
/// The libraries that decode Parquet assert what a damaged file does not hold. A program's panic hook
/// asks here whether there is anything to print.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs what a damaged file may bring to panic; nothing where it does.
///
/// What `work` has changed must not be used after that.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_guarded_is_caught() {
        assert_eq!(guarded(|| u8::from(is_guarded())), Some(1));
        assert!(!is_guarded());
        let nothing = guarded(|| {
            let empty: &[u8] = &[];
            empty[std::hint::black_box(3)]
        });
        assert_eq!(nothing, None);
        assert!(!is_guarded());
    }
}
