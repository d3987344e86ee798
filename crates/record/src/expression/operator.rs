//! One operator of an expression: reading it and applying it.

use std::fmt::{self, Write};

use regex::Regex;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::date::{DateForm, PartialDate, write_digits};
use crate::dialect::{Habits, Language};
use crate::error::ExpressionError;
use crate::latin;
use crate::normalise::date::year_first;
use crate::phonetic;
use crate::text::WhiteSpace;

/// The operator does not apply to the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failed;

#[derive(Clone)]
pub(super) enum Operator {
    Trim(WhiteSpace),
    Upper,
    Lower,
    Nfc,
    Alphanumeric,
    Fold,
    Substring {
        start: usize,
        end: usize,
        units: Units,
        strict: bool,
    },
    Digits,
    Match(Regex),
    Replace {
        old: String,
        new: String,
    },
    /// A date in a form of its own, or that begins with its year.
    Date {
        form: Option<(DateForm, String)>,
        language: Language,
    },
    Year(i32),
    Month,
    Day,
    Shift(i64),
    Soundex,
    Nysiis,
    DoubleMetaphone {
        alternate: bool,
    },
}

/// What `S` counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Units {
    CodePoints,
    Utf16,
}

impl Operator {
    pub(super) fn new(text: &str, habits: &Habits) -> Result<Self, ExpressionError> {
        let text = text.trim();
        let (name, arguments) = split(text)?;
        let upper = name.to_ascii_uppercase();
        let wrong = |expects: &'static str| ExpressionError::Arguments {
            operator: upper.clone(),
            expects,
        };
        let none = |operator: Self| match arguments {
            None => Ok(operator),
            Some(_) => Err(wrong("no argument")),
        };
        match upper.as_str() {
            "" => Err(ExpressionError::EmptyOperator),
            "T" => none(Self::Trim(habits.white_space)),
            "U" => none(Self::Upper),
            "L" => none(Self::Lower),
            "N" => none(Self::Nfc),
            "A" => none(Self::Alphanumeric),
            "F" => none(Self::Fold),
            "MO" => none(Self::Month),
            "DA" => none(Self::Day),
            "DM" => none(Self::DoubleMetaphone { alternate: false }),
            "DM2" => none(Self::DoubleMetaphone { alternate: true }),
            "SX" => none(Self::Soundex),
            "NY" => none(Self::Nysiis),
            "S" => Self::substring(arguments, habits)
                .ok_or_else(|| wrong("two integers, the second not negative")),
            "R" => replace(arguments).ok_or_else(|| wrong("two quoted strings")),
            "M" => {
                let pattern = arguments
                    .ok_or_else(|| wrong("a regular expression"))?
                    .trim();
                if pattern.contains(',') {
                    return Err(wrong("a regular expression without a comma"));
                }
                Self::matches(pattern, habits)
            }
            "Y" => match arguments {
                None => Ok(Self::Year(0)),
                Some(years) => years
                    .trim()
                    .parse::<i32>()
                    .ok()
                    .filter(|years| years.abs() < 10_000)
                    .map(Self::Year)
                    .ok_or_else(|| wrong("a number of years")),
            },
            "DD" => arguments
                .and_then(|days| days.trim().parse::<i64>().ok())
                .filter(|days| days.abs() < 100_000)
                .map(Self::Shift)
                .ok_or_else(|| wrong("a number of days")),
            "D" => {
                let form = match arguments.map(|form| form.trim().to_ascii_uppercase()) {
                    None => None,
                    Some(written) => Some((
                        DateForm::new(&written)
                            .ok_or_else(|| wrong("a form such as DD/MM/YYYY"))?,
                        written,
                    )),
                };
                Ok(Self::Date {
                    form,
                    language: habits.language,
                })
            }
            _ => Err(ExpressionError::UnknownOperator {
                operator: name.to_owned(),
            }),
        }
    }

    pub(super) fn write_canonical(&self, out: &mut String) {
        match self {
            Self::Trim(_) => out.push('T'),
            Self::Upper => out.push('U'),
            Self::Lower => out.push('L'),
            Self::Nfc => out.push('N'),
            Self::Alphanumeric => out.push('A'),
            Self::Fold => out.push('F'),
            Self::Substring { start, end, .. } => write_to(out, format_args!("S({start},{end})")),
            Self::Digits => out.push_str(r"M(\d+)"),
            Self::Match(pattern) => {
                out.push_str("M(");
                out.push_str(pattern.as_str());
                out.push(')');
            }
            Self::Replace { old, new } => write_to(out, format_args!("R('{old}','{new}')")),
            Self::Date { form: None, .. } => out.push('D'),
            Self::Date {
                form: Some((_, written)),
                ..
            } => {
                out.push_str("D(");
                out.push_str(written);
                out.push(')');
            }
            Self::Year(0) => out.push('Y'),
            Self::Year(years) => write_to(out, format_args!("Y({years})")),
            Self::Month => out.push_str("MO"),
            Self::Day => out.push_str("DA"),
            Self::Shift(days) => write_to(out, format_args!("DD({days})")),
            Self::DoubleMetaphone { alternate: false } => out.push_str("DM"),
            Self::DoubleMetaphone { alternate: true } => out.push_str("DM2"),
            Self::Soundex => out.push_str("SX"),
            Self::Nysiis => out.push_str("NY"),
        }
    }

    /// Whether there are values that it does not apply to.
    pub(super) fn can_fail(&self) -> bool {
        match self {
            Self::Date { .. } | Self::Year(_) | Self::Month | Self::Day | Self::Shift(_) => true,
            Self::Substring { strict, .. } => *strict,
            _ => false,
        }
    }

    /// Appends what the operator makes of `value` to `out`.
    pub(super) fn apply(&self, value: &str, out: &mut String) -> Result<(), Failed> {
        match self {
            Self::Trim(white_space) => out.push_str(white_space.trim(value)),
            Self::Upper => push_upper(value, out),
            Self::Lower => push_lower(value, out),
            Self::Nfc => push_nfc(value, out),
            Self::Alphanumeric => push_alphanumeric(value, out),
            Self::Fold => latin::fold(value, out),
            Self::Substring {
                start,
                end,
                units,
                strict,
            } => {
                return push_substring(value, (*start, *end), *units, *strict, out);
            }
            Self::Digits => out.extend(value.chars().filter(char::is_ascii_digit)),
            Self::Match(pattern) => {
                pattern
                    .find_iter(value)
                    .for_each(|found| out.push_str(found.as_str()));
            }
            Self::Replace { old, new } => replace_into(value, old, new, out),
            Self::Date { form, language } => {
                let date = match form {
                    None => year_first(value, *language),
                    Some((form, _)) => form.read(value),
                };
                date.ok_or(Failed)?.write_iso(out);
            }
            Self::Year(years) => {
                let year = i32::from(in_part(value)?.year) + years;
                let year = u16::try_from(year)
                    .ok()
                    .filter(|year| *year <= 9999)
                    .ok_or(Failed)?;
                write_digits(year, 4, out);
            }
            Self::Month => write_digits(in_part(value)?.month.ok_or(Failed)?.into(), 2, out),
            Self::Day => write_digits(in_part(value)?.day.ok_or(Failed)?.into(), 2, out),
            Self::Shift(days) => {
                let date = year_first(value, Language::Ours).ok_or(Failed)?;
                date.plus_days(*days).ok_or(Failed)?.write_iso(out);
            }
            Self::DoubleMetaphone { alternate } => {
                phonetic::double_metaphone(value, *alternate, out);
            }
            Self::Soundex => phonetic::soundex(value, out),
            Self::Nysiis => phonetic::nysiis(value, out),
        }
        Ok(())
    }

    fn substring(arguments: Option<&str>, habits: &Habits) -> Option<Self> {
        let (start, end) = arguments?.split_once(',')?;
        let start = start.trim().parse::<i64>().ok()?.max(0);
        let end = end.trim().parse::<i64>().ok()?;
        Some(Self::Substring {
            start: usize::try_from(start).ok()?,
            end: usize::try_from(end).ok()?,
            units: habits.units,
            strict: habits.strict_substring,
        })
    }

    fn matches(written: &str, habits: &Habits) -> Result<Self, ExpressionError> {
        if written.is_empty() {
            return Err(ExpressionError::Arguments {
                operator: "M".into(),
                expects: "a regular expression",
            });
        }
        let python = habits.language == Language::Python;
        if !python && matches!(written, r"\d+" | r"\d" | "[0-9]+" | "[0-9]") {
            return Ok(Self::Digits);
        }
        let translated = if python {
            written.to_owned()
        } else {
            ascii_classes(written)
        };
        let pattern = Regex::new(&translated).map_err(|_| ExpressionError::Pattern {
            pattern: written.to_owned(),
        })?;
        Ok(Self::Match(pattern))
    }
}

fn write_to(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes any text");
}

/// Cuts an operator into its name and what stands in its parentheses.
fn split(text: &str) -> Result<(&str, Option<&str>), ExpressionError> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok((text, None));
    };
    match rest.split_once(')') {
        Some((arguments, "")) => Ok((name.trim_end(), Some(arguments))),
        _ => Err(ExpressionError::Parenthesis {
            operator: text.to_owned(),
        }),
    }
}

fn replace(arguments: Option<&str>) -> Option<Operator> {
    let arguments = arguments?.trim();
    let (old, new) = arguments.split_once(',')?;
    if new.contains(',') {
        return None;
    }
    let unquoted = |text: &str| {
        let mut characters = text.chars();
        characters.next()?;
        characters.next_back()?;
        Some(characters.as_str().to_owned())
    };
    Some(Operator::Replace {
        old: unquoted(old)?,
        new: unquoted(new)?,
    })
}

/// Spells `\d`, `\w` and `\s` out as the ASCII sets that Java means by them.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[A-Za-z0-9_]"),
            Some('W') => out.push_str("[^A-Za-z0-9_]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn in_part(value: &str) -> Result<PartialDate, Failed> {
    PartialDate::from_year_first(value).ok_or(Failed)
}

fn push_upper(value: &str, out: &mut String) {
    if value.is_ascii() {
        let from = out.len();
        out.push_str(value);
        out[from..].make_ascii_uppercase();
    } else {
        out.push_str(&value.to_uppercase());
    }
}

fn push_lower(value: &str, out: &mut String) {
    if value.is_ascii() {
        let from = out.len();
        out.push_str(value);
        out[from..].make_ascii_lowercase();
    } else {
        out.push_str(&value.to_lowercase());
    }
}

fn push_nfc(value: &str, out: &mut String) {
    if value.is_ascii() || is_nfc_quick(value.chars()) == IsNormalized::Yes {
        out.push_str(value);
    } else {
        out.extend(value.nfc());
    }
}

/// Composed first: a letter and its accent apart are the same as the letter with it.
fn push_alphanumeric(value: &str, out: &mut String) {
    if value.is_ascii() {
        out.extend(value.chars().filter(char::is_ascii_alphanumeric));
    } else {
        out.extend(value.nfc().filter(|c| c.is_alphanumeric()));
    }
}

fn push_substring(
    value: &str,
    (start, end): (usize, usize),
    units: Units,
    strict: bool,
    out: &mut String,
) -> Result<(), Failed> {
    if value.is_ascii() {
        let end = end.min(value.len());
        if start > end {
            return if strict { Err(Failed) } else { Ok(()) };
        }
        out.push_str(&value[start..end]);
        return Ok(());
    }
    match units {
        Units::CodePoints => {
            if strict && start > end.min(value.chars().count()) {
                return Err(Failed);
            }
            out.extend(value.chars().skip(start).take(end.saturating_sub(start)));
        }
        Units::Utf16 => {
            let all: Vec<u16> = value.encode_utf16().collect();
            let end = end.min(all.len());
            if start > end {
                return if strict { Err(Failed) } else { Ok(()) };
            }
            // Half a surrogate pair is encoded as a question mark, as Java's UTF-8 encoder does.
            out.extend(
                char::decode_utf16(all[start..end].iter().copied()).map(|c| c.unwrap_or('?')),
            );
        }
    }
    Ok(())
}

fn replace_into(value: &str, old: &str, new: &str, out: &mut String) {
    let mut from = 0;
    for (at, found) in value.match_indices(old) {
        out.push_str(&value[from..at]);
        out.push_str(new);
        from = at + found.len();
    }
    out.push_str(&value[from..]);
}
