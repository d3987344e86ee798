//! Reading tables: all of a table under a mask, or only the entries named.

use super::vector::{Limb, ROWS, entry, limbs, limbs_mut};

entry!(
    /// In each lane the pack of `table` that its index names; reads the whole table.
    select(out: &mut [u64], table: &[u64], indices: &[u64; 8])
);
entry!(
    /// In each lane the entry of `entries` that its index names; reads them all.
    scan(out: &mut [u64], entries: &[u64], indices: &[u64; 8])
);
entry!(
    /// In each lane the entry of `entries` that its index names; reads those only.
    gather_vartime(out: &mut [u64], entries: &[u64], indices: &[usize; 8])
);

mod kernel {
    use core::arch::x86_64::{
        __m512i, _mm512_cmpeq_epi64_mask, _mm512_mask_mov_epi64, _mm512_mask_set1_epi64,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64,
        _mm512_unpacklo_epi64,
    };

    use super::super::vector::{load, store};
    use super::{Limb, ROWS, limbs, limbs_mut};

    #[target_feature(enable = "avx512f")]
    pub(super) fn select(out: &mut [u64], table: &[u64], indices: &[u64; 8]) {
        let size = out.len();
        let wanted = load(indices);
        for (i, block) in limbs_mut(out)
            .as_chunks_mut::<ROWS>()
            .0
            .iter_mut()
            .enumerate()
        {
            let mut found = [_mm512_setzero_si512(); ROWS];
            for (e, pack) in (0i64..).zip(table.chunks_exact(size)) {
                let here = _mm512_cmpeq_epi64_mask(wanted, _mm512_set1_epi64(e));
                let part: &[Limb; ROWS] = limbs(pack)[i * ROWS..]
                    .first_chunk()
                    .expect("packs of whole blocks");
                for (found, limb) in found.iter_mut().zip(part) {
                    *found = _mm512_mask_mov_epi64(*found, here, load(limb));
                }
            }
            for (limb, found) in block.iter_mut().zip(found) {
                store(limb, found);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn scan(out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
        let size = limbs(out).len();
        let wanted = load(indices);
        for (i, block) in limbs_mut(out)
            .as_chunks_mut::<ROWS>()
            .0
            .iter_mut()
            .enumerate()
        {
            let mut found = [_mm512_setzero_si512(); ROWS];
            for (e, entry) in (0i64..).zip(entries.chunks_exact(size)) {
                let here = _mm512_cmpeq_epi64_mask(wanted, _mm512_set1_epi64(e));
                let part: &[u64; ROWS] = entry[i * ROWS..]
                    .first_chunk()
                    .expect("entries of whole blocks");
                for (found, limb) in found.iter_mut().zip(part) {
                    *found = _mm512_mask_set1_epi64(*found, here, limb.cast_signed());
                }
            }
            for (limb, found) in block.iter_mut().zip(found) {
                store(limb, found);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn gather_vartime(out: &mut [u64], entries: &[u64], indices: &[usize; 8]) {
        let out = limbs_mut(out);
        let size = out.len();
        let rows = indices.map(|index| &entries[index * size..][..size]);
        let (blocks, rest) = out.as_chunks_mut::<8>();
        for (i, block) in blocks.iter_mut().enumerate() {
            let mut square = [_mm512_setzero_si512(); 8];
            for (vector, row) in square.iter_mut().zip(&rows) {
                *vector = load(row[8 * i..].first_chunk().expect("a block of eight limbs"));
            }
            for (limb, vector) in block.iter_mut().zip(transpose(&square)) {
                store(limb, vector);
            }
        }
        let done = size - rest.len();
        for (j, limb) in rest.iter_mut().enumerate() {
            *limb = rows.map(|row| row[done + j]);
        }
    }

    /// Row i, word j becomes row j, word i.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(r: &[__m512i; 8]) -> [__m512i; 8] {
        // Pairs of rows interleaved: even words, then odd words.
        let even = [0, 2, 4, 6].map(|i| _mm512_unpacklo_epi64(r[i], r[i + 1]));
        let odd = [0, 2, 4, 6].map(|i| _mm512_unpackhi_epi64(r[i], r[i + 1]));
        let [r0, r2, r4, r6] = quarters(even);
        let [r1, r3, r5, r7] = quarters(odd);
        [r0, r1, r2, r3, r4, r5, r6, r7]
    }

    /// The 4×4 transpose of the 128-bit quarters of four vectors.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        let low = [
            _mm512_shuffle_i64x2::<0x88>(a, b),
            _mm512_shuffle_i64x2::<0x88>(c, d),
        ];
        let high = [
            _mm512_shuffle_i64x2::<0xdd>(a, b),
            _mm512_shuffle_i64x2::<0xdd>(c, d),
        ];
        [
            _mm512_shuffle_i64x2::<0x88>(low[0], low[1]),
            _mm512_shuffle_i64x2::<0x88>(high[0], high[1]),
            _mm512_shuffle_i64x2::<0xdd>(low[0], low[1]),
            _mm512_shuffle_i64x2::<0xdd>(high[0], high[1]),
        ]
    }
}
