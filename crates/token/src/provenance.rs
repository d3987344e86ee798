//! How the tokens of a file were made, as the metadata beside it tell.

use blindjoin_record::Dialect;
use serde::Deserialize;

use crate::error::Error;
use crate::metadata::SecretHashes;

/// What a metadata file tells of how its tokens were made: ours or OpenToken's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Provenance {
    /// Hashes of the secrets.
    pub secrets: SecretHashes,
    /// The OpenToken version that they agree with, if they do with one.
    pub dialect: Option<Dialect>,
    /// How signatures became tokens, by its name in metadata.
    pub scheme: Option<String>,
    /// The digest of the rules, of our own files.
    pub rules: Option<String>,
}

/// How two files' tokens differ in the making.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// Other secrets or another scheme: no token of the one is one of the other.
    Apart(&'static str),
    /// Other dialects or rules: tokens of one record may differ.
    Unlike(String),
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "Platform")]
    platform: Option<String>,
    #[serde(rename = "OpenTokenVersion", alias = "Version")]
    version: Option<String>,
    #[serde(flatten)]
    secrets: SecretHashes,
    blindjoin: Option<Ours>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ours {
    rule_set_digest: Option<String>,
    dialect: Option<String>,
    token_scheme: Option<String>,
}

impl Provenance {
    /// Reads a metadata file, OpenToken's or ours; other keys are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] says the line and column.
    pub fn from_metadata(json: &str) -> Result<Self, Error> {
        let file: File = serde_json::from_str(json).map_err(|error| Error::Metadata {
            line: error.line(),
            column: error.column(),
        })?;
        let reference = || reference(file.platform.as_deref()?, file.version.as_deref()?);
        let (dialect, scheme, rules) = match file.blindjoin {
            Some(ours) => (
                ours.dialect.and_then(|name| name.parse().ok()),
                ours.token_scheme,
                ours.rule_set_digest,
            ),
            None => (reference(), None, None),
        };
        Ok(Self {
            secrets: file.secrets,
            dialect,
            scheme,
            rules,
        })
    }

    /// How the tokens of another file were made otherwise; nothing where that is not known.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let both = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => !one.trim().eq_ignore_ascii_case(other.trim()),
            _ => false,
        };
        if both(&self.secrets.hashing, &other.secrets.hashing) {
            differences.push(Difference::Apart("hashing secrets"));
        }
        if both(&self.scheme, &other.scheme) {
            differences.push(Difference::Apart("token schemes"));
        }
        match (self.dialect, other.dialect) {
            (Some(one), Some(other)) if one != other => {
                differences.push(Difference::Unlike(format!("dialects, {one} and {other}")));
            }
            _ if both(&self.rules, &other.rules) => {
                differences.push(Difference::Unlike("rules".to_owned()));
            }
            _ => {}
        }
        differences
    }
}

/// The dialect of a reference implementation's own file.
fn reference(platform: &str, version: &str) -> Option<Dialect> {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    let numbers = [0, 1, 2].map(|_| numbers.next().flatten().unwrap_or(0));
    match (platform, numbers) {
        ("Java", [1, ..]) => Some(Dialect::Ot1Java),
        ("Python", [1, ..]) => Some(Dialect::Ot1Python),
        ("Python", [2, 0, _] | [2, 1, 0 | 1]) => Some(Dialect::Olt20),
        ("Python", [2, 1, _]) => Some(Dialect::Olt212),
        ("Python", [2, ..]) => Some(Dialect::Olt22),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Provenance {
        Provenance::from_metadata(json).unwrap()
    }

    #[test]
    fn references_and_our_own_files_are_read() {
        let java = read(
            "{\"JavaVersion\":\"21\",\"Platform\":\"Java\",\"OpenTokenVersion\":\"1.12.5\",\
             \"HashingSecretHash\":\"AB\",\"TotalRows\":3}",
        );
        assert_eq!(java.dialect, Some(Dialect::Ot1Java));
        assert_eq!(java.secrets.hashing.as_deref(), Some("AB"));
        for (version, dialect) in [
            ("1.13.2", Dialect::Ot1Python),
            ("2.0.0", Dialect::Olt20),
            ("2.1.1", Dialect::Olt20),
            ("2.1.2", Dialect::Olt212),
            ("2.2.1", Dialect::Olt22),
        ] {
            let json = format!("{{\"Platform\":\"Python\",\"Version\":\"{version}\"}}");
            assert_eq!(read(&json).dialect, Some(dialect), "{version}");
        }
        let ours = read(
            "{\"Platform\":\"blindjoin\",\"HashingSecretHash\":\"ab\",\"blindjoin\":{\"Version\":\"0.1.0\",\
             \"RuleSetDigest\":\"cd\",\"Dialect\":null,\"TokenScheme\":\"htac\"}}",
        );
        assert_eq!((ours.dialect, ours.scheme.as_deref()), (None, Some("htac")));
        assert_eq!(ours.rules.as_deref(), Some("cd"));
        assert_eq!(read("{}"), Provenance::default());
        assert!(Provenance::from_metadata("[]").is_err());
    }

    #[test]
    fn what_is_made_otherwise_is_told_and_what_is_not_known_is_not() {
        let made = |secret: &str, dialect, rules: &str| Provenance {
            secrets: SecretHashes {
                hashing: Some(secret.to_owned()),
                encryption: None,
            },
            dialect,
            scheme: Some("opentoken".to_owned()),
            rules: Some(rules.to_owned()),
        };
        let one = made("ab", Some(Dialect::Ot1Java), "r1");
        assert_eq!(
            one.differences(&made("AB", Some(Dialect::Ot1Java), "R1")),
            []
        );
        assert_eq!(one.differences(&Provenance::default()), []);
        assert_eq!(
            one.differences(&made("cd", Some(Dialect::Ot1Java), "r1")),
            [Difference::Apart("hashing secrets")]
        );
        assert_eq!(
            one.differences(&made("ab", Some(Dialect::Olt22), "r2")),
            [Difference::Unlike(
                "dialects, ot1-java and olt2.2".to_owned()
            )]
        );
        assert_eq!(
            one.differences(&made("ab", None, "r2")),
            [Difference::Unlike("rules".to_owned())]
        );
        let htac = Provenance {
            scheme: Some("htac".to_owned()),
            ..one.clone()
        };
        assert_eq!(htac.differences(&one), [Difference::Apart("token schemes")]);
    }
}
