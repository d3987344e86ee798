//! Sex, as the two words that the rules know.

use crate::dialect::{Habits, Language};

/// Whether a sex is valid; if so `Male` or `Female` has been appended to `out`.
pub(crate) fn sex(value: &str, habits: &Habits, out: &mut String) -> bool {
    let value = if habits.sex_is_trimmed {
        habits.white_space.trim(value)
    } else {
        value
    };
    let word = match value {
        "M" | "m" | "Male" | "male" => "Male",
        "F" | "f" | "Female" | "female" => "Female",
        _ if habits.language != Language::Ours => return false,
        _ if value.eq_ignore_ascii_case("male") => "Male",
        _ if value.eq_ignore_ascii_case("female") => "Female",
        _ => return false,
    };
    out.push_str(word);
    true
}
