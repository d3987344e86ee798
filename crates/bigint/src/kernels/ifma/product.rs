//! Columns of products and squares.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_setzero_si512,
};

use super::vector::{LANES, Limb, ROWS, load, store};

/// Repeats a block `ROWS` times with a constant that counts, so that it stays in registers.
macro_rules! unroll {
    (|$i:ident| $body:block) => {
        unroll!(@ $i $body 0 1 2 3 4 5 6 7 8 9)
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
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_product(t: &mut [Limb], a: &[Limb], b: &[Limb]) {
    for (i, rows) in b.as_chunks().0.iter().enumerate() {
        let t = &mut t[i * ROWS..];
        let (rows, columns) = (load_block(rows), load_block(first_block(t)));
        sweep::<SUM>(t, a, &rows, &columns);
    }
}

/// t ← a·b, columns without carries, whatever `t` held.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn set_product(t: &mut [Limb], a: &[Limb], b: &[Limb]) {
    let (first, rest) = b.as_chunks().0.split_first().expect("a block of rows");
    sweep::<FIRST>(t, a, &load_block(first), &[_mm512_setzero_si512(); ROWS]);
    for (i, rows) in (1..).zip(rest) {
        let t = &mut t[i * ROWS..];
        let (rows, columns) = (load_block(rows), load_block(first_block(t)));
        sweep::<NEXT>(t, a, &rows, &columns);
    }
}

/// t ← a², columns without carries, whatever `t` held.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
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
                sweep::<SQUARE_FIRST>(t, right, &rows, &[_mm512_setzero_si512(); ROWS]);
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
#[target_feature(enable = "avx512f,avx512ifma")]
fn square_block(t: &mut [Limb; 2 * ROWS], a: &[Limb; ROWS]) {
    let a = load_block(a);
    let mut c = [_mm512_setzero_si512(); 2 * ROWS];
    for (c, t) in c.iter_mut().zip(&*t) {
        *c = load(t);
    }
    for r in 0..ROWS {
        for s in r + 1..ROWS {
            c[r + s] = lo(c[r + s], a[r], a[s]);
            c[r + s + 1] = hi(c[r + s + 1], a[r], a[s]);
        }
    }
    for r in 0..ROWS {
        let (even, odd) = (c[2 * r], c[2 * r + 1]);
        store(&mut t[2 * r], lo(_mm512_add_epi64(even, even), a[r], a[r]));
        store(
            &mut t[2 * r + 1],
            hi(_mm512_add_epi64(odd, odd), a[r], a[r]),
        );
    }
}

/// Where a sweep is used: one copy of it each, in line, with its rows and columns in registers.
const SUM: u8 = 0;
pub(super) const REDUCTION: u8 = 1;
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
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn sweep<const SITE: u8>(
    t: &mut [Limb],
    a: &[Limb],
    rows: &[__m512i; ROWS],
    columns: &[__m512i; ROWS],
) {
    let mut columns = *columns;
    let (t, end) = t.split_at_mut(a.len());
    let end: &mut [Limb; ROWS] = end
        .first_chunk_mut()
        .expect("a block of columns beyond the last limb");
    let (limbs, starts) = (a.as_chunks::<ROWS>().0, t.as_chunks_mut::<ROWS>().0);
    let mut i = 0;
    while i < limbs.len() {
        // After `ROWS` steps the window is back in the registers where it began.
        let last = i + 1 == limbs.len();
        let next = if is_fresh(SITE, last) {
            [_mm512_setzero_si512(); ROWS]
        } else if last {
            load_block(end)
        } else {
            load_block(&starts[i + 1])
        };
        unroll!(|J| {
            let limb = load(&limbs[i][J]);
            store(&mut starts[i][J], lo(columns[0], limb, rows[0]));
            for r in 1..ROWS {
                columns[r - 1] = hi(lo(columns[r], limb, rows[r]), limb, rows[r - 1]);
            }
            columns[ROWS - 1] = hi(next[J], limb, rows[ROWS - 1]);
        });
        i += 1;
    }
    for (t, column) in end.iter_mut().zip(columns) {
        store(t, column);
    }
}

/// Whether the columns that a sweep comes to, or the `last` of them, have not been written.
#[inline]
const fn is_fresh(site: u8, last: bool) -> bool {
    matches!(site, FIRST | SQUARE_FIRST) || (matches!(site, NEXT | SQUARE_NEXT) && last)
}

#[inline]
pub(super) fn first_block(t: &[Limb]) -> &[Limb; ROWS] {
    t.first_chunk().expect("a block of columns")
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_block(limbs: &[Limb; ROWS]) -> [__m512i; ROWS] {
    let mut out = [_mm512_setzero_si512(); ROWS];
    for (out, limb) in out.iter_mut().zip(limbs) {
        *out = load(limb);
    }
    out
}

/// c + the low 52 bits of a·b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn lo(c: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52lo_epu64(c, a, b)
}

/// c + the high 52 bits of a·b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn hi(c: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52hi_epu64(c, a, b)
}
