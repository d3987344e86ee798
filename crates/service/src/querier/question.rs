//! What a querier asks, and what of it the provider's publication leaves.

use blindjoin_protocol::Error;
use blindjoin_protocol::agree::{Objection, Offer, Published, Terms};
use blindjoin_protocol::input::{BlockDirectory, Blocking, QuerierKeys, QuerierRecords};
use blindjoin_protocol::leakage::Named;
use blindjoin_protocol::session::Question as Asked;
use rand::CryptoRng;

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
    pub(super) question: Asked,
    /// The rows that are not compared, or not under every rule, for want of a block.
    pub(super) left_out: Vec<u32>,
    /// The blocks named, if there are some.
    pub(super) named: Option<Named>,
}

impl Question {
    /// The least number of the querier's records in a block that it names by itself, where it asks
    /// about cells.
    pub fn least_block(&self) -> Option<u64> {
        match self {
            Self::Keys(_, Some(Blocks::Cells(cells))) | Self::Records(_, cells) => {
                Some(cells.least)
            }
            Self::Keys(_, None | Some(Blocks::Hashed(_))) => None,
        }
    }

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
                    named: Some(named(&blocks, blocking, occurring)),
                    offer: Offer::for_blocks(terms, published, &blocks, rng)?,
                    question: (records, blocks).into(),
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
    let (blocks, named) = match blocks {
        None => (None, None),
        Some(Blocks::Hashed(bits)) => {
            let most = published.most_hash_bits(&terms.rules);
            if bits == 0 || bits > most {
                return Err(Objection::HashBits { bits, most }.into());
            }
            let salt = published.own.salt;
            let blocks = BlockDirectory::hashed(bits, salt, keys.iter(), rng);
            let named = blocks.len() as u64;
            (Some(blocks), Some(Named::Prefixes { bits, named }))
        }
        Some(Blocks::Cells(cells)) => {
            let blocking = cells.blocking(published, &terms)?;
            let blocks = if cells.occurring {
                let counts = blocking.count(keys.blocks().into_iter().flatten());
                BlockDirectory::occurring(blocking, &counts, cells.least, rng)
            } else {
                BlockDirectory::all(blocking, rng)
            };
            let named = named(&blocks, blocking, cells.occurring);
            (Some(blocks), Some(named))
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
        question: keys.into(),
        left_out,
        named,
    })
}

fn named(blocks: &BlockDirectory, blocking: &Blocking, occurring: bool) -> Named {
    Named::Cells {
        fields: blocking.name().to_owned(),
        named: blocks.len() as u64,
        offered: blocking.cells().len() as u64,
        occurring,
    }
}

impl Put {
    /// How many distinct keys or records are asked about.
    pub(super) fn len(&self) -> u64 {
        let len = match &self.question {
            Asked::Keys(keys) => keys.len(),
            Asked::Records(records, _) => records.len(),
        };
        len as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindjoin_protocol::agree::{Choices, Pairwise, PublishedRule, TableKind};
    use blindjoin_protocol::input::{OfferedCell, QuerierKeysBuilder, join_key};
    use blindjoin_protocol::paillier::KeySize;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const RULES: [u8; 32] = [7; 32];
    const IN_YEARS: [u8; 32] = [8; 32];

    /// One rule, years of which two are offered, hashed blocks of up to four bits.
    fn published() -> Published {
        let rule = PublishedRule {
            id: "ID".to_owned(),
            class: PublishedRule::class_of(100_000, 0),
            forms: 1,
            weight: 1,
        };
        let size = KeySize::new(3072).unwrap();
        let mut published = Published::new(vec![rule], RULES, vec![size], [5; 32]);
        let cell = |key: &[u8]| OfferedCell {
            key: key.to_vec(),
            keys: 64,
            records: 20,
        };
        let cells = vec![cell(b"1950"), cell(b"1951")];
        published.blockings = vec![Blocking::new("year", IN_YEARS, cells).unwrap()];
        published.hash_bits = 4;
        published.pairs = true;
        published
    }

    fn choices() -> Choices {
        Choices::new(KeySize::new(3072).unwrap(), 1)
    }

    fn keys(years: &[&str]) -> QuerierKeys {
        let mut builder = QuerierKeysBuilder::new(1);
        let mut key = Vec::new();
        for (number, year) in years.iter().enumerate() {
            let row = builder.row().unwrap();
            let id = number.to_string();
            join_key(&mut key, "ID", id.as_bytes(), Some(year.as_bytes())).unwrap();
            builder.push(row, 0, &key).unwrap();
        }
        builder.build()
    }

    fn cells(occurring: bool, least: u64) -> Cells {
        Cells {
            occurring,
            least,
            rules_digest: RULES,
        }
    }

    fn put(years: &[&str], digest: [u8; 32], blocks: Blocks) -> Result<Put, Error> {
        let rules = vec!["ID".to_owned()];
        let terms = Terms::join(&choices(), TableKind::Okvs, rules, digest, 9).unwrap();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        Question::Keys(keys(years), Some(blocks)).put(terms, &published(), &mut rng)
    }

    #[test]
    fn what_is_in_no_cell_is_left_out_and_what_is_named_is_shown() {
        let years = ["1950", "1950", "1949", "1951"];
        let of_years = |named, occurring| Named::Cells {
            fields: "year".to_owned(),
            named,
            offered: 2,
            occurring,
        };
        for (cells, left_out, named) in [
            (cells(false, 9), &[2][..], of_years(2, false)),
            (cells(true, 1), &[2], of_years(2, true)),
            (cells(true, 2), &[2, 3], of_years(1, true)),
        ] {
            let put = put(&years, IN_YEARS, Blocks::Cells(cells)).unwrap();
            assert_eq!((&*put.left_out, &put.named), (left_out, &Some(named)));
            assert_eq!(put.len(), 4 - left_out.len() as u64);
            published().admit(&put.offer).unwrap();
        }
    }

    #[test]
    fn nothing_is_asked_where_nothing_is_left() {
        for (years, cells) in [
            (&["1949"][..], cells(false, 1)),
            (&["1950"], cells(true, 2)),
        ] {
            let refused = put(years, IN_YEARS, Blocks::Cells(cells)).err();
            assert_eq!(refused, Some(Objection::NoBlock.into()));
        }
        let pairwise = Pairwise::of_rules([(1, 1)], None).unwrap();
        let mut records = QuerierRecords::new(&pairwise);
        records.push(Some(b"1949"), &[Some(b"x")]).unwrap();
        let rules = vec!["ID".to_owned()];
        let terms = Terms::pairs(&choices(), pairwise, rules, IN_YEARS, 9).unwrap();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let question = Question::Records(records, cells(false, 1));
        let refused = question.put(terms, &published(), &mut rng).err();
        assert_eq!(refused, Some(Objection::NoBlock.into()));
    }

    #[test]
    fn other_rules_and_other_blocks_are_told_apart() {
        let in_cells = |rules_digest, digest| {
            let cells = Cells {
                rules_digest,
                ..cells(false, 1)
            };
            put(&["1950"], digest, Blocks::Cells(cells)).err()
        };
        assert_eq!(in_cells(RULES, IN_YEARS), None);
        let theirs = "ID".to_owned();
        let rules = Objection::Rules { theirs };
        assert_eq!(in_cells([1; 32], [2; 32]), Some(rules.into()));
        let offered = "year".to_owned();
        let blocking = Objection::Blocking { offered };
        assert_eq!(in_cells(RULES, [2; 32]), Some(blocking.into()));
    }

    #[test]
    fn hashed_blocks_leave_nothing_out() {
        let years = ["1950", "1949", "1948"];
        let hashed = |bits| put(&years, RULES, Blocks::Hashed(bits));
        let asked = hashed(4).unwrap();
        assert!(asked.left_out.is_empty() && asked.len() == 3);
        assert!(matches!(
            asked.named,
            Some(Named::Prefixes {
                bits: 4,
                named: 1..=3
            })
        ));
        for bits in [0, 5, 40] {
            let refused = hashed(bits).err();
            assert_eq!(refused, Some(Objection::HashBits { bits, most: 4 }.into()));
        }
    }
}
