//! Keyed tokens of signatures: hashing, sealing, metadata, matching of token files and the roster of
//! persons.
//!
//! Where two parties cannot run a protocol with each other, each turns its records into *tokens*
//! under a secret that both know, and anyone who holds both token files finds the records that have
//! a token in common. The rules of [`blindjoin_record`] make signatures of a record; here a
//! signature becomes
//!
//! ```text
//! signature   GARCIA|M|FEMALE|1988-03-22
//! token       base64(HMAC-SHA256(secret, hex(SHA-256(signature))))      44 characters
//! sealed      base64(IV ‖ AES-256-GCM(key, IV, token))                  96 characters, IV random
//! ```
//!
//! byte for byte as OpenToken does it, or `hex(HMAC-SHA256(salt, signature))` as HTAC does
//! ([`Scheme`]). A record without a signature under a rule has the [`BLANK`] token there, which is
//! never sealed and equal to nothing.
//!
//! A [`Tokenizer`] turns rows into tokens, a [`Tally`] counts what they were and why some are blank,
//! and [`Metadata`] writes it down. A [`Sealer`] opens what was sealed. [`Matches`] joins two
//! [`TokenTable`]s under a [`Strategy`]; a [`RosterBuilder`] brings the tokens of many sites
//! together. Published counts lose what is too small ([`Overlap::suppress_below`],
//! [`SiteCounts::suppress_below`]).
//!
//! The crate is pure: rows, randomness and dates are handed in, texts are handed back, and what it
//! holds of a secret is wiped when dropped.
//!
//! ```
//! use blindjoin_record::{Date, RuleSet};
//! use blindjoin_token::{Hasher, HashingSecret, Matches, Scheme, Tokenizer};
//! use blindjoin_token::{Limits, TokenKey, TokenTable, TokenTableBuilder};
//! use rand::SeedableRng;
//!
//! let header = ["RecordId", "FirstName", "LastName", "BirthDate", "Sex", "PostalCode", "SocialSecurityNumber"];
//! let hospital = ["HOS-101", "María", "García Jr.", "03/22/1988", "Female", "90210", "452-38-7291"];
//! let clinic = ["CLN-201", "Maria", "Garcia", "1988-03-22", "F", "90210", ""];
//!
//! let rules = RuleSet::builtin("opentoken")?;
//! let today = Date::new(2026, 11, 21).expect("a day");
//! let hasher = Hasher::new(&HashingSecret::new("HashingKey")?, Scheme::of(&rules));
//! let tokenizer = Tokenizer::new(rules.bind(&header, today)?, hasher);
//! let mut worker = tokenizer.worker();
//! let mut rng = rand_chacha::ChaCha20Rng::from_seed([0; 32]); // in earnest: from the system
//!
//! let mut tables = Vec::new();
//! for row in [hospital, clinic] {
//!     let tokens = tokenizer.tokenize(&row[..], &mut worker, &mut rng);
//!     assert_eq!(tokens.get(0), "NtutoPooHEU4jEQrZQT3iTJHdJiTm7jWDqh/aWscHpY=");
//!     let mut table = TokenTableBuilder::new();
//!     for (rule, token) in rules.rules().iter().zip(tokens.iter()) {
//!         table.push(rule.id(), TokenKey::read(token)?, tokens.record_id())?;
//!     }
//!     tables.push(table.finish());
//! }
//! assert_eq!(worker.tally().blank(3), 1); // the clinic has no number for T4
//!
//! let strategy = "(T1|T2)&T3".parse()?;
//! let matches = Matches::find(&tables[0], &tables[1], &strategy, &Limits::default())?;
//! let rules: Vec<&str> = matches.rules_of(matches.pairs()[0]).collect();
//! assert_eq!(rules, ["T1", "T2", "T3", "T5"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Leakage
//!
//! Tokens are the weaker of the two modes of blindjoin: whoever has the secret can make the token of
//! anybody. The equi-join has no such secret.
//!
//! | who sees | learns |
//! |---|---|
//! | a hash-only token file | which records have equal signatures, within it and against any other file under the same secret; how often each token occurs, which betrays common names; which tokens are blank |
//! | the same, and the secret | every signature that can be guessed: all of them, for names, dates and numbers |
//! | a sealed token file | record ids, which tokens are blank, and how many there are |
//! | the same, and the key | what a hash-only file shows |
//! | record ids | whatever they mean elsewhere; nothing if hashed ([`RecordIds`]) |
//! | a metadata file | counts, hashes of the secrets (to test guesses by), the digest of the input |
//! | a match's pairs | which records are the same person, and under which rules |
//! | suppressed counts | bounds of them, through the counts they are part of |
//! | the time of [`Tokenizer::tokenize`] | lengths of values, and which are invalid; not the secret |
//! | the time and memory of [`Matches::find`] | how many tokens the files share, and how often |
//!
//! # Sources
//!
//! OpenToken (Truveta), versions 1.12.5 and 2.2.1, for tokens, sealing and metadata, confirmed by
//! running it; its page "Matching Model" for strategies. Health Trends Across Communities, "PPRL
//! Token Generation", for the scheme `htac`, the roster and the threshold of published counts. HMAC:
//! RFC 2104; AES-GCM: NIST SP 800-38D. Complementary suppression: Willenborg and de Waal, *Elements
//! of Statistical Disclosure Control* (2001).
#![forbid(unsafe_code)]

mod encoding;
mod error;
mod hasher;
mod matching;
mod metadata;
mod overlap;
mod provenance;
mod record_id;
mod roster;
mod seal;
mod secret;
mod sites;
mod strategy;
mod suppress;
mod table;
mod tally;
mod texts;
mod tokenizer;

pub use error::{Error, ExpressionFault, SecretFault};
pub use hasher::{BLANK, Hasher, Scheme};
pub use matching::{Cardinality, LeftOut, Limits, Matches, Pair};
pub use metadata::{Agreement, Metadata, SecretHashes};
pub use overlap::{Overlap, PublishedOverlap, PublishedRule, RuleOverlap, SideCounts};
pub use provenance::{Difference, Provenance};
pub use record_id::{RecordIdKey, RecordIds};
pub use roster::{Roster, RosterBuilder, RosterRow};
pub use seal::{Opened, Sealer, is_blank, is_sealed};
pub use secret::{EncryptionKey, HashingSecret};
pub use sites::{PublishedSites, SiteCounts};
pub use strategy::{Expression, Rules, Strategy};
pub use suppress::Count;
pub use table::{SplitIds, TokenKey, TokenTable, TokenTableBuilder};
pub use tally::Tally;
pub use tokenizer::{Tokenizer, Tokens, Worker};
