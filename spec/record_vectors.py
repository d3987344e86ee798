#!/usr/bin/env python3
"""Records what the specification computes, for the tests of blindjoin-protocol.

    python spec/record_vectors.py       (needs gmpy2 and cryptography)

Randomness comes from a seed, so the same specification writes the same files.
"""
import hashlib, hmac, json, pathlib
from types import SimpleNamespace

import messages
import reference
import reference_scale
from reference import J89, T107, KeyHolder, Provider, Querier, Session, cuckoo_half, okvs_shape, size_class

OUT = pathlib.Path(__file__).resolve().parent.parent / "crates" / "protocol" / "tests" / "vectors"


class Seeded:
    """What `reference` needs of the module `secrets`: SHA-256 of a seed and a counter."""
    def __init__(self, seed): self.seed, self.counter = seed, 0

    def token_bytes(self, length):
        out = b""
        while len(out) < length:
            out += hashlib.sha256(self.seed + self.counter.to_bytes(8, "big")).digest()
            self.counter += 1
        return out[:length]

    def randbits(self, bits): return int.from_bytes(self.token_bytes((bits + 7) // 8), "big") >> (-bits % 8)

    def randbelow(self, bound):
        while (value := self.randbits(int(bound).bit_length())) >= bound: pass
        return value

    def SystemRandom(self): return SimpleNamespace(shuffle=self.shuffle)

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.randbelow(last + 1)
            items[last], items[other] = items[other], items[last]


def seed(name): reference.secrets = reference_scale.secrets = Seeded(name)


def number(value): return str(int(value))
def expand(secret, salt, name): return hmac.new(hmac.new(salt, secret, hashlib.sha256).digest(), name + b"\x01", hashlib.sha256).digest()


# ---------------------------------------------------------------- keyed functions
VALUES = ["HCN000000001", "GARCIA|M|FEMALE|1988-03-22", "Łódź", "1"]
POSITIONS = [0, 1, 255, 256, 1 << 31, 1 << 33]
FINGERPRINT = hashlib.sha256(b"a key").digest()
SECRET = b"\x07" * 32


def fixed_session(manifest):
    """A session over a fingerprint and a secret that are given, not drawn."""
    return Session(manifest, SimpleNamespace(fingerprint=lambda: hashlib.sha256(FINGERPRINT).digest()), SECRET)


def sizes():
    out, size = {1, 65, 100, 127, 129, 1000, 10_000, 38_000, 100_000, 10 ** 6, 10 ** 7}, 64
    while size < 1 << 27:
        out.add(size); size = size_class(size + 1)
    return [[n, size_class(n), cuckoo_half(size_class(n)), *okvs_shape(size_class(n))] for n in sorted(out)]


def keyed(suite):
    ses = fixed_session(b"vectors")
    masks = []
    for j in POSITIONS:
        label = ses.tag(suite, f"label {j}")
        (alpha, beta), (alpha_t, beta_t) = ses.affine(suite, j), ses.affine_t(suite, j)
        row = dict(j=j, label=number(label), alpha=number(alpha), beta=number(beta), covered=number(ses.cover(suite, j, label)),
                   alpha_t=number(alpha_t), beta_t=number(beta_t), covered_t=number(ses.cover_t(suite, j, label)))
        assert ses.uncover(suite, j, int(row["covered"])) == ses.uncover_t(suite, j, int(row["covered_t"])) == label
        masks.append(row)
    values = []
    for v in VALUES:
        row, dense = ses.row(v, 500, 43)
        values.append(dict(value=v, fp_id=number(ses.fp(suite, "id", v)), fp_okvs=number(ses.fp(suite, "okvs", v)),
                           bins=ses.bins(v, 3802), row=row, dense=number(dense), tag=number(ses.tag(suite, v))))
    return dict(keys=dict(id=ses.k_id.hex(), pad=ses.k_pad.hex(), canary=ses.k_canary.hex()), values=values, masks=masks,
                canaries=ses.canaries(3))


def handles(bits, count):
    """A provider's handles of its records in pairs, the first bits of HMAC-SHA-512, the next try where one is taken."""
    ses, out = fixed_session(b"vectors"), []
    for i in range(count):
        for t in range(256):
            d = hmac.new(ses.k_pad, b"handle" + i.to_bytes(4, "big") + bytes([t]), hashlib.sha512).digest()
            handle = int.from_bytes(d[:4], "big") >> (32 - bits)
            if handle not in out: break
        out.append(handle)
    return out


def chacha_words(key):
    """ChaCha20's output as little-endian words; counter and nonce are zero."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()
    while True: yield int.from_bytes(stream.update(bytes(4)), "little")


def canary_clauses(clauses, threshold, number):
    """Which clauses of a canary pair hold (§6.4)."""
    words = chacha_words(hmac.new(fixed_session(b"vectors").k_canary, b"pair" + bytes([number]), hashlib.sha256).digest())

    def below(bound):
        while True:
            product = next(words) * bound
            if product % 2**32 >= 2**32 % bound: return product >> 32

    order = list(range(len(clauses)))
    for last in range(len(order) - 1, 0, -1):
        other = below(last + 1)
        order[last], order[other] = order[other], order[last]
    first = [i for at, i in enumerate(order) if all(clauses[j] != clauses[i] for j in order[:at])]
    holds, weight = [False] * len(clauses), 0
    for i in first + [i for i in order if i not in first]:
        if weight < (threshold or 1) or (i in first and next(words) & 1): holds[i], weight = True, weight + clauses[i][1]
    return holds


def canary_pairs():
    kinds = [([(0, 1, [0]), (1, 1, [1]), (2, 1, [2])], 0), ([(0, 1, [0]), (0, 1, [0]), (1, 1, [1])], 0), ([(0, 2, [0]), (1, 1, [1]), (1, 1, [1]), (2, 3, [2])], 4)]
    spell = lambda clauses: " ".join(f"{rule}:{weight}:{part}" for rule, weight, (part,) in clauses)
    bits = lambda holds: "".join(str(int(h)) for h in holds)
    return [dict(clauses=spell(clauses), threshold=threshold, holds=" ".join(bits(canary_clauses(clauses, threshold, i)) for i in range(8)))
            for clauses, threshold in kinds]


def session_ids():
    fps = [hashlib.sha256(bytes([i])).digest() for i in range(2)]
    of = lambda fps: hashlib.sha256(b"session1" + b"a manifest" + hashlib.sha256(b"".join(fps)).digest()).hexdigest()
    return dict(manifest=b"a manifest".hex(), fingerprints=[fp.hex() for fp in fps], one=of(fps[:1]), two=of(fps))


def nonces():
    out = []
    for kind, name in ((1, "table"), (3, "summary"), (5, "comparisons"), (6, "result")):
        for chunk in (0, 1, 1 << 24, (1 << 32) - 1):
            nonce = bytes([kind, 0]) + bytes(2) + bytes(4) + chunk.to_bytes(4, "big")
            out.append(dict(stream=name, chunk=chunk, nonce=nonce.hex()))
    return out


def shards():
    ses = fixed_session(b"vectors")
    bounds = [[n, g, reference_scale.shard_bound(n, g)] for n in (64, 1000, 1 << 20, 10_485_760, 100_663_296) for g in (0, 1, 2, 6, 9)]
    return dict(bounds=bounds, bits=[[n, reference_scale.shard_bits(n)] for n in (64, 1 << 17, (1 << 17) + 1, 10_485_760)],
                of=[dict(value=v, g=g, shard=reference_scale.shard_of(ses, g, v)) for v in VALUES for g in (0, 1, 6, 32)])


def selection():
    shapes = [[n, *reference_scale.grid_shape(n)] for n in (64, 320, 1024, 1 << 20, 10_485_760, 100_663_296)]
    places = [[rows, v, *reference_scale.grid_place(SECRET, rows, v)] for rows in (32, 4096, 12_952) for v in VALUES]
    return dict(salt=SECRET.hex(), shapes=shapes, places=places)


# ---------------------------------------------------------------- streams of comparisons
def record_stream(K, ses, kind, blind):
    X, Y = [f"id{i}" for i in range(3)], ["id0", "id2", "id7"]
    Q, P = Querier(X, K.pk, ses, 1), Provider(Y, K.pk, ses, 1)
    P.mc, Q.by_tag = len(P.ids) + 2, {}
    reference.size_class, full = (lambda n, least=64: 64), reference.size_class
    try:
        if kind == "cuckoo": P.take_table(Q.cuckoo_table(J89), 2 * Q.H); stream = P.cuckoo(J89, Q.H, blind)
        else: P.take_table(Q.okvs_table(J89), 3 * Q.H + Q.D); stream = P.okvs(J89, Q.H, Q.D, blind)
    finally: reference.size_class = full
    K.bingo(stream, J89, blind)
    words = K.last_view
    uncover = ses.uncover_t if blind else ses.uncover
    seen = list(enumerate(words)) if blind else [(j, w) for j, w in enumerate(words) if w >> J89.L == 0]
    labels = [(j, uncover(J89, j, w)) for j, w in seen]
    labels = [(j, int(label)) for j, label in labels if label >> J89.L == 0]
    assert sorted(label for _, label in labels) == sorted(ses.tag(J89, v) for v in ["id0", "id2"] + ses.canaries(1))
    # What a key holder might send in a match's place, and what that comes to.
    (j, _), (other, _) = labels[:2]
    faults = [("one added", (words[j] + 1) % (J89.t if blind else 1 << J89.L)), ("lowest bit flipped", words[j] ^ 1),
              ("word of another position", words[other])]
    tampered = [dict(fault=name, j=j, word=number(w), label=number(uncover(J89, j, w))) for name, w in faults]
    tags = {ses.tag(J89, v) for v in X + ses.canaries(1)}
    assert not any(int(row["label"]) in tags for row in tampered)
    width = K.pk.nbits // 4
    return dict(suite="j89", table=kind, blind=blind, ciphertexts=[int(c).to_bytes(width, "big").hex() for c in stream],
                residues=[number(w) for w in words], labels=sorted((number(label) for _, label in labels), key=int), tampered=tampered)


def streams():
    seed(b"streams")
    K = KeyHolder(1024)
    ses = Session(b"stream vectors", K.pk)
    kinds = [(kind, blind) for kind in ("cuckoo", "okvs") for blind in (False, True)]
    return dict(source="reference.py: a provider's stream of masked comparisons per table and mode, what its key holder sees and lets out, and what its words come to when they are tampered with",
                p=hex(K.p)[2:], q=hex(K.q)[2:], h=hex(K.pk.h)[2:], fingerprint=K.pk.fingerprint().hex(),
                keys=dict(id=ses.k_id.hex(), pad=ses.k_pad.hex(), canary=ses.k_canary.hex()),
                streams=[record_stream(K, ses, kind, blind) for kind, blind in kinds])


def hexadecimal(x):
    """The same with all bytes in hexadecimal."""
    if isinstance(x, dict): return {key: hexadecimal(value) for key, value in x.items()}
    if isinstance(x, list): return [hexadecimal(value) for value in x]
    return x.hex() if isinstance(x, bytes) else x


def sent():
    """Every message of an agreement, and the first chunks of streams, under the key of the streams above."""
    seed(b"streams")
    K = KeyHolder(1024)
    return dict(source="messages.py: the encodings of protocol.md, §20, and the seals of §3.3", p=hex(K.p)[2:], q=hex(K.q)[2:], h=hex(K.pk.h)[2:],
                **hexadecimal(messages.record(K.pk.n, K.pk.h)))


def write(name, content):
    (OUT / name).write_text(json.dumps(content, indent=1) + "\n")
    print(OUT / name)


def main():
    ses = fixed_session(b"vectors")
    names = ("id", "pad", "canary", "cap", "q2p", "p2q")
    hkdf = dict(salt=ses.id.hex(), secret=SECRET.hex(), manifest=b"vectors".hex(), fingerprint=FINGERPRINT.hex())
    hkdf |= {name: expand(SECRET, ses.id, name.encode()).hex() for name in names}
    assert hkdf["id"] == ses.k_id.hex() and hkdf["cap"] == ses.k_cap.hex()
    write("reference.json", dict(
        source="reference.py and reference_scale.py, the executable specification: sizes, sessions, keyed functions, masks, nonces, shards, grids",
        sizes=sizes(), keyed={suite.name: keyed(suite) for suite in (J89, T107)}, handles={str(bits): handles(bits, count) for bits, count in ((8, 60), (30, 8), (32, 8))},
        canary_pairs=canary_pairs(),
        hkdf=hkdf, session=session_ids(), nonces=nonces(), shards=shards(), selection=selection()))
    write("stream.json", streams())
    write("messages.json", sent())


if __name__ == "__main__":
    main()
