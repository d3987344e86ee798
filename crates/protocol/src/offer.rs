//! What a querier proposes, and what a provider answers.

use rand::CryptoRng;

use crate::blocks::BlockDirectory;
use crate::blocks::offer::BlockOffer;
use crate::class::{block_class, size_class};
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::keys::QuerierKeys;
use crate::publication::Published;
use crate::size::count;
use crate::terms::Terms;

/// What the querier proposes to a provider.
///
/// Travels over the channel between querier and provider only: the blocks are not for the key
/// holder.
///
/// # Source
///
/// `spec/protocol.md`, §19.3, §20.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The linkage proposed.
    pub terms: Terms,
    /// Fresh bytes of the querier's.
    pub nonce: [u8; 32],
    /// The digest of the publication that the offer rests on.
    pub published: [u8; 32],
    /// The size class of the querier's keys and any number of canaries (of its padded rows, in a
    /// comparison of pairs; the entries of its table, in a lookup).
    pub querier_size: u64,
    /// The blocks the querier names, if the session is about some only.
    pub blocks: Option<BlockOffer>,
}

/// What the provider answers: that it agrees. Everything else follows from offer and publication.
///
/// Travels over the channel between querier and provider only, as the offer.
///
/// # Source
///
/// `spec/protocol.md`, §19.3, §20.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Fresh bytes of the provider's.
    pub nonce: [u8; 32],
}

impl Offer {
    /// Yields an offer with fresh bytes, on what a provider has published.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when the offer contradicts itself.
    pub fn new(
        terms: Terms,
        published: &Published,
        querier_size: u64,
        blocks: Option<&BlockDirectory>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let offer = Self {
            terms,
            nonce,
            published: published.digest(),
            querier_size,
            blocks: blocks.map(|blocks| blocks.offer().clone()),
        };
        offer.check().map(|()| offer)
    }

    /// Yields an offer to join or look up these keys, of the size class they need.
    ///
    /// # Errors
    ///
    /// As [`Offer::new`].
    pub fn for_keys(
        terms: Terms,
        published: &Published,
        keys: &QuerierKeys,
        blocks: Option<&BlockDirectory>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let size = count::querier_size(&terms, keys.len() as u64);
        Self::new(terms, published, size, blocks, rng)
    }

    /// Yields an offer to compare pairs of records in these blocks.
    ///
    /// # Errors
    ///
    /// As [`Offer::new`].
    pub fn for_blocks(
        terms: Terms,
        published: &Published,
        blocks: &BlockDirectory,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let size = size_class(blocks.padded_rows());
        Self::new(terms, published, size, Some(blocks), rng)
    }

    /// Checks the offer against itself.
    fn check(&self) -> Result<(), Error> {
        self.terms.check()?;
        let refuse = |reason| Err(Error::ManifestContradiction { reason });
        let pairs = self.terms.mode.pairwise().is_some();
        match &self.blocks {
            None | Some(BlockOffer::Prefixes { .. }) if pairs => {
                return refuse("pairs without cells");
            }
            Some(blocks @ BlockOffer::Cells { named, .. }) => {
                let padded = |rows: u32| rows > 0 && block_class(rows.into()) == u64::from(rows);
                if named.iter().any(|cell| pairs != padded(cell.rows)) {
                    return refuse(
                        "cells with rows where no pairs are compared, or without a class",
                    );
                }
                if pairs && self.querier_size != size_class(blocks.padded_rows()) {
                    return refuse("the rows of the cells do not add up to the querier's size");
                }
            }
            None | Some(BlockOffer::Prefixes { .. }) => {}
        }
        Ok(())
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::message("offer");
        self.terms.encode(&mut out);
        out.raw(&self.nonce)
            .raw(&self.published)
            .u64(self.querier_size)
            .flag(self.blocks.is_some());
        if let Some(blocks) = &self.blocks {
            blocks.encode(&mut out);
        }
        out.finish()
    }

    /// Reads an offer, refusing contradictions and anything that is not canonical.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Version`] or [`Error::ManifestContradiction`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::message(bytes, "offer")?;
        let offer = Self {
            terms: Terms::decode(&mut input)?,
            nonce: input.array()?,
            published: input.array()?,
            querier_size: input.u64()?,
            blocks: if input.flag()? {
                Some(BlockOffer::decode(&mut input)?)
            } else {
                None
            },
        };
        input.finish()?;
        offer.check().map(|()| offer)
    }
}

impl Answer {
    /// Yields an answer with fresh bytes.
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        Self { nonce }
    }

    /// Yields the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::message("answer");
        out.raw(&self.nonce);
        out.finish()
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::message(bytes, "answer")?;
        let nonce = input.array()?;
        input.finish()?;
        Ok(Self { nonce })
    }
}
