//! What the parties sign: handshakes, and the key holder's announcement of its key.

use blindjoin_protocol::parts::{Handshake, KeyAnnouncement};

use crate::session::{SESSION, rng};
use crate::wire::canonical;

/// Reads a handshake; only the bytes that a party of the session signed verify.
pub fn handshake(input: &[u8]) -> bool {
    let decoded = canonical(input, Handshake::decode, Handshake::encode);
    let Some(handshake) = decoded else {
        return false;
    };
    let mut verified = false;
    for (role, signed) in &SESSION.handshakes {
        if let Ok(peer) = handshake.verify(*role, &SESSION.agreement) {
            assert_eq!(peer.role(), *role);
            assert_eq!(handshake, *signed, "nobody signed this");
            verified = true;
        }
    }
    verified
}

/// Reads an announcement and checks its key; only the one that the key holder signed is accepted.
pub fn announcement(input: &[u8]) -> bool {
    let decoded = canonical(input, KeyAnnouncement::decode, KeyAnnouncement::encode);
    let Some(announcement) = decoded else {
        return false;
    };
    let manifest = SESSION.agreement.manifest().clone();
    let accepted = announcement.accept(manifest, &mut rng(3));
    if let Ok((agreement, _)) = &accepted {
        assert_eq!(announcement, SESSION.announcement, "nobody signed this");
        assert_eq!(agreement.session_id(), SESSION.agreement.session_id());
    }
    accepted.is_ok()
}
