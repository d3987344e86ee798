//! The leakage table of the documents.

use std::fmt::Write as _;

use crate::leakage::fact::{Counting, Fact, Linkage, Observer, Part, Way};

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The mode.
    pub mode: &'static str,
    /// What each of [`Observer::ALL`] learns.
    pub cells: [String; 5],
    /// The tests that pin it, as `file::test`; most compare all that a party receives in two worlds.
    pub pinned: &'static [&'static str],
}

/// How a row of a session comes about.
struct Kind {
    mode: &'static str,
    /// The modes that it combines.
    linkage: Linkage,
    /// The row with which it is compared, and its name; its facts are not repeated.
    base: Option<(Linkage, &'static str)>,
    pinned: &'static [&'static str],
}

const COUNTED: Linkage = Linkage {
    counting: Counting::Counted,
    ..Linkage::JOIN
};

const BLIND_JOIN: (Linkage, &str) = (Linkage::JOIN, "as a blind join");

const PAIRS: Linkage = Linkage {
    way: Way::Pairs,
    part: Part::Cells,
    ..COUNTED
};

/// The games that are played in every way of joining and looking up.
const EVERY_WAY: &[&str] = &[
    "provider::the_provider_cannot_tell_who_is_asked_for",
    "keyholder::a_blind_key_holder_cannot_tell_whether_anybody_matches",
    "querier::the_querier_cannot_tell_who_else_is_in_the_registry",
    "coalitions::querier_and_key_holder_learn_no_more_than_the_querier",
    "coalitions::provider_and_key_holder_together_read_the_table",
];

/// The games that are played with every comparison of pairs.
const PAIR_GAMES: &[&str] = &[
    "pairs::the_provider_cannot_tell_whose_pairs_are_compared",
    "pairs::the_key_holder_cannot_tell_in_which_pairs_clauses_hold",
    "pairs::the_querier_cannot_tell_who_is_in_no_pair_of_its_own",
    "pairwise::nobody_learns_which_of_several_probes_holds",
];

const KINDS: [Kind; 12] = [
    Kind {
        mode: "join, blind (the default)",
        linkage: Linkage::JOIN,
        base: None,
        pinned: EVERY_WAY,
    },
    Kind {
        mode: "join, counted (`--counting`)",
        linkage: COUNTED,
        base: Some(BLIND_JOIN),
        pinned: &[
            "keyholder::a_counting_key_holder_cannot_tell_who_matches",
            "keyholder::a_counting_key_holder_sees_the_count",
            "provider::nobody_but_the_key_holder_sees_the_count",
        ],
    },
    Kind {
        mode: "join, counted with false matches (`--hide-count`)",
        linkage: Linkage {
            counting: Counting::Blurred,
            ..Linkage::JOIN
        },
        base: Some(BLIND_JOIN),
        pinned: &["keyholder::dummies_blur_the_count"],
    },
    Kind {
        mode: "several rules",
        linkage: Linkage {
            several_rules: true,
            ..Linkage::JOIN
        },
        base: Some(BLIND_JOIN),
        pinned: &[
            "rules::nobody_learns_under_which_rules_records_have_values",
            "rules::the_querier_cannot_tell_one_record_from_two",
        ],
    },
    Kind {
        mode: "lookup (always blind)",
        linkage: Linkage {
            way: Way::Lookup,
            ..Linkage::JOIN
        },
        base: None,
        pinned: EVERY_WAY,
    },
    Kind {
        mode: "named cells (`--block FIELDS`)",
        linkage: Linkage {
            part: Part::Cells,
            ..Linkage::JOIN
        },
        base: Some(BLIND_JOIN),
        pinned: &[
            "blocks::naming_all_cells_shows_nobody_where_the_records_are",
            "blocks::the_key_holder_cannot_tell_which_cells_are_named",
        ],
    },
    Kind {
        mode: "hashed blocks (`--block hash:BITS`)",
        linkage: Linkage {
            part: Part::Prefixes,
            ..Linkage::JOIN
        },
        base: Some(BLIND_JOIN),
        pinned: &[
            "blocks::hashed_blocks_show_the_provider_prefixes_and_the_key_holder_nothing_more",
        ],
    },
    Kind {
        mode: "pairs",
        linkage: PAIRS,
        base: None,
        pinned: PAIR_GAMES,
    },
    Kind {
        mode: "pairs, blind (`--blind`)",
        linkage: Linkage {
            counting: Counting::Blind,
            ..PAIRS
        },
        base: Some((PAIRS, "as pairs")),
        pinned: PAIR_GAMES,
    },
    Kind {
        mode: "pairs with a threshold",
        linkage: Linkage {
            way: Way::ScoredPairs,
            ..PAIRS
        },
        base: Some((PAIRS, "as pairs")),
        pinned: PAIR_GAMES,
    },
    Kind {
        mode: "pairs with a threshold, blind",
        linkage: Linkage {
            way: Way::ScoredPairs,
            counting: Counting::Blind,
            ..PAIRS
        },
        base: Some((PAIRS, "as pairs")),
        pinned: PAIR_GAMES,
    },
    Kind {
        mode: "`--mask full`",
        linkage: Linkage {
            full_mask: true,
            ..Linkage::JOIN
        },
        base: Some(BLIND_JOIN),
        pinned: EVERY_WAY,
    },
];

/// Yields the rows of the table.
pub fn rows() -> Vec<Row> {
    let others = [Row {
        mode: "de-duplication",
        cells: [
            "what one linkage shows it".to_owned(),
            "what one linkage shows it, for each provider".to_owned(),
            "which jurisdictions hold its records".to_owned(),
            "as the linkages".to_owned(),
            "as the linkages".to_owned(),
        ],
        pinned: EVERY_WAY,
    }];
    KINDS.iter().map(Kind::row).chain(others).collect()
}

/// Yields the whole table in Markdown, and before it what does not depend on the mode.
pub fn table() -> String {
    let mut text = format!(
        "Everybody whom a provider lists as a querier sees {PUBLISHED}. The key holder of a session sees \
         {MANIFEST}. What somebody learns besides:\n\n"
    );
    text += "| mode | provider learns | key holder learns besides the manifest | querier learns \
                    beyond its matches | querier + key holder, both passive | provider + key holder | \
                    pinned by |\n|---|---|---|---|---|---|---|\n";
    for row in rows() {
        let pinned: Vec<String> = row.pinned.iter().map(|test| format!("`{test}`")).collect();
        let cells = row.cells.join(" | ");
        let line = format!("| {} | {cells} | {} |", row.mode, pinned.join(", "));
        writeln!(text, "{line}").expect("a string takes all that is written");
    }
    text
}

/// Yields the table of the default mode, a line for each party, in Markdown.
pub fn summary() -> String {
    let learned = |observer| cell(&Linkage::JOIN.learned(observer));
    format!(
        "| party | learns |\n|---|---|\n\
         | querier | which of its records matched, and under which rule; {}; of the provider {PUBLISHED} |\n\
         | data provider | {} |\n\
         | key holder | of the session {MANIFEST}; of the matches {} |\n",
        learned(Observer::Querier),
        learned(Observer::Provider),
        learned(Observer::KeyHolder),
    )
}

/// What a provider lets all of its queriers know.
const PUBLISHED: &str = "what it publishes to all of its queriers alike, at fixed dates: its rules and what it \
                         allows, the class of its keys under each rule, the cells that it offers and their \
                         classes, the dates themselves";

/// What a key holder sees of every session.
const MANIFEST: &str = "its manifest: who takes part, in which way, under which rules, and the classes of \
                        both sides";

impl Kind {
    fn row(&self) -> Row {
        Row {
            mode: self.mode,
            cells: Observer::ALL.map(|observer| {
                let learned = self.linkage.learned(observer);
                let Some((base, name)) = self.base else {
                    return cell(&learned);
                };
                let base = base.learned(observer);
                if base == learned {
                    name.to_owned()
                } else if !base.is_empty() && learned.starts_with(&base) {
                    format!("{name}, and {}", cell(&learned[base.len()..]))
                } else {
                    cell(&learned)
                }
            }),
            pinned: self.pinned,
        }
    }
}

fn cell(learned: &[Fact]) -> String {
    if learned.is_empty() {
        return "nothing".to_owned();
    }
    let clauses: Vec<&str> = learned.iter().map(|fact| fact.in_general()).collect();
    clauses.join("; ")
}
