//! First and last names.

use unicode_normalization::UnicodeNormalization;

use crate::dialect::{Habits, Language, Times};
use crate::latin::spelled_by_reference;
use crate::text::is_mark;

/// Whether a first name is valid; if so its normal form has been appended to `out`.
pub(crate) fn first(value: &str, habits: &Habits, out: &mut String) -> bool {
    if is_placeholder(value, habits.language) {
        return false;
    }
    if is_letters(value) {
        // A plain word has no title, suffix or initial.
        out.push_str(value);
        return !value.is_empty();
    }
    let start = out.len();
    let text = without_diacritics(value, habits);
    push_first(&text, habits, out);
    let normal = &out[start..];
    !normal.is_empty() && !is_placeholder(normal, habits.language)
}

/// Whether a last name is valid; if so its normal form has been appended to `out`.
pub(crate) fn last(value: &str, habits: &Habits, out: &mut String) -> bool {
    if is_placeholder(value, habits.language) {
        return false;
    }
    let start = out.len();
    if is_letters(value) {
        out.push_str(value);
    } else {
        let text = without_diacritics(value, habits);
        let mut rest = kept_if_empty(&text, |text| without_suffix(text, habits));
        if habits.second_last_name_pass {
            rest = without_suffix(rest, habits);
        }
        push_letters(rest, out);
    }
    let normal = &out[start..];
    let long_enough = match normal.as_bytes() {
        [] | [_] => false,
        [a, b] => is_vowel(*a) || is_vowel(*b) || normal.eq_ignore_ascii_case("ng"),
        _ => true,
    };
    long_enough && !is_placeholder(normal, habits.language)
}

fn push_first(text: &str, habits: &Habits, out: &mut String) {
    let trims = habits.language != Language::Java;
    let trimmed = |text| {
        if trims {
            habits.white_space.trim(text)
        } else {
            text
        }
    };

    let mut rest = trimmed(text);
    let mut titled = rest;
    while let Some(after) = after_title(titled, habits) {
        titled = after;
        if habits.titles == Times::Once {
            break;
        }
    }
    titled = trimmed(titled);
    if !titled.is_empty() {
        rest = titled;
    }
    rest = kept_if_empty(rest, |text| trimmed(without_suffix(text, habits)));
    rest = trimmed(without_initial(rest, habits));
    if habits.first_of_compound {
        rest = first_of_compound(rest, habits);
    }
    push_letters(rest, out);
}

/// The value trimmed, decomposed, and without combining marks; in some dialects with letters such
/// as `ø` and `ß` spelled out first.
fn without_diacritics(value: &str, habits: &Habits) -> String {
    let value = habits.white_space.trim(value);
    if value.is_ascii() {
        return value.to_owned();
    }
    let kept = |c: &char| !is_mark(*c, habits.non_spacing_marks_only);
    if !habits.transliterates {
        return value.nfd().filter(kept).collect();
    }
    let mut spelled = String::with_capacity(value.len() + 4);
    for c in value.chars() {
        match spelled_by_reference(c) {
            Some(letters) => spelled.push_str(letters),
            None => spelled.push(c),
        }
    }
    spelled.nfd().filter(kept).collect()
}

/// What follows a title, its full stop and white space.
fn after_title<'a>(text: &'a str, habits: &Habits) -> Option<&'a str> {
    let is_space = |c: char| habits.white_space.is_space(c);
    let end = text.find(|c: char| c == '.' || is_space(c))?;
    let (word, rest) = text.split_at(end);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let after = rest.trim_start_matches(is_space);
    let title = TITLES
        .iter()
        .any(|title| is_word(word, title, habits.language));
    (title && after.len() < rest.len()).then_some(after)
}

/// The text without a generational suffix at its end and the white space before it, or without
/// several where the dialect says so.
fn without_suffix<'a>(text: &'a str, habits: &Habits) -> &'a str {
    let is_space = |c: char| habits.white_space.is_space(c);
    let (mut rest, _) = habits.language.split_line_end(text);
    let mut found = false;
    while let Some((at, space)) = rest.char_indices().rfind(|(_, c)| is_space(*c)) {
        if !is_suffix(&rest[at + space.len_utf8()..], habits.language) {
            break;
        }
        rest = rest[..at].trim_end_matches(is_space);
        found = true;
        if habits.suffixes == Times::Once {
            break;
        }
    }
    if found { rest } else { text }
}

fn is_suffix(word: &str, language: Language) -> bool {
    if SUFFIXES
        .iter()
        .any(|suffix| is_word(word, suffix, language))
    {
        return true;
    }
    let digits: usize = word
        .chars()
        .take_while(|&c| language.digit(c).is_some())
        .map(char::len_utf8)
        .sum();
    digits > 0
        && ["st", "nd", "rd", "th"]
            .iter()
            .any(|end| is_word(&word[digits..], end, language))
}

/// The text without one white-space character, one other character and perhaps a full stop at its
/// end.
fn without_initial<'a>(text: &'a str, habits: &Habits) -> &'a str {
    let is_space = |c: char| habits.white_space.is_space(c);
    let cut = |text: &'a str| {
        let initial = |text: &'a str| {
            let mut characters = text.chars();
            let last = characters.next_back()?;
            let before = characters.as_str();
            let space = characters.next_back()?;
            (!is_space(last) && is_space(space)).then(|| &before[..before.len() - space.len_utf8()])
        };
        text.strip_suffix('.')
            .and_then(initial)
            .or_else(|| initial(text))
    };
    let (core, end) = habits.language.split_line_end(text);
    let before_end = if end.is_empty() { None } else { cut(core) };
    before_end.or_else(|| cut(text)).unwrap_or(text)
}

/// The first group of a compound name: three letters or more, followed by further groups after
/// white space, full stops or slashes, the later ones also after hyphens.
fn first_of_compound<'a>(text: &'a str, habits: &Habits) -> &'a str {
    let is_gap = |c: char| habits.white_space.is_space(c) || matches!(c, '.' | '/');
    let is_late_gap =
        |c: char| is_gap(c) || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let first = &text[..text.len() - rest.len()];
    let mut groups = 0;
    let mut rest = rest;
    while !rest.is_empty() {
        let after = match groups {
            0 => rest.trim_start_matches(is_gap),
            _ => rest.trim_start_matches(is_late_gap),
        };
        let next = after.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        if after.len() == rest.len() || next.len() == after.len() {
            return text;
        }
        rest = next;
        groups += 1;
    }
    if first.len() >= 3 && groups > 0 {
        first
    } else {
        text
    }
}

fn kept_if_empty<'a>(text: &'a str, change: impl Fn(&'a str) -> &'a str) -> &'a str {
    let changed = change(text);
    if changed.is_empty() { text } else { changed }
}

fn push_letters(text: &str, out: &mut String) {
    out.extend(text.chars().filter(char::is_ascii_alphabetic));
}

fn is_letters(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_vowel(letter: u8) -> bool {
    matches!(
        letter.to_ascii_lowercase(),
        b'a' | b'e' | b'i' | b'o' | b'u'
    )
}

fn is_placeholder(value: &str, language: Language) -> bool {
    let first = value
        .bytes()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let begins_like_one = b"<admnpstuz".contains(&first) || !first.is_ascii();
    // No placeholder is longer, not even with letters of three bytes for ASCII ones.
    begins_like_one
        && value.len() <= 51
        && PLACEHOLDERS
            .iter()
            .any(|name| language.equal_but_for_case(value, name))
}

fn is_word(word: &str, lower: &str, language: Language) -> bool {
    if word.is_ascii() {
        return word.eq_ignore_ascii_case(lower);
    }
    word.chars().map(|c| language.fold(c)).eq(lower.chars())
}

const TITLES: [&str; 21] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "capt",
    "sir",
    "col",
    "gen",
    "cmdr",
    "lt",
    "rabbi",
    "father",
    "brother",
    "sister",
    "hon",
    "honorable",
    "reverend",
    "rev",
    "doctor",
];

const SUFFIXES: [&str; 16] = [
    "jr", "jr.", "junior", "sr", "sr.", "senior", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii",
    "ix", "x",
];

const PLACEHOLDERS: [&str; 18] = [
    "Unknown",
    "N/A",
    "None",
    "Test",
    "Sample",
    "Donor",
    "Patient",
    "Automation Test",
    "Automationtest",
    "patient not found",
    "patientnotfound",
    "<masked>",
    "Anonymous",
    "zzztrash",
    "Missing",
    "Unavailable",
    "Not Available",
    "NotAvailable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_in_any_case() {
        for name in PLACEHOLDERS {
            for written in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
                assert!(is_placeholder(&written, Language::Java), "{written}");
                assert!(is_placeholder(&written, Language::Python), "{written}");
            }
            assert!(!is_placeholder(&format!("{name}x"), Language::Java));
        }
        assert!(is_placeholder("ſample", Language::Java));
        assert!(!is_placeholder("", Language::Java));
    }
}
