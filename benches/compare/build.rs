//! Sets `cfg(openssl)` when the feature is on and a program can be linked with libcrypto.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const PROBE: &str = r#"
#[link(name = "crypto")]
unsafe extern "C" {
    fn OpenSSL_version_num() -> std::ffi::c_ulong;
}
fn main() {
    println!("{}", unsafe { OpenSSL_version_num() });
}
"#;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_OPENSSL").is_none() {
        return;
    }
    if links_with_openssl() {
        println!("cargo::rustc-cfg=openssl");
    } else {
        println!("cargo::warning=OpenSSL cannot be linked (Debian: libssl-dev): it is left out");
    }
}

fn links_with_openssl() -> bool {
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
