use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::today;
use blindjoin_protocol::{QuerierKeys, QuerierKeysBuilder, join_key};
use blindjoin_record::{Row, RuleSet, Scratch};

/// One record to look up, field by field.
pub struct Query {
    /// Its join keys.
    pub keys: QuerierKeys,
    /// The rules under which it has no value.
    pub without: Vec<String>,
}

/// A person's values stay out of logs.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query")
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}

impl Query {
    /// Reads `field=value` pairs; a field goes by its name in the rules or by that of its column.
    /// The only rule of `blocks` yields the record's block.
    ///
    /// # Errors
    ///
    /// A field that the rules do not use, or comes twice; no rule that the fields suffice for, or
    /// no block.
    pub fn new(
        rules: &RuleSet,
        pairs: &[(String, String)],
        blocks: Option<&RuleSet>,
    ) -> anyhow::Result<Self> {
        let of_blocks = |name: &str| {
            let fields = blocks.into_iter().flat_map(RuleSet::fields);
            fields
                .into_iter()
                .any(|field| field.name() == name && field.is_used())
        };
        let used: Vec<(&str, String)> = rules
            .fields()
            .iter()
            .filter(|field| field.is_used() || of_blocks(field.name()))
            .map(|field| {
                (
                    field.name(),
                    field.column().unwrap_or(field.name()).trim().to_owned(),
                )
            })
            .collect();
        let mut values: BTreeMap<usize, &str> = BTreeMap::new();
        for (name, value) in pairs {
            let Some(position) = used
                .iter()
                .position(|(field, column)| field == name || column == name)
            else {
                let names: Vec<&str> = used.iter().map(|(field, _)| *field).collect();
                bail!(
                    "the rules use no field {name}; they use {}",
                    names.join(", ")
                );
            };
            ensure!(
                values.insert(position, value).is_none(),
                "field {name} comes twice"
            );
        }
        // The rules may map a record id, which a single record does not need.
        let mut header: Vec<&str> = used.iter().map(|(_, column)| column.as_str()).collect();
        header.extend(rules.record_id_column());
        let binding = rules.bind(&header, today())?;
        let row = Cells(
            (0..header.len())
                .map(|position| values.get(&position).copied())
                .collect(),
        );
        let block = match blocks {
            None => None,
            Some(fields) => {
                let binding = fields.bind(&header, today())?;
                let mut scratch = Scratch::default();
                let block = binding
                    .sign(&row, &mut scratch)
                    .get(0)
                    .ok()
                    .map(str::to_owned);
                Some(block.context("the fields do not suffice for the record's block")?)
            }
        };
        let mut builder = QuerierKeysBuilder::new(u16::try_from(rules.rules().len())?);
        let number = builder.row()?;
        let mut without = Vec::new();
        let mut key = Vec::new();
        let mut scratch = Scratch::default();
        let signatures = binding.sign(&row, &mut scratch);
        for ((position, rule), signature) in (0_u16..).zip(rules.rules()).zip(signatures.iter()) {
            if let Ok(signature) = signature {
                let block = block.as_deref().map(str::as_bytes);
                join_key(&mut key, rule.id(), signature.as_bytes(), block)?;
                builder.push(number, position, &key)?;
            } else {
                without.push(rule.id().to_owned());
            }
        }
        if without.len() == rules.rules().len() {
            let missing: Vec<&str> = used
                .iter()
                .enumerate()
                .filter(|(position, _)| !values.contains_key(position))
                .map(|(_, (field, _))| *field)
                .collect();
            if missing.is_empty() {
                bail!("no rule accepts these values");
            }
            bail!(
                "no rule is content with these fields; missing: {}",
                missing.join(", ")
            );
        }
        Ok(Self {
            keys: builder.build(),
            without,
        })
    }
}

struct Cells<'a>(Vec<Option<&'a str>>);

impl Row for Cells<'_> {
    fn cell(&self, column: usize) -> Option<&str> {
        self.0[column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[columns]\nrecord_id = \"Id\"\nnational_id = \"SSN No\"\nbirth_date = \"Born\"\nlast_name = \"Name\"\n\
        [[rule]]\nid = \"ID\"\nsignature = [\"national_id:T\"]\n\
        [[rule]]\nid = \"NAME\"\nsignature = [\"last_name:T|U\", \"birth_date:T\"]\n";

    fn query(pairs: &[(&str, &str)]) -> anyhow::Result<Query> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Query::new(&RuleSet::from_toml(RULES).unwrap(), &pairs, None)
    }

    #[test]
    fn fields_go_by_their_name_or_their_column() {
        for name in ["national_id", "SSN No"] {
            let query = query(&[(name, "123")]).unwrap();
            assert_eq!(query.keys.iter().collect::<Vec<_>>(), [b"ID\x00123"]);
            assert_eq!(query.without, ["NAME"]);
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (pairs, words) in [
            (&[("shoe", "43")][..], "the rules use no field shoe"),
            (&[("last_name", "Ada")], "missing: "),
            (&[("national_id", "1"), ("SSN No", "2")], "twice"),
            (&[], "missing: "),
        ] {
            let error = query(pairs).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
