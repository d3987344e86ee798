#!/usr/bin/env python3
"""Writes the vectors of this directory from the protocol's executable specification.

    python3 generate.py PATH/TO/reference.py        (needs gmpy2)

The specification draws from `secrets`; here that is replaced by a seeded generator, so that the same files
come out every time. Integers are hexadecimal.
"""
import importlib.util
import json
import pathlib
import random
import secrets
import sys

from gmpy2 import next_prime, powmod

HERE = pathlib.Path(__file__).parent


def load(path):
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


def write(name, value):
    (HERE / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


def key_fields(key):
    fields = {"bits": int(key.pk.nbits), "profile": key.profile, "p": f"{key.p:x}", "q": f"{key.q:x}", "h": f"{key.pk.h:x}"}
    if key.profile == "subgroup":
        fields["orders"] = [f"{key.half[r][1]:x}" for r in (key.p, key.q)]
    return fields


def good(reference, bits, profile):
    key = reference.KeyHolder(bits, profile)
    pk, slot = key.pk, 252
    plaintexts = [0, 1, (1 << slot) - 1] + [secrets.randbits(slot) for _ in range(10)]
    exponents = [secrets.randbits(pk.la) for _ in plaintexts]
    ciphertexts = [(1 + m * pk.n) * pk.noise(a) % pk.n2 for m, a in zip(plaintexts, exponents)]
    assert [key.dec_full(c) for c in ciphertexts] == plaintexts
    assert list(key.decrypt_stream(ciphertexts, slot)) == plaintexts
    factor, addend = secrets.randbits(89), secrets.randbits(252)
    masked = [powmod(c * (1 + addend * pk.n), factor, pk.n2) for c in ciphertexts]
    write(f"{profile}_{bits}", {
        **key_fields(key),
        "fingerprint": pk.fingerprint().hex(),
        "exponent_bits": pk.la,
        "slot_bits": slot,
        "plaintexts": [f"{m:x}" for m in plaintexts],
        "exponents": [f"{a:x}" for a in exponents],
        "ciphertexts": [f"{c:x}" for c in ciphertexts],
        "addend": f"{addend:x}",
        "factor": f"{factor:x}",
        "masked": [f"{c:x}" for c in masked],
    })
    return key


def weighted_sums(key):
    """§18: what stands in a chosen row of a grid, places beyond a row's end as if they held the column's z."""
    pk, bits, columns = key.pk, 48, 11
    lengths, chosen = (11, 0, 7, 3, 10, 5, 11, 1, 9, 4), 4
    grid = [[secrets.randbits(bits) for _ in range(length)] for length in lengths]
    grid[chosen][:2] = [(1 << bits) - 1, 0]
    beyond = [secrets.randbits(bits) for _ in range(columns)]
    plaintexts = [int(i == chosen) for i in range(len(grid))]
    selectors = [(1 + m * pk.n) * pk.noise(secrets.randbits(pk.la)) % pk.n2 for m in plaintexts]
    sums = []
    for c in range(columns):
        product = 1
        for s, row in zip(selectors, grid):
            product = product * powmod(s, (row + beyond[len(row):])[c], pk.n2) % pk.n2
        sums.append(product)
    found = (grid[chosen] + beyond[lengths[chosen]:])
    assert [key.dec_full(c) for c in sums] == found
    write("weighted_sums", {
        **key_fields(key),
        "weight_bits": bits,
        "ciphertexts": [f"{c:x}" for c in selectors],
        "rows": [[f"{w:x}" for w in row] for row in grid],
        "beyond": [f"{w:x}" for w in beyond],
        "sums": [f"{c:x}" for c in sums],
        "plaintexts": [f"{m:x}" for m in found],
    })


def bad_keys(key):
    n, h, p = key.pk.n, key.pk.h, key.p
    half = n.bit_length() // 2
    tiny = next_prime(65000)
    small = (n // tiny) | 1
    for name, modulus, generator, error in (
        ("modulus_short", n >> 1 | 1, h, "ModulusLength"),
        ("modulus_even", n - 1, h, "ModulusEven"),
        ("modulus_small_factor", small * tiny, h, "ModulusSmallFactor"),
        ("modulus_square", p * p, h, "ModulusPerfectPower"),
        ("modulus_prime", next_prime(n), h, "ModulusPrime"),
        ("generator_zero", n, 0, "GeneratorOutOfRange"),
        ("generator_one", n, 1, "GeneratorOutOfRange"),
        ("generator_minus_one", n, n - 1, "GeneratorOutOfRange"),
        ("generator_not_reduced", n, n + h, "GeneratorOutOfRange"),
        ("generator_multiple_of_p", n, 3 * p, "GeneratorSharesFactor"),
        ("generator_one_modulo_p", n, 3 * p + 1, "GeneratorSharesFactor"),
        ("generator_minus_one_modulo_p", n, 3 * p - 1, "GeneratorSharesFactor"),
    ):
        write(name, {"bits": 2 * half, "profile": key.profile, "n": f"{modulus:x}", "h": f"{generator:x}", "error": error})


def bad_ciphertexts(key, subgroup):
    n, p, q = key.pk.n, key.p, key.q
    beyond = (1 + (1 << 504) * n) * key.pk.noise(secrets.randbits(320)) % (n * n)
    outside = powmod(2, subgroup.pk.n, subgroup.pk.n2)
    for name, holder, c, public, secret in (
        ("ciphertext_zero", key, 0, "CiphertextSharesFactor", "Undecryptable"),
        ("ciphertext_modulus", key, n, "CiphertextSharesFactor", "Undecryptable"),
        ("ciphertext_multiple_of_p", key, 5 * p, "CiphertextSharesFactor", "Undecryptable"),
        ("ciphertext_multiple_of_q", key, n * n - q, "CiphertextSharesFactor", "Undecryptable"),
        ("ciphertext_modulus_squared", key, n * n, "CiphertextOutOfRange", "Undecryptable"),
        ("ciphertext_all_ones", key, (1 << 2 * n.bit_length()) - 1, "CiphertextOutOfRange", "Undecryptable"),
        ("plaintext_beyond_slots", key, beyond, None, "Undecryptable"),
        ("noise_outside_subgroup", subgroup, outside, None, "Undecryptable"),
    ):
        write(name, {**key_fields(holder), "ciphertext": f"{c:x}", "public": public, "secret": secret})


def main():
    source = random.Random("blindjoin paillier vectors")
    secrets.randbits = source.getrandbits
    secrets.randbelow = lambda below: source.randrange(below)
    reference = load(sys.argv[1])
    keys = {(bits, profile): good(reference, bits, profile) for bits, profile in (
        (1024, "djn-short"), (1024, "djn-half"), (1024, "subgroup"), (2048, "djn-short"), (3072, "djn-short"))}
    bad_keys(keys[1024, "djn-short"])
    bad_ciphertexts(keys[1024, "djn-short"], keys[1024, "subgroup"])
    weighted_sums(keys[1024, "djn-short"])


if __name__ == "__main__":
    main()
