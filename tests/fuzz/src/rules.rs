//! Rules files, and what their rules make of awkward rows.

use blindjoin_linkage::blocking::BlockKey;
use blindjoin_record::{Binding, Error, Rule, RuleSet, Scratch};

use crate::today;

/// Reads a rules file, binds it to a header that suits it, and signs and probes rows.
///
/// After a NUL, which no rules file contains, may follow cells that are tried in every column, and
/// the first of which is read as a block key too; `\x1f` separates them.
pub fn rules(input: &[u8]) -> bool {
    let Ok(input) = std::str::from_utf8(input) else {
        return false;
    };
    let (file, cells) = input.split_once('\0').unwrap_or((input, ""));
    let Ok(rules) = RuleSet::from_toml(file) else {
        return false;
    };
    let ids: Vec<&str> = rules.rules().iter().map(Rule::id).collect();
    let same = rules
        .with_only_these_rules(&ids)
        .expect("the rules are its own");
    assert_eq!(same.canonical(), rules.canonical());
    assert_eq!(same.digest(), rules.digest());
    if let Some(dialect) = rules.dialect() {
        let same = rules
            .clone()
            .with_dialect(dialect)
            .expect("the dialect is its own");
        assert_eq!(same.digest(), rules.digest());
    }

    let header = header(&rules);
    let binding = match rules.bind(&header, today()) {
        Ok(binding) => binding,
        Err(Error::SeveralColumns { .. }) => return true,
        Err(error) => panic!("every column is there: {error}"),
    };
    let mut scratch = Scratch::default();
    let cells: Vec<&str> = cells.split('\x1f').collect();
    for cell in cells.iter().chain(&AWKWARD) {
        check(&binding, &vec![*cell; header.len()], &mut scratch);
    }
    let turned = cells.iter().cycle().take(header.len()).copied();
    check(&binding, &turned.collect::<Vec<_>>(), &mut scratch);

    if let Ok(BlockKey::Fields(key)) = BlockKey::new(cells[0], &rules) {
        let binding = key
            .bind(&header, today())
            .expect("the fields are the rules'");
        check(&binding, &vec![cells[0]; header.len()], &mut scratch);
    }
    true
}

/// A header with a column for every field.
fn header(rules: &RuleSet) -> Vec<&str> {
    let mut header: Vec<&str> = rules.record_id_column().into_iter().collect();
    for field in rules.fields() {
        let known = header.len();
        header.extend(field.columns().iter().map(String::as_str));
        if header.len() == known {
            header.push(field.name());
        }
    }
    header.sort_unstable();
    header.dedup();
    header
}

/// Cells that have been trouble somewhere.
const AWKWARD: [&str; 12] = [
    "",
    " ",
    "García-Łópez Jr.",
    "1985-03-05",
    "00000000",
    "99991231",
    "2024-02-29T23:59:60Z",
    "\u{130}\u{df}\u{fb01}\u{1f600}",
    "e\u{301}\u{200b}\u{feff}",
    "452-38-7291",
    "|",
    "-0.0e999",
];

/// Signing is a function: the same row gives the same, and never an empty signature. A rule without
/// probes of its own is probed by its signature.
fn check(binding: &Binding, row: &[&str], scratch: &mut Scratch) {
    let owned = |text: Result<&str, _>| text.map(str::to_owned);
    let signed: Vec<_> = binding.sign(row, scratch).iter().map(owned).collect();
    let again: Vec<_> = binding.sign(row, scratch).iter().map(owned).collect();
    assert_eq!(signed, again);
    assert!(signed.iter().flatten().all(|text| !text.is_empty()));
    let probes: Vec<_> = binding
        .probe(row, scratch)
        .iter()
        .map(|(rule, text)| (rule, owned(text)))
        .collect();
    for (rule, (written, signature)) in binding.rules().rules().iter().zip(&signed).enumerate() {
        let of_rule: Vec<_> = probes.iter().filter(|(of, _)| *of == rule).collect();
        assert_eq!(of_rule.len(), written.probe_count());
        if !written.has_probes() {
            assert_eq!(of_rule[0].1, *signature);
        }
    }
}
