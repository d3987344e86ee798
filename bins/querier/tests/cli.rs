//! What the program says of itself.

#[path = "../../../tests/common/usage.rs"]
mod usage;

const PROGRAM: &str = env!("CARGO_BIN_EXE_blindjoin-querier");
const COMMANDS: &[&str] = &["dedupe", "link", "lookup", "pairs"];

#[test]
fn help_names_the_commands() {
    usage::help_names(PROGRAM, COMMANDS);
}

#[test]
fn wrong_usage_is_told_by_its_code() {
    usage::wrong_usage_is_told_by_its_code(PROGRAM, COMMANDS);
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    usage::completions_and_manual_pages_know_the_commands(PROGRAM, COMMANDS);
}

#[test]
fn unknown_arithmetic_is_refused() {
    usage::unknown_arithmetic_is_refused(
        PROGRAM,
        &[
            "link",
            "none.csv",
            "--config",
            "none.toml",
            "--out",
            "none.card.csv",
        ],
    );
}
