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
        _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi64, _mm256_permute2x128_si256,
        _mm256_srli_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    };

    use super::super::vector::{LANES, Vector, load, splat, store, zero};
    use super::{Limb, ROWS, limbs, limbs_mut};

    #[target_feature(enable = "avx2")]
    pub(super) fn select(out: &mut [u64], table: &[u64], indices: &[u64; 8]) {
        let size = out.len();
        let wanted = load(indices.first_chunk().expect("four of eight"));
        for (i, block) in limbs_mut(out)
            .as_chunks_mut::<ROWS>()
            .0
            .iter_mut()
            .enumerate()
        {
            let mut found = [zero(); ROWS];
            for (e, pack) in (0..).zip(table.chunks_exact(size)) {
                let here = _mm256_cmpeq_epi64(wanted, splat(e));
                let part: &[Limb; ROWS] = limbs(pack)[i * ROWS..]
                    .first_chunk()
                    .expect("packs of whole blocks");
                for (found, limb) in found.iter_mut().zip(part) {
                    *found = _mm256_blendv_epi8(*found, load(limb), here);
                }
            }
            for (limb, found) in block.iter_mut().zip(found) {
                store(limb, found);
            }
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn scan(out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
        let (pairs, _) = limbs_mut(out).as_chunks_mut::<2>();
        let size = pairs.len();
        let wanted = load(indices.first_chunk().expect("four of eight"));
        for (i, block) in pairs.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let mut found = [zero(); ROWS];
            for (e, entry) in (0..).zip(entries.chunks_exact(size)) {
                let here = _mm256_cmpeq_epi64(wanted, splat(e));
                let part: &[u64; ROWS] = entry[i * ROWS..]
                    .first_chunk()
                    .expect("entries of whole blocks");
                for (found, &word) in found.iter_mut().zip(part) {
                    *found = _mm256_blendv_epi8(*found, splat(word), here);
                }
            }
            for (pair, found) in block.iter_mut().zip(found) {
                split(pair, found);
            }
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn gather_vartime(out: &mut [u64], entries: &[u64], indices: &[usize; 8]) {
        let (pairs, _) = limbs_mut(out).as_chunks_mut::<2>();
        let size = pairs.len();
        let rows: [&[u64]; LANES] =
            std::array::from_fn(|lane| &entries[indices[lane] * size..][..size]);
        let (blocks, rest) = pairs.as_chunks_mut::<LANES>();
        for (i, block) in blocks.iter_mut().enumerate() {
            let mut square = [zero(); LANES];
            for (vector, row) in square.iter_mut().zip(rows) {
                *vector = load(
                    row[LANES * i..]
                        .first_chunk()
                        .expect("a block of four words"),
                );
            }
            for (pair, vector) in block.iter_mut().zip(transpose(square)) {
                split(pair, vector);
            }
        }
        let done = size - rest.len();
        for (j, pair) in rest.iter_mut().enumerate() {
            split(pair, load(&rows.map(|row| row[done + j])));
        }
    }

    /// The limbs that share the words of entries.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn split([low, high]: &mut [Limb; 2], words: Vector) {
        store(low, _mm256_and_si256(words, splat((1 << 32) - 1)));
        store(high, _mm256_srli_epi64::<32>(words));
    }

    /// Row i, word j becomes row j, word i.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose([a, b, c, d]: [Vector; LANES]) -> [Vector; LANES] {
        let (even, odd) = (
            [_mm256_unpacklo_epi64(a, b), _mm256_unpacklo_epi64(c, d)],
            [_mm256_unpackhi_epi64(a, b), _mm256_unpackhi_epi64(c, d)],
        );
        [
            _mm256_permute2x128_si256::<0x20>(even[0], even[1]),
            _mm256_permute2x128_si256::<0x20>(odd[0], odd[1]),
            _mm256_permute2x128_si256::<0x31>(even[0], even[1]),
            _mm256_permute2x128_si256::<0x31>(odd[0], odd[1]),
        ]
    }
}
