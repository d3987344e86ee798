#!/usr/bin/env python3
"""Writes registries in the shape of FEBRL's: invented people, with the errors that FEBRL's have.

    python tests/data/febrl/generate.py

Names are put together from syllables and numbers are drawn, all from one seed: the same program writes the
same files. `dataset4a.csv` and `dataset4b.csv` hold 200 people each, the same ones, the second time with
errors; `dataset3.csv` holds 120 people in 200 records. The person is the number in `rec_id`.
"""
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
HEADER = ["rec_id", "given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state",
          "date_of_birth", "soc_sec_id"]
STATES = "nsw vic qld wa sa tas act nt".split()
rng = random.Random(1988)


def word(syllables):
    onset, vowel, coda = "b c d f g h j k l m n p r s t w th ch br st".split(), "aeiou", ["", "", "n", "r", "l", "s", "m", "ck", "nd"]
    return "".join(rng.choice(onset) + rng.choice(vowel) + rng.choice(coda) for _ in range(syllables))


GIVEN = [word(2) for _ in range(60)]
SURNAMES = [word(rng.choice((2, 3))) for _ in range(150)]
STREETS = [f"{word(2)} {kind}" for kind in ("street", "place", "crescent", "court") for _ in range(40)]
SUBURBS = [word(3) for _ in range(60)]


def person():
    year, month, day = rng.randint(1900, 1999), rng.randint(1, 12), rng.randint(1, 28)
    return dict(given_name=rng.choice(GIVEN), surname=rng.choice(SURNAMES), street_number=str(rng.randint(1, 199)),
                address_1=rng.choice(STREETS), address_2=rng.choice(["", word(3)]), suburb=rng.choice(SUBURBS),
                postcode=str(rng.randint(2000, 7999)), state=rng.choice(STATES), date_of_birth=f"{year}{month:02}{day:02}",
                soc_sec_id=str(rng.randint(10**6, 10**7 - 1)))


def misspelt(text):
    if len(text) < 3: return text
    at = rng.randrange(len(text) - 1)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2:]
    return rng.choice([swapped, text[:at] + text[at + 1:], text[:at] + text[at] + text[at:]])


def with_errors(who, errors):
    who = dict(who)
    for _ in range(errors):
        kind = rng.random()
        if kind < 0.15: who["given_name"], who["surname"] = who["surname"], who["given_name"]
        elif kind < 0.30: who[rng.choice(["given_name", "surname", "address_2", "suburb", "state"])] = ""
        elif kind < 0.40 and who["date_of_birth"]:
            date = who["date_of_birth"]
            who["date_of_birth"] = rng.choice([str(int(date[:4]) + 1) + date[4:], date[:4] + date[6:] + date[4:6], ""])
        elif kind < 0.50: who["soc_sec_id"] = misspelt(who["soc_sec_id"])
        else:
            field = rng.choice(["given_name", "surname", "address_1", "suburb", "postcode"])
            who[field] = misspelt(who[field])
    return who


def write(name, rows):
    lines = [", ".join(HEADER)] + [", ".join([id] + [who[field] for field in HEADER[1:]]) for id, who in rows]
    (HERE / name).write_text("\n".join(lines) + "\n")


def main():
    people = [person() for _ in range(200)]
    originals = [(f"rec-{i}-org", who) for i, who in enumerate(people)]
    copies = [(f"rec-{i}-dup-0", with_errors(who, rng.choice((1, 1, 2, 3)))) for i, who in enumerate(people)]
    rng.shuffle(originals), rng.shuffle(copies)
    write("dataset4a.csv", originals)
    write("dataset4b.csv", copies)

    people = [person() for _ in range(120)]
    rows = [(f"rec-{i}-org", who) for i, who in enumerate(people)]
    duplicates = {}
    while len(rows) < 200:
        i = rng.randrange(60)
        number = duplicates[i] = duplicates.get(i, -1) + 1
        rows.append((f"rec-{i}-dup-{number}", with_errors(people[i], rng.choice((1, 1, 2)))))
    rng.shuffle(rows)
    write("dataset3.csv", rows)


if __name__ == "__main__":
    main()
