//! What memory is taken, and what is left in it.

use blindjoin_bigint::Naturals;
use blindjoin_bigint::watch::Watching;
use blindjoin_protocol::Error;
use blindjoin_protocol::agree::{Mask, Mode, TableKind, Terms};
use blindjoin_protocol::paillier::Profile;
use blindjoin_protocol::parts::{Fingerprints, Suite, TableIntake};

use crate::common::{
    key, provider_keys, querier_keys, rng, send_comparisons, send_table, session, take_table, terms,
};

#[global_allocator]
static ALLOCATOR: Watching = Watching;

#[test]
fn fingerprints_are_erased() {
    let keys = Fingerprints::from_keys(Suite::J89, &[1; 32], &[2; 32], &[3; 32]);
    let control = keys.fingerprint(b"id", b"control");
    let seen = Watching::left_behind(control, || drop(vec![0, control, 0]));
    assert_eq!(seen, 1, "what is not erased is seen");

    let plain = terms(TableKind::Cuckoo);
    let full = Terms {
        mask: Mask::Full,
        ..plain.clone()
    };
    let lookup = Terms {
        mode: Mode::Lookup,
        blind: true,
        ..plain.clone()
    };
    for (terms, field, querier_size) in [
        (plain, &b"id"[..], 64),
        (terms(TableKind::Okvs), b"okvs", 64),
        (full, b"id", 64),
        (lookup, b"id", 5),
    ] {
        let name = format!("{:?}, {:?}", terms.mode, terms.mask);
        let session = session(terms, querier_size, 64, None, 41).unwrap();
        let fingerprints = session
            .querier_to_provider
            .fingerprints(session.agreement.suite());
        let secret = fingerprints.fingerprint(field, b"id\0somebody");
        let querier = Watching::left_behind(secret, || {
            let keys = querier_keys(["somebody"]);
            drop(send_table(&session, keys).unwrap());
        });
        assert_eq!(querier, 0, "the querier's, {name}");
        let keys = querier_keys(["somebody"]);
        let (_, table) = send_table(&session, keys).unwrap();
        let keys = provider_keys(["anybody", "somebody"]);
        let provider = Watching::left_behind(secret, || {
            let provider = take_table(&session, &keys, &table).unwrap();
            drop(send_comparisons(&session, &provider).unwrap());
        });
        assert_eq!(provider, 0, "the provider's, {name}");
    }
}

#[test]
fn a_table_takes_memory_as_it_arrives() {
    // Thirty million places, ten gigabytes if they were all there.
    let large = session(terms(TableKind::Cuckoo), 10 << 20, 64, None, 42).unwrap();
    assert_eq!(large.agreement.sizes().table_entries(), 30 << 20);
    let geometry = large.agreement.sizes().table();
    let public = key(Profile::DjnShort).public().clone();
    let zeros = Naturals::zero(geometry.per_chunk(), 64);
    let chunk = public.encode(&public.encrypt_random(&zeros, &mut rng(42)).unwrap());
    let (intake, announced) = Watching::largest(|| TableIntake::new(&large.agreement));
    assert!(announced < 1 << 16, "{announced} bytes for an announcement");
    let (intake, arrived) = Watching::largest(|| {
        let check = |number| TableIntake::check(&large.agreement, number, &chunk).unwrap();
        let intake = intake.take(&check(0)).unwrap();
        intake.take(&check(1)).unwrap()
    });
    assert!(arrived < 8 * chunk.len(), "{arrived} bytes for two chunks");
    drop(intake);

    // No more is taken than was announced.
    let small = session(terms(TableKind::Cuckoo), 64, 64, None, 42).unwrap();
    let entries = small.agreement.sizes().table().items();
    let zeros = Naturals::zero(usize::try_from(entries).unwrap(), 64);
    let whole = public.encode(&public.encrypt_random(&zeros, &mut rng(43)).unwrap());
    let check = |number| TableIntake::check(&small.agreement, number, &whole);
    TableIntake::new(&small.agreement)
        .take(&check(0).unwrap())
        .unwrap();
    let refused = check(1).unwrap_err();
    assert_eq!(refused, Error::StreamSize { stream: "table" });
}
