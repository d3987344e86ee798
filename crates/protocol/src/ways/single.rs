//! One comparison per ciphertext: what joins through either table have in common.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.4.

use std::ops::Range;
use std::sync::Arc;

use blindjoin_bigint::Naturals;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::mask::{Comparison, Draws, Masked, mask, write_slots};
use crate::mersenne::add;
use crate::provider::context::Context;
use crate::provider::dummies::draw_dummies;
use crate::provider::table::EncryptedTable;
use crate::random::permutation;
use crate::ways::way::{Prepared, Ready};
use crate::widths;

/// Where in a table the provider's keys could be.
pub(super) trait Places: Send + Sync + Sized + 'static {
    /// One of these places.
    type Place: Copy + Send + Sync;
    /// What is computed once of a table.
    type Powers: Send + Sync;

    /// The comparisons that all keys need.
    fn jobs(&self) -> usize;

    /// The value, the label and the place of a comparison, if it is one of a key's.
    fn real(&self, job: u32) -> Option<(u128, u64, Self::Place)>;

    /// A place as far from its neighbours' as that of a key.
    fn anywhere(&self, job: u32) -> Self::Place;

    /// Puts a place into a batch's input.
    fn absorb(input: &mut Sha256, place: Self::Place);

    fn powers(&self, context: &Context, table: &EncryptedTable) -> Self::Powers;

    /// The encrypted values at some places.
    fn gather(
        &self,
        context: &Context,
        table: &EncryptedTable,
        powers: &Self::Powers,
        places: &[Self::Place],
    ) -> Ciphertexts;

    /// Masks comparisons with what was gathered.
    fn mask(
        context: &Context,
        bases: Ciphertexts,
        order: &[(u64, Comparison)],
        draws: &mut Draws,
    ) -> Vec<u8>;
}

/// Comparisons in their secret order.
pub(super) struct SingleJobs<P> {
    order: Vec<u32>,
    places: P,
    dummies: u32,
}

impl<P: Places> SingleJobs<P> {
    pub(super) fn new(agreement: &Agreement, places: P, rng: &mut ChaCha20Rng) -> Self {
        let dummies = draw_dummies(agreement.manifest().terms.dummies, rng);
        let total = widths::short(widths::index(agreement.sizes().positions()));
        Self {
            order: permutation(total, rng),
            places,
            dummies,
        }
    }

    /// The comparison at a position of the stream.
    ///
    /// What only fills the stream has a place too, and a factor of zero takes it to one: it costs what
    /// a comparison costs, so that time does not tell how many keys there are in a class.
    fn at(&self, position: usize) -> (Comparison, P::Place) {
        let job = self.order[position];
        if let Some((value, label, place)) = self.places.real(job) {
            return (Comparison::Real { value, label }, place);
        }
        let is_dummy = (job as usize) < self.places.jobs() + self.dummies as usize;
        let comparison = if is_dummy {
            Comparison::Dummy
        } else {
            Comparison::Padding
        };
        (comparison, self.places.anywhere(job))
    }
}

impl<P: Places> Prepared for SingleJobs<P> {
    fn meet(self: Arc<Self>, context: &Context, table: Arc<EncryptedTable>) -> Box<dyn Ready> {
        Box::new(Met {
            powers: self.places.powers(context, &table),
            jobs: self,
            table,
        })
    }
}

/// The comparisons and the table.
struct Met<P: Places> {
    jobs: Arc<SingleJobs<P>>,
    table: Arc<EncryptedTable>,
    powers: P::Powers,
}

impl<P: Places> Ready for Met<P> {
    fn compare(&self, context: &Context, batch: u64, range: Range<u64>) -> Vec<u8> {
        let mut input = Sha256::new();
        let length = widths::index(range.end - range.start);
        let mut order = Zeroizing::new(Vec::with_capacity(length));
        let mut places = Vec::with_capacity(length);
        for position in range {
            let (comparison, place) = self.jobs.at(widths::index(position));
            absorb(&mut input, comparison);
            P::absorb(&mut input, place);
            order.push((position, comparison));
            places.push(place);
        }
        let mut draws = context.draws(batch, &input, &self.table);
        let bases = (self.jobs.places).gather(context, &self.table, &self.powers, &places);
        P::mask(context, bases, &order, &mut draws)
    }
}

fn absorb(input: &mut Sha256, comparison: Comparison) {
    let kind = match comparison {
        Comparison::Real { value, label } => {
            input.update(value.to_be_bytes());
            input.update(label.to_be_bytes());
            0
        }
        Comparison::Dummy => 1,
        Comparison::Padding => 2,
    };
    input.update([kind]);
}

/// A number below a bound that consecutive jobs scatter over.
pub(super) fn scattered_below(job: u32, part: u64, bound: u32) -> u32 {
    widths::short(widths::index(scattered(job, part) % u64::from(bound)))
}

/// Bits that are another's for every job and part.
pub(super) fn scattered(job: u32, part: u64) -> u64 {
    // The golden ratio's digits scatter consecutive numbers.
    let mixed = (u64::from(job) + part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

/// Masks comparisons in slots of their own.
pub(super) fn slot_masked(
    context: &Context,
    bases: Ciphertexts,
    order: &[(u64, Comparison)],
    draws: &mut Draws,
) -> Vec<u8> {
    let suite = context.agreement.suite();
    let blind = context.agreement.manifest().terms.blind;
    let masked: Vec<Masked> = order
        .iter()
        .map(|&(position, comparison)| {
            mask(comparison, position, blind, &context.fingerprints, draws)
        })
        .collect();
    let mut plain = Naturals::zero(order.len(), suite.slot_bits());
    for (index, masked) in masked.iter().enumerate() {
        write_slots(
            &mut plain,
            index,
            std::slice::from_ref(masked),
            suite.slot_bits(),
        );
    }
    let mut factors = Naturals::zero(bases.len(), suite.t_bits() as usize);
    for (index, masked) in masked.iter().enumerate() {
        add(factors.item_mut(index), masked.factor);
    }
    context.multiply_and_finish(bases, &factors, &plain, draws)
}
