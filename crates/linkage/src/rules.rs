//! Which rules a querier asks about, and the digests by which two parties know that they mean the same.

use blindjoin_record::{Error, Rule, RuleSet};
use sha2::{Digest, Sha256};

/// The ids of a rule set's rules, in their order: the columns of a card.
pub fn rule_ids(rules: &RuleSet) -> Vec<String> {
    let rules = rules.rules().iter();
    rules.map(|rule| rule.id().to_owned()).collect()
}

/// The digest that both sides must have: of all the rules, and of the rule that yields blocks, where
/// there are some.
pub fn digest(rules: &RuleSet, blocks: Option<&RuleSet>) -> [u8; 32] {
    let Some(blocks) = blocks else {
        return rules.digest();
    };
    Sha256::new()
        .chain_update(b"in blocks")
        .chain_update(rules.digest())
        .chain_update(blocks.digest())
        .finalize()
        .into()
}

/// The rules that the parties have agreed on, and those of them that are asked about.
#[derive(Clone, Debug)]
pub struct Rules {
    agreed: RuleSet,
    asked: RuleSet,
}

impl Rules {
    /// All rules that were agreed on.
    pub fn all(agreed: RuleSet) -> Self {
        Self {
            asked: agreed.clone(),
            agreed,
        }
    }

    /// Those of some ids, in the order in which they were agreed on, or all where none is named.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRule`].
    pub fn only(agreed: RuleSet, ids: &[String]) -> Result<Self, Error> {
        if ids.is_empty() {
            return Ok(Self::all(agreed));
        }
        let known = |id: &&String| agreed.rules().iter().any(|rule| rule.id() == id.as_str());
        if let Some(rule) = ids.iter().find(|id| !known(id)) {
            return Err(Error::UnknownRule { rule: rule.clone() });
        }
        let all = agreed.rules().iter().map(Rule::id);
        let named: Vec<&str> = all
            .filter(|id| ids.iter().any(|named| named == id))
            .collect();
        Ok(Self {
            asked: agreed.with_only_these_rules(&named)?,
            agreed,
        })
    }

    /// All that were agreed on: blocks are described by their fields.
    pub fn agreed(&self) -> &RuleSet {
        &self.agreed
    }

    /// Those asked about: the columns of a card.
    pub fn asked(&self) -> &RuleSet {
        &self.asked
    }

    /// The ids of those asked about.
    pub fn ids(&self) -> Vec<String> {
        rule_ids(&self.asked)
    }

    /// The [`digest`] of what was agreed on, which the provider must have too.
    pub fn digest(&self, blocks: Option<&RuleSet>) -> [u8; 32] {
        digest(&self.agreed, blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[columns]\nrecord_id = \"Id\"\nnational_id = \"No\"\nlast_name = \"Name\"\n\
        [[rule]]\nid = \"A\"\nsignature = [\"national_id:T\"]\n\
        [[rule]]\nid = \"B\"\nsignature = [\"last_name:T|U\"]\n\
        [[rule]]\nid = \"C\"\nsignature = [\"last_name:T\", \"national_id:T\"]\n";

    #[test]
    fn some_of_the_rules_stay_in_order_and_under_the_digest_of_all() {
        let agreed = RuleSet::from_toml(RULES).unwrap();
        let only = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
            Rules::only(agreed.clone(), &ids)
        };
        for (named, ids) in [
            (&[][..], &["A", "B", "C"][..]),
            (&["C", "A"], &["A", "C"]),
            (&["B", "B"], &["B"]),
        ] {
            let rules = only(named).unwrap();
            assert_eq!(rules.ids(), ids);
            assert_eq!(rules.digest(None), agreed.digest());
        }
        let unknown = only(&["A", "T9"]).unwrap_err();
        assert!(matches!(unknown, Error::UnknownRule { rule } if rule == "T9"));
    }
}
