//! What a provider publishes, when, and which version of its registry it serves until then.

use std::path::PathBuf;
use std::sync::Arc;

use blindjoin_journal::Journal;
use blindjoin_protocol::agree::{OwnTerms, Published, PublishedRule};
use blindjoin_protocol::paillier::Profile;
use rayon::prelude::*;
use tracing::{info, warn};

use super::calendar::{Every, date};
use super::census::Census;
use super::edition::{Basis, Edition, Press};
use super::marks::{self, Marks};
use super::noise::Noise;
use super::registry::{Part, Registry, Served};
use crate::{Error, Refusal};

/// Under which name the edition is kept.
const EDITION: &[u8] = b"edition";

/// Publishes a registry at fixed dates.
pub(super) struct Publisher {
    pub(super) journal: Arc<Journal>,
    pub(super) noise: Noise,
    /// Where the marks of the published version are.
    pub(super) folder: PathBuf,
    pub(super) every: Every,
    /// The least number of records in an offered cell.
    pub(super) least: u64,
    pub(super) basis: Basis,
    /// What is published besides records.
    pub(super) choices: Choices,
    /// As it was read at the start.
    pub(super) registry: Registry,
    pub(super) census: Census,
}

/// What a provider publishes besides its records.
pub(super) struct Choices {
    pub(super) key_sizes: Vec<blindjoin_protocol::paillier::KeySize>,
    pub(super) counting: blindjoin_protocol::agree::Counting,
    pub(super) pairs: bool,
    pub(super) hash_bits: u8,
}

impl Publisher {
    /// What is published and served at a time: the edition that is kept, or a new one if its time is
    /// over or, with `anew`, in any case.
    ///
    /// # Errors
    ///
    /// [`Error::Outgrown`] where so few of the registry's keys were in it when the edition was made
    /// that it must be another registry; [`Error::Kept`] or [`Error::File`] where what is kept of
    /// the edition is damaged.
    pub(super) fn serve(&self, now: u64, anew: bool) -> Result<Served, Error> {
        let press = self.press();
        let kept = self.journal.value(EDITION)?;
        let kept = kept.map(|kept| Edition::read(&kept)).transpose()?;
        let kept = kept.filter(|kept| press.continues(kept));
        let is_over = |kept: &Edition| now >= self.every.around(kept.dated).1;
        let (mut edition, is_new) = match &kept {
            Some(kept) if !anew && !is_over(kept) => press.reprint(kept, &self.census),
            _ => {
                // By the calendar, not by the clock: nobody learns when a program was started.
                let dated = self.every.around(now).0;
                (press.print(&self.census, kept.as_ref(), dated), true)
            }
        };
        if is_new {
            self.keep(&mut edition)?;
        }
        let next = self.every.around(edition.dated).1;
        info!(
            dated = %date(edition.dated),
            next = %date(next),
            new = is_new,
            "what is published"
        );
        let rules = self.registry.rules.iter().zip(&self.census.rules);
        for ((rule, keys), class) in rules.zip(&edition.classes) {
            info!(rule, keys, class, "published class");
        }
        for blocking in &self.census.blockings {
            let offered = edition.blocking(&blocking.digest);
            let offered = offered.map_or(0, |offered| offered.cells.len());
            info!(blocks = blocking.cells.len(), offered, "blocks of fields");
        }
        self.version(&edition, next)
    }

    fn press(&self) -> Press<'_> {
        Press {
            noise: &self.noise,
            least: self.least,
            basis: self.basis.clone(),
        }
    }

    /// Makes the edition durable, with the marks of what is published for the first time.
    fn keep(&self, edition: &mut Edition) -> Result<(), Error> {
        let mut digests = Vec::new();
        for (part, known) in self.registry.parts().zip(edition.marks()) {
            digests.push(match known {
                Some(digest) => digest,
                None => self.marks(&part).write(&self.folder)?,
            });
        }
        edition.set_marks(digests.iter().copied());
        let bytes = prost::Message::encode_to_vec(edition);
        self.journal.replace(&[(EDITION, &bytes)])?;
        marks::clean(&self.folder, &digests.into_iter().collect())
    }

    /// The version of the registry that is served under an edition: as it is where it fits the
    /// published classes, and as it was published, without what has been removed since, where not.
    fn version(&self, edition: &Edition, next: u64) -> Result<Served, Error> {
        let fits = std::iter::once(edition.fits(&self.census.rules)).chain(
            self.census.blockings.iter().map(|blocking| {
                let offered = edition.blocking(&blocking.digest);
                offered.is_none_or(|offered| offered.fits(&blocking.cells))
            }),
        );
        let mut parts = Vec::new();
        for ((part, fits), digest) in self.registry.parts().zip(fits).zip(edition.marks()) {
            if fits {
                parts.push(part);
                continue;
            }
            let digest = digest.ok_or(Error::Kept {
                what: "the published edition",
            })?;
            let marks = Marks::read(&self.folder, &digest)?;
            let version = part.retain(|item| marks.has(self.mark(item)))?;
            let (keys, served) = (part.keys.len(), version.keys.len());
            if 2 * served < keys {
                return Err(Error::Outgrown {
                    dated: date(edition.dated),
                    next: date(next),
                    keys,
                    known: served,
                });
            }
            warn!(
                part = part.name(),
                keys,
                served,
                waiting = keys - served,
                until = %date(next),
                "the registry has outgrown a class that was published: it is served as it was \
                 then, without what was removed since; what is new waits"
            );
            parts.push(version);
        }
        let published = self.published(edition, next)?;
        Ok(Served::new(published, parts))
    }

    fn published(&self, edition: &Edition, next: u64) -> Result<Published, Error> {
        let mut rules = Vec::new();
        let classed = self.registry.rules.iter().zip(&edition.classes);
        for ((id, &class), &(forms, weight)) in classed.zip(&self.registry.forms) {
            let forms =
                u16::try_from(forms).map_err(|_| Refusal::TooManyForms { rule: id.clone() })?;
            rules.push(PublishedRule {
                id: id.clone(),
                class,
                forms,
                weight,
            });
        }
        Ok(Published {
            rules,
            rules_digest: self.registry.rules_digest,
            profiles: Profile::ALL.to_vec(),
            key_sizes: self.choices.key_sizes.clone(),
            counting: self.choices.counting,
            pairs: self.choices.pairs,
            blockings: edition.offered()?,
            hash_bits: self.choices.hash_bits,
            dated: edition.dated,
            next,
            own: OwnTerms {
                salt: [0; 32],
                left: blindjoin_protocol::agree::Allowance::default(),
                renewed: 0,
            },
        })
    }

    fn marks(&self, part: &Part) -> Marks {
        let keys = &part.keys;
        let keys = (0..keys.len()).into_par_iter().with_min_len(4096);
        let mut marks: Vec<u64> = keys
            .map(|index| self.mark(&[part.keys.get(index)]))
            .collect();
        if let Some(records) = &part.records {
            records.for_each(|record| marks.push(self.mark(record)));
        }
        Marks::new(marks)
    }

    /// The mark of a join key, or of a record's block and values.
    fn mark(&self, item: &[&[u8]]) -> u64 {
        self.noise.hash(item)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use blindjoin_protocol::input::{ProviderKeys, join_key};
    use blindjoin_protocol::parts::{CANARY_ROOM, class_noise};

    use super::super::registry::Blocked;
    use super::*;

    const DAY: u64 = 86_400;

    /// Noon of 25 November 2026; the next date is in six days.
    const NOW: u64 = 1_795_608_000;
    const NEXT: u64 = NOW + 5 * DAY + DAY / 2;

    const BLOCKING: [u8; 32] = [9; 32];

    /// People of these numbers, each in the block of these many people that its number falls into.
    fn registry(people: impl Iterator<Item = u32>, per_block: Option<u32>) -> Registry {
        let people: Vec<u32> = people.collect();
        let collect = |block: Option<u32>| {
            let mut key = Vec::new();
            let keys = people.iter().map(|person| {
                let block = block.map(|per_block| format!("{:04}", person / per_block));
                let value = person.to_string();
                let block = block.as_ref().map(String::as_bytes);
                join_key(&mut key, "ID", value.as_bytes(), block).unwrap();
                key.clone()
            });
            let keys: Vec<_> = keys.collect();
            Arc::new(ProviderKeys::collect(keys.iter().map(Vec::as_slice)).unwrap())
        };
        let blocked = per_block.map(|per_block| {
            let mut sizes = std::collections::BTreeMap::<Vec<u8>, usize>::new();
            for person in &people {
                let block = format!("{:04}", person / per_block).into_bytes();
                *sizes.entry(block).or_default() += 1;
            }
            Blocked {
                name: "year".to_owned(),
                digest: BLOCKING,
                keys: collect(Some(per_block)),
                sizes: sizes.into_iter().collect(),
                records: None,
            }
        });
        Registry {
            rules: vec!["ID".to_owned()],
            rules_digest: [7; 32],
            forms: vec![(1, 1)],
            keys: collect(None),
            blocked: blocked.into_iter().collect(),
        }
    }

    /// A start of the program in a folder.
    fn start(folder: &Path, registry: Registry, identity: u8) -> Publisher {
        let journal = Arc::new(Journal::open(folder).unwrap());
        let mut rng = crate::random::generator().unwrap();
        Publisher {
            noise: Noise::open(&journal, false, &mut rng).unwrap(),
            journal,
            folder: folder.to_owned(),
            every: Every::Month,
            least: 11,
            basis: Basis::new(&registry, [identity; 32], false),
            choices: Choices {
                key_sizes: Vec::new(),
                counting: blindjoin_protocol::agree::Counting::Allowed,
                pairs: false,
                hash_bits: 0,
            },
            census: Census::take(&registry),
            registry,
        }
    }

    fn serve(folder: &Path, registry: Registry, now: u64) -> Result<Served, Error> {
        start(folder, registry, 1).serve(now, false)
    }

    fn class(served: &Served) -> u64 {
        served.published.rules[0].class
    }

    /// How many people fit a class.
    fn room(class: u64) -> u32 {
        u32::try_from(class - CANARY_ROOM).unwrap()
    }

    #[test]
    fn a_class_stays_until_the_next_date_whatever_happens_to_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        let first = serve(folder.path(), registry(0..1000, None), NOW).unwrap();
        let dates = (first.published.dated, first.published.next);
        assert_eq!(dates, (NEXT - 30 * DAY, NEXT));
        for people in [1000, 1, room(class(&first))] {
            let again = serve(folder.path(), registry(0..people, None), NEXT - 1).unwrap();
            assert_eq!(again.published, first.published, "{people} people");
            assert_eq!(again.keys(), people as usize, "all of them are served");
        }
        let next = serve(folder.path(), registry(0..1, None), NEXT).unwrap();
        assert_eq!(next.published.dated, NEXT);
        assert!(class(&next) < class(&first));
        // A clock that was turned back does not bring the old one back.
        let back = serve(folder.path(), registry(0..1, None), NOW).unwrap();
        assert_eq!(back.published, next.published);
    }

    #[test]
    fn a_registry_that_has_outgrown_its_class_is_served_as_it_was_published() {
        let folder = tempfile::tempdir().unwrap();
        let first = serve(folder.path(), registry(0..1000, None), NOW).unwrap();
        let people = room(class(&first)) + 200;
        // Somebody was removed, others are new.
        let grown = || registry((0..people).filter(|person| *person != 17), None);
        let between = serve(folder.path(), grown(), NOW + DAY).unwrap();
        assert_eq!(between.published, first.published);
        assert_eq!(between.keys(), 999);
        assert!(!between.has(b"ID\x0017") && between.has(b"ID\x00999"));
        assert!(!between.has(b"ID\x001000"), "new people wait");
        // So it is after one more restart, and everybody is there on the date.
        assert_eq!(serve(folder.path(), grown(), NEXT - 1).unwrap().keys(), 999);
        let next = serve(folder.path(), grown(), NEXT).unwrap();
        assert_eq!(next.keys(), people as usize - 1);
        assert!(class(&next) > class(&first));
    }

    #[test]
    fn another_registry_is_published_on_request_or_by_another_party() {
        let folder = tempfile::tempdir().unwrap();
        let first = serve(folder.path(), registry(0..100, None), NOW).unwrap();
        let other = || registry(10_000..30_000, None);
        let error = serve(folder.path(), other(), NOW).unwrap_err();
        let expected = matches!(
            error,
            Error::Outgrown {
                keys: 20_000,
                known: 0,
                ..
            }
        );
        assert!(expected, "{error:?}");
        let renamed = start(folder.path(), other(), 2).serve(NOW, false).unwrap();
        assert_eq!(renamed.keys(), 20_000);
        let back = serve(folder.path(), registry(0..100, None), NOW).unwrap();
        assert_eq!(class(&back), class(&first), "the noise is the same");
        let anew = start(folder.path(), other(), 1).serve(NOW, true).unwrap();
        assert_eq!(anew.keys(), 20_000);
    }

    #[test]
    fn the_noise_of_a_class_outlives_restarts_and_moves_the_edge() {
        let classes = |folder: &Path| -> Vec<u64> {
            let mut publisher = start(folder, registry(0..1, None), 1);
            let class_of = |people: u64| {
                publisher.census.rules = vec![people];
                publisher
                    .press()
                    .print(&publisher.census, None, NOW)
                    .classes[0]
            };
            (790..1290).step_by(20).map(class_of).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(classes(folder.path()), classes(folder.path()));
        // The class changes at another number of people in every registry: two of eight that agree
        // everywhere are no accident, and neither are eight that do.
        let folders: Vec<_> = (0..8).map(|_| tempfile::tempdir().unwrap()).collect();
        let all = folders.iter().map(|folder| classes(folder.path()));
        let different: std::collections::BTreeSet<_> = all.collect();
        assert!(different.len() >= 3, "{different:?}");
        assert_eq!(class_noise(1100), 128);
    }

    #[test]
    fn cells_are_offered_and_withdrawn_at_dates_only() {
        let folder = tempfile::tempdir().unwrap();
        let offered = |served: &Served| {
            let cells = served.published.blockings[0].cells();
            cells
                .iter()
                .map(|cell| cell.key.clone())
                .collect::<Vec<_>>()
        };
        let serve_at = |people: u32, now| serve(folder.path(), registry(0..people, Some(30)), now);
        // Blocks 0 to 2 are full, the fourth has so few people that it is never offered.
        let first = serve_at(100, NOW).unwrap();
        assert_eq!(offered(&first), [b"0000", b"0001", b"0002"]);
        let same = serve_at(120, NOW + DAY).unwrap();
        assert_eq!(
            same.published, first.published,
            "a full block waits for the date"
        );
        let fewer = serve_at(65, NOW + DAY).unwrap();
        assert_eq!(
            fewer.published, first.published,
            "so does one that is small now"
        );
        let next = serve_at(120, NEXT).unwrap();
        assert_eq!(offered(&next).len(), 4);
        // Once offered, a block stays until it is small: 11 are enough, whatever it took at first.
        let kept = serve_at(101, NEXT + 40 * DAY).unwrap();
        assert_eq!(offered(&kept).len(), 4);
        let withdrawn = serve_at(100, NEXT + 80 * DAY).unwrap();
        assert_eq!(offered(&withdrawn).len(), 3);
    }

    #[test]
    fn small_and_empty_blocks_look_alike() {
        let folder = tempfile::tempdir().unwrap();
        let published = |people: Vec<u32>| {
            let registry = registry(people.into_iter(), Some(100));
            start(folder.path(), registry, 1)
                .serve(NOW, true)
                .unwrap()
                .published
                .blockings
        };
        let full = || 0..60;
        let without = published(full().collect());
        for small in 1..11 {
            let with = published(full().chain(100..100 + small).collect());
            assert_eq!(with, without, "{small} people");
        }
    }

    #[test]
    fn a_blocking_that_is_new_changes_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let first = serve(folder.path(), registry(0..1000, None), NOW).unwrap();
        let with = serve(folder.path(), registry(0..1100, Some(50)), NOW + DAY).unwrap();
        assert_eq!(with.published.rules, first.published.rules);
        assert_eq!(with.published.dated, first.published.dated);
        assert_eq!(with.published.blockings.len(), 1);
        let again = serve(folder.path(), registry(0..1100, Some(50)), NOW + DAY).unwrap();
        assert_eq!(again.published, with.published);
        let without = serve(folder.path(), registry(0..1000, None), NOW + DAY).unwrap();
        assert_eq!(without.published, first.published);
    }

    #[test]
    fn marks_of_editions_that_are_over_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for month in 0..4 {
            let people = 100 + month;
            let now = NOW + u64::from(month) * 40 * DAY;
            serve(folder.path(), registry(0..people, Some(30)), now).unwrap();
        }
        let files = std::fs::read_dir(folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name());
        let marks = names.filter(|name| name.to_string_lossy().starts_with("marks-"));
        assert_eq!(marks.count(), 2);
    }
}
