//! From a row to its tokens.

use blindjoin_record::{Binding, Row, Scratch};
use rand::CryptoRng;

use crate::hasher::{BLANK, Hasher};
use crate::record_id::RecordIds;
use crate::seal::Sealer;
use crate::tally::Tally;

/// Turns rows into tokens: rules bound to a header, a keyed hash and, if tokens are sealed, a key.
///
/// Tokenizing is `&self`, so threads share one; each has a [`Worker`] of its own.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    binding: Binding,
    hasher: Hasher,
    sealer: Option<Sealer>,
    record_ids: RecordIds,
}

/// What tokenizing a row needs and the next row reuses, and the counts so far: one per thread.
#[derive(Clone, Debug)]
pub struct Worker {
    scratch: Scratch,
    plain: String,
    text: String,
    ends: Vec<usize>,
    record_id: String,
    next_row: u64,
    tally: Tally,
}

/// One row's tokens, rule by rule, and its record id.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'w> {
    worker: &'w Worker,
}

impl Tokenizer {
    /// A tokenizer of hash-only tokens that keeps record ids as they are.
    pub fn new(binding: Binding, hasher: Hasher) -> Self {
        Self {
            binding,
            hasher,
            sealer: None,
            record_ids: RecordIds::Keep,
        }
    }

    /// The same with sealed tokens.
    #[must_use]
    pub fn with_sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// The same with another treatment of record ids.
    #[must_use]
    pub fn with_record_ids(mut self, record_ids: RecordIds) -> Self {
        self.record_ids = record_ids;
        self
    }

    /// The rules, bound to the input's header.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The keyed hash.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Whether tokens are sealed.
    pub fn is_sealing(&self) -> bool {
        self.sealer.is_some()
    }

    /// How record ids are treated.
    pub fn record_ids(&self) -> &RecordIds {
        &self.record_ids
    }

    /// A worker for one thread.
    pub fn worker(&self) -> Worker {
        Worker {
            scratch: Scratch::default(),
            plain: String::new(),
            text: String::new(),
            ends: Vec::with_capacity(self.binding.rules().rules().len()),
            record_id: String::new(),
            next_row: 1,
            tally: Tally::new(&self.binding),
        }
    }

    /// Yields a row's tokens and counts them.
    ///
    /// `rng` gives the IVs of sealed tokens and ids to records that have none; hash-only tokens of
    /// records with ids draw nothing from it.
    pub fn tokenize<'w>(
        &self,
        row: &(impl Row + ?Sized),
        worker: &'w mut Worker,
        rng: &mut impl CryptoRng,
    ) -> Tokens<'w> {
        let Worker {
            scratch,
            plain,
            text,
            ends,
            record_id,
            next_row,
            tally,
        } = &mut *worker;
        text.clear();
        plain.clear();
        ends.clear();
        let tokens = if self.is_sealing() {
            &mut *plain
        } else {
            &mut *text
        };
        let signatures = self.binding.sign(row, scratch);
        tally.count_row(*next_row, signatures);
        *next_row += 1;
        for (rule, signature) in signatures.iter().enumerate() {
            match signature {
                Ok(signature) => {
                    self.hasher.token(signature, tokens);
                    tally.count_token(rule);
                }
                Err(reason) => {
                    tokens.push_str(BLANK);
                    tally.count_skipped(rule, reason);
                }
            }
            ends.push(tokens.len());
        }
        if let Some(sealer) = &self.sealer {
            let mut start = 0;
            for end in ends {
                sealer.seal(&plain[start..*end], rng, text);
                (start, *end) = (*end, text.len());
            }
        }
        record_id.clear();
        let id = self.binding.record_id(row).filter(|id| !id.is_empty());
        if let Some(id) = id {
            self.record_ids.write(id, record_id);
        } else {
            RecordIds::generate(rng, record_id);
            tally.count_generated_id();
        }
        Tokens { worker }
    }
}

impl Worker {
    /// The same, whose next row has this number in its table, as findings name it; 1 unless told.
    #[must_use]
    pub fn starting_at(self, row: u64) -> Self {
        Self {
            next_row: row,
            ..self
        }
    }

    /// What has been counted so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The counts, when the work is done.
    pub fn into_tally(self) -> Tally {
        self.tally
    }
}

impl<'w> Tokens<'w> {
    /// The row's record id, after its treatment; a random UUID (version 4) if it had none.
    pub fn record_id(&self) -> &'w str {
        &self.worker.record_id
    }

    /// The token under a rule; [`BLANK`] if there is none.
    pub fn get(&self, rule: usize) -> &'w str {
        let worker = self.worker;
        let start = rule.checked_sub(1).map_or(0, |before| worker.ends[before]);
        &worker.text[start..worker.ends[rule]]
    }

    /// The tokens in the order of the rules.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'w str> + use<'w> {
        let tokens = *self;
        (0..tokens.worker.ends.len()).map(move |rule| tokens.get(rule))
    }
}
