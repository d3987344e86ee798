//! In which blocks records are compared; shared by the commands that compare whole files.

use std::path::Path;

use anyhow::Context;
use blindjoin_columnar::Format;
use blindjoin_protocol::{BlockDirectory, Pairwise};
use blindjoin_querier::{Blocking, People, Records};
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{Groups, LEAST_BLOCK, Small};
use blindjoin_service::program::say;
use blindjoin_service::random;

/// In which blocks to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct BlockOptions {
    /// Compare within blocks only, which the provider learns: a list of fields as in `blindjoin
    /// blocks`, or, but not for pairs, hash:BITS for a prefix of a salted hash of every identifier
    #[arg(long, value_name = "KEY")]
    block: Option<String>,
    /// The least number of our records in a block
    #[arg(
        long,
        value_name = "K",
        default_value_t = LEAST_BLOCK,
        requires = "block",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    k_min: u64,
    /// What to do about smaller blocks of fields
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = SmallBlocks::Refuse, requires = "block")]
    small_blocks: SmallBlocks,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SmallBlocks {
    /// End with an error if there are some
    Refuse,
    /// Compare none of their records
    Suppress,
    /// Name them to the provider together with their neighbours, by the first and the last key of a
    /// range that is large enough; neighbours are such in the order of the fields given
    Merge,
}

/// Records, and the blocks in which they are to be compared, if any.
pub(crate) struct InBlocks {
    pub(crate) people: People,
    blocking: Option<(Blocking, Option<Groups>)>,
}

impl BlockOptions {
    /// Reads a table of records whole, and says how many of them are left out.
    pub(crate) fn read(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
    ) -> anyhow::Result<InBlocks> {
        let Some(block) = &self.block else {
            return Ok(InBlocks {
                people: People::read(data, format, rules)?,
                blocking: None,
            });
        };
        let blocking = Blocking::new(block, rules, self.k_min, self.small_blocks.into())?;
        let groups = blocking.count(data, format, rules)?;
        let fields = blocking.fields().zip(groups.as_ref());
        let people = People::read_in_blocks(data, format, rules, fields)?;
        self.say_suppressed(groups.as_ref());
        Ok(InBlocks {
            people,
            blocking: Some((blocking, groups)),
        })
    }

    /// Reads a table of records whole for a comparison of pairs, which needs blocks of fields, and
    /// says how many of them are left out. Yields also what the provider will see of the blocks.
    pub(crate) fn read_for_pairs(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
        pairwise: &Pairwise,
    ) -> anyhow::Result<(Records, BlockDirectory)> {
        let block = self.block.as_deref();
        let block = block.context("pairs are compared within blocks: give --block")?;
        let blocking = Blocking::new(block, rules, self.k_min, self.small_blocks.into())?;
        let groups = blocking.count(data, format, rules)?;
        let fields = blocking.fields().zip(groups.as_ref());
        let fields = fields.context("--block: pairs need a list of fields")?;
        let records = Records::read(data, format, rules, pairwise, fields)?;
        self.say_suppressed(groups.as_ref());
        let directory = blocking.pair_directory(fields.1, &mut random::generator()?)?;
        Ok((records, directory))
    }

    fn say_suppressed(&self, groups: Option<&Groups>) {
        let suppressed = groups.map_or(0, Groups::suppressed);
        if suppressed > 0 {
            say(format_args!(
                "{suppressed} records are left out: their blocks hold fewer than {}",
                self.k_min
            ));
        }
    }
}

impl From<SmallBlocks> for Small {
    fn from(small: SmallBlocks) -> Self {
        match small {
            SmallBlocks::Refuse => Self::Refuse,
            SmallBlocks::Suppress => Self::Suppress,
            SmallBlocks::Merge => Self::Merge,
        }
    }
}

impl InBlocks {
    /// What a provider will see of the blocks: the same for each, under a salt of its own.
    pub(crate) fn directory(&self) -> anyhow::Result<Option<BlockDirectory>> {
        let Some((blocking, groups)) = &self.blocking else {
            return Ok(None);
        };
        let keys = self.people.keys.iter();
        let mut generator = random::generator()?;
        Ok(Some(blocking.directory(
            groups.as_ref(),
            keys,
            &mut generator,
        )?))
    }
}
