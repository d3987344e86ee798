//! Linking with several providers, some at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use blindjoin_protocol::Card;
use blindjoin_protocol::leakage::Session;
use blindjoin_querier::learned;
use blindjoin_service::config::{LinkOptions, NamedPeer};
use blindjoin_service::querier::{self, Counterparts, Question};
use blindjoin_service::{Identity, Peer, random};
use tokio::task::JoinSet;

use super::board::Board;
use crate::advice::advise;
use crate::blocks::InBlocks;

/// What every one of the linkages has in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) identity: Identity,
    pub(crate) keyholder: Peer,
    pub(crate) options: LinkOptions,
}

/// What linking with one provider has shown.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) card: Card,
    /// How many of our records are in blocks that the provider does not offer, or that were not named.
    pub(crate) left_out: usize,
    /// What the provider and the key holder learned, in lines; nothing of an earlier run.
    pub(crate) learned: Vec<String>,
    /// The rows outside of the blocks compared, in order.
    pub(super) outside: Vec<u32>,
}

impl Linked {
    /// Whether a record was not compared because its block was not.
    pub(crate) fn outside(&self, row: usize) -> bool {
        u32::try_from(row).is_ok_and(|row| self.outside.binary_search(&row).is_ok())
    }
}

/// What is known of a jurisdiction.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is this one.
    Ours,
    /// What linking with it has shown.
    Linked(Linked),
    /// Linking with it has failed: nothing.
    Failed,
}

/// Links the same records with every provider, at most `parallel` at once, and yields what has come of
/// it by the providers' names. One that fails does not end the others.
///
/// # Errors
///
/// Terms that contradict themselves: nobody is asked then.
pub(crate) async fn link_all(
    common: Common,
    providers: Vec<NamedPeer>,
    records: &InBlocks,
    parallel: usize,
    board: &Board,
) -> anyhow::Result<BTreeMap<String, anyhow::Result<Linked>>> {
    let people = &records.people;
    let common = Arc::new(common);
    let mut waiting = providers.into_iter();
    let mut running = JoinSet::new();
    let mut ended = BTreeMap::new();
    loop {
        while running.len() < parallel
            && let Some(provider) = waiting.next()
        {
            let terms = common.options.terms(
                people.rules.clone(),
                people.rules_digest,
                people.asked.len() as u64,
            )?;
            let counterparts = Counterparts {
                keyholder: common.keyholder.clone(),
                provider: provider.peer(),
                idle: std::time::Duration::from_secs(common.options.idle_seconds),
                constant_time_tables: common.options.constant_time_tables,
            };
            let (common, keys, place) = (
                common.clone(),
                people.asked.clone(),
                board.place(&provider.name),
            );
            let (blocks, mut outside) = (records.blocks, people.outside.clone());
            running.spawn(async move {
                let question = Question::Keys(keys, blocks);
                let linking =
                    querier::link(&common.identity, &counterparts, terms, question, &*place);
                let linked = Box::pin(linking)
                    .await
                    .map_err(|error| advise(error, random::now()))
                    .with_context(|| format!("linking with {}", provider.name));
                place.finish(linked.is_ok());
                let linked = match linked {
                    Ok(linked) => linked,
                    Err(error) => return (provider.name, Err(error)),
                };
                outside.extend(&linked.left_out);
                outside.sort_unstable();
                let session = Session::of(&linked.agreement, linked.named.as_ref());
                let linked = Linked {
                    learned: learned(&session),
                    card: linked.card,
                    left_out: linked.left_out.len(),
                    outside,
                };
                (provider.name, Ok(linked))
            });
        }
        let Some(next) = running.join_next().await else {
            return Ok(ended);
        };
        let (name, linked) = next.context("a linkage panicked")?;
        ended.insert(name, linked);
    }
}
