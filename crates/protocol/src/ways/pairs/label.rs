//! What a pair shows on a match, in one piece or shared out over its slots.

use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::mersenne::Mersenne;
use crate::random::below_mersenne;
use crate::terms::pairwise::Pairwise;
use crate::widths;

/// The field that labels are shared in: 61 bits.
// 2^61 - 1 is prime, and a row and a handle of 30 bits each lie below it.
const SHARE_BITS: u32 = 61;
/// The bits of a handle where a label is shared.
const SHARED_HANDLE_BITS: u32 = 30;

/// What a pair shows on a match.
///
/// # Source
///
/// `spec/protocol.md`, §6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PairLabel {
    pub(super) row: u32,
    pub(super) handle: u32,
}

impl PairLabel {
    /// The row of canaries, beyond that of any record.
    pub(super) const NO_ROW: u32 = 1 << 30;

    /// The bits of a handle.
    pub(super) fn handle_bits(pairwise: &Pairwise) -> u32 {
        pairwise.threshold.map_or(32, |_| SHARED_HANDLE_BITS)
    }

    /// What each slot of a pair shows on a match: the label, or its share of it.
    pub(super) fn in_slots(self, pairwise: &Pairwise, rng: &mut ChaCha20Rng) -> Vec<u64> {
        let slots = pairwise.slots_needed();
        match pairwise.threshold {
            None => vec![self.whole(); slots],
            Some(threshold) => shares(self, threshold, slots, rng),
        }
    }

    /// The label in one piece.
    fn whole(self) -> u64 {
        u64::from(self.row) << 32 | u64::from(self.handle)
    }

    pub(super) fn from_whole(label: u64) -> Self {
        let [row, handle] = [label >> 32, label & 0xffff_ffff]
            .map(|half| u32::try_from(half).expect("half a label"));
        Self { row, handle }
    }

    fn secret(self) -> u128 {
        u128::from(self.row) << SHARED_HANDLE_BITS | u128::from(self.handle)
    }

    pub(super) fn from_secret(secret: u128) -> Option<Self> {
        let handle = u32::try_from(secret & ((1 << SHARED_HANDLE_BITS) - 1)).ok()?;
        Some(Self {
            row: u32::try_from(secret >> SHARED_HANDLE_BITS).ok()?,
            handle,
        })
    }
}

/// Shares a label over slots such that `threshold` of them give it back and fewer say nothing.
///
/// # Source
///
/// A. Shamir, *How to share a secret*, CACM 22 (1979), over 2⁶¹ - 1; slot `i` has abscissa `i + 1`.
fn shares(label: PairLabel, threshold: u8, slots: usize, rng: &mut ChaCha20Rng) -> Vec<u64> {
    let field = Mersenne::new(SHARE_BITS);
    let mut coefficients = Zeroizing::new(vec![label.secret()]);
    coefficients.extend((1..threshold).map(|_| below_mersenne(rng, SHARE_BITS)));
    (1..=slots as u128)
        .map(|x| {
            let value = coefficients
                .iter()
                .rev()
                .fold(0, |acc, &c| field.add(field.mul(acc, x), c));
            widths::label(value)
        })
        .collect()
}

/// Interpolates at zero; nothing for what is no share, as most of 64 bits are not.
///
/// Whatever is done to a masked share, it comes out uniform over all other values of 64 bits. Each of
/// them opens another secret or none, so a changed label passes with chance n·m/(2⁶⁴ - 1), n the
/// querier's records and m the handles, as it does where the label is in one piece; where more shares
/// are shown than the threshold asks for, the others must agree as well.
pub(super) fn open_shares(shares: &[(usize, u64)]) -> Option<u128> {
    let field = Mersenne::new(SHARE_BITS);
    if shares
        .iter()
        .any(|&(_, share)| u128::from(share) >= field.modulus())
    {
        return None;
    }
    let at = |slot: usize| slot as u128 + 1;
    let secret = shares.iter().fold(0, |sum, &(slot, share)| {
        let (above, below) = shares.iter().filter(|(other, _)| *other != slot).fold(
            (1, 1),
            |(above, below), &(other, _)| {
                (
                    field.mul(above, at(other)),
                    field.mul(below, field.sub(at(other), at(slot))),
                )
            },
        );
        let weight = field.mul(above, field.invert(below));
        field.add(sum, field.mul(weight, share.into()))
    });
    Some(secret)
}

/// The name under which a part's values are fingerprinted.
pub(super) fn part_field(part: u8) -> String {
    part.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn enough_shares_open_and_fewer_do_not() {
        let mut rng = ChaCha20Rng::from_seed([6; 32]);
        let label = PairLabel {
            row: 123_456,
            handle: 987_654,
        };
        let shares = shares(label, 3, 6, &mut rng);
        let of = |slots: &[usize]| {
            slots
                .iter()
                .map(|&slot| (slot, shares[slot]))
                .collect::<Vec<_>>()
        };
        for slots in [[0, 1, 2], [1, 3, 5], [0, 4, 5]] {
            assert_eq!(
                open_shares(&of(&slots)).and_then(PairLabel::from_secret),
                Some(label)
            );
        }
        assert_ne!(
            open_shares(&of(&[0, 1])).and_then(PairLabel::from_secret),
            Some(label)
        );
        assert_eq!(open_shares(&of(&[0, 1, 2, 3])), Some(label.secret()));
        assert_eq!(open_shares(&[(0, 5), (1, u64::MAX >> 3)]), None);
    }

    #[test]
    fn labels_survive_in_one_piece() {
        let label = PairLabel {
            row: 7,
            handle: u32::MAX,
        };
        assert_eq!(PairLabel::from_whole(label.whole()), label);
    }
}
