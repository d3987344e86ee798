use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure};
use blindjoin_columnar::today;
use blindjoin_linkage::{QuerierKeyInput, Side, Signer};
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_record::{Row, RuleSet, Scratch};

/// One record to look up, field by field.
pub struct Query {
    /// Its join keys.
    pub keys: QuerierKeys,
    /// The rules under which it has no value.
    pub without: Vec<String>,
    /// What is the matter with values that were given: a field and a fault, never the value.
    pub faults: Vec<String>,
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
        let fields = rules.fields();
        let used: Vec<usize> = (0..fields.len())
            .filter(|&at| fields[at].is_used() || of_blocks(fields[at].name()))
            .collect();
        let names = |at: usize| {
            let columns = fields[at].columns().iter().map(|column| column.trim());
            columns.chain(std::iter::once(fields[at].name()))
        };
        let mut values: BTreeMap<usize, &str> = BTreeMap::new();
        for (name, value) in pairs {
            let Some(&at) = used
                .iter()
                .find(|&&at| names(at).any(|known| known == name))
            else {
                let names: Vec<&str> = used.iter().map(|&at| fields[at].name()).collect();
                bail!(
                    "the rules use no field {name}; they use {}",
                    names.join(", ")
                );
            };
            ensure!(
                values.insert(at, value).is_none(),
                "field {name} comes twice"
            );
        }
        let row = Cells(
            (0..fields.len())
                .map(|at| values.get(&at).copied())
                .collect(),
        );
        let bind = |rules: &RuleSet| rules.bind_fields(today());
        let in_blocks = blocks.into_iter().map(bind).collect();
        let signer = Signer::new(bind(rules), in_blocks, Side::Querier);
        let mut batch = signer.batch();
        signer.sign(&row, 1, &mut Scratch::default(), &mut batch);
        if let Some((reason, _)) = batch.without_block().iter().flatten().next() {
            let field = blocks.map_or(fields, RuleSet::fields)[reason.field].name();
            bail!("the record's block: {field} {}", reason.fault);
        }
        let mut input = QuerierKeyInput::new(rules);
        batch.for_each(0, |record| input.take(record))?;
        let (mut without, mut faults) = (Vec::new(), BTreeSet::new());
        for (rule, reasons) in rules.rules().iter().zip(batch.missing()) {
            for (reason, _) in reasons {
                without.push(rule.id().to_owned());
                // What was not given is no fault of the value.
                if values.contains_key(&reason.field) {
                    let name = fields[reason.field].name();
                    faults.insert(format!("{name} {}", reason.fault));
                }
            }
        }
        if without.len() == rules.rules().len() {
            let missing: Vec<&str> = used
                .iter()
                .filter(|at| !values.contains_key(at))
                .map(|&at| fields[at].name())
                .collect();
            let mut reasons: Vec<String> = faults.into_iter().collect();
            if !missing.is_empty() {
                reasons.push(format!("missing: {}", missing.join(", ")));
            }
            bail!(
                "no rule is content with these fields: {}",
                reasons.join("; ")
            );
        }
        Ok(Self {
            keys: input.finish().0,
            without,
            faults: faults.into_iter().collect(),
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

    const RULES: &str = "[columns]\nrecord_id = \"Id\"\nnational_id = \"SSN No\"\nbirth_date = \"Born\"\nlast_name = \"Name\"\nstate = \"State\"\n\
        [[rule]]\nid = \"ID\"\nsignature = [\"national_id:T\"]\n\
        [[rule]]\nid = \"NAME\"\nsignature = [\"last_name:T|U\", \"birth_date:D\"]\n";

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
    #[test]
    fn the_field_whose_value_is_at_fault_is_named_and_not_the_value() {
        let pairs = [("last_name", "Ada"), ("birth_date", "01/01/1985")];
        let error = query(&pairs).unwrap_err().to_string();
        assert!(
            error.contains("birth_date does not fit its expression"),
            "{error}"
        );
        assert!(error.contains("missing: national_id"), "{error}");
        assert!(!error.contains("1985"), "{error}");
        let error = query(&[("national_id", "unknown")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("national_id is a placeholder"), "{error}");
        let query = query(&[("national_id", "A1"), pairs[0], pairs[1]]).unwrap();
        assert_eq!(query.without, ["NAME"]);
        assert_eq!(query.faults, ["birth_date does not fit its expression"]);
    }
}
