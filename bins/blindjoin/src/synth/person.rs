//! People: one person is a function of the seed and a number.

use blindjoin_record::Date;

use super::names::{FAMILY, FAMILY_ENDINGS, FAMILY_STEMS, MAIL_DOMAINS, MEN, WOMEN};
use super::places::{STATES, State};
use super::random::{Permutation, Random};

/// What a registry knows of a person. Empty text is a missing value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) first_name: String,
    pub(crate) middle_name: String,
    pub(crate) last_name: String,
    pub(crate) birth_date: Date,
    pub(crate) sex: &'static str,
    pub(crate) state: &'static str,
    pub(crate) postal_code: String,
    pub(crate) national_id: String,
    pub(crate) phone: String,
    pub(crate) email: String,
}

/// All people of one seed. Their national ids are distinct.
#[derive(Clone, Debug)]
pub(crate) struct People {
    seed: u64,
    national_ids: Permutation,
}

const PURPOSE_PERSON: u64 = 1;
const PURPOSE_NATIONAL_ID: u64 = 2;

/// Area 001–899 without 666, group 01–99, serial 0001–9999 without those of well-known inventions.
const NATIONAL_IDS: u64 = 898 * 99 * SERIALS;
const SERIALS: u64 = 9999 - INVENTED_SERIALS.len() as u64;

/// Last four digits of the numbers that linkage programs refuse as made up, in ascending order.
const INVENTED_SERIALS: &[u64] = &[
    1, 101, 110, 1000, 1010, 1111, 1112, 1120, 1234, 2121, 2222, 2333, 2334, 3123, 3333, 4321,
    4444, 4567, 5432, 5454, 5555, 5678, 6666, 6788, 6789, 6798, 6879, 6987, 7777, 7896, 8888, 9999,
];

/// Days from 1970-01-01 to 2024-12-31, the last birthday there is.
const LAST_BIRTHDAY: i64 = 20_088;

impl People {
    /// The most people there are.
    pub(crate) const MOST: u64 = NATIONAL_IDS;

    pub(crate) fn new(seed: u64) -> Self {
        let national_ids = Permutation::new(NATIONAL_IDS, seed, PURPOSE_NATIONAL_ID);
        Self { seed, national_ids }
    }

    pub(crate) fn person(&self, number: u64) -> Person {
        let mut random = Random::new(self.seed, PURPOSE_PERSON, number);
        let woman = random.chance(0.51);
        let first_name = common_first(&mut random, if woman { WOMEN } else { MEN }).to_owned();
        let middle_name = middle_name(&mut random, woman);
        let last_name = family_name(&mut random);
        let birth_date = birth_date(&mut random);
        let place = place(&mut random);
        let email = if random.chance(0.7) {
            email(&mut random, &first_name, &last_name)
        } else {
            String::new()
        };
        let phone = if random.chance(0.9) {
            phone(&mut random, place)
        } else {
            String::new()
        };
        Person {
            first_name,
            middle_name,
            last_name,
            birth_date,
            sex: if woman { "Female" } else { "Male" },
            state: place.code,
            postal_code: postal_code(&mut random, place),
            national_id: self.national_id(number),
            phone,
            email,
        }
    }

    fn national_id(&self, number: u64) -> String {
        let id = self.national_ids.apply(number);
        let (area, rest) = (id / (99 * SERIALS) + 1, id % (99 * SERIALS));
        let area = area + u64::from(area >= 666);
        let (group, serial) = (rest / SERIALS + 1, rest % SERIALS + 1);
        let serial = INVENTED_SERIALS.iter().fold(serial, |serial, &left_out| {
            serial + u64::from(serial >= left_out)
        });
        format!("{area:03}-{group:02}-{serial:04}")
    }
}

/// A name of the list, earlier ones more often: rank r with weight near 1 / (r + 8).
fn common_first<'a>(random: &mut Random, names: &'a [&'a str]) -> &'a str {
    let last = f64::from(u32::try_from(names.len()).expect("a short list"));
    let rank = 8.0 * ((last + 8.0) / 8.0).powf(random.unit()) - 8.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in the list"
    )]
    let rank = rank as usize;
    names[rank.min(names.len() - 1)]
}

/// A second given name, its initial, or nothing.
fn middle_name(random: &mut Random, woman: bool) -> String {
    let name = common_first(random, if woman { WOMEN } else { MEN });
    match random.below(10) {
        0..3 => String::new(),
        3..7 => name.chars().take(1).collect(),
        _ => name.to_owned(),
    }
}

/// Half of the people share the common names, the rest spread over thousands.
pub(crate) fn family_name(random: &mut Random) -> String {
    if random.chance(0.5) {
        common_first(random, FAMILY).to_owned()
    } else {
        format!(
            "{}{}",
            random.pick(FAMILY_STEMS),
            random.pick(FAMILY_ENDINGS)
        )
    }
}

/// Ages up to 60 are about equally frequent; above, ever fewer people are left.
fn birth_date(random: &mut Random) -> Date {
    let age_days = loop {
        let days = random.below(100 * 365);
        let years = days / 365;
        if years < 60 || random.below(40) >= years - 60 {
            break days;
        }
    };
    let age_days = i64::try_from(age_days).expect("a century of days");
    Date::from_unix_days(LAST_BIRTHDAY - age_days).expect("in the last hundred years")
}

pub(crate) fn place(random: &mut Random) -> &'static State {
    let total: u32 = STATES.iter().map(|state| state.weight).sum();
    let mut at = random.below(u64::from(total));
    STATES
        .iter()
        .find(|state| {
            let found = at < u64::from(state.weight);
            at = at.saturating_sub(u64::from(state.weight));
            found
        })
        .expect("the weights sum up to the total")
}

pub(crate) fn postal_code(random: &mut Random, state: &State) -> String {
    let (first, last) = state.prefixes;
    loop {
        let prefix = u64::from(first) + random.below(u64::from(last - first) + 1);
        let code = prefix * 100 + random.below(100);
        // These are on the lists of placeholders that linkage programs refuse.
        let refused = [
            11_111, 22_222, 33_333, 66_666, 77_777, 99_999, 1_234, 12_345, 54_321, 98_765,
        ];
        if !refused.contains(&code) && ![0, 555, 888].contains(&prefix) {
            return format!("{code:05}");
        }
    }
}

pub(crate) fn phone(random: &mut Random, state: &State) -> String {
    let exchange = 200 + random.below(800);
    format!(
        "{}-{exchange:03}-{:04}",
        random.pick(state.area_codes),
        random.below(10_000)
    )
}

pub(crate) fn email(random: &mut Random, first_name: &str, last_name: &str) -> String {
    let mut address = String::with_capacity(32);
    let letters = |name: &str, address: &mut String| {
        address.extend(
            name.chars()
                .filter(char::is_ascii_alphabetic)
                .map(|letter| letter.to_ascii_lowercase()),
        );
    };
    letters(first_name, &mut address);
    if random.chance(0.5) {
        address.push('.');
    }
    letters(last_name, &mut address);
    address.push_str(&random.below(100_000).to_string());
    address.push('@');
    address.push_str(random.pick(MAIL_DOMAINS));
    address
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn national_ids_are_valid_and_distinct() {
        let people = People::new(7);
        let mut seen = HashSet::new();
        for number in 0..50_000 {
            let id = people.person(number).national_id;
            let parts: Vec<u32> = id
                .split('-')
                .map(|part| part.parse().expect("digits"))
                .collect();
            assert!((1..=899).contains(&parts[0]) && parts[0] != 666, "{id}");
            assert!(
                (1..=99).contains(&parts[1]) && (1..=9999).contains(&parts[2]),
                "{id}"
            );
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn common_names_are_common_and_rare_ones_there() {
        let people = People::new(7);
        let names: Vec<String> = (0..20_000).map(|n| people.person(n).last_name).collect();
        let smiths = names.iter().filter(|name| *name == "Smith").count();
        assert!((150..500).contains(&smiths), "{smiths}");
        assert!(names.iter().collect::<HashSet<_>>().len() > 3_000);
    }
}
