//! Names as people write them: composed or not, with characters that nobody sees, and with Latin
//! letters beyond A to Z.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use blindjoin_record::{Date, RuleSet, Scratch};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// The operators that may be applied to any text.
const FORMS: [&str; 14] = [
    "",
    "T|U",
    "L",
    "N",
    "A|U",
    "F|U",
    "S(0,3)|U",
    "R('e','i')",
    r"M(\w+)",
    "SX",
    "NY",
    "DM",
    "DM2",
    "A|S(0,1)",
];

fn signatures(rules: &RuleSet, value: &str) -> Vec<Option<String>> {
    let binding = rules
        .bind(&["name"], Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let mut scratch = Scratch::default();
    let signed = binding.sign([value].as_slice(), &mut scratch);
    signed
        .iter()
        .map(|signature| signature.ok().map(str::to_owned))
        .collect()
}

fn rules(kind: &str) -> RuleSet {
    let mut text = format!("[fields]\nname = '{kind}'\n");
    for (i, form) in FORMS.iter().enumerate() {
        text += &format!("[[rule]]\nid = 'R{i}'\nsignature = [\"\"\"name:{form}\"\"\"]\n")
            .replace('\\', "\\\\");
    }
    RuleSet::from_toml(&text).unwrap()
}

fn form(expression: &str, value: &str) -> Option<String> {
    let at = FORMS.iter().position(|form| *form == expression).unwrap();
    signatures(&rules("Text"), value)[at].clone()
}

#[test]
fn one_name_written_in_two_ways_has_one_code() {
    for (one, other) in [
        ("Grüßner", "Grussner"),
        ("Wałęsa", "Walesa"),
        ("Þórsson", "Thorsson"),
        ("Đặng", "Dang"),
        ("Kızılırmak", "Kizilirmak"),
        ("Œuvrard", "Oeuvrard"),
        ("Ｏｎｏ", "Ono"),
    ] {
        for code in ["SX", "NY", "DM", "DM2"] {
            assert_eq!(form(code, one), form(code, other), "{code} of {one}");
        }
        assert_eq!(form("F|U", one), form("F|U", other), "{one}");
    }
}

#[test]
fn characters_that_nobody_sees_make_no_difference() {
    for invisible in [
        '\u{200b}',
        '\u{200e}',
        '\u{feff}',
        '\u{ad}',
        '\u{2060}',
        '\u{e0020}',
    ] {
        for at in [0, 3, 7] {
            let mut name = "Kowalski".to_owned();
            name.insert(at, invisible);
            assert_eq!(
                signatures(&rules("Text"), &name),
                signatures(&rules("Text"), "Kowalski"),
                "{name:?}"
            );
        }
    }
    assert_eq!(form("T|U", "\u{200b}\u{feff}"), None, "nothing is there");
}

/// A dialect's `T` leaves what the reference leaves, and a raw field leaves everything.
#[test]
fn references_are_not_improved_upon() {
    let rules = rules("Raw");
    let name = "Smi\u{200b}th";
    assert_eq!(signatures(&rules, name)[0].as_deref(), Some(name));
    let dialect = self::rules("Text")
        .with_dialect(blindjoin_record::Dialect::Ot1Java)
        .unwrap();
    assert_eq!(
        signatures(&dialect, name)[1].as_deref(),
        Some("SMI\u{200b}TH")
    );
}

proptest! {
    #[test]
    fn canonically_equivalent_values_have_the_same_signatures(
        value in "[a-zA-Z ]{0,4}(\\p{Latin}|\\p{Greek}|\\p{Cyrillic}|\\p{Devanagari}|\\p{Hangul}|\\p{M}|[ '\u{200d}]){0,10}",
    ) {
        let (rules, composed) = (rules("Text"), value.nfc().collect::<String>());
        let decomposed: String = value.nfd().collect();
        prop_assert_eq!(signatures(&rules, &value), signatures(&rules, &composed));
        prop_assert_eq!(signatures(&rules, &value), signatures(&rules, &decomposed));
    }
}

#[test]
fn names_of_other_scripts_have_one_signature_however_they_are_composed() {
    let rules = rules("Text");
    for (one, other) in [
        // Two marks on one letter, which either form of typing puts in another order.
        ("Nguye\u{302}\u{303}n \u{1ea1}", "Nguy\u{1ec5}n a\u{323}"),
        (
            "\u{d55c}\u{ae00}",
            "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}",
        ),
        // The sign for the unit, the letter, and the letter and its ring.
        ("\u{212b}str\u{f6}m", "\u{c5}stro\u{308}m"),
        ("\u{212b}str\u{f6}m", "A\u{30a}str\u{f6}m"),
        // A word joiner, an invisible separator, a direction mark.
        ("O\u{2060}Neill", "ONeill"),
        ("\u{200f}\u{5db}\u{5d4}\u{5df}", "\u{5db}\u{5d4}\u{5df}"),
    ] {
        assert_ne!(one, other);
        assert_eq!(
            signatures(&rules, one),
            signatures(&rules, other),
            "{one:?} {other:?}"
        );
    }
}
