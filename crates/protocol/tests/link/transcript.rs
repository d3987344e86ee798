//! What an observer counts depends on public parameters only.

use blindjoin_protocol::agree::{Mask, Mode, TableKind, Terms};
use blindjoin_protocol::paillier::Profile;
use blindjoin_protocol::parts::Dummies;
use sha2::{Digest as _, Sha256};

use crate::common::{Transcript, link, population, terms};
use crate::pairwise::two_linkages;

type Lengths = [Vec<usize>; 4];

fn lengths(transcript: &Transcript) -> Lengths {
    let of = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).collect();
    [
        of(&transcript.table),
        of(&transcript.comparisons),
        of(&transcript.result),
        vec![transcript.summary.len()],
    ]
}

#[test]
fn lengths_do_not_depend_on_records() {
    let plain = terms(TableKind::Cuckoo);
    let variants = [
        plain.clone(),
        Terms {
            blind: true,
            ..plain.clone()
        },
        Terms {
            dummies: Some(Dummies::default()),
            ..plain.clone()
        },
        Terms {
            mask: Mask::Full,
            ..plain
        },
        terms(TableKind::Okvs),
        Terms {
            blind: true,
            ..terms(TableKind::Okvs)
        },
    ];
    for terms in variants {
        // Sizes of one class, canaries included: 49..=60 and 61..=76.
        let seen: Vec<Lengths> = [(50, 61, 0), (60, 70, 31), (55, 76, 7)]
            .into_iter()
            .enumerate()
            .map(|(seed, (ours, theirs, common))| {
                let (ours, theirs, _) = population(seed as u64, ours, theirs, common);
                lengths(&link(terms.clone(), &ours, &theirs, seed as u64).unwrap().1)
            })
            .collect();
        assert!(seen.iter().all(|lengths| *lengths == seen[0]), "{terms:?}");
    }
}

#[test]
fn lookups_look_alike() {
    let terms = Terms {
        mode: Mode::Lookup,
        blind: true,
        canaries: 1,
        ..terms(TableKind::Cuckoo)
    };
    let (_, theirs, _) = population(1, 0, 70, 0);
    let seen = [theirs[3].clone(), "nobody".to_owned()]
        .map(|id| lengths(&link(terms.clone(), &[id], &theirs, 1).unwrap().1));
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn the_published_counts_are_the_sizes() {
    let counts = |terms: Terms, querier: u64, provider: u64| {
        let session = crate::common::session(terms, querier, provider, None, 1).unwrap();
        let sizes = session.agreement.sizes();
        (
            sizes.table_entries(),
            sizes.comparison_ciphertexts(),
            sizes.positions(),
        )
    };
    assert_eq!(
        counts(terms(TableKind::Cuckoo), 1024, 2048),
        (7604, 4096, 4096)
    );
    let dummies = Terms {
        dummies: Some(Dummies::default()),
        ..terms(TableKind::Cuckoo)
    };
    assert_eq!(
        counts(dummies, 1024, 2048).1,
        4096 + 220,
        "as cuckoo compares twice"
    );
    assert_eq!(counts(terms(TableKind::Okvs), 1024, 2048).1, 2048);
    let lookup = Terms {
        mode: Mode::Lookup,
        blind: true,
        canaries: 1,
        ..terms(TableKind::Cuckoo)
    };
    // Four slots at 1024 bits; two entries, each of which may end in a partly filled pack.
    assert_eq!(
        counts(lookup, 2, 2048),
        (
            2,
            (2048_u64 + 3 * 2).div_ceil(4),
            (2048_u64 + 6).div_ceil(4) * 4
        )
    );
}

/// What the same secrets, keys and inputs have sent since this was recorded: a change of these bytes is
/// a change of the protocol, or of how a key is made.
#[test]
fn every_way_of_comparing_sends_the_bytes_it_always_has() {
    let (cuckoo, okvs) = (terms(TableKind::Cuckoo), terms(TableKind::Okvs));
    let blind = |terms: &Terms| Terms {
        blind: true,
        ..terms.clone()
    };
    let full = |terms: &Terms| Terms {
        mask: Mask::Full,
        ..terms.clone()
    };
    let blurred = |terms: &Terms| Terms {
        dummies: Some(Dummies::default()),
        ..terms.clone()
    };
    let half = Terms {
        profile: Profile::DjnHalf,
        ..okvs.clone()
    };
    let lookup = Terms {
        mode: Mode::Lookup,
        ..blind(&cuckoo)
    };
    let joins = [
        (cuckoo.clone(), 40, 1300, "[61, 78, b6, bb]"),
        (blind(&cuckoo), 40, 60, "[dd, 7e, 3e, 2c]"),
        (blurred(&cuckoo), 40, 60, "[39, 56, 70, ff]"),
        (full(&cuckoo), 40, 50, "[22, 29, f1, b1]"),
        (blind(&full(&cuckoo)), 40, 50, "[95, be, 09, d3]"),
        (okvs.clone(), 300, 1300, "[69, bd, 2c, fd]"),
        (blind(&okvs), 40, 60, "[31, d8, 79, 2f]"),
        (blurred(&okvs), 40, 60, "[6c, 92, 7b, ef]"),
        (half, 40, 60, "[9b, 3f, 8d, 91]"),
        (lookup, 1, 900, "[8b, cd, 2b, bc]"),
    ];
    let joined = joins.map(|(terms, ours, theirs, recorded)| {
        let name = format!("{:?}, {:?}, {}", terms.mode, terms.mask, terms.blind);
        let (ours, theirs, _) = population(9, ours, theirs, ours / 2);
        (name, link(terms, &ours, &theirs, 9).unwrap().1, recorded)
    });
    let pairs = two_linkages().into_iter().zip(PAIRS);
    let pairs = pairs.map(|(transcript, recorded)| ("pairs".to_owned(), transcript, recorded));
    let of = |(name, transcript, recorded): (String, Transcript, &'static str)| {
        let chunks = transcript.table.iter().chain(&transcript.comparisons);
        let chunks = chunks
            .chain(&transcript.result)
            .chain([&transcript.summary]);
        let digest = chunks.fold(Sha256::new(), Sha256::chain_update).finalize();
        let seen = format!("{:02x?}", &digest[..4]);
        ((name.clone(), seen), (name, recorded.to_owned()))
    };
    let (seen, recorded): (Vec<_>, Vec<_>) = joined.into_iter().chain(pairs).map(of).unzip();
    assert_eq!(seen, recorded);
}

/// Of [`two_linkages`].
const PAIRS: [&str; 2] = ["[c3, 04, 53, f6]", "[97, e7, db, 62]"];
