//! What holds for every value, however odd.

use std::fmt::Write;

use blindjoin_record::{Date, DateForm, Dialect, FieldKind, RuleSet, Scratch};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// Text that provokes: marks, letters that fold oddly, digits and spaces of several scripts.
fn odd_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "Z",
        "é",
        "e\u{301}",
        "\u{301}",
        "\u{903}",
        "ß",
        "ẞ",
        "İ",
        "ı",
        "ſ",
        "\u{212a}",
        "Ł",
        "ﬁ",
        "李",
        "😀",
        " ",
        "\t",
        "\n",
        "\u{a0}",
        "\u{2003}",
        "\u{1f}",
        "\u{2028}",
        "-",
        ".",
        "'",
        "|",
        "/",
        "0",
        "9",
        "٣",
        "９",
        "Jr",
        "III",
        "Dr.",
        "Mr ",
        "2nd",
        "19850305",
        "1985-03-05",
        "N/A",
        "\u{0}",
        "\u{feff}",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

/// One rule per kind of field, in its normal form.
fn kinds(dialect: Dialect) -> RuleSet {
    let mut text = format!("dialect = \"{dialect}\"\n[columns]\n");
    for kind in FieldKind::ALL {
        writeln!(text, "{} = \"x\"", kind.name()).expect("a string takes any text");
    }
    text += "[fields]\n";
    for kind in FieldKind::ALL {
        writeln!(text, "{0} = \"{0}\"", kind.name()).expect("a string takes any text");
    }
    for kind in FieldKind::ALL {
        writeln!(
            text,
            "[[rule]]\nid = \"{0}\"\nsignature = [\"{0}\"]",
            kind.name()
        )
        .expect("a string takes any text");
    }
    RuleSet::from_toml(&text).expect("the rules are right")
}

fn today() -> Date {
    Date::new(2026, 11, 21).expect("the day exists")
}

proptest! {
    #[test]
    fn any_value_has_a_normal_form_or_none(value in odd_text()) {
        for dialect in Dialect::ALL {
            let binding = kinds(dialect).bind(&["x"], today()).expect("the column is there");
            let mut scratch = Scratch::default();
            let signed = binding.sign([&value].as_slice(), &mut scratch);
            for (kind, normal) in FieldKind::ALL.iter().zip(signed.iter()) {
                let Ok(normal) = normal else { continue };
                prop_assert!(!normal.is_empty() && !normal.contains('\0'));
                match kind {
                    FieldKind::FirstName | FieldKind::LastName => {
                        prop_assert!(normal.bytes().all(|b| b.is_ascii_alphabetic()));
                    }
                    FieldKind::BirthDate | FieldKind::Date => {
                        prop_assert!(Date::from_iso(normal).is_some());
                    }
                    FieldKind::Sex => prop_assert!(matches!(normal, "Male" | "Female")),
                    FieldKind::SocialSecurityNumber => {
                        prop_assert_eq!(normal.chars().filter(|c| *c == '-').count(), 2);
                        prop_assert_eq!(normal.chars().count(), 11);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn composed_and_decomposed_names_are_one(value in odd_text()) {
        for dialect in [Dialect::Ot1Java, Dialect::Ot1Python] {
            let binding = kinds(dialect).bind(&["x"], today()).expect("the column is there");
            let mut scratch = Scratch::default();
            let mut name = |value: &str| {
                let signed = binding.sign([value].as_slice(), &mut scratch);
                signed.get(2).ok().map(str::to_owned)
            };
            // What is blank, a placeholder or trimmed does not change under composition.
            let composed: String = value.nfc().collect();
            let decomposed: String = value.nfd().collect();
            prop_assert_eq!(name(&composed), name(&decomposed));
        }
    }

    #[test]
    fn no_expression_fails_but_by_saying_so(
        value in odd_text(),
        operators in prop::collection::vec(
            prop::sample::select(vec![
                "T", "U", "L", "N", "A", "S(0,3)", "S(2,9)", r"M(\d+)", r"M(\w)", "R('a','bc')",
                "D", "D(DD.MM.YYYY)", "Y", "Y(-1)", "MO", "DA", "DD(3)", "SX", "NY", "DM", "DM2",
            ]),
            0..4,
        ),
    ) {
        let expression = operators.join("|");
        let text = format!(
            "[columns]\nx = \"x\"\n[[rule]]\nid = \"X\"\nsignature = ['''x:{expression}''']\n"
        );
        let rules = RuleSet::from_toml(&text).expect("the operators are known");
        let mut scratch = Scratch::default();
        let binding = rules.bind(&["x"], today()).expect("the column is there");
        let first = binding.sign([&value].as_slice(), &mut scratch).get(0).map(str::to_owned);
        let again = binding.sign([&value].as_slice(), &mut scratch).get(0).map(str::to_owned);
        prop_assert_eq!(&first, &again);
        prop_assert_ne!(first.as_deref(), Ok(""));
        prop_assert_eq!(RuleSet::from_toml(&text).expect("as before").digest(), rules.digest());
    }

    #[test]
    fn rules_files_never_crash_the_reader(text in any::<String>(), value in odd_text()) {
        drop(RuleSet::from_toml(&text));
        let odd = format!("[columns]\nx = \"x\"\n[[rule]]\nid = \"X\"\nsignature = ['''x:{value}''']\n");
        drop(RuleSet::from_toml(&odd));
    }

    #[test]
    fn a_date_is_read_in_the_form_in_which_it_is_written(days in -700_000_i64..1_000_000) {
        let date = Date::from_unix_days(days).expect("the year is in range");
        let (year, month, day) = (date.year(), date.month(), date.day());
        let iso = date.to_string();
        prop_assert_eq!(Date::from_iso(&iso), Some(date));
        prop_assert_eq!(Date::from_year_first(&iso.replace('-', "")), Some(date));
        let form = DateForm::new("D/M/YYYY").expect("a form");
        prop_assert_eq!(form.read(&format!("{day}/{month}/{year:04}")), Some(date));
        let form = DateForm::new("MMDDYYYY").expect("a form");
        prop_assert_eq!(form.read(&format!("{month:02}{day:02}{year:04}")), Some(date));
    }
}
