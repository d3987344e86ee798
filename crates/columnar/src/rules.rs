use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use blindjoin_record::{Date, RuleSet};

use crate::Error;

/// Reads a rules file, or yields the built-in rule set of that name.
///
/// # Errors
///
/// [`Error::Input`] when there is no such file; [`Error::Rules`] says what is wrong with the rules,
/// or which names there are.
pub fn load_rules(rules: &str) -> Result<RuleSet, Error> {
    let file: Arc<str> = rules.into();
    let parsed = if is_rule_set_name(rules) && !Path::new(rules).exists() {
        RuleSet::builtin(rules)
    } else {
        let text = std::fs::read_to_string(rules).map_err(|source| Error::Input {
            file: Arc::clone(&file),
            source,
        })?;
        RuleSet::from_toml(&text)
    };
    parsed.map_err(|source| Error::Rules { file, source })
}

/// Whether `rules` has the form of a rule set's name rather than of a file's.
pub fn is_rule_set_name(rules: &str) -> bool {
    !rules.is_empty()
        && rules
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The day in UTC: dates of birth after it are not valid.
///
/// # Panics
///
/// Never: the last day of the year 9999 is a day.
pub fn today() -> Date {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let days = i64::try_from(seconds / 86_400).unwrap_or(i64::MAX);
    Date::from_unix_days(days).unwrap_or_else(|| Date::new(9999, 12, 31).expect("a day"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_files_are_told_apart() {
        assert_eq!(
            load_rules("ssn")
                .map(|rules| rules.name().to_owned())
                .ok()
                .as_deref(),
            Some("ssn")
        );
        assert!(matches!(
            load_rules("no-such-set"),
            Err(Error::Rules { .. })
        ));
        assert!(matches!(
            load_rules("missing/rules.toml"),
            Err(Error::Input { .. })
        ));
    }

    #[test]
    fn mistakes_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, "colour = 3\n").unwrap();
        let error = load_rules(&path.to_string_lossy()).unwrap_err().to_string();
        assert!(error.contains("rules.toml"), "{error}");
    }
}
