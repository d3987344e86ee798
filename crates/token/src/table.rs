//! A token file in memory, ready to be matched.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::encoding::base64_into;
use crate::error::Error;
use crate::seal::{is_blank, is_sealed};
use crate::texts::Texts;

/// A token in 128 bits: the first half of the SHA-256 of its text.
///
/// Two different tokens among `n` on one side and `m` on the other share a key with probability
/// below `n·m/2¹²⁸`: 10⁻²⁵ for files of five million tokens each. Keys are taken for tokens without
/// looking back. To *make* two tokens of one key takes 2⁶⁴ hashes, so not even whoever wrote a file
/// can have tokens match by accident.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TokenKey(pub(crate) [u64; 2]);

impl TokenKey {
    /// Reads a token that is not sealed; nothing for an empty or blank one, which matches nothing.
    ///
    /// A token is the base64 of 32 bytes, or 64 hexadecimal digits in one case, which does not
    /// matter.
    ///
    /// # Errors
    ///
    /// [`Error::Sealed`] and [`Error::WrappedToken`]: such tokens differ at every writing, so that
    /// comparing them would find no match where there is one. [`Error::NotAToken`] for every other
    /// text: `NULL` would match `NULL`, and a token with a blank behind it nothing.
    pub fn read(token: &str) -> Result<Option<Self>, Error> {
        if is_blank(token) {
            return Ok(None);
        }
        if is_digest(token) {
            let lower: String;
            let token = if token.bytes().any(|b| b.is_ascii_uppercase()) && token.len() == HEX {
                lower = token.to_ascii_lowercase();
                &lower
            } else {
                token
            };
            let digest = Sha256::digest(token);
            let word = |bytes: &[u8]| {
                let bytes = bytes.iter();
                bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
            };
            return Ok(Some(Self([word(&digest[..8]), word(&digest[8..16])])));
        }
        Err(if is_sealed(token) {
            Error::Sealed
        } else if ENVELOPES.iter().any(|start| token.starts_with(start)) {
            Error::WrappedToken
        } else {
            let inner = token.trim();
            Error::NotAToken {
                characters: token.chars().count(),
                padded: inner.len() < token.len() && Self::read(inner) != Ok(None),
            }
        })
    }
}

/// Whether a text is a token: the base64 of 32 bytes, or 64 hexadecimal digits in one case.
fn is_digest(text: &str) -> bool {
    match text.len() {
        HEX => {
            let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
            let lower = text.bytes().any(|b| b.is_ascii_lowercase());
            digits && !(lower && text.bytes().any(|b| b.is_ascii_uppercase()))
        }
        BASE64 => base64_into(text, &mut [0; 33]) == Some(32),
        _ => false,
    }
}

/// What match tokens in JWE form begin with, of the versions there are.
const ENVELOPES: [&str; 2] = ["olt.V1.", "ot.V1."];
const HEX: usize = 64;
const BASE64: usize = 44;

/// The place of a token that is blank or absent. A token has this key with probability 2⁻¹²⁸.
pub(crate) const NO_KEY: TokenKey = TokenKey([0; 2]);

/// One token file: for every record and rule a token's key, or none.
///
/// It holds 16 bytes per record and rule, and the record ids: about 130 MB for a million records
/// under five rules.
///
/// A record is one record id. If an id has several different tokens under one rule, as after a
/// file with the same person entered twice, its rows count as separate *entries* when tokens are
/// compared, and as one record in results.
#[derive(Clone, Debug)]
pub struct TokenTable {
    pub(crate) rules: Vec<String>,
    /// By rule, then entry.
    pub(crate) keys: Vec<Vec<TokenKey>>,
    ids: Texts,
    /// By entry, the record; nothing if they are the same.
    record_of: Option<Vec<u32>>,
    blank: Vec<u64>,
    repeated: u64,
    split: Option<SplitIds>,
    /// The records of those ids, in order.
    split_records: Vec<u32>,
}

/// Record ids under which a file has two persons or more, for all that their tokens tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SplitIds {
    /// How many there are.
    pub ids: u64,
    /// The first rows of the two earliest persons under one of them, from 1.
    pub rows: (u64, u64),
}

/// Takes in the rows of a token file, in any order.
///
/// Rows of one record that follow each other, as programs write them, are cheapest.
#[derive(Clone, Debug, Default)]
pub struct TokenTableBuilder {
    rules: Vec<String>,
    last_rule: usize,
    keys: Vec<Vec<TokenKey>>,
    ids: Texts,
    /// By entry, the rules of which a row has been seen.
    seen: Vec<u64>,
    /// By entry, its first row.
    first_rows: Vec<u64>,
    rows: u64,
    split: Option<SplitIds>,
    blank: Vec<u64>,
    repeated: u64,
}

impl TokenTableBuilder {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one row.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] beyond 64 rules or 2³² − 1 records.
    pub fn push(
        &mut self,
        rule: &str,
        token: Option<TokenKey>,
        record_id: &str,
    ) -> Result<(), Error> {
        self.rows += 1;
        let rule = self.rule(rule)?;
        let key = token.unwrap_or(NO_KEY);
        let last = self.seen.len().checked_sub(1);
        let current = last.filter(|&last| self.ids.get(last) == record_id);
        let entry = match current {
            Some(entry) if self.seen[entry] >> rule & 1 == 0 => entry,
            Some(entry) if self.keys[rule][entry] == key => {
                self.repeated += 1;
                return Ok(());
            }
            _ => self.entry(record_id)?,
        };
        self.seen[entry] |= 1 << rule;
        self.keys[rule].resize(entry, NO_KEY);
        self.keys[rule].push(key);
        self.blank[rule] += u64::from(key == NO_KEY);
        Ok(())
    }

    /// Ends the file: rows of one record that stood apart are brought together.
    pub fn finish(mut self) -> TokenTable {
        let entries = self.seen.len();
        for keys in &mut self.keys {
            keys.resize(entries, NO_KEY);
        }
        let record_of = self.unite();
        let mut order = record_of.clone().unwrap_or_default();
        order.sort_unstable();
        let several = order
            .chunk_by(|a, b| a == b)
            .filter(|group| group.len() > 1);
        let split_records = several.map(|group| group[0]).collect();
        TokenTable {
            rules: self.rules,
            keys: self.keys,
            ids: self.ids,
            record_of,
            blank: self.blank,
            repeated: self.repeated,
            split: self.split,
            split_records,
        }
    }

    fn rule(&mut self, name: &str) -> Result<usize, Error> {
        // Files list their rules in turn, so the next one is the likeliest.
        let next = self.last_rule + 1;
        let likely = [
            if next < self.rules.len() { next } else { 0 },
            self.last_rule,
        ];
        for rule in likely {
            if self.rules.get(rule).is_some_and(|known| known == name) {
                self.last_rule = rule;
                return Ok(rule);
            }
        }
        let known = self.rules.iter().position(|known| known == name);
        let rule = known.unwrap_or(self.rules.len());
        if known.is_none() {
            if rule == MOST_RULES {
                return Err(Error::TooMany {
                    what: "rules",
                    limit: MOST_RULES as u64,
                });
            }
            self.rules.push(name.to_owned());
            self.keys.push(Vec::new());
            self.blank.push(0);
        }
        self.last_rule = rule;
        Ok(rule)
    }

    fn entry(&mut self, record_id: &str) -> Result<usize, Error> {
        let entry = self.seen.len();
        if entry == u32::MAX as usize {
            return Err(Error::TooMany {
                what: "records",
                limit: u64::from(u32::MAX),
            });
        }
        self.ids.push(record_id);
        self.first_rows.push(self.rows);
        self.seen.push(0);
        Ok(entry)
    }

    /// Unites entries of one record id where their tokens complement each other, drops those
    /// united into others, and yields each entry's record unless all are their own.
    fn unite(&mut self) -> Option<Vec<u32>> {
        let order = self.ids.sorted();
        let same = |&a: &u32, &b: &u32| self.ids.get(a as usize) == self.ids.get(b as usize);
        let groups: Vec<Vec<u32>> = order
            .chunk_by(same)
            .filter(|group| group.len() > 1)
            .map(<[u32]>::to_vec)
            .collect();
        drop(order);
        if groups.is_empty() {
            return None;
        }
        let mut into: Vec<u32> = (0..).take(self.seen.len()).collect();
        let mut record_of = into.clone();
        for group in groups {
            let mut open = vec![group[0]];
            for &entry in &group[1..] {
                record_of[entry as usize] = group[0];
                let home = (group.len() <= LARGEST_UNITED)
                    .then(|| open.iter().find(|&&home| self.agree(home, entry)).copied())
                    .flatten();
                match home {
                    Some(home) => {
                        self.absorb(home, entry);
                        into[entry as usize] = home;
                    }
                    None => open.push(entry),
                }
            }
            self.note_split(&open);
        }
        self.compact(&into, &record_of)
    }

    /// Takes down that one record id stands for several entries, if it does.
    fn note_split(&mut self, open: &[u32]) {
        let [one, other, ..] = open else { return };
        let rows = (
            self.first_rows[*one as usize],
            self.first_rows[*other as usize],
        );
        let ids = self.split.map_or(1, |split| split.ids + 1);
        let earliest = self.split.map_or(rows, |split| {
            if rows.1 < split.rows.1 {
                rows
            } else {
                split.rows
            }
        });
        self.split = Some(SplitIds {
            ids,
            rows: earliest,
        });
    }

    /// Whether two entries have no two different tokens under one rule.
    fn agree(&self, home: u32, entry: u32) -> bool {
        let (home, entry) = (home as usize, entry as usize);
        let both = self.seen[home] & self.seen[entry];
        let mut rules = self.keys.iter().enumerate();
        both == 0 || rules.all(|(rule, keys)| both >> rule & 1 == 0 || keys[home] == keys[entry])
    }

    fn absorb(&mut self, home: u32, entry: u32) {
        let (home, entry) = (home as usize, entry as usize);
        let both = self.seen[home] & self.seen[entry];
        self.repeated += u64::from(both.count_ones());
        for (rule, keys) in self.keys.iter_mut().enumerate() {
            if both >> rule & 1 == 1 {
                self.blank[rule] -= u64::from(keys[home] == NO_KEY);
            } else if self.seen[entry] >> rule & 1 == 1 {
                keys[home] = keys[entry];
            }
        }
        self.seen[home] |= self.seen[entry];
    }

    fn compact(&mut self, into: &[u32], record_of: &[u32]) -> Option<Vec<u32>> {
        let stays = |entry: usize| into[entry] as usize == entry;
        for keys in &mut self.keys {
            let mut entry = 0;
            keys.retain(|_| {
                entry += 1;
                stays(entry - 1)
            });
        }
        // Records keep their first id only; entries refer to them by new numbers.
        let mut ids = Texts::default();
        let mut number = vec![0_u32; into.len()];
        let mut records = Vec::new();
        let mut own = true;
        for entry in 0..into.len() {
            let record = record_of[entry] as usize;
            if record == entry {
                number[entry] = ids.len();
                ids.push(self.ids.get(entry));
            }
            if stays(entry) {
                own &= record == entry;
                records.push(number[record]);
            }
        }
        self.ids = ids;
        (!own).then_some(records)
    }
}

impl TokenTable {
    /// The rules, in the order in which the file names them.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(String::as_str)
    }

    /// The number of records: distinct record ids.
    pub fn records(&self) -> u64 {
        u64::from(self.ids.len())
    }

    /// The number of entries: more than records if a record id has several tokens under a rule.
    pub fn entries(&self) -> u64 {
        self.keys.first().map_or(0, |keys| keys.len() as u64)
    }

    /// A record's id.
    pub fn id(&self, record: u32) -> &str {
        self.ids.get(record as usize)
    }

    /// The number of tokens under a rule, blank ones aside.
    pub fn tokens(&self, rule: usize) -> u64 {
        let present = self.keys[rule].iter().filter(|&&key| key != NO_KEY);
        present.count() as u64
    }

    /// The number of blank tokens under a rule.
    pub fn blank(&self, rule: usize) -> u64 {
        self.blank[rule]
    }

    /// Rows that repeat another: the same rule, token and record id. They count once.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Record ids that have several different tokens under one rule, if there are some: either one
    /// person was entered twice, or two persons have one id and cannot be told apart.
    pub fn split_ids(&self) -> Option<SplitIds> {
        self.split
    }

    /// Whether a record has one of those ids.
    pub fn is_split(&self, record: u32) -> bool {
        self.split_records.binary_search(&record).is_ok()
    }

    /// Itself or, of a file without rows, the same with the rules of another: no rows contradict
    /// none of them.
    pub(crate) fn with_rules_of(&self, other: &Self) -> Cow<'_, Self> {
        if !self.rules.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut table = self.clone();
        table.rules.clone_from(&other.rules);
        table.keys = vec![Vec::new(); other.rules.len()];
        table.blank = vec![0; other.rules.len()];
        Cow::Owned(table)
    }

    pub(crate) fn record(&self, entry: u32) -> u32 {
        match &self.record_of {
            Some(record_of) => record_of[entry as usize],
            None => entry,
        }
    }

    pub(crate) fn has_several_entries(&self) -> bool {
        self.record_of.is_some()
    }
}

pub(crate) const MOST_RULES: usize = 64;
/// Beyond this many rows apart, one record id is taken for the same text on different persons.
const LARGEST_UNITED: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens are written by one of their digits.
    fn key(digit: &str) -> Option<TokenKey> {
        TokenKey::read(&digit.repeat(64)).unwrap()
    }

    fn table(rows: &[(&str, &str, &str)]) -> TokenTable {
        let mut builder = TokenTableBuilder::new();
        for (rule, token, id) in rows {
            builder.push(rule, key(token), id).unwrap();
        }
        builder.finish()
    }

    #[test]
    fn a_record_s_rows_may_stand_apart() {
        let by_record = [
            ("T1", "a", "1"),
            ("T2", "b", "1"),
            ("T1", "c", "2"),
            ("T2", "", "2"),
            ("T1", "a", "3"),
            ("T2", "d", "3"),
        ];
        let mut by_rule = by_record;
        by_rule.sort_by_key(|row| row.0);
        for rows in [by_record, by_rule] {
            let table = table(&rows);
            assert_eq!(table.records(), 3);
            assert_eq!(table.entries(), 3);
            assert_eq!(table.rules().collect::<Vec<_>>(), ["T1", "T2"]);
            assert_eq!((table.tokens(1), table.blank(1)), (2, 1));
            assert_eq!([0, 1, 2].map(|record| table.id(record)), ["1", "2", "3"]);
            let keys = |tokens: [&str; 3]| tokens.map(|token| key(token).unwrap_or(NO_KEY));
            assert_eq!(table.keys[0], keys(["a", "c", "a"]));
            assert_eq!(table.keys[1], keys(["b", "", "d"]));
            assert_eq!(table.split_ids(), None);
        }
    }

    #[test]
    fn one_id_with_two_tokens_is_one_record_in_two_entries() {
        let table = table(&[
            ("T1", "a", "x"),
            ("T2", "b", "x"),
            ("T1", "c", "y"),
            ("T2", "d", "y"),
            ("T1", "e", "x"),
            ("T2", "b", "x"),
            ("T1", "a", "x"),
            ("T2", "b", "x"),
        ]);
        assert_eq!(table.records(), 2);
        assert_eq!(table.entries(), 3);
        assert_eq!([0, 1, 2].map(|entry| table.record(entry)), [0, 1, 0]);
        assert_eq!(table.repeated(), 2);
        let split = SplitIds {
            ids: 1,
            rows: (1, 5),
        };
        assert_eq!(table.split_ids(), Some(split));
        assert_eq!([0, 1].map(|record| table.is_split(record)), [true, false]);
    }

    #[test]
    fn repeated_rows_count_once() {
        let table = table(&[
            ("T1", "a", "x"),
            ("T1", "a", "x"),
            ("T1", "", "y"),
            ("T1", "", "y"),
        ]);
        assert_eq!((table.records(), table.entries()), (2, 2));
        assert_eq!((table.tokens(0), table.blank(0)), (1, 1));
        assert_eq!(table.repeated(), 2);
    }

    #[test]
    fn tokens_that_cannot_be_compared_are_refused() {
        let sealed = "AAECAwQFBgcICQoLZgDV7+0jojAuWo4rELSI8HrxqsqMD/3JRowlP5lsvjsC2u+Dn9M3gJKix6NUDvo8hPzw46nm9xL0eHOq";
        assert_eq!(TokenKey::read(sealed), Err(Error::Sealed));
        assert_eq!(TokenKey::read("olt.V1.eyJ.x.y.z"), Err(Error::WrappedToken));
        assert_eq!(TokenKey::read(crate::BLANK), Ok(None));
        assert_eq!(TokenKey::read(""), Ok(None));
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn a_text_that_is_no_token_is_refused_and_not_shown() {
        let base64 = "NtutoPooHEU4jEQrZQT3iTJHdJiTm7jWDqh/aWscHpY=";
        let hex = "334d67a8579976d49870d4316fa22a9a7c0acddbbda82d75bddd604327d10a96";
        assert!(TokenKey::read(base64).unwrap().is_some());
        assert_eq!(TokenKey::read(hex), TokenKey::read(&hex.to_uppercase()));
        for (text, padded) in [
            ("NULL".to_owned(), false),
            ("0".to_owned(), false),
            ("GARCIA|MARIA".to_owned(), false),
            (format!("{base64} "), true),
            (format!(" {hex}"), true),
            (base64.replace('=', "A"), false),
            (base64.replace("pY=", "pZ="), false),
            (base64[..43].to_owned(), false),
            (hex.replacen('a', "A", 1), false),
            (hex.replacen('a', "g", 1), false),
            ("0".repeat(63), false),
            ("olt.V2.x".to_owned(), false),
            ("é".repeat(32), false),
        ] {
            let error = TokenKey::read(&text).unwrap_err();
            let characters = text.chars().count();
            assert_eq!(error, Error::NotAToken { characters, padded }, "{text}");
            assert!(!error.to_string().contains(&text));
        }
    }

    #[test]
    fn more_rules_than_fit_are_refused() {
        let mut builder = TokenTableBuilder::new();
        for rule in 0..64 {
            builder.push(&format!("R{rule}"), None, "x").unwrap();
        }
        assert!(matches!(
            builder.push("R64", None, "x"),
            Err(Error::TooMany { limit: 64, .. })
        ));
    }
}
