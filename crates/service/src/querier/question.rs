//! What a querier asks, and what of it the provider's publication leaves.

use blindjoin_protocol::{
    Agreement, BlockDirectory, Blocking, Error, JoinKeys, Objection, Offer, Published, Querier,
    QuerierKeys, QuerierRecords, SessionSecret, Terms,
};
use rand::CryptoRng;

use crate::progress::Shown;

/// What a querier asks of a provider.
#[derive(Debug)]
pub enum Question {
    /// Join keys, to be found among the provider's: all of them, or those in some blocks.
    Keys(QuerierKeys, Option<Blocks>),
    /// Records, to be compared with each of the provider's in the same block.
    Records(QuerierRecords, Cells),
}

/// In which blocks keys are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Blocks {
    /// Those of a blocking by fields, whose keys end in their blocks.
    Cells(Cells),
    /// Those of the hashes of the keys, by so many bits, which the provider learns.
    Hashed(u8),
}

/// Which of the blocks are named that a provider offers.
#[derive(Clone, Copy, Debug)]
pub struct Cells {
    /// Those only in which the querier has records, which the provider then learns; else all.
    pub occurring: bool,
    /// The least number of the querier's records in a block that it names by itself. Where pairs are
    /// compared, smaller blocks are shown as if they had so many.
    pub least: u64,
    /// The digest of the rules without the blocking.
    pub rules_digest: [u8; 32],
}

impl Cells {
    /// Finds the blocking that the terms name.
    fn blocking<'a>(&self, published: &'a Published, terms: &Terms) -> Result<&'a Blocking, Error> {
        published.check_rules_digest(&self.rules_digest)?;
        Ok(published.blocking(&terms.rules_digest)?)
    }
}

/// A question as it is put to a provider.
pub(super) struct Put {
    pub(super) offer: Offer,
    question: Ready,
    /// The rows that are not compared, or not under every rule, for want of a block.
    pub(super) left_out: Vec<u32>,
    /// What the blocks named show the provider.
    pub(super) shown: Shown,
}

/// What is left of a question.
enum Ready {
    Keys(QuerierKeys),
    Records(QuerierRecords, BlockDirectory),
}

impl Question {
    /// Puts the question on what the provider publishes: makes the offer, and leaves out what is in
    /// no block that is offered.
    pub(super) fn put(
        self,
        terms: Terms,
        published: &Published,
        rng: &mut impl CryptoRng,
    ) -> Result<Put, Error> {
        match self {
            Self::Keys(keys, blocks) => put_keys(keys, blocks, terms, published, rng),
            Self::Records(records, cells) => {
                let blocking = cells.blocking(published, &terms)?;
                let counts = blocking.count(records.blocks());
                let (least, occurring) = (cells.least, cells.occurring);
                let blocks = BlockDirectory::of_pairs(blocking, &counts, least, occurring, rng);
                let left_out = records.outside(&blocks);
                if records.blocks().all(|block| !blocks.admits(block)) {
                    return Err(Objection::NoBlock.into());
                }
                Ok(Put {
                    shown: shown(&blocks, blocking, occurring),
                    offer: Offer::for_blocks(terms, published, &blocks, rng)?,
                    question: Ready::Records(records, blocks),
                    left_out,
                })
            }
        }
    }
}

fn put_keys(
    mut keys: QuerierKeys,
    blocks: Option<Blocks>,
    terms: Terms,
    published: &Published,
    rng: &mut impl CryptoRng,
) -> Result<Put, Error> {
    let (blocks, shown) = match blocks {
        None => (None, Shown::Nothing),
        Some(Blocks::Hashed(bits)) => {
            let most = published.most_hash_bits(&terms.rules);
            if bits == 0 || bits > most {
                return Err(Objection::HashBits { bits, most }.into());
            }
            let salt = published.own.salt;
            let blocks = BlockDirectory::hashed(bits, salt, keys.iter(), rng);
            let named = blocks.len() as u64;
            (Some(blocks), Shown::Prefixes { bits, named })
        }
        Some(Blocks::Cells(cells)) => {
            let blocking = cells.blocking(published, &terms)?;
            let blocks = if cells.occurring {
                let counts = blocking.count(keys.blocks().into_iter().flatten());
                BlockDirectory::occurring(blocking, &counts, cells.least, rng)
            } else {
                BlockDirectory::all(blocking, rng)
            };
            let shown = shown(&blocks, blocking, cells.occurring);
            (Some(blocks), shown)
        }
    };
    let left_out = blocks
        .as_ref()
        .map_or_else(Vec::new, |blocks| keys.leave_out(blocks));
    if keys.is_empty() && !left_out.is_empty() {
        return Err(Objection::NoBlock.into());
    }
    Ok(Put {
        offer: Offer::for_keys(terms, published, &keys, blocks.as_ref(), rng)?,
        question: Ready::Keys(keys),
        left_out,
        shown,
    })
}

fn shown(blocks: &BlockDirectory, blocking: &Blocking, occurring: bool) -> Shown {
    let offered = blocking.cells().len() as u64;
    if occurring {
        let named = blocks.len() as u64;
        Shown::Cells { named, offered }
    } else {
        Shown::AllCells(offered)
    }
}

impl Put {
    /// How many distinct keys or records are asked about.
    pub(super) fn len(&self) -> u64 {
        let len = match &self.question {
            Ready::Keys(keys) => keys.len(),
            Ready::Records(records, _) => records.len(),
        };
        len as u64
    }

    pub(super) fn lay_out(
        self,
        agreement: &Agreement,
        join_keys: JoinKeys,
        secret: &SessionSecret,
    ) -> Result<Querier, Error> {
        match self.question {
            Ready::Keys(keys) => Querier::new(agreement, join_keys, keys, secret),
            Ready::Records(records, blocks) => {
                Querier::for_pairs(agreement, join_keys, &blocks, records, secret)
            }
        }
    }
}
