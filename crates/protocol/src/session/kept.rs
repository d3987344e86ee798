//! What a party knows for good.

use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::announcement::KeyAnnouncement;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::handshake::Handshake;
use crate::manifest::Manifest;
use crate::random::SessionSecret;
use crate::role::{Role, role_byte};
use crate::session::event::{Action, Pace};
use crate::session::message::Message;
use crate::session::stored::LONGEST;
use crate::session::stored::Stored;
use crate::session::work::{Step, Task, Work};
use crate::signer::Signer;
use crate::stream::checkpoint::StreamCheckpoint;

/// What a party knows for good, whatever it is just doing: its live state follows from this, its input,
/// and what arrives.
pub(super) struct Kept {
    pub(super) role: Role,
    pub(super) manifest: Manifest,
    pub(super) secret: SessionSecret,
    /// The key holder's, as it arrived.
    pub(super) announcement: Option<Vec<u8>>,
    /// The querier's and the provider's, as they arrived.
    pub(super) from_querier: Option<Vec<u8>>,
    pub(super) from_provider: Option<Vec<u8>>,
    /// The digest of this party's own input, once it is in use.
    pub(super) input: Option<[u8; 32]>,
    /// The digest of the table, once the provider uses it.
    pub(super) table: Option<[u8; 32]>,
    /// Where the stream that this party sends stands at its receiver.
    pub(super) sent: Option<StreamCheckpoint>,
    /// Where the stream that it receives stands; there is a part for each chunk.
    pub(super) received: Option<StreamCheckpoint>,
    /// The provider's sealed summary, at the querier.
    pub(super) summary: Option<Vec<u8>>,
    /// Whether the party has done all that the others need of it.
    pub(super) over: bool,
}

impl Kept {
    pub(super) fn new(role: Role, manifest: &Manifest, secret: &SessionSecret) -> Self {
        Self {
            role,
            manifest: manifest.clone(),
            secret: secret.clone(),
            announcement: None,
            from_querier: None,
            from_provider: None,
            input: None,
            table: None,
            sent: None,
            received: None,
            summary: None,
            over: false,
        }
    }

    /// The check of the announced key, once it has been announced.
    pub(super) fn check_key(&self, pace: Pace) -> Result<Option<Action>, Error> {
        let Some(announcement) = &self.announcement else {
            return Ok(None);
        };
        let work = Work::new(Task::CheckKey {
            announcement: KeyAnnouncement::decode(announcement)?,
            manifest: self.manifest.clone(),
            secret: self.secret.clone(),
            constant_time_tables: pace.constant_time_tables,
        });
        Ok(Some(Action::Compute(Step::Key.whole(), work)))
    }

    /// This party's handshake.
    pub(super) fn greet(&self, identity: &Signer, to: Role, agreement: &Agreement) -> Action {
        let handshake = Handshake::sign(self.role, identity, agreement, &self.secret);
        let message = Message::Handshake(handshake.encode());
        Action::Send { to, message }
    }

    /// Has this stored, with what came of a chunk.
    pub(super) fn store(&self, part: Option<Vec<u8>>, actions: &mut Vec<Action>) {
        let head = self.encode();
        actions.push(Action::Store(Stored { head, part }));
    }

    /// Notes the digest of what the session uses, which must be what it has used before.
    pub(super) fn uses(
        before: &mut Option<[u8; 32]>,
        digest: [u8; 32],
        what: &'static str,
    ) -> Result<(), Error> {
        match before.replace(digest) {
            Some(before) if before != digest => Err(Error::Changed { what }),
            _ => Ok(()),
        }
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new();
        out.u8(role_byte(self.role))
            .bytes(&self.manifest.encode())
            .raw(self.secret.expose());
        for bytes in [
            &self.announcement,
            &self.from_querier,
            &self.from_provider,
            &self.summary,
        ] {
            optional(&mut out, bytes.as_deref());
        }
        for digest in [&self.input, &self.table] {
            optional(&mut out, digest.as_ref().map(<[u8; 32]>::as_slice));
        }
        for stream in [&self.sent, &self.received] {
            optional(&mut out, stream.as_ref().map(StreamCheckpoint::as_bytes));
        }
        out.flag(self.over);
        Zeroizing::new(out.finish())
    }

    pub(super) fn decode(bytes: &[u8], role: Role) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "checkpoint");
        if input.u8()? != role_byte(role) {
            return Err(input.malformed());
        }
        let manifest = Manifest::decode(input.bytes(LONGEST)?)?;
        let secret = SessionSecret::from_bytes(input.array()?);
        let mut kept = Self::new(role, &manifest, &secret);
        for field in [
            &mut kept.announcement,
            &mut kept.from_querier,
            &mut kept.from_provider,
            &mut kept.summary,
        ] {
            *field = read_optional(&mut input)?.map(<[u8]>::to_vec);
        }
        for field in [&mut kept.input, &mut kept.table] {
            let malformed = input.malformed();
            *field = match read_optional(&mut input)? {
                None => None,
                Some(digest) => Some(digest.try_into().map_err(|_| malformed)?),
            };
        }
        for field in [&mut kept.sent, &mut kept.received] {
            *field = read_optional(&mut input)?.map(StreamCheckpoint::from_bytes);
        }
        kept.over = input.flag()?;
        input.finish()?;
        Ok(kept)
    }
}

fn optional(out: &mut Writer, bytes: Option<&[u8]>) {
    out.flag(bytes.is_some());
    if let Some(bytes) = bytes {
        out.bytes(bytes);
    }
}

fn read_optional<'a>(input: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Error> {
    Ok(if input.flag()? {
        Some(input.bytes(LONGEST)?)
    } else {
        None
    })
}
