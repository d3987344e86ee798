use std::sync::Arc;
use blindjoin_protocol::*;
use rand::SeedableRng;

# fn main() -> Result<(), Error> {
# let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
# let [q, p, k] = [1, 2, 3].map(|seed: u8| Identity::from_seed(&[seed; 32]));
# let parties = Parties { querier: q.key(), provider: p.key(), keyholder: k.key() };
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
    class: published_class(theirs.len() as u64, 0),
    forms: 1,
    weight: 1,
};
let published = Published::new(vec![rule], [0; 32], vec![key_size], [0; 32]);
let choices = Choices { canaries: 4, ..Choices::new(key_size, 2_000_000_000) };
let terms = Terms::join(&choices, TableKind::Okvs, rules, [0; 32], ours.len() as u64)?;
let [qs, ps, ks] = [0; 3].map(|_| SessionSecret::generate(&mut rng));
let offer = Offer::for_keys(terms, &published, &ours, None, &mut rng)?;
let answer = Answer::new(&mut rng);
let manifest = Manifest::new(&offer, &answer, &published, parties)?;
let secret_key = SecretKey::generate(key_size, Profile::DjnShort, &mut ks.key_generation());
let agreement = Agreement::new(manifest.clone(), secret_key.public().clone())?;
let announcement = KeyAnnouncement::sign(&k, &agreement, &ks);

// Querier and provider each accept the key, and greet each other and the key holder.
let (agreement, keyholder) = announcement.accept(manifest, &mut rng)?;
let querier = Handshake::sign(Role::Querier, &q, &agreement, &qs).verify(Role::Querier, &agreement)?;
let provider = Handshake::sign(Role::Provider, &p, &agreement, &ps).verify(Role::Provider, &agreement)?;
let channel = |own, secret, peer| Channel::derive(&agreement, own, secret, peer);
let (q_to_p, p_to_q) = (channel(Role::Querier, &qs, &provider)?, channel(Role::Provider, &ps, &querier)?);
let (p_to_k, k_to_p) = (channel(Role::Provider, &ps, &keyholder)?, channel(Role::KeyHolder, &ks, &provider)?);
let (k_to_q, q_to_k) = (channel(Role::KeyHolder, &ks, &querier)?, channel(Role::Querier, &qs, &keyholder)?);

// The querier's table. (So few keys fit one chunk everywhere.)
let querier = Querier::new(&agreement, q_to_p.join_keys(agreement.suite()), ours, &qs)?;
let (_, table) = querier.table_stream(&q_to_p).seal(&querier.table_chunk(0)?)?;

// The provider's comparisons.
let join_keys = p_to_q.join_keys(agreement.suite());
let jobs = ProviderJobs::prepare(&agreement, &join_keys, &theirs, &ps)?;
let intake = TableIntake::new(&agreement);
let (stream, payload) = intake.stream(&p_to_q).open(0, &table)?;
let table = intake.take(&payload)?.finish(&stream)?;
let provider = Provider::new(&agreement, join_keys, jobs, table, &ps);
let (stream, comparisons) = provider.comparison_stream(&p_to_k).seal(&provider.compare(0)?)?;
let summary = provider.summary(&p_to_q, stream.account()?)?;

// The key holder's verdicts, let out after the whole stream.
let keyholder = KeyHolder::new(&agreement, Arc::new(secret_key));
let (stream, payload) = keyholder.comparison_stream(&k_to_p).open(0, &comparisons)?;
let released = keyholder.release().take(keyholder.decide(0, &payload)?)?.finish(&stream)?;
assert_eq!((released.failure(), released.matches()), (None, None), "the key holder is blind");
let (_, result) = released.stream(&k_to_q).seal(&released.chunk(0)?)?;

// The querier's card.
let (result, payload) = querier.result_stream(&q_to_k).open(0, &result)?;
let (summary, _) = querier.summary_stream(&q_to_p).open(0, &summary)?;
let card = querier.opening().take(&payload)?.finish(&result, &summary)?;
assert_eq!([card.matched(0), card.matched(1)], [Some(false), Some(true)]);
# Ok(())
# }
