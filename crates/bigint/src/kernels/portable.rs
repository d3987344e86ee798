//! One residue at a time, radix 2^64, carries propagated.
//!
//! With R = 2^(64·limbs) ≥ 16·m, digits below 2m stay below 2m: a sum of two products of digits is
//! below 8m², so its reduction is below 8m²/R + m ≤ 3m/2, and the offset K − quotient adds at most
//! (R + m)/R < 2 to that.

use crate::modulus::{Modulus, Scratch, low_word};

pub(crate) fn mul(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch) {
    let h = m.limbs;
    let (x0, x1) = x.split_at_mut(h);
    let (y0, y1) = y.split_at(h);
    product(&mut s.high, x0, y1);
    add_product(&mut s.high, x1, y0);
    product(&mut s.low, x0, y0);
    reduce_pair(m, x0, x1, s);
}

pub(crate) fn square(m: &Modulus, x: &mut [u64], s: &mut Scratch) {
    let h = m.limbs;
    let (x0, x1) = x.split_at_mut(h);
    product(&mut s.high, x0, x1);
    double(&mut s.high[..=2 * h]);
    square_wide(&mut s.low, x0);
    reduce_pair(m, x0, x1, s);
}

pub(crate) fn mul_digit(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch) {
    product(&mut s.low, x, y);
    reduce(m, x, &mut s.low, &mut s.quotient);
}

pub(crate) fn mul_low(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch, _ahead: &[&[u64]]) {
    let (x0, x1) = x.split_at_mut(m.limbs);
    product(&mut s.high, x1, y);
    product(&mut s.low, x0, y);
    reduce_pair(m, x0, x1, s);
}

pub(crate) fn accumulate(m: &Modulus, sum: &mut [u64], x: &[u64]) {
    add_digit(m, sum, x);
}

pub(crate) fn settle(m: &Modulus, sum: &mut [u64], s: &mut Scratch) {
    s.low.fill(0);
    s.low[..m.limbs].copy_from_slice(sum);
    reduce(m, sum, &mut s.low, &mut s.quotient);
}

pub(crate) fn split(m: &Modulus, out: &mut [u64], s: &mut Scratch) {
    let (x0, x1) = out.split_at_mut(m.limbs);
    s.low[2 * m.limbs] = 0;
    s.high.fill(0);
    reduce_pair(m, x0, x1, s);
}

pub(crate) fn canonical(m: &Modulus, x: &mut [u64], s: &mut Scratch) {
    let h = m.limbs;
    let (x0, x1) = x.split_at_mut(h);
    s.low.fill(0);
    s.low[..h].copy_from_slice(x0);
    s.high.fill(0);
    s.high[..h].copy_from_slice(x1);
    reduce_pair(m, x0, x1, s);
    // x₀ ≤ m and x₁ ≤ m + 1 here: one subtraction each, the first of which carries into x₁.
    let carry = subtract_if_not_below(x0, &m.m);
    add_words(x1, &[], carry);
    subtract_if_not_below(x1, &m.m);
}

pub(crate) fn join(m: &Modulus, x: &[u64], s: &mut Scratch) {
    let h = m.limbs;
    product(&mut s.low, &x[h..], &m.m);
    add_words(&mut s.low, &x[..h], 0);
}

pub(crate) fn add_digit(m: &Modulus, x: &mut [u64], y: &[u64]) {
    add_words(x, y, 0);
    subtract_if_not_below(x, &m.twice);
}

pub(crate) fn add(m: &Modulus, x: &mut [u64], y: &[u64]) {
    let (x0, x1) = x.split_at_mut(m.limbs);
    let (y0, y1) = y.split_at(m.limbs);
    add_words(x0, y0, 0);
    // The 2m that x₀ may lose are 2 in x₁; then x₁ ≤ 4m, which takes two subtractions.
    let lost = subtract_if_not_below(x0, &m.twice);
    add_words(x1, y1, 2 * lost);
    subtract_if_not_below(x1, &m.twice);
    subtract_if_not_below(x1, &m.twice);
}

pub(crate) fn scan(out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
    select(out, entries, indices);
}

pub(crate) fn select(out: &mut [u64], table: &[u64], [index, ..]: &[u64; 8]) {
    out.fill(0);
    for (entry, i) in table.chunks_exact(out.len()).zip(0u64..) {
        let mask = equal_mask(i, *index);
        for (word, &value) in out.iter_mut().zip(entry) {
            *word |= value & mask;
        }
    }
}

pub(crate) fn gather_vartime(out: &mut [u64], entries: &[u64], [index, ..]: &[usize; 8]) {
    let size = out.len();
    out.copy_from_slice(&entries[index * size..][..size]);
}

/// One number at a time is read in one piece, which processors foresee.
pub(crate) fn prefetch(_rows: &[&[u64]]) {}

/// (x₀, x₁) ← T₀/R, (T₁ + K − quotient)/R with T₀, T₁ in `s.low`, `s.high`.
fn reduce_pair(m: &Modulus, x0: &mut [u64], x1: &mut [u64], s: &mut Scratch) {
    let h = m.limbs;
    reduce(m, x0, &mut s.low, &mut s.quotient);
    // T₁ + K − quotient, K ≥ R > quotient; the sum of two's complement carries stays in {−1, 0, 1}.
    let mut carry = 0i128;
    for i in 0..=2 * h {
        let k = if i <= h { m.offset[i] } else { 0 };
        let q = if i < h { s.quotient[i] } else { 0 };
        let sum = carry + i128::from(s.high[i]) + i128::from(k) - i128::from(q);
        s.high[i] = low_word(sum.cast_unsigned());
        carry = sum >> 64;
    }
    reduce(m, x1, &mut s.high, &mut s.quotient);
}

/// out ← (T + q·m)/R with the quotient q that makes it whole; T of 2·limbs words is consumed.
fn reduce(m: &Modulus, out: &mut [u64], t: &mut [u64], quotient: &mut [u64]) {
    let h = m.limbs;
    let modulus = &m.m[..h];
    let mut carry = 0;
    let (pairs, last) = quotient[..h].as_chunks_mut::<2>();
    for (i, q) in pairs.iter_mut().enumerate() {
        let t = &mut t[2 * i..2 * i + h + 2];
        q[0] = t[0].wrapping_mul(m.negative_inverse);
        let low = wide(q[0], modulus[0], t[0], 0);
        let next = wide(q[0], modulus[1], t[1], high_word(low));
        q[1] = low_word(next).wrapping_mul(m.negative_inverse);
        carry = add_rows(t, modulus, *q, carry);
    }
    if let [q] = last {
        let t = &mut t[h - 1..2 * h];
        *q = t[0].wrapping_mul(m.negative_inverse);
        add_row(t, modulus, *q, carry);
    }
    out.copy_from_slice(&t[h..2 * h]);
}

fn product(t: &mut [u64], a: &[u64], b: &[u64]) {
    t.fill(0);
    add_product(t, a, b);
}

fn add_product(t: &mut [u64], a: &[u64], b: &[u64]) {
    let h = a.len();
    let mut carry = 0;
    let (pairs, last) = b.as_chunks::<2>();
    for (i, &rows) in pairs.iter().enumerate() {
        carry = add_rows(&mut t[2 * i..2 * i + h + 2], a, rows, carry);
    }
    if let [row] = last {
        add_row(&mut t[b.len() - 1..b.len() + h], a, *row, carry);
    }
}

fn square_wide(t: &mut [u64], a: &[u64]) {
    let h = a.len();
    t.fill(0);
    for i in 0..h {
        t[i + h] = multiply_add(&mut t[2 * i + 1..i + h], &a[i + 1..], a[i]);
    }
    double(t);
    let mut carry = 0;
    for (i, &digit) in a.iter().enumerate() {
        let low = u128::from(digit) * u128::from(digit) + u128::from(t[2 * i]) + u128::from(carry);
        t[2 * i] = low_word(low);
        let high = u128::from(t[2 * i + 1]) + (low >> 64);
        t[2 * i + 1] = low_word(high);
        carry = low_word(high >> 64);
    }
}

/// t ← t + a·(b₀ + b₁·2^64), two words more in t than in a; `carry` enters at the lower of these and comes
/// out above them.
#[inline]
fn add_rows(t: &mut [u64], a: &[u64], b: [u64; 2], carry: u64) -> u64 {
    let h = a.len();
    let (body, top) = t.split_at_mut(h);
    let (mut low, mut high) = (0, 0);
    let mut previous = 0;
    for (t, &a) in body.iter_mut().zip(a) {
        let first = wide(a, b[0], *t, low);
        let second = wide(previous, b[1], low_word(first), high);
        *t = low_word(second);
        low = high_word(first);
        high = high_word(second);
        previous = a;
    }
    let next = wide(previous, b[1], low, high);
    let first = u128::from(top[0]) + u128::from(low_word(next)) + u128::from(carry);
    top[0] = low_word(first);
    let second = u128::from(top[1]) + u128::from(high_word(next)) + (first >> 64);
    top[1] = low_word(second);
    high_word(second)
}

/// t ← t + a·b, one word more in t than in a; `carry` enters at the top word and comes out above it.
#[inline]
fn add_row(t: &mut [u64], a: &[u64], b: u64, carry: u64) -> u64 {
    let (body, top) = t.split_at_mut(a.len());
    let row = multiply_add(body, a, b);
    let sum = u128::from(top[0]) + u128::from(row) + u128::from(carry);
    top[0] = low_word(sum);
    high_word(sum)
}

/// t ← t + a·b, and the word that does not fit.
#[inline]
fn multiply_add(t: &mut [u64], a: &[u64], b: u64) -> u64 {
    let mut carry = 0;
    for (t, &a) in t.iter_mut().zip(a) {
        let sum = wide(a, b, *t, carry);
        *t = low_word(sum);
        carry = high_word(sum);
    }
    carry
}

/// a·b + c + d, which fits.
#[inline]
fn wide(a: u64, b: u64, c: u64, d: u64) -> u128 {
    u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d)
}

fn high_word(value: u128) -> u64 {
    low_word(value >> 64)
}

/// x ← x + y + carry, y possibly shorter.
fn add_words(x: &mut [u64], y: &[u64], mut carry: u64) {
    for (i, word) in x.iter_mut().enumerate() {
        let sum =
            u128::from(*word) + u128::from(y.get(i).copied().unwrap_or(0)) + u128::from(carry);
        *word = low_word(sum);
        carry = low_word(sum >> 64);
    }
}

fn double(t: &mut [u64]) {
    let mut carry = 0;
    for word in t {
        let top = *word >> 63;
        *word = *word << 1 | carry;
        carry = top;
    }
}

/// x ← x − m if x ≥ m, without a branch; yields 1 if it subtracted.
fn subtract_if_not_below(x: &mut [u64], m: &[u64]) -> u64 {
    let mut borrow = 0;
    for (&a, &b) in x.iter().zip(m) {
        borrow = borrow_of(a, b, borrow);
    }
    let mask = opaque(borrow.wrapping_sub(1));
    let mut borrow_in = 0;
    for (a, &b) in x.iter_mut().zip(m) {
        let b = b & mask;
        let out = borrow_of(*a, b, borrow_in);
        *a = a.wrapping_sub(b).wrapping_sub(borrow_in);
        borrow_in = out;
    }
    mask & 1
}

fn borrow_of(a: u64, b: u64, borrow: u64) -> u64 {
    let difference = u128::from(a)
        .wrapping_sub(u128::from(b))
        .wrapping_sub(u128::from(borrow));
    low_word(difference >> 64) & 1
}

/// All ones if equal, else zero.
fn equal_mask(a: u64, b: u64) -> u64 {
    let x = a ^ b;
    opaque(((x | x.wrapping_neg()) >> 63).wrapping_sub(1))
}

/// A mask of which the compiler knows nothing. If it saw that the mask is all ones or zero, it would
/// branch on it and leave out the reads that the mask is there to hide, as it did.
fn opaque(mask: u64) -> u64 {
    std::hint::black_box(mask)
}
