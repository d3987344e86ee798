//! What everybody else knows of a way of comparing.

use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::card::Card;
use crate::error::Error;
use crate::provider::context::Context;
use crate::provider::table::EncryptedTable;

/// How what the querier asks lies in its table.
pub(crate) trait Layout: Send + Sync {
    /// Starts to collect what the result shows.
    fn collect(&self) -> Box<dyn Collect + '_>;

    /// How many keys or records are asked about.
    fn len(&self) -> usize;

    /// How many of them found no place.
    fn unplaced(&self) -> usize;
}

/// What the labels taken so far name.
pub(crate) trait Collect: Send {
    /// Takes the unmasked label at a position; positions ascend.
    fn take(&mut self, position: u64, label: u64);

    /// Makes the remaining checks, and the card.
    fn card(self: Box<Self>) -> Result<Card, Error>;
}

/// A layout, and the plaintexts of the table in their order.
pub(crate) struct LaidOut {
    pub(crate) layout: Box<dyn Layout>,
    pub(crate) plain: Zeroizing<Vec<u128>>,
}

/// The provider's comparisons in their secret order, before the table arrives.
pub(crate) trait Prepared: Send + Sync {
    /// Brings them together with the table.
    fn meet(self: Arc<Self>, context: &Context, table: Arc<EncryptedTable>) -> Box<dyn Ready>;
}

/// The provider's comparisons with a table.
pub(crate) trait Ready: Send + Sync {
    /// Computes the ciphertexts at `range`, which are those of a batch.
    fn compare(&self, context: &Context, batch: u64, range: Range<u64>) -> Vec<u8>;
}

/// The spurious labels that chance explains: any more, and no match of the session is reported.
///
/// Blind or not, a word that is no match passes for a label with chance 2^(L - |t|), 2⁻³³ in a join,
/// because what its mask leaves is uniform below `t`: of 2²⁵ words, for more than ten million keys in
/// a cuckoo table, more than two pass with chance 2⁻²⁶. A blind word that somebody changes is as
/// uniform, so it is lost like a dropped one, which is what canaries are for.
const SPURIOUS_BY_CHANCE: u64 = 2;

/// Checks that no more labels are spurious than chance explains.
pub(crate) fn check_spurious(labels: u64) -> Result<(), Error> {
    if labels > SPURIOUS_BY_CHANCE {
        return Err(Error::Spurious { labels });
    }
    Ok(())
}
