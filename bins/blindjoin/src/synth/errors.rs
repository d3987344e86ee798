//! What goes wrong when the same person is written down twice.

use blindjoin_record::Date;

use super::names::NICKNAMES;
use super::person::{self, Person};
use super::random::Random;

type Spoil = fn(&mut Person, &mut Random);

/// A kind of error, and how many in a hundred errors are of that kind.
const KINDS: &[(u64, Spoil)] = &[
    (16, |person, random| {
        person.first_name = misspelt(&person.first_name, random);
    }),
    (16, |person, random| {
        person.last_name = misspelt(&person.last_name, random);
    }),
    (9, nickname),
    (8, new_family_name),
    (9, misread_birth_date),
    (5, birth_date_nearby),
    (8, swapped_digits),
    (9, |person, _| person.national_id.clear()),
    (12, moved),
    (3, |person, _| {
        std::mem::swap(&mut person.first_name, &mut person.last_name);
    }),
    (3, shouted),
    (2, |person, _| person.phone.clear()),
    (2, |person, _| person.middle_name.clear()),
];

/// Makes one error, and in every fifth case a second one.
pub(crate) fn spoil(person: &mut Person, random: &mut Random) {
    loop {
        let total = KINDS.iter().map(|(weight, _)| weight).sum();
        let mut at = random.below(total);
        for (weight, spoil) in KINDS {
            if at < *weight {
                spoil(person, random);
                break;
            }
            at -= weight;
        }
        if !random.chance(0.2) {
            return;
        }
    }
}

/// One letter wrong, missing, doubled, or swapped with the next.
fn misspelt(name: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let at = usize::try_from(random.below(letters.len() as u64)).expect("below a length");
    let kind = random.below(4);
    if kind == 0 && letters.len() > 2 {
        letters.remove(at);
    } else if kind == 1 {
        letters.insert(at, letters[at]);
    } else if kind == 2 && at + 1 < letters.len() && letters[at] != letters[at + 1] {
        letters.swap(at, at + 1);
    } else {
        let others = ('a'..='z').filter(|letter| !letter.eq_ignore_ascii_case(&letters[at]));
        let others: Vec<char> = others.collect();
        letters[at] = random.pick(&others);
    }
    letters.into_iter().collect()
}

fn nickname(person: &mut Person, random: &mut Random) {
    let known = NICKNAMES
        .iter()
        .find(|(name, _)| *name == person.first_name);
    match known {
        Some((_, nickname)) => person.first_name = (*nickname).to_owned(),
        None => person.first_name = misspelt(&person.first_name, random),
    }
}

/// By marriage, sometimes with the old name kept in front.
fn new_family_name(person: &mut Person, random: &mut Random) {
    let new = person::family_name(random);
    person.last_name = if random.chance(0.3) {
        format!("{}-{new}", person.last_name)
    } else {
        new
    };
}

/// Day and month exchanged where that is a date, else the year off by a digit.
fn misread_birth_date(person: &mut Person, random: &mut Random) {
    let date = person.birth_date;
    let exchanged = Date::new(date.year(), date.day(), date.month());
    match exchanged.filter(|exchanged| *exchanged != date) {
        Some(exchanged) => person.birth_date = exchanged,
        None => birth_date_nearby(person, random),
    }
}

/// A year or a day off, or the first of January for want of a better date.
fn birth_date_nearby(person: &mut Person, random: &mut Random) {
    let date = person.birth_date;
    let (year, month, day) = (date.year(), date.month(), date.day());
    let candidates = [
        Date::new(year - 1, month, day),
        Date::new(year, month, if day > 1 { day - 1 } else { 2 }),
        Date::new(year, 1, 1),
    ];
    if let Some(nearby) = random.pick(&candidates) {
        person.birth_date = nearby;
    }
}

/// Two neighbouring digits of the national id exchanged.
fn swapped_digits(person: &mut Person, random: &mut Random) {
    let mut digits: Vec<char> = person.national_id.chars().collect();
    let swaps: Vec<usize> = (1..digits.len())
        .filter(|&at| {
            let (before, after) = (digits[at - 1], digits[at]);
            before != after && before.is_ascii_digit() && after.is_ascii_digit()
        })
        .collect();
    if !swaps.is_empty() {
        let at = random.pick(&swaps);
        digits.swap(at - 1, at);
        person.national_id = digits.into_iter().collect();
    }
}

fn moved(person: &mut Person, random: &mut Random) {
    let place = person::place(random);
    person.state = place.code;
    person.postal_code = person::postal_code(random, place);
    person.phone = person::phone(random, place);
}

/// Capital letters and a stray blank, from another system's forms.
fn shouted(person: &mut Person, _: &mut Random) {
    person.first_name = format!("{} ", person.first_name.to_uppercase());
    person.last_name = person.last_name.to_uppercase();
}
