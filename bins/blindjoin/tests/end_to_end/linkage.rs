//! A linkage by hand: set up, serve, serve, link, stop.

use crate::world::{World, run, text};

pub(crate) const RULES: &str = r#"
[columns]
record_id = "id"
national_id = "social"
last_name = "name"
birth_date = "born"

[[rule]]
id = "ID"
signature = ["national_id:T"]

[[rule]]
id = "NAME_DOB"
signature = ["last_name:T|U", "birth_date:T"]
"#;

pub(crate) const THEIRS: &str = "id,social,name,born\n\
    p1,111,Ada,1980-01-01\n\
    p2,222,Ben,1981-02-02\n\
    p3,,Eve,1982-03-03\n";

pub(crate) const OURS: &str = "id,social,name,born\n\
    q1,111,Adah,1980-01-01\n\
    q2,999,ben,1981-02-02\n\
    q3,222,EVE,1982-03-03\n\
    q4,,,\n\
    q5,333,Zoe,1990-09-09\n";

pub(crate) const CARD: &str = "record_id,matched,ID,NAME_DOB\n\
    q1,1,1,0\n\
    q2,1,0,1\n\
    q3,1,1,1\n\
    q4,,,\n\
    q5,0,0,0\n";

/// A provider that is killed between two sessions, as a crash or an impatient operator does it.
#[test]
fn a_provider_that_is_killed_remembers_what_was_spent() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    // A table for so few keys has 563 places.
    let limits = "[limits]\nplaces = 1200\n\n[keyholder]";
    world.edit("provider.toml", "[keyholder]", limits);
    let (_keyholder, mut provider) = world.serve();
    for _ in 0..2 {
        let output = world.link("ours.csv", &["--force"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let before = provider.address.clone();
        // Its drop is a SIGKILL.
        drop(provider);
        provider = world.serve_provider();
        world.edit("querier.toml", &before, &provider.address);
    }
    let output = world.link("ours.csv", &["--force"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("allowance"), "{told}");
}

#[test]
fn three_programs_link_and_end_cleanly() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    let (keyholder, provider) = world.serve();

    let report = world.path("report.html");
    let output = world.link("ours.csv", &["--report", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.card(), CARD);
    assert!(
        text(&output.stderr).contains("3 of 5 records matched"),
        "{}",
        text(&output.stderr)
    );
    assert!(
        std::fs::read_to_string(report)
            .unwrap()
            .contains("3 of 5 records matched")
    );

    // An existing card stays, unless it is to be replaced.
    let output = world.link("ours.csv", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--force"));
    for mode in [
        &["--table", "okvs"][..],
        &["--counting"],
        &["--hide-count"],
        &["--mask", "full"],
    ] {
        let output = world.link("ours.csv", &[&["--force", "--quiet"], mode].concat());
        assert!(
            output.status.success(),
            "{mode:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stderr), "");
        assert_eq!(world.card(), CARD, "{mode:?}");
    }

    let log = provider.stop() + &keyholder.stop();
    assert!(
        log.contains("session opened") && log.contains("stream decrypted"),
        "{log}"
    );
    for secret in ["Ada", "Adah", "111", "1980-01-01"] {
        assert!(
            !log.contains(&format!("\"{secret}\"")) && !log.contains(&format!("={secret} ")),
            "{log}"
        );
    }
}

#[test]
fn the_demonstration_shows_a_right_card() {
    let world = World::empty();
    let folder = world.path("demo");
    let output = run(
        "blindjoin",
        [
            "demo",
            "--records",
            "40",
            "--insecure-test-key-bits",
            "512",
            "--dir",
            folder.to_str().unwrap(),
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for words in [
        "querier:",
        "data provider:",
        "key holder:",
        "learned:",
        "the card is right",
    ] {
        assert!(told.contains(words), "{told}");
    }
    for file in [
        "card.csv",
        "report.html",
        "a.csv",
        "b.csv",
        "truth.csv",
        "keyholder.toml",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
}

/// The same card without a network, and so without anything that one needs.
#[test]
fn the_demonstration_runs_in_one_process() {
    let world = World::empty();
    let folder = world.path("demo");
    let dir = folder.to_str().unwrap();
    let arguments = ["demo", "--records", "40", "--insecure-test-key-bits", "512"];
    let demo = |more: &[&str]| {
        let output = run(
            "blindjoin",
            [&arguments[..], &["--dir", dir], more].concat(),
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        let card = std::fs::read_to_string(folder.join("card.csv")).unwrap();
        (text(&output.stdout), card)
    };
    let (told, card) = demo(&["--in-process"]);
    for words in [
        "querier: 40 records",
        "data provider: 40 records",
        "the card is right",
    ] {
        assert!(told.contains(words), "{told}");
    }
    for file in ["keyholder.toml", "querier.key", "report.html"] {
        assert!(!folder.join(file).exists(), "{file}");
    }
    assert!(card.contains(",1,1") && card.contains(",0,"), "{card}");
    assert_eq!(demo(&[]).1, card);
}

#[test]
fn the_figures_of_a_demonstration_are_had_as_data() {
    for more in [&[][..], &["--in-process"]] {
        let demo = [
            "demo",
            "--records",
            "40",
            "--insecure-test-key-bits",
            "512",
            "--json",
            "-q",
        ];
        let output = run("blindjoin", demo.iter().chain(more));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        let data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&data["querier"]["records"], &data["provider"]["records"]),
            (&40.into(), &40.into())
        );
        let (found, others) = (&data["people_found"], &data["records_of_others"]);
        let matched = data["card"]["matched"].as_u64().unwrap();
        assert_eq!(found.as_u64().unwrap() + others.as_u64().unwrap(), matched);
        assert!(data["cells_checked"].as_u64().unwrap() >= 40);
        assert!(data["seconds"]["in all"].as_f64().unwrap() > 0.0);
        let learned = data["keyholder"]["learned"].as_array();
        assert_eq!(
            learned.is_some_and(|learned| !learned.is_empty()),
            more.is_empty()
        );
    }
}

#[test]
fn single_records_are_looked_up() {
    // With a column that is mapped, and that no rule uses.
    let mapped = "birth_date = \"born\"\n";
    let rules = RULES.replace(mapped, &[mapped, "state = \"region\"\n"].concat());
    let rows = THEIRS.lines().zip(["region", "N", "N", "S"]);
    let rows = rows.flat_map(|(line, region)| [line, ",", region, "\n"]);
    let theirs: String = rows.collect();
    let world = World::new(&theirs, &rules);
    let (keyholder, provider) = world.serve();
    // A lookup is blind whatever is said of joins.
    for options in [&[][..], &["--counting"]] {
        let found = world.lookup(
            &[
                &["--field", "national_id=222", "--field", "name=nobody"],
                options,
            ]
            .concat(),
        );
        assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
        assert_eq!(text(&found.stdout), "ID\n");
        let absent = world.lookup(&[&["--field", "national_id=1"], options].concat());
        assert_eq!(absent.status.code(), Some(3), "{}", text(&absent.stderr));
        assert_eq!(text(&absent.stdout), "");
        let told = text(&absent.stderr);
        assert!(told.contains("not found under ID\n"), "{told}");
    }
    let quiet = world.lookup(&["--field", "national_id=1", "--quiet"]);
    assert_eq!(
        (quiet.status.code(), text(&quiet.stderr).as_str()),
        (Some(3), "")
    );
    let data = world.lookup(&["--field", "national_id=222", "--json", "--quiet"]);
    assert_eq!(data.status.code(), Some(0), "{}", text(&data.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&data.stdout).unwrap();
    assert_eq!(figures["found"], true);
    assert_eq!(figures["matched"][0], "ID");
    assert_eq!(figures["without_value"][0], "NAME_DOB");
    world.write("fields", "name=ada\nbirth_date=1980-01-01\n");
    let fields = world.path("fields");
    let found = world.lookup(&["--quiet", "--fields-file", fields.to_str().unwrap()]);
    assert_eq!(
        (found.status.code(), text(&found.stdout).as_str()),
        (Some(0), "NAME_DOB\n")
    );

    for (arguments, code, words) in [
        (
            &["--field", "shoe=43"][..],
            1,
            "the rules use no field shoe",
        ),
        (
            &["--field", "state=N", "--field", "national_id=222"],
            1,
            "the rules use no field state",
        ),
        (&["--field", "name=Ada"], 1, "missing: "),
        (&["--field", "name"], 2, "NAME=VALUE"),
        (&[], 2, "nothing to look up"),
    ] {
        let output = world.lookup(arguments);
        assert_eq!(output.status.code(), Some(code));
        assert!(
            text(&output.stderr).contains(words),
            "{}",
            text(&output.stderr)
        );
    }
    provider.stop();
    keyholder.stop();
}

#[test]
fn blocks_limit_what_is_compared() {
    let world = World::in_years(THEIRS, RULES, "k_min = 1");
    world.write("ours.csv", OURS);
    let (keyholder, provider) = world.serve();

    // q3's id is p2's, but p2 was born in another year; of q5's year the provider has no records.
    let in_years = CARD.replace("q3,1,1,1", "q3,1,0,1");
    let in_years = in_years.replace("q5,0,0,0", "q5,,,");
    for table in ["cuckoo", "okvs"] {
        let year = ["--block", "birth_year", "--force", "--table", table];
        let output = world.link("ours.csv", &year);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(world.card(), in_years, "{table}");
    }
    std::fs::remove_file(world.path("card.csv")).unwrap();

    let who = [
        "--field",
        "national_id=222",
        "--field",
        "birth_date=1981-05-05",
    ];
    let output = world.lookup(&[&who[..], &["--block", "birth_year"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "ID\n");
    let elsewhere = [
        "--field",
        "national_id=222",
        "--field",
        "birth_date=1980-05-05",
    ];
    let output = world.lookup(&[&elsewhere[..], &["--block", "birth_year"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let output = world.lookup(&["--field", "national_id=222", "--block", "birth_year"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("block"),
        "{}",
        text(&output.stderr)
    );

    for (arguments, words) in [
        (&["--block", "shoe_size"][..], "shoe_size"),
        (
            &["--block", "birth_year,last_name"],
            "does not offer this blocking, but: birth_year",
        ),
    ] {
        let output = world.link("ours.csv", arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(
            text(&output.stderr).contains(words),
            "{}",
            text(&output.stderr)
        );
        world.assert_no_card();
    }
    provider.stop();
    keyholder.stop();
}
