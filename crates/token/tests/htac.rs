//! HTAC's tokens: known answers, and an HMAC written out by its definition.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use blindjoin_record::{Date, Row, RuleSet};
use blindjoin_token::{Hasher, HashingSecret, RecordIdKey, RecordIds, Scheme, Tokenizer};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

const HEADER: [&str; 7] = [
    "RecordId",
    "first_name",
    "last_name",
    "birth_date",
    "sex",
    "phone",
    "zip",
];

/// RFC 2104, §2: H(K ⊕ opad, H(K ⊕ ipad, text)).
fn hmac_by_definition(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36), text].concat());
    let outer = Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat());
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    outer.iter().flat_map(digits).map(char::from).collect()
}

fn token(rules: &str, row: &(impl Row + ?Sized)) -> String {
    let rules = RuleSet::builtin(rules).unwrap();
    let binding = rules
        .bind(&HEADER, Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let secret = HashingSecret::new("htac-test-salt").unwrap();
    let tokenizer = Tokenizer::new(binding, Hasher::new(&secret, Scheme::of(&rules)));
    assert_eq!(tokenizer.hasher().scheme(), Scheme::Htac);
    let mut worker = tokenizer.worker();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    tokenizer
        .tokenize(row, &mut worker, &mut rng)
        .get(0)
        .to_owned()
}

#[test]
fn known_answers() {
    let garcia = "334d67a8579976d49870d4316fa22a9a7c0acddbbda82d75bddd604327d10a96";
    let cases = [
        (
            [
                "1",
                "Maria",
                "Garcia",
                "1988-03-22",
                "Female",
                "612-555-1234",
                "90210",
            ],
            garcia,
        ),
        (
            [
                "2",
                "MARIA",
                "garcia",
                "19880322",
                "F",
                "(612) 555 1234",
                "90210-1234",
            ],
            garcia,
        ),
        (
            [
                "3",
                "Tom",
                "O'Reilly",
                "1995-11-03",
                "M",
                "6125559999",
                "30301-4455",
            ],
            "9527100d81f980cac297a584e02b3e49b711ec15d9ca9ee63aad3bebb5645f52",
        ),
        (
            ["4", "José", "Núñez", "1970-01-31", "m", "", "55401"],
            "3aae8e47a7c6529f0ad8a0ae1299322f97e80ef812e3c87d96fb8de7b1cef326",
        ),
    ];
    for (row, expected) in cases {
        assert_eq!(token("htac", &row[..]), expected);
    }
}

#[test]
fn tokens_equal_the_definition() {
    let row = ["1", " Ana", "Ng", "1990-07-04", "x", "+1 612", "5540"];
    let expected = hmac_by_definition(b"htac-test-salt", b" anang19900704x16125540");
    assert_eq!(token("htac", &row[..]), expected);
}

#[test]
fn the_clean_variant_forgives_padding_and_wants_all_parts() {
    let clean = ["1", "Ana", "Ng", "1990-07-04", "F", "6125551234", "55401"];
    let padded = [
        "1",
        " Ana ",
        "Ng ",
        "07/04/1990",
        "F",
        "612-555-1234",
        "55401",
    ];
    assert_eq!(
        token("htac-clean", &clean[..]),
        token("htac-clean", &padded[..])
    );
    assert_eq!(token("htac-clean", &clean[..]), token("htac", &clean[..]));
    assert_ne!(token("htac", &clean[..]), token("htac", &padded[..]));
    let partial = ["1", "Ana", "Ng", "1990-07-04", "F", "", "55401"];
    assert_eq!(token("htac-clean", &partial[..]), blindjoin_token::BLANK);
    assert_ne!(token("htac", &partial[..]), blindjoin_token::BLANK);
}

proptest! {
    #[test]
    fn macs_equal_the_definition(key in "[ -~é]{1,90}", text in ".{0,140}") {
        prop_assume!(!key.trim().is_empty());
        let secret = HashingSecret::new(&key).unwrap();
        let expected = hmac_by_definition(key.as_bytes(), text.as_bytes());
        let mut token = String::from("kept ");
        Hasher::new(&secret, Scheme::Htac).token(&text, &mut token);
        prop_assert_eq!(&token[5..], &expected);

        let mut hashed = String::new();
        let ids = RecordIds::Hashed(RecordIdKey::new(&secret));
        ids.write(&text, &mut hashed);
        prop_assert_eq!(hashed, expected);
    }
}
