//! Every check a receiver makes, with the error it makes.

use blindjoin_bigint::Lookup;
use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::paillier::{Profile, SecretKey};
use blindjoin_protocol::parts::{KeyHolder, Provider, Querier, TableIntake};
use blindjoin_protocol::{Cell, Error, Fault};
use num_bigint::BigUint;

use crate::common::{
    Session, decide, key, link, matched, open_result, population, provider_keys, querier_keys, rng,
    run, seal_all, send_comparisons, send_result, send_table, session, take_table, terms,
};

/// A cuckoo session of two small lists, stopped before the result is sent.
struct Stopped {
    session: Session,
    querier: Querier,
    provider: Provider,
    table: Vec<Vec<u8>>,
    comparisons: Vec<Vec<u8>>,
    summary: Vec<u8>,
}

fn stopped(seed: u64) -> Stopped {
    let (ours, theirs, _) = population(seed, 30, 40, 10);
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, seed).unwrap();
    let keys = querier_keys(ours.iter().map(String::as_str));
    let (querier, table) = send_table(&session, keys).unwrap();
    let keys = provider_keys(theirs.iter().map(String::as_str));
    let provider = take_table(&session, &keys, &table).unwrap();
    let (comparisons, summary) = send_comparisons(&session, &provider).unwrap();
    Stopped {
        session,
        querier,
        provider,
        table,
        comparisons,
        summary,
    }
}

/// Entries of a result payload: position and masked label.
fn entries(payload: &[u8]) -> Vec<(u64, u64)> {
    payload
        .chunks(8 + 7)
        .map(|e| {
            let (position, label) = e.split_at(8);
            (
                u64::from_be_bytes(position.try_into().unwrap()),
                label
                    .iter()
                    .fold(0, |acc, &byte| acc << 8 | u64::from(byte)),
            )
        })
        .collect()
}

/// What a cheating key holder does to its list.
type Change = fn(&Session, &mut Vec<(u64, u64)>);

/// Opens a result whose entries the key holder has changed.
fn with_changed_result(
    seed: u64,
    change: impl Fn(&Session, &mut Vec<(u64, u64)>),
) -> Result<blindjoin_protocol::Card, Error> {
    let Stopped {
        session,
        querier,
        comparisons,
        summary,
        ..
    } = stopped(seed);
    let released = decide(&session, &comparisons).unwrap();
    let result = send_result(&session, &released, |payload| {
        let mut list = entries(&payload);
        let length = list.len();
        list.retain(|(position, _)| *position != u64::MAX);
        change(&session, &mut list);
        list.resize(length, (u64::MAX, 0));
        list.iter()
            .flat_map(|(p, l)| [&p.to_be_bytes()[..], &l.to_be_bytes()[1..]].concat())
            .collect()
    })
    .unwrap();
    open_result(&session, &querier, &result, &summary)
}

#[test]
fn honest_results_pass() {
    let card = with_changed_result(1, |_, _| {}).unwrap();
    assert_eq!(matched(&card).len(), 10);
}

#[test]
fn a_key_holder_that_drops_results_is_found_out() {
    let refused = with_changed_result(1, |_, list| list.clear());
    assert_eq!(
        refused,
        Err(Error::CanaryMissing {
            missing: 4,
            placed: 4
        })
    );
}

#[test]
fn one_identifier_matched_twice_is_refused() {
    let refused = with_changed_result(1, |session, list| {
        let keys = session
            .querier_to_provider
            .fingerprints(session.agreement.suite());
        let (position, label) = list[0];
        let other = (0..128).find(|p| list.iter().all(|(q, _)| p != q)).unwrap();
        list.push((other, keys.cover(other, keys.uncover(position, label))));
        list.sort_unstable();
    });
    assert_eq!(refused, Err(Error::MatchedTwice));
}

#[test]
fn invented_labels_change_nothing_and_more_than_chance_explains_end_all() {
    let invented = |count: usize| {
        with_changed_result(1, |_, list| {
            let free: Vec<u64> = (0..128)
                .filter(|p| list.iter().all(|(q, _)| p != q))
                .take(count)
                .collect();
            list.extend(free.iter().map(|&position| (position, 0x1234_5678)));
            list.sort_unstable();
        })
    };
    let card = invented(2).unwrap();
    assert_eq!((matched(&card).len(), card.notes().spurious), (10, 2));
    assert_eq!(invented(3), Err(Error::Spurious { labels: 3 }));
}

#[test]
fn positions_ascend_inside_the_stream() {
    let refusals: [Change; 3] = [
        |_, list| list.swap(0, 1),
        |_, list| list[1].0 = list[0].0,
        |_, list| list.last_mut().unwrap().0 = 128,
    ];
    for change in refusals {
        assert_eq!(with_changed_result(1, change), Err(Error::ResultPositions));
    }
}

#[test]
fn chunks_are_refused_out_of_order_altered_or_from_elsewhere() {
    let Stopped {
        session,
        table,
        comparisons,
        ..
    } = stopped(2);
    let keys = provider_keys(["a"]);
    let refuse = |table: &[Vec<u8>]| take_table(&session, &keys, table).unwrap_err();
    let stream = "table";
    // At 1024 bits a table of 952 entries is one chunk; the comparisons are too.
    assert_eq!(table.len(), 1);
    assert_eq!(
        refuse(&[]),
        Error::StreamState {
            stream,
            state: "unfinished",
            chunks: 0
        }
    );
    let twice = [table[0].clone(), table[0].clone()];
    assert_eq!(
        refuse(&twice),
        Error::StreamState {
            stream,
            state: "closed",
            chunks: 1
        }
    );
    for at in [0, 1, 100, table[0].len() - 1] {
        let mut altered = table[0].clone();
        altered[at] ^= 1;
        assert_eq!(
            refuse(&[altered]),
            Error::ChunkNotAuthentic { stream, number: 0 },
            "byte {at}"
        );
    }
    for length in [0, 1, 17, table[0].len() - 1] {
        let cut = table[0][..length].to_vec();
        assert_eq!(
            refuse(&[cut]),
            Error::ChunkNotAuthentic { stream, number: 0 }
        );
    }
    let mut extended = table[0].clone();
    extended.push(0);
    assert_eq!(
        refuse(&[extended]),
        Error::ChunkNotAuthentic { stream, number: 0 }
    );
    assert_eq!(
        refuse(&[comparisons[0].clone()]),
        Error::ChunkNotAuthentic { stream, number: 0 }
    );
    let other = stopped(3);
    assert_eq!(
        refuse(&other.table),
        Error::ChunkNotAuthentic { stream, number: 0 }
    );
    let stream = "stream";
    let refused = decide(&session, &other.comparisons).unwrap_err();
    assert_eq!(refused, Error::ChunkNotAuthentic { stream, number: 0 });
    assert_eq!(refused.fault(), Fault::Peer);
}

#[test]
fn longer_streams_keep_their_order() {
    let (ours, theirs, _) = population(4, 200, 10, 5);
    let session = session(terms(TableKind::Cuckoo), 224, 64, None, 4).unwrap();
    let (_, table) = send_table(&session, querier_keys(ours.iter().map(String::as_str))).unwrap();
    assert_eq!(table.len(), 3);
    let keys = provider_keys(theirs.iter().map(String::as_str));
    let refuse = |order: &[usize]| {
        let table: Vec<Vec<u8>> = order.iter().map(|&i| table[i].clone()).collect();
        take_table(&session, &keys, &table).unwrap_err()
    };
    let stream = "table";
    assert_eq!(
        refuse(&[1, 0, 2]),
        Error::ChunkNotAuthentic { stream, number: 0 }
    );
    assert_eq!(
        refuse(&[0, 0, 1]),
        Error::ChunkNotAuthentic { stream, number: 1 }
    );
    assert_eq!(
        refuse(&[0, 2]),
        Error::ChunkNotAuthentic { stream, number: 1 }
    );
    assert_eq!(
        refuse(&[0, 1]),
        Error::StreamState {
            stream,
            state: "unfinished",
            chunks: 2
        }
    );
    let intake = TableIntake::new(&session.agreement);
    let opened = intake
        .stream(&session.provider_to_querier)
        .open(1, &table[1])
        .unwrap_err();
    assert_eq!(
        opened,
        Error::ChunkOutOfOrder {
            stream,
            expected: 0,
            got: 1
        }
    );
}

/// Sends the key holder a batch of a cheating provider's; yields what the key holder's own log may
/// say of it.
fn failing(stopped: &Stopped, batch: &[u8]) -> (Option<Error>, Option<u64>) {
    let session = &stopped.session;
    let stream = stopped
        .provider
        .comparison_stream(&session.provider_to_keyholder);
    let (_, sent) = seal_all(stream, |_| Ok(batch.to_vec())).unwrap();
    let released = decide(session, &sent).unwrap();
    (released.failure().cloned(), released.matches())
}

fn bad_ciphertexts(secret: &SecretKey) -> Vec<(&'static str, Vec<u8>)> {
    let public = secret.public();
    let n2 = public.n() * public.n();
    let [p, _] = secret.primes();
    let wire = |x: &BigUint| {
        let bytes = x.to_bytes_be();
        let mut out = vec![0; public.ciphertext_bytes().saturating_sub(bytes.len())];
        out.extend(bytes);
        out
    };
    vec![
        ("0", wire(&BigUint::ZERO)),
        ("n", wire(public.n())),
        ("n²", wire(&n2)),
        ("above n²", vec![255; public.ciphertext_bytes()]),
        ("a multiple of p", wire(&(p * 12345_u32))),
        ("p²", wire(&(p * p))),
    ]
}

#[test]
fn malformed_ciphertexts_are_refused_on_both_ends() {
    let stopped = stopped(5);
    let session = &stopped.session;
    let secret = key(Profile::DjnShort);
    let width = session.agreement.sizes().table().item_bytes();
    let table = stopped.querier.table_chunk(0).unwrap();
    let comparisons = {
        let sizes = session.agreement.sizes();
        let plain = blindjoin_bigint::Naturals::zero(
            usize::try_from(sizes.comparison_ciphertexts()).unwrap(),
            64,
        );
        secret
            .public()
            .encode(&secret.public().encrypt_random(&plain, &mut rng(5)).unwrap())
    };
    let keyholder = KeyHolder::new(&session.agreement, key(Profile::DjnShort));
    assert_eq!(failing(&stopped, &comparisons), (None, Some(128)));
    for (name, bad) in bad_ciphertexts(&secret) {
        for at in [0, 17, 127] {
            let mut payload = table.clone();
            payload[at * width..(at + 1) * width].copy_from_slice(&bad);
            let refused = TableIntake::check(&session.agreement, 0, &payload).unwrap_err();
            assert_eq!(
                refused,
                Error::MalformedCiphertext {
                    stream: "table",
                    number: 0
                },
                "{name}"
            );
            let mut payload = comparisons.clone();
            payload[at * width..(at + 1) * width].copy_from_slice(&bad);
            let (failure, matches) = failing(&stopped, &payload);
            let malformed = Error::MalformedCiphertext {
                stream: "stream",
                number: 0,
            };
            assert_eq!((failure, matches), (Some(malformed), None), "{name}");
        }
    }
    let short = &comparisons[..comparisons.len() - width];
    assert_eq!(
        keyholder.decide(0, short),
        Err(Error::StreamSize { stream: "stream" })
    );
    assert_eq!(
        keyholder.decide(1, &comparisons),
        Err(Error::NoSuchBatch {
            number: 1,
            batches: 1
        })
    );
    let short = &table[..table.len() - width];
    let refused = TableIntake::check(&session.agreement, 0, short).unwrap_err();
    assert_eq!(refused, Error::StreamSize { stream: "table" });
}

#[test]
fn plaintexts_beyond_their_slots_are_refused() {
    let secret = key(Profile::DjnShort);
    // Two slots of 252 bits lie below p; the second one's overflow reaches above the pack.
    let mut plain = blindjoin_bigint::Naturals::zero(128, 260);
    plain.item_mut(127)[3] = 1 << 60;
    let payload = secret
        .public()
        .encode(&secret.public().encrypt_random(&plain, &mut rng(6)).unwrap());
    let malformed = Error::MalformedCiphertext {
        stream: "stream",
        number: 0,
    };
    let seen = failing(&stopped(6), &payload);
    assert_eq!(seen, (Some(malformed), None));
}

#[test]
fn the_cap_holds_before_anything_is_let_out() {
    let (ours, theirs, _) = population(7, 20, 20, 20);
    let linked = |match_cap| {
        link(
            Terms {
                match_cap,
                ..terms(TableKind::Okvs)
            },
            &ours,
            &theirs,
            7,
        )
    };
    assert!(linked(24).is_ok());
    assert_eq!(linked(23).unwrap_err(), Error::SessionFailed);
}

/// Wherever a batch is wrong, and whatever is: the provider is answered after all of its stream, the
/// querier is told that the session failed, and what either receives has one length.
#[test]
fn only_the_querier_learns_that_a_session_failed() {
    for (table, blind) in [
        (TableKind::Cuckoo, false),
        (TableKind::Cuckoo, true),
        (TableKind::Okvs, true),
    ] {
        let (ours, theirs, _) = population(4, 20, 1300, 5);
        let terms = Terms {
            blind,
            ..terms(table)
        };
        let session = session(terms, 64, 1536, None, 4).unwrap();
        let keys = querier_keys(ours.iter().map(String::as_str));
        let (querier, table) = send_table(&session, keys).unwrap();
        let keys = provider_keys(theirs.iter().map(String::as_str));
        let provider = take_table(&session, &keys, &table).unwrap();
        let batches = provider.comparisons().chunks();
        assert!(batches >= 2);
        let width = provider.comparisons().item_bytes();
        let send = |wrong: Option<u64>| {
            let stream = provider.comparison_stream(&session.provider_to_keyholder);
            let (stream, comparisons) = seal_all(stream, |number| {
                let mut batch = provider.compare(number)?;
                if wrong == Some(number) {
                    batch[..width].fill(0);
                }
                Ok(batch)
            })
            .unwrap();
            let account = stream.account().unwrap();
            let summary = provider.summary(&session.provider_to_querier, account);
            let released = decide(&session, &comparisons).unwrap();
            let result = send_result(&session, &released, |payload| payload).unwrap();
            let lengths: Vec<usize> = result.iter().map(Vec::len).collect();
            (
                open_result(&session, &querier, &result, &summary.unwrap()),
                lengths,
            )
        };
        let (card, lengths) = send(None);
        assert_eq!(matched(&card.unwrap()).len(), 5);
        for wrong in [0, batches / 2, batches - 1] {
            assert_eq!(
                send(Some(wrong)),
                (Err(Error::SessionFailed), lengths.clone())
            );
        }
    }
}

#[test]
fn a_retried_batch_is_the_same_and_another_session_is_not() {
    let once = stopped(8);
    let again = stopped(8);
    assert_eq!(
        (&once.table, &once.comparisons, &once.summary),
        (&again.table, &again.comparisons, &again.summary)
    );
    let other = stopped(9);
    assert_ne!(once.comparisons, other.comparisons);
    // Another table under the same secrets: no byte of the masks is used twice.
    let keys = querier_keys(["somebody else"]);
    let (_, table) = send_table(&once.session, keys).unwrap();
    let (_, theirs, _) = population(8, 30, 40, 10);
    let keys = provider_keys(theirs.iter().map(String::as_str));
    let first = take_table(&once.session, &keys, &once.table)
        .unwrap()
        .compare(0)
        .unwrap();
    let second = take_table(&once.session, &keys, &table)
        .unwrap()
        .compare(0)
        .unwrap();
    let width = once.session.agreement.sizes().comparisons().item_bytes();
    assert!(
        first
            .chunks(width)
            .zip(second.chunks(width))
            .all(|(a, b)| a != b)
    );
    // What several key holders would have in common follows from the provider's input alone: what
    // fills the stream, and comparisons with equal entries, show the same residues. What hides them
    // follows from the table too.
    let suite = once.session.agreement.suite();
    let secret = key(Profile::DjnShort);
    let [first, second] =
        [first, second].map(|batch| secret.decrypt_packed(&batch, suite.slot_bits()).unwrap());
    let same = (0..first.len()).filter(|&i| {
        let [one, other] = [&first, &second].map(|plain| plain.to_biguint(i));
        assert_ne!(one, other, "position {i}");
        one % suite.t() == other % suite.t()
    });
    // Of 128, 40 keys and 4 canaries have two each, and the canaries match in both tables.
    assert!((128 - 2 * 44 + 4..128).contains(&same.count()));
}

/// The option changes addresses, never a byte: the same exponents, the same powers.
#[test]
fn tables_read_in_constant_time_yield_the_same_bytes() {
    let (ours, theirs, _) = population(8, 30, 40, 10);
    let keys = provider_keys(theirs.iter().map(String::as_str));
    for table in [TableKind::Cuckoo, TableKind::Okvs] {
        let mut session = session(terms(table), 64, 64, None, 8).unwrap();
        let send = |session: &Session| {
            let ours = querier_keys(ours.iter().map(String::as_str));
            let (_, table) = send_table(session, ours).unwrap();
            let comparisons = take_table(session, &keys, &table).unwrap().compare(0);
            (table, comparisons.unwrap())
        };
        let direct = send(&session);
        session.agreement = session.agreement.with_constant_time_tables(true);
        let lookup = session.agreement.public_key().noise_table().lookup();
        assert_eq!(lookup, Lookup::ConstantTime);
        assert!(send(&session) == direct);
    }
}

#[test]
fn unplaceable_keys_are_reported_as_not_compared() {
    // Three keys with the same two bins have no place for one of them.
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 10).unwrap();
    let keys = session
        .querier_to_provider
        .fingerprints(session.agreement.suite());
    let mut by_bins = std::collections::BTreeMap::<[u32; 2], Vec<String>>::new();
    let ids = (0_u32..)
        .find_map(|i| {
            let id = format!("{i}");
            let same = by_bins
                .entry(keys.bins(format!("id\0{id}").as_bytes(), 476))
                .or_default();
            same.push(id);
            (same.len() == 3).then(|| same.clone())
        })
        .unwrap();
    let ours = ids.iter().map(String::as_str);
    let (card, _) = run(&session, querier_keys(ours.clone()), &provider_keys(ours)).unwrap();
    let cells: Vec<Cell> = (0..3).map(|row| card.row(row)[0]).collect();
    let unplaced = cells
        .iter()
        .filter(|&&cell| cell == Cell::NotCompared)
        .count();
    let found = cells.iter().filter(|&&cell| cell == Cell::Matched).count();
    assert_eq!((found, unplaced, card.notes().unplaced), (2, 1, 1));
}
