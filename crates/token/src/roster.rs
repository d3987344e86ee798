//! One row per person over many sites.

use blindjoin_record::{Date, Moment};
use rayon::prelude::*;

use crate::error::Error;
use crate::sites::SiteCounts;
use crate::table::TokenKey;
use crate::texts::Texts;

/// Takes in the tokens of many sites, site by site or mixed.
#[derive(Clone, Debug, Default)]
pub struct RosterBuilder {
    sites: Vec<String>,
    last_site: usize,
    texts: Texts,
    entries: Vec<Entry>,
    blank: u64,
}

/// Every token once, with the site that counts as its own.
///
/// Rows come in the order of their tokens, and the same input yields the same roster: rows that
/// repeat others change nothing, and neither does the order in which sites come, save where a tie
/// is decided by it.
#[derive(Clone, Debug)]
pub struct Roster {
    version: Date,
    sites: Vec<String>,
    texts: Texts,
    members: Vec<Member>,
    counts: SiteCounts,
    blank: u64,
}

/// One row of a roster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RosterRow<'r> {
    /// The token.
    pub canonical_token: &'r str,
    /// The site with the latest visit; where none is known or several tie, the one that came first.
    pub canonical_site: &'r str,
    /// How many different sites have the token.
    pub site_count: u32,
    /// The roster's date.
    pub roster_version: Date,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: TokenKey,
    /// Its place among all rows, and its token's among the texts.
    order: u32,
    site: u32,
    /// The visit in microseconds since 1970, or the least number where none is known.
    visited: i64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    text: u32,
    site: u32,
    site_count: u32,
}

impl RosterBuilder {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one row: a token, its site, and when the person last visited it, if that is known;
    /// visits within one microsecond are of one time. Blank tokens are counted and left out.
    ///
    /// # Errors
    ///
    /// [`Error::NotAToken`], [`Error::Sealed`] and [`Error::WrappedToken`] for texts that cannot be
    /// compared;
    /// [`Error::TooMany`] beyond 1,000 sites or 2³² − 1 rows.
    pub fn push(&mut self, token: &str, site: &str, visited: Option<Moment>) -> Result<(), Error> {
        let site = self.site(site)?;
        let Some(key) = TokenKey::read(token)? else {
            self.blank += 1;
            return Ok(());
        };
        let order = self.texts.len();
        if order == u32::MAX {
            return Err(Error::TooMany {
                what: "rows",
                limit: u64::from(u32::MAX),
            });
        }
        self.texts.push(token);
        self.entries.push(Entry {
            key,
            order,
            site,
            visited: visited.map_or(i64::MIN, Moment::unix_microseconds),
        });
        Ok(())
    }

    /// Makes the roster of a date.
    pub fn finish(mut self, version: Date) -> Roster {
        self.entries
            .par_sort_unstable_by_key(|entry| (entry.key, entry.order));
        let mut counts = SiteCounts::new(self.sites.clone());
        let mut members: Vec<Member> = Vec::new();
        let mut sites = Vec::new();
        for group in self.entries.chunk_by(|a, b| a.key == b.key) {
            sites.clear();
            sites.extend(group.iter().map(|entry| entry.site));
            sites.sort_unstable();
            sites.dedup();
            counts.count(&sites);
            let latest = group.iter().map(|entry| entry.visited).max();
            let own = group.iter().find(|entry| Some(entry.visited) == latest);
            members.push(Member {
                text: group[0].order,
                site: own.map_or(group[0].site, |own| own.site),
                site_count: u32::try_from(sites.len()).unwrap_or(u32::MAX),
            });
        }
        let texts = self.texts;
        members.par_sort_unstable_by(|a, b| {
            let text = |member: &Member| texts.get(member.text as usize);
            text(a).cmp(text(b))
        });
        Roster {
            version,
            sites: self.sites,
            texts,
            members,
            counts,
            blank: self.blank,
        }
    }

    fn site(&mut self, name: &str) -> Result<u32, Error> {
        if self
            .sites
            .get(self.last_site)
            .is_none_or(|last| last != name)
        {
            let known = self.sites.iter().position(|site| site == name);
            self.last_site = known.unwrap_or(self.sites.len());
            if known.is_none() {
                if self.sites.len() == MOST_SITES {
                    return Err(Error::TooMany {
                        what: "sites",
                        limit: MOST_SITES as u64,
                    });
                }
                self.sites.push(name.to_owned());
            }
        }
        Ok(u32::try_from(self.last_site).unwrap_or(u32::MAX))
    }
}

impl Roster {
    /// The rows, in the order of their tokens.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RosterRow<'_>> {
        self.members.iter().map(|member| RosterRow {
            canonical_token: self.texts.get(member.text as usize),
            canonical_site: &self.sites[member.site as usize],
            site_count: member.site_count,
            roster_version: self.version,
        })
    }

    /// How many tokens the sites have, and share.
    pub fn counts(&self) -> &SiteCounts {
        &self.counts
    }

    /// Rows whose token was blank.
    pub fn blank(&self) -> u64 {
        self.blank
    }
}

const MOST_SITES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u8) -> Option<Moment> {
        Moment::read(&format!("2026-11-{day:02}"))
    }

    fn roster(rows: &[(&str, &str, Option<Moment>)]) -> Roster {
        let mut builder = RosterBuilder::new();
        for &(digit, site, visited) in rows {
            let token = if digit == crate::BLANK {
                digit.to_owned()
            } else {
                digit.repeat(64)
            };
            builder.push(&token, site, visited).unwrap();
        }
        builder.finish(Date::new(2026, 11, 22).unwrap())
    }

    fn shown(roster: &Roster) -> Vec<(&str, &str, u32)> {
        let rows = roster.rows();
        rows.map(|row| {
            (
                &row.canonical_token[..1],
                row.canonical_site,
                row.site_count,
            )
        })
        .collect()
    }

    #[test]
    fn the_latest_visit_decides_and_then_the_first_site() {
        let rows = [
            ("b", "north", None),
            ("a", "north", day(3)),
            ("a", "south", day(9)),
            ("a", "east", day(9)),
            ("b", "south", None),
            ("c", "east", None),
            ("c", "north", day(1)),
            (crate::BLANK, "east", day(1)),
        ];
        let once = roster(&rows);
        assert_eq!(
            shown(&once),
            [("a", "south", 3), ("b", "north", 2), ("c", "north", 2)]
        );
        assert_eq!(once.blank(), 1);
        assert_eq!(
            once.rows().next().unwrap().roster_version.to_string(),
            "2026-11-22"
        );
        let twice = roster(&[rows, rows].concat());
        assert_eq!(shown(&twice), shown(&once));
        assert_eq!(twice.counts(), once.counts());
    }

    #[test]
    fn visits_compare_as_times_wherever_they_were() {
        for (earlier, later) in [
            ("2026-11-03T08:59:59", "2026-11-03T09:00:00"),
            ("2026-11-04T00:30:00+02:00", "2026-11-03T23:00:00Z"),
            ("2026-11-03", "2026-11-03T00:00:00.000001"),
            ("1890-01-01T00:53:27+00:53:28", "1890-01-01"),
        ] {
            let (first, second) = (Moment::read(earlier), Moment::read(later));
            assert!(first.is_some() && second.is_some(), "{earlier} {later}");
            let visits = roster(&[
                ("a", "north", first),
                ("a", "south", second),
                ("b", "south", second),
                ("b", "north", first),
                ("c", "east", None),
                ("c", "north", first),
            ]);
            let own: Vec<&str> = visits.rows().map(|row| row.canonical_site).collect();
            assert_eq!(own, ["south", "south", "north"], "{earlier} {later}");
        }
    }

    #[test]
    fn sites_and_what_they_share_are_counted() {
        let roster = roster(&[
            ("a", "north", None),
            ("a", "south", None),
            ("b", "north", None),
            ("b", "north", None),
            ("c", "south", None),
            ("c", "east", None),
            ("d", "east", None),
        ]);
        let counts = roster.counts();
        assert_eq!(counts.sites(), ["north", "south", "east"]);
        assert_eq!([0, 1, 2].map(|site| counts.tokens(site)), [2, 2, 2]);
        assert_eq!((counts.total(), counts.shared()), (4, 2));
        let between = |a, b| counts.between(a, b);
        assert_eq!([between(0, 1), between(1, 2), between(2, 0)], [1, 1, 0]);
        assert_eq!(between(1, 1), 2);
    }

    #[test]
    fn sealed_tokens_are_refused() {
        let mut builder = RosterBuilder::new();
        let sealed = "A".repeat(96);
        assert_eq!(builder.push(&sealed, "north", None), Err(Error::Sealed));
    }
}
