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

use blindjoin_columnar::{Bound, Population, ReadOptions, Reader, RecordIds, pipeline, today};
use blindjoin_linkage::{ProviderInput, QuerierKeyInput, Side, Signed, rule_ids};
use blindjoin_protocol::agree::{
    Answer, Choices, Manifest, Offer, Published, PublishedRule, TableKind, Terms,
};
use blindjoin_protocol::input::{ProviderKeys, QuerierKeys};
use blindjoin_protocol::paillier::{KeySize, SecretKey};
use blindjoin_protocol::{Role, local};
use blindjoin_record::RuleSet;

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
            class: PublishedRule::class_of(keys, 0),
            forms: 1,
            weight: 1,
        });
    let published = Published::new(published.collect(), rules.digest(), vec![key_size], [0; 32]);

    // What the parties agree on: until here nobody has looked at anybody's records.
    let in_a_day = std::time::UNIX_EPOCH.elapsed()?.as_secs() + 86_400;
    let terms = Terms::join(
        &Choices::new(key_size, in_a_day),
        TableKind::Okvs,
        rule_ids(rules),
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
    let linked = local::link(&people, &manifest, Arc::new(key), ours, theirs)?;
    assert_eq!(linked.counted, None, "the key holder is blind");
    let matched = |(row, id): (usize, &str)| {
        let matched = linked.card.matched(row) == Some(true);
        matched.then(|| id.to_owned())
    };
    Ok(ids.iter().enumerate().filter_map(matched).collect())
}

/// A key for each record and rule, and the record ids in their order.
fn querier_keys(file: &Path, rules: &RuleSet) -> Result<(RecordIds, QuerierKeys), Box<dyn Error>> {
    let mut input = QuerierKeyInput::new(rules);
    let population = read(file, rules, Side::Querier, |record| input.take(record))?;
    Ok((population.ids, input.finish().0))
}

/// The keys that are looked for in the querier's table, one for each form under which a rule probes, and
/// how many there are under each rule.
fn provider_keys(file: &Path, rules: &RuleSet) -> Result<(ProviderKeys, Vec<u64>), Box<dyn Error>> {
    let mut input = ProviderInput::new(rules, 0, false)?;
    let mut per_rule = vec![0; rules.rules().len()];
    read(file, rules, Side::Provider, |record| {
        for signature in record.signatures {
            per_rule[usize::from(signature.rule)] += 1;
        }
        input.take(record)
    })?;
    Ok((input.finish().keys, per_rule))
}

/// Reads a file and hands over its records, signed.
fn read(
    file: &Path,
    rules: &RuleSet,
    side: Side,
    mut take: impl FnMut(&Signed<'_>) -> Result<(), blindjoin_linkage::Error>,
) -> Result<Population, anyhow::Error> {
    let mut reader = Reader::open(file, ReadOptions::strict())?;
    let (signer, _) = Bound::signer(&reader, rules, &[], side, today())?;
    let take = |record: &Signed<'_>| Ok(take(record)?);
    Population::read(&mut reader, &signer, pipeline::all_cores(), take, |_| ())
}
