//! What is stored is taken up whole, and by whom it belongs to, or not at all.

use blindjoin_protocol::Error;
use blindjoin_protocol::agree::TableKind;
use blindjoin_protocol::parts::StreamCheckpoint;
use blindjoin_protocol::session::Checkpoint;

use crate::common::{querier_keys, seal_all, send_table, session, terms};

#[test]
fn a_checkpoint_of_another_stream_is_refused() {
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 2).unwrap();
    let (querier, _) = send_table(&session, querier_keys(["a"])).unwrap();
    let table = querier.table_stream(&session.querier_to_provider);
    let other = crate::common::session(terms(TableKind::Cuckoo), 448, 1536, None, 1).unwrap();
    let (elsewhere, _) = send_table(&other, querier_keys(["a"])).unwrap();
    let elsewhere = elsewhere.table_stream(&other.querier_to_provider);
    let malformed = Error::Malformed { what: "checkpoint" };
    let checkpoint = elsewhere.checkpoint();
    assert_eq!(table.resume(&checkpoint).unwrap_err(), malformed);
    let summary = querier.summary_stream(&session.querier_to_provider);
    let table = querier.table_stream(&session.querier_to_provider);
    assert_eq!(summary.resume(&table.checkpoint()).unwrap_err(), malformed);
    let bytes = table.checkpoint().as_bytes().to_vec();
    for length in 0..bytes.len() {
        let table = querier.table_stream(&session.querier_to_provider);
        assert!(
            table
                .resume(&StreamCheckpoint::from_bytes(&bytes[..length]))
                .is_err()
        );
    }
    let (_, sealed) = seal_all(
        table.resume(&StreamCheckpoint::from_bytes(&bytes)).unwrap(),
        |i| querier.table_chunk(i),
    )
    .unwrap();
    assert_eq!(sealed.len(), 1);
}

#[test]
fn checkpoints_decode_only_whole_and_unaltered() {
    let bytes = Checkpoint::default().encode();
    assert!(Checkpoint::decode(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Checkpoint::decode(&bytes[..length]).is_err());
    }
    let longer = [&bytes[..], &[0]].concat();
    let malformed = Error::Malformed { what: "checkpoint" };
    assert_eq!(Checkpoint::decode(&longer).unwrap_err(), malformed);
}
