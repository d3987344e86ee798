//! What parties agree on: handshakes, keys, policies, and the encodings of all of it.

use blindjoin_protocol::agree::{
    Agreement, Answer, Manifest, Mask, Mode, Offer, Pairwise, Policy, Published, TableKind, Terms,
};
use blindjoin_protocol::paillier::{Profile, PublicKey, SecretKey};
use blindjoin_protocol::parts::{Clause, Dummies, Handshake, KeyAnnouncement, size_class};
use blindjoin_protocol::{Error, Fault, Role};
use num_bigint::BigUint;
use rand::Rng;

use crate::common::{
    key, people, population, provider_keys, published, querier_keys, rng, send_table, session,
    take_table, terms,
};

type Decodes = fn(&[u8]) -> bool;

#[test]
fn another_public_key_or_manifest_breaks_the_handshake() {
    let people = people();
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 11).unwrap();
    let manifest = session.agreement.manifest().clone();
    let size = manifest.terms.key_size;
    let other = SecretKey::generate(size, Profile::DjnShort, &mut rng(99));
    let elsewhere = Agreement::new(manifest.clone(), other.public().clone()).unwrap();
    let shaken = Handshake::sign(
        Role::Provider,
        &people.provider,
        &elsewhere,
        &session.secrets[1],
    );
    let refused = Error::BadSignature {
        role: Role::Provider,
    };
    assert_eq!(
        shaken.verify(Role::Provider, &session.agreement),
        Err(refused.clone())
    );

    let changed = Manifest {
        querier_nonce: [0; 32],
        ..manifest.clone()
    };
    let changed = Agreement::new(changed, key(Profile::DjnShort).public().clone()).unwrap();
    let shaken = Handshake::sign(
        Role::Provider,
        &people.provider,
        &changed,
        &session.secrets[1],
    );
    assert_eq!(
        shaken.verify(Role::Provider, &session.agreement),
        Err(refused)
    );
    // The right bytes in the wrong role, and by the wrong person.
    let shaken = Handshake::sign(
        Role::Querier,
        &people.querier,
        &session.agreement,
        &session.secrets[0],
    );
    assert_eq!(
        shaken.verify(Role::Provider, &session.agreement),
        Err(Error::BadSignature {
            role: Role::Provider
        })
    );
    let shaken = Handshake::sign(
        Role::Querier,
        &people.provider,
        &session.agreement,
        &session.secrets[0],
    );
    assert_eq!(
        shaken.verify(Role::Querier, &session.agreement),
        Err(Error::BadSignature {
            role: Role::Querier
        })
    );
    // An announcement of another key than was signed.
    let mut bytes =
        KeyAnnouncement::sign(&people.keyholder, &session.agreement, &session.secrets[2]).encode();
    bytes[4 + 256 - 1] ^= 2;
    let announced = KeyAnnouncement::decode(&bytes).unwrap();
    let refused = announced.accept(manifest.clone(), &mut rng(1)).unwrap_err();
    assert!(matches!(
        refused,
        Error::BadSignature {
            role: Role::KeyHolder
        } | Error::BadPublicKey(_)
    ));
    let half = Manifest {
        terms: Terms {
            profile: Profile::DjnHalf,
            ..manifest.terms.clone()
        },
        ..manifest
    };
    let refused = Agreement::new(half, key(Profile::DjnShort).public().clone()).unwrap_err();
    assert_eq!(
        refused,
        Error::ManifestMismatch {
            field: "public key"
        }
    );
}

#[test]
fn weak_public_keys_are_refused() {
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 12).unwrap();
    let public = key(Profile::DjnShort).public().clone();
    let (n, size) = (public.n().clone(), public.size());
    let refuse = |n: BigUint, h: BigUint| {
        PublicKey::new(&n, &h, Profile::DjnShort, size, &mut rng(1)).is_err()
    };
    assert!(refuse(n.clone(), BigUint::from(1_u8)));
    assert!(refuse(n.clone(), &n - 1_u8));
    assert!(refuse(&n + 1_u8, public.h().clone()));
    assert!(refuse(&n >> 1_u8, BigUint::from(5_u8)));
    assert_eq!(
        session.agreement.public_key().fingerprint(),
        public.fingerprint()
    );
}

#[test]
fn policies_are_kept() {
    let manifest = session(terms(TableKind::Cuckoo), 64, 64, None, 13)
        .unwrap()
        .agreement
        .manifest()
        .clone();
    assert!(manifest.sizes().is_ok());
    let policy = crate::common::policy();
    assert_eq!(manifest.check(&policy, 1), Ok(()));
    let at = manifest.terms.expires;
    assert_eq!(
        manifest.check(&policy, at),
        Err(Error::ManifestExpired { at })
    );
    for (policy, word) in [
        (Policy::default(), "2048"),
        (
            Policy {
                most_table_entries: 951,
                ..policy.clone()
            },
            "952 places",
        ),
        (
            Policy {
                most_comparisons: 127,
                ..policy.clone()
            },
            "comparisons",
        ),
        (
            Policy {
                most_matches: 10,
                ..policy.clone()
            },
            "cap",
        ),
    ] {
        let refused = manifest.check(&policy, 1).unwrap_err();
        assert!(
            refused.to_string().contains(word) && refused.fault() == Fault::Refused,
            "{refused}"
        );
    }
}

#[test]
fn contradictions_are_refused() {
    let plain = terms(TableKind::Cuckoo);
    for bad in [
        Terms {
            rules: vec![],
            ..plain.clone()
        },
        Terms {
            rules: vec!["a".into(), "a".into()],
            ..plain.clone()
        },
        Terms {
            rules: vec!["a\0b".into()],
            ..plain.clone()
        },
        Terms {
            blind: true,
            dummies: Some(Dummies::default()),
            ..plain.clone()
        },
        Terms {
            mode: Mode::Lookup,
            ..plain.clone()
        },
        Terms {
            mask: Mask::Full,
            ..terms(TableKind::Okvs)
        },
        Terms {
            mask: Mask::Full,
            mode: Mode::Lookup,
            blind: true,
            ..plain.clone()
        },
    ] {
        assert!(
            matches!(bad.check(), Err(Error::ManifestContradiction { .. })),
            "{bad:?}"
        );
    }
    let clauses = vec![Clause {
        rule: 0,
        parts: vec![0],
        weight: 1,
    }];
    let pairs = Mode::Pairwise(Pairwise {
        parts: 1,
        clauses,
        threshold: None,
    });
    let without_blocks = Terms {
        mode: pairs,
        canaries: 0,
        ..plain.clone()
    };
    let refused = session(without_blocks, 64, 64, None, 1).err();
    assert_eq!(
        refused,
        Some(Error::ManifestContradiction {
            reason: "pairs without cells"
        })
    );
    for sizes in [[63, 64], [64, 1 << 40], [1 << 40, 64]] {
        assert!(matches!(
            session(plain.clone(), sizes[0], sizes[1], None, 1),
            Err(Error::ManifestContradiction { .. })
        ));
    }
    assert_eq!(size_class(63), 64);
}

#[test]
fn too_many_keys_are_refused_before_anything_is_sent() {
    let (ours, theirs, _) = population(14, 61, 61, 0);
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 14).unwrap();
    let too_many = Error::TooMany {
        count: 65,
        room: 64,
    };
    let refused = send_table(&session, querier_keys(ours.iter().map(String::as_str))).unwrap_err();
    assert_eq!((refused.fault(), refused), (Fault::Input, too_many.clone()));
    let (_, table) = send_table(&session, querier_keys(["a"])).unwrap();
    let keys = provider_keys(theirs.iter().map(String::as_str));
    assert_eq!(take_table(&session, &keys, &table).unwrap_err(), too_many);
}

#[test]
fn messages_decode_only_whole_and_unaltered() {
    let people = people();
    let session = session(terms(TableKind::Okvs), 64, 64, None, 15).unwrap();
    let manifest = session.agreement.manifest().encode();
    let published = published();
    let offer = Offer::new(terms(TableKind::Cuckoo), &published, 320, None, &mut rng(1))
        .unwrap()
        .encode();
    let published = published.encode();
    let answer = Answer::new(&mut rng(1)).encode();
    let shaken = Handshake::sign(
        Role::Querier,
        &people.querier,
        &session.agreement,
        &session.secrets[0],
    )
    .encode();
    let announced =
        KeyAnnouncement::sign(&people.keyholder, &session.agreement, &session.secrets[2]).encode();
    let messages: [(&[u8], Decodes); 6] = [
        (&manifest, |bytes| Manifest::decode(bytes).is_ok()),
        (&offer, |bytes| Offer::decode(bytes).is_ok()),
        (&answer, |bytes| Answer::decode(bytes).is_ok()),
        (&published, |bytes| Published::decode(bytes).is_ok()),
        (&shaken, |bytes| Handshake::decode(bytes).is_ok()),
        (&announced, |bytes| KeyAnnouncement::decode(bytes).is_ok()),
    ];
    for (bytes, decodes) in messages {
        assert!(decodes(bytes));
        assert!((0..bytes.len()).all(|length| !decodes(&bytes[..length])));
        assert!(!decodes(&[bytes, &[0]].concat()));
    }
    // Whatever else arrives is refused or read, but never panics.
    let mut rng = rng(16);
    for (bytes, decodes) in messages {
        for _ in 0..2000 {
            let mut changed = bytes.to_vec();
            for _ in 0..=rng.next_u32() % 4 {
                let at = rng.next_u32() as usize % changed.len();
                changed[at] = rng.next_u32().to_le_bytes()[0];
            }
            changed.truncate(changed.len() - rng.next_u32() as usize % 3);
            decodes(&changed);
        }
    }
    // No two manifests share an encoding: a changed byte is refused, or changes the digest.
    let digest = session.agreement.manifest_digest();
    for at in 0..manifest.len() {
        let mut changed = manifest.clone();
        changed[at] ^= 1;
        assert!(
            !Manifest::decode(&changed).is_ok_and(|m| m.digest() == digest),
            "byte {at}"
        );
    }
}
