//! Records before cryptography: fields, normalisation, phonetic codes, dates, and the match rules
//! that turn a record into signatures.
//!
//! A *match rule* says which fields in which form two records must share to be taken for one
//! person's. Applied to a record it yields a *signature*, a canonical text such as
//! `GARCIA|M|FEMALE|1988-03-22`, or nothing if a field is missing or invalid. Two records match
//! under a rule when their signatures are equal; what keeps them secret meanwhile (keyed tokens,
//! encrypted comparisons) is the business of other crates, which all start from here.
//!
//! ```text
//! cell ── kind of field: check, normal form ── expression: which part of it ─┐
//! cell ── kind of field ── expression ──────────────────────────────────────┼─ joined: signature
//! cell ── kind of field ── expression ──────────────────────────────────────┘
//! ```
//!
//! # Example
//!
//! ```
//! use blindjoin_record::{Date, Fault, RuleSet, Scratch};
//!
//! let rules = RuleSet::from_toml(
//!     r#"
//!     [columns]                        # field = column in the file
//!     last_name = "surname"
//!     birth_date = "date_of_birth"
//!
//!     [[rule]]                         # month and year of birth, the latter ± 1
//!     id = "NAME_MY"
//!     signature = ["last_name:NY", "birth_date:Y", "birth_date:MO"]
//!     probe = [
//!         ["last_name:NY", "birth_date:Y(-1)", "birth_date:MO"],
//!         ["last_name:NY", "birth_date:Y", "birth_date:MO"],
//!         ["last_name:NY", "birth_date:Y(1)", "birth_date:MO"],
//!     ]
//!     "#,
//! )?;
//! let today = Date::new(2026, 11, 21).expect("a day of the calendar");
//! let binding = rules.bind(&["rec_id", "surname", "date_of_birth"], today)?;
//! let mut scratch = Scratch::default();       // one per thread
//!
//! // The querier inserts one key per record and rule,
//! let key = binding.sign(["q1", "Knight", "19500322"].as_slice(), &mut scratch).get(0);
//! assert_eq!(key, Ok("NAGT|1950|03"));
//!
//! // the provider tries one per record and probe: a match, though a year off and misspelled.
//! let probes = binding.probe(["p1", "Night", "1951-03-04"].as_slice(), &mut scratch);
//! assert!(probes.iter().any(|(rule, probe)| rule == 0 && probe == Ok("NAGT|1950|03")));
//!
//! // A record without a value says which and why.
//! let missing = binding.sign(["q2", "Knight", " "].as_slice(), &mut scratch).get(0);
//! assert_eq!(missing.map_err(|reason| reason.fault), Err(Fault::Missing));
//! # Ok::<(), blindjoin_record::Error>(())
//! ```
//!
//! # Rules files
//!
//! | key | meaning |
//! |---|---|
//! | `name` | what the set is called in reports |
//! | `base` | a built-in set whose fields and rules come first |
//! | `dialect` | the OpenToken version to follow; without it, our own conventions |
//! | `[columns]` | `field = "column"`, or `{ first_of = ["column", …] }`; `record_id` is the record's own id |
//! | `[fields]` | `field = "Kind"`, a [`FieldKind`]; without it, text that is trimmed |
//! | `[missing]` | `field = ["value", …]`, what stands for no value; part of the digest |
//! | `[input]` | `field = form`, how this party writes it; not part of the digest |
//! | `[[rule]]` | `id`; `signature`, a list of `"field:expression"`; `probe`, lists of such lists; `weight`, 1 to 16, where pairs are scored |
//!
//! Under our own conventions a part that is empty after its expression leaves the record without
//! that signature; under a dialect it is left out, as OpenToken does. Built-in sets are
//! `opentoken`, `opentoken-docs`, `htac`, `htac-clean`, `ndi` and `ssn`, see [`RuleSet::builtin`].
//!
#![doc = include_str!("../docs/expressions.md")]
//!
//! # Leakage
//!
//! Everything here happens at the party that holds the records, on plain data, in time that depends
//! on them.
//!
//! | what | contains |
//! |---|---|
//! | errors | names of rules, fields and columns; never a value |
//! | [`Reason`] | a field and what is the matter with it; counted over records it may be shown |
//! | [`findings`] | counts and row numbers, for the holder of the table |
//! | [`RuleSet::digest`] | the rules; neither columns nor records |
//!
//! # Sources
//!
//! - OpenToken 1.12.5 (Java, Python) and OpenLinkToken 2.0 to 2.2.1 (Python): the dialects, the
//!   sets `opentoken` and `opentoken-docs`, and the operators `T U S M R D`.
//! - Health Trends Across Communities, "PPRL Token Generation": `htac`.
//! - National Center for Health Statistics, "National Death Index User's Guide": `ndi`.
//! - El Emam and Arbuckle, "Anonymizing Health Data", 2013, ch. 12: rules of several keys.
//! - For the phonetic codes see [`phonetic`].
#![forbid(unsafe_code)]

mod binding;
mod date;
mod dialect;
mod encoding;
mod error;
mod expression;
mod field;
pub mod findings;
mod input;
mod latin;
mod normalise;
pub mod phonetic;
mod placeholder;
mod ruleset;
mod text;

pub use binding::{Binding, Fault, Observed, Probes, Reason, Row, Scratch, Signatures};
pub use date::{Date, DateForm, Moment};
pub use dialect::Dialect;
pub use encoding::Encoding;
pub use error::{Error, ExpressionError};
pub use expression::Expression;
pub use field::FieldKind;
pub use input::InputForm;
pub use ruleset::{Field, Rule, RuleSet};
