//! Social security numbers. The references cut at the locale's decimal point; here it is always `.`.

use crate::dialect::Habits;

/// Whether a social security number is valid; if so `ddd-dd-dddd` has been appended to `out`.
pub(crate) fn ssn(value: &str, habits: &Habits, out: &mut String) -> bool {
    if !habits.normalises_ssn_first && !is_valid_as_written(value, habits) {
        return false;
    }
    let Some(digits) = digits(value, habits) else {
        return false;
    };
    let start = out.len();
    for (i, digit) in digits.into_iter().enumerate() {
        if i == 3 || i == 5 {
            out.push('-');
        }
        out.push(digit);
    }
    if habits.normalises_ssn_first {
        let normal = &out[start..];
        let valid = has_valid_parts(&normal[..3], &normal[4..6], &normal[7..])
            && !is_denied(normal, habits);
        if !valid {
            out.truncate(start);
        }
        return valid;
    }
    true
}

/// The nine digits: white space and dashes removed, cut at a decimal point, filled up from seven
/// or eight.
fn digits(value: &str, habits: &Habits) -> Option<[char; 9]> {
    let value = habits.white_space.trim(value);
    let mut digits = ['0'; 9];
    let mut length = 0;
    for c in value.chars() {
        if c == '-' || habits.white_space.is_space(c) {
            continue;
        }
        if c == '.' {
            break;
        }
        habits.language.digit(c)?;
        *digits.get_mut(length)? = c;
        length += 1;
    }
    if length < 7 {
        return None;
    }
    if length < 9 {
        // Filling up goes through a number there, so digits of other scripts become ASCII.
        for digit in &mut digits[..length] {
            *digit = char::from(b'0' + habits.language.digit(*digit)?);
        }
    }
    digits.rotate_right(9 - length);
    Some(digits)
}

/// Seven to nine digits, perhaps with a decimal point and zeros; or `ddd-?dd-?dddd` with valid
/// parts.
fn is_valid_as_written(value: &str, habits: &Habits) -> bool {
    if is_denied(value, habits) {
        return false;
    }
    let value = value.strip_suffix('\n').unwrap_or(value);
    let is_digit = |c: char| habits.language.digit(c).is_some();
    let whole = match value.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return false,
        None => value,
    };
    if whole.chars().all(is_digit) && (7..=9).contains(&whole.chars().count()) {
        return true;
    }
    let mut rest = value.chars();
    let mut part = |length: usize| {
        let part: String = rest.by_ref().take(length).collect();
        let whole = part.chars().count() == length && part.chars().all(is_digit);
        let mut after = rest.clone();
        if after.next() == Some('-') && length < 4 {
            rest = after;
        }
        whole.then_some(part)
    };
    let (Some(area), Some(group), Some(serial)) = (part(3), part(2), part(4)) else {
        return false;
    };
    rest.next().is_none() && has_valid_parts(&area, &group, &serial)
}

fn has_valid_parts(area: &str, group: &str, serial: &str) -> bool {
    !matches!(area, "000" | "666") && !area.starts_with('9') && group != "00" && serial != "0000"
}

fn is_denied(text: &str, habits: &Habits) -> bool {
    text.len() == 11 && habits.denied_ssns.iter().any(|list| list.contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn normal(value: &str, dialect: Dialect) -> Option<String> {
        let mut out = String::new();
        ssn(value, dialect.habits(), &mut out).then_some(out)
    }

    #[test]
    fn java_checks_the_normal_form() {
        let java = |value| normal(value, Dialect::Ot1Java);
        for odd in [
            "452 38 7291",
            " 4-5-2387291 ",
            "452387291.5",
            "452-38-7291\n",
            "452387291.",
        ] {
            assert_eq!(java(odd).as_deref(), Some("452-38-7291"), "{odd:?}");
        }
        assert_eq!(java("452-38-729").as_deref(), Some("045-23-8729"));
        assert_eq!(java("1234567").as_deref(), None);
        assert_eq!(java("2234567").as_deref(), Some("002-23-4567"));
        for bad in [
            "123456789",
            "111111111",
            "000123456",
            "666123456",
            "900123456",
            "123450000",
        ] {
            assert_eq!(java(bad), None, "{bad}");
        }
        assert_eq!(java("009999999"), None);
        assert_eq!(java("٤٥٢٣٨٧٢٩١"), None);
    }

    #[test]
    fn python_checks_what_is_written() {
        let python = |value| normal(value, Dialect::Ot1Python);
        for odd in [
            "123456789",
            "111111111",
            "000000000",
            "666123456",
            "123-456789",
            "123450000",
        ] {
            assert!(python(odd).is_some(), "{odd}");
        }
        assert_eq!(python("1234567").as_deref(), Some("001-23-4567"));
        assert_eq!(python("4523872.000").as_deref(), Some("004-52-3872"));
        assert_eq!(python("452-38-7291\n").as_deref(), Some("452-38-7291"));
        for bad in [
            "452 38 7291",
            " 452-38-7291",
            "452-38-7291.0",
            "452387291.5",
            "45-238-7291",
        ] {
            assert_eq!(python(bad), None, "{bad}");
        }
        for bad in [
            "123-45-6789",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
        ] {
            assert_eq!(python(bad), None, "{bad}");
        }
        assert_eq!(python("009-99-9999").as_deref(), Some("009-99-9999"));
        assert_eq!(
            normal("222-33-4444", Dialect::Olt20).as_deref(),
            Some("222-33-4444")
        );
        assert_eq!(normal("222-33-4444", Dialect::Olt212), None);
        assert_eq!(python("٤٥٢٣٨٧٢٩١").as_deref(), Some("٤٥٢-٣٨-٧٢٩١"));
        assert_eq!(python("٤٥٢٣٨٧٢").as_deref(), Some("004-52-3872"));
    }
}
