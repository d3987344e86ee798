#!/usr/bin/env python3
"""Paillier in Python libraries: operations per second, one thread, medians.

phe (with gmpy2) and SecretFlow HEU's ZPaillier, at 2048 and 3072 bits. A library that is not installed is
skipped with a message. With --json the figures go to a file that blindjoin-compare shows in its tables.

    python3.10 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python compare.py --json figures.json
"""

import argparse
import importlib.metadata
import json
import random
import statistics
import sys
import time

SEED = 7
PLAINTEXT_BITS = 60
SAMPLE_SECONDS = 0.1


class Operation:
    """A call on one item, with the samples taken of it, in processor time of the process."""

    def __init__(self, who, bits, name, call):
        self.who, self.bits, self.name, self.call = who, bits, name, call
        self.calls = 0
        self.samples = []

    def sample(self):
        if not self.calls:
            self.call()
            self.calls = max(1, round(SAMPLE_SECONDS / max(1e-9, self.time(1))))
        self.samples.append(self.time(self.calls) / self.calls)

    def time(self, calls):
        call = self.call
        start = time.process_time()
        for _ in range(calls):
            call()
        return time.process_time() - start

    def seconds(self):
        return statistics.median(self.samples)


def phe_operations(bits, numbers):
    from phe import paillier, util

    if not util.HAVE_GMP:
        print("SKIPPED: phe without gmpy2 would measure Python's own integers", file=sys.stderr)
        return []
    who = f"phe {importlib.metadata.version('phe')}"
    public, private = paillier.generate_paillier_keypair(n_length=bits)
    a, b = (public.raw_encrypt(m) for m in numbers)
    assert private.raw_decrypt(util.mulmod(a, b, public.nsquare)) == sum(numbers)
    return [
        Operation(who, bits, "encryption", lambda: public.raw_encrypt(numbers[0])),
        Operation(who, bits, "addition", lambda: util.mulmod(a, b, public.nsquare)),
        Operation(who, bits, "decryption", lambda: private.raw_decrypt(a)),
    ]


def heu_operations(bits, numbers):
    from heu import phe

    who = f"HEU {importlib.metadata.version('sf-heu')}"
    kit = phe.setup(phe.SchemaType.ZPaillier, bits)
    encryptor, evaluator, decryptor = kit.encryptor(), kit.evaluator(), kit.decryptor()
    a, b = (encryptor.encrypt_raw(m) for m in numbers)
    assert decryptor.decrypt_raw(evaluator.add(a, b)) == sum(numbers)
    return [
        Operation(who, bits, "encryption", lambda: encryptor.encrypt_raw(numbers[0])),
        Operation(who, bits, "addition", lambda: evaluator.add(a, b)),
        Operation(who, bits, "decryption", lambda: decryptor.decrypt_raw(a)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="2048,3072", help="bits of n (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="samples (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()

    generator = random.Random(SEED)
    numbers = [generator.getrandbits(PLAINTEXT_BITS) for _ in range(2)]
    operations = []
    for bits in map(int, arguments.sizes.split(",")):
        for library in (phe_operations, heu_operations):
            try:
                operations += library(bits, numbers)
            except ImportError as error:
                print(f"SKIPPED: {library.__name__} ({error})", file=sys.stderr)
    if not operations:
        sys.exit("nothing to measure: see requirements.txt")
    for _ in range(arguments.rounds):
        for operation in operations:
            operation.sample()

    for operation in operations:
        rate = 1 / operation.seconds()
        print(f"{operation.who:16} {operation.bits:5} {operation.name:11} {rate:12,.1f} /s")
    if arguments.json:
        figures = [
            {
                "who": operation.who,
                "bits": operation.bits,
                "operation": operation.name,
                "nanoseconds": operation.seconds() * 1e9,
            }
            for operation in operations
        ]
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"results": figures}, file, indent=1)


if __name__ == "__main__":
    main()
