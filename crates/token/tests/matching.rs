//! Matching against a plain double loop, and the language of strategies.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use blindjoin_token::{
    Cardinality, Count, Error, ExpressionFault, Limits, Matches, Strategy as Match, TokenKey,
    TokenTable, TokenTableBuilder,
};
use proptest::prelude::*;

/// Whether a strategy holds, given which rules agree.
type Holds = fn([bool; 3]) -> bool;

/// Rule, token and record id.
type Rows = Vec<(String, String, String)>;

/// A token for every text, which stands for it in these tests; none for none.
fn digits(text: &str) -> String {
    let mut digits = String::new();
    for byte in text.bytes() {
        write!(digits, "{byte:02x}").unwrap();
    }
    if text.is_empty() || text == blindjoin_token::BLANK {
        text.to_owned()
    } else {
        format!("{digits:f<64}")
    }
}

fn table(rows: &Rows) -> TokenTable {
    let mut builder = TokenTableBuilder::new();
    for (rule, token, id) in rows {
        let key = TokenKey::read(&digits(token)).unwrap();
        builder.push(rule, key, id).unwrap();
    }
    builder.finish()
}

/// A file of records with tokens from a small set under three rules; zero stands for blank.
fn file(records: &[[u8; 3]]) -> Rows {
    let mut rows = Rows::new();
    for (id, tokens) in records.iter().enumerate() {
        for (rule, token) in tokens.iter().enumerate() {
            let token = match token {
                0 => String::new(),
                token => format!("token {token}"),
            };
            rows.push((format!("T{}", rule + 1), token, format!("id {id}")));
        }
    }
    rows
}

fn find(left: &Rows, right: &Rows, strategy: &str, limits: &Limits) -> Result<Matches, Error> {
    Matches::find(&table(left), &table(right), &strategy.parse()?, limits)
}

/// Pairs of record numbers with the rules they agree under, by looking at all.
fn by_hand(
    left: &[[u8; 3]],
    right: &[[u8; 3]],
    holds: impl Fn([bool; 3]) -> bool,
) -> Vec<(usize, usize, [bool; 3])> {
    let mut pairs = Vec::new();
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate() {
            let agree = [0, 1, 2].map(|rule| a[rule] == b[rule] && a[rule] != 0);
            if holds(agree) {
                pairs.push((i, j, agree));
            }
        }
    }
    pairs
}

fn found(matches: &Matches) -> Vec<(usize, usize, [bool; 3])> {
    let pairs = matches.pairs().iter();
    pairs
        .map(|&pair| {
            let agree = [0, 1, 2].map(|rule| pair.agrees(rule));
            (pair.left as usize, pair.right as usize, agree)
        })
        .collect()
}

fn records() -> impl Strategy<Value = Vec<[u8; 3]>> {
    prop::collection::vec(prop::array::uniform3(0_u8..6), 1..40)
}

proptest! {
    #[test]
    fn pairs_are_those_of_a_double_loop(left in records(), right in records()) {
        let (a, b) = (file(&left), file(&right));
        let strategies: [(&str, Holds); 7] = [
            ("any", |[a, b, c]| a || b || c),
            ("tiered", |[a, b, c]| a || b || c),
            ("all", |[a, b, c]| a && b && c),
            ("any:T1,T3", |[a, _, c]| a || c),
            ("T1&(T2|T3)", |[a, b, c]| a && (b || c)),
            ("T1&T2|T3", |[a, b, c]| a && b || c),
            ("T2", |[_, b, _]| b),
        ];
        for (strategy, holds) in strategies {
            let matches = find(&a, &b, strategy, &Limits::default()).unwrap();
            prop_assert_eq!(found(&matches), by_hand(&left, &right, holds), "{}", strategy);
        }
        // Rows sorted by rule or by token make the same table.
        let mut by_rule = a.clone();
        by_rule.sort_by(|x, y| x.0.cmp(&y.0));
        let matches = find(&by_rule, &b, "any", &Limits::default()).unwrap();
        let any = by_hand(&left, &right, |[a, b, c]| a || b || c);
        prop_assert_eq!(found(&matches), any.clone());

        let overlap = matches.overlap();
        let count = |side: fn(&(usize, usize, [bool; 3])) -> usize| {
            let mut records: Vec<usize> = any.iter().map(side).collect();
            records.sort_unstable();
            records.dedup();
            records.len() as u64
        };
        prop_assert_eq!(overlap.left.records, left.len() as u64);
        prop_assert_eq!(overlap.left.matched, count(|pair| pair.0));
        prop_assert_eq!(overlap.right.matched, count(|pair| pair.1));
        prop_assert_eq!(overlap.pairs, any.len() as u64);
        prop_assert_eq!(overlap.cardinalities.iter().sum::<u64>(), overlap.pairs);
        prop_assert_eq!(overlap.rules[1].pairs, any.iter().filter(|pair| pair.2[1]).count() as u64);
    }

    #[test]
    fn frequent_tokens_are_as_if_blank(left in records(), right in records(), most in 1_u64..8) {
        let frequent = |rule: usize, token: u8| {
            let count = |side: &[[u8; 3]]| side.iter().filter(|row| row[rule] == token).count() as u64;
            count(&left) > most || count(&right) > most
        };
        let without = |side: &[[u8; 3]]| -> Vec<[u8; 3]> {
            let blanked = |row: &[u8; 3]| {
                [0, 1, 2].map(|rule| if frequent(rule, row[rule]) { 0 } else { row[rule] })
            };
            side.iter().map(blanked).collect()
        };
        let limits = Limits { records_per_token: Some(most), ..Limits::default() };
        let matches = find(&file(&left), &file(&right), "any", &limits).unwrap();
        let any = |[a, b, c]: [bool; 3]| a || b || c;
        prop_assert_eq!(found(&matches), by_hand(&without(&left), &without(&right), any));
        let left_out: u64 = matches.left_out().iter().map(|rule| rule.tokens).sum();
        let mut expected = 0;
        for rule in 0..3 {
            for token in 1..6 {
                let held = |side: &[[u8; 3]]| side.iter().any(|row| row[rule] == token);
                expected += u64::from(held(&left) && held(&right) && frequent(rule, token));
            }
        }
        prop_assert_eq!(left_out, expected);
    }

    #[test]
    fn expressions_mean_what_they_say(tree in tree(), sets in prop::collection::vec(0_u8..32, 8)) {
        let mut text = String::new();
        tree.write(&mut text);
        let strategy: Match = text.parse().unwrap();
        // What is shown reads back as itself.
        prop_assert_eq!(&strategy.to_string().parse::<Match>().unwrap(), &strategy);
        for set in sets {
            let agree = |rule: usize| set >> rule & 1 == 1;
            let mut left = Rows::new();
            let mut right = Rows::new();
            for rule in 0..5 {
                left.push((format!("R{rule}"), "same".into(), "a".into()));
                let token = if agree(rule) { "same" } else { "other" };
                right.push((format!("R{rule}"), token.into(), "b".into()));
            }
            let matches = Matches::find(&table(&left), &table(&right), &strategy, &Limits::default());
            let matched = !matches.unwrap().pairs().is_empty();
            prop_assert_eq!(matched, tree.holds(&agree), "{} at {:b}", text, set);
        }
    }

    #[test]
    fn no_text_stops_the_parser(text in "[T1-3anylti:,&|()∧ é]{0,24}") {
        match text.parse::<Match>() {
            Ok(strategy) => prop_assert_eq!(strategy.to_string().parse(), Ok(strategy)),
            Err(Error::Expression { position, .. }) => {
                prop_assert!(position <= text.chars().count() + 1);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[derive(Clone, Debug)]
enum Tree {
    Rule(usize),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Tree {
    fn holds(&self, agree: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Rule(rule) => agree(*rule),
            Self::And(members) => members.iter().all(|member| member.holds(agree)),
            Self::Or(members) => members.iter().any(|member| member.holds(agree)),
        }
    }

    /// Writes the tree with parentheses only where precedence needs them.
    fn write(&self, out: &mut String) {
        let (members, operator) = match self {
            Self::Rule(rule) => return out.extend(["R", &rule.to_string()]),
            Self::And(members) => (members, " & "),
            Self::Or(members) => (members, "|"),
        };
        for (i, member) in members.iter().enumerate() {
            if i > 0 {
                out.push_str(operator);
            }
            let wrapped = matches!((self, member), (Self::And(_), Self::Or(_)));
            out.push_str(if wrapped { "(" } else { "" });
            member.write(out);
            out.push_str(if wrapped { ")" } else { "" });
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    (0_usize..5)
        .prop_map(Tree::Rule)
        .prop_recursive(4, 24, 3, |inner| {
            let members = prop::collection::vec(inner, 1..4);
            prop_oneof![
                members.clone().prop_map(Tree::And),
                members.prop_map(Tree::Or)
            ]
        })
}

fn rows(rows: &[(&str, &str, &str)]) -> Rows {
    let owned = |&(rule, token, id): &(&str, &str, &str)| (rule.into(), token.into(), id.into());
    rows.iter().map(owned).collect()
}

#[test]
fn the_first_agreeing_tier_decides() {
    let left = file(&[[1, 2, 3], [4, 5, 1], [2, 2, 2]]);
    let right = file(&[[1, 1, 3], [4, 5, 5], [5, 5, 2]]);
    let matches = find(&left, &right, "tiered:T3,T2,T1", &Limits::default()).unwrap();
    let decided: Vec<_> = matches
        .pairs()
        .iter()
        .map(|&pair| (pair.left, pair.right, matches.confidence(pair)))
        .collect();
    assert_eq!(
        decided,
        [
            (0, 0, Some("T3")),
            (1, 1, Some("T2")),
            (1, 2, Some("T2")),
            (2, 2, Some("T3"))
        ]
    );
    let any = find(&left, &right, "any", &Limits::default()).unwrap();
    assert_eq!(any.confidence(any.pairs()[0]), None);
}

#[test]
fn matches_are_classed_by_how_many_there_are() {
    let left = file(&[
        [1, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
        [3, 0, 0],
        [4, 0, 0],
        [4, 0, 0],
    ]);
    let right = file(&[
        [1, 0, 0],
        [2, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
        [4, 0, 0],
        [4, 0, 0],
    ]);
    let matches = find(&left, &right, "T1", &Limits::default()).unwrap();
    let mut counts = BTreeMap::new();
    for &pair in matches.pairs() {
        *counts.entry(matches.cardinality(pair).name()).or_insert(0) += 1;
    }
    let expected = [
        ("one-to-one", 1),
        ("one-to-many", 2),
        ("many-to-one", 2),
        ("many-to-many", 4),
    ];
    assert_eq!(counts, expected.into());
    let overlap = matches.overlap();
    assert_eq!(overlap.cardinality(Cardinality::ManyToMany), 4);
    assert_eq!(overlap.percent_of_smaller(), Some(100.0));
}

#[test]
fn one_id_on_several_rows_is_one_record() {
    let left = rows(&[
        ("T1", "a", "x"),
        ("T2", "b", "x"),
        ("T1", "c", "x"),
        ("T2", "d", "x"),
    ]);
    let right = rows(&[
        ("T1", "a", "y"),
        ("T2", "d", "y"),
        ("T1", "e", "z"),
        ("T2", "", "z"),
    ]);
    let any = find(&left, &right, "any", &Limits::default()).unwrap();
    assert_eq!(any.pairs().len(), 1);
    let pair = any.pairs()[0];
    assert_eq!(any.rules_of(pair).collect::<Vec<_>>(), ["T1", "T2"]);
    assert_eq!(any.cardinality(pair), Cardinality::OneToOne);
    // No single entry agrees under both rules.
    let all = find(&left, &right, "all", &Limits::default()).unwrap();
    assert!(all.pairs().is_empty());
    assert_eq!(
        (all.overlap().left.records, all.overlap().right.records),
        (1, 2)
    );
}

#[test]
fn too_many_pairs_are_an_error_unless_a_rule_narrows_them() {
    let everyone_alike: Vec<[u8; 3]> = (0..200).map(|i| [i, 9, u8::from(i == 7)]).collect();
    let file = file(&everyone_alike);
    let limits = Limits {
        pairs: 1_000,
        ..Limits::default()
    };
    assert_eq!(
        find(&file, &file, "any", &limits).unwrap_err(),
        Error::TooManyPairs {
            pairs: 40_200,
            limit: 1_000,
            rule: "T2".into(),
            left: 200,
            right: 200
        }
    );
    // The unspecific rule is not needed to find these, and is still reported.
    for strategy in ["all", "T2&T3", "(T2|T3)&T3"] {
        let matches = find(&file, &file, strategy, &limits).unwrap();
        assert_eq!(found(&matches), [(7, 7, [true; 3])], "{strategy}");
    }
    let frequent = Limits {
        records_per_token: Some(100),
        ..limits
    };
    let matches = find(&file, &file, "any", &frequent).unwrap();
    assert_eq!(matches.pairs().len(), 199);
    let left_out = &matches.left_out()[0];
    assert_eq!((left_out.rule.as_str(), left_out.tokens), ("T2", 1));
    assert_eq!((left_out.left, left_out.right), (200, 200));
}

#[test]
fn rules_that_are_not_there_are_named() {
    let left = rows(&[("T1", "a", "x"), ("T2", "b", "x")]);
    let right = rows(&[("T2", "b", "y"), ("T3", "c", "y")]);
    let error = |strategy: &str| find(&left, &right, strategy, &Limits::default()).unwrap_err();
    assert_eq!(
        error("T2&T9").to_string(),
        "no rule `T9` (character 4 of the strategy); the files have T1, T2, T3"
    );
    assert_eq!(
        error("any:T9").to_string(),
        "no rule `T9`; the files have T1, T2, T3"
    );
    assert_eq!(error("T1|T2"), Error::RuleOnOneSide { rule: "T1".into() });
    assert_eq!(error("all"), Error::RuleOnOneSide { rule: "T1".into() });
    let other = rows(&[("X1", "a", "y")]);
    assert!(matches!(
        find(&left, &other, "any", &Limits::default()),
        Err(Error::NoCommonRule { .. })
    ));
    let any = find(&left, &right, "any", &Limits::default()).unwrap();
    assert_eq!(any.rules().collect::<Vec<_>>(), ["T2"]);
    assert!(matches!(
        find(&left, &right, "T2 T1", &Limits::default()),
        Err(Error::Expression {
            position: 4,
            fault: ExpressionFault::OperatorExpected
        })
    ));
}

#[test]
fn files_without_rows_match_nothing() {
    let (none, some) = (Rows::new(), file(&[[1, 2, 3]]));
    for (left, right) in [(&none, &some), (&some, &none), (&none, &none)] {
        for strategy in ["any", "all", "tiered", "T1&T2"] {
            let matches = find(left, right, strategy, &Limits::default()).unwrap();
            assert!(matches.pairs().is_empty());
            assert_eq!(matches.overlap().left.records, table(left).records());
        }
    }
    let unknown = find(&none, &some, "T9", &Limits::default()).unwrap_err();
    assert!(matches!(unknown, Error::UnknownRule { .. }));
}

#[test]
fn small_overlaps_are_not_published() {
    let side = |from: u8, to: u8| file(&(from..to).map(|i| [i, i, 0]).collect::<Vec<_>>());
    let published = |left: &Rows, right: &Rows| {
        let matches = find(left, right, "any", &Limits::default()).unwrap();
        matches.overlap().suppress_below(11)
    };
    // 100 and 80 records, 40 in common, all one-to-one: that the others are none would follow.
    let large = published(&side(1, 101), &side(61, 141));
    assert_eq!(
        large.left.map(Count::exact),
        [Some(100), Some(40), Some(60)]
    );
    assert_eq!(large.pairs.exact(), Some(40));
    assert_eq!(large.cardinalities.map(Count::exact), [None; 4]);
    assert_eq!(large.rules[0].shared.exact(), Some(40));
    assert_eq!(large.rules[2].left.exact(), None);
    // 5 in common: neither they nor those without a match are shown, and the files' sizes are.
    let small = published(&side(1, 101), &side(96, 176));
    assert_eq!(small.left.map(Count::exact), [Some(100), None, None]);
    assert_eq!(small.right.map(Count::exact), [Some(80), None, None]);
    assert_eq!(small.pairs.exact(), None);
    assert!(
        small
            .cardinalities
            .iter()
            .all(|count| count.exact().is_none())
    );
    assert_eq!(small.rules[0].shared.exact(), None);
    // All but 5 in common: these 5 would follow.
    let nearly = published(&side(1, 101), &side(6, 106));
    assert_eq!(nearly.left.map(Count::exact), [Some(100), None, None]);
    assert_eq!(nearly.rules[0].shared.exact(), None);
}
