//! Our phonetic codes against an independent implementation.

use std::fs;

#[path = "../../../tests/common/data.rs"]
mod data;

use blindjoin_record::phonetic;
use proptest::prelude::*;
use rphonetic::{DoubleMetaphone, Encoder, Nysiis, Soundex};

fn code(with: fn(&str, &mut String), name: &str) -> String {
    let mut out = String::new();
    with(name, &mut out);
    out
}

fn agree(name: &str) {
    assert_eq!(
        code(phonetic::soundex, name),
        Soundex::default().encode(name),
        "Soundex of {name}"
    );
    // Where the other strikes the only letter left (Ash), ours keeps it: an empty code is none.
    let nysiis = Nysiis::default().encode(name);
    let nysiis = if nysiis.is_empty() {
        "A".to_owned()
    } else {
        nysiis
    };
    assert_eq!(code(phonetic::nysiis, name), nysiis, "NYSIIS of {name}");
    // The other writes a silent final J as a blank. Unlike the published algorithm it takes a `CH`
    // before T or S at the start for a soft one, and sounds the R of a short word in IER.
    let name = name.to_uppercase();
    let soft = ["CHT", "CHS"]
        .iter()
        .any(|ch| name.find(ch).is_some_and(|at| at < 2));
    if soft || (name.ends_with("IER") && name.len() < 5) {
        return;
    }
    let name = name.as_str();
    let both = DoubleMetaphone::default().double_metaphone(name);
    for (alternate, other) in [(false, both.primary()), (true, both.alternate())] {
        let mut ours = String::new();
        phonetic::double_metaphone(name, alternate, &mut ours);
        assert_eq!(ours, other.trim_end(), "Double Metaphone of {name}");
    }
}

#[test]
fn names_of_registries_have_the_same_codes() {
    let own = data::own("febrl/dataset4b.csv");
    assert!(names_have_the_same_codes(&fs::read_to_string(own).unwrap()) > 350);
    if let Some(file) = data::outside("data/febrl/dataset4b.csv") {
        assert!(names_have_the_same_codes(&fs::read_to_string(file).unwrap()) > 9_000);
    }
}

fn names_have_the_same_codes(text: &str) -> u32 {
    let mut names = 0;
    for line in text.lines().skip(1) {
        for cell in line
            .split(',')
            .skip(1)
            .take(2)
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
        {
            let letters: String = cell.chars().filter(char::is_ascii_alphabetic).collect();
            agree(&letters);
            names += 1;
        }
    }
    names
}

proptest! {
    #[test]
    fn any_letters_have_the_same_codes(name in "[A-Z]{1,12}") {
        agree(&name);
    }

    #[test]
    fn likely_groups_have_the_same_codes(
        groups in proptest::collection::vec(
            prop::sample::select(vec![
                "A", "E", "I", "O", "U", "Y", "W", "H", "WH", "SCH", "KN", "PH", "C", "CC", "CH", "CIA", "G", "GH", "GN", "J", "X", "SC", "SIO", "TION", "TH", "WICZ", "R", "D", "DG", "T", "B", "UMB", "ILLA", "IER", "LL", "F", "N", "V", "MC", "OUX", "ISL", "PF", "MAC", "EV",
                "QU", "Z", "M", "K", "S", "EE", "IE", "DT", "RT", "RD", "NT", "ND", "AY", "L", "G",
            ]),
            1..6,
        ),
    ) {
        agree(&groups.concat());
    }
}
