//! The canonical bytes of a publication, and nothing else.

use blindjoin_paillier::KeySize;
use blindjoin_paillier::Profile;

use crate::blocks::Blocking;
use crate::blocks::offer::BlockOffer;
use crate::class::size_class;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::publication::{Allowance, Counting, OwnTerms, Published, PublishedRule};
use crate::terms::{Terms, decode_key_size};

/// The most key sizes.
// Seven exist, those for tests included.
const MOST_KEY_SIZES: usize = 16;

impl Published {
    /// Yields the canonical bytes.
    ///
    /// # Panics
    ///
    /// If there are more rules, key sizes or blockings than a publication may have.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::message("published");
        self.encode_common(&mut out);
        let OwnTerms {
            salt,
            left,
            renewed,
        } = &self.own;
        out.raw(salt)
            .u64(left.places)
            .u64(left.lookups)
            .u64(left.pairs)
            .u64(*renewed);
        out.finish()
    }

    pub(super) fn encode_common(&self, out: &mut Writer) {
        out.count(self.rules.len());
        for rule in &self.rules {
            out.bytes(rule.id.as_bytes())
                .u64(rule.class)
                .u16(rule.forms)
                .u8(rule.weight);
        }
        out.raw(&self.rules_digest).count(self.profiles.len());
        for profile in &self.profiles {
            out.bytes(profile.name().as_bytes());
        }
        out.count(self.key_sizes.len());
        for size in &self.key_sizes {
            out.u32(u32::try_from(size.bits()).expect("key lengths are small"));
        }
        out.u8(match self.counting {
            Counting::Refused => 0,
            Counting::Allowed => 1,
            Counting::Required => 2,
        });
        out.flag(self.pairs).count(self.blockings.len());
        for blocking in &self.blockings {
            blocking.encode(out);
        }
        out.u8(self.hash_bits).u64(self.dated).u64(self.next);
    }

    /// Reads a publication, refusing anything that is not canonical.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::message(bytes, "published")?;
        let published = Self {
            rules: decode_rules(&mut input)?,
            rules_digest: input.array()?,
            profiles: decode_profiles(&mut input)?,
            key_sizes: decode_key_sizes(&mut input)?,
            counting: match input.u8()? {
                0 => Counting::Refused,
                1 => Counting::Allowed,
                2 => Counting::Required,
                _ => return Err(input.malformed()),
            },
            pairs: input.flag()?,
            blockings: decode_blockings(&mut input)?,
            hash_bits: input.u8()?,
            dated: input.u64()?,
            next: input.u64()?,
            own: OwnTerms {
                salt: input.array()?,
                left: Allowance {
                    places: input.u64()?,
                    lookups: input.u64()?,
                    pairs: input.u64()?,
                },
                renewed: input.u64()?,
            },
        };
        if published.hash_bits > BlockOffer::MOST_HASH_BITS {
            return Err(input.malformed());
        }
        input.finish()?;
        Ok(published)
    }
}

fn decode_rules(input: &mut Reader<'_>) -> Result<Vec<PublishedRule>, Error> {
    let mut rules: Vec<PublishedRule> = Vec::new();
    for _ in 0..input.count(Terms::MOST_RULES)? {
        let rule = PublishedRule {
            id: input.text(Terms::LONGEST_RULE_ID)?.to_owned(),
            class: input.u64()?,
            forms: input.u16()?,
            weight: input.u8()?,
        };
        let known = rules.iter().any(|other| other.id == rule.id);
        if known || rule.class > 1 << 40 || rule.class != size_class(rule.class) {
            return Err(input.malformed());
        }
        rules.push(rule);
    }
    if rules.is_empty() {
        return Err(input.malformed());
    }
    Ok(rules)
}

fn decode_profiles(input: &mut Reader<'_>) -> Result<Vec<Profile>, Error> {
    let count = input.count(Profile::ALL.len())?;
    (0..count)
        .map(|_| {
            let profile = input.text(32)?.parse().ok();
            profile.ok_or_else(|| input.malformed())
        })
        .collect()
}

fn decode_key_sizes(input: &mut Reader<'_>) -> Result<Vec<KeySize>, Error> {
    let count = input.count(MOST_KEY_SIZES)?;
    (0..count).map(|_| decode_key_size(input)).collect()
}

fn decode_blockings(input: &mut Reader<'_>) -> Result<Vec<Blocking>, Error> {
    let mut blockings: Vec<Blocking> = Vec::new();
    for _ in 0..input.count(Published::MOST_BLOCKINGS)? {
        let blocking = Blocking::decode(input)?;
        let last = blockings.last().map(Blocking::digest);
        if last.is_some_and(|last| last >= blocking.digest()) {
            return Err(input.malformed());
        }
        blockings.push(blocking);
    }
    Ok(blockings)
}
