//! Dates, dates of birth and years.

use crate::date::Date;
use crate::dialect::{Habits, Language};

/// The first day on which somebody of the registries may have been born.
pub(crate) const EARLIEST_BIRTH: Date = Date::new(1910, 1, 1).expect("the day exists");

/// Reads a date or timestamp in one of the forms that OpenToken accepts.
pub(crate) fn read(value: &str, habits: &Habits) -> Option<Date> {
    let value = match habits.language {
        Language::Python => value.strip_suffix('\n').unwrap_or(value),
        Language::Java => value,
        Language::Ours => value.trim(),
    };
    let mut ascii = [0_u8; 29];
    let bytes = if value.is_ascii() {
        value.as_bytes()
    } else {
        with_ascii_digits(value, habits.language, &mut ascii)?
    };
    let date = match bytes {
        [y @ .., a @ (b'-' | b'/'), m1, m2, b, d1, d2] if y.len() == 4 && a == b => {
            Date::from_digits(y, &[*m1, *m2], &[*d1, *d2])
        }
        [m1, m2, a @ (b'-' | b'/'), d1, d2, b, y @ ..] if a == b => {
            Date::from_digits(y, &[*m1, *m2], &[*d1, *d2])
        }
        [d1, d2, b'.', m1, m2, b'.', y @ ..] => Date::from_digits(y, &[*m1, *m2], &[*d1, *d2]),
        [date, rest @ ..] if rest.len() >= 19 => {
            let _ = date;
            timestamp(bytes, habits.utc_instants)
        }
        _ if habits.language == Language::Ours => Date::from_year_first(value),
        _ => None,
    };
    // Neither language has a year 0.
    date.filter(|date| date.year() > 0)
}

/// Reads a date of birth: no earlier than 1910, no later than today.
pub(crate) fn birth(value: &str, habits: &Habits, today: Date) -> Option<Date> {
    read(value, habits).filter(|date| (EARLIEST_BIRTH..=today).contains(date))
}

/// Reads `yyyy-MM-ddTHH:mm:ss[.SSS]` with `Z` or an offset.
fn timestamp(bytes: &[u8], utc: bool) -> Option<Date> {
    let (head, rest) = bytes.split_at_checked(19)?;
    let [date @ .., b'T', h1, h2, b':', m1, m2, b':', s1, s2] = head else {
        return None;
    };
    let date = Date::from_iso(std::str::from_utf8(date).ok()?)?;
    let hour = two_digits(*h1, *h2, 24)?;
    let minute = two_digits(*m1, *m2, 60)?;
    two_digits(*s1, *s2, 60)?;
    let zone = match rest {
        [b'.', fraction @ ..] if fraction.len() >= 3 => {
            let (fraction, zone) = fraction.split_at(3);
            fraction.iter().all(u8::is_ascii_digit).then_some(zone)?
        }
        zone => zone,
    };
    let offset = match zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = two_digits(*h1, *h2, 24)? * 60 + two_digits(*m1, *m2, 60)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    if !utc {
        return Some(date);
    }
    date.plus_days((hour * 60 + minute - offset).div_euclid(24 * 60))
}

fn two_digits(tens: u8, ones: u8, limit: i64) -> Option<i64> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    let value = i64::from(tens.wrapping_sub(b'0')) * 10 + i64::from(ones.wrapping_sub(b'0'));
    (digits && value < limit).then_some(value)
}

/// Spells digits of other scripts in ASCII, where the language reads them as digits.
fn with_ascii_digits<'a>(value: &str, language: Language, out: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0;
    for c in value.chars() {
        let byte = match language.digit(c) {
            Some(digit) => b'0' + digit,
            None => u8::try_from(c).ok().filter(u8::is_ascii)?,
        };
        *out.get_mut(length)? = byte;
        length += 1;
    }
    Some(&out[..length])
}
