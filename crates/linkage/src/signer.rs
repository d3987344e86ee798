//! Records whole: what rules and blockings make of a row.

use blindjoin_record::findings::Findings;
use blindjoin_record::{Binding, Reason, Row, Scratch};

/// Which signatures of a record are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One per rule: what the querier looks for.
    Querier,
    /// One per rule and probe form: what the provider compares.
    Provider,
}

/// A record, and all that is linked of it.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// Its position in its table, from 0.
    pub row: u32,
    /// Its id as the table has it, if it has one.
    pub id: Option<&'a str>,
    /// Its block under each blocking that was asked for, where it has one.
    pub blocks: &'a [Option<&'a str>],
    /// In the order of the rules, and of the forms of a rule.
    pub signatures: &'a [Signature<'a>],
}

/// A record's signature under one rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// Position of the rule in its rule set.
    pub rule: u16,
    /// Position of the probe form in its rule; 0 for a signature.
    pub form: u16,
    /// The signature.
    pub text: &'a str,
}

impl Signed<'_> {
    /// Says whether the record is compared at all: some rule must have a signature of it. Whoever counts
    /// records, or those in a block, counts these.
    pub fn takes_part(&self) -> bool {
        !self.signatures.is_empty()
    }
}

/// Values stay out of logs.
impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed")
            .field("row", &self.row)
            .field("signatures", &self.signatures.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Signature<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature")
            .field("rule", &self.rule)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Rules and blockings, bound to one header. Signing is `&self`, so threads may share one.
#[derive(Clone, Debug)]
pub struct Signer {
    rules: Binding,
    blocks: Vec<Binding>,
    side: Side,
}

impl Signer {
    /// Signs for one side of a linkage. Each of `blocks`, bound to the same header, has one rule, which
    /// yields blocks.
    pub fn new(rules: Binding, blocks: Vec<Binding>, side: Side) -> Self {
        Self {
            rules,
            blocks,
            side,
        }
    }

    /// Yields the rules.
    pub fn rules(&self) -> &Binding {
        &self.rules
    }

    /// Yields a place for records to come.
    pub fn batch(&self) -> Batch {
        Batch {
            text: String::new(),
            rows: Vec::new(),
            blocks: Vec::new(),
            signatures: Vec::new(),
            blockings: self.blocks.len(),
            missing: vec![Vec::new(); self.rules.rules().rules().len()],
            without_block: vec![Vec::new(); self.blocks.len()],
            findings: Findings::new(&self.rules),
        }
    }

    /// Signs the row of this number, from 1, and appends it to the batch.
    pub fn sign(
        &self,
        row: &(impl Row + ?Sized),
        number: u64,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) {
        let id = self.rules.record_id(row).map(|id| batch.push(id));
        let before = batch.signatures.len();
        match self.side {
            Side::Querier => {
                let signatures = self.rules.sign(row, scratch);
                batch.findings.add(number, signatures.observed());
                batch.take(signatures.iter().enumerate());
            }
            Side::Provider => {
                let probes = self.rules.probe(row, scratch);
                batch.findings.add(number, probes.observed());
                batch.take(probes.iter());
            }
        }
        let takes_part = batch.signatures.len() > before;
        for (position, blocks) in self.blocks.iter().enumerate() {
            let block = blocks.sign(row, scratch).get(0);
            let span = block.map(|block| batch.push(block));
            if let (Err(reason), true) = (span, takes_part) {
                tally(&mut batch.without_block[position], reason, 1);
            }
            batch.blocks.push(span.ok());
        }
        batch.rows.push((id, batch.signatures.len()));
    }
}

/// Records that were signed one after the other, with their texts end to end: what one thread hands to
/// another.
pub struct Batch {
    text: String,
    /// Of each record its id, and how many signatures there are up to its last.
    rows: Vec<(Option<Span>, usize)>,
    /// As many for each record as there are blockings.
    blocks: Vec<Option<Span>>,
    /// Rule, form and text.
    signatures: Vec<(u16, u16, Span)>,
    blockings: usize,
    missing: Reasons,
    without_block: Reasons,
    findings: Findings,
}

/// Why something is missing and how often, for each rule or blocking.
pub type Reasons = Vec<Vec<(Reason, u64)>>;

type Span = (usize, usize);

/// Values stay out of logs.
impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("records", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// Yields the number of records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Yields, rule by rule, why records have no signature in any form, and how many have none.
    pub fn missing(&self) -> &Reasons {
        &self.missing
    }

    /// Yields, blocking by blocking, why records that take part have no block, and how many have none.
    pub fn without_block(&self) -> &Reasons {
        &self.without_block
    }

    /// Yields what the values are like, field by field.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Hands over the records in order, the first as row `first` of its table.
    ///
    /// # Errors
    ///
    /// The first of `take`.
    ///
    /// # Panics
    ///
    /// If rows cannot be numbered in 32 bits.
    pub fn for_each<E>(
        &self,
        first: u32,
        mut take: impl FnMut(&Signed<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = |&(from, to): &Span| &self.text[from..to];
        let (mut blocks, mut signatures) = (Vec::new(), Vec::new());
        let mut next = 0;
        for (position, (id, end)) in self.rows.iter().enumerate() {
            let own = position * self.blockings..(position + 1) * self.blockings;
            blocks.clear();
            blocks.extend(self.blocks[own].iter().map(|span| span.as_ref().map(text)));
            signatures.clear();
            let own = self.signatures[next..*end].iter();
            signatures.extend(own.map(|(rule, form, span)| Signature {
                rule: *rule,
                form: *form,
                text: text(span),
            }));
            next = *end;
            let position = u32::try_from(position).ok();
            let row = position.and_then(|position| first.checked_add(position));
            take(&Signed {
                row: row.expect("rows are numbered in 32 bits"),
                id: id.as_ref().map(text),
                blocks: &blocks,
                signatures: &signatures,
            })?;
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }

    /// Takes a record's signatures, those of a rule together. It lacks a value for a rule once, however
    /// many forms there are, and only if it has it in none.
    fn take<'a>(&mut self, forms: impl Iterator<Item = (usize, Result<&'a str, Reason>)>) {
        let mut forms = forms.peekable();
        while let Some(&(rule, _)) = forms.peek() {
            let number = u16::try_from(rule).expect("rule sets have far fewer rules");
            let (mut found, mut lacking) = (false, None);
            let of_rule = std::iter::from_fn(|| forms.next_if(|(next, _)| *next == rule));
            for (form, (_, outcome)) in (0..).zip(of_rule) {
                match outcome {
                    Ok(text) => {
                        let span = self.push(text);
                        self.signatures.push((number, form, span));
                        found = true;
                    }
                    Err(reason) => lacking = lacking.or(Some(reason)),
                }
            }
            if let (false, Some(reason)) = (found, lacking) {
                tally(&mut self.missing[rule], reason, 1);
            }
        }
    }
}

/// Adds counts of another part of the same table.
///
/// # Panics
///
/// If there are more or fewer rules or blockings.
pub fn add_reasons(total: &mut Reasons, more: &Reasons) {
    assert_eq!(total.len(), more.len(), "one table");
    for (total, more) in total.iter_mut().zip(more) {
        for &(reason, count) in more {
            tally(total, reason, count);
        }
    }
}

fn tally(counts: &mut Vec<(Reason, u64)>, reason: Reason, count: u64) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, total)) => *total += count,
        None => counts.push((reason, count)),
    }
}
