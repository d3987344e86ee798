//! What can be wrong with secrets, tokens, metadata and match requests.

/// A fault in secrets, token files or a match request.
///
/// All of them are the input's or the command's fault. The text names rules, sides and counts; it
/// never holds a secret, a token, a record id or a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sealed token that this key does not open: another key's, or changed since.
    #[error("the token does not open: it was sealed under another key, or has been changed")]
    Authentication,
    /// A secret without content.
    #[error("the {secret} is empty or blank")]
    EmptySecret {
        /// Which secret.
        secret: &'static str,
    },
    /// A match expression that cannot be read.
    #[error("match expression, character {position}: {fault}")]
    Expression {
        /// Where, in characters from 1.
        position: usize,
        /// What is wrong there.
        fault: ExpressionFault,
    },
    /// An encryption key of another length than AES-256's.
    #[error(
        "the encryption key has {bytes} bytes ({characters} characters), but must have exactly 32 bytes in UTF-8"
    )]
    KeyLength {
        /// Its length in bytes.
        bytes: usize,
        /// Its length in characters; each counts one byte only if it is ASCII.
        characters: usize,
    },
    /// A metadata file that is no JSON, or no object with values of the expected types.
    #[error("line {line}, column {column}: not a metadata file")]
    Metadata {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Two token files without a rule in common.
    #[error("the files have no rule in common: one has {left}, the other {right}")]
    NoCommonRule {
        /// The rules of the left file.
        left: String,
        /// The rules of the right file.
        right: String,
    },
    /// A text that is no token.
    #[error(
        "the text is no token ({characters} characters{}): a token is 44 characters of base64 or 64 hexadecimal digits in one case", padding(*.padded)
    )]
    NotAToken {
        /// Its length.
        characters: usize,
        /// Whether it is one with white space around it.
        padded: bool,
    },
    /// A token that is not in the sealed form.
    #[error("the token is not sealed ({characters} characters that are no sealed token)")]
    NotSealed {
        /// Its length.
        characters: usize,
    },
    /// A rule that the request needs, and only one file has.
    #[error("rule `{rule}` is in one of the files only")]
    RuleOnOneSide {
        /// The rule.
        rule: String,
    },
    /// A token that is still sealed, and so equal to no other.
    #[error("the token is sealed: comparing it needs the encryption key")]
    Sealed,
    /// A secret with something in it that is no part of what was agreed on.
    #[error("the {secret} {fault}")]
    SecretText {
        /// Which secret.
        secret: &'static str,
        /// What it holds.
        fault: SecretFault,
    },
    /// More than one run can hold.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// Rules so unspecific that their pairs would fill the memory.
    #[error(
        "the rules yield {pairs} pairs, more than the limit of {limit}; most come from rule `{rule}`, whose most frequent token stands for {left} records on one side and {right} on the other: use a stricter strategy or leave out frequent tokens"
    )]
    TooManyPairs {
        /// How many pairs the needed rules yield.
        pairs: u64,
        /// The limit.
        limit: u64,
        /// The rule with the most pairs.
        rule: String,
        /// Records of the left file that share its most frequent token.
        left: u64,
        /// Records of the right file that share it.
        right: u64,
    },
    /// A rule that neither file has.
    #[error("no rule `{rule}`{}; the files have {known}", at(*.position))]
    UnknownRule {
        /// The rule asked for.
        rule: String,
        /// Where in the strategy's text, in characters from 1.
        position: Option<usize>,
        /// The rules there are, separated by commas.
        known: String,
    },
    /// A token of a kind that is encrypted anew each time and cannot be compared.
    #[error(
        "the token is a match token in JWE form, which is not supported: compare the tokens it was made from"
    )]
    WrappedToken,
}

fn padding(padded: bool) -> &'static str {
    if padded {
        ", with white space around a token"
    } else {
        ""
    }
}

fn at(position: Option<usize>) -> String {
    position.map_or_else(String::new, |position| {
        format!(" (character {position} of the strategy)")
    })
}

/// What a secret holds that is no part of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFault {
    /// A byte order mark at its start.
    #[error("begins with a byte order mark: save the file as UTF-8 without one")]
    ByteOrderMark,
    /// A control character.
    #[error("holds a control character: is the file text?")]
    Control,
    /// A line end, beyond the one that may end the file.
    #[error("has more than one line: one line end may follow it, and nothing more")]
    LineEnd,
}

/// What is wrong at a place of a match expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionFault {
    /// The expression ends where a rule or a parenthesis must follow.
    #[error("it ends where a rule must follow")]
    End,
    /// Something else stands where `&`, `|`, `)` or the end must.
    #[error("`&`, `|` or the end must stand here")]
    OperatorExpected,
    /// A parenthesis without its partner.
    #[error("this parenthesis has no partner")]
    Parenthesis,
    /// Something else stands where a rule or `(` must.
    #[error("a rule or `(` must stand here")]
    RuleExpected,
    /// Nested deeper than any expression of use.
    #[error("parentheses nest too deeply")]
    TooDeep,
    /// A rule stands twice in an order of rules.
    #[error("this rule stands twice")]
    Twice,
}
