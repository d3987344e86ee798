//! Compiles the service definitions without an external compiler.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let files =
        ["common", "keyholder", "provider"].map(|name| format!("blindjoin/v1/{name}.proto"));
    for file in &files {
        println!("cargo::rerun-if-changed={root}/{file}");
    }
    let descriptors = protox::compile(&files, [root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
