use std::num::NonZeroUsize;

use blindjoin_record::blocking::Blocks;
use blindjoin_record::{Binding, Scratch};

use crate::{Chunk, Error, Reader, pipeline};

/// The sizes of a table's blocks.
#[derive(Clone, Debug, Default)]
pub struct BlockCount {
    /// How many of the records that take part are in each block, and in none.
    pub blocks: Blocks,
    /// Records without a signature under any rule, which are compared with none and so counted
    /// nowhere.
    pub idle: u64,
}

impl BlockCount {
    /// Reads a table whole and counts its records by the blocking key that the only rule of `blocks`
    /// yields.
    ///
    /// Under `rules` a record takes part if one of them yields its signature, as in a linkage; without
    /// rules all records do.
    ///
    /// # Errors
    ///
    /// All that reading can yield.
    pub fn read(
        reader: &mut Reader,
        rules: Option<&Binding>,
        blocks: &Binding,
        threads: NonZeroUsize,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, Error> {
        let mut count = Self::default();
        pipeline::run(
            reader,
            threads,
            || {
                let mut scratch = (Scratch::default(), Scratch::default());
                move |chunk: &Chunk| {
                    let mut part = Self::default();
                    for row in chunk.rows().iter() {
                        let takes_part = rules.is_none_or(|rules| {
                            let mut signatures = rules.sign(&row, &mut scratch.0).iter();
                            signatures.any(|signature| signature.is_ok())
                        });
                        if takes_part {
                            part.blocks
                                .add(blocks.sign(&row, &mut scratch.1).get(0).ok());
                        } else {
                            part.idle += 1;
                        }
                    }
                    Ok::<_, Error>((part, chunk.progress()))
                }
            },
            |(part, done)| {
                count.blocks.merge(&part.blocks);
                count.idle += part.idle;
                progress(done);
                Ok(())
            },
        )?;
        Ok(count)
    }
}
