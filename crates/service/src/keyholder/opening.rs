//! From a reservation to an open session.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use blindjoin_protocol::agree::Manifest;
use blindjoin_protocol::session::{KeyHolderSession, Own};
use tracing::{info, warn};

use super::Holder;
use super::reservations::Reserved;
use super::session::{Open, Parts};
use super::stock::PROFILE;
use crate::config::Link;
use crate::server::{Call, Caller, Line};
use crate::sessions::{Id, short};
use crate::wire::{KeyHolderOpenSessionRequest, ReserveRequest};
use crate::{Error, Fingerprint, Refusal, Role, drive, pool, random};

impl Holder {
    /// Takes a place among the sessions, and then a key from the stock.
    ///
    /// Nothing is computed here: not before the caller has a place, of which it has few, and not
    /// afterwards either.
    pub(super) async fn reserve(
        &self,
        caller: Caller,
        line: Line,
        request: &ReserveRequest,
    ) -> Result<Vec<u8>, Error> {
        let provider = provider(&request.provider_certificate_sha256)?;
        let bits = u64::from(request.key_bits);
        let reserved = self.place(caller, provider, bits).await?;
        Ok(self.reservations.hold(reserved, line)?.to_vec())
    }

    async fn place(
        &self,
        caller: Caller,
        provider: Fingerprint,
        bits: u64,
    ) -> Result<Reserved, Error> {
        let querier = caller.fingerprint;
        if !self.links.contains(&Link { querier, provider }) {
            return Err(Refusal::NotLinked { querier, provider }.into());
        }
        self.stock.offers(bits)?;
        let place = self.places.take(querier)?;
        Ok(Reserved {
            place,
            fresh: self.stock.take(bits).await?,
            querier,
            provider,
        })
    }

    pub(super) async fn open(
        &self,
        call: &Call,
        (caller, line): (Caller, Line),
        request: KeyHolderOpenSessionRequest,
    ) -> Result<Vec<u8>, Error> {
        let started = Instant::now();
        let provider = provider(&request.provider_certificate_sha256)?;
        let querier = caller.fingerprint;
        // Taken up whatever comes of it: a querier whose manifest is refused does not keep a place.
        let reserved = self
            .reservations
            .take_up(&request.reservation, querier, provider)?;
        let checked = self.check(call, caller, &request.manifest, &reserved).await;
        let (id, manifest) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                // Nobody has seen the key.
                self.stock.put_back(reserved.fresh);
                return Err(error);
            }
        };
        let Reserved { place, fresh, .. } = reserved;
        let own = Own {
            identity: self.signer.clone(),
            manifest,
            secret: fresh.secret,
            pace: drive::pace(false),
        };
        // What it has to send at once, its announcement, both others ask for.
        let session = KeyHolderSession::new(&own, fresh.key, &mut Vec::new())?;
        let (agreement, announcement) = (session.agreement().clone(), session.announcement());
        info!(
            session = %short(&id),
            querier = %caller.fingerprint,
            %provider,
            comparisons = agreement.sizes().positions(),
            key_bits = agreement.manifest().terms.key_size.bits(),
            waited_ms = started.elapsed().as_millis(),
            "session opened"
        );
        let session = Arc::new(Open::new(Parts {
            agreement,
            session,
            place,
            provider,
            querier: caller.fingerprint,
        }));
        self.sessions.insert(id, session.clone())?;
        self.adopt(id, session.clone());
        self.end_with(id, session, line);
        Ok(announcement)
    }

    /// Reads a manifest, checks it against the policy, and takes the session's id for good.
    async fn check(
        &self,
        call: &Call,
        caller: Caller,
        manifest: &[u8],
        reserved: &Reserved,
    ) -> Result<(Id, Manifest), Error> {
        let manifest = Manifest::decode(manifest)?;
        let id = manifest.digest().0;
        call.is_about(id);
        let parties = &manifest.parties;
        if parties.querier.0 != caller.public_key || parties.keyholder != self.signer.key() {
            return Err(Refusal::OtherParties.into());
        }
        let keys = BTreeSet::from([parties.querier, parties.provider, parties.keyholder]);
        if keys.len() < 3 || reserved.provider == caller.fingerprint {
            return Err(Refusal::SameParty.into());
        }
        if manifest.terms.profile != PROFILE {
            return Err(Refusal::Profile.into());
        }
        if manifest.terms.key_size != reserved.fresh.key.public().size() {
            let bits = manifest.terms.key_size.bits() as u64;
            return Err(Refusal::KeySize { bits }.into());
        }
        let (now, expires) = (random::now(), manifest.terms.expires);
        manifest.check(&self.policy, now)?;
        let journal = self.journal.clone();
        let remember = move || journal.use_id(&id, expires, now);
        pool::step("remembering a session", remember).await??;
        Ok((id, manifest))
    }

    /// Ends a session for which no provider comes.
    fn adopt(&self, id: Id, session: Arc<Open>) {
        let (sessions, orphan) = (self.sessions.clone(), self.orphan);
        tokio::spawn(async move {
            if tokio::time::timeout(orphan, session.taken_up())
                .await
                .is_err()
            {
                warn!(session = %short(&id), "a session ends: its provider did not come in time");
                sessions.close(&id);
            }
        });
    }

    /// Ends a session whose stream is not complete yet with the connection of one of its parties.
    pub(super) fn end_with(&self, id: Id, session: Arc<Open>, line: Line) {
        let sessions = self.sessions.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = line.gone() => {
                    if session.is_pending() {
                        warn!(session = %short(&id), "a session ends: a party's connection did");
                        sessions.close(&id);
                    }
                }
                () = session.over() => {}
            }
        });
    }
}

fn provider(certificate_sha256: &[u8]) -> Result<Fingerprint, Error> {
    <[u8; 32]>::try_from(certificate_sha256)
        .map(Fingerprint::from_bytes)
        .map_err(|_| Error::Message {
            role: Role::Querier,
            part: "provider certificate fingerprint",
        })
}
