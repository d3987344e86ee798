//! Values recorded from the executable specification of the protocol.

use blindjoin_cuckoo::Parameters;
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::parts::{Fingerprints, Shape, Suite, size_class};
use num_bigint::BigUint;
use serde_json::Value;

use crate::common::rng;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/reference.json")).unwrap()
}

fn bytes(value: &Value) -> [u8; 32] {
    let text = value.as_str().unwrap();
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

fn number(value: &Value) -> u128 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn size_classes_and_shapes_are_the_specification_s() {
    let vectors = vectors();
    for row in vectors["sizes"].as_array().unwrap() {
        let [size, class, half, third, dense] =
            std::array::from_fn(|i| row.as_array().unwrap()[i].as_u64().unwrap());
        assert_eq!(size_class(size), class);
        assert_eq!(
            u64::from(Parameters::for_size(class).unwrap().half()),
            half,
            "size {size}"
        );
        let shape = Shape::for_size(class);
        assert_eq!(
            (u64::from(shape.third()), u64::from(shape.dense())),
            (third, dense),
            "size {size}"
        );
    }
}

#[test]
fn keyed_functions_are_the_specification_s() {
    let vectors = vectors();
    for (name, suite) in [("j89", Suite::J89), ("t107", Suite::T107)] {
        let of = &vectors["keyed"][name];
        let [id, pad, canary] = ["id", "pad", "canary"].map(|key| bytes(&of["keys"][key]));
        let keys = Fingerprints::from_keys(suite, &id, &pad, &canary);
        for row in of["values"].as_array().unwrap() {
            let value = row["value"].as_str().unwrap().as_bytes();
            assert_eq!(keys.fingerprint(b"id", value), number(&row["fp_id"]));
            assert_eq!(keys.fingerprint(b"okvs", value), number(&row["fp_okvs"]));
            let pair: Vec<u64> = row["bins"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b.as_u64().unwrap())
                .collect();
            assert_eq!(keys.bins(value, 3802).map(u64::from).to_vec(), pair);
            let (sparse, dense) = keys.row(value, 500, 43);
            let places: Vec<u64> = row["row"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b.as_u64().unwrap())
                .collect();
            assert_eq!(sparse.map(u64::from).to_vec(), places);
            assert_eq!(u128::from(dense), number(&row["dense"]));
            assert_eq!(u128::from(keys.tag(value)), number(&row["tag"]));
        }
        for row in of["masks"].as_array().unwrap() {
            let position = row["j"].as_u64().unwrap();
            let short = |name: &str| u64::try_from(number(&row[name])).unwrap();
            let [label, alpha, beta] = ["label", "alpha", "beta"].map(short);
            assert_eq!(keys.cover(position, 0), beta);
            assert_eq!(keys.cover(position, 1), alpha ^ beta);
            assert_eq!(keys.cover(position, label), short("covered"));
            assert_eq!(keys.uncover(position, short("covered")), label);
            let [alpha, beta, covered] =
                ["alpha_t", "beta_t", "covered_t"].map(|n| number(&row[n]));
            assert_eq!(keys.cover_blind(position, 0), beta);
            assert_eq!(keys.cover_blind(position, 1), (alpha + beta) % suite.t());
            assert_eq!(keys.cover_blind(position, label.into()), covered);
            let mut words = [covered, beta];
            keys.uncover_blind(position, &mut words[..1]);
            keys.uncover_blind(position, &mut words[1..]);
            assert_eq!(words, [label.into(), 0]);
        }
        for (i, row) in (0..).zip(of["canaries"].as_array().unwrap()) {
            assert_eq!(keys.canary(i), row.as_str().unwrap().as_bytes());
        }
    }
}

/// What the specification's provider sent, our key holder decrypts, and our querier unmasks.
#[test]
fn streams_of_the_specification_decrypt_and_unmask() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/stream.json")).unwrap();
    let integer =
        |name: &str| BigUint::parse_bytes(vectors[name].as_str().unwrap().as_bytes(), 16).unwrap();
    let size = KeySize::insecure_test_key(1024).unwrap();
    let primes = [integer("p"), integer("q")];
    let profile = Profile::DjnShort;
    let key =
        SecretKey::from_parts(primes, &integer("h"), None, profile, size, &mut rng(1)).unwrap();
    assert_eq!(key.public().fingerprint(), bytes(&vectors["fingerprint"]));
    let [id, pad, canary] = ["id", "pad", "canary"].map(|name| bytes(&vectors["keys"][name]));
    for stream in vectors["streams"].as_array().unwrap() {
        let suite = Suite::J89;
        assert_eq!(stream["suite"], suite.name());
        let list = |name: &str| stream[name].as_array().unwrap().clone();
        let wire: Vec<u8> = list("ciphertexts")
            .iter()
            .flat_map(|text| {
                let text = text.as_str().unwrap();
                let digits = (0..text.len())
                    .step_by(2)
                    .map(move |at| text[at..at + 2].to_owned());
                digits
                    .map(|digits| u8::from_str_radix(&digits, 16).unwrap())
                    .collect::<Vec<_>>()
            })
            .collect();
        let plain = key.decrypt_packed(&wire, suite.slot_bits()).unwrap();
        let t = BigUint::from(suite.t());
        let residues: Vec<u128> = (0..plain.len())
            .map(|i| (plain.to_biguint(i) % &t).try_into().unwrap())
            .collect();
        assert_eq!(
            residues,
            list("residues").iter().map(number).collect::<Vec<_>>()
        );

        let keys = Fingerprints::from_keys(suite, &id, &pad, &canary);
        let blind = stream["blind"].as_bool().unwrap();
        let open = |j: u64, word: u128| {
            if blind {
                let mut words = [word];
                keys.uncover_blind(j, &mut words);
                words[0]
            } else {
                keys.uncover(j, word.try_into().unwrap()).into()
            }
        };
        let label = |w: &u128| w >> suite.label_bits() == 0;
        let mut labels: Vec<u128> = (0_u64..)
            .zip(residues)
            .filter(|(_, w)| blind || label(w))
            .map(|(j, w)| open(j, w))
            .filter(label)
            .collect();
        labels.sort_unstable();
        let expected: Vec<u128> = list("labels").iter().map(number).collect();
        let table = &stream["table"];
        assert_eq!(labels, expected, "{table} blind {blind}");

        for row in list("tampered") {
            let opened = open(row["j"].as_u64().unwrap(), number(&row["word"]));
            assert_eq!(opened, number(&row["label"]), "{}", row["fault"]);
            assert!(!expected.contains(&opened), "{}", row["fault"]);
        }
    }
}
