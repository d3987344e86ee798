//! Phonetic codes: names that sound alike get one code.
//!
//! Every code works on the letters A to Z after Latin folding, as the operator `F` does it (`é`
//! counts as `E`, `ø` as `O`, `ß` as `SS`); whatever else a value holds is skipped, so `O'Brien` and
//! `OBRIEN` are one. A value without any such letter has the empty code.

mod double_metaphone;
mod nysiis;
mod soundex;

pub use double_metaphone::double_metaphone;
pub use nysiis::nysiis;
pub use soundex::soundex;

use crate::latin;

/// The letters of a value, upper case, held on the stack when there are few.
struct Letters {
    short: [u8; 32],
    length: usize,
    long: Vec<u8>,
}

impl Letters {
    fn new(value: &str) -> Self {
        let mut letters = Self {
            short: [0; 32],
            length: 0,
            long: Vec::new(),
        };
        if value.is_ascii() {
            value.bytes().for_each(|byte| letters.push(byte));
        } else {
            let mut folded = String::with_capacity(value.len());
            latin::fold(value, &mut folded);
            folded.bytes().for_each(|byte| letters.push(byte));
        }
        letters
    }

    fn as_slice(&self) -> &[u8] {
        if self.long.is_empty() {
            &self.short[..self.length]
        } else {
            &self.long
        }
    }

    fn push(&mut self, byte: u8) {
        if !byte.is_ascii_alphabetic() {
            return;
        }
        let byte = byte.to_ascii_uppercase();
        if self.long.is_empty() && self.length < self.short.len() {
            self.short[self.length] = byte;
            self.length += 1;
        } else {
            if self.long.is_empty() {
                self.long.extend_from_slice(&self.short);
            }
            self.long.push(byte);
        }
    }
}
