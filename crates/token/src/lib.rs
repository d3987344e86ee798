//! Keyed tokens of signatures.
#![forbid(unsafe_code)]

mod encoding;
mod error;
mod hasher;
mod metadata;
mod record_id;
mod seal;
mod secret;
mod tally;
mod tokenizer;

pub use error::{Error, ExpressionFault};
pub use hasher::{BLANK, Hasher, Scheme};
pub use metadata::{Agreement, Metadata, SecretHashes};
pub use record_id::{RecordIdKey, RecordIds};
pub use seal::{Opened, Sealer, is_blank, is_sealed};
pub use secret::{EncryptionKey, HashingSecret};
pub use tally::Tally;
pub use tokenizer::{Tokenizer, Tokens, Worker};
