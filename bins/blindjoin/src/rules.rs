//! Which rules, over which columns, on which day.

use anyhow::Context;
use blindjoin_columnar::{Bound, Error, Reader, load_rules, today};
use blindjoin_linkage::Side;
use blindjoin_record::{Binding, Date, Dialect, RuleSet};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::console::Console;

/// Options that choose rules.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct Choice {
    /// A built-in rule set or a rules file (TOML)
    #[arg(long, value_name = "NAME|FILE", default_value = "opentoken")]
    pub(crate) rules: String,
    /// Version of OpenToken to agree with to the byte
    #[arg(long, value_name = "DIALECT", value_parser = dialect())]
    pub(crate) dialect: Option<Dialect>,
    /// Read a field from the named column, as in --column ssn=SSN; may be repeated
    #[arg(long = "column", value_name = "FIELD=COLUMN", value_parser = column)]
    pub(crate) columns: Vec<(String, String)>,
    /// The day up to which birth dates are valid, yyyy-mm-dd [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) today: Option<Date>,
}

impl Choice {
    pub(crate) fn load(&self) -> anyhow::Result<RuleSet> {
        let mut rules = load_rules(&self.rules)?;
        if let Some(dialect) = self.dialect {
            rules = rules.with_dialect(dialect)?;
        }
        for (field, column) in &self.columns {
            rules = rules.with_column(field, column).context("--column")?;
        }
        Ok(rules)
    }

    /// Binds rules to a table, of which some must be able to yield something unless none need.
    pub(crate) fn bind(
        &self,
        rules: &RuleSet,
        reader: &Reader,
        allow_empty: bool,
        console: &Console,
    ) -> anyhow::Result<Binding> {
        let today = self.today.unwrap_or_else(today);
        match Bound::new(reader.name(), reader.columns(), rules, Side::Querier, today) {
            Ok(Bound { binding, remarks }) => {
                for remark in &remarks {
                    console.note(remark);
                }
                Ok(binding)
            }
            Err(error @ Error::NoRule { .. }) if allow_empty => {
                console.note(error);
                Ok(rules.bind(reader.columns(), today)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Parses a date given as an option.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    Date::from_iso(text).ok_or_else(|| "is no date of the form yyyy-mm-dd".to_owned())
}

/// A parser of dialects given as an option, which knows them all.
pub(crate) fn dialect() -> impl TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new(Dialect::ALL.map(Dialect::name)).try_map(|name| name.parse())
}

fn column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, column)) if !field.is_empty() && !column.is_empty() => {
            Ok((field.to_owned(), column.to_owned()))
        }
        _ => Err("must be FIELD=COLUMN".to_owned()),
    }
}
