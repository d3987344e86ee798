//! When two records match: strategies and match expressions.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ExpressionFault};

/// Which rules must agree for two records to match.
///
/// As text: `any`, `all`, `tiered`, each over all rules or over those listed after a colon
/// (`tiered:T4,T1`), or an expression of rule ids with `&`, `|` and parentheses, in which `&` binds
/// tighter: `(T1|T2)&(T3|T4)`. `&&` and `∧`, `||` and `∨` are taken too.
///
/// ```
/// use blindjoin_token::Strategy;
///
/// let strategy: Strategy = "T1 & (T2 | T3)".parse()?;
/// assert_eq!(strategy.to_string(), "T1&(T2|T3)");
/// # Ok::<(), blindjoin_token::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Strategy {
    /// At least one rule.
    Any(Rules),
    /// Every rule.
    All(Rules),
    /// At least one rule; the first of them in the given order names the match's confidence.
    Tiered(Rules),
    /// An expression.
    Expression(Expression),
}

/// The rules a strategy is about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Rules {
    /// All that the files have, in the order of the left one.
    #[default]
    All,
    /// These, in this order.
    Listed(Vec<String>),
}

/// A match expression.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expression(Node<Named>);

/// A rule's name where it stands in an expression.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) rule: String,
    pub(crate) position: usize,
}

/// A conjunction or disjunction has at least two members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Node<R> {
    Rule(R),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl Eq for Named {}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let (word, list) = match trimmed.split_once(':') {
            Some((word, list)) => (word.trim_end(), Some(list)),
            None => (trimmed, None),
        };
        let make = match word {
            "any" => Self::Any,
            "all" => Self::All,
            "tiered" => Self::Tiered,
            _ => return Ok(Self::Expression(Parser::new(text).whole()?)),
        };
        let Some(list) = list else {
            return Ok(make(Rules::All));
        };
        let before = text.trim_end().chars().count() - list.chars().count();
        listed(list, before).map(|rules| make(Rules::Listed(rules)))
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, rules) = match self {
            Self::Any(rules) => ("any", rules),
            Self::All(rules) => ("all", rules),
            Self::Tiered(rules) => ("tiered", rules),
            Self::Expression(expression) => return expression.fmt(f),
        };
        match rules {
            Rules::All => f.write_str(word),
            Rules::Listed(rules) => write!(f, "{word}:{}", rules.join(",")),
        }
    }
}

impl Expression {
    pub(crate) fn node(&self) -> &Node<Named> {
        &self.0
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node<Named> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (members, operator) = match self {
            Self::Rule(named) => return f.write_str(&named.rule),
            Self::And(members) => (members, '&'),
            Self::Or(members) => (members, '|'),
        };
        for (i, member) in members.iter().enumerate() {
            if i > 0 {
                write!(f, "{operator}")?;
            }
            match member {
                Self::Or(_) if operator == '&' => write!(f, "({member})")?,
                _ => member.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl<R> Node<R> {
    /// The same expression over other rules.
    pub(crate) fn try_map<S, E>(
        &self,
        map: &mut impl FnMut(&R) -> Result<S, E>,
    ) -> Result<Node<S>, E> {
        let each = |members: &[Self], map: &mut _| {
            let mapped = members.iter().map(|member| member.try_map(map));
            mapped.collect::<Result<Vec<_>, E>>()
        };
        Ok(match self {
            Self::Rule(rule) => Node::Rule(map(rule)?),
            Self::And(members) => Node::And(each(members, map)?),
            Self::Or(members) => Node::Or(each(members, map)?),
        })
    }
}

fn listed(list: &str, before: usize) -> Result<Vec<String>, Error> {
    let mut rules: Vec<String> = Vec::new();
    let mut at = before;
    for item in list.split(',') {
        let rule = item.trim();
        let blanks = item.chars().take_while(|c| c.is_whitespace()).count();
        let fault = |fault, position| Error::Expression { position, fault };
        if rule.is_empty() {
            return Err(fault(ExpressionFault::RuleExpected, at + 1));
        }
        let bad = rule.chars().position(|c| !in_name(c));
        if let Some(bad) = bad {
            return Err(fault(
                ExpressionFault::OperatorExpected,
                at + blanks + bad + 1,
            ));
        }
        if rules.iter().any(|known| known == rule) {
            return Err(fault(ExpressionFault::Twice, at + blanks + 1));
        }
        rules.push(rule.to_owned());
        at += item.chars().count() + 1;
    }
    Ok(rules)
}

struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            depth: 0,
        }
    }

    fn whole(mut self) -> Result<Expression, Error> {
        let node = self.or()?;
        match self.peek() {
            None => Ok(Expression(node)),
            Some(')') => Err(self.fault(ExpressionFault::Parenthesis)),
            Some(_) => Err(self.fault(ExpressionFault::OperatorExpected)),
        }
    }

    fn or(&mut self) -> Result<Node<Named>, Error> {
        let mut members = vec![self.and()?];
        while self.operator('|', '∨') {
            members.push(self.and()?);
        }
        Ok(disjunction(members))
    }

    fn and(&mut self) -> Result<Node<Named>, Error> {
        let mut members = vec![self.operand()?];
        while self.operator('&', '∧') {
            members.push(self.operand()?);
        }
        Ok(conjunction(members))
    }

    fn operand(&mut self) -> Result<Node<Named>, Error> {
        match self.peek() {
            None => Err(self.fault(ExpressionFault::End)),
            Some('(') => {
                let opened = self.at;
                if self.depth == DEEPEST {
                    return Err(self.fault(ExpressionFault::TooDeep));
                }
                self.at += 1;
                self.depth += 1;
                let node = self.or()?;
                self.depth -= 1;
                match self.peek() {
                    Some(')') => self.at += 1,
                    None => {
                        self.at = opened;
                        return Err(self.fault(ExpressionFault::Parenthesis));
                    }
                    Some(_) => return Err(self.fault(ExpressionFault::OperatorExpected)),
                }
                Ok(node)
            }
            Some(c) if in_name(c) => {
                let start = self.at;
                while self.text.get(self.at).is_some_and(|&c| in_name(c)) {
                    self.at += 1;
                }
                Ok(Node::Rule(Named {
                    rule: self.text[start..self.at].iter().collect(),
                    position: start + 1,
                }))
            }
            Some(_) => Err(self.fault(ExpressionFault::RuleExpected)),
        }
    }

    /// Steps over an operator, written once, twice or as a symbol of logic.
    fn operator(&mut self, plain: char, symbol: char) -> bool {
        let found = self.peek();
        if found == Some(symbol) {
            self.at += 1;
        } else if found == Some(plain) {
            self.at += 1;
            if self.text.get(self.at) == Some(&plain) {
                self.at += 1;
            }
        } else {
            return false;
        }
        true
    }

    /// Steps over white space and looks at what follows.
    fn peek(&mut self) -> Option<char> {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn fault(&self, fault: ExpressionFault) -> Error {
        Error::Expression {
            position: self.at + 1,
            fault,
        }
    }
}

/// Joins members, those of members of the same kind included, so that each meaning of parentheses
/// has one form.
fn disjunction(members: Vec<Node<Named>>) -> Node<Named> {
    let flat = members.into_iter().flat_map(|member| match member {
        Node::Or(members) => members,
        member => vec![member],
    });
    single(flat.collect()).unwrap_or_else(Node::Or)
}

fn conjunction(members: Vec<Node<Named>>) -> Node<Named> {
    let flat = members.into_iter().flat_map(|member| match member {
        Node::And(members) => members,
        member => vec![member],
    });
    single(flat.collect()).unwrap_or_else(Node::And)
}

fn single(mut members: Vec<Node<Named>>) -> Result<Node<Named>, Vec<Node<Named>>> {
    match members.pop() {
        Some(member) if members.is_empty() => Ok(member),
        last => {
            members.extend(last);
            Err(members)
        }
    }
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

const DEEPEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Strategy>().unwrap().to_string()
    }

    fn fault(text: &str) -> (usize, ExpressionFault) {
        match text.parse::<Strategy>() {
            Err(Error::Expression { position, fault }) => (position, fault),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn strategies_are_read() {
        assert_eq!(" any ".parse(), Ok(Strategy::Any(Rules::All)));
        assert_eq!("all".parse(), Ok(Strategy::All(Rules::All)));
        let listed = Rules::Listed(vec!["T4".into(), "T1".into()]);
        assert_eq!("tiered: T4 ,T1".parse(), Ok(Strategy::Tiered(listed)));
        for text in ["any", "all:T1,T2", "T1", "(T1|T2)&(T3|T4)", "T1|T2&T3"] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("(any)"), "any");
        assert!(matches!("(any)".parse(), Ok(Strategy::Expression(_))));
    }

    #[test]
    fn and_binds_tighter_and_parentheses_tighter_still() {
        assert_eq!(shown("T1 && (T2 || T3)"), "T1&(T2|T3)");
        assert_eq!(shown("((T1)) ∧ T2 ∨ T3"), "T1&T2|T3");
        assert_eq!(shown("(T1&T2)|T3"), "T1&T2|T3");
        let strategy: Strategy = "T1|T2&T3".parse().unwrap();
        let Strategy::Expression(expression) = strategy else {
            panic!("an expression");
        };
        assert!(matches!(expression.node(), Node::Or(members) if members.len() == 2));
    }

    #[test]
    fn faults_say_where() {
        use ExpressionFault::*;
        assert_eq!(fault(""), (1, End));
        assert_eq!(fault("T1 &"), (5, End));
        assert_eq!(fault("T1 & | T2"), (6, RuleExpected));
        assert_eq!(fault("T1 T2"), (4, OperatorExpected));
        assert_eq!(fault("T1 & (T2 | T3"), (6, Parenthesis));
        assert_eq!(fault("T1)"), (3, Parenthesis));
        assert_eq!(fault("(T1 T2)"), (5, OperatorExpected));
        assert_eq!(fault("!T1"), (1, RuleExpected));
        assert_eq!(fault("T1 & é"), (6, RuleExpected));
        assert_eq!(fault(&"(".repeat(100)), (65, TooDeep));
        assert_eq!(fault("tiered:"), (8, RuleExpected));
        assert_eq!(fault("tiered:T1,,T2"), (11, RuleExpected));
        assert_eq!(fault("tiered:T1, T1"), (12, Twice));
        assert_eq!(fault("any:T1|T2"), (7, OperatorExpected));
    }
}
