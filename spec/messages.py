#!/usr/bin/env python3
"""Messages of protocol.md, byte by byte: §20 and the seal of §3.3, written from the document alone.

    python spec/messages.py       (needs gmpy2 and cryptography)

`session` makes all that two or three parties exchange before comparisons, from given secrets. Shapes and sizes come from reference.py.
"""
import hashlib, hmac, struct
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from reference import cuckoo_half, okvs_shape, size_class
from reference_scale import shard_bound

VERSION = 2
SUITE = {"cuckoo": "j89", "okvs": "j89", "lookup": "j89", "pairs": "t107"}
KEY_HOLDER, PROVIDER, QUERIER = 1, 2, 3


# ---------------------------------------------------------------- §20.1 elements, §20.2 messages
def u8(x): return struct.pack(">B", x)
def u16(x): return struct.pack(">H", x)
def u32(x): return struct.pack(">I", x)
def u64(x): return struct.pack(">Q", x)
def flag(x): return u8(1 if x else 0)
def string(b): b = b.encode() if isinstance(b, str) else b; return u32(len(b)) + b
def listed(items): return u16(len(items)) + b"".join(items)
def long_list(items): return u32(len(items)) + b"".join(items)
def message(name): return name.encode() + u16(VERSION)
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()


def optional(x): return flag(False) if x is None else flag(True) + x


# ---------------------------------------------------------------- §20.3 to §20.6
def pairs(p): return u8(p["parts"]) + u8(p["threshold"]) + u8(len(p["clauses"])) + b"".join(u16(r) + u8(w) + string(bytes(parts)) for r, w, parts in p["clauses"])


def terms(t):
    mode = t["mode"]
    return (u8(["cuckoo", "okvs", "lookup", "pairs"].index(mode)) + (pairs(t["pairs"]) if mode == "pairs" else b"") + string(SUITE[mode])
            + flag(t.get("full")) + flag(t["blind"]) + optional(u32(t["dummies"][0]) + u8(t["dummies"][1]) if t.get("dummies") else None)
            + string(t["profile"]) + u32(t["bits"]) + listed([string(r) for r in t["rules"]]) + t["digest"] + u8(t["canaries"])
            + u64(t["cap"]) + u64(t["expires"]) + listed([]) + u8(0) + bytes(32))


def blocks(b):
    if "cells" in b: return u8(0) + b["salt"] + long_list([u32(position) + u32(rows) for position, rows in b["cells"]])
    return u8(1) + b["salt"] + b["provider_salt"] + u8(b["bits"]) + long_list([u32(x) for x in b["prefixes"]])


def offer(o): return message("offer") + terms(o["terms"]) + o["nonce"] + sha(common(o["published"])) + u64(o["size"]) + optional(blocks(o["blocks"]) if o.get("blocks") else None)
def answer(nonce): return message("answer") + nonce


def cells_of(o):
    """The blocking that the offer is about: the one of the terms' digest."""
    return next(b["cells"] for b in o["published"]["blockings"] if b["digest"] == o["terms"]["digest"])


def block_class(n): return max(n, 4) if n <= 8 else -(-size_class(8 * n) // 8)


def plan(t, querier, provider):
    """§6 and §15 with one shard."""
    d0 = -(-(t["dummies"][1] - 1) * 693147180559945309 * 1000 // (t["dummies"][0] * 10**18)) if t.get("dummies") else 0
    h, d = {"cuckoo": (cuckoo_half(querier), 0), "okvs": okvs_shape(querier)}.get(t["mode"], (0, 0))
    return 0, querier, provider + 2 * d0, h, d


def manifest(o, nonce, parties):
    t, b = o["terms"], o.get("blocks")
    classes = [c for r, c, _, _ in o["published"]["rules"] if r in t["rules"]]
    if b is None: provider, shown = sum(classes), classes
    elif "cells" in b:
        cells = [(cells_of(o)[position], rows) for position, rows in b["cells"]]
        provider, shown = sum(rows * records if t["mode"] == "pairs" else keys for (_, keys, records), rows in cells) + 256, []
    else: provider, shown = len(b["prefixes"]) * shard_bound(sum(classes), b["bits"]) + 256, []
    named = [string(cells_of(o)[position][0]) for position, _ in b["cells"]] if b and "cells" in b else []
    g, n, m, h, d = plan(t, o["size"], provider)
    return (message("manifest") + terms(t) + parties[0] + parties[1] + u8(1) + parties[2] + o["nonce"] + nonce + u64(o["size"]) + u64(provider)
            + listed([u64(c) for c in shown]) + optional(sha(b"blocks", blocks(b), *named) if b else None)
            + u8(g) + u64(n) + u64(m) + u32(h) + u32(d))


# ---------------------------------------------------------------- §20.7
def common(p):
    blocking = lambda b: string(b["name"]) + b["digest"] + long_list([string(key) + u64(keys) + u32(records) for key, keys, records in b["cells"]])
    return (listed([string(r) + u64(c) + u16(forms) + u8(weight) for r, c, forms, weight in p["rules"]]) + p["digest"]
            + listed([string(x) for x in p["profiles"]]) + listed([u32(x) for x in p["bits"]]) + u8(p["counting"]) + flag(p["pairs"])
            + listed([blocking(b) for b in p["blockings"]]) + u8(p["hash_bits"]) + u64(p["dated"]) + u64(p["next"]))


def published(p): return message("published") + common(p) + p["salt"] + b"".join(u64(x) for x in p["left"]) + u64(p["renewed"])


# ---------------------------------------------------------------- §3.1, §20.8
def hkdf(salt, secret, info): return hmac.new(hmac.new(salt or bytes(32), secret, hashlib.sha256).digest(), info + b"\x01", hashlib.sha256).digest()
def raw(public): return public.public_bytes(Encoding.Raw, PublicFormat.Raw)
def minimal(x): return int(x).to_bytes((int(x).bit_length() + 7) // 8, "big")
def fingerprint(profile, n, h): return sha(b"pk1", profile.encode(), b"|", minimal(n), b"|", minimal(h))
def session_id(made, fps): return sha(b"session1", made, sha(*fps))
def ephemeral(secret, role): return X25519PrivateKey.from_private_bytes(hkdf(None, secret, b"x25519" + u8(role)))


def handshake(role, seed, secret, made, fp):
    public = raw(ephemeral(secret, role).public_key())
    signed = b"blindjoin handshake 1\0" + u8(role) + sha(made) + fp + public
    return u8(role) + public + Ed25519PrivateKey.from_private_bytes(seed).sign(signed)


def announcement(n, h, hello):
    width = (int(n).bit_length() + 7) // 8
    return string(int(n).to_bytes(width, "big") + int(h).to_bytes(width, "big")) + hello


def channel(own, own_role, their_hello): return ephemeral(own, own_role).exchange(X25519PublicKey.from_public_bytes(their_hello[1:33]))


# ---------------------------------------------------------------- §3.3
def stream(kind, key, id, items, width, per_chunk, about=None, failed=False):
    """All chunks of a stream of items, which are bytes of one length."""
    head = id + u8(kind) + u32(0) + u64(len(items)) + u32(width) + u32(per_chunk) + (u64(about[0]) + about[1] if about else bytes(40)) + flag(failed)
    assert len(head) == 94
    digest, chunks, count = hashlib.sha256(head), [], max(1, -(-len(items) // per_chunk))
    for number in range(count):
        payload, last = b"".join(items[number * per_chunk:(number + 1) * per_chunk]), number + 1 == count
        digest.update(payload)
        plain = (head if number == 0 else b"") + payload + (digest.digest() if last else b"")
        nonce = u8(kind) + u8(0) + u16(0) + u32(0) + u32(number)
        chunks.append(flag(last) + ChaCha20Poly1305(key).encrypt(nonce, plain, id + nonce + flag(last)))
    return chunks, digest.digest()


# ---------------------------------------------------------------- examples
def text(x): return sha(x.encode())


def publication():
    cells = [(b"1950", 64, 12), (b"1955", 80, 16), (b"1961", 320, 40)]
    return dict(rules=[("ID", 4096, 1, 1), ("NAME", 8192, 2, 2)], digest=text("rules"), profiles=["djn-short", "djn-half"], bits=[1024, 2048], counting=1,
                pairs=True, blockings=[dict(name="birth_year", digest=sha(b"in blocks", text("rules"), text("years")), cells=cells)], hash_bits=3,
                dated=1793491200, next=1796083200, salt=text("salt"), left=(4194304, 1000, 50000), renewed=1795000000)


def offers():
    """One of each way of comparing, and of blocks."""
    p = publication()
    base = dict(blind=True, profile="djn-short", bits=1024, digest=p["digest"], canaries=32, expires=1795100000)
    in_cells = dict(digest=p["blockings"][0]["digest"])
    clauses = [(0, 1, [0]), (1, 2, [1]), (1, 2, [1])]
    join = lambda **more: dict(base, mode="okvs", rules=["ID", "NAME"], cap=640) | more
    for name, o in {
        "okvs": dict(terms=join(), size=640),
        "cuckoo, full mask, one rule": dict(terms=join(mode="cuckoo", full=True, blind=False, rules=["NAME"]), size=640),
        "counted with dummies": dict(terms=join(blind=False, dummies=(500, 40), cap=640 + 110), size=640),
        "named cells": dict(terms=join(**in_cells), size=640, blocks=dict(salt=text("own salt"), cells=[(0, 0), (2, 0)])),
        "hashed blocks": dict(terms=join(), size=640, blocks=dict(salt=text("own salt"), provider_salt=p["salt"], bits=3, prefixes=[1, 6])),
        "lookup": dict(terms=join(mode="lookup", cap=34), size=34),
        "pairs with a threshold": dict(terms=join(**in_cells) | dict(mode="pairs", bits=2048, blind=False, cap=5000, pairs=dict(parts=2, threshold=2, clauses=clauses)),
                                       size=size_class(12 + 20), blocks=dict(salt=text("own salt"), cells=[(1, 12), (2, 20)])),
    }.items(): yield name, dict(o, nonce=text("querier"), published=p)


def record(n, h):
    """Vectors: bytes of every message, and a session up to the first sealed chunks under the key holder's (n, h)."""
    seeds, secrets = ({role: text(f"{what} {role}") for role in (KEY_HOLDER, PROVIDER, QUERIER)} for what in ("identity", "secret"))
    identities = {role: raw(Ed25519PrivateKey.from_private_bytes(seed).public_key()) for role, seed in seeds.items()}
    parties = [identities[role] for role in (QUERIER, PROVIDER, KEY_HOLDER)]
    out = dict(published=published(publication()), answer=answer(text("provider")), parties=parties, seeds=[seeds[role] for role in (QUERIER, PROVIDER, KEY_HOLDER)],
               secrets=[secrets[role] for role in (QUERIER, PROVIDER, KEY_HOLDER)])
    out["offers"] = [dict(name=name, offer=offer(o), manifest=manifest(o, text("provider"), parties)) for name, o in offers()]
    width, positions = 1024 // 4, -(-(4096 + 8192 + 3 * 34) // 4) * 4
    c = min(1024, ((1 << 20) - 512) // width) & ~7
    for name in ("lookup", "counted with dummies"):
        made = next(o["manifest"] for o in out["offers"] if o["name"] == name)
        fp = fingerprint("djn-short", n, h)
        id = session_id(made, [fp])
        hello = {role: handshake(role, seeds[role], secrets[role], made, fp) for role in seeds}
        shared = channel(secrets[QUERIER], QUERIER, hello[PROVIDER])
        assert shared == channel(secrets[PROVIDER], PROVIDER, hello[QUERIER])
        session = dict(name=name, session_id=id, fingerprint=fp, handshakes=[hello[role] for role in (QUERIER, PROVIDER, KEY_HOLDER)],
                       announcement=announcement(n, h, hello[KEY_HOLDER]))
        if name == "lookup":
            session["table"], _ = stream(1, hkdf(id, shared, b"q2p"), id, [text(f"place {i}") * (width // 32) for i in range(34)], width, c)
            session["summary"], _ = stream(3, hkdf(id, shared, b"p2q"), id, [], 1, 1, (positions // 4, text("the comparisons")))
        else:
            shared = channel(secrets[KEY_HOLDER], KEY_HOLDER, hello[QUERIER])
            key = hkdf(id, shared, b"k2q" + hello[KEY_HOLDER][1:33] + hello[QUERIER][1:33])
            entries = [u64(7 * i) + bytes([i] * 7) for i in range(40)] + [u64(2**64 - 1) + bytes(7)] * (640 + 110 - 40)
            session["result"], _ = stream(6, key, id, entries, 15, ((1 << 20) - 512) // 15, (4096 + 8192 + 110, text("the comparisons")))
        out.setdefault("sessions", []).append(session)
    return out


if __name__ == "__main__":
    for name, o in offers(): print(f"{name}: offer of {len(offer(o))} bytes, manifest of {len(manifest(o, bytes(32), [bytes(32)] * 3))}")
