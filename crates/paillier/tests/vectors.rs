//! Recorded vectors, made by the protocol's executable specification (`vectors/generate.py`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use blindjoin_paillier::{Error, KeySize, Naturals, PublicKey, SecretKey};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

/// The vectors whose name starts with one of `prefixes`.
fn vectors(prefixes: &[&str]) -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (
                name,
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
            )
        })
        .filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}

fn integer(value: &Value) -> BigUint {
    BigUint::parse_bytes(value.as_str().unwrap().as_bytes(), 16).unwrap()
}

fn integers(value: &Value) -> Vec<BigUint> {
    value.as_array().unwrap().iter().map(integer).collect()
}

fn size(vector: &Value) -> KeySize {
    let bits = vector["bits"].as_u64().unwrap();
    KeySize::insecure_test_key(usize::try_from(bits).unwrap()).unwrap()
}

fn secret_key(vector: &Value) -> SecretKey {
    let profile = vector["profile"].as_str().unwrap().parse().unwrap();
    let orders = vector
        .get("orders")
        .map(|orders| integers(orders).try_into().unwrap());
    let primes = [integer(&vector["p"]), integer(&vector["q"])];
    SecretKey::from_parts(
        primes,
        &integer(&vector["h"]),
        orders,
        profile,
        size(vector),
        &mut rng(),
    )
    .unwrap()
}

fn wire(values: &[BigUint], width: usize) -> Vec<u8> {
    let fixed = |value: &BigUint| {
        let be = value.to_bytes_be();
        [vec![0; width - be.len()], be].concat()
    };
    values.iter().flat_map(fixed).collect()
}

#[test]
fn weighted_sums_are_the_recorded_bytes() {
    let [(_, vector)] = vectors(&["weighted_sums"]).try_into().unwrap();
    let key = secret_key(&vector);
    let public = key.public();
    let bits = usize::try_from(vector["weight_bits"].as_u64().unwrap()).unwrap();
    let width = public.ciphertext_bytes();
    let ciphertexts = wire(&integers(&vector["ciphertexts"]), width);
    let words = |row: &Value| -> Vec<u64> {
        let row = integers(row);
        row.iter().map(|w| w.try_into().unwrap()).collect()
    };
    let rows: Vec<_> = vector["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(words)
        .collect();
    let beyond = Naturals::from_biguints(&integers(&vector["beyond"]), bits);
    let ciphertexts = public.decode(&ciphertexts).unwrap();
    let sums = public.weighted_sums_vartime(&ciphertexts, &rows, bits, &beyond);
    let sums = public.encode(&sums.unwrap());
    assert_eq!(sums, wire(&integers(&vector["sums"]), width));
    let plaintexts = Naturals::from_biguints(&integers(&vector["plaintexts"]), bits);
    assert_eq!(key.decrypt(&sums).unwrap().truncated(bits), plaintexts);
}

#[test]
fn good_vectors_encrypt_and_decrypt_to_the_recorded_bytes() {
    let vectors = vectors(&["djn-", "subgroup_"]);
    assert_eq!(vectors.len(), 5);
    for (name, vector) in vectors {
        let key = secret_key(&vector);
        let public = key.public();
        let fingerprint = BigUint::from_bytes_be(&public.fingerprint());
        assert_eq!(fingerprint, integer(&vector["fingerprint"]), "{name}");
        assert_eq!(
            public.exponent_bits() as u64,
            vector["exponent_bits"].as_u64().unwrap(),
            "{name}"
        );
        let slot = usize::try_from(vector["slot_bits"].as_u64().unwrap()).unwrap();
        let plaintexts = Naturals::from_biguints(&integers(&vector["plaintexts"]), slot);
        let exponents =
            Naturals::from_biguints(&integers(&vector["exponents"]), public.exponent_bits());
        let recorded = wire(&integers(&vector["ciphertexts"]), public.ciphertext_bytes());
        let mut ciphertexts = public.encrypt(&plaintexts, &exponents).unwrap();
        assert_eq!(public.encode(&ciphertexts), recorded, "{name}");
        assert_eq!(
            key.decrypt_packed(&recorded, slot).unwrap(),
            plaintexts,
            "{name}"
        );
        assert_eq!(
            key.decrypt(&recorded).unwrap().truncated(slot),
            plaintexts,
            "{name}"
        );
        let repeat = |value: &Value, bits| {
            Naturals::from_biguints(&vec![integer(value); plaintexts.len()], bits)
        };
        public
            .add_plain(&mut ciphertexts, &repeat(&vector["addend"], 252))
            .unwrap();
        public.multiply_plain(&mut ciphertexts, &repeat(&vector["factor"], 89));
        let masked = wire(&integers(&vector["masked"]), public.ciphertext_bytes());
        assert_eq!(public.encode(&ciphertexts), masked, "{name}");
    }
}

#[test]
fn bad_public_keys_are_refused_for_their_fault() {
    let vectors = vectors(&["modulus_", "generator_"]);
    assert_eq!(vectors.len(), 12);
    for (name, vector) in vectors {
        let profile = vector["profile"].as_str().unwrap().parse().unwrap();
        let (n, h) = (integer(&vector["n"]), integer(&vector["h"]));
        let error = PublicKey::new(&n, &h, profile, size(&vector), &mut rng()).unwrap_err();
        let expected = match vector["error"].as_str().unwrap() {
            "GeneratorOutOfRange" => Error::GeneratorOutOfRange,
            "GeneratorSharesFactor" => Error::GeneratorSharesFactor,
            "ModulusEven" => Error::ModulusEven,
            "ModulusLength" => Error::ModulusLength {
                bits: n.bits(),
                expected: 1024,
            },
            "ModulusPerfectPower" => Error::ModulusPerfectPower,
            "ModulusPrime" => Error::ModulusPrime,
            "ModulusSmallFactor" => Error::ModulusSmallFactor,
            other => panic!("{name} expects {other}"),
        };
        assert_eq!(error, expected, "{name}");
    }
}

#[test]
fn bad_ciphertexts_are_refused_by_everyone_who_can_tell() {
    let vectors = vectors(&["ciphertext_", "plaintext_", "noise_"]);
    assert_eq!(vectors.len(), 8);
    for (name, vector) in vectors {
        let key = secret_key(&vector);
        let bytes = wire(
            &[integer(&vector["ciphertext"])],
            key.public().ciphertext_bytes(),
        );
        let expected = match vector["public"].as_str() {
            Some("CiphertextOutOfRange") => Some(Error::CiphertextOutOfRange { index: 0 }),
            Some("CiphertextSharesFactor") => Some(Error::CiphertextSharesFactor),
            None => None,
            Some(other) => panic!("{name} expects {other}"),
        };
        assert_eq!(key.public().decode(&bytes).err(), expected, "{name}");
        assert_eq!(
            key.decrypt_packed(&bytes, 252).unwrap_err(),
            Error::Undecryptable,
            "{name}"
        );
    }
}
