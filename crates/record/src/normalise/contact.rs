//! Telephone numbers and e-mail addresses: kinds of our own.

/// Whether a telephone number is valid, 7 to 15 digits; if so they have been appended to `out`.
///
/// A North American country code in front of ten digits is dropped. Whatever else stands between
/// the digits does not count, but letters (an extension) make the number invalid.
pub(crate) fn phone(value: &str, out: &mut String) -> bool {
    if value.chars().any(char::is_alphabetic) {
        return false;
    }
    let start = out.len();
    out.extend(value.chars().filter(char::is_ascii_digit));
    if out.len() - start == 11 && out[start..].starts_with('1') {
        out.remove(start);
    }
    (7..=15).contains(&(out.len() - start))
}

/// Whether an e-mail address is valid: one `@` with text on both sides and no white space; if so
/// it has been appended to `out`, trimmed and in lower case.
pub(crate) fn email(value: &str, out: &mut String) -> bool {
    let value = value.trim();
    let Some((local, domain)) = value.split_once('@') else {
        return false;
    };
    let odd = |c: char| c.is_whitespace() || c == '\0';
    if local.is_empty() || domain.is_empty() || domain.contains('@') || value.contains(odd) {
        return false;
    }
    out.push_str(&value.to_lowercase());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_digits() {
        let number = |value: &str| {
            let mut out = String::new();
            phone(value, &mut out).then_some(out)
        };
        assert_eq!(number("+1 (612) 555-1234").as_deref(), Some("6125551234"));
        assert_eq!(number("612.555.1234").as_deref(), Some("6125551234"));
        assert_eq!(number("08 2210 0298").as_deref(), Some("0822100298"));
        assert_eq!(number("555-123"), None);
        assert_eq!(number("6125551234 ext 5"), None);
    }

    #[test]
    fn addresses_are_lower_case() {
        let address = |value: &str| {
            let mut out = String::new();
            email(value, &mut out).then_some(out)
        };
        assert_eq!(
            address(" Maria@Example.ORG ").as_deref(),
            Some("maria@example.org")
        );
        for bad in ["maria", "@example.org", "maria@", "a@b@c", "a b@c"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
