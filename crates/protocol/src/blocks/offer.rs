//! The blocks of an offer on the wire: positions or prefixes, never a key.

use super::blocking::Blocking;
use crate::codec::{Reader, Writer};
use crate::error::Error;

/// The blocks that a querier names in its offer.
///
/// # Source
///
/// `spec/protocol.md`, §20.5.
#[derive(Clone, PartialEq, Eq)]
pub enum BlockOffer {
    /// Cells of the blocking whose digest the terms hold.
    Cells {
        /// Keeps the digest in the manifest from being guessed.
        salt: [u8; 32],
        /// In ascending order of their positions.
        named: Vec<NamedCell>,
    },
    /// Prefixes of a hash of the join keys.
    Prefixes {
        /// Keeps the digest in the manifest from being guessed.
        salt: [u8; 32],
        /// The salt that the provider has given this querier.
        provider_salt: [u8; 32],
        /// The length of a prefix in bits.
        bits: u8,
        /// Ascending.
        prefixes: Vec<u32>,
    },
}

/// A cell that a querier names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NamedCell {
    /// Its position among the published cells.
    pub position: u32,
    /// The querier's rows in a comparison of pairs, padded to their class; 0 elsewhere.
    pub rows: u32,
}

/// What is named stays out of logs.
impl std::fmt::Debug for NamedCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedCell").finish_non_exhaustive()
    }
}

/// What is named stays out of logs: only how much there is is shown.
impl std::fmt::Debug for BlockOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, count) = match self {
            Self::Cells { named, .. } => ("Cells", named.len()),
            Self::Prefixes { prefixes, .. } => ("Prefixes", prefixes.len()),
        };
        f.debug_struct(kind)
            .field("blocks", &count)
            .finish_non_exhaustive()
    }
}

impl BlockOffer {
    /// The most bits of a hashed block.
    // All prefixes are then 2 MiB of an offer, as all cells are.
    pub const MOST_HASH_BITS: u8 = 19;

    /// Yields the total of padded rows.
    pub(crate) fn padded_rows(&self) -> u64 {
        match self {
            Self::Cells { named, .. } => named.iter().map(|cell| u64::from(cell.rows)).sum(),
            Self::Prefixes { .. } => 0,
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        let count = |items: usize| u32::try_from(items).expect("checked against the most blocks");
        match self {
            Self::Cells { salt, named } => {
                out.u8(0).raw(salt).u32(count(named.len()));
                for cell in named {
                    out.u32(cell.position).u32(cell.rows);
                }
            }
            Self::Prefixes {
                salt,
                provider_salt,
                bits,
                prefixes,
            } => {
                out.u8(1).raw(salt).raw(provider_salt).u8(*bits);
                out.u32(count(prefixes.len()));
                for &prefix in prefixes {
                    out.u32(prefix);
                }
            }
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        if !input.flag()? {
            let salt = input.array()?;
            let named = ascending(
                input,
                Blocking::MOST_CELLS,
                |cell: &NamedCell| cell.position,
                |input| {
                    Ok(NamedCell {
                        position: input.u32()?,
                        rows: input.u32()?,
                    })
                },
            )?;
            return Ok(Self::Cells { salt, named });
        }
        let (salt, provider_salt, bits) = (input.array()?, input.array()?, input.u8()?);
        if !(1..=Self::MOST_HASH_BITS).contains(&bits) {
            return Err(input.malformed());
        }
        let prefixes = ascending(input, 1 << bits, |&prefix: &u32| prefix, Reader::u32)?;
        if prefixes.last().is_some_and(|&last| last >> bits > 0) {
            return Err(input.malformed());
        }
        Ok(Self::Prefixes {
            salt,
            provider_salt,
            bits,
            prefixes,
        })
    }
}

/// Reads at most `most` items whose numbers ascend.
fn ascending<'a, T>(
    input: &mut Reader<'a>,
    most: usize,
    number: impl Fn(&T) -> u32,
    read: impl Fn(&mut Reader<'a>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let count = input.u32()? as usize;
    if count > most {
        return Err(input.malformed());
    }
    let mut items: Vec<T> = Vec::new();
    for _ in 0..count {
        let item = read(input)?;
        if items
            .last()
            .is_some_and(|last| number(last) >= number(&item))
        {
            return Err(input.malformed());
        }
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<BlockOffer, Error> {
        let mut input = Reader::new(bytes, "blocks");
        let offer = BlockOffer::decode(&mut input)?;
        input.finish().map(|()| offer)
    }

    fn written(offer: &BlockOffer) -> Vec<u8> {
        let mut out = Writer::new();
        offer.encode(&mut out);
        out.finish()
    }

    fn cells(positions: &[u32]) -> BlockOffer {
        let named = positions
            .iter()
            .map(|&position| NamedCell { position, rows: 4 });
        BlockOffer::Cells {
            salt: [1; 32],
            named: named.collect(),
        }
    }

    fn hashed(bits: u8, prefixes: &[u32]) -> BlockOffer {
        BlockOffer::Prefixes {
            salt: [1; 32],
            provider_salt: [2; 32],
            bits,
            prefixes: prefixes.to_vec(),
        }
    }

    #[test]
    fn offers_survive_the_wire_and_show_nothing_in_logs() {
        for offer in [
            cells(&[]),
            cells(&[0, 1, 77_777]),
            hashed(2, &[0, 3]),
            hashed(19, &[(1 << 19) - 1]),
        ] {
            assert_eq!(read(&written(&offer)), Ok(offer.clone()));
            assert!(!format!("{offer:?}").contains("77777"));
        }
    }

    #[test]
    fn only_the_canonical_encoding_is_read() {
        let malformed = Err(Error::Malformed { what: "blocks" });
        for bad in [
            cells(&[1, 0]),
            cells(&[1, 1]),
            hashed(2, &[4]),
            hashed(2, &[1, 0]),
            hashed(0, &[0]),
            hashed(20, &[0]),
        ] {
            assert_eq!(read(&written(&bad)), malformed);
        }
        let good = written(&cells(&[0, 1]));
        for count in [1, 3, u32::MAX] {
            let mut bytes = good.clone();
            bytes[33..37].copy_from_slice(&u32::to_be_bytes(count));
            assert_eq!(read(&bytes), malformed, "{count} cells");
        }
        let mut kind = good;
        kind[0] = 2;
        assert_eq!(read(&kind), malformed);
    }
}
