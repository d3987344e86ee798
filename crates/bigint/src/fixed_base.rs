//! Powers of one base from a table.

use rayon::prelude::*;

use crate::batch::Batch;
use crate::elements::Elements;
use crate::modulus::Scratch;
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
/// Share it between threads by reference or in an `Arc`.
#[derive(Clone)]
pub struct FixedBase {
    ring: SquareRing,
    table: Elements,
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
    /// If there is no such element.
    pub fn new(ring: &SquareRing, base: &Batch, index: usize, bits: usize, lookup: Lookup) -> Self {
        let window = Self::choose_window(ring, bits, lookup);
        Self::with_window(ring, base, index, bits, lookup, window)
    }

    /// As [`FixedBase::new`], with windows of `window` bits.
    ///
    /// # Panics
    ///
    /// If there is no such element, or `window` is not in 1..=16.
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
        let mut table = Elements::zeroed(ring, windows << window);
        let bases = window_bases(ring, base, index, windows, window);
        let entry = table.entry();
        table
            .words_mut()
            .par_chunks_mut((entry << window) * m.lanes)
            .enumerate()
            .for_each(|(i, part)| fill_windows(ring, bases.pack(i), part, entry << window));
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
        self.table.bytes()
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
        assert!(
            exponents.bits() <= self.bits,
            "the table ends at {} bits",
            self.bits
        );
        let m = self.ring.m();
        let mut out = self.ring.one(exponents.len());
        let mut scratch = Scratch::new(m);
        let mut factor = Words::zeroed(m.pack());
        let windows = exponents.bits().div_ceil(self.window);
        for (i, pack) in out.packs_mut().enumerate() {
            let first = i * m.lanes;
            let digits = |window: usize| -> [u64; 8] {
                std::array::from_fn(|lane| {
                    let index = first + lane;
                    if lane < m.lanes && index < exponents.len() {
                        exponents.window(index, window * self.window, self.window)
                    } else {
                        0
                    }
                })
            };
            let mut next = digits(0);
            for window in 0..windows {
                let current = next;
                if window + 1 < windows {
                    next = digits(window + 1);
                }
                self.look_up(
                    &mut factor,
                    window,
                    &current,
                    (window + 1 < windows).then_some(&next),
                );
                if window == 0 {
                    pack.copy_from_slice(&factor);
                } else {
                    m.mul(pack, &factor, &mut scratch);
                }
            }
        }
        out
    }

    fn look_up(&self, out: &mut [u64], window: usize, digits: &[u64; 8], next: Option<&[u64; 8]>) {
        let m = self.ring.m();
        let size = self.table.entry() << self.window;
        let entries = |window: usize| &self.table.words()[window * size..][..size];
        match self.lookup {
            Lookup::ConstantTime => m.scan(out, entries(window), digits),
            Lookup::Direct => {
                if let Some(next) = next {
                    m.prefetch_vartime(entries(window + 1), &next.map(to_index));
                }
                m.gather_vartime(out, entries(window), &digits.map(to_index));
            }
        }
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
fn window_bases(
    ring: &SquareRing,
    base: &Batch,
    index: usize,
    windows: usize,
    window: usize,
) -> Batch {
    let mut current = base.select(&[index]);
    let mut all = Elements::with_capacity(ring, windows);
    for i in 0..windows {
        if i > 0 {
            ring.square_times_assign(&mut current, window);
        }
        all.extend(&current);
    }
    all.gather_vartime(&(0..windows).collect::<Vec<_>>())
}

/// Fills the entries of as many windows as the pack has lanes; `size` words each.
fn fill_windows(ring: &SquareRing, bases: &[u64], part: &mut [u64], size: usize) {
    let m = ring.m();
    let entry = 2 * m.limbs;
    let mut scratch = Scratch::new(m);
    let mut current = ring.one(m.lanes);
    for at in (0..size).step_by(entry) {
        for (lane, window) in part.chunks_exact_mut(size).enumerate() {
            for (word, limb) in window[at..at + entry].iter_mut().zip(current.limbs(lane)) {
                *word = limb;
            }
        }
        m.mul(current.pack_mut(0), bases, &mut scratch);
    }
}

fn to_index(digit: u64) -> usize {
    usize::try_from(digit).expect("a digit has at most 16 bits")
}
