//! What must not pass in silence: empty work, contradictions, blocks that the other side lacks, and
//! numbers that two programs tell of one file.

use std::fmt::Write;
use std::path::Path;
use std::process::Output;

use blindjoin_service::identity::fingerprint_of_file;
use serde_json::Value;

use crate::linkage::{CARD, OURS, RULES, THEIRS};
use crate::world::{Server, World, fails_to_serve, run, text};

/// How a program ended, and what it said.
fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The provider, which does not come to serve.
fn provider_fails(world: &World, more: &[&str]) -> (Option<i32>, String) {
    let config = world.path("setup").join("provider.toml");
    fails_to_serve("blindjoin-provider", &config, more)
}

/// The file of records is not there: nobody has looked for it.
#[test]
fn contradictions_are_told_before_records_are_read() {
    let world = World::new(THEIRS, RULES);
    world.write("there.csv", "");
    std::os::unix::fs::symlink("card.csv", world.path("other.html")).unwrap();
    let there = world.path("there.csv");
    let (card, link) = (world.path("./card.csv"), world.path("other.html"));
    let full = ["--mask", "full", "--table", "okvs"];
    for (more, code, words) in [
        (
            &["--provider", "other"][..],
            2,
            &["--provider other", "provider"][..],
        ),
        (&full, 2, &["--mask full", "--table cuckoo"]),
        (
            &["--blind", "--hide-count"],
            2,
            &["--blind", "--hide-count"],
        ),
        (&["--rule", "T9"], 2, &["--rule T9", "ID, NAME_DOB"]),
        (&["--key-bits", "5000"], 2, &["--key-bits", "3072"]),
        (&["--report", path(&card)], 2, &["card.csv", "two outputs"]),
        (
            &["--report", path(&link)],
            2,
            &["other.html", "two outputs"],
        ),
        (&["--report", path(&there)], 1, &["there.csv", "--force"]),
        (
            &["--report", "no-such-folder/r.html"],
            1,
            &["no-such-folder/r.html"],
        ),
        (
            &["--out-format", "parquet"],
            2,
            &["card.csv", "CSV", "Parquet"],
        ),
        (
            &["--k-min", "0", "--block", "birth_year"],
            2,
            &["whole number, 1 or more"],
        ),
    ] {
        let (ended, said) = told(&world.link("missing.csv", more));
        assert_eq!(ended, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "no {word:?} in: {said}");
        }
        for word in ["missing.csv", "manifest", ".part", "dummy"] {
            assert!(!said.contains(word), "{word:?} in: {said}");
        }
        world.assert_no_card();
    }
    let (code, said) = told(&world.lookup(&["--field", "name=x", "--mask", "full"]));
    assert!(code == Some(2) && said.contains("--mask slot"), "{said}");
    let data = world.path("missing.csv");
    let (code, said) = told(&world.ask("pairs", &data, "pairs.csv", &["--threshold", "2"]));
    assert!(code == Some(2) && said.contains("--block <KEY>"), "{said}");
    let both = ["--json", "--out", "-"];
    let config = world.path("setup").join("querier.toml");
    let arguments = ["link", "missing.csv", "--config", path(&config)];
    let (code, said) = told(&run("blindjoin-querier", arguments.into_iter().chain(both)));
    assert!(code == Some(2) && said.contains("--json"), "{said}");

    world.edit(
        "querier.toml",
        "[link]",
        "[link]\nmask = \"full\"\ntable = \"okvs\"",
    );
    let (code, said) = told(&world.link("missing.csv", &[]));
    assert!(code == Some(1) && said.contains("[link]"), "{said}");
    for (before, after, words) in [
        ("table = \"okvs\"", "canaries = 100000", "from 0 to 255"),
        ("127.0.0.1:7702", "https://127.0.0.1:7702", "host:port"),
    ] {
        world.edit("querier.toml", before, after);
        let (code, said) = told(&world.link("missing.csv", &[]));
        assert!(code == Some(1) && said.contains(words), "{said}");
        assert!(
            said.contains("querier.toml") && !said.contains("u8"),
            "{said}"
        );
        world.edit("querier.toml", after, before);
    }
}

#[test]
fn a_provider_checks_all_else_before_it_reads_its_registry() {
    let world = World::new("id,social,name,born\n1,2\n", RULES);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = provider_fails(&world, &["--listen", &address]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&address) && !said.contains("row"), "{said}");
    for bad in [
        "https://127.0.0.1:7702",
        "127.0.0.1",
        ":7702",
        "127.0.0.1:seven",
    ] {
        let (code, said) = provider_fails(&world, &["--listen", bad]);
        assert!(
            code == Some(2) && said.contains("host:port"),
            "{bad}: {said}"
        );
    }
    world.edit("provider.toml", "provider.key", "missing.key");
    let (code, said) = provider_fails(&world, &[]);
    assert!(code == Some(1) && said.contains("missing.key"), "{said}");
    world.edit("provider.toml", "missing.key", "provider.key");
    let (code, said) = provider_fails(&world, &[]);
    assert!(code == Some(1) && said.contains("row 1"), "{said}");
}

#[test]
fn a_registry_with_which_nothing_can_be_found_is_not_served() {
    let world = World::new(THEIRS, RULES);
    for (theirs, words, option) in [
        (
            "id,social,name,born\n",
            "theirs.csv: there are no records",
            "--allow-no-records",
        ),
        (
            "id,social,name,born\np1,,Ada,1980-01-01\np2,,Ben,1981-02-02\n",
            "none of the 2 records has a value for rule ID (national_id is missing in 2)",
            "--allow-empty",
        ),
        (
            "id,social,name,born\np1,1,unknown,1980-01-01\n",
            "rule NAME_DOB (last_name is a placeholder in 1)",
            "--allow-empty",
        ),
    ] {
        world.write("theirs.csv", theirs);
        // Neither of the two lets the other's emptiness pass.
        for more in [&[][..], &["--allow-empty", "--allow-no-records"]] {
            let more: Vec<&str> = more.iter().copied().filter(|it| *it != option).collect();
            let (code, said) = provider_fails(&world, &more);
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(words) && said.contains(option), "{said}");
        }
        let keyholder = world.serve_keyholder();
        let config = world.path("setup").join("provider.toml");
        let provider = Server::start_with("blindjoin-provider", &config, &[option]);
        let remark = match option {
            "--allow-empty" => "records has a value, so it finds nothing",
            _ => words,
        };
        assert!(provider.before.contains(remark), "{}", provider.before);
        provider.stop();
        keyholder.stop();
        // The journal's publication is of another registry.
        std::fs::remove_dir_all(world.path("setup").join("provider-state")).unwrap();
    }
}

#[test]
fn a_file_with_which_nothing_can_be_found_is_refused_and_an_empty_one_has_an_empty_card() {
    let world = World::new(THEIRS, RULES);
    let (keyholder, provider) = world.serve();
    for (ours, words) in [
        (
            "id,social,name,born\nq1,,Ada,1980-01-01\n",
            "rule ID (national_id is missing in 1)",
        ),
        (
            "id,social,name,born\nq1,111,,1980-01-01\nq2,222,,\n",
            "rule NAME_DOB",
        ),
        (
            "id,social,name,born\nq1,N/A,Ada,1980-01-01\n",
            "national_id is a placeholder in 1",
        ),
    ] {
        world.write("ours.csv", ours);
        let (code, said) = told(&world.link("ours.csv", &[]));
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(words) && said.contains("--allow-empty"),
            "{said}"
        );
        world.assert_no_card();
    }
    world.write("ours.csv", "id,social,name,born\nq1,,Ada,1980-01-01\n");
    let (code, said) = told(&world.link("ours.csv", &["--allow-empty"]));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.card(), "record_id,matched,ID,NAME_DOB\nq1,1,,1\n");
    let (code, said) = told(&world.link("ours.csv", &["--rule", "NAME_DOB", "--force"]));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.card(), "record_id,matched,NAME_DOB\nq1,1,1\n");

    world.write("ours.csv", "id,social,name,born\n");
    let (code, said) = told(&world.link("ours.csv", &["--force"]));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("there are no records"), "{said}");
    assert_eq!(world.card(), "record_id,matched,ID,NAME_DOB\n");
    provider.stop();
    keyholder.stop();
}

#[test]
fn some_of_the_rules_are_asked_about_in_the_order_agreed_on() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    let (keyholder, provider) = world.serve();
    let columns = |keep: &[usize]| -> String {
        let lines = CARD.lines().map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let kept: Vec<&str> = keep.iter().map(|&at| cells[at]).collect();
            let matched = match (cells[0], kept.as_slice()) {
                ("record_id", _) => "matched",
                (_, kept) if kept.contains(&"1") => "1",
                (_, kept) if kept.contains(&"0") => "0",
                _ => "",
            };
            format!("{},{matched},{}\n", cells[0], kept.join(","))
        });
        lines.collect()
    };
    for (more, keep) in [
        (&["--rule", "ID"][..], &[2][..]),
        (&["--rule", "NAME_DOB", "--table", "cuckoo"], &[3]),
        (&["--rule", "NAME_DOB", "--rule", "ID"], &[2, 3]),
    ] {
        let (code, said) = told(&world.link("ours.csv", &[&["--force"], more].concat()));
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(world.card(), columns(keep), "{more:?}");
    }
    let name = ["--field", "name=eve", "--field", "birth_date=1982-03-03"];
    // A field of a rule that is not asked about is no field.
    for (rule, code, words) in [("ID", 3, "not found under ID"), ("NAME_DOB", 1, "no field")] {
        let (ended, said) = told(&world.lookup(&["--field", "national_id=7", "--rule", rule]));
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let (code, said) = told(&world.lookup(&[&name[..], &["--rule", "NAME_DOB"]].concat()));
    assert_eq!(code, Some(0), "{said}");
    provider.stop();
    keyholder.stop();
}

#[test]
fn files_with_other_separators_are_named_and_read_on_both_sides() {
    let world = World::new(THEIRS, RULES);
    world.write("theirs.csv", THEIRS.replace(',', ";"));
    world.write("ours.csv", OURS.replace(',', "\t"));
    let (code, said) = provider_fails(&world, &[]);
    assert!(
        code == Some(1) && said.contains("--delimiter ';'"),
        "{said}"
    );
    let (code, said) = told(&world.link("ours.csv", &[]));
    assert!(
        code == Some(1) && said.contains("--delimiter 'tab'"),
        "{said}"
    );
    let keyholder = world.serve_keyholder();
    world.edit("provider.toml", "127.0.0.1:7701", &keyholder.address);
    world.edit("querier.toml", "127.0.0.1:7701", &keyholder.address);
    let config = world.path("setup").join("provider.toml");
    let provider = Server::start_with("blindjoin-provider", &config, &["--delimiter", ";"]);
    world.edit("querier.toml", "127.0.0.1:7702", &provider.address);
    let (code, said) = told(&world.link("ours.csv", &["--delimiter", "tab"]));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(world.card(), CARD);
    provider.stop();
    keyholder.stop();
}

/// Rules of several forms, of which a record may have all, some or none: it is one record.
#[test]
fn a_record_without_a_value_is_counted_once_on_both_sides() {
    const COLUMNS: &str = "[columns]\nrecord_id = \"id\"\nborn = \"born\"\nnext = \"next\"\n";
    let people = "id,born,next\n1,1950-01-02,1960-01-02\n2,,\n3,1951-02-03,\n4,1951-02-31,1950-01-02\n\
        5,,1970-05-06\n";
    let remark = |count: u8| format!("rule BORN: {count} records have no value for it");
    for (rule, ours, theirs) in [
        // Three forms of one field.
        (
            "signature = [\"born:Y\"]\nprobe = [[\"born:Y(-1)\"], [\"born:Y\"], [\"born:Y(1)\"]]",
            3,
            3,
        ),
        // A provider's record with either date has a value.
        (
            "signature = [\"born:Y\"]\nprobe = [[\"born:Y\"], [\"next:Y\"]]",
            3,
            1,
        ),
        // And one needs both, in whatever order they are asked for.
        (
            "signature = [\"born:Y\", \"next:Y\"]\nprobe = [[\"born:Y\", \"next:Y\"], [\"next:Y\", \"born:Y\"]]",
            4,
            4,
        ),
    ] {
        let world = World::new(
            people,
            &format!("{COLUMNS}[[rule]]\nid = \"BORN\"\n{rule}\n"),
        );
        world.write("ours.csv", people);
        let (keyholder, provider) = world.serve();
        assert!(
            provider.before.lines().any(|line| line == remark(theirs)),
            "{}",
            provider.before
        );
        let output = world.link("ours.csv", &["--json"]);
        let (code, said) = told(&output);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.lines().any(|line| line == remark(ours)), "{said}");
        let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(figures["rules"][0]["without_value"], ours);
        provider.stop();
        keyholder.stop();
    }
}

/// Twelve of 1950, of whom two have no value for any rule, three of whom nobody knows when they were
/// born, and one of these lacks all else too.
#[test]
fn blocks_are_counted_alike_before_and_in_a_linkage() {
    let mut ours = "id,social,name,born\n".to_owned();
    for number in 0..12 {
        let social = if number < 2 {
            String::new()
        } else {
            number.to_string()
        };
        writeln!(ours, "q{number},{social},,1950-05-06").unwrap();
    }
    ours += "q12,99,,\nq13,98,,\nq14,,,\n";
    let world = World::in_years(
        THEIRS,
        &RULES[..RULES.rfind("[[rule]]").unwrap()],
        "k_min = 1",
    );
    world.write("theirs.csv", "id,social,name,born\np1,5,x,1950-01-01\n");
    world.write("ours.csv", &ours);
    let (rules, data) = (world.path("rules-in.toml"), world.path("ours.csv"));
    let counted = run(
        "blindjoin",
        [
            "blocks",
            path(&data),
            "--rules",
            path(&rules),
            "--block",
            "birth_year",
            "--json",
        ],
    );
    let counted: Value = serde_json::from_slice(&counted.stdout).unwrap();
    assert_eq!(
        (&counted["in_blocks"], &counted["without_block"]),
        (&10.into(), &2.into())
    );
    let (keyholder, provider) = world.serve();
    let link = |least: &str| {
        let more = [
            "--block",
            "birth_year",
            "--cells",
            "ours",
            "--k-min",
            least,
            "--json",
            "--force",
        ];
        world.link("ours.csv", &more)
    };
    let output = link("10");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("2 records are in no block"));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["without_block"], counted["without_block"]);
    assert_eq!(
        (&figures["records"], &figures["matched"]),
        (&15.into(), &1.into())
    );
    assert_eq!(figures["not_compared"], 2);
    let (code, said) = told(&link("11"));
    assert!(
        code == Some(1) && said.contains("no record is in a block"),
        "{said}"
    );
    provider.stop();
    keyholder.stop();
}

/// Cells of what was not compared are empty, a remark says how many, and no line of it says who.
#[test]
fn what_a_partner_lacks_blocks_for_is_remarked_on_by_rows() {
    let mut theirs = "id,social,name,born\n".to_owned();
    let mut ours = theirs.clone();
    for number in 0..12 {
        writeln!(theirs, "p{number},7{number},N{number},1950-05-06").unwrap();
        writeln!(
            ours,
            "person-{number},7{number},N{number},{}-05-06",
            1949 + number % 2
        )
        .unwrap();
    }
    for (provider_allows, words) in [
        ("blocks = [\"birth_year\"]\n", "6 records are not compared"),
        ("", "ask the provider to allow blocks"),
    ] {
        let world = World::in_years(&theirs, RULES, "");
        world.edit(
            "provider.toml",
            "blocks = [\"birth_year\"]\n",
            provider_allows,
        );
        world.write("ours.csv", &ours);
        let (keyholder, provider) = world.serve();
        let (code, said) = told(&world.link("ours.csv", &["--block", "birth_year"]));
        assert!(said.contains(words) && !said.contains("person-"), "{said}");
        if provider_allows.is_empty() {
            assert_eq!(code, Some(1), "{said}");
            world.assert_no_card();
        } else {
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("rows 1, 3, 5, 7, 9, 11"), "{said}");
            let card = world.card();
            assert_eq!(
                card.lines().filter(|line| line.ends_with(",,,")).count(),
                6,
                "{card}"
            );
            let quiet = ["--block", "birth_year", "--force", "--quiet"];
            assert_eq!(
                told(&world.link("ours.csv", &quiet)),
                (Some(0), String::new())
            );
        }
        provider.stop();
        keyholder.stop();
    }
}

/// What a server's operator reads: who, what, and what to do.
#[test]
fn servers_say_whom_they_refuse_and_why() {
    let world = World::new(THEIRS, RULES);
    world.edit(
        "provider.toml",
        "[keyholder]",
        "[limits]\nlookups = 1\n\n[keyholder]",
    );
    world.write("ours.csv", OURS);
    let (keyholder, provider) = world.serve();
    let setup = world.path("setup");
    let fingerprint = |name: &str| fingerprint_of_file(&setup.join(name)).unwrap().to_string();
    let querier = fingerprint("querier.pem");
    let name = ["--field", "national_id=7", "--rule", "ID"];
    for server in [&keyholder, &provider] {
        server.signal("HUP");
    }
    let (_, said) = told(&world.lookup(&name));
    assert!(said.contains("not found"), "{said}");
    let (code, said) = told(&world.lookup(&name));
    assert!(code == Some(1) && said.contains("lookups"), "{said}");

    // Another party's certificate in the place of the querier's, of the same authority.
    let copy = |from: &str, to: &str| std::fs::copy(setup.join(from), setup.join(to)).unwrap();
    copy("provider.pem", "querier.pem");
    copy("provider.key", "querier.key");
    let (code, said) = told(&world.link("ours.csv", &[]));
    assert_eq!(code, Some(1), "{said}");
    // Kept open: it is told at once all the same.
    let mut browser = std::net::TcpStream::connect(&provider.address).unwrap();
    std::io::Write::write_all(&mut browser, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    std::io::Read::read_to_end(&mut browser, &mut Vec::new()).unwrap();
    drop(std::net::TcpStream::connect(&provider.address).unwrap());

    let stranger = fingerprint("provider.pem");
    let log = provider.stop();
    for words in [
        &["SIGHUP", "next start"][..],
        // Who has used an allowance up: an honest querier does not ask when nothing is left.
        &["charged", &querier, "lookups=1"],
        &["refused a connection", &stranger, "configuration"],
        &["refused a connection", "127.0.0.1:", "not TLS"],
    ] {
        let line = log
            .lines()
            .find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some(), "no line with {words:?} in: {log}");
    }
    assert_eq!(log.matches("refused a connection").count(), 2, "{log}");
    keyholder.stop();
}
