//! What a run of the tokenizer has counted.

use blindjoin_record::findings::Findings;
use blindjoin_record::{Binding, Fault, Reason, Signatures};

/// Counts over tokenized rows.
///
/// Parts counted apart, by threads or chunks, [merge](Tally::merge) into the counts of the whole, in
/// any order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tally {
    rows: u64,
    rows_with_invalid: u64,
    generated_ids: u64,
    invalid: Vec<u64>,
    generated: Vec<u64>,
    /// By rule, field and fault.
    skipped: Vec<u64>,
    findings: Findings,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(binding: &Binding) -> Self {
        let rules = binding.rules();
        let (fields, count) = (rules.fields().len(), rules.rules().len());
        Self {
            rows: 0,
            rows_with_invalid: 0,
            generated_ids: 0,
            invalid: vec![0; fields],
            generated: vec![0; count],
            skipped: vec![0; count * fields * FAULTS.len()],
            findings: Findings::new(binding),
        }
    }

    /// Adds the counts of another part of the same run.
    ///
    /// # Panics
    ///
    /// If the other counts under a rule set with another number of fields or rules.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.rows_with_invalid += other.rows_with_invalid;
        self.generated_ids += other.generated_ids;
        add(&mut self.invalid, &other.invalid);
        add(&mut self.generated, &other.generated);
        add(&mut self.skipped, &other.skipped);
        self.findings.merge(&other.findings);
    }

    /// What the values are like, field by field: whatever a field's row holds, whether or not a
    /// rule came upon it.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Rows tokenized.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows with at least one field that was found missing or invalid.
    pub fn rows_with_invalid(&self) -> u64 {
        self.rows_with_invalid
    }

    /// Rows without a record id, which were given one at random.
    pub fn generated_ids(&self) -> u64 {
        self.generated_ids
    }

    /// Rows in which each field was found missing or invalid, in the order of
    /// `RuleSet::fields`.
    ///
    /// A rule stops at its first such field, so those behind it are not seen unless another rule
    /// comes upon them.
    pub fn invalid_by_field(&self) -> &[u64] {
        &self.invalid
    }

    /// Tokens other than blank ones under a rule.
    pub fn generated(&self, rule: usize) -> u64 {
        self.generated[rule]
    }

    /// Blank tokens under a rule: [`Tally::rows`] less [`Tally::generated`].
    pub fn blank(&self, rule: usize) -> u64 {
        self.rows - self.generated[rule]
    }

    /// Why tokens under a rule are blank, and how many for each reason that occurred, in the order
    /// of fields and faults. They sum up to [`Tally::blank`].
    pub fn skipped(&self, rule: usize) -> impl Iterator<Item = (Reason, u64)> + '_ {
        let fields = self.invalid.len();
        let base = rule * fields * FAULTS.len();
        let counts = &self.skipped[base..base + fields * FAULTS.len()];
        counts.iter().enumerate().filter_map(|(i, &count)| {
            let reason = Reason {
                field: i / FAULTS.len(),
                fault: FAULTS[i % FAULTS.len()],
            };
            (count > 0).then_some((reason, count))
        })
    }

    pub(crate) fn count_row(&mut self, row: u64, signatures: Signatures<'_>) {
        self.rows += 1;
        self.findings.add(row, signatures.observed());
        let mut invalid = signatures.invalid_fields();
        self.rows_with_invalid += u64::from(invalid != 0);
        while invalid != 0 {
            self.invalid[invalid.trailing_zeros() as usize] += 1;
            invalid &= invalid - 1;
        }
    }

    pub(crate) fn count_token(&mut self, rule: usize) {
        self.generated[rule] += 1;
    }

    pub(crate) fn count_skipped(&mut self, rule: usize, reason: Reason) {
        let fault = FAULTS
            .iter()
            .position(|&fault| fault == reason.fault)
            .expect("every fault is listed");
        let field = rule * self.invalid.len() + reason.field;
        self.skipped[field * FAULTS.len() + fault] += 1;
    }

    pub(crate) fn count_generated_id(&mut self) {
        self.generated_ids += 1;
    }
}

const FAULTS: [Fault; 6] = [
    Fault::NoColumn,
    Fault::Missing,
    Fault::Placeholder,
    Fault::Invalid,
    Fault::Inapplicable,
    Fault::Empty,
];

fn add(sums: &mut [u64], terms: &[u64]) {
    assert_eq!(sums.len(), terms.len(), "counts of one rule set");
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
