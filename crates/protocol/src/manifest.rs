//! What the three parties agree on before a key exists, and its digest.

use rand::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::codec::{Reader, Writer};
use crate::identity::IdentityKey;
use crate::input::{ProviderKeys, QuerierKeys};
use crate::records::ProviderRecords;
use crate::{BlockDirectory, Error, Mode, Sizes, Terms, number, size_class};

const VERSION: u16 = 1;

/// What the querier proposes to a provider.
///
/// Travels over the channel between querier and provider only: the block directory is not for the
/// key holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The linkage proposed.
    pub terms: Terms,
    /// Fresh bytes of the querier's.
    pub nonce: [u8; 32],
    /// The size class of the querier's keys and canaries (of its rows, in a pairwise linkage).
    pub querier_size: u64,
    /// The blocks the querier reveals, if the linkage is blocked.
    pub blocks: Option<BlockDirectory>,
}

/// What the provider answers.
///
/// Travels over the channel between querier and provider only, as the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Fresh bytes of the provider's.
    pub nonce: [u8; 32],
    /// The size class of the provider's keys and canaries (of the pairs, in a pairwise linkage).
    pub provider_size: u64,
    /// The positions in the querier's directory, ascending, of the blocks that the provider leaves
    /// out because it has too few records in them.
    pub left_out: Vec<u32>,
}

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
    /// The provider's size class.
    pub provider_size: u64,
    /// Salted digest of the directory of the blocks that take part, if the linkage is blocked.
    pub blocks: Option<[u8; 32]>,
}

/// The SHA-256 of a manifest's canonical bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestDigest(pub [u8; 32]);

/// What one party is willing to agree to.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The shortest modulus in bits; below 2048 for tests only.
    pub least_key_bits: usize,
    /// The most table entries: how many identifiers a querier can test in one session.
    pub most_table_entries: u64,
    /// The most ciphertexts in the stream of comparisons.
    pub most_comparisons: u64,
    /// The most matches let out.
    pub most_matches: u64,
    /// Whether a blind key holder, which enforces no cap, is acceptable.
    pub allow_blind: bool,
}

impl Default for Policy {
    /// Ten million keys on either side, a cap that never binds below that, 2048 bits or more.
    fn default() -> Self {
        Self {
            least_key_bits: 2048,
            most_table_entries: 32 << 20,
            most_comparisons: 32 << 20,
            most_matches: 32 << 20,
            allow_blind: true,
        }
    }
}

impl Offer {
    /// Yields an offer with fresh bytes.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when the terms contradict themselves.
    pub fn new(
        terms: Terms,
        querier_size: u64,
        blocks: Option<BlockDirectory>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        terms.check()?;
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Ok(Self {
            terms,
            nonce,
            querier_size,
            blocks,
        })
    }

    /// Yields an offer to join or look up these keys, of the size class they and the canaries need.
    ///
    /// # Errors
    ///
    /// As [`Offer::new`].
    pub fn for_keys(
        terms: Terms,
        keys: &QuerierKeys,
        blocks: Option<BlockDirectory>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let canaries = u64::from(terms.canaries);
        let size = match terms.mode {
            Mode::Lookup => terms.rules.len() as u64 + canaries,
            Mode::Join { .. } | Mode::Pairwise(_) => size_class(keys.len() as u64 + canaries),
        };
        Self::new(terms, size, blocks, rng)
    }

    /// Yields an offer to compare pairs of records in the blocks of a directory.
    ///
    /// # Errors
    ///
    /// As [`Offer::new`].
    pub fn for_blocks(
        terms: Terms,
        blocks: BlockDirectory,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let size = size_class(blocks.padded_rows());
        Self::new(terms, size, Some(blocks), rng)
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(b"offer").u16(VERSION);
        self.terms.encode(&mut out);
        out.raw(&self.nonce)
            .u64(self.querier_size)
            .u8(u8::from(self.blocks.is_some()));
        if let Some(blocks) = &self.blocks {
            blocks.encode(&mut out);
        }
        out.finish()
    }

    /// Reads an offer, refusing contradictory terms and anything that is not canonical.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::ManifestContradiction`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "offer");
        if input.array()? != *b"offer" || input.u16()? != VERSION {
            return Err(input.malformed());
        }
        let terms = Terms::decode(&mut input)?;
        let (nonce, querier_size) = (input.array()?, input.u64()?);
        let blocks = if input.flag()? {
            Some(BlockDirectory::decode(&mut input)?)
        } else {
            None
        };
        input.finish()?;
        Ok(Self {
            terms,
            nonce,
            querier_size,
            blocks,
        })
    }
}

impl Answer {
    /// Yields an answer with fresh bytes.
    pub fn new(provider_size: u64, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Self {
            nonce,
            provider_size,
            left_out: Vec::new(),
        }
    }

    /// Yields the answer that leaves out the blocks at these positions of the offer's directory.
    #[must_use]
    pub fn leaving_out(self, left_out: Vec<u32>) -> Self {
        Self { left_out, ..self }
    }

    /// Yields the blocks that take part: the offer's but those left out, if the linkage is blocked.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when blocks are left out that the offer does not have.
    pub fn blocks(&self, offer: &Offer) -> Result<Option<BlockDirectory>, Error> {
        match &offer.blocks {
            Some(blocks) => blocks.without(&self.left_out).map(Some),
            None if self.left_out.is_empty() => Ok(None),
            None => Err(Error::Malformed { what: "answer" }),
        }
    }

    /// Yields the answer to an offer to join or look up, of the size class that these keys and the
    /// canaries need.
    pub fn for_keys(offer: &Offer, keys: &ProviderKeys, rng: &mut impl CryptoRng) -> Self {
        Self::new(
            size_class(keys.len() as u64 + u64::from(offer.terms.canaries)),
            rng,
        )
    }

    /// Yields the answer to an offer to compare pairs in these blocks, of the size class of their
    /// number.
    pub fn for_records(
        blocks: &BlockDirectory,
        records: &ProviderRecords,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::new(size_class(records.pairs(blocks)), rng)
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(b"answer")
            .u16(VERSION)
            .raw(&self.nonce)
            .u64(self.provider_size)
            .u32(number::short(self.left_out.len()));
        for &position in &self.left_out {
            out.u32(position);
        }
        out.finish()
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "answer");
        if input.array()? != *b"answer" || input.u16()? != VERSION {
            return Err(input.malformed());
        }
        let (nonce, provider_size) = (input.array()?, input.u64()?);
        let mut left_out = Vec::new();
        for _ in 0..input.u32()? {
            let position = input.u32()?;
            if left_out.last().is_some_and(|&last| last >= position) {
                return Err(input.malformed());
            }
            left_out.push(position);
        }
        input.finish()?;
        Ok(Self {
            nonce,
            provider_size,
            left_out,
        })
    }
}

impl Manifest {
    /// Joins an offer and its answer to the agreement; querier and provider get the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when the sizes fit no table or stream; as
    /// [`Answer::blocks`].
    pub fn new(offer: &Offer, answer: &Answer, parties: Parties) -> Result<Self, Error> {
        let manifest = Self {
            terms: offer.terms.clone(),
            parties,
            querier_nonce: offer.nonce,
            provider_nonce: answer.nonce,
            querier_size: offer.querier_size,
            provider_size: answer.provider_size,
            blocks: answer.blocks(offer)?.as_ref().map(BlockDirectory::digest),
        };
        manifest.terms.check()?;
        Sizes::of(&manifest)?;
        Ok(manifest)
    }

    /// Checks the agreement against a party's policy and the time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestExpired`], or [`Error::PolicyRefusal`] naming the limit.
    pub fn check(&self, policy: &Policy, now: u64) -> Result<(), Error> {
        if now >= self.terms.expires {
            return Err(Error::ManifestExpired {
                at: self.terms.expires,
            });
        }
        let sizes = Sizes::of(self)?;
        let refusals = [
            (
                self.terms.key_size.bits() < policy.least_key_bits,
                "the modulus is too short",
            ),
            (
                sizes.table_entries() > policy.most_table_entries,
                "the table exceeds the disclosure budget",
            ),
            (
                sizes.comparison_ciphertexts() > policy.most_comparisons,
                "too many comparisons",
            ),
            (
                self.terms.match_cap > policy.most_matches,
                "the match cap is too high",
            ),
            (
                // In a lookup there is no more than a match for each rule to count.
                self.terms.blind && self.terms.mode != Mode::Lookup && !policy.allow_blind,
                "a blind key holder enforces no cap",
            ),
        ];
        match refusals.into_iter().find(|(refused, _)| *refused) {
            Some((_, reason)) => Err(Error::PolicyRefusal { reason }),
            None => Ok(()),
        }
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(b"manifest").u16(VERSION);
        self.terms.encode(&mut out);
        let Parties {
            querier,
            provider,
            keyholder,
        } = &self.parties;
        out.raw(&querier.0).raw(&provider.0).raw(&keyholder.0);
        out.raw(&self.querier_nonce).raw(&self.provider_nonce);
        out.u64(self.querier_size).u64(self.provider_size);
        match &self.blocks {
            None => out.u8(0),
            Some(digest) => out.u8(1).raw(digest),
        };
        out.finish()
    }

    /// Reads a manifest, refusing contradictions and anything that is not canonical.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::ManifestContradiction`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "manifest");
        if input.array()? != *b"manifest" || input.u16()? != VERSION {
            return Err(input.malformed());
        }
        let terms = Terms::decode(&mut input)?;
        let parties = Parties {
            querier: IdentityKey(input.array()?),
            provider: IdentityKey(input.array()?),
            keyholder: IdentityKey(input.array()?),
        };
        let manifest = Self {
            terms,
            parties,
            querier_nonce: input.array()?,
            provider_nonce: input.array()?,
            querier_size: input.u64()?,
            provider_size: input.u64()?,
            blocks: if input.flag()? {
                Some(input.array()?)
            } else {
                None
            },
        };
        input.finish()?;
        Sizes::of(&manifest)?;
        Ok(manifest)
    }

    /// Yields the digest of the canonical bytes, which every party signs.
    pub fn digest(&self) -> ManifestDigest {
        ManifestDigest(Sha256::digest(self.encode()).into())
    }

    /// Checks that the manifest repeats what this party offered or was offered, and the answer.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestMismatch`] naming the first part that differs.
    pub fn check_negotiation(&self, offer: &Offer, answer: &Answer) -> Result<(), Error> {
        let blocks = answer.blocks(offer)?;
        let parts = [
            (self.terms == offer.terms, "terms"),
            (self.querier_nonce == offer.nonce, "querier's nonce"),
            (self.provider_nonce == answer.nonce, "provider's nonce"),
            (self.querier_size == offer.querier_size, "querier's size"),
            (
                self.provider_size == answer.provider_size,
                "provider's size",
            ),
            (
                self.blocks == blocks.as_ref().map(BlockDirectory::digest),
                "blocks",
            ),
        ];
        match parts.into_iter().find(|(same, _)| !same) {
            Some((_, field)) => Err(Error::ManifestMismatch { field }),
            None => Ok(()),
        }
    }
}
