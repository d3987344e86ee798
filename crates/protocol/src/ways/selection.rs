//! Selection: a provider's keys in a grid, of which a querier takes a row without the provider's seeing which.
//!
//! The querier then meets the keys of one row instead of all: some √m for m keys. No session looks up this way
//! yet; the grid and the selection of a row stand by themselves.
//!
//! # Source
//!
//! `spec/protocol.md`, §18.

use blindjoin_bigint::Naturals;
use blindjoin_paillier::{Ciphertexts, PublicKey};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::class::room;
use crate::error::Error;
use crate::fingerprint::{mac, prf, scale};
use crate::random::{below, permutation};

/// Bits of what stands in a place: a false match has a chance of 2⁻⁴⁸ for each column.
const VALUE_BITS: usize = 48;

/// Rows and columns of a grid, which follow from a public class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridShape {
    /// Selectors that a querier sends.
    pub rows: u32,
    /// Comparisons that a provider answers with.
    pub columns: u32,
}

impl GridShape {
    /// Yields the shape for a class of keys: some four rows to a column, since a selector costs less than a comparison,
    /// and columns enough for all keys at random rows, but for a chance of some 2⁻⁴¹.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if 32 bits do not number the places.
    pub fn of(class: u64) -> Result<Self, Error> {
        let too_many = Error::TooMany {
            count: class,
            room: u64::from(u32::MAX),
        };
        if class > u64::from(u32::MAX) {
            return Err(too_many);
        }
        let rows = (4 * class.isqrt()).max(1);
        let columns = room(u128::from(class.div_ceil(rows)), rows.ilog2() + 1);
        let short = |number: u64| u32::try_from(number).map_err(|_| too_many.clone());
        Ok(Self {
            rows: short(rows)?,
            columns: short(columns)?,
        })
    }
}

/// Where a key stands in a grid, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row.
    pub row: u32,
    /// What stands for the key in it, below 2⁴⁸.
    pub value: u64,
}

impl Place {
    /// Yields the place of a key among `rows` rows. Both parties compute it: the salt is the registry's, and told to
    /// the querier.
    pub fn of(salt: &[u8; 32], rows: u32, key: &[u8]) -> Self {
        let digest = mac(&prf(salt), &[key]);
        let value = digest[8..8 + VALUE_BITS / 8].iter();
        Self {
            row: scale(&digest[..8], rows),
            value: value.fold(0, |value, &byte| value << 8 | u64::from(byte)),
        }
    }
}

/// A provider's keys under one rule, row by row, made once for a registry.
pub struct Grid {
    shape: GridShape,
    /// A row's keys stand from column 0 on.
    rows: Vec<Zeroizing<Vec<u64>>>,
}

impl Grid {
    /// Yields the grid of keys that differ, filled up with random ones at random rows to their class, so that work follows
    /// the class; or none if a row overflows: then another salt is drawn.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if there are more keys than the class says, or 32 bits do not number the places.
    pub fn new<'a>(
        class: u64,
        salt: &[u8; 32],
        keys: impl Iterator<Item = &'a [u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Self>, Error> {
        let shape = GridShape::of(class)?;
        let mut grid = Self {
            shape,
            rows: vec![Zeroizing::default(); shape.rows as usize],
        };
        let mut count = 0;
        for key in keys {
            count += 1;
            if !grid.put(Place::of(salt, shape.rows, key)) {
                return Ok(None);
            }
        }
        if count > class {
            return Err(Error::TooMany { count, room: class });
        }
        while count < class {
            let row = below(rng, shape.rows);
            let value = Naturals::random(1, VALUE_BITS, rng).item(0)[0];
            // Of the random ones another takes the place of what does not fit.
            count += u64::from(grid.put(Place { row, value }));
        }
        Ok(Some(grid))
    }

    /// Yields its shape.
    pub fn shape(&self) -> GridShape {
        self.shape
    }

    /// Yields what stands in the row that is selected, encrypted, in an order drawn for this selection: of the selectors
    /// that row's encrypts 1 and all others 0. Where the row has no key stands what nobody can ask for, drawn for each
    /// column of this selection.
    ///
    /// Works on all threads of the current rayon pool. The answers need noise before they go to anybody:
    /// as they are, they tell whoever made the selectors all of the grid.
    ///
    /// # Errors
    ///
    /// That of the ciphertexts, if a selector shares a factor with the key's modulus: decoding refuses such.
    ///
    /// # Panics
    ///
    /// If there is not one selector for each row.
    pub fn select(
        &self,
        public: &PublicKey,
        selectors: &Ciphertexts,
        rng: &mut impl CryptoRng,
    ) -> Result<Ciphertexts, blindjoin_paillier::Error> {
        let columns = self.shape.columns;
        let nobody = Naturals::random(columns as usize, VALUE_BITS, rng);
        let sums = public.weighted_sums_vartime(selectors, &self.rows, VALUE_BITS, &nobody)?;
        let order: Vec<usize> = permutation(columns, rng)
            .into_iter()
            .map(|column| column as usize)
            .collect();
        Ok(Ciphertexts::from_batch(sums.as_batch().select(&order)))
    }

    /// Puts a key into its row, if there is room.
    fn put(&mut self, place: Place) -> bool {
        let row = &mut self.rows[place.row as usize];
        let room = row.len() < self.shape.columns as usize;
        if room {
            row.push(place.value);
        }
        room
    }
}

impl std::fmt::Debug for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grid")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use blindjoin_paillier::{KeySize, Profile, SecretKey};
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::fingerprint::specified;

    const SALT: [u8; 32] = [7; 32];

    fn keys(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|i| format!("HCN{i:09}").into_bytes())
            .collect()
    }

    fn grid(class: u64, keys: &[Vec<u8>], rng: &mut ChaCha20Rng) -> Result<Option<Grid>, Error> {
        Grid::new(class, &SALT, keys.iter().map(Vec::as_slice), rng)
    }

    #[test]
    fn shapes_and_places_are_the_specification_s() {
        let (vectors, _) = specified();
        let recorded = &vectors["selection"];
        for shape in recorded["shapes"].as_array().unwrap() {
            let [class, rows, columns] = [0, 1, 2].map(|i| shape[i].as_u64().unwrap());
            let found = GridShape::of(class).unwrap();
            assert_eq!(
                [u64::from(found.rows), u64::from(found.columns)],
                [rows, columns]
            );
        }
        for place in recorded["places"].as_array().unwrap() {
            let [rows, row] = [0, 2].map(|i| u32::try_from(place[i].as_u64().unwrap()).unwrap());
            let found = Place::of(&SALT, rows, place[1].as_str().unwrap().as_bytes());
            let value = place[3].as_u64().unwrap();
            assert_eq!(found, Place { row, value });
        }
    }

    #[test]
    fn a_selection_holds_the_keys_of_its_row_and_what_nobody_asks_for() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let size = KeySize::insecure_test_key(512).unwrap();
        let secret = SecretKey::generate(size, Profile::DjnShort, &mut rng);
        let (public, keys) = (secret.public(), keys(50));
        let grid = grid(64, &keys, &mut rng).unwrap().unwrap();
        let GridShape { rows, columns } = grid.shape();
        assert_eq!(grid.rows.iter().map(|row| row.len()).sum::<usize>(), 64);
        let own = |i: usize| Place::of(&SALT, rows, &keys[i]);
        let chosen = own(20).row;
        let selectors: Vec<u128> = (0..rows).map(|row| u128::from(row == chosen)).collect();
        let selectors = Naturals::from_u128s(&selectors, 1);
        let selectors = public.encrypt_random(&selectors, &mut rng).unwrap();
        let mut select = || -> Vec<u64> {
            let found = grid.select(public, &selectors, &mut rng).unwrap();
            let found = secret.decrypt_batch(&found).unwrap();
            let found = found.truncated(64);
            (0..columns as usize).map(|c| found.item(c)[0]).collect()
        };
        let (first, second) = (select(), select());
        assert_eq!(first.len(), columns as usize);
        let shared: Vec<_> = first
            .iter()
            .filter(|value| second.contains(value))
            .collect();
        let row = &grid.rows[chosen as usize];
        assert_eq!(shared.len(), row.len(), "what fills up is drawn afresh");
        assert!(row.iter().all(|value| shared.contains(&value)));
        for i in 0..keys.len() {
            assert_eq!(first.contains(&own(i).value), own(i).row == chosen);
        }
        let at = |found: &[u64]| found.iter().position(|&value| value == own(20).value);
        let places: Vec<_> = std::iter::repeat_with(|| at(&select())).take(8).collect();
        assert!(
            places.iter().any(|place| *place != places[0]),
            "one order for all"
        );
    }

    #[test]
    fn a_grid_takes_no_more_keys_than_its_class_and_says_when_a_row_overflows() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let error = grid(64, &keys(65), &mut rng).unwrap_err();
        assert!(matches!(
            error,
            Error::TooMany {
                count: 65,
                room: 64
            }
        ));
        let same = vec![b"the same".to_vec(); 64];
        assert!(grid(64, &same, &mut rng).unwrap().is_none());
    }
}
