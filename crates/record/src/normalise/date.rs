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
    let spelled;
    let bytes = if value.is_ascii() {
        value.as_bytes()
    } else {
        spelled = in_ascii(value, habits.language)?;
        spelled.as_bytes()
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

/// Reads a date that begins with its year, as expressions do: under our own rules in every form that
/// can be read in one way only, else as the references do, `yyyy-M-d`.
pub(crate) fn year_first(value: &str, language: Language) -> Option<Date> {
    if language == Language::Ours {
        return Date::from_year_first(value);
    }
    let spelled;
    let value = if value.is_ascii() {
        value
    } else {
        spelled = in_ascii(value, language)?;
        &spelled
    };
    let dashed = value.as_bytes().get(4) == Some(&b'-');
    Date::from_year_first(value).filter(|_| dashed)
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

/// Spells the digits of other scripts in ASCII where the language reads them: Java and our own rules
/// nowhere; Python's `strptime` in a year, in the hours of an offset, and as the second digit of a
/// day, hour, minute or second where any digit may stand there, but never in a month.
///
/// # Source
///
/// Python 3.11, `_strptime.TimeRE`; confirmed by running OpenLinkToken.
fn in_ascii(value: &str, language: Language) -> Option<String> {
    let mut ascii = String::with_capacity(value.len());
    let mut foreign = 0_u32;
    for (place, c) in value.chars().enumerate() {
        if place == LONGEST {
            return None;
        }
        if let Some(digit) = language.digit(c) {
            foreign |= u32::from(!c.is_ascii()) << place;
            ascii.push(char::from(b'0' + digit));
        } else if c.is_ascii() {
            ascii.push(c);
        } else {
            return None;
        }
    }
    let bytes = ascii.as_bytes();
    let zone = (19..bytes.len()).find(|&place| matches!(bytes[place], b'+' | b'-'));
    // Pairs of digits by place, and which first digits leave the second free.
    let (year, day) = match bytes.get(4) {
        Some(separator @ (b'-' | b'/')) => {
            let next = bytes[5..].iter().position(|byte| byte == separator);
            (0, 6 + next?)
        }
        _ if bytes.get(2) == Some(&b'.') => (6, 0),
        _ => (6, 3),
    };
    let mut readable = 0b1111 << year;
    let mut pairs = vec![(day, b'1'..=b'2')];
    if bytes.len() > 10 {
        pairs.extend([(11, b'0'..=b'1'), (14, b'0'..=b'5'), (17, b'0'..=b'5')]);
    }
    if let Some(zone) = zone {
        readable |= 0b11 << (zone + 1);
        pairs.push((zone + 4, b'0'..=b'5'));
    }
    for (place, free) in pairs {
        let first = bytes.get(place).filter(|_| foreign >> place & 1 == 0);
        if first.is_some_and(|first| free.contains(first)) {
            readable |= 1 << (place + 1);
        }
    }
    (foreign & !readable == 0).then_some(ascii)
}

/// The longest form that is read, a timestamp with fraction and offset.
const LONGEST: usize = 29;
