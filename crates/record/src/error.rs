//! What can be wrong with rules and with the data they are bound to.

/// A fault in a rules file, or in how rules and data fit together.
///
/// All of them are the input's fault: the file or the command must be corrected. Names of rules,
/// fields and columns appear in the text, values of records never do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The header has no column that a rule set maps to a field.
    #[error("column `{column}`, mapped to field `{field}`, is not in the header")]
    ColumnMissing {
        /// The field that needs it.
        field: String,
        /// The column as the rules name it.
        column: String,
    },
    /// A column of dates that begin with their day, read month first.
    #[error(
        "field `{field}`: the dates of column `{column}` begin with their day ({unread} with no such month, {misread} read as other days): say {field} = \"DD-MM-YYYY\", with the separator that is there, under [input], or make the field a DayFirstDate"
    )]
    DayFirst {
        /// The field.
        field: String,
        /// Its column.
        column: String,
        /// How many dates could not be read.
        unread: u64,
        /// How many were read month first, though they begin with their day.
        misread: u64,
    },
    /// Two rules have one id.
    #[error("{}rule id `{rule}` is used twice", at(*.line))]
    DuplicateRule {
        /// The id.
        rule: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
    },
    /// A rule without any part.
    #[error("{}rule `{rule}` has an empty signature", at(*.line))]
    EmptyRule {
        /// The rule's id.
        rule: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
    },
    /// An expression cannot be read.
    #[error("{}rule `{rule}`, field `{field}`: {source}", at(*.line))]
    Expression {
        /// The rule's id.
        rule: String,
        /// The field it is applied to.
        field: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
        /// What is wrong with it.
        source: ExpressionError,
    },
    /// Values that stand for none, under a dialect.
    #[error("{}[missing] {field}: under a dialect of OpenToken the reference says what stands for no value", at(*.line))]
    MissingUnderDialect {
        /// The field.
        field: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
    },
    /// A name that may not be used as a rule id or field name.
    #[error("{}`{name}` is no name: use 1 to 64 letters, digits, `_`, `-` or `.`", at(*.line))]
    Name {
        /// The name.
        name: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
    },
    /// A column is mapped to a field that nothing declares.
    #[error("there is no field `{field}`; declared are: {declared}")]
    NoField {
        /// The field.
        field: String,
        /// The declared fields, separated by commas.
        declared: String,
    },
    /// No rules at all.
    #[error("the rule set has no rule")]
    NoRules,
    /// A setting that is not of the expected kind.
    #[error("{}`{name}` takes {expects}", at(*.line))]
    Setting {
        /// What is set.
        name: String,
        /// What it takes.
        expects: &'static str,
        /// Line of the rules file.
        line: Option<usize>,
    },
    /// A setting of a field that nothing declares.
    #[error("{}there is no field `{field}` to say that of; declared are: {declared}", at(*.line))]
    SettingOfNoField {
        /// The field.
        field: String,
        /// The declared fields, separated by commas.
        declared: String,
        /// Line of the rules file.
        line: Option<usize>,
    },
    /// More than one column that may be a field.
    #[error(
        "columns {columns} may each be field `{field}`: say which with {field} = \"…\" under [columns] in a rules file, or --column {field}=… to a command that has it"
    )]
    SeveralColumns {
        /// The field.
        field: String,
        /// The columns, each in backticks, separated by commas.
        columns: String,
    },
    /// The file is not TOML of the expected shape: syntax, an unknown key, or a wrong type.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader expected; names the key.
        message: String,
    },
    /// More than a rule set can hold.
    #[error("the rule set has more than {limit} {what}")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// No such dialect.
    #[error("{}`{dialect}` is no dialect: choose one of ot1-java, ot1-python, olt2.0, olt2.1.2, olt2.2", at(*.line))]
    UnknownDialect {
        /// What was asked for.
        dialect: String,
        /// Line of the rules file, if it comes from one.
        line: Option<usize>,
    },
    /// A rule uses a field that nothing declares.
    #[error("{}rule `{rule}` uses the field `{field}`, which is not declared; declared are: {declared}", at(*.line))]
    UnknownField {
        /// The rule's id.
        rule: String,
        /// The field.
        field: String,
        /// The declared fields, separated by commas.
        declared: String,
        /// Line of the rules file, if they come from one.
        line: Option<usize>,
    },
    /// No such kind of field.
    #[error("{}field `{field}`: `{kind}` is no kind of field; choose one of {known}", at(*.line))]
    UnknownKind {
        /// The field.
        field: String,
        /// What was asked for.
        kind: String,
        /// The kinds there are, separated by commas.
        known: String,
        /// Line of the rules file, if it comes from one.
        line: Option<usize>,
    },
    /// No rule of that id.
    #[error("there is no rule `{rule}`")]
    UnknownRule {
        /// The id.
        rule: String,
    },
    /// No such built-in rule set.
    #[error("{}`{name}` is no built-in rule set; choose one of {known}", at(*.line))]
    UnknownRuleSet {
        /// What was asked for.
        name: String,
        /// The rule sets there are, separated by commas.
        known: String,
        /// Line of the rules file, if it comes from one.
        line: Option<usize>,
    },
    /// A weight that no score can have.
    #[error("{}the weight of rule `{rule}` must be a number from 1 to {most}", at(*.line))]
    Weight {
        /// The rule.
        rule: String,
        /// The highest.
        most: u8,
        /// Line of the rules file, if it comes from one.
        line: Option<usize>,
    },
}

/// A fault in an expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// The operator has other arguments.
    #[error("operator `{operator}` takes {expects}")]
    Arguments {
        /// The operator.
        operator: String,
        /// What it takes.
        expects: &'static str,
    },
    /// Nothing between two `|`.
    #[error("an operator is missing between two `|`, or at an end")]
    EmptyOperator,
    /// Arguments are not closed, or something follows them.
    #[error("the parentheses of `{operator}` do not end where they should")]
    Parenthesis {
        /// The operator with its arguments.
        operator: String,
    },
    /// Not a regular expression.
    #[error("`{pattern}` is not a regular expression")]
    Pattern {
        /// The regular expression.
        pattern: String,
    },
    /// No such operator.
    #[error("unknown operator `{operator}`; known are T U L N A F S M R D DD Y MO DA SX NY DM DM2")]
    UnknownOperator {
        /// The operator.
        operator: String,
    },
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}
