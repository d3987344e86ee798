//! Dates, dates of birth and years.

use crate::date::{Clock, Date, PartialDate, split_clock};
use crate::dialect::{Habits, Language};
use crate::findings::Finding;

/// The first day on which somebody of the registries may have been born.
pub(crate) const EARLIEST_BIRTH: Date = Date::new(1910, 1, 1).expect("the day exists");

/// A date as it was read, if it was, and what is to be said of that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Reading {
    pub(crate) date: Option<PartialDate>,
    pub(crate) finding: Option<Finding>,
}

/// Which number of a date whose year comes last is the month, unless dots say that it is the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    MonthFirst,
    DayFirst,
}

/// Reads a date or timestamp: under a dialect in one of the forms that OpenToken accepts, else in
/// every form that can be read in one way only, and month first.
pub(crate) fn read(value: &str, habits: &Habits) -> Reading {
    let value = match habits.language {
        Language::Python => value.strip_suffix('\n').unwrap_or(value),
        Language::Java => value,
        Language::Ours => return read_freely(value, Order::MonthFirst),
    };
    let spelled;
    let bytes = if value.is_ascii() {
        value.as_bytes()
    } else {
        let Some(ascii) = in_ascii(value, habits.language) else {
            return Reading::INVALID;
        };
        spelled = ascii;
        spelled.as_bytes()
    };
    match bytes {
        [y @ .., a @ (b'-' | b'/'), m1, m2, b, d1, d2] if y.len() == 4 && a == b => {
            Reading::of(Date::from_digits(y, &[*m1, *m2], &[*d1, *d2]))
        }
        [m1, m2, a @ (b'-' | b'/'), d1, d2, b, y @ ..] if a == b => {
            year_last(&[*m1, *m2], &[*d1, *d2], y, Order::MonthFirst)
        }
        [d1, d2, b'.', m1, m2, b'.', y @ ..] => {
            Reading::of(Date::from_digits(y, &[*m1, *m2], &[*d1, *d2]))
        }
        [_, rest @ ..] if rest.len() >= 19 => timestamp(bytes, habits.utc_instants),
        _ => Reading::INVALID,
    }
}

/// Reads a date as our own rules do, with a time of day or without: year first; or year last, in
/// the given order, with months and days of one or two digits.
pub(crate) fn read_freely(value: &str, order: Order) -> Reading {
    let Some((text, clock)) = split_clock(value.trim()) else {
        return Reading::INVALID;
    };
    let reading = match Date::from_year_first(text) {
        // Eight digits whose year is none of a living person's may begin with their day.
        Some(date) if order == Order::MonthFirst || date.year() >= 1800 => Reading::of(Some(date)),
        _ if order == Order::DayFirst && is_eight_digits(text) => {
            let bytes = text.as_bytes();
            Reading::of(Date::from_digits(&bytes[4..], &bytes[2..4], &bytes[..2]))
        }
        _ => split_year_last(text).map_or(Reading::INVALID, |(numbers, dotted)| {
            let order = if dotted { Order::DayFirst } else { order };
            year_last(numbers[0], numbers[1], numbers[2], order)
        }),
    };
    let dropped = clock.is_some_and(|clock| !clock.is_midnight()) && reading.date.is_some();
    Reading {
        finding: reading.finding.or(dropped.then_some(Finding::TimeOfDay)),
        ..reading
    }
}

fn is_eight_digits(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The same of a date whose day, or day and month, may be missing.
pub(crate) fn read_in_part(value: &str, order: Order) -> Reading {
    let reading = read_freely(value, order);
    if reading.date.is_some() || reading.finding.is_some() {
        return reading;
    }
    let text = value.trim();
    Reading {
        date: PartialDate::from_year_first(text).or_else(|| PartialDate::from_month_first(text)),
        finding: None,
    }
}

/// Whether a text looks like a date whose year comes last.
pub(crate) fn is_year_last(text: &str) -> bool {
    let text = split_clock(text.trim()).map_or(text, |(text, _)| text);
    split_year_last(text).is_some_and(|([one, other, year], _)| {
        Date::from_digits(year, one, other).is_some()
            || Date::from_digits(year, other, one).is_some()
    })
}

/// Two numbers and a year of four digits, and whether dots are between them.
fn split_year_last(text: &str) -> Option<([&[u8]; 3], bool)> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|b| matches!(b, b'/' | b'-' | b'.'))?;
    let (one, rest) = (&bytes[..at], &bytes[at + 1..]);
    let next = rest.iter().position(|b| *b == bytes[at])?;
    let (other, year) = (&rest[..next], &rest[next + 1..]);
    (year.len() == 4).then_some(([one, other, year], bytes[at] == b'.'))
}

fn year_last(one: &[u8], other: &[u8], year: &[u8], order: Order) -> Reading {
    let month_first = Date::from_digits(year, one, other);
    let day_first = Date::from_digits(year, other, one);
    if order == Order::DayFirst {
        return Reading::of(day_first);
    }
    let finding = match (month_first, day_first) {
        (Some(one), Some(other)) if one != other => Some(Finding::EitherWay),
        (Some(_), None) => Some(Finding::MonthFirst),
        (None, Some(_)) => Some(Finding::NoSuchMonth),
        _ => None,
    };
    Reading {
        finding,
        ..Reading::of(month_first)
    }
}

impl Reading {
    const INVALID: Self = Self {
        date: None,
        finding: None,
    };

    fn of(date: Option<Date>) -> Self {
        // Neither reference language has a year 0.
        Self {
            date: date.filter(|date| date.year() > 0).map(PartialDate::from),
            finding: None,
        }
    }

    /// The same if it is a date of birth: no earlier than 1910, no later than today.
    pub(crate) fn of_birth(self, today: Date) -> Self {
        let day = |date: PartialDate| Date::new(date.year, date.month?, date.day?);
        let born = self.date.and_then(day);
        let possible = born.is_some_and(|born| (EARLIEST_BIRTH..=today).contains(&born));
        Self {
            date: self.date.filter(|_| possible),
            // What was not read at all is still to be said.
            finding: self
                .finding
                .filter(|finding| possible || *finding == Finding::NoSuchMonth),
        }
    }
}

/// Reads a date that begins with its year, as expressions do: under our own rules in every such form,
/// with midnight behind it or nothing; else as the references do, `yyyy-M-d`.
pub(crate) fn year_first(value: &str, language: Language) -> Option<Date> {
    if language == Language::Ours {
        let (text, clock) = split_clock(value)?;
        let date = Date::from_year_first(text)?;
        return clock.is_none_or(Clock::is_midnight).then_some(date);
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

/// Reads `yyyy-MM-ddTHH:mm:ss[.SSS]` with `Z` or an offset.
fn timestamp(bytes: &[u8], utc: bool) -> Reading {
    let Some((date, clock)) = date_and_clock(bytes, utc) else {
        return Reading::INVALID;
    };
    Reading {
        finding: clock.then_some(Finding::TimeOfDay),
        ..Reading::of(Some(date))
    }
}

/// The date of a timestamp, as written or of its instant in UTC, and whether it is another time than
/// midnight.
fn date_and_clock(bytes: &[u8], utc: bool) -> Option<(Date, bool)> {
    let (head, rest) = bytes.split_at_checked(19)?;
    let [date @ .., b'T', h1, h2, b':', m1, m2, b':', s1, s2] = head else {
        return None;
    };
    let date = Date::from_iso(std::str::from_utf8(date).ok()?)?;
    let hour = two_digits(*h1, *h2, 24)?;
    let minute = two_digits(*m1, *m2, 60)?;
    let second = two_digits(*s1, *s2, 60)?;
    let (fraction, zone) = match rest {
        [b'.', fraction @ ..] if fraction.len() >= 3 => {
            let (fraction, zone) = fraction.split_at(3);
            fraction
                .iter()
                .all(u8::is_ascii_digit)
                .then_some((fraction, zone))?
        }
        zone => (&b""[..], zone),
    };
    let offset = match zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = two_digits(*h1, *h2, 24)? * 60 + two_digits(*m1, *m2, 60)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let clock = hour + minute + second > 0 || fraction.iter().any(|digit| *digit != b'0');
    if !utc {
        return Some((date, clock));
    }
    let date = date.plus_days((hour * 60 + minute - offset).div_euclid(24 * 60))?;
    Some((date, clock))
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
