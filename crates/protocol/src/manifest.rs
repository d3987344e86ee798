//! What the three parties agree on before a key exists, and its digest.

mod policy;

pub use policy::Policy;

use sha2::Digest as _;
use sha2::Sha256;

use crate::admission::Admitted;
use crate::blocks::BlockDirectory;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::offer::Answer;
use crate::offer::Offer;
use crate::plan::Plan;
use crate::publication::Published;
use crate::signer::IdentityKey;
use crate::size::Sizes;
use crate::terms::Terms;

/// The identity keys of the three parties, out of their pinned certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The querier.
    pub querier: IdentityKey,
    /// The data provider.
    pub provider: IdentityKey,
    /// The key holder.
    pub keyholder: IdentityKey,
}

/// The whole agreement of a session, in a canonical encoding.
///
/// All messages, counts and lengths of the session follow from it; see [`Sizes`].
///
/// # Source
///
/// `spec/protocol.md`, §5.0, §20.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The linkage.
    pub terms: Terms,
    /// Who takes part.
    pub parties: Parties,
    /// The querier's fresh bytes.
    pub querier_nonce: [u8; 32],
    /// The provider's fresh bytes.
    pub provider_nonce: [u8; 32],
    /// The querier's size class.
    pub querier_size: u64,
    /// The keys or pairs that the provider's side has room for: the sum of what it publishes.
    pub provider_size: u64,
    /// The class of the provider's keys under each rule; none in blocks.
    pub classes: Vec<u64>,
    /// Salted digest of the blocks that the session is about, if it is about some only.
    pub blocks: Option<[u8; 32]>,
    /// What follows from both sizes.
    pub plan: Plan,
}

/// The SHA-256 of a manifest's canonical bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestDigest(pub [u8; 32]);

impl Manifest {
    /// The version of the protocol that this crate speaks.
    pub const VERSION: u16 = crate::codec::VERSION;

    /// Joins an offer and its answer to the agreement; querier and provider get the same bytes.
    ///
    /// # Errors
    ///
    /// As [`Published::admit`]; [`Error::ManifestContradiction`] when two parties are the same.
    pub fn new(
        offer: &Offer,
        answer: &Answer,
        published: &Published,
        parties: Parties,
    ) -> Result<Self, Error> {
        let admitted = published.admit(offer)?;
        let manifest = Self {
            terms: offer.terms.clone(),
            parties,
            querier_nonce: offer.nonce,
            provider_nonce: answer.nonce,
            querier_size: offer.querier_size,
            provider_size: admitted.provider_size,
            classes: admitted.classes,
            blocks: admitted.blocks.as_ref().map(BlockDirectory::digest),
            plan: admitted.plan,
        };
        manifest.check_itself().map(|_| manifest)
    }

    /// Checks the manifest against itself, and yields the sizes that it determines.
    fn check_itself(&self) -> Result<Sizes, Error> {
        let refuse = |reason| Err(Error::ManifestContradiction { reason });
        self.terms.check()?;
        self.parties.check()?;
        let sum = (self.classes.iter()).try_fold(0_u64, |sum, class| sum.checked_add(*class));
        match self.blocks {
            Some(_) if self.classes.is_empty() => {}
            None if self.terms.mode.pairwise().is_some() => {
                return refuse("pairs without cells");
            }
            None if self.classes.len() == self.terms.rules.len()
                && sum == Some(self.provider_size) => {}
            _ => return refuse("the provider's classes do not add up to its size"),
        }
        Sizes::new(
            &self.terms,
            self.querier_size,
            self.provider_size,
            &self.plan,
        )
    }

    /// Yields the counts and lengths of the session.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`], but not for a manifest that was made or read here.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        self.check_itself()
    }

    /// Checks the agreement against a party's policy and the time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestExpired`] or [`Error::Objection`].
    pub fn check(&self, policy: &Policy, now: u64) -> Result<(), Error> {
        policy.check(&self.terms, &self.sizes()?, now)
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::message("manifest");
        self.terms.encode(&mut out);
        self.parties.encode(&mut out);
        out.raw(&self.querier_nonce).raw(&self.provider_nonce);
        out.u64(self.querier_size).u64(self.provider_size);
        out.count(self.classes.len());
        for &class in &self.classes {
            out.u64(class);
        }
        match &self.blocks {
            None => out.u8(0),
            Some(digest) => out.u8(1).raw(digest),
        };
        self.plan.encode(&mut out);
        out.finish()
    }

    /// Reads a manifest, refusing contradictions and anything that is not canonical.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Version`] or [`Error::ManifestContradiction`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::message(bytes, "manifest")?;
        let manifest = Self {
            terms: Terms::decode(&mut input)?,
            parties: Parties::decode(&mut input)?,
            querier_nonce: input.array()?,
            provider_nonce: input.array()?,
            querier_size: input.u64()?,
            provider_size: input.u64()?,
            classes: {
                let count = input.count(Terms::MOST_RULES)?;
                (0..count).map(|_| input.u64()).collect::<Result<_, _>>()?
            },
            blocks: if input.flag()? {
                Some(input.array()?)
            } else {
                None
            },
            plan: Plan::decode(&mut input)?,
        };
        input.finish()?;
        manifest.check_itself().map(|_| manifest)
    }

    /// Yields the digest of the canonical bytes, which every party signs.
    pub fn digest(&self) -> ManifestDigest {
        ManifestDigest(Sha256::digest(self.encode()).into())
    }

    /// Checks that the manifest repeats what this party offered or was offered, the answer, and what
    /// follows from the publication.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestMismatch`] naming the first part that differs.
    pub fn check_negotiation(
        &self,
        offer: &Offer,
        answer: &Answer,
        admitted: &Admitted,
    ) -> Result<(), Error> {
        let blocks = admitted.blocks.as_ref().map(BlockDirectory::digest);
        let parts = [
            (self.terms == offer.terms, "terms"),
            (self.querier_nonce == offer.nonce, "querier's nonce"),
            (self.provider_nonce == answer.nonce, "provider's nonce"),
            (self.querier_size == offer.querier_size, "querier's size"),
            (
                self.provider_size == admitted.provider_size && self.classes == admitted.classes,
                "provider's size",
            ),
            (self.blocks == blocks, "blocks"),
        ];
        match parts.into_iter().find(|(same, _)| !same) {
            Some((_, field)) => Err(Error::ManifestMismatch { field }),
            None => Ok(()),
        }
    }
}

impl Parties {
    /// Checks that the parties differ: one that plays two roles would read what the protocol hides.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`].
    pub fn check(&self) -> Result<(), Error> {
        let Self {
            querier,
            provider,
            keyholder,
        } = self;
        if querier == provider || provider == keyholder || keyholder == querier {
            return Err(Error::ManifestContradiction {
                reason: "two parties have the same identity",
            });
        }
        Ok(())
    }

    fn encode(&self, out: &mut Writer) {
        out.raw(&self.querier.0).raw(&self.provider.0);
        // A list of key holders, of whom there is one so far.
        out.u8(1).raw(&self.keyholder.0);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let (querier, provider) = (IdentityKey(input.array()?), IdentityKey(input.array()?));
        if input.u8()? != 1 {
            return Err(Error::ManifestContradiction {
                reason: "another number of key holders than one",
            });
        }
        Ok(Self {
            querier,
            provider,
            keyholder: IdentityKey(input.array()?),
        })
    }
}
