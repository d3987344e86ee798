//! Real inputs for the fuzzer to start from, made by the code that writes them.

use blindjoin_protocol::agree::{Answer, Manifest};
use blindjoin_token::{EncryptionKey, Hasher, HashingSecret, Scheme, Sealer};

use crate::events::orders;
use crate::negotiation::{PUBLISHED, offers};
use crate::session::{KEY, SESSION, people, rng};
use crate::streams::honest;

/// An input under a target's name and its own. Those whose names begin with `bad-` are refused.
pub type Seed = (&'static str, String, Vec<u8>);

/// All seeds, the same at every call.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for part in [
        announcements(),
        events(),
        handshakes(),
        negotiations(),
        parquet(),
        rules(),
        streams(),
        tables(),
        tokens(),
    ] {
        seeds.extend(part);
    }
    seeds
}

fn seed(target: &'static str, name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    (target, name.to_owned(), bytes.into())
}

/// Bytes after the one that chooses what a target does with them.
fn chosen(choice: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = vec![choice];
    out.extend_from_slice(bytes.as_ref());
    out
}

fn events() -> Vec<Seed> {
    let orders = orders().into_iter();
    orders
        .map(|(name, bytes)| seed("events", name, bytes))
        .collect()
}

fn handshakes() -> Vec<Seed> {
    let signed = SESSION.handshakes.iter();
    signed
        .map(|(role, handshake)| {
            seed(
                "handshake",
                &role.to_string().replace(' ', "-"),
                handshake.encode(),
            )
        })
        .collect()
}

/// The key that was announced, and others that each fail one check.
fn announcements() -> Vec<Seed> {
    let good = SESSION.announcement.encode();
    let key = KEY.public().to_bytes();
    let (n, h) = key.split_at(key.len() / 2);
    let with = |name, n: &[u8], h: &[u8]| {
        let at = good.windows(key.len()).position(|bytes| bytes == key);
        let at = at.expect("the announcement holds the key");
        let mut bytes = good.clone();
        bytes[at..at + key.len()].copy_from_slice(&[n, h].concat());
        seed("announcement", name, bytes)
    };
    let change = |bytes: &[u8], at: usize, to: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = to;
        bytes
    };
    let last = n.len() - 1;
    let one = change(&vec![0; n.len()], last, 1);
    vec![
        seed("announcement", "good", good.clone()),
        with("bad-n-even", &change(n, last, n[last] ^ 1), h),
        with("bad-n-short", &change(n, 0, n[0] & 0x7f), h),
        with("bad-n-all-ones", &vec![0xff; n.len()], h),
        with("bad-h-zero", n, &vec![0; h.len()]),
        with("bad-h-one", n, &one),
        with("bad-h-is-n", n, n),
        with("bad-h-other", n, &change(h, last, h[last] ^ 2)),
    ]
}

fn negotiations() -> Vec<Seed> {
    let parties = people().parties();
    let answer = Answer::new(&mut rng(6));
    let mut seeds = vec![
        seed("answer", "good", answer.encode()),
        seed(
            "answer",
            "bad-longer",
            [&answer.encode()[..], &[0]].concat(),
        ),
        seed("publication", "full", PUBLISHED.encode()),
    ];
    let mut plain = PUBLISHED.clone();
    (plain.blockings, plain.pairs) = (Vec::new(), false);
    seeds.push(seed("publication", "plain", plain.encode()));
    for (name, offer) in offers() {
        let manifest = Manifest::new(&offer, &answer, &PUBLISHED, parties).expect(name);
        seeds.push(seed("offer", name, offer.encode()));
        seeds.push(seed("manifest", name, manifest.encode()));
    }
    seeds
}

fn parquet() -> Vec<Seed> {
    let files = crate::parquet::files().into_iter();
    files
        .map(|(name, bytes)| seed("parquet", name, bytes))
        .collect()
}

fn streams() -> Vec<Seed> {
    let [chunks, checkpoints] = honest();
    let named = |target, seeds: Vec<(String, Vec<u8>)>| {
        seeds
            .into_iter()
            .map(move |(name, bytes)| (target, name, bytes))
    };
    named("chunk", chunks)
        .chain(named("checkpoint", checkpoints))
        .collect()
}

fn rules() -> Vec<Seed> {
    let cells = "\0birth_year,state\x1fKnight\x1f1950-03-22\x1fnsw\x1f2000\x1f452-38-7291\x1f \x1f";
    let example = include_str!("../../../examples/rules/febrl-ndi.toml");
    let score = include_str!("../../../examples/rules/febrl-score.toml");
    let operators = r#"name = "every operator"
dialect = "olt2.2"
[columns]
record_id = "id"
t = "column t"
[fields]
d = "BirthDate"
s = "Sex"
[[rule]]
id = "A"
weight = 16
signature = ["t:T|U|L|N|A|S(0,3)", "t:M([a-z]+)", "t:R('a','b')", "t:SX", "t:NY", "t:DM", "t:DM2"]
probe = [["d:D"], ["d:D(DD/MM/YYYY)|Y(-1)"], ["d:MO", "d:DA"], ["d:DD(400)"], ["s"]]
"#;
    let based = |name: &str| format!("base = \"{name}\"\n[columns]\nrecord_id = \"r\"\n");
    let mut seeds = vec![
        seed("rules", "ndi", format!("{example}{cells}")),
        seed("rules", "score", format!("{score}{cells}")),
        seed("rules", "operators", format!("{operators}{cells}")),
    ];
    for name in ["opentoken", "htac", "ndi", "ssn"] {
        seeds.push(seed("rules", name, format!("{}{cells}", based(name))));
    }
    for (name, text) in [
        ("bad-no-rules", "name = \"x\"\n"),
        ("bad-unknown-key", "colour = 3\n"),
        (
            "bad-expression",
            "[columns]\na = \"b\"\n[[rule]]\nid = \"R\"\nsignature = [\"a:M((]\"]\n",
        ),
    ] {
        seeds.push(seed("rules", name, text));
    }
    seeds
}

fn tables() -> Vec<Seed> {
    let people = "RecordId,FirstName,LastName,Sex,BirthDate,PostalCode,SocialSecurityNumber\n\
                  1,Ann,O'Neil,F,1980-02-29,02139,452-38-7291\n\
                  2,\"García, María\",Knight Jr.,Female,03/22/1988,90210,\n";
    let quoted = "a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n\r\n3,4";
    vec![
        seed("csv", "people-querier", chosen(0x48, people)),
        seed("csv", "people-provider", chosen(0x68, people)),
        seed("csv", "people-htac", chosen(0x53, people)),
        seed("csv", "quoted", chosen(0x40, quoted)),
        seed(
            "csv",
            "byte-order-mark",
            chosen(1, format!("\u{feff}{quoted}")),
        ),
        seed("csv", "header-only", chosen(2, "id,name")),
        seed(
            "csv",
            "carriage-returns",
            chosen(3, "id,name\r1,\"\r\r\"\r\r2,b\r"),
        ),
        seed("csv", "bad-ragged", chosen(4, "a,b\n1\n1,2,3\n")),
        seed("csv", "bad-quote-open", chosen(5, "a,b\n1,\"2\n")),
        seed("csv", "bad-text-after-quote", chosen(6, "a,b\n\"1\"x,2\n")),
        seed("csv", "bad-encoding", chosen(7, b"a,b\n1,\xff\n")),
        seed("csv", "bad-twice", chosen(0, "a,a\n1,2\n")),
        seed("csv", "bad-parquet", chosen(0, "PAR1")),
        seed("csv", "bad-utf-16", chosen(0, b"\xff\xfea\0")),
    ]
}

fn tokens() -> Vec<Seed> {
    let secret = HashingSecret::new("HashingKey").expect("a secret");
    let token = |scheme, signature: &str| {
        let mut out = String::new();
        Hasher::new(&secret, scheme).token(signature, &mut out);
        out
    };
    let [one, other] = ["GARCIA|M", "KNIGHT|A"].map(|text| token(Scheme::OpenToken, text));
    let key = EncryptionKey::new("Secret-Encryption-Key-Goes-Here.").expect("a key");
    let mut sealed = String::new();
    Sealer::new(&key).seal_with(&one, [7; 12], &mut sealed);
    let metadata = r#"{"Platform": "Java", "HashingSecretHash": "ab", "EncryptionSecretHash": null,
"blindjoin": {"Version": "0.1.0", "TokensSkippedByRule": {"T4": {"SSN_MISSING": 1}}}}"#;
    let file = |rows: &[[&str; 3]]| {
        let row = |row: &[&str; 3]| row.join(",") + "\n";
        format!(
            "RuleId,Token,RecordId\n{}",
            rows.iter().map(row).collect::<String>()
        )
    };
    let left = file(&[["T1", &one, "a"], ["T2", &other, "a"], ["T1", &other, "b"]]);
    let right = file(&[["T1", &other, "x"], ["T1", &one, "y"], ["T2", &other, "y"]]);
    let persons = format!("person,token\n1,{}\n", token(Scheme::Htac, "garcia"));
    vec![
        seed("tokens", "metadata", chosen(0, metadata)),
        seed("tokens", "bad-metadata", chosen(0, "{")),
        seed("tokens", "token", chosen(1, &one)),
        seed("tokens", "blank", chosen(1, blindjoin_token::BLANK)),
        seed("tokens", "bad-sealed", chosen(1, &sealed)),
        seed("tokens", "bad-wrapped", chosen(1, "olt.V1.eyJ.x.y.z")),
        seed(
            "tokens",
            "to-seal",
            chosen(2, [&[9; 12], one.as_bytes()].concat()),
        ),
        seed("tokens", "expression", chosen(3, "(T1|T2)&(T3|T4&T5)")),
        seed("tokens", "tiered", chosen(3, "tiered:T4,T1")),
        seed("tokens", "bad-expression", chosen(3, "(T1|&T2")),
        seed(
            "tokens",
            "files",
            chosen(4, format!("any\n{left}\n{right}")),
        ),
        seed(
            "tokens",
            "files-by-expression",
            chosen(4, format!("T1&T2\n{left}\n{right}")),
        ),
        seed("tokens", "one-file", chosen(4, format!("all:T1\n{left}"))),
        seed(
            "tokens",
            "persons",
            chosen(4, format!("any\n{persons}\n{persons}")),
        ),
    ]
}
