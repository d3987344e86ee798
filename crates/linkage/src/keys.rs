//! The one place where rule, signature and block become a join key.

use blindjoin_protocol::input::join_key;
use blindjoin_record::RuleSet;

use crate::rules::rule_ids;
use crate::{Error, Signature};

/// Makes join keys, each in the place of the one before.
pub(crate) struct Keys {
    rules: Vec<String>,
    key: Vec<u8>,
}

/// Identifiers stay out of logs.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Keys {
    pub(crate) fn new(rules: &RuleSet) -> Self {
        Self {
            rules: rule_ids(rules),
            key: Vec::new(),
        }
    }

    pub(crate) fn make(
        &mut self,
        signature: &Signature<'_>,
        block: Option<&str>,
    ) -> Result<&[u8], Error> {
        let rule = &self.rules[usize::from(signature.rule)];
        let (text, block) = (signature.text.as_bytes(), block.map(str::as_bytes));
        join_key(&mut self.key, rule, text, block)?;
        Ok(&self.key)
    }
}
