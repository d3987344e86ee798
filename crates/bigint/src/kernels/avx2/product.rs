//! Columns of products and squares.

use super::vector::{LANES, Limb, ROWS, Vector, add, load, load_block, multiply_add, store, zero};

/// Repeats a block `ROWS` times with a constant that counts, so that it stays in registers.
macro_rules! unroll {
    (|$i:ident| $body:block) => {
        unroll!(@ $i $body 0 1 2 3 4)
    };
    (@ $i:ident $body:block $($n:literal)*) => {
        $({
            const $i: usize = $n;
            $body
        })*
    };
}

/// t ← t + a·b, columns without carries; `t` has as many limbs as a and b together.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn add_product(t: &mut [Limb], a: &[Limb], b: &[Limb]) {
    for (i, rows) in b.as_chunks().0.iter().enumerate() {
        let t = &mut t[i * ROWS..];
        let (rows, columns) = (load_block(rows), load_block(first_block(t)));
        sweep::<SUM>(t, a, &rows, &columns);
    }
}

/// t ← a·b, columns without carries, whatever `t` held.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn set_product(t: &mut [Limb], a: &[Limb], b: &[Limb]) {
    let (first, rest) = b.as_chunks().0.split_first().expect("a block of rows");
    sweep::<FIRST>(t, a, &load_block(first), &[zero(); ROWS]);
    for (i, rows) in (1..).zip(rest) {
        let t = &mut t[i * ROWS..];
        let (rows, columns) = (load_block(rows), load_block(first_block(t)));
        sweep::<NEXT>(t, a, &rows, &columns);
    }
}

/// t ← a², columns without carries, whatever `t` held.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn set_square(t: &mut [Limb], a: &[Limb]) {
    let blocks = a.as_chunks::<ROWS>().0;
    // The rectangles reach all columns but the first and the last.
    let last = 2 * a.len() - ROWS;
    t[..ROWS].fill([0; LANES]);
    t[last..last + ROWS].fill([0; LANES]);
    for (i, rows) in blocks.iter().enumerate() {
        let right = &a[(i + 1) * ROWS..];
        if !right.is_empty() {
            let t = &mut t[(2 * i + 1) * ROWS..];
            let rows = load_block(rows);
            if i == 0 {
                sweep::<SQUARE_FIRST>(t, right, &rows, &[zero(); ROWS]);
            } else {
                let columns = load_block(first_block(t));
                sweep::<SQUARE_NEXT>(t, right, &rows, &columns);
            }
        }
    }
    for (block, columns) in blocks.iter().zip(t.as_chunks_mut::<{ 2 * ROWS }>().0) {
        square_block(columns, block);
    }
}

/// t ← 2·t + a² for a block on the diagonal.
#[inline]
#[target_feature(enable = "avx2")]
fn square_block(t: &mut [Limb; 2 * ROWS], a: &[Limb; ROWS]) {
    let a = load_block(a);
    let mut c = [zero(); 2 * ROWS];
    for (c, t) in c.iter_mut().zip(&*t) {
        *c = load(t);
    }
    for r in 0..ROWS {
        for s in r + 1..ROWS {
            c[r + s] = multiply_add(c[r + s], a[r], a[s]);
        }
    }
    for r in 0..ROWS {
        let (even, odd) = (c[2 * r], c[2 * r + 1]);
        store(&mut t[2 * r], multiply_add(add(even, even), a[r], a[r]));
        store(&mut t[2 * r + 1], add(odd, odd));
    }
}

/// Where a sweep is used: one copy of it each, in line, with its rows and columns in registers.
pub(super) const SUM: u8 = 0;
/// The first block of a product: no column has been written.
const FIRST: u8 = 2;
/// Another: the last columns have not been written.
const NEXT: u8 = 3;
const SQUARE_FIRST: u8 = 4;
const SQUARE_NEXT: u8 = 5;

/// Adds the product of `ROWS` rows with all of `a` to the columns of `t`, the first `ROWS` of which are in
/// `columns`. Limb by limb the window of columns moves up by one: the lowest is finished and stored,
/// the next is loaded.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sweep<const SITE: u8>(
    t: &mut [Limb],
    a: &[Limb],
    rows: &[Vector; ROWS],
    columns: &[Vector; ROWS],
) {
    let mut columns = *columns;
    let (current, rest) = t.as_chunks_mut().0.split_first_mut().expect("columns");
    let (last, limbs) = a.as_chunks().0.split_last().expect("limbs");
    let (mut current, mut rest) = (current, rest);
    for limbs in limbs {
        let (next, others) = rest.split_first_mut().expect("a column for each limb");
        let written = !matches!(SITE, FIRST | SQUARE_FIRST);
        stride(
            current,
            limbs,
            rows,
            &mut columns,
            written.then_some(&*next),
        );
        (current, rest) = (next, others);
    }
    let end = rest
        .first_mut()
        .expect("a block of columns beyond the last limb");
    let written = matches!(SITE, SUM);
    stride(current, last, rows, &mut columns, written.then_some(&*end));
    for (t, column) in end.iter_mut().zip(columns) {
        store(t, column);
    }
}

/// `ROWS` steps of a sweep, after which the window of columns is back in the registers where it began. Columns that
/// have no `next` to be loaded from are zero.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn stride(
    finished: &mut [Limb; ROWS],
    limbs: &[Limb; ROWS],
    rows: &[Vector; ROWS],
    columns: &mut [Vector; ROWS],
    next: Option<&[Limb; ROWS]>,
) {
    unroll!(|J| {
        let limb = load(&limbs[J]);
        store(&mut finished[J], multiply_add(columns[0], limb, rows[0]));
        for r in 1..ROWS {
            columns[r - 1] = multiply_add(columns[r], limb, rows[r]);
        }
        columns[ROWS - 1] = match next {
            Some(next) => load(&next[J]),
            None => zero(),
        };
    });
}

#[inline]
pub(super) fn first_block(t: &[Limb]) -> &[Limb; ROWS] {
    t.first_chunk().expect("a block of columns")
}
