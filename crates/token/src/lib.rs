//! Keyed tokens of signatures.
#![forbid(unsafe_code)]

mod encoding;
mod error;
mod hasher;
mod matching;
mod metadata;
mod overlap;
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

pub use error::{Error, ExpressionFault};
pub use hasher::{BLANK, Hasher, Scheme};
pub use matching::{Cardinality, LeftOut, Limits, Matches, Pair};
pub use metadata::{Agreement, Metadata, SecretHashes};
pub use overlap::{Overlap, PublishedOverlap, PublishedRule, RuleOverlap, SideCounts};
pub use record_id::{RecordIdKey, RecordIds};
pub use roster::{Roster, RosterBuilder, RosterRow};
pub use seal::{Opened, Sealer, is_blank, is_sealed};
pub use secret::{EncryptionKey, HashingSecret};
pub use sites::{PublishedSites, SiteCounts};
pub use strategy::{Expression, Rules, Strategy};
pub use suppress::Count;
pub use table::{TokenKey, TokenTable, TokenTableBuilder};
pub use tally::Tally;
pub use tokenizer::{Tokenizer, Tokens, Worker};
