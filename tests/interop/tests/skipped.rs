//! Says aloud that nothing was compared where GMP is missing.
#![cfg(not(libgmp))]

use std::io::Write;

#[test]
fn nothing_was_compared_for_want_of_libgmp() {
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    writeln!(
        std::io::stderr(),
        "SKIPPED: interoperation with kzen-paillier, because libgmp is not installed (Debian: libgmp-dev)"
    )
    .expect("stderr is open");
}
