//! Latin letters in the letters A to Z.
//!
//! Decomposition takes `é` apart into `e` and an accent, but leaves `ø`, `ß`, `ł`, `ı` and others
//! alone: these are spelled out by table.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How OpenLinkToken 2.x spells a letter, if it does.
pub(crate) fn spelled_by_reference(c: char) -> Option<&'static str> {
    let at = REFERENCE.binary_search_by_key(&c, |&(letter, _)| letter);
    at.ok().map(|at| REFERENCE[at].1)
}

/// Appends the text with its Latin letters in A to Z and a to z, without diacritics.
///
/// Letters that do not decompose are spelled as OpenLinkToken spells them (`Æ` is `AE`, `ß` is `ss`,
/// `Þ` is `TH`), further ones by their look (`ɓ` is `b`, `Ə` is `E`); ligatures, full-width letters
/// and other compatibility forms by what they stand for; typographic apostrophes and dashes by the
/// ASCII ones. Letters of other scripts stay as they are, with their marks. Canonically equivalent
/// texts have one form.
pub(crate) fn fold(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.push_str(text);
        return;
    }
    // Whether a mark that follows belongs to a Latin letter, and goes.
    let mut latin = false;
    for c in text.nfc() {
        if c.is_ascii() {
            out.push(c);
            latin = c.is_ascii_alphabetic();
        } else if is_combining_mark(c) {
            if !latin {
                out.push(c);
            }
        } else if let Some(spelled) = spelled(c) {
            out.push_str(spelled);
            latin = true;
        } else {
            let start = out.len();
            latin = push_decomposed(c, out);
            if !latin {
                out.truncate(start);
                out.push(c);
            }
        }
    }
}

/// Appends what a character decomposes to, without marks, and says whether that is all ASCII.
fn push_decomposed(c: char, out: &mut String) -> bool {
    let mut some = false;
    for part in std::iter::once(c).nfkd().filter(|c| !is_combining_mark(*c)) {
        match spelled(part) {
            _ if part.is_ascii() => out.push(part),
            Some(spelled) => out.push_str(spelled),
            None => return false,
        }
        some = true;
    }
    some
}

fn spelled(c: char) -> Option<&'static str> {
    spelled_by_reference(c).or_else(|| {
        let at = OURS.binary_search_by_key(&c, |&(letter, _)| letter);
        at.ok().map(|at| OURS[at].1)
    })
}

/// Latin letters that decomposition leaves alone, and how 2.x spells them; ordered by letter.
const REFERENCE: [(char, &str); 47] = [
    ('Æ', "AE"),
    ('Ð', "D"),
    ('Ø', "O"),
    ('Þ', "TH"),
    ('ß', "ss"),
    ('æ', "ae"),
    ('ð', "d"),
    ('ø', "o"),
    ('þ', "th"),
    ('Đ', "D"),
    ('đ', "d"),
    ('Ħ', "H"),
    ('ħ', "h"),
    ('ı', "i"),
    ('Ĳ', "IJ"),
    ('ĳ', "ij"),
    ('Ŀ', "L"),
    ('ŀ', "l"),
    ('Ł', "L"),
    ('ł', "l"),
    ('ŉ', "n"),
    ('Ŋ', "NG"),
    ('ŋ', "ng"),
    ('Œ', "OE"),
    ('œ', "oe"),
    ('Ŧ', "T"),
    ('ŧ', "t"),
    ('ſ', "s"),
    ('Ƒ', "F"),
    ('ƒ', "f"),
    ('Ǆ', "DZ"),
    ('ǅ', "Dz"),
    ('ǆ', "dz"),
    ('Ǉ', "LJ"),
    ('ǈ', "Lj"),
    ('ǉ', "lj"),
    ('Ǌ', "NJ"),
    ('ǋ', "Nj"),
    ('ǌ', "nj"),
    ('Ǳ', "DZ"),
    ('ǲ', "Dz"),
    ('ǳ', "dz"),
    ('Ǽ', "AE"),
    ('ǽ', "ae"),
    ('Ǿ', "O"),
    ('ǿ', "o"),
    ('ẞ', "SS"),
];

/// Further letters, apostrophes and dashes, and how our own rules spell them; ordered by letter.
const OURS: [(char, &str); 114] = [
    ('ĸ', "q"),
    ('ƀ', "b"),
    ('Ɓ', "B"),
    ('Ƃ', "B"),
    ('ƃ', "b"),
    ('Ɔ', "O"),
    ('Ƈ', "C"),
    ('ƈ', "c"),
    ('Ɖ', "D"),
    ('Ɗ', "D"),
    ('Ƌ', "D"),
    ('ƌ', "d"),
    ('Ǝ', "E"),
    ('Ə', "E"),
    ('Ɛ', "E"),
    ('Ɠ', "G"),
    ('Ɣ', "G"),
    ('Ɩ', "I"),
    ('Ɨ', "I"),
    ('Ƙ', "K"),
    ('ƙ', "k"),
    ('ƚ', "l"),
    ('Ɲ', "N"),
    ('ƞ', "n"),
    ('Ɵ', "O"),
    ('Ƥ', "P"),
    ('ƥ', "p"),
    ('ƫ', "t"),
    ('Ƭ', "T"),
    ('ƭ', "t"),
    ('Ʈ', "T"),
    ('Ʋ', "V"),
    ('Ƴ', "Y"),
    ('ƴ', "y"),
    ('Ƶ', "Z"),
    ('ƶ', "z"),
    ('ǝ', "e"),
    ('Ǥ', "G"),
    ('ǥ', "g"),
    ('ȡ', "d"),
    ('ȴ', "l"),
    ('ȵ', "n"),
    ('ȶ', "t"),
    ('ȷ', "j"),
    ('Ⱥ', "A"),
    ('Ȼ', "C"),
    ('ȼ', "c"),
    ('Ƚ', "L"),
    ('Ⱦ', "T"),
    ('ȿ', "s"),
    ('ɀ', "z"),
    ('Ƀ', "B"),
    ('Ʉ', "U"),
    ('Ɇ', "E"),
    ('ɇ', "e"),
    ('Ɉ', "J"),
    ('ɉ', "j"),
    ('Ɋ', "Q"),
    ('ɋ', "q"),
    ('Ɍ', "R"),
    ('ɍ', "r"),
    ('Ɏ', "Y"),
    ('ɏ', "y"),
    ('ɓ', "b"),
    ('ɔ', "o"),
    ('ɖ', "d"),
    ('ɗ', "d"),
    ('ə', "e"),
    ('ɛ', "e"),
    ('ɠ', "g"),
    ('ɣ', "g"),
    ('ɦ', "h"),
    ('ɨ', "i"),
    ('ɩ', "i"),
    ('ɫ', "l"),
    ('ɱ', "m"),
    ('ɲ', "n"),
    ('ɵ', "o"),
    ('ɽ', "r"),
    ('ʀ', "r"),
    ('ʈ', "t"),
    ('ʉ', "u"),
    ('ʋ', "v"),
    ('ʹ', "'"),
    ('ʻ', "'"),
    ('ʼ', "'"),
    ('ʽ', "'"),
    ('ʾ', "'"),
    ('ʿ', "'"),
    ('ˈ', "'"),
    ('ᵽ', "p"),
    ('\u{2010}', "-"),
    ('\u{2011}', "-"),
    ('\u{2012}', "-"),
    ('\u{2013}', "-"),
    ('\u{2014}', "-"),
    ('\u{2015}', "-"),
    ('\u{2018}', "'"),
    ('\u{2019}', "'"),
    ('\u{201b}', "'"),
    ('\u{2032}', "'"),
    ('\u{2212}', "-"),
    ('Ⱡ', "L"),
    ('Ɫ', "L"),
    ('Ᵽ', "P"),
    ('Ɽ', "R"),
    ('Ⱨ', "H"),
    ('ⱨ', "h"),
    ('Ⱪ', "K"),
    ('ⱪ', "k"),
    ('Ⱬ', "Z"),
    ('ⱬ', "z"),
    ('Ɱ', "M"),
    ('Ȿ', "S"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        fold(text, &mut out);
        out
    }

    #[test]
    fn the_tables_are_in_order_and_apart() {
        assert!(REFERENCE.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(OURS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(OURS.iter().all(|(c, _)| spelled_by_reference(*c).is_none()));
    }

    #[test]
    fn latin_letters_become_those_of_ascii() {
        for (text, ascii) in [
            ("Łukasz", "Lukasz"),
            ("Øster", "Oster"),
            ("Straße", "Strasse"),
            ("ÆGIR", "AEGIR"),
            ("Đorđe", "Dorde"),
            ("Yılmaz", "Yilmaz"),
            ("İbrahim", "Ibrahim"),
            ("Nguyễn", "Nguyen"),
            ("Əliyev", "Eliyev"),
            ("ﬁsher", "fisher"),
            ("Ｓｍｉｔｈ", "Smith"),
            ("O’Brien", "O'Brien"),
            ("Smith\u{2010}Jones", "Smith-Jones"),
            ("Ǻse", "Ase"),
            ("plain", "plain"),
        ] {
            assert_eq!(folded(text), ascii, "{text}");
            let decomposed: String = text.nfd().collect();
            assert_eq!(folded(&decomposed), ascii, "{text}, decomposed");
        }
    }

    #[test]
    fn other_scripts_keep_their_letters_and_marks() {
        for text in ["李", "김", "Йода", "αβγ", "علي", "हिन्दी"] {
            assert_eq!(folded(text), text);
        }
        let hangul: String = "김".nfd().collect();
        assert_eq!(folded(&hangul), "김");
    }
}
