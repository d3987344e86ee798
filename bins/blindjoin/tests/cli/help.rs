//! What the command says of itself: examples that work, names that complete, figures as data.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::bench::{Bench, finished};
use crate::usage;

const PROGRAM: &str = env!("CARGO_BIN_EXE_blindjoin");

const COMMANDS: [&str; 12] = [
    "synth",
    "tokenize",
    "decrypt",
    "match",
    "dedupe-tokens",
    "verify-secrets",
    "blocks",
    "evaluate",
    "init",
    "completions",
    "manual",
    "demo",
];

/// Every command's help, long or short, has an example; all of them work as they stand, one after
/// the other.
#[test]
fn the_examples_of_the_help_run_as_they_stand() {
    let bench = bench();
    for command in COMMANDS {
        let short = bench.ok(&[command, "-h"]);
        let long = bench.ok(&["help", command]);
        let example = |help: &str| {
            let (_, example) = help.split_once("Example:\n").expect("an example");
            example.trim().to_owned()
        };
        // Where all programs have the command, PROGRAM stands for their names.
        let line = example(&long).replace("PROGRAM", "blindjoin");
        assert_eq!(line, example(&short).replace("PROGRAM", "blindjoin"));
        assert!(line.starts_with(&format!("blindjoin {command}")), "{line}");
        prepare(&bench, command);
        // A key that is made at once.
        let line = line.replacen("demo ", "demo --insecure-test-key-bits 512 ", 1);
        let (stdout, said) = shell(&bench, &line);
        if command == "demo" {
            let card = bench.read("demonstration/card.csv");
            let first = card.lines().nth(1).expect("a record").split(',');
            let shown: Vec<&str> = first.filter(|cell| !cell.is_empty()).collect();
            let shown = |line: &str| line.split_whitespace().eq(shown.iter().copied());
            assert!(stdout.lines().any(shown), "{stdout}");
            assert!(said.contains("next, "), "{said}");
        }
    }
    for made in [
        "pairs.csv",
        "roster.csv",
        "opened.csv",
        "setup/provider.toml",
        "blindjoin.bash",
        "man1/blindjoin-match.1",
    ] {
        assert!(bench.exists(made), "{made}");
    }
    assert_eq!(bench.read("opened.csv"), bench.read("a.csv"));
    assert!(bench.read("demonstration/report.html").contains("<html"));
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write_secret("secret", "A secret that nobody guesses");
    bench.write_secret("key", "Secret-Encryption-Key-Goes-Here.");
    let rules = "[columns]\nrecord_id = \"RecordId\"\nlast_name = \"LastName\"\n\
                 [[rule]]\nid = \"A\"\nsignature = [\"last_name:T|U\"]\n";
    bench.write("name.toml", rules);
    bench
}

/// What an example takes for granted and no earlier one makes.
fn prepare(bench: &Bench, command: &str) {
    let tokenize = |input: &str, out: &str, more: &[&str]| {
        let arguments = ["tokenize", input, "--out", out];
        let secret = ["--hashing-secret-file", "secret"];
        bench.ok(&[&arguments[..], &secret, more].concat());
    };
    match command {
        "decrypt" => {
            let key = ["--encryption-key-file", "key"];
            tokenize("registries/a.csv", "sealed.csv", &key);
        }
        "match" => tokenize("registries/b.csv", "b.csv", &[]),
        _ => {}
    }
}

fn shell(bench: &Bench, line: &str) -> (String, String) {
    let folder = Path::new(PROGRAM)
        .parent()
        .expect("it is in a folder")
        .display();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("a path"));
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path);
    let output = command.current_dir(bench.path("")).output();
    finished(0, &[line], &output.expect("it runs"))
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    usage::help_names(PROGRAM, &COMMANDS);
    usage::completions_and_manual_pages_know_the_commands(PROGRAM, &COMMANDS);
}

#[test]
fn commands_without_what_they_need_are_wrong_usage() {
    let needy = |command: &&str| !["demo", "verify-secrets"].contains(command);
    let needy: Vec<&str> = COMMANDS.into_iter().filter(needy).collect();
    usage::wrong_usage_is_told_by_its_code(PROGRAM, &needy);
}

#[test]
fn unknown_arithmetic_is_refused() {
    usage::unknown_arithmetic_is_refused(PROGRAM, &["demo"]);
}

#[test]
fn the_help_names_exit_codes_variables_and_dialects() {
    let bench = bench();
    let help = bench.ok(&["--help"]);
    for word in [
        "Example:",
        "wrong usage",
        "temporary",
        "BLINDJOIN_HASHING_SECRET",
        "BLINDJOIN_ENCRYPTION_KEY",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.ok(&["completions", shell]);
        assert!(script.contains("olt2.1.2"), "{shell}");
    }
    let (_, complaint) = bench.run(
        2,
        &["tokenize", "a.csv", "--out", "b.csv", "--dialect", "ot2"],
    );
    assert!(complaint.contains("ot1-java"), "{complaint}");
}

/// Runs a command with and without JSON; what people see must be in the data.
fn data(bench: &Bench, arguments: &[&str]) -> (Value, String) {
    let (stdout, said) = bench.run(0, &[arguments, &["--json"]].concat());
    let data = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    (data, said)
}

#[test]
fn every_command_with_figures_gives_them_as_data() {
    let bench = bench();
    let (synth, said) = data(
        &bench,
        &["synth", "--records", "300", "--expect", "--out", "r"],
    );
    let matched = synth["expected"]["matched"].as_u64().expect("a number");
    assert!(
        said.contains(&format!("expected: {matched} of 300")),
        "{said}"
    );
    assert_eq!(
        synth["registries"],
        serde_json::json!(["r/a.csv", "r/b.csv"])
    );

    let secrets = [
        "--hashing-secret-file",
        "secret",
        "--encryption-key-file",
        "key",
    ];
    for name in ["a", "b"] {
        let (input, out) = (format!("r/{name}.csv"), format!("{name}.csv"));
        let arguments = ["tokenize", &input, "--out", &out];
        let (tokens, _) = data(&bench, &[&arguments[..], &secrets].concat());
        assert_eq!(
            (&tokens["records"], &tokens["tokens"]),
            (&300.into(), &1500.into())
        );
        assert_eq!(tokens["outputs"][1], format!("{name}.metadata.json"));
    }
    let (opened, _) = data(
        &bench,
        &[
            "decrypt",
            "a.csv",
            "--out",
            "open.csv",
            "--encryption-key-file",
            "key",
        ],
    );
    assert_eq!(
        (&opened["tokens"], &opened["unopened"]),
        (&1500.into(), &0.into())
    );

    let key = ["--encryption-key-file", "key"];
    let (pairs, said) = data(
        &bench,
        &[&["match", "a.csv", "b.csv", "--out", "p.csv"][..], &key].concat(),
    );
    let count = pairs["pairs"].as_u64().expect("a number");
    assert!(
        count > 0 && said.contains(&format!("{count} pairs: ")),
        "{said}"
    );

    let roster = [
        "dedupe-tokens",
        "a.csv",
        "b.csv",
        "--rule",
        "T1",
        "--out",
        "roster.csv",
    ];
    let (roster, said) = data(&bench, &[&roster[..], &key].concat());
    let total = roster["total"].as_u64().expect("not suppressed");
    assert!(said.contains(&total.to_string()), "{said}");

    let (blocks, _) = data(&bench, &["blocks", "r/a.csv", "--block", "state"]);
    assert_eq!(blocks["in_blocks"], 300);
    let (setup, _) = data(
        &bench,
        &["init", "s", "--data", "r/b.csv", "--rules", "r/rules.toml"],
    );
    assert_eq!(setup["querier"], "s/querier.toml");
}

#[test]
fn results_and_figures_cannot_both_go_to_standard_output() {
    let bench = bench();
    for arguments in [
        &[
            "decrypt",
            "a.csv",
            "--out",
            "-",
            "--encryption-key-file",
            "key",
        ][..],
        &["match", "a.csv", "b.csv", "--out", "-"],
        &["dedupe-tokens", "a.csv", "--out", "-"],
        &[
            "tokenize",
            "r/a.csv",
            "--out",
            "-",
            "--hashing-secret-file",
            "secret",
        ],
    ] {
        let (stdout, complaint) = bench.run(2, &[arguments, &["--json"]].concat());
        assert_eq!(stdout, "");
        assert!(complaint.contains("standard output"), "{complaint}");
    }
}

#[test]
fn secrets_that_can_be_found_are_remarked_on() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench();
    bench.write("people.csv", PERSON);
    let run = |more: &[&str]| bench.run(0, &[&TOKENIZE[..], more].concat()).1;
    let verify = |secret: &str| {
        let arguments = ["verify-secrets", "--hashing-secret-file", secret];
        bench.run(0, &arguments).1
    };
    assert_eq!(verify("secret"), "");
    assert_eq!(run(&["--hashing-secret-file", "secret"]), "");
    bench.write_secret("guessable", "HashingKey");
    assert_eq!(run(&["--hashing-secret-file", "guessable"]), "");
    let said = verify("guessable");
    assert!(
        said.contains("--hashing-secret-file: the secret is shorter than 16 bytes"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(bench.path("secret"), open).expect("set");
    let said = verify("secret");
    assert!(
        said.contains("--hashing-secret-file: secret: others"),
        "{said}"
    );

    bench.write_secret("short", "abcdefg\n");
    let short = "the secret is shorter than 8 bytes";
    for (option, said) in [
        (
            "--hashing-secret-file",
            run(&["--hashing-secret-file", "short"]),
        ),
        (
            "--record-id-key-file",
            run(&[
                "--hashing-secret-file",
                "secret",
                "--record-id-key-file",
                "short",
            ]),
        ),
    ] {
        assert!(said.contains(&format!("{option}: {short}")), "{said}");
        assert!(!said.contains("abcdef"), "{said}");
    }
    let mut command = bench.command(&TOKENIZE);
    let output = command.env("BLINDJOIN_HASHING_SECRET", "abc").output();
    let (_, said) = finished(0, &TOKENIZE, &output.expect("it runs"));
    assert!(
        said.contains(&format!("BLINDJOIN_HASHING_SECRET: {short}")),
        "{said}"
    );
}

const TOKENIZE: [&str; 6] = [
    "tokenize",
    "people.csv",
    "--out",
    "-",
    "--rules",
    "name.toml",
];

const PERSON: &str = "RecordId,LastName\np1,Kowal\n";

#[test]
fn secrets_that_are_not_there_are_named_by_their_option() {
    let bench = bench();
    bench.write("people.csv", PERSON);
    for option in [
        "--hashing-secret-file",
        "--encryption-key-file",
        "--record-id-key-file",
    ] {
        let secret = ["--hashing-secret-file", "secret"];
        let secret = if option == secret[0] {
            &[][..]
        } else {
            &secret
        };
        let arguments = [&TOKENIZE[..], secret, &[option, "nowhere", "-q"]].concat();
        let complaint = bench.fails(&arguments);
        assert!(
            complaint.contains(&format!("{option}: nowhere: ")),
            "{complaint}"
        );
    }
}

#[test]
fn a_format_is_the_inputs_and_that_of_outputs_has_a_name_of_its_own() {
    let bench = bench();
    for command in COMMANDS_WITH_TABLES {
        let help = bench.ok(&[command, "--help"]);
        let about = |option: &str| {
            let mut lines = help.lines();
            lines.find(|line| line.trim_start().starts_with(option))?;
            lines.next().map(str::trim)
        };
        assert_eq!(
            about("--format <FORMAT>"),
            Some("Format of the input, if its name does not say it"),
            "{command}"
        );
        let writes = about("--out <FILE>").is_some();
        let output = writes.then_some("Format of the output, if its name does not say it");
        assert_eq!(about("--out-format <FORMAT>"), output, "{command}");
    }
}

const COMMANDS_WITH_TABLES: [&str; 7] = [
    "tokenize",
    "decrypt",
    "match",
    "dedupe-tokens",
    "blocks",
    "evaluate",
    "init",
];
