use std::sync::Arc;
use blindjoin_protocol::{Error, Role, local};
use blindjoin_protocol::agree::*;
use blindjoin_protocol::input::*;
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use rand::SeedableRng;

# fn main() -> Result<(), Error> {
# let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
// What each side brings: join keys, here of one rule.
let mut ours = QuerierKeysBuilder::new(1);
let mut theirs = ProviderKeysBuilder::default();
let mut key = Vec::new();
for id in ["452-38-7291", "111-22-3333"] {
    let row = ours.row()?;
    join_key(&mut key, "ssn", id.as_bytes(), None)?;
    ours.push(row, 0, &key)?;
}
for id in ["999-88-7777", "111-22-3333"] {
    join_key(&mut key, "ssn", id.as_bytes(), None)?;
    theirs.push(&key)?;
}
let (ours, theirs) = (ours.build(), theirs.build());

// Agreement. (A key this short factors easily; real sizes are 2048, 3072 and 4096.)
let key_size = KeySize::insecure_test_key(512).expect("a test size");
let rules = vec!["ssn".to_owned()];
let rule = PublishedRule {
    id: rules[0].clone(),
    class: PublishedRule::class_of(theirs.len() as u64, 0),
    forms: 1,
    weight: 1,
};
let published = Published::new(vec![rule], [0; 32], vec![key_size], [0; 32]);
let choices = Choices { canaries: 4, ..Choices::new(key_size, 2_000_000_000) };
let terms = Terms::join(&choices, TableKind::Okvs, rules, [0; 32], ours.len() as u64)?;
let offer = Offer::for_keys(terms, &published, &ours, None, &mut rng)?;
let answer = Answer::new(&mut rng);
let people = local::People::draw(&mut rng);
let manifest = Manifest::new(&offer, &answer, &published, people.parties())?;

// The session, of three parties.
let mut generator = people.secret(Role::KeyHolder).key_generation();
let secret_key = Arc::new(SecretKey::generate(key_size, Profile::DjnShort, &mut generator));
let linked = local::link(&people, &manifest, secret_key, ours, theirs)?;

let card = linked.card;
assert_eq!([card.matched(0), card.matched(1)], [Some(false), Some(true)]);
assert_eq!(linked.counted, None, "the key holder is blind");
# Ok(())
# }
