//! The demonstration without a network: three sessions as values, in one thread.

use std::sync::Arc;

use anyhow::Context;
use blindjoin_protocol::Role;
use blindjoin_protocol::agree::{
    Answer, Choices, Manifest, Offer, Published, PublishedRule, TableKind, Terms,
};
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_protocol::local::{self, Linked};
use blindjoin_protocol::paillier::{KeySize, SecretKey};
use blindjoin_protocol::session::Selected;
use blindjoin_querier::People;
use blindjoin_service::provider::Registry;
use blindjoin_service::random;

/// How long the terms hold, in seconds.
const A_DAY: u64 = 24 * 3600;

/// Links a querier's records with a registry, from what the provider publishes to the card.
pub(super) fn link(
    ours: &People<QuerierKeys>,
    theirs: &Registry,
    key_size: KeySize,
) -> anyhow::Result<Linked> {
    let mut rng = rand::rng();
    let digest = theirs.rules_digest;
    let published = Published::new(rules(theirs)?, digest, vec![key_size], [0; 32]);
    let choices = Choices::new(key_size, random::now() + A_DAY);
    let keys = ours.asked.clone();
    let (rules, count) = (ours.rules.clone(), keys.len() as u64);
    let terms = Terms::join(&choices, TableKind::Okvs, rules, ours.rules_digest, count)?;
    let people = local::People::draw(&mut rng);
    let offer = Offer::for_keys(terms, &published, &keys, None, &mut rng)?;
    let answer = Answer::new(&mut rng);
    let manifest = Manifest::new(&offer, &answer, &published, people.parties())?;
    let mut generator = people.secret(Role::KeyHolder).key_generation();
    let key = SecretKey::generate(key_size, manifest.terms.profile, &mut generator);
    let selected = Selected::Keys(theirs.keys.clone());
    local::link(&people, &manifest, Arc::new(key), keys, selected)
        .context("linking in this process")
}

/// What the provider publishes of its rules: classes of the numbers of its keys. Served, it adds a noise
/// that it draws once and keeps.
fn rules(registry: &Registry) -> anyhow::Result<Vec<PublishedRule>> {
    let rules = registry.rules.iter().zip(&registry.forms);
    let published = rules.map(|(id, &(forms, weight))| {
        let start = [id.as_bytes(), &[0]].concat();
        let keys = registry.keys.iter().filter(|key| key.starts_with(&start));
        Ok(PublishedRule {
            id: id.clone(),
            class: PublishedRule::class_of(keys.count() as u64, 0),
            forms: u16::try_from(forms)?,
            weight,
        })
    });
    published.collect()
}
