//! Powers of one base from a table.

use rayon::prelude::*;
use zeroize::Zeroize;

use crate::batch::Batch;
use crate::elements::Elements;
use crate::filling::Filling;
use crate::modulus::{Modulus, Scratch};
use crate::naturals::Naturals;
use crate::ring::SquareRing;
use crate::words::Words;

/// How a [`FixedBase`] reads its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lookup {
    /// Reads only the entries it needs: fastest, but a process that shares the cache may learn digits of
    /// the exponents.
    #[default]
    Direct,
    /// Reads every entry of a window for every digit: addresses do not depend on the exponents.
    ConstantTime,
}

/// Powers base^(d·2^(w·i)) of one base for every window i and digit d, so that a power costs one product per
/// window and no squaring.
///
/// A power is held as t·(1 + s·m) with t below m: t multiplies a pack at 8 units instead of the 10 of a full
/// product, and the s of all windows are merely added up; see `docs/ifma.md`.
///
/// Share it between threads by reference or in an `Arc`.
#[derive(Clone)]
pub struct FixedBase {
    ring: SquareRing,
    /// Entries of two digits, t and R²·s modulo m: a piece for as many windows as a pack has lanes.
    table: Vec<Words>,
    bits: usize,
    window: usize,
    lookup: Lookup,
}

impl FixedBase {
    /// Builds the table of element `index` of `base` for exponents below `2^bits`, with a window of
    /// [`FixedBase::choose_window`], on all threads of the current rayon pool.
    ///
    /// # Panics
    ///
    /// As [`FixedBase::with_window`].
    pub fn new(ring: &SquareRing, base: &Batch, index: usize, bits: usize, lookup: Lookup) -> Self {
        let window = Self::choose_window(ring, bits, lookup);
        Self::with_window(ring, base, index, bits, lookup, window)
    }

    /// As [`FixedBase::new`], with the window that makes the table and `uses` powers together cheapest.
    ///
    /// # Panics
    ///
    /// As [`FixedBase::with_window`].
    pub fn for_uses(
        ring: &SquareRing,
        base: &Batch,
        index: usize,
        bits: usize,
        lookup: Lookup,
        uses: usize,
    ) -> Self {
        let window = Self::choose_window_for(ring, bits, lookup, uses);
        Self::with_window(ring, base, index, bits, lookup, window)
    }

    /// As [`FixedBase::new`], with windows of `window` bits.
    ///
    /// The base is inverted on the way, in variable time: it is public.
    ///
    /// # Panics
    ///
    /// If there is no such element, it is not a unit, or `window` is not in 1..=16.
    pub fn with_window(
        ring: &SquareRing,
        base: &Batch,
        index: usize,
        bits: usize,
        lookup: Lookup,
        window: usize,
    ) -> Self {
        assert!((1..=16).contains(&window), "windows of 1 to 16 bits");
        let m = ring.m();
        let windows = bits.div_ceil(window);
        let base = base.select(&[index]);
        let inverse = ring.to_integers(&base)[0]
            .modinv(ring.modulus())
            .expect("a fixed base is a unit");
        let inverse = ring.from_integers(&[inverse]);
        let (bases, inverses) = rayon::join(
            || window_bases(ring, base, windows, window),
            || window_bases(ring, inverse, windows, window),
        );
        // Each thread touches the memory that it fills first.
        let table = (0..bases.pack_count())
            .into_par_iter()
            .map(|i| {
                let size = m.entry() << window;
                let mut part = Words::zeroed(size * bases.lanes_used(i));
                Filling::new(ring, bases.pack(i), inverses.pack(i)).fill(&mut part, size);
                part
            })
            .collect();
        Self {
            ring: ring.clone(),
            table,
            bits,
            window,
            lookup,
        }
    }

    /// The window width that makes a power of `bits` bits cheapest here.
    ///
    /// A wider window saves products until its table outgrows the caches; the limits were measured
    /// (`cargo bench -p blindjoin-bigint`).
    pub fn choose_window(ring: &SquareRing, bits: usize, lookup: Lookup) -> usize {
        const LARGEST_TABLE: usize = 48 << 20;
        match lookup {
            Lookup::ConstantTime if ring.element_bytes() < 640 => 5,
            Lookup::ConstantTime => 6,
            Lookup::Direct => (4..=10)
                .rev()
                .find(|&w| (bits.div_ceil(w) << w) * ring.element_bytes() <= LARGEST_TABLE)
                .unwrap_or(4),
        }
    }

    /// The window width that makes the table and `uses` powers of `bits` bits together cheapest.
    ///
    /// Reading entries in constant time asks for windows no wider than [`FixedBase::choose_window`]'s.
    pub fn choose_window_for(ring: &SquareRing, bits: usize, lookup: Lookup, uses: usize) -> usize {
        const LARGEST_TABLE: usize = 384 << 20;
        let widest = match lookup {
            Lookup::ConstantTime => Self::choose_window(ring, bits, lookup),
            Lookup::Direct => 12,
        };
        // A use costs a product of 8 units; an entry 12, and its memory as much again and more.
        let cost = |w: usize| bits.div_ceil(w) * ((4 << w) + uses);
        let fits = |w: &usize| (bits.div_ceil(*w) << *w) * ring.element_bytes() <= LARGEST_TABLE;
        let least = (1..=widest).filter(fits).map(cost).min().unwrap_or(0);
        // Twice the memory for less than a twentieth of the time is not worth it.
        (1..=widest)
            .filter(fits)
            .find(|&w| 20 * cost(w) <= 21 * least)
            .unwrap_or(1)
    }

    /// How entries are read.
    pub fn lookup(&self) -> Lookup {
        self.lookup
    }

    /// Bits of window.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Bytes of table.
    pub fn bytes(&self) -> usize {
        self.table.iter().map(|part| 8 * part.len()).sum()
    }

    /// Exponents are below `2^bits`.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Yields base^`exponents[i]`.
    ///
    /// Time depends on the number of exponents and their common bound only; which table entries are read
    /// depends on the exponents, unless the table was built with [`Lookup::ConstantTime`].
    ///
    /// # Panics
    ///
    /// If the bound on the exponents exceeds that of the table.
    pub fn pow(&self, exponents: &Naturals) -> Batch {
        Self::product(&[(self, exponents)])
    }

    /// Yields Π base^`exponents[i]` over several bases of one ring, cheaper than a product of their powers.
    ///
    /// Time and addresses as with [`FixedBase::pow`].
    ///
    /// # Panics
    ///
    /// If there are no bases, the numbers of exponents differ, or a bound exceeds that of its table.
    pub fn product(terms: &[(&Self, &Naturals)]) -> Batch {
        let (first, exponents) = terms.first().expect("at least one base");
        let (ring, m, len) = (&first.ring, first.ring.m(), exponents.len());
        let mut windows = Vec::new();
        for (base, exponents) in terms {
            assert_eq!(exponents.len(), len, "as many exponents for every base");
            assert!(
                exponents.bits() <= base.bits,
                "the table ends at {} bits",
                base.bits
            );
            let count = exponents.bits().div_ceil(base.window);
            windows.extend((0..count).map(|window| (*base, *exponents, window)));
        }
        let mut out = ring.one(len);
        let mut scratch = Scratch::new(m);
        let mut factor = Words::zeroed(m.pack());
        let mut sum = Words::zeroed(m.digit());
        for (i, pack) in out.packs_mut().enumerate() {
            let digits = |at: usize| -> [u64; 8] {
                let (base, exponents, window): (&Self, &Naturals, usize) = windows[at];
                let (from, width) = (window * base.window, base.window);
                exponents.lane_windows(i * m.lanes, m.lanes, from, width)
            };
            let mut next = windows.first().map_or([0; 8], |_| digits(0));
            for (at, (base, _, window)) in windows.iter().enumerate() {
                base.look_up(&mut factor, *window, &next);
                let ahead = windows
                    .get(at + 1)
                    .map_or([&[][..]; 8], |(base, _, window)| {
                        next = digits(at + 1);
                        base.ahead(*window, &next)
                    });
                let (t, s) = factor.split_at(m.digit());
                if at == 0 {
                    pack[..m.digit()].copy_from_slice(t);
                    pack[m.digit()..].fill(0);
                } else {
                    m.mul_low(pack, t, &mut scratch, &ahead);
                }
                m.accumulate(&mut sum, s);
                if at + 1 == windows.len() || (at + 1).is_multiple_of(Modulus::MOST_TERMS) {
                    m.settle(&mut sum, &mut scratch);
                    let (x0, x1) = pack.split_at_mut(m.digit());
                    m.mul_digit(&mut sum, x0, &mut scratch);
                    m.add_digit(x1, &sum);
                    sum.fill(0);
                }
            }
        }
        factor.zeroize();
        sum.zeroize();
        out
    }

    fn look_up(&self, out: &mut [u64], window: usize, digits: &[u64; 8]) {
        let m = self.ring.m();
        let entries = self.entries(window);
        match self.lookup {
            Lookup::ConstantTime => m.scan(out, entries, digits),
            Lookup::Direct => m.gather_vartime(out, entries, &digits.map(to_index)),
        }
    }

    /// The entries of a window that a look-up will read, if it reads these only.
    fn ahead(&self, window: usize, digits: &[u64; 8]) -> [&[u64]; 8] {
        if self.lookup == Lookup::ConstantTime {
            return [&[]; 8];
        }
        let (entries, size) = (self.entries(window), self.ring.m().entry());
        digits.map(|digit| &entries[to_index(digit) * size..][..size])
    }

    fn entries(&self, window: usize) -> &[u64] {
        let m = self.ring.m();
        let (size, lanes) = (m.entry() << self.window, m.lanes.trailing_zeros());
        &self.table[window >> lanes][(window & (m.lanes - 1)) * size..][..size]
    }
}

impl std::fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixedBase")
            .field("bits", &self.bits)
            .field("window", &self.window)
            .field("lookup", &self.lookup)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// base^(2^(w·i)) for every window i.
fn window_bases(ring: &SquareRing, mut base: Batch, windows: usize, window: usize) -> Batch {
    let mut all = Elements::with_capacity(ring, windows);
    for i in 0..windows {
        if i > 0 {
            ring.square_times_assign(&mut base, window);
        }
        all.extend(&base);
    }
    all.gather_vartime(&(0..windows).collect::<Vec<_>>())
}

fn to_index(digit: u64) -> usize {
    usize::try_from(digit).expect("a digit has at most 16 bits")
}
