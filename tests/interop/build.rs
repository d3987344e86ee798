//! Sets `cfg(libgmp)` when a program can be linked with GMP, which the other side's arithmetic needs.
//!
//! Without it the crate is compiled all the same, but nothing refers to it, so nothing is linked and the
//! tests say loudly that they were skipped.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const PROBE: &str = r#"
#[link(name = "gmp")]
unsafe extern "C" {
    static __gmp_bits_per_limb: i32;
}
fn main() {
    println!("{}", unsafe { __gmp_bits_per_limb });
}
"#;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if links_with_gmp() {
        println!("cargo::rustc-cfg=libgmp");
    } else {
        println!(
            "cargo::warning=libgmp is not installed (Debian: libgmp-dev): the interoperation tests are SKIPPED"
        );
    }
}

fn links_with_gmp() -> bool {
    let variable = |name: &str| std::env::var_os(name).expect("cargo sets it for build scripts");
    let probe = PathBuf::from(variable("OUT_DIR")).join("probe.rs");
    std::fs::write(&probe, PROBE).expect("the build directory is writable");
    Command::new(variable("RUSTC"))
        .args(["--edition", "2024", "--emit", "link", "--target"])
        .arg(variable("TARGET"))
        .arg("-o")
        .arg(probe.with_extension("out"))
        .arg(&probe)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
