use blindjoin_protocol::{Mode, Terms};
use blindjoin_service::progress::{Figures, Shown};

/// What each party has learned from a linkage, a sentence each: the only place that says so, for the
/// report and for the demonstration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The querier.
    pub querier: String,
    /// The data provider.
    pub provider: String,
    /// The key holder.
    pub keyholder: String,
}

impl Learned {
    /// Says it of a linkage under these terms.
    pub fn of(figures: &Figures, terms: &Terms) -> Self {
        Self {
            querier: querier(figures, terms),
            provider: provider(figures, terms),
            keyholder: keyholder(figures, terms),
        }
    }
}

fn querier(figures: &Figures, terms: &Terms) -> String {
    let size = figures.provider_size;
    let published = "as the provider publishes to all";
    match (&terms.mode, figures.shown) {
        (Mode::Pairwise(_), _) => format!(
            "this card and the pairs behind it, with a handle for each record of the provider's in them, and that the \
             session has room for {size} pairs, {published}"
        ),
        (_, Shown::Nothing) => {
            format!("this card, and that the provider has at most {size} keys, {published}")
        }
        _ => format!(
            "this card, and that the provider has at most {size} keys in the blocks, {published}"
        ),
    }
}

fn provider(figures: &Figures, terms: &Terms) -> String {
    let entries = figures.table_entries;
    let table = format!("that the querier's table has {entries} entries");
    let counts = if matches!(terms.mode, Mode::Pairwise(_)) {
        ", and of each of them the querier's number of records, rounded up"
    } else {
        ""
    };
    match figures.shown {
        Shown::Nothing => format!("{table}, and no more"),
        Shown::AllCells(offered) => format!(
            "{table}; not in which of the {offered} blocks that it offers the querier has records, since all are \
             named{counts}"
        ),
        Shown::Cells { named, offered } => format!(
            "{table}, and that the querier has records in these {named} of the {offered} blocks that it \
             offers{counts}"
        ),
        Shown::Prefixes { bits, named } => format!(
            "{table}, and of a hash of every identifier the first {bits} bits, of which {named} occur"
        ),
    }
}

fn keyholder(figures: &Figures, terms: &Terms) -> String {
    let comparisons = figures.comparisons;
    let sizes = "the sizes of both sides";
    if terms.blind {
        return format!(
            "the number of comparisons, {comparisons}, and {sizes}; not what matches, not even how much"
        );
    }
    let count = if matches!(terms.mode, Mode::Pairwise(_)) {
        "how often how many clauses hold in one of these pairs, not in whose".to_owned()
    } else if terms.dummies.is_some() {
        "a noisy number of matches".to_owned()
    } else {
        format!(
            "how many of them match, {} secret common identifiers included",
            terms.canaries
        )
    };
    format!("the number of comparisons, {comparisons}, {sizes}, and {count}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindjoin_protocol::{Choices, Dummies, KeySize, Pairwise, TableKind};

    fn figures(shown: Shown) -> Figures {
        Figures {
            comparisons: 4096,
            provider_size: 2048,
            table_entries: 777,
            shown,
            ..Figures::default()
        }
    }

    fn join(blind: bool, dummies: bool) -> Terms {
        let choices = Choices {
            blind,
            dummies: dummies.then(Dummies::default),
            ..Choices::new(KeySize::new(3072).unwrap(), 1)
        };
        Terms::join(&choices, TableKind::Okvs, vec!["id".to_owned()], [0; 32], 9).unwrap()
    }

    fn pairs() -> Terms {
        let choices = Choices {
            blind: false,
            canaries: 0,
            ..Choices::new(KeySize::new(3072).unwrap(), 1)
        };
        let pairwise = Pairwise::of_rules([(1, 1)], None).unwrap();
        Terms::pairs(&choices, pairwise, vec!["id".to_owned()], [0; 32], 9).unwrap()
    }

    #[test]
    fn the_provider_s_sentence_says_what_it_was_shown() {
        let cells = Shown::Cells {
            named: 3,
            offered: 50,
        };
        let hashed = Shown::Prefixes { bits: 7, named: 9 };
        for (shown, words) in [
            (Shown::Nothing, &["777 entries", "no more"][..]),
            (Shown::AllCells(50), &["777", "50 blocks", "not in which"]),
            (cells, &["has records in these 3 of the 50"]),
            (hashed, &["hash of every identifier the first 7 bits", "9"]),
        ] {
            let told = Learned::of(&figures(shown), &join(true, false)).provider;
            for word in words {
                assert!(told.contains(word), "no {word:?} in: {told}");
            }
            assert!(!told.contains("number of records"), "{told}");
        }
        for shown in [cells, Shown::AllCells(50)] {
            let told = Learned::of(&figures(shown), &pairs());
            assert!(told.provider.contains("number of records, rounded up"));
            assert!(told.querier.contains("a handle for each"));
        }
    }

    #[test]
    fn a_blind_key_holder_learns_sizes_and_a_counting_one_a_count() {
        let told = |terms: &Terms| Learned::of(&figures(Shown::Nothing), terms).keyholder;
        assert!(told(&join(true, false)).contains("not even how much"));
        assert!(told(&join(false, false)).contains("32 secret common identifiers"));
        assert!(told(&join(false, true)).contains("noisy"));
        assert!(told(&pairs()).contains("how many clauses"));
    }
}
