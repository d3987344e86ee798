//! What the commands have in common: with whom, under which rules and how to link.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use blindjoin_columnar::load_rules;
use blindjoin_linkage::Rules;
use blindjoin_protocol::Error;
use blindjoin_protocol::agree::{Mask, TableKind};
use blindjoin_service::Identity;
use blindjoin_service::config::{LinkOptions, NamedPeer, QuerierConfig};
use blindjoin_service::querier::Counterparts;
use blindjoin_terminal::Usage;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// With whom, under which rules and how to link; shared by every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Session {
    /// Configuration file; see config.example.toml
    #[arg(long, value_name = "FILE", env = "BLINDJOIN_QUERIER_CONFIG")]
    config: PathBuf,
    /// Rules file or built-in rule set, instead of the configuration's
    #[arg(long, value_name = "RULES", env = "BLINDJOIN_RULES")]
    rules: Option<String>,
    /// Ask about this rule only, of those agreed on; may be given several times
    #[arg(long = "rule", value_name = "ID")]
    only: Vec<String>,
    /// Which of the configuration's providers, where there are several
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    #[command(flatten, next_help_heading = "What the others learn")]
    options: Options,
}

/// What is asked for, as far as options must suit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Join,
    Lookup,
    Pairs,
}

/// How to link, where the command line says otherwise than the configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Bits of the session key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS")]
    key_bits: Option<u32>,
    /// Layout of the encrypted identifiers of a join [default: okvs, but cuckoo under --mask full]
    #[arg(long, value_name = "TABLE", value_parser = one_of::<_, TableKind>(TableKind::ALL.map(TableKind::name)))]
    table: Option<TableKind>,
    /// Let the key holder count the matches and enforce a cap on them; a lookup never does
    #[arg(long, conflicts_with = "blind")]
    counting: bool,
    /// Let the key holder learn not even the number of matches; default, but in `pairs`
    #[arg(long)]
    blind: bool,
    /// Let the key holder count, but the provider hide the number of matches among false ones
    #[arg(long, conflicts_with = "blind")]
    hide_count: bool,
    /// How differences are masked; full has the key holder count the matches
    #[arg(long, value_name = "MASK", value_parser = one_of::<_, Mask>(Mask::ALL.map(Mask::name)))]
    mask: Option<Mask>,
}

/// A session's settings, command line and configuration together.
pub(crate) struct Resolved {
    pub(crate) config: QuerierConfig,
    pub(crate) identity: Identity,
    pub(crate) options: LinkOptions,
    pub(crate) provider: NamedPeer,
    pub(crate) rules: Rules,
}

impl Session {
    /// Puts the command line above the configuration, and loads the rules.
    pub(crate) fn resolve(&self, way: Way) -> anyhow::Result<Resolved> {
        let config = QuerierConfig::load(&self.config).context("reading the configuration")?;
        let identity = Identity::load(&config.identity).context("loading our identity")?;
        let rules = self
            .rules
            .clone()
            .or_else(|| config.rules.clone())
            .with_context(|| {
                format!(
                    "{} names no rules, and neither does --rules",
                    self.config.display()
                )
            })?;
        let provider = self.choose(&config.providers)?.clone();
        let options = self.options.over(&config, way)?;
        let rules = only(load_rules(&rules)?, &self.only)?;
        Ok(Resolved {
            config,
            identity,
            options,
            provider,
            rules,
        })
    }

    /// The provider that is meant.
    fn choose<'a>(&self, providers: &'a [NamedPeer]) -> Result<&'a NamedPeer, Usage> {
        let names = || {
            let names = providers.iter().map(|provider| provider.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        match (&self.provider, providers) {
            (None, [provider]) => Ok(provider),
            (None, _) => Err(Usage::new(format!(
                "the configuration has several providers: name one of them with --provider: {}",
                names()
            ))),
            (Some(name), _) => {
                let found = providers.iter().find(|provider| provider.name == *name);
                found.ok_or_else(|| {
                    Usage::new(format!(
                        "--provider {name}: the configuration has no provider of that name, but: {}",
                        names()
                    ))
                })
            }
        }
    }
}

/// The rules named with `--rule`, or all.
pub(crate) fn only(agreed: blindjoin_record::RuleSet, named: &[String]) -> anyhow::Result<Rules> {
    let known = agreed.rules().iter().map(|rule| rule.id().to_owned());
    let known = known.collect::<Vec<_>>().join(", ");
    Rules::only(agreed, named).map_err(|error| match error {
        blindjoin_record::Error::UnknownRule { rule } => {
            let text = format!("--rule {rule}: there is no such rule; there are {known}");
            Usage::new(text).into()
        }
        other => anyhow::Error::new(other),
    })
}

/// A parser of what is known by one of these names.
fn one_of<const N: usize, T>(names: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

impl Options {
    /// Puts the command line above the configuration, and checks that what comes of it suits what is
    /// asked for.
    pub(crate) fn over(&self, config: &QuerierConfig, way: Way) -> anyhow::Result<LinkOptions> {
        let mut options = config.link.clone();
        if let Some(bits) = self.key_bits {
            if !config.allows_key_bits(bits) {
                return Err(Usage::new("--key-bits must be 2048, 3072 or 4096").into());
            }
            options.key_bits = bits;
        }
        options.table = self.table.or(options.table);
        options.mask = self.mask.unwrap_or(options.mask);
        if self.blind {
            (options.counting, options.hide_count) = (Some(false), false);
        }
        if self.counting {
            options.counting = Some(true);
        }
        if self.hide_count {
            (options.counting, options.hide_count) = (Some(true), true);
        }
        match contradiction(&options, way) {
            None => Ok(options),
            // Who gives none of these options has it from the configuration.
            Some(text) if contradiction(&config.link, way).is_some() => {
                Err(anyhow!("under [link] in the configuration: {text}"))
            }
            Some(text) => Err(Usage::new(text).into()),
        }
    }
}

impl Resolved {
    /// With whom to link.
    pub(crate) fn counterparts(&self) -> Counterparts {
        self.counterparts_at(&self.provider)
    }

    /// With whom to link, at a provider of the configuration.
    pub(crate) fn counterparts_at(&self, provider: &NamedPeer) -> Counterparts {
        Counterparts {
            keyholder: self.config.keyholder.clone(),
            provider: provider.peer(),
            idle: Duration::from_secs(self.options.idle_seconds),
            constant_time_tables: self.options.constant_time_tables,
        }
    }
}

/// What does not go together, and what to do.
fn contradiction(options: &LinkOptions, way: Way) -> Option<&'static str> {
    let full = options.mask == Mask::Full;
    if full && way == Way::Join && options.table == Some(TableKind::Okvs) {
        return Some(
            "--mask full needs --table cuckoo, for sums of a key-value store's entries are not equal under it: leave \
             one of the two out",
        );
    }
    if full && way != Way::Join {
        return Some("--mask full is for `link` and `dedupe`: give --mask slot here");
    }
    if options.hide_count && way == Way::Pairs {
        return Some("--hide-count is for `link` and `dedupe`: give --blind or --counting here");
    }
    if options.hide_count && options.counting == Some(false) && way == Way::Join {
        return Some(
            "hide_count = true hides what is counted, but counting = false: change one of them",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_told_with_the_options_to_change() {
        let full = LinkOptions {
            mask: Mask::Full,
            ..LinkOptions::default()
        };
        let stored = LinkOptions {
            table: Some(TableKind::Okvs),
            ..full.clone()
        };
        let hidden = LinkOptions {
            hide_count: true,
            ..LinkOptions::default()
        };
        let contradictory = LinkOptions {
            counting: Some(false),
            ..hidden.clone()
        };
        for (options, way, words) in [
            (&stored, Way::Join, Some("--table cuckoo")),
            (&full, Way::Join, None),
            (&full, Way::Lookup, Some("--mask slot")),
            (&full, Way::Pairs, Some("--mask slot")),
            (&hidden, Way::Join, None),
            (&hidden, Way::Lookup, None),
            (&hidden, Way::Pairs, Some("--hide-count")),
            (&contradictory, Way::Join, Some("counting = false")),
        ] {
            let told = contradiction(options, way);
            match words {
                None => assert_eq!(told, None, "{options:?}"),
                Some(words) => assert!(told.unwrap().contains(words), "{told:?}"),
            }
        }
    }
}
