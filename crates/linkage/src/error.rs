//! Why records do not become keys.

use blindjoin_record::ExpressionError;

/// A fault in what records are to be blocked by, in rules or in a record.
///
/// All of them are the input's fault. Names of rules, fields and columns appear in the text, values of
/// records never do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An expression of a block key cannot be read.
    #[error("field `{field}`: {source}")]
    BlockExpression {
        /// The field it is applied to.
        field: String,
        /// What is wrong with it.
        source: ExpressionError,
    },
    /// A block key names a field that the rules do not declare.
    #[error("there is no field `{field}` to block by; declared are: {declared}")]
    BlockField {
        /// The field.
        field: String,
        /// The declared fields, separated by commas.
        declared: String,
    },
    /// Neither `hash:BITS` nor a list of fields.
    #[error(
        "`{written}` is no block key: give fields separated by commas, or hash:BITS with 1 to {most}"
    )]
    BlockKey {
        /// What was given.
        written: String,
        /// The most bits of a hash.
        most: u8,
    },
    /// A record's key, or their number, is more than a linkage can take.
    #[error(transparent)]
    Protocol(#[from] blindjoin_protocol::Error),
    /// Rules that do not hold together.
    #[error(transparent)]
    Rules(#[from] blindjoin_record::Error),
}
