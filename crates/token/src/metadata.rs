//! The metadata file that accompanies a token file.

use std::collections::BTreeMap;
use std::fmt;

use blindjoin_record::{Dialect, FieldKind, Reason, RuleSet};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::encoding::hex;
use crate::error::Error;
use crate::hasher::Scheme;
use crate::secret::{EncryptionKey, HashingSecret};
use crate::tally::Tally;

/// What a metadata file tells about a run; its text is what [`fmt::Display`] writes.
///
/// The file holds OpenToken's keys in OpenToken's order, so that its readers go on working, and
/// then everything of ours under one key `blindjoin`:
///
/// ```text
/// {
///   "JavaVersion": "blindjoin 0.1.0",            PythonVersion under the Python dialects
///   "Platform": "Java",                          the language whose results are reproduced
///   "OpenTokenVersion": "1.12.5",                the version whose results are; `Version` from 2.0
///   "HashingSecretHash": "…",
///   "EncryptionSecretHash": "…",                 of sealed tokens only
///   "TotalRows": 4,
///   "TotalRowsWithInvalidAttributes": 1,         the sum of the next counts, as in OpenToken
///   "InvalidAttributesByType": { "BirthDate": 0, … },
///   "BlankTokensByRule": { "T1": 0, … },
///   "blindjoin": {
///     "Version": "0.1.0",
///     "RuleSet": "opentoken",
///     "RuleSetDigest": "…",
///     "Dialect": "ot1-java",                     null for rules without one
///     "TokenScheme": "opentoken",                or "htac"
///     "RecordIds": "kept",                       or "hashed"
///     "InputDigest": "…",                        SHA-256 of the input file; null if unknown
///     "RowsWithInvalidAttributes": 1,            rows, each counted once
///     "RowsWithGeneratedRecordId": 0,
///     "TokensGeneratedByRule": { "T1": 4, … },
///     "TokensSkippedByRule": { "T4": { "SSN_MISSING": 1 }, … }
///   }
/// }
/// ```
///
/// The first three keys name the reference implementation whose results the file's tokens
/// reproduce, since that is what their readers decide by; that another program wrote them stands in
/// the first value and under `blindjoin`. Rules without a dialect have only `Platform`, with the
/// value `blindjoin`, and count invalid values by field name instead of attribute.
///
/// # Leakage
///
/// The hashes of secrets let anyone test guesses of them: secrets must be long and random. Exact
/// counts of rows and invalid values are shown; the input's digest lets anyone who has a candidate
/// for the input file recognise it.
#[derive(Clone, Debug)]
pub struct Metadata<'a> {
    /// The rules.
    pub rules: &'a RuleSet,
    /// How signatures became tokens.
    pub scheme: Scheme,
    /// Hashes of the secrets used.
    pub secrets: SecretHashes,
    /// Whether record ids were hashed.
    pub hashed_record_ids: bool,
    /// SHA-256 of the input file, if it was one.
    pub input_digest: Option<[u8; 32]>,
    /// The counts of the whole run.
    pub tally: &'a Tally,
}

/// Hashes of secrets, as metadata files show them: hexadecimal digits of SHA-256.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct SecretHashes {
    /// Of the hashing secret.
    #[serde(rename = "HashingSecretHash")]
    pub hashing: Option<String>,
    /// Of the encryption key; absent where tokens are not sealed.
    #[serde(rename = "EncryptionSecretHash")]
    pub encryption: Option<String>,
}

/// How a secret compares with a metadata file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Agreement {
    /// Both have it, and it is the same.
    Same,
    /// Both have it, and it differs.
    Different,
    /// The file does not mention it.
    NotInFile,
    /// It was not given.
    NotGiven,
}

impl Metadata<'_> {
    fn invalid_by_type(&self) -> Vec<(String, u64)> {
        let mut counts = BTreeMap::new();
        let by_kind = self.rules.dialect().is_some();
        if by_kind {
            counts.extend(ATTRIBUTES.map(|kind| (kind.name().to_owned(), 0)));
        }
        let counted = self
            .rules
            .fields()
            .iter()
            .zip(self.tally.invalid_by_field());
        for (field, &count) in counted.filter(|(field, _)| field.is_used()) {
            let generic = matches!(field.kind(), FieldKind::Text | FieldKind::Raw);
            let name = if by_kind && !generic {
                field.kind().name()
            } else {
                field.name()
            };
            *counts.entry(name.to_owned()).or_insert(0) += count;
        }
        counts.into_iter().collect()
    }

    fn by_rule<T>(&self, value: impl Fn(usize) -> T) -> Ordered<T> {
        let rules = self.rules.rules().iter().enumerate();
        Ordered(
            rules
                .map(|(i, rule)| (rule.id().to_owned(), value(i)))
                .collect(),
        )
    }

    fn reason(&self, reason: Reason) -> String {
        let field = &self.rules.fields()[reason.field];
        let name: String = field
            .name()
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        format!("{name}_{}", reason.fault.name())
    }
}

impl fmt::Display for Metadata<'_> {
    /// Writes the file: JSON indented by two blanks, without a final line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        f.write_str(&json)
    }
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.rules.dialect().map(reference) {
            Some(reference) => {
                map.serialize_entry(reference.language_key, &format!("blindjoin {VERSION}"))?;
                map.serialize_entry("Platform", reference.language)?;
                map.serialize_entry(reference.version_key, reference.version)?;
            }
            None => map.serialize_entry("Platform", "blindjoin")?,
        }
        if let Some(hash) = &self.secrets.hashing {
            map.serialize_entry("HashingSecretHash", hash)?;
        }
        if let Some(hash) = &self.secrets.encryption {
            map.serialize_entry("EncryptionSecretHash", hash)?;
        }
        let invalid = self.invalid_by_type();
        let sum: u64 = invalid.iter().map(|(_, count)| count).sum();
        map.serialize_entry("TotalRows", &self.tally.rows())?;
        map.serialize_entry("TotalRowsWithInvalidAttributes", &sum)?;
        map.serialize_entry("InvalidAttributesByType", &Ordered(invalid))?;
        let blank = self.by_rule(|rule| self.tally.blank(rule));
        map.serialize_entry("BlankTokensByRule", &blank)?;
        map.serialize_entry("blindjoin", &Ours(self))?;
        map.end()
    }
}

impl SecretHashes {
    /// The hashes of the secrets given.
    pub fn of(hashing: Option<&HashingSecret>, encryption: Option<&EncryptionKey>) -> Self {
        Self {
            hashing: hashing.map(HashingSecret::digest),
            encryption: encryption.map(EncryptionKey::digest),
        }
    }

    /// Reads the hashes from a metadata file, OpenToken's or ours; other keys are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] says the line and column.
    pub fn from_metadata(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map_err(|error| Error::Metadata {
            line: error.line(),
            column: error.column(),
        })
    }

    /// Compares the secrets given with those of a metadata file: first the hashing secret, then the
    /// encryption key.
    ///
    /// Hexadecimal digits are compared in any case.
    pub fn against(&self, file: &Self) -> [Agreement; 2] {
        [
            Agreement::between(self.hashing.as_deref(), file.hashing.as_deref()),
            Agreement::between(self.encryption.as_deref(), file.encryption.as_deref()),
        ]
    }
}

impl Agreement {
    fn between(given: Option<&str>, file: Option<&str>) -> Self {
        match (given, file) {
            (None, _) => Self::NotGiven,
            (_, None) => Self::NotInFile,
            (Some(given), Some(file)) if given.eq_ignore_ascii_case(file.trim()) => Self::Same,
            _ => Self::Different,
        }
    }
}

/// What metadata files under one dialect say of their writer.
struct Reference {
    language_key: &'static str,
    language: &'static str,
    version_key: &'static str,
    version: &'static str,
}

const fn reference(dialect: Dialect) -> Reference {
    let (language_key, language) = match dialect {
        Dialect::Ot1Java => ("JavaVersion", "Java"),
        _ => ("PythonVersion", "Python"),
    };
    let (version_key, version) = match dialect {
        Dialect::Ot1Java | Dialect::Ot1Python => ("OpenTokenVersion", "1.12.5"),
        Dialect::Olt20 => ("Version", "2.0.0"),
        Dialect::Olt212 => ("Version", "2.1.2"),
        Dialect::Olt22 => ("Version", "2.2.1"),
    };
    Reference {
        language_key,
        language,
        version_key,
        version,
    }
}

/// The part of a metadata file that is ours.
struct Ours<'a>(&'a Metadata<'a>);

impl Serialize for Ours<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Metadata { rules, tally, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Version", VERSION)?;
        map.serialize_entry("RuleSet", rules.name())?;
        map.serialize_entry("RuleSetDigest", &hex(&rules.digest()))?;
        map.serialize_entry("Dialect", &rules.dialect().map(Dialect::name))?;
        map.serialize_entry("TokenScheme", self.0.scheme.name())?;
        let record_ids = if self.0.hashed_record_ids {
            "hashed"
        } else {
            "kept"
        };
        map.serialize_entry("RecordIds", record_ids)?;
        let input = self.0.input_digest.map(|digest| hex(&digest));
        map.serialize_entry("InputDigest", &input)?;
        map.serialize_entry("RowsWithInvalidAttributes", &tally.rows_with_invalid())?;
        map.serialize_entry("RowsWithGeneratedRecordId", &tally.generated_ids())?;
        let generated = self.0.by_rule(|rule| tally.generated(rule));
        map.serialize_entry("TokensGeneratedByRule", &generated)?;
        let skipped = self.0.by_rule(|rule| {
            let reasons = tally.skipped(rule);
            Ordered(
                reasons
                    .map(|(reason, count)| (self.0.reason(reason), count))
                    .collect(),
            )
        });
        map.serialize_entry("TokensSkippedByRule", &skipped)?;
        map.end()
    }
}

/// A JSON object whose keys come in the given order.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The attributes that OpenToken's metadata always count.
const ATTRIBUTES: [FieldKind; 6] = [
    FieldKind::BirthDate,
    FieldKind::FirstName,
    FieldKind::LastName,
    FieldKind::PostalCode,
    FieldKind::Sex,
    FieldKind::SocialSecurityNumber,
];

const VERSION: &str = env!("CARGO_PKG_VERSION");
