//! The expression language: which form of a field's value enters a signature. The crate's page
//! describes it.

pub(crate) mod operator;

use std::fmt;

use crate::dialect::Habits;
use crate::error::ExpressionError;
pub(crate) use operator::Failed;
use operator::Operator;

/// An expression, read and checked once, applied to many values.
#[derive(Clone)]
pub struct Expression {
    operators: Vec<Operator>,
    canonical: String,
}

/// Buffers that applying expressions reuses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    from: String,
    to: String,
}

impl Expression {
    /// Reads an expression. `habits` are those of the dialect in force.
    pub(crate) fn new(text: &str, habits: &Habits) -> Result<Self, ExpressionError> {
        let mut operators = Vec::new();
        let mut canonical = String::new();
        if !text.trim().is_empty() {
            for part in text.split('|') {
                let operator = Operator::new(part, habits)?;
                if !canonical.is_empty() {
                    canonical.push('|');
                }
                operator.write_canonical(&mut canonical);
                operators.push(operator);
            }
        }
        Ok(Self {
            operators,
            canonical,
        })
    }

    /// The expression in its one canonical spelling, as it enters the digest of a rule set.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether there are values that it does not apply to.
    pub(crate) fn can_fail(&self) -> bool {
        self.operators.iter().any(Operator::can_fail)
    }

    /// Appends the value's form to `out`.
    pub(crate) fn apply(
        &self,
        value: &str,
        out: &mut String,
        buffers: &mut Buffers,
    ) -> Result<(), Failed> {
        let Some((last, before)) = self.operators.split_last() else {
            out.push_str(value);
            return Ok(());
        };
        let Some((first, middle)) = before.split_first() else {
            return last.apply(value, out);
        };
        let Buffers { from, to } = buffers;
        from.clear();
        first.apply(value, from)?;
        for operator in middle {
            to.clear();
            operator.apply(from, to)?;
            std::mem::swap(from, to);
        }
        last.apply(from, out)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.canonical).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn apply_as(expression: &str, value: &str, habits: &Habits) -> Option<String> {
        let expression = Expression::new(expression, habits).unwrap();
        let mut out = String::new();
        expression
            .apply(value, &mut out, &mut Buffers::default())
            .ok()
            .map(|()| out)
    }

    fn apply(expression: &str, value: &str) -> Option<String> {
        apply_as(expression, value, Habits::plain())
    }

    #[test]
    fn operators_are_applied_from_left_to_right() {
        assert_eq!(apply("T|S(0,3)|U", "  maria ").as_deref(), Some("MAR"));
        assert_eq!(apply("S(0,3)|T|U", "  maria ").as_deref(), Some("M"));
        assert_eq!(apply(" t | s( 0 , 3 ) |u", "maria").as_deref(), Some("MAR"));
        assert_eq!(apply("", " as it is ").as_deref(), Some(" as it is "));
        assert_eq!(apply("U", "straße").as_deref(), Some("STRASSE"));
        assert_eq!(apply("L", "ÀΣ").as_deref(), Some("àς"));
        assert_eq!(apply("N", "e\u{301}").as_deref(), Some("é"));
        assert_eq!(
            apply("A|U", "o'brien-smith 3rd").as_deref(),
            Some("OBRIENSMITH3RD")
        );
        assert_eq!(apply("R('-','')", "a-b-c").as_deref(), Some("abc"));
        assert_eq!(apply(r"M(\d+)", "12-34/x5").as_deref(), Some("12345"));
        assert_eq!(apply("M([A-Z])", "aBcD").as_deref(), Some("BD"));
    }

    #[test]
    fn dates_are_taken_apart() {
        assert_eq!(apply("D", "1985-3-5").as_deref(), Some("1985-03-05"));
        assert_eq!(apply("D", "19850305").as_deref(), Some("1985-03-05"));
        assert_eq!(apply("D", "19850231"), None);
        assert_eq!(
            apply("D(DD/MM/YYYY)", "05/03/1985").as_deref(),
            Some("1985-03-05")
        );
        assert_eq!(
            apply("D(DD/MM/YYYY)|MO", "05/03/1985").as_deref(),
            Some("03")
        );
        assert_eq!(apply("Y", "19850305").as_deref(), Some("1985"));
        assert_eq!(apply("Y(-1)", "19850305").as_deref(), Some("1984"));
        assert_eq!(apply("Y(+1)", "99991231"), None);
        assert_eq!(apply("DA", "1985-03-05").as_deref(), Some("05"));
        assert_eq!(apply("DD(-5)", "1985-03-05").as_deref(), Some("1985-02-28"));
    }

    #[test]
    fn a_start_past_the_end_is_empty_or_an_error_by_dialect() {
        let java = Dialect::Ot1Java.habits();
        let python = Dialect::Ot1Python.habits();
        assert_eq!(apply_as("S(3,5)", "Jo", java), None);
        assert_eq!(apply_as("S(3,5)", "Jo", python).as_deref(), Some(""));
        assert_eq!(apply_as("S(2,5)", "Jo", java).as_deref(), Some(""));
        assert_eq!(apply_as("S(-4,1)", "Jo", java).as_deref(), Some("J"));
        assert_eq!(apply_as("S(2,1)", "John", java), None);
        assert_eq!(apply_as("S(2,1)", "John", python).as_deref(), Some(""));
    }

    #[test]
    fn characters_are_code_points_or_utf_16_units_by_dialect() {
        let java = Dialect::Ot1Java.habits();
        let python = Dialect::Ot1Python.habits();
        assert_eq!(apply_as("S(0,2)", "😀ab", java).as_deref(), Some("😀"));
        assert_eq!(apply_as("S(0,2)", "😀ab", python).as_deref(), Some("😀a"));
        assert_eq!(apply_as("S(0,1)", "😀ab", java).as_deref(), Some("?"));
    }

    #[test]
    fn digits_of_other_scripts_count_in_python_only() {
        let arabic = "٤٥6";
        assert_eq!(
            apply_as(r"M(\d+)", arabic, Dialect::Ot1Java.habits()).unwrap(),
            "6"
        );
        assert_eq!(
            apply_as(r"M(\d+)", arabic, Dialect::Ot1Python.habits()).unwrap(),
            arabic
        );
    }

    #[test]
    fn mistakes_are_named() {
        let new = |text: &str| Expression::new(text, Habits::plain()).unwrap_err();
        assert_eq!(
            new("T|Q"),
            ExpressionError::UnknownOperator {
                operator: "Q".into()
            }
        );
        assert_eq!(
            new("Upper"),
            ExpressionError::UnknownOperator {
                operator: "Upper".into()
            }
        );
        assert!(matches!(new("T||U"), ExpressionError::EmptyOperator));
        assert!(matches!(new("S(1)"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("S(a,b)"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("T(1)"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("M"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("M([)"), ExpressionError::Pattern { .. }));
        assert!(matches!(new("R(x,'y')"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("R('x')"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("D(DD.MM)"), ExpressionError::Arguments { .. }));
        assert!(matches!(new("S(0,1"), ExpressionError::Parenthesis { .. }));
        assert!(matches!(
            new("S(0,1)x"),
            ExpressionError::Parenthesis { .. }
        ));
    }

    #[test]
    fn spelling_does_not_reach_the_canonical_form() {
        let canonical = |text| {
            Expression::new(text, Habits::plain())
                .unwrap()
                .canonical()
                .to_owned()
        };
        assert_eq!(canonical(" t | S( 00 ,+3)| u "), "T|S(0,3)|U");
        assert_eq!(canonical("d(dd/mm/yyyy)"), "D(DD/MM/YYYY)");
        assert_eq!(canonical("y(0)|Y(-1)"), "Y|Y(-1)");
        assert_eq!(canonical("  "), "");
    }
}
