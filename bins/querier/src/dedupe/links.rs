//! Linking with several providers, some at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use blindjoin_protocol::Card;
use blindjoin_querier::People;
use blindjoin_service::config::{LinkOptions, NamedPeer};
use blindjoin_service::querier::{self, Counterparts};
use blindjoin_service::{Identity, Peer};
use tokio::task::JoinSet;

use super::board::Board;

/// What every one of the linkages has in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) identity: Identity,
    pub(crate) keyholder: Peer,
    pub(crate) options: LinkOptions,
}

/// Links the same records with every provider, at most `parallel` at once, and yields the cards by
/// the providers' names.
///
/// # Errors
///
/// The first linkage that fails; the others are given up then.
pub(crate) async fn link_all(
    common: Common,
    providers: Vec<NamedPeer>,
    people: &People,
    parallel: usize,
    board: &Board,
) -> anyhow::Result<BTreeMap<String, Card>> {
    let common = Arc::new(common);
    let mut waiting = providers.into_iter();
    let mut running = JoinSet::new();
    let mut cards = BTreeMap::new();
    loop {
        while running.len() < parallel
            && let Some(provider) = waiting.next()
        {
            let terms = common.options.terms(
                people.rules.clone(),
                people.rules_digest,
                people.keys.len() as u64,
            )?;
            let counterparts = Counterparts {
                keyholder: common.keyholder.clone(),
                provider: provider.peer(),
                idle: std::time::Duration::from_secs(common.options.idle_seconds),
                constant_time_tables: common.options.constant_time_tables,
            };
            let (common, keys, place) = (
                common.clone(),
                people.keys.clone(),
                board.place(&provider.name),
            );
            running.spawn(async move {
                let linking = querier::link(&common.identity, &counterparts, terms, keys, &*place);
                let linked = Box::pin(linking)
                    .await
                    .with_context(|| format!("linking with {}", provider.name))?;
                place.finish();
                anyhow::Ok((provider.name, linked.card))
            });
        }
        let Some(ended) = running.join_next().await else {
            return Ok(cards);
        };
        let (name, card) = ended.context("a linkage panicked")??;
        cards.insert(name, card);
    }
}
