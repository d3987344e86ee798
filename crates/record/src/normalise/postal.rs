//! Postal codes of the United States and Canada.

use crate::dialect::{Habits, Language};

/// Whether a postal code is valid in the United States or else in Canada; if so its normal form
/// has been appended to `out`, partial codes filled up.
pub(crate) fn either(value: &str, habits: &Habits, out: &mut String) -> bool {
    us(value, true, habits, out) || canadian(value, true, habits, out)
}

/// Whether a ZIP code is valid: 3, 4, 5 or 9 digits, or 5-4. Its normal form, in `out`, is the
/// first five digits; shorter ones are filled up with zeros if `pads`.
pub(crate) fn us(value: &str, pads: bool, habits: &Habits, out: &mut String) -> bool {
    let trimmed = trim(value, habits);
    let is_digit = |c: char| habits.language.digit(c).is_some();
    let mut digits = 0;
    for (i, c) in trimmed.chars().enumerate() {
        if is_digit(c) {
            digits += 1;
        } else if c != '-' || i != 5 || digits != 5 {
            return false;
        }
    }
    let dashed = trimmed.contains('-');
    if !matches!((digits, dashed), (3..=5, false) | (9, _)) {
        return false;
    }
    if DENIED_ZIP_STARTS
        .iter()
        .any(|start| trimmed.starts_with(start))
    {
        return false;
    }
    out.extend(trimmed.chars().take(5));
    if pads {
        out.push_str(["", "0", "00"][5_usize.saturating_sub(digits)]);
    }
    true
}

/// Whether a Canadian code is valid: letter digit letter, then perhaps one white-space character,
/// digit, letter, digit or the first of these. Its normal form, in `out`, is `A1A 1A1`, short
/// ones filled up if `pads`.
pub(crate) fn canadian(value: &str, pads: bool, habits: &Habits, out: &mut String) -> bool {
    let trimmed = trim(value, habits);
    let is_digit = |c: char| habits.language.digit(c).is_some();
    let mut code = ['\0'; 6];
    let mut length = 0;
    let mut spaced = false;
    for c in trimmed.chars() {
        if length == 3 && !spaced && habits.white_space.is_space(c) {
            spaced = true;
            continue;
        }
        let fits = if length % 2 == 0 {
            c.is_ascii_alphabetic()
        } else {
            is_digit(c)
        };
        if length == code.len() || !fits {
            return false;
        }
        code[length] = c.to_ascii_uppercase();
        length += 1;
    }
    if length < 3 {
        return false;
    }
    let start = out.len();
    if pads || length == 6 {
        let filler = ['\0', '\0', '\0', '0', 'A', '0'];
        let filler: [char; 6] = if length == 3 { ['0'; 6] } else { filler };
        for (i, c) in code.into_iter().enumerate() {
            if i == 3 {
                out.push(' ');
            }
            out.push(if i < length { c } else { filler[i] });
        }
    } else {
        out.push_str(trimmed);
        return true;
    }
    let normal = &out[start..];
    let denied = DENIED_CANADIAN.contains(&normal)
        || (["K1A", "M7A", "H0H"]
            .iter()
            .any(|prefix| normal.starts_with(prefix))
            && normal.ends_with('0'));
    if denied {
        out.truncate(start);
    }
    !denied
}

fn trim<'a>(value: &'a str, habits: &Habits) -> &'a str {
    match habits.language {
        Language::Java => value.trim_matches(|c| habits.white_space.is_space(c)),
        _ => habits.white_space.trim(value),
    }
}

const DENIED_ZIP_STARTS: [&str; 13] = [
    "11111", "22222", "33333", "66666", "77777", "99999", "01234", "12345", "54321", "98765",
    "000", "555", "888",
];

const DENIED_CANADIAN: [&str; 9] = [
    "A1A 1A1", "X0X 0X0", "Y0Y 0Y0", "Z0Z 0Z0", "A0A 0A0", "B1B 1B1", "C2C 2C2", "K1A 0A6",
    "H0H 0H0",
];
