//! Which records of two token files are the same person.

mod groups;

use rayon::prelude::*;

use crate::error::Error;
use crate::overlap::Overlap;
use crate::strategy::{Node, Rules, Strategy};
use crate::table::{TokenKey, TokenTable};
use groups::{Groups, Sorted};

/// How many pairs a match may take on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most pairs to look at; each takes 16 bytes.
    pub pairs: u64,
    /// A token that stands for more records than this in either file is left out, as if it were
    /// blank, and reported; nothing for leaving out none.
    pub records_per_token: Option<u64>,
}

/// The pairs of records that match, and what there is to say about them.
#[derive(Clone, Debug)]
pub struct Matches {
    rules: Vec<String>,
    tiers: Option<Vec<usize>>,
    pairs: Vec<Pair>,
    left_out: Vec<LeftOut>,
    left_degrees: Vec<u32>,
    right_degrees: Vec<u32>,
    overlap: Overlap,
}

/// A record of the left file and one of the right that match.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Pair {
    /// The left file's record, as [`TokenTable::id`] takes it.
    pub left: u32,
    /// The right file's record.
    pub right: u32,
    rules: u64,
}

/// How many matches the two records of a pair have.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cardinality {
    /// Each matches the other only.
    OneToOne,
    /// The left one matches other records too.
    OneToMany,
    /// The right one matches other records too.
    ManyToOne,
    /// Both do.
    ManyToMany,
}

/// Tokens of a rule that were left out because they stand for too many records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// The rule.
    pub rule: String,
    /// How many tokens.
    pub tokens: u64,
    /// For how many records of the left file they stand.
    pub left: u64,
    /// And of the right file.
    pub right: u64,
}

impl Default for Limits {
    /// Forty million pairs, and no token left out.
    fn default() -> Self {
        Self {
            pairs: 40_000_000,
            records_per_token: None,
        }
    }
}

impl Matches {
    /// Finds the records that match.
    ///
    /// Two records agree under a rule if they have the same token for it; blank tokens agree with
    /// nothing. Only pairs that agree under enough rules to decide are looked at: for `(T1|T2)&T5`
    /// the fewer of those that agree under T1 or T2, and those that agree under T5. Each pair found
    /// then tells *all* rules under which it agrees. Pairs come in the order of the left file, then
    /// of the right.
    ///
    /// A file without rows has no matches under any rules.
    ///
    /// Sorting uses the threads of the current rayon pool. Time and memory show how many tokens the
    /// files share, and how often.
    ///
    /// # Errors
    ///
    /// [`Error::NoCommonRule`], [`Error::UnknownRule`], [`Error::RuleOnOneSide`] if the files do
    /// not have the rules asked for; [`Error::TooManyPairs`] beyond [`Limits::pairs`].
    pub fn find(
        left: &TokenTable,
        right: &TokenTable,
        strategy: &Strategy,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (left, right) = (left.with_rules_of(right), right.with_rules_of(left));
        let (left, right) = (&*left, &*right);
        let plan = Plan::new(left, right, strategy)?;
        let rules: Vec<Comparison<'_>> = plan
            .rules
            .iter()
            .map(|rule| Comparison::new(&rule.sides(left, right), limits))
            .collect();
        let costs: Vec<u64> = rules.iter().map(|rule| rule.groups.pairs()).collect();
        let (cover, cost) = plan.expression.cover(&costs);
        if cost > limits.pairs {
            return Err(plan.too_many(cover, cost, limits, &rules));
        }
        // Room for all there can be: pages that stay untouched cost nothing, growing would copy.
        let room = cost.min(Limits::default().pairs);
        let mut pairs = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        let mut done = 0;
        for (i, rule) in rules.iter().enumerate() {
            if cover >> i & 1 == 0 {
                continue;
            }
            rule.pairs(&mut pairs, |entries| {
                // A pair that an earlier rule has found is not taken twice.
                if rules_agree(&rules, done, entries) {
                    return None;
                }
                let agreeing = agreement(&rules, entries);
                let rules = plan.expression.holds(agreeing).then_some(agreeing)?;
                let (left, right) = (left.record(entries.0), right.record(entries.1));
                Some(Pair { left, right, rules })
            });
            done |= 1 << i;
        }
        pairs.par_sort_unstable();
        if left.has_several_entries() || right.has_several_entries() {
            pairs.dedup_by(|next, kept| {
                let same = (kept.left, kept.right) == (next.left, next.right);
                kept.rules |= if same { next.rules } else { 0 };
                same
            });
        }
        Ok(Self::new(plan, pairs, &rules, left, right))
    }

    /// The pairs, in the order of the left file, then of the right.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The rules that both files have, in the order of the left one.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(String::as_str)
    }

    /// The rules under which a pair agrees, in the order of [`Matches::rules`].
    pub fn rules_of(&self, pair: Pair) -> impl Iterator<Item = &str> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(move |(i, rule)| pair.agrees(i).then_some(rule.as_str()))
    }

    /// The rule that decides a pair, under a tiered strategy: the first in its order.
    pub fn confidence(&self, pair: Pair) -> Option<&str> {
        let tiers = self.tiers.as_ref()?;
        let decides = tiers.iter().find(|&&rule| pair.agrees(rule))?;
        Some(&self.rules[*decides])
    }

    /// How many matches the records of a pair have.
    pub fn cardinality(&self, pair: Pair) -> Cardinality {
        let left = self.left_degrees[pair.left as usize] > 1;
        let right = self.right_degrees[pair.right as usize] > 1;
        match (left, right) {
            (false, false) => Cardinality::OneToOne,
            (true, false) => Cardinality::OneToMany,
            (false, true) => Cardinality::ManyToOne,
            (true, true) => Cardinality::ManyToMany,
        }
    }

    /// How the files overlap.
    pub fn overlap(&self) -> &Overlap {
        &self.overlap
    }

    /// The tokens left out, for each rule that has some.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn new(
        plan: Plan,
        pairs: Vec<Pair>,
        compared: &[Comparison<'_>],
        left: &TokenTable,
        right: &TokenTable,
    ) -> Self {
        let degrees = |records: u64, record: fn(&Pair) -> u32| {
            let mut degrees = vec![0_u32; usize::try_from(records).expect("records are in memory")];
            for pair in &pairs {
                degrees[record(pair) as usize] += 1;
            }
            degrees
        };
        let left_degrees = degrees(left.records(), |pair| pair.left);
        let right_degrees = degrees(right.records(), |pair| pair.right);
        let rules: Vec<String> = plan.rules.into_iter().map(|rule| rule.id).collect();
        let left_out = rules
            .iter()
            .zip(compared)
            .filter_map(|(rule, compared)| compared.left_out(rule))
            .collect();
        let mut matches = Self {
            rules,
            tiers: plan.tiers,
            pairs,
            left_out,
            left_degrees,
            right_degrees,
            overlap: Overlap::default(),
        };
        matches.overlap = Overlap::new(&matches, compared.iter().map(Comparison::shared));
        matches.overlap.count_sides(
            [left, right],
            [&matches.left_degrees, &matches.right_degrees],
        );
        matches
    }
}

impl Pair {
    /// Whether the pair agrees under a rule, by its place in [`Matches::rules`].
    pub fn agrees(self, rule: usize) -> bool {
        self.rules >> rule & 1 == 1
    }
}

impl Cardinality {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::OneToOne,
        Self::OneToMany,
        Self::ManyToOne,
        Self::ManyToMany,
    ];

    /// The name in results: `one-to-one` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneToOne => "one-to-one",
            Self::OneToMany => "one-to-many",
            Self::ManyToOne => "many-to-one",
            Self::ManyToMany => "many-to-many",
        }
    }
}

/// A strategy over the rules that both files have.
struct Plan {
    rules: Vec<Shared>,
    expression: Node<usize>,
    tiers: Option<Vec<usize>>,
}

/// A rule that both files have, and its place in each.
struct Shared {
    id: String,
    left: usize,
    right: usize,
}

impl Plan {
    fn new(left: &TokenTable, right: &TokenTable, strategy: &Strategy) -> Result<Self, Error> {
        if left.rules.is_empty() && right.rules.is_empty() {
            return Ok(Self {
                rules: Vec::new(),
                expression: Node::Or(Vec::new()),
                tiers: None,
            });
        }
        let mut shared = Vec::new();
        for (i, rule) in left.rules.iter().enumerate() {
            if let Some(j) = right.rules.iter().position(|other| other == rule) {
                shared.push(Shared {
                    id: rule.clone(),
                    left: i,
                    right: j,
                });
            }
        }
        if shared.is_empty() {
            return Err(Error::NoCommonRule {
                left: left.rules.join(", "),
                right: right.rules.join(", "),
            });
        }
        let place = |rule: &str, position| {
            let place = shared.iter().position(|shared| shared.id == rule);
            place.ok_or_else(|| missing(left, right, rule, position))
        };
        let all = |rules: &Rules, every: bool| match rules {
            Rules::Listed(rules) => rules.iter().map(|rule| place(rule, None)).collect(),
            Rules::All if every => {
                let rules = left.rules.iter().chain(&right.rules);
                let mut places: Vec<usize> = rules
                    .map(|rule| place(rule, None))
                    .collect::<Result<_, _>>()?;
                places.truncate(left.rules.len());
                Ok(places)
            }
            Rules::All => Ok((0..shared.len()).collect::<Vec<usize>>()),
        };
        let nodes = |places: &[usize]| places.iter().copied().map(Node::Rule).collect();
        let (expression, tiers) = match strategy {
            Strategy::Any(rules) => (Node::Or(nodes(&all(rules, false)?)), None),
            Strategy::All(rules) => (Node::And(nodes(&all(rules, true)?)), None),
            Strategy::Tiered(rules) => {
                let tiers: Vec<usize> = all(rules, false)?;
                (Node::Or(nodes(&tiers)), Some(tiers))
            }
            Strategy::Expression(expression) => {
                let node = expression.node();
                let node = node.try_map(&mut |named| place(&named.rule, Some(named.position)))?;
                (node, None)
            }
        };
        Ok(Self {
            rules: shared,
            expression,
            tiers,
        })
    }

    fn too_many(
        &self,
        cover: u64,
        pairs: u64,
        limits: &Limits,
        compared: &[Comparison<'_>],
    ) -> Error {
        let needed = (0..compared.len()).filter(|rule| cover >> rule & 1 == 1);
        let worst = needed
            .max_by_key(|&rule| compared[rule].groups.pairs())
            .expect("a cover has a rule");
        let (left, right) = compared[worst].groups.largest();
        Error::TooManyPairs {
            pairs,
            limit: limits.pairs,
            rule: self.rules[worst].id.clone(),
            left,
            right,
        }
    }
}

impl Shared {
    fn sides<'t>(&self, left: &'t TokenTable, right: &'t TokenTable) -> [&'t [TokenKey]; 2] {
        [&left.keys[self.left], &right.keys[self.right]]
    }
}

fn missing(left: &TokenTable, right: &TokenTable, rule: &str, position: Option<usize>) -> Error {
    let known = left.rules.iter().any(|known| known == rule)
        || right.rules.iter().any(|known| known == rule);
    if known {
        return Error::RuleOnOneSide {
            rule: rule.to_owned(),
        };
    }
    let mut known = left.rules.clone();
    known.extend(right.rules.iter().cloned());
    known.dedup();
    let mut seen = Vec::new();
    known.retain(|rule| {
        let new = !seen.contains(rule);
        seen.push(rule.clone());
        new
    });
    Error::UnknownRule {
        rule: rule.to_owned(),
        position,
        known: known.join(", "),
    }
}

impl Node<usize> {
    /// Whether the expression holds where the rules of a set agree.
    fn holds(&self, agreeing: u64) -> bool {
        match self {
            Self::Rule(rule) => agreeing >> rule & 1 == 1,
            Self::And(members) => members.iter().all(|member| member.holds(agreeing)),
            Self::Or(members) => members.iter().any(|member| member.holds(agreeing)),
        }
    }

    /// A set of rules of which one agrees wherever the expression holds, and the pairs it yields:
    /// of a conjunction the cheapest member, of a disjunction all.
    fn cover(&self, costs: &[u64]) -> (u64, u64) {
        match self {
            Self::Rule(rule) => (1 << rule, costs[*rule]),
            Self::And(members) => members
                .iter()
                .map(|member| member.cover(costs))
                .min_by_key(|&(_, cost)| cost)
                .expect("a conjunction has members"),
            Self::Or(members) => {
                let cover = members
                    .iter()
                    .fold(0, |cover, member| cover | member.cover(costs).0);
                let rules = (0..costs.len()).filter(|rule| cover >> rule & 1 == 1);
                let cost = rules.fold(0_u64, |sum, rule| sum.saturating_add(costs[rule]));
                (cover, cost)
            }
        }
    }
}

/// Both files under one rule.
struct Comparison<'t> {
    keys: [&'t [TokenKey]; 2],
    sorted: [Sorted; 2],
    groups: Groups,
}

impl<'t> Comparison<'t> {
    fn new(keys: &[&'t [TokenKey]; 2], limits: &Limits) -> Self {
        let sorted = keys.map(Sorted::new);
        let groups = Groups::new(keys, &sorted, limits.records_per_token);
        Self {
            keys: *keys,
            sorted,
            groups,
        }
    }

    fn agrees(&self, (left, right): (u32, u32)) -> bool {
        let key = self.keys[0][left as usize];
        key == self.keys[1][right as usize] && self.groups.counts(key)
    }

    /// Appends what `make` makes of each pair of entries with one token.
    fn pairs(&self, out: &mut Vec<Pair>, make: impl Fn((u32, u32)) -> Option<Pair> + Sync) {
        for batch in self.groups.shared().chunks(1 << 16) {
            let parts: Vec<Vec<Pair>> = batch
                .par_chunks(1 << 11)
                .map(|groups| {
                    let mut part = Vec::new();
                    for group in groups {
                        for &left in group.left(&self.sorted[0]) {
                            let pairs = group.right(&self.sorted[1]).iter();
                            part.extend(pairs.filter_map(|&right| make((left, right))));
                        }
                    }
                    part
                })
                .collect();
            out.extend(parts.into_iter().flatten());
        }
    }

    /// Different tokens of the left file, of the right, and of both.
    fn shared(&self) -> [u64; 3] {
        let [left, right] = self.sorted.each_ref().map(Sorted::distinct);
        [left, right, self.groups.tokens()]
    }

    fn left_out(&self, rule: &str) -> Option<LeftOut> {
        let (tokens, left, right) = self.groups.left_out();
        (tokens > 0).then(|| LeftOut {
            rule: rule.to_owned(),
            tokens,
            left,
            right,
        })
    }
}

fn agreement(rules: &[Comparison<'_>], entries: (u32, u32)) -> u64 {
    let agreeing = rules.iter().enumerate();
    agreeing.fold(0, |set, (i, rule)| {
        set | u64::from(rule.agrees(entries)) << i
    })
}

fn rules_agree(rules: &[Comparison<'_>], set: u64, entries: (u32, u32)) -> bool {
    let mut rules = rules.iter().enumerate();
    set != 0 && rules.any(|(i, rule)| set >> i & 1 == 1 && rule.agrees(entries))
}
