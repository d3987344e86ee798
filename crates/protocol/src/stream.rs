//! Ordered, sealed streams: chunks, their numbers, and the digest that closes them.
//!
//! A stream is a value. It is consumed by every step, so after an error there is none left to
//! misuse. Chunk 0 opens with a head that repeats what the manifest determines, the last chunk
//! ends with the SHA-256 of everything before it, and every chunk is sealed with ChaCha20-Poly1305
//! under the stream's number, the key holder's, the shard's and its own, and under the session and
//! whether it is the last. The same payloads
//! seal to the same bytes, so a chunk is resent, never remade.

pub(crate) mod checkpoint;
pub(crate) mod head;
pub(crate) mod inbound;
pub(crate) mod kind;
pub(crate) mod outbound;
mod seal;

pub use checkpoint::StreamCheckpoint;
pub use inbound::{Ended, Inbound};
pub use kind::{Account, StreamDigest, StreamKind};
pub use outbound::Outbound;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Channel;
    use crate::error::Error;
    use crate::geometry::Geometry;
    use crate::role::Role;
    use crate::stream::head::Head;
    use crate::widths;

    fn pair(geometry: Geometry, expected: Geometry) -> (Outbound, Inbound) {
        let channel = Channel::for_tests([Role::Querier, Role::Provider]);
        let head = |geometry| Head {
            geometry,
            about: None,
            failed: false,
        };
        let outbound = Outbound::new(&channel, StreamKind::Table, head(geometry));
        (
            outbound,
            Inbound::new(&channel, StreamKind::Table, head(expected)),
        )
    }

    #[test]
    fn a_stream_of_another_size_is_refused_at_its_first_chunk() {
        let geometry = |items, width| Geometry::new(items, width, 4);
        for (sent, expected) in [
            (geometry(9, 3), geometry(10, 3)),
            (geometry(9, 3), geometry(9, 4)),
            (Geometry::new(9, 3, 8), geometry(9, 3)),
        ] {
            let (outbound, inbound) = pair(sent, expected);
            let (_, chunk) = outbound
                .seal(&vec![1; sent.per_chunk() * sent.item_bytes()])
                .unwrap();
            let refused = inbound.open(0, &chunk).unwrap_err();
            assert_eq!(refused, Error::StreamSize { stream: "table" });
        }
    }

    #[test]
    fn payloads_of_another_length_are_not_sealed() {
        let geometry = Geometry::new(5, 3, 4);
        for length in [0, 11, 13] {
            let (outbound, _) = pair(geometry, geometry);
            let refused = outbound.seal(&vec![0; length]).unwrap_err();
            assert_eq!(refused, Error::StreamSize { stream: "table" });
        }
    }

    #[test]
    fn both_ends_account_for_the_same_stream() {
        let geometry = Geometry::new(5, 3, 4);
        let (mut outbound, mut inbound) = pair(geometry, geometry);
        for payload in [[7; 12].as_slice(), &[8; 3]] {
            assert!(outbound.account().is_err() && !inbound.is_closed());
            let number = outbound.next();
            let (sent, chunk) = outbound.seal(payload).unwrap();
            let (received, opened) = inbound.open(number, &chunk).unwrap();
            assert_eq!(opened, payload);
            (outbound, inbound) = (sent, received);
        }
        assert!(inbound.is_closed());
        let sent = outbound.account().unwrap();
        assert_eq!(sent, inbound.end().unwrap().account);
        assert!(matches!(outbound.seal(&[]), Err(Error::StreamState { .. })));
    }

    #[test]
    fn an_answer_has_as_many_entries_as_are_due_and_says_what_it_is_about() {
        let channel = Channel::for_tests([Role::KeyHolder, Role::Querier]);
        let about = Some(Account {
            ciphertexts: 9,
            digest: StreamDigest([5; 32]),
        });
        for (items, fits) in [(128, true), (64, false), (127, false), (256, false)] {
            let head = Head {
                geometry: Geometry::new(items, 2, 1000),
                about,
                failed: false,
            };
            let outbound = Outbound::new(&channel, StreamKind::Result, head);
            let (_, chunk) = outbound.seal(&vec![0; 2 * widths::index(items)]).unwrap();
            let due = Geometry::new(128, 2, 1000);
            let opened = Inbound::answer(&channel, StreamKind::Result, due).open(0, &chunk);
            assert_eq!(opened.is_ok(), fits, "{items} entries");
            if let Ok((inbound, _)) = opened {
                assert_eq!(inbound.end().unwrap().about, about);
            }
        }
    }
}
