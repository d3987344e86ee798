//! What a de-duplication is to do, and with whom.

use std::collections::BTreeMap;

use anyhow::Context;
use blindjoin_columnar::load_rules;
use blindjoin_linkage::Rules;
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_querier::{People, Summary};
use blindjoin_service::config::{DedupePlan, Keep, NamedPeer, QuerierConfig};
use blindjoin_service::{Identity, program};
use blindjoin_terminal::{Console, Usage, chain, say};

use super::Arguments;
use super::board::Board;
use super::earlier;
use super::links::{self, Common, Linked, Standing};
use crate::blocks::InBlocks;
use crate::session::{Way, only};

/// What the command line and the configuration come to.
pub(super) struct Settings {
    pub(super) rules: Rules,
    /// What names the rule set, to compare with that of an earlier run.
    pub(super) rules_file: String,
    pub(super) keep: Keep,
    pub(super) elsewhere: Option<Elsewhere>,
}

/// What is needed to link with other jurisdictions.
pub(super) struct Elsewhere {
    pub(super) plan: DedupePlan,
    pub(super) config: QuerierConfig,
    identity: Identity,
}

impl Settings {
    pub(super) fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let config = match &arguments.config {
            Some(path) => Some(QuerierConfig::load(path).context("reading the configuration")?),
            None => None,
        };
        let configured = || config.as_ref().and_then(|config| config.rules.clone());
        let rules = arguments
            .rules
            .clone()
            .or_else(configured)
            .ok_or_else(|| Usage::new("say with --rules by which rules"))?;
        let rules_file = earlier::rules_file(&rules);
        let rules = only(load_rules(&rules)?, &arguments.only)?;
        let latest = arguments.latest.clone().map(Keep::Latest);
        let Some(mut config) = config.filter(|_| !arguments.local) else {
            return Ok(Self {
                rules,
                rules_file,
                keep: latest.unwrap_or_default(),
                elsewhere: None,
            });
        };
        config.link = arguments.options.over(&config, Way::Join)?;
        let plan = match &arguments.plan {
            Some(path) => {
                Some(DedupePlan::load(path, &config.providers).context("reading the plan")?)
            }
            None => config.dedupe.clone(),
        };
        let mut plan = plan.ok_or_else(|| {
            Usage::new(
                "the configuration has no section [dedupe]: name a plan with --plan, or look for duplicates here \
                 alone with --local",
            )
        })?;
        if let Some(parallel) = arguments.parallel {
            plan.parallel = usize::from(parallel);
        }
        if let Some(matrix) = &arguments.matrix {
            plan.matrix = Some(matrix.clone());
        }
        let identity = Identity::load(&config.identity).context("loading our identity")?;
        let keep = latest.unwrap_or_else(|| plan.keep.clone());
        Ok(Self {
            rules,
            rules_file,
            keep,
            elsewhere: Some(Elsewhere {
                plan,
                config,
                identity,
            }),
        })
    }
}

/// What linking with the other jurisdictions has come to.
pub(super) struct Outcome {
    /// In order of priority.
    pub(super) standings: Vec<Standing>,
    /// Who stood for them.
    pub(super) providers: Vec<NamedPeer>,
    /// The first failure, if some failed and others did not.
    pub(super) failure: Option<anyhow::Error>,
}

impl Elsewhere {
    /// Links with every provider of which nothing is known from an earlier run.
    ///
    /// # Errors
    ///
    /// The first failure, if nothing is known of any provider.
    pub(super) fn link(
        self,
        records: &InBlocks,
        mut known: BTreeMap<String, Linked>,
        console: &Console,
    ) -> anyhow::Result<Outcome> {
        let Self {
            plan,
            config,
            identity,
        } = self;
        let board = Board::new(console.is_quiet());
        let common = Common {
            identity,
            keyholder: config.keyholder,
            options: config.link,
        };
        let providers = config.providers.clone();
        let mut asked = config.providers;
        asked.retain(|provider| !known.contains_key(&provider.name));
        let links = links::link_all(common, asked, records, plan.parallel, &board);
        let mut ended = program::block_on(links).context("starting the runtime")??;
        let people = &records.people;
        if !people.outside.is_empty() {
            console.note(format_args!(
                "{} records are outside of the blocks: they are compared with no other jurisdiction's, as if none held them",
                people.outside.len()
            ));
        }
        let mut standings = Vec::new();
        let mut failures = Vec::new();
        for name in &plan.priority {
            standings.push(match ended.remove(name) {
                None => match known.remove(name) {
                    None => Standing::Ours,
                    Some(linked) => {
                        console.note(format_args!("{name} was compared in an earlier run"));
                        tell(name, &linked, people, console);
                        Standing::Linked(linked)
                    }
                },
                Some(Ok(linked)) => {
                    tell(name, &linked, people, console);
                    Standing::Linked(linked)
                }
                Some(Err(error)) => {
                    failures.push(error);
                    Standing::Failed
                }
            });
        }
        let any = standings
            .iter()
            .any(|standing| matches!(standing, Standing::Linked(_)));
        let mut failures = failures.into_iter();
        let failure = failures.next();
        // One of them ends the program and is told last.
        for error in failures {
            say(format_args!("{}", chain(error.as_ref())));
        }
        match failure {
            Some(error) if !any => Err(error),
            failure => Ok(Outcome {
                standings,
                providers,
                failure,
            }),
        }
    }
}

/// Says what is to be said of a linkage.
fn tell(name: &str, linked: &Linked, people: &People<QuerierKeys>, console: &Console) {
    if linked.left_out > 0 {
        console.note(format_args!(
            "{} records are not compared with {name}'s, which does not offer their blocks, or they were not \
             named: they count as if it held none of them",
            linked.left_out
        ));
    }
    for line in &linked.learned {
        console.note(format_args!("{name}: {line}"));
    }
    let outside = |row| linked.outside(row);
    let summary = Summary::besides(&linked.card, &people.rules, outside);
    for warning in summary.warnings() {
        console.note(format_args!("{name}: {warning}"));
    }
}
