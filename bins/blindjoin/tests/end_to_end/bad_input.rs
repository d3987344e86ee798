//! What people get wrong, and what the programs say: a clear error, the exit code, no output.

use crate::linkage::{CARD, OURS, RULES, THEIRS};
use crate::world::{World, fails_to_serve, run, text};

/// The querier fails with this code, says these words, and leaves nothing behind.
fn link_fails(world: &World, data: &str, more: &[&str], code: i32, words: &[&str]) {
    let output = world.link(data, more);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in: {told}");
    }
    assert!(!told.contains("panicked"), "{told}");
    world.assert_no_card();
}

/// A server does not start: code 1 and these words.
fn start_fails(name: &str, world: &World, config: &str, words: &[&str]) {
    let (code, told) = fails_to_serve(name, &world.path("setup").join(config), &[]);
    assert_eq!(code, Some(1), "{told}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in: {told}");
    }
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
fn bad_records_are_told_with_their_row() {
    let world = World::new(THEIRS, RULES);
    // Nobody serves: the records are read before anybody is asked.
    for (name, content, words) in [
        (
            "column",
            &b"id,social,surname,born\n1,2,3,4\n"[..],
            &["name"][..],
        ),
        (
            "ragged",
            b"id,social,name,born\n1,2,3,4\n5,6,7\n",
            &["row 2"],
        ),
        (
            "quotes",
            b"id,social,name,born\n1,2,3,4\n5,\"6,7,8\n",
            &["row 2"],
        ),
        (
            "utf8",
            b"id,social,name,born\n1,2,3,4\n5,6,\xff\xfe,8\n",
            &["row 2", "UTF-8"],
        ),
        ("empty", b"", &["empty"]),
        (
            "twice",
            b"id,social,name,born\n1,2,3,4\n9,2,3,4\n1,6,7,8\n9,6,7,8\n9,6,7,8\n",
            &["rows 1 and 3", "2 more repeat one"],
        ),
        (
            "without",
            b"id,social,name,born\n1,2,3,4\n,6,7,8\n",
            &["row 2", "record id"],
        ),
    ] {
        let file = format!("{name}.csv");
        world.write(&file, content);
        let mut all = vec![file.as_str()];
        all.extend_from_slice(words);
        link_fails(&world, &file, &[], 1, &all);
        // The provider reads with the same eyes.
        world.write("theirs.csv", content);
        start_fails("blindjoin-provider", &world, "provider.toml", words);
    }
    link_fails(&world, "missing.csv", &[], 1, &["missing.csv"]);
}

#[test]
fn bad_rules_are_told() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    for (name, rules, words) in [
        (
            "field",
            RULES.replace("last_name:T|U", "surname_of:T"),
            &["surname_of"][..],
        ),
        ("key", format!("colour = 3\n{RULES}"), &["colour"]),
        ("toml", "[[rule\n".to_owned(), &["rules.toml"]),
    ] {
        world.write("bad-rules.toml", &rules);
        let path = world.path("bad-rules.toml");
        let words: Vec<&str> = words
            .iter()
            .map(|word| {
                if *word == "rules.toml" {
                    "bad-rules.toml"
                } else {
                    word
                }
            })
            .collect();
        link_fails(
            &world,
            "ours.csv",
            &["--rules", path.to_str().unwrap()],
            1,
            &words,
        );
        assert!(!name.is_empty());
    }
    link_fails(
        &world,
        "ours.csv",
        &["--rules", "no-such-set"],
        1,
        &["no-such-set"],
    );
}

#[test]
fn bad_configurations_are_told_with_line_and_key() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    for (program, config) in [
        ("blindjoin-keyholder", "keyholder.toml"),
        ("blindjoin-provider", "provider.toml"),
    ] {
        world.edit(config, "listen =", "lisen =");
        start_fails(program, &world, config, &[config, "line 3", "lisen"]);
        world.edit(config, "lisen =", "listen =");

        let party = config.trim_end_matches(".toml");
        let certificate = format!("{party}.pem");
        world.edit(config, &certificate, "missing.pem");
        start_fails(program, &world, config, &["missing.pem"]);
        world.edit(config, "missing.pem", "authority.pem");
        start_fails(
            program,
            &world,
            config,
            &["does not belong to the certificate"],
        );
        world.edit(
            config,
            "certificate = \"authority.pem\"",
            &format!("certificate = \"{party}.key\""),
        );
        start_fails(program, &world, config, &["holds no certificate"]);
    }
    world.edit("querier.toml", "[link]", "[link]\nkey_bit = 3");
    link_fails(
        &world,
        "ours.csv",
        &[],
        1,
        &["querier.toml", "key_bit", "line"],
    );
    world.edit("querier.toml", "key_bit = 3\n", "");
    world.edit("querier.toml", "querier.pem", "missing.pem");
    link_fails(&world, "ours.csv", &[], 1, &["missing.pem"]);
    world.edit("querier.toml", "missing.pem", "provider.pem");
    link_fails(
        &world,
        "ours.csv",
        &[],
        1,
        &["does not belong to the certificate"],
    );
    let output = run("blindjoin-querier", ["link", "ours.csv"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn absent_and_wrong_peers_are_told_apart() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    let (keyholder, provider) = world.serve();
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };

    // Nobody there: temporary. Somebody else there: wrong.
    world.edit("querier.toml", &provider.address, &free);
    link_fails(
        &world,
        "ours.csv",
        &[],
        75,
        &["no connection to the data provider", &free],
    );
    world.edit("querier.toml", &free, &keyholder.address);
    link_fails(
        &world,
        "ours.csv",
        &[],
        1,
        &[
            "certificate of the data provider",
            "not the one in our configuration",
        ],
    );
    let config = std::fs::read_to_string(world.path("setup").join("querier.toml")).unwrap();
    let position = config.find("[[provider]]").unwrap();
    let (first, second) = config.split_at(position);
    std::fs::write(
        world.path("setup").join("querier.toml"),
        format!(
            "{first}{}",
            second.replace(&keyholder.address, &provider.address)
        ),
    )
    .unwrap();

    // A querier that nobody knows.
    let stranger = World::new(THEIRS, RULES);
    for file in ["querier.pem", "querier.key", "authority.pem"] {
        std::fs::rename(world.path("setup").join(file), world.path(file)).unwrap();
        std::fs::copy(
            stranger.path("setup").join(file),
            world.path("setup").join(file),
        )
        .unwrap();
    }
    link_fails(&world, "ours.csv", &[], 1, &["certificate"]);
    for file in ["querier.pem", "querier.key", "authority.pem"] {
        std::fs::rename(world.path(file), world.path("setup").join(file)).unwrap();
    }

    // Everybody still serves.
    let output = world.link("ours.csv", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.card(), CARD);
    std::fs::remove_file(world.path("card.csv")).unwrap();

    provider.stop();
    link_fails(
        &world,
        "ours.csv",
        &[],
        75,
        &["no connection to the data provider"],
    );
    keyholder.stop();
    link_fails(&world, "ours.csv", &[], 75, &["no connection"]);
}
