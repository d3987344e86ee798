//! Links two files under a rules file, all three parties in this one process:
//!
//! ```console
//! $ cargo run --release -p blindjoin --example link_in_process -- ours.csv theirs.csv rules.toml
//! ```
//!
//! It prints the record ids of ours that match under some rule. Between real parties each runs its own
//! program, and nobody has both files; `blindjoin demo` shows that.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use blindjoin_columnar::{ReadOptions, Reader, today};
use blindjoin_protocol::{
    Answer, Choices, KeySize, Manifest, Offer, ProviderKeys, ProviderKeysBuilder, Published,
    PublishedRule, QuerierKeys, QuerierKeysBuilder, Role, SecretKey, TableKind, Terms, join_key,
    local, published_class,
};
use blindjoin_record::{RuleSet, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ours, theirs, rules] = &arguments[..] else {
        return Err("usage: link_in_process OURS THEIRS RULES".into());
    };
    let rules = RuleSet::from_toml(&std::fs::read_to_string(rules)?)?;
    let mut out = std::io::stdout().lock();
    for id in link(ours.as_ref(), theirs.as_ref(), &rules, KeySize::new(2048)?)? {
        writeln!(out, "{id}")?;
    }
    Ok(())
}

/// Yields the record ids of ours that the other file has under some rule.
pub(crate) fn link(
    ours: &Path,
    theirs: &Path,
    rules: &RuleSet,
    key_size: KeySize,
) -> Result<Vec<String>, Box<dyn Error>> {
    let (ids, ours) = querier_keys(ours, rules)?;
    let (theirs, per_rule) = provider_keys(theirs, rules)?;
    let mut rng = rand::rng();

    // What the provider publishes. A real one adds a noise that it draws once and keeps.
    let published = rules
        .rules()
        .iter()
        .zip(&per_rule)
        .map(|(rule, &keys)| PublishedRule {
            id: rule.id().to_owned(),
            class: published_class(keys, 0),
            forms: 1,
            weight: 1,
        });
    let published = Published::new(published.collect(), rules.digest(), vec![key_size], [0; 32]);

    // What the parties agree on: until here nobody has looked at anybody's records.
    let in_a_day = std::time::UNIX_EPOCH.elapsed()?.as_secs() + 86_400;
    let terms = Terms::join(
        &Choices::new(key_size, in_a_day),
        TableKind::Okvs,
        rules
            .rules()
            .iter()
            .map(|rule| rule.id().to_owned())
            .collect(),
        rules.digest(),
        ours.len() as u64,
    )?;
    let people = local::People::draw(&mut rng);
    let offer = Offer::for_keys(terms, &published, &ours, None, &mut rng)?;
    let answer = Answer::new(&mut rng);
    let manifest = Manifest::new(&offer, &answer, &published, people.parties())?;

    // The session, from the key holder's key to the querier's card.
    let mut generator = people.secret(Role::KeyHolder).key_generation();
    let key = SecretKey::generate(key_size, manifest.terms.profile, &mut generator);
    let linked = local::link(&people, &manifest, Arc::new(key), ours, theirs, &mut ())?;
    assert_eq!(linked.counted, None, "the key holder is blind");
    let matched =
        |(row, id): (usize, String)| (linked.card.matched(row) == Some(true)).then_some(id);
    Ok(ids.into_iter().enumerate().filter_map(matched).collect())
}

/// A key for each record and rule, and the record ids in their order.
fn querier_keys(
    file: &Path,
    rules: &RuleSet,
) -> Result<(Vec<String>, QuerierKeys), Box<dyn Error>> {
    let reader = Reader::open(file, ReadOptions::strict())?;
    let binding = rules.bind(reader.columns(), today())?;
    let mut keys = QuerierKeysBuilder::new(u16::try_from(rules.rules().len())?);
    let (mut ids, mut key, mut scratch) = (Vec::new(), Vec::new(), Scratch::default());
    for chunk in reader {
        for row in chunk?.rows().iter() {
            ids.push(binding.record_id(&row).unwrap_or_default().to_owned());
            let record = keys.row()?;
            for (number, signature) in (0..).zip(binding.sign(&row, &mut scratch).iter()) {
                if let Ok(signature) = signature {
                    let rule = rules.rules()[usize::from(number)].id();
                    join_key(&mut key, rule, signature.as_bytes(), None)?;
                    keys.push(record, number, &key)?;
                }
            }
        }
    }
    Ok((ids, keys.build()))
}

/// The keys that are looked for in the querier's table, and how many there are under each rule: one
/// for each form under which the rule probes.
fn provider_keys(file: &Path, rules: &RuleSet) -> Result<(ProviderKeys, Vec<u64>), Box<dyn Error>> {
    let reader = Reader::open(file, ReadOptions::strict())?;
    let binding = rules.bind(reader.columns(), today())?;
    let mut keys = ProviderKeysBuilder::default();
    let mut per_rule = vec![0; rules.rules().len()];
    let (mut key, mut scratch) = (Vec::new(), Scratch::default());
    for chunk in reader {
        for row in chunk?.rows().iter() {
            for (rule, signature) in binding.probe(&row, &mut scratch).iter() {
                if let Ok(signature) = signature {
                    join_key(
                        &mut key,
                        rules.rules()[rule].id(),
                        signature.as_bytes(),
                        None,
                    )?;
                    keys.push(&key)?;
                    per_rule[rule] += 1;
                }
            }
        }
    }
    Ok((keys.build(), per_rule))
}
