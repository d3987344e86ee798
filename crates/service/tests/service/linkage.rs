//! Whole linkages over real sockets and mutual TLS.

use crate::common::{Setup, options};
use blindjoin_protocol::Cell;
use blindjoin_protocol::agree::{Mask, TableKind};
use blindjoin_service::config::LinkOptions;

const OURS: [[Option<&str>; 2]; 4] = [
    [Some("1"), Some("ADA")],
    [Some("2"), Some("BEN")],
    [None, Some("EVE")],
    [None, None],
];
const THEIRS: [[Option<&str>; 2]; 3] = [
    [Some("2"), Some("EVE")],
    [Some("3"), Some("ADA")],
    [None, Some("ADA")],
];

fn expected() -> Vec<Vec<Cell>> {
    use Cell::{Matched as M, NoValue as V, NotMatched as N};
    vec![vec![N, M], vec![M, N], vec![V, M], vec![V, V]]
}

async fn check(options: &LinkOptions) {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    // Twice: a server serves more than one session.
    for _ in 0..2 {
        let linked = setup.link(&counterparts, options, &OURS).await.unwrap();
        let rows: Vec<Vec<Cell>> = (0..4).map(|row| linked.card.row(row).to_vec()).collect();
        assert_eq!(rows, expected());
        assert_eq!(linked.card.notes().spurious, 0);
    }
    provider.stop().await;
    keyholder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cuckoo_table_links() {
    check(&LinkOptions {
        table: Some(TableKind::Cuckoo),
        ..options()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_value_store_links() {
    check(&LinkOptions {
        table: Some(TableKind::Okvs),
        ..options()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counting_key_holder_links() {
    check(&LinkOptions {
        counting: Some(true),
        ..options()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_counts_link() {
    check(&LinkOptions {
        hide_count: true,
        ..options()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_full_mask_links() {
    check(&LinkOptions {
        mask: Mask::Full,
        ..options()
    })
    .await;
}
