//! The oblivious key-value store: a table whose sums at a key's places are the key's value.
//!
//! Every key selects three sparse places, one in each third, and a random half of a few dense
//! ones. Peeling solves all keys but a tiny core, the dense places solve the core, and whatever
//! stays free is filled at random. A key that is not in the store sums to an unrelated value.
//!
//! # Source
//!
//! S. Raghuraman and P. Rindal, *Blazing fast PSI from improved OKVS and subfield VOLE* (2022),
//! weight 3 with binary dense part, 40 bits of statistical security: the parameters of
//! [`Shape::for_size`].

use rand::Rng;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::mersenne::Mersenne;
use crate::random::below_mersenne;
use crate::size::shape::Shape;
use crate::widths;

/// One key's equation: the places it sums over, and the sum.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Row {
    pub(super) value: u128,
    pub(super) dense: u64,
    /// What a match shows; the store does not look at it.
    pub(super) tag: u64,
    pub(super) sparse: [u32; 3],
}

/// Solves a store modulo `2^bits - 1`; yields its places and the keys that found none.
///
/// A key is left out only if its row depends on the others' (chance about 2⁻⁴⁰ for the whole
/// store) and its value contradicts them.
pub(super) fn encode(
    shape: Shape,
    rows: &[Row],
    bits: u32,
    rng: &mut impl Rng,
) -> (Zeroizing<Vec<u128>>, Vec<u32>) {
    let field = Mersenne::new(bits);
    let places = 0..widths::index(shape.places());
    let mut table: Zeroizing<Vec<u128>> =
        Zeroizing::new(places.map(|_| below_mersenne(rng, bits)).collect());
    let (peeled, core) = peel(shape, rows);
    let unplaced = solve_core(shape, rows, &core, field, &mut table);
    for &(row, place) in peeled.iter().rev() {
        let others = sum(shape, &rows[row as usize], field, &table, Some(place));
        table[place as usize] = field.sub(rows[row as usize].value, others);
    }
    (table, unplaced)
}

/// Sums the places of a row, leaving one out if asked to.
fn sum(shape: Shape, row: &Row, field: Mersenne, table: &[u128], without: Option<u32>) -> u128 {
    let sparse = row
        .sparse
        .into_iter()
        .filter(|&place| Some(place) != without);
    let dense = (0..shape.dense())
        .filter(|k| row.dense >> k & 1 == 1)
        .map(|k| 3 * shape.third() + k);
    sparse
        .chain(dense)
        .fold(0, |total, place| field.add(total, table[place as usize]))
}

/// Removes keys that have a place to themselves, again and again; yields them with that place in
/// the order of removal, and the keys that remain.
fn peel(shape: Shape, rows: &[Row]) -> (Vec<(u32, u32)>, Vec<u32>) {
    let places = 3 * shape.third() as usize;
    // At each place the number of remaining keys and the exclusive or of their indexes: at a place
    // of one key the latter is the key.
    let mut degree = vec![0_u32; places];
    let mut mixed = vec![0_u32; places];
    for (index, row) in (0_u32..).zip(rows) {
        for place in row.sparse {
            degree[place as usize] += 1;
            mixed[place as usize] ^= index;
        }
    }
    let mut alive = vec![true; rows.len()];
    let mut peeled = Vec::with_capacity(rows.len());
    let mut todo: Vec<u32> = (0_u32..)
        .zip(&degree)
        .filter(|(_, d)| **d == 1)
        .map(|(p, _)| p)
        .collect();
    while let Some(place) = todo.pop() {
        if degree[place as usize] != 1 {
            continue;
        }
        let index = mixed[place as usize];
        alive[index as usize] = false;
        peeled.push((index, place));
        for other in rows[index as usize].sparse {
            degree[other as usize] -= 1;
            mixed[other as usize] ^= index;
            if degree[other as usize] == 1 {
                todo.push(other);
            }
        }
    }
    let core = (0_u32..)
        .zip(alive)
        .filter(|(_, alive)| *alive)
        .map(|(index, _)| index)
        .collect();
    (peeled, core)
}

/// Gauss-Jordan elimination over the core's sparse places and the dense ones; yields the keys
/// whose rows contradict the others'.
fn solve_core(
    shape: Shape,
    rows: &[Row],
    core: &[u32],
    field: Mersenne,
    table: &mut [u128],
) -> Vec<u32> {
    let mut columns: Vec<u32> = core
        .iter()
        .flat_map(|&row| rows[row as usize].sparse)
        .collect();
    columns.sort_unstable();
    columns.dedup();
    columns.extend(3 * shape.third()..3 * shape.third() + shape.dense());
    let width = columns.len();
    let mut solved: Vec<(usize, Zeroizing<Vec<u128>>)> = Vec::new();
    let mut unplaced = Vec::new();
    for &index in core {
        let row = &rows[index as usize];
        let mut equation = Zeroizing::new(vec![0; width + 1]);
        equation[width] = row.value;
        for place in row.sparse {
            let column = columns
                .binary_search(&place)
                .expect("the core's places are columns");
            equation[column] = 1;
        }
        for k in (0..shape.dense()).filter(|k| row.dense >> k & 1 == 1) {
            equation[width - (shape.dense() - k) as usize] = 1;
        }
        for (pivot, other) in &solved {
            eliminate(&mut equation, other, *pivot, field);
        }
        let Some(pivot) = equation[..width].iter().position(|&entry| entry != 0) else {
            if equation[width] != 0 {
                unplaced.push(index);
            }
            continue;
        };
        let inverse = field.invert(equation[pivot]);
        for entry in equation.iter_mut() {
            *entry = field.mul(*entry, inverse);
        }
        for (_, other) in &mut solved {
            eliminate(other, &equation, pivot, field);
        }
        solved.push((pivot, equation));
    }
    let free: Zeroizing<Vec<u128>> = Zeroizing::new(
        columns
            .iter()
            .map(|&column| table[column as usize])
            .collect(),
    );
    for (pivot, equation) in &solved {
        let others = (0..width)
            .filter(|column| column != pivot && equation[*column] != 0)
            .fold(0, |total, column| {
                field.add(total, field.mul(equation[column], free[column]))
            });
        table[columns[*pivot] as usize] = field.sub(equation[width], others);
    }
    unplaced
}

fn eliminate(equation: &mut [u128], by: &[u128], pivot: usize, field: Mersenne) {
    let factor = equation[pivot];
    if factor != 0 {
        for (entry, other) in equation.iter_mut().zip(by) {
            *entry = field.sub(*entry, field.mul(factor, *other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    fn random_rows(shape: Shape, count: usize, rng: &mut ChaCha8Rng) -> Vec<Row> {
        (0..count)
            .map(|_| Row {
                sparse: [0, 1, 2]
                    .map(|i| i * shape.third() + crate::random::below(rng, shape.third())),
                dense: rng.next_u64() >> (64 - shape.dense()),
                value: below_mersenne(rng, 89),
                tag: 0,
            })
            .collect()
    }

    fn assert_solves(shape: Shape, rows: &[Row], table: &[u128], unplaced: &[u32]) {
        let field = Mersenne::new(89);
        for (index, row) in (0_u32..).zip(rows) {
            let holds = sum(shape, row, field, table, None) == row.value;
            assert_eq!(holds, !unplaced.contains(&index), "row {index}");
        }
    }

    #[test]
    fn shapes_are_those_of_the_paper_and_far_from_a_rounding_edge() {
        let of = |size| {
            let shape = Shape::for_size(size);
            (shape.places() - u64::from(shape.dense()), shape.dense())
        };
        assert_eq!(of(1000).1, 43);
        assert!(
            (f64::from(u32::try_from(of(1 << 20).0).unwrap()) / f64::from(1 << 20) - 1.228).abs()
                < 0.001
        );
        // Platforms may differ in the last bits of a logarithm; no size class is near an edge.
        let mut size = 64;
        while size < 1 << 29 {
            let near = [0.999_999_99, 1.000_000_01].map(|factor| {
                #[expect(clippy::cast_precision_loss, reason = "only an estimate")]
                let size = size.max(128) as f64 * factor;
                let weight = 3_f64.log2();
                let exponent = 0.555 * size.log2() + 0.093 * weight.powi(3) - 1.01 * weight.powi(2)
                    + 2.925 * weight
                    - 0.133;
                let expansion = 49.2 / exponent.exp2() + 1.223;
                (40.0 / (expansion * size).log2()).floor()
            });
            assert!((near[0] - near[1]).abs() < 0.5, "size {size}");
            size = crate::class::size_class(size + 1);
        }
    }

    #[test]
    fn stores_hold_their_values() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for size in [64, 128, 640, 4096, 40_960] {
            let shape = Shape::for_size(size);
            let rows = random_rows(shape, usize::try_from(size).unwrap(), &mut rng);
            let (table, unplaced) = encode(shape, &rows, 89, &mut rng);
            assert!(unplaced.is_empty());
            assert_solves(shape, &rows, &table, &unplaced);
        }
    }

    #[test]
    fn small_stores_do_not_fail() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let shape = Shape::for_size(128);
        for _ in 0..1000 {
            let rows = random_rows(shape, 128, &mut rng);
            assert!(encode(shape, &rows, 89, &mut rng).1.is_empty());
        }
    }

    #[test]
    fn a_crowded_store_leaves_out_what_contradicts_and_keeps_the_rest() {
        let mut rng = ChaCha8Rng::seed_from_u64(10);
        let shape = Shape::agreed(40, 5);
        let rows = random_rows(shape, 140, &mut rng);
        let (table, unplaced) = encode(shape, &rows, 89, &mut rng);
        assert!(
            unplaced.len() >= 15,
            "{} equations too many",
            unplaced.len()
        );
        assert_solves(shape, &rows, &table, &unplaced);
    }

    #[test]
    fn equal_rows_with_unequal_values_cannot_both_hold() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let shape = Shape::for_size(128);
        let mut rows = random_rows(shape, 50, &mut rng);
        rows.push(Row {
            value: rows[7].value ^ 1,
            ..rows[7]
        });
        let (table, unplaced) = encode(shape, &rows, 89, &mut rng);
        assert_eq!(unplaced, [50]);
        assert_solves(shape, &rows, &table, &unplaced);
    }
}
