//! Integers, ages, years and decimal numbers.

use std::fmt::Write;

use crate::date::{Date, number, write_digits};
use crate::dialect::{Habits, Language};
use crate::normalise::date::EARLIEST_BIRTH;

/// Whether a text is an integer; if so its canonical decimal form has been appended to `out`.
pub(crate) fn integer(value: &str, habits: &Habits, out: &mut String) -> bool {
    let value = habits.white_space.trim(value);
    let (negative, digits) = match value.strip_prefix(['+', '-']) {
        Some(digits) => (value.starts_with('-'), digits),
        None => (false, value),
    };
    let start = out.len();
    for c in digits.chars() {
        let Some(digit) = habits.language.digit(c) else {
            out.truncate(start);
            return false;
        };
        if digit > 0 || out.len() > start {
            out.push(char::from(b'0' + digit));
        }
    }
    if out.len() == start {
        if digits.is_empty() {
            return false;
        }
        out.push('0');
        return true;
    }
    if negative {
        out.insert(start, '-');
    }
    // Java's integers have 64 bits.
    habits.language != Language::Java || out[start..].parse::<i64>().is_ok()
}

/// Whether a text is an age in years, 0 to 120.
pub(crate) fn age(value: &str, habits: &Habits, out: &mut String) -> bool {
    let start = out.len();
    integer(value, habits, out) && out[start..].parse::<u8>().is_ok_and(|age| age <= 120)
}

/// Whether a text is a year of four digits, within `bounds` if there are some; emitted as an
/// integer, so without leading zeros.
pub(crate) fn year(
    value: &str,
    bounds: Option<(u16, u16)>,
    habits: &Habits,
    out: &mut String,
) -> bool {
    let value = habits.white_space.trim(value);
    let mut digits = [0_u8; 4];
    let mut length = 0;
    for c in value.chars() {
        let (Some(digit), Some(place)) = (habits.language.digit(c), digits.get_mut(length)) else {
            return false;
        };
        *place = b'0' + digit;
        length += 1;
    }
    let Some(year) = number(&digits).filter(|_| length == 4) else {
        return false;
    };
    if bounds.is_some_and(|(first, last)| year < first || year > last) {
        return false;
    }
    let width = year.checked_ilog10().map_or(1, |log| log + 1);
    write_digits(year, width, out);
    true
}

/// The years in which a living person may have been born.
pub(crate) fn birth_years(today: Date) -> (u16, u16) {
    (EARLIEST_BIRTH.year(), today.year())
}

/// Whether a text is a decimal number, perhaps with an exponent; if so its shortest form, as the
/// dialect's language writes it, has been appended to `out`.
pub(crate) fn decimal(value: &str, habits: &Habits, out: &mut String) -> bool {
    let value = habits.white_space.trim(value);
    let spelled: String;
    let value = if value.is_ascii() {
        value
    } else {
        let ascii = |c| match habits.language.digit(c) {
            Some(digit) => char::from(b'0' + digit),
            None => c,
        };
        spelled = value.chars().map(ascii).collect();
        &spelled
    };
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let mantissa_fits = digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0;
    let Some(number) = value
        .parse::<f64>()
        .ok()
        .filter(|_| mantissa_fits && exponent_fits)
    else {
        return false;
    };
    if !number.is_finite() {
        return false;
    }
    push_decimal(number, habits.language, out);
    true
}

fn push_decimal(number: f64, language: Language, out: &mut String) {
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    let fixed = match language {
        Language::Java => number == 0.0 || (-3..7).contains(&exponent),
        _ => number == 0.0 || (-4..16).contains(&exponent),
    };
    let written = if fixed {
        write!(out, "{number:?}")
    } else if language == Language::Java {
        let point = if mantissa.contains('.') { "" } else { ".0" };
        write!(out, "{mantissa}{point}E{exponent}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
    };
    written.expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    type Normaliser = fn(&str, &Habits, &mut String) -> bool;

    fn apply(normaliser: Normaliser, value: &str, dialect: Dialect) -> Option<String> {
        let mut out = String::new();
        normaliser(value, dialect.habits(), &mut out).then_some(out)
    }

    #[test]
    fn integers_are_canonical() {
        let java = |value| apply(integer, value, Dialect::Ot1Java);
        assert_eq!(java(" +007 ").as_deref(), Some("7"));
        assert_eq!(java("-0").as_deref(), Some("0"));
        assert_eq!(java("-12").as_deref(), Some("-12"));
        assert_eq!(
            java("9223372036854775807").as_deref(),
            Some("9223372036854775807")
        );
        assert_eq!(java("9223372036854775808"), None);
        for bad in ["", "+", "1.0", "1 2", "--1"] {
            assert_eq!(java(bad), None, "{bad}");
        }
        let long = "123456789012345678901234567890";
        assert_eq!(
            apply(integer, long, Dialect::Ot1Python).as_deref(),
            Some(long)
        );
        assert_eq!(apply(age, "121", Dialect::Ot1Java), None);
        assert_eq!(apply(age, "-1", Dialect::Ot1Java), None);
        assert_eq!(apply(age, "120", Dialect::Ot1Java).as_deref(), Some("120"));
    }

    #[test]
    fn years_lose_leading_zeros() {
        let any: Normaliser = |value, habits, out| year(value, None, habits, out);
        assert_eq!(apply(any, "0042", Dialect::Ot1Java).as_deref(), Some("42"));
        assert_eq!(apply(any, "0000", Dialect::Ot1Java).as_deref(), Some("0"));
        assert_eq!(
            apply(any, " 1985 ", Dialect::Ot1Java).as_deref(),
            Some("1985")
        );
        for bad in ["198", "19850", "198x", ""] {
            assert_eq!(apply(any, bad, Dialect::Ot1Java), None, "{bad}");
        }
        let birth: Normaliser = |value, habits, out| year(value, Some((1910, 2026)), habits, out);
        assert_eq!(apply(birth, "1909", Dialect::Ot1Java), None);
        assert_eq!(
            apply(birth, "2026", Dialect::Ot1Java).as_deref(),
            Some("2026")
        );
        assert_eq!(apply(birth, "2027", Dialect::Ot1Java), None);
    }

    #[test]
    fn decimals_are_written_as_the_language_does() {
        let cases = [
            ("1e10", "1.0E10", "10000000000.0"),
            ("1.", "1.0", "1.0"),
            (".5", "0.5", "0.5"),
            ("-0012.50", "-12.5", "-12.5"),
            ("0.0001", "1.0E-4", "0.0001"),
            ("0.00001", "1.0E-5", "1e-05"),
            ("1.5e300", "1.5E300", "1.5e+300"),
            ("9999999", "9999999.0", "9999999.0"),
            ("0", "0.0", "0.0"),
        ];
        for (value, java, python) in cases {
            assert_eq!(
                apply(decimal, value, Dialect::Ot1Java).as_deref(),
                Some(java)
            );
            assert_eq!(
                apply(decimal, value, Dialect::Ot1Python).as_deref(),
                Some(python)
            );
        }
        for bad in ["", ".", "e5", "1e", "inf", "nan", "1e999", "1,5", "0x1"] {
            assert_eq!(apply(decimal, bad, Dialect::Ot1Python), None, "{bad}");
        }
    }
}
