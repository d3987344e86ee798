//! How one party writes a field, where it is not how the rules read it.
//!
//! Both parties of a linkage have the same rules, but one writes dates day first and codes sex by
//! numbers, and the other does not. An input form is each party's own affair: it turns what is
//! written into what the rules read, before anything else looks at it, and is not part of the digest.

use crate::date::{Clock, DateForm, split_clock};

/// What is done to a field's values before the rules see them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct InputForm {
    /// The forms its dates may have; they become `yyyy-MM-dd`.
    pub(crate) dates: Vec<DateForm>,
    /// What is written, folded, and what it means.
    pub(crate) codes: Vec<(String, String)>,
    /// Characters that do not count.
    pub(crate) remove: String,
    /// How many digits a number has, zeros at its beginning included.
    pub(crate) digits: usize,
}

impl InputForm {
    /// What a value means, written to `out` unless it is what is written; nothing if it does not
    /// have the form.
    pub fn read<'v>(&'v self, value: &'v str, out: &'v mut String) -> Option<&'v str> {
        if let Some(code) = self.code(value) {
            return Some(code);
        }
        self.rewrite(value, out)
    }

    /// What a code stands for.
    pub(crate) fn code(&self, value: &str) -> Option<&str> {
        let value = value.trim();
        let named = |text: &str| value.eq_ignore_ascii_case(text);
        let found = self.codes.iter().find(|(code, _)| named(code));
        found.map(|(_, meaning)| meaning.as_str())
    }

    /// What a value that is no code means.
    pub(crate) fn rewrite<'v>(&self, value: &'v str, out: &'v mut String) -> Option<&'v str> {
        let value = value.trim();
        if !self.codes.is_empty() {
            // What the codes stand for may be written out; nothing else is a code.
            let meant = self
                .codes
                .iter()
                .any(|(_, meaning)| value.eq_ignore_ascii_case(meaning));
            return meant.then_some(value);
        }
        if self.remove.is_empty() && self.digits == 0 && self.dates.is_empty() {
            return Some(value);
        }
        out.clear();
        out.extend(value.chars().filter(|c| !self.remove.contains(*c)));
        if out.len() < self.digits && !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit()) {
            out.insert_str(0, &"0".repeat(self.digits - out.len()));
        }
        if self.dates.is_empty() {
            return Some(out);
        }
        let date = split_clock(out)
            .filter(|(_, clock)| clock.is_none_or(Clock::is_midnight))
            .and_then(|(text, _)| self.dates.iter().find_map(|form| form.read(text)));
        let date = date?;
        out.clear();
        date.write_iso(out);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &InputForm, value: &str) -> Option<String> {
        let mut out = String::new();
        form.read(value, &mut out).map(str::to_owned)
    }

    #[test]
    fn dates_become_what_rules_read() {
        let form = InputForm {
            dates: ["DD-MM-YYYY", "D.M.YYYY"]
                .map(|form| DateForm::new(form).unwrap())
                .into(),
            ..InputForm::default()
        };
        assert_eq!(read(&form, " 12-11-1980 ").as_deref(), Some("1980-11-12"));
        assert_eq!(read(&form, "3.2.1980").as_deref(), Some("1980-02-03"));
        assert_eq!(
            read(&form, "12-11-1980 00:00:00").as_deref(),
            Some("1980-11-12")
        );
        for bad in ["1980-11-12", "31-02-1980", "12-11-1980 10:00", "12/11/1980"] {
            assert_eq!(read(&form, bad), None, "{bad}");
        }
    }

    #[test]
    fn codes_numbers_and_marks_become_what_rules_read() {
        let sex = InputForm {
            codes: vec![("1".into(), "M".into()), ("Frau".into(), "F".into())],
            ..InputForm::default()
        };
        assert_eq!(read(&sex, "1").as_deref(), Some("M"));
        assert_eq!(read(&sex, "FRAU").as_deref(), Some("F"));
        assert_eq!(read(&sex, "f").as_deref(), Some("f"), "what a code means");
        assert_eq!(read(&sex, "9"), None);
        let number = InputForm {
            remove: "- ".into(),
            digits: 9,
            ..InputForm::default()
        };
        assert_eq!(read(&number, "2-34 567").as_deref(), Some("000234567"));
        assert_eq!(
            read(&number, "123456789012").as_deref(),
            Some("123456789012")
        );
        assert_eq!(read(&number, "12A").as_deref(), Some("12A"));
        assert_eq!(read(&number, " - ").as_deref(), Some(""));
    }
}
