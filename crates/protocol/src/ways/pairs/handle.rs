//! The provider's opaque handles of its records: a set that the querier knows too.

use crate::fingerprint::Fingerprints;

/// Handles by number, all different, and the set of them.
///
/// Handle `i` is the first bits of a keyed function of `i` and the number of the try, the next try
/// where an earlier handle has it. Both parties make as many as the class of the pairs, so that a
/// label which somebody has changed names one of them by chance only.
///
/// Memory: some 16 bytes for each.
///
/// # Source
///
/// `spec/protocol.md`, §3.2, §6.4.
#[derive(Clone)]
pub(super) struct Handles {
    by_number: Vec<u32>,
    taken: Taken,
}

impl Handles {
    /// Makes `count` handles of `bits` bits, at most a quarter of those there are.
    pub(super) fn new(keys: &Fingerprints, count: u32, bits: u32) -> Self {
        let mut taken = Taken::with_room(count);
        let free = |number: u32| {
            (0..=u8::MAX)
                .map(|attempt| keys.handle(number, attempt) >> (32 - bits))
                .find(|&handle| taken.insert(handle))
                .expect("three in four are free, so one of 256 tries is, but for 2^-512")
        };
        let by_number = (0..count).map(free).collect();
        Self { by_number, taken }
    }

    pub(super) fn get(&self, number: u32) -> u32 {
        self.by_number[number as usize]
    }

    pub(super) fn contains(&self, handle: u32) -> bool {
        self.taken.contains(handle)
    }
}

/// A set of evenly spread numbers: each is looked for from the place in proportion to its value on.
#[derive(Clone)]
struct Taken {
    /// Zero where there is nothing.
    places: Vec<u32>,
    shift: u32,
    zero: bool,
}

impl Taken {
    fn with_room(count: u32) -> Self {
        let length = (2 * count as usize).next_power_of_two().max(2);
        Self {
            places: vec![0; length],
            shift: length.ilog2(),
            zero: false,
        }
    }

    /// Says whether the number is new.
    fn insert(&mut self, number: u32) -> bool {
        if number == 0 {
            return !std::mem::replace(&mut self.zero, true);
        }
        let place = self.place(number);
        let new = self.places[place] == 0;
        self.places[place] = number;
        new
    }

    fn contains(&self, number: u32) -> bool {
        if number == 0 {
            self.zero
        } else {
            self.places[self.place(number)] == number
        }
    }

    /// The place of a number, or the free one where it belongs.
    fn place(&self, number: u32) -> usize {
        let length = self.places.len();
        // A product with an odd number spreads also what is short.
        let spread = number.wrapping_mul(0x9e37_79b1);
        let start = crate::widths::index((u64::from(spread) << self.shift) >> 32);
        (0..length)
            .map(|step| (start + step) % length)
            .find(|&place| [0, number].contains(&self.places[place]))
            .expect("twice as many places as numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_the_specification_s() {
        let (vectors, keys) = crate::fingerprint::specified();
        for bits in [8, 30, 32] {
            let listed = vectors["handles"][bits.to_string()].as_array().unwrap();
            let count = listed.len().try_into().unwrap();
            let handles = Handles::new(&keys, count, bits);
            for (number, handle) in (0..).zip(listed) {
                assert_eq!(u64::from(handles.get(number)), handle.as_u64().unwrap());
                assert!(handles.contains(handles.get(number)));
            }
            let among = (0..1_u32 << 8).filter(|&h| handles.contains(h)).count();
            assert_eq!(among, if bits == 8 { listed.len() } else { 0 });
        }
    }

    #[test]
    fn the_set_holds_what_was_put_in_and_no_more() {
        let mut taken = Taken::with_room(3);
        for number in [0, 1, u32::MAX] {
            assert!(!taken.contains(number));
            assert!(taken.insert(number) && !taken.insert(number));
            assert!(taken.contains(number) && !taken.contains(7));
        }
    }
}
