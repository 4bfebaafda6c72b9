"""Test vectors of what records are made of: keys, CBOR, bodies, heads, seals and blobs."""

from collections.abc import Callable
from typing import Any

import cbor2

from protocol import blobs, cose, seals
from protocol.bodies import Body, Direction, Kind, Sync, Time
from protocol.identity import device_number
from protocol.keys import Algorithm
from protocol.seals import MLKEM768_X25519, SealingKey
from tests.protocol.messages import (
    BADGE,
    EPOCH,
    ME,
    TERMINAL,
    TIME,
    Chain,
    changed,
    signing_key,
)  # fmt: skip

Vector = dict[str, Any]
ES256 = signing_key(21, Algorithm.ES256)
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def resigned(key: Any, protected: dict[int, Any], payload: bytes, aad: bytes) -> bytes:
    """A COSE_Sign1 with headers of our choice, and a signature that is right for them."""
    headers = cbor2.dumps(protected)
    signature = key.sign(cbor2.dumps(["Signature1", headers, aad, payload]))
    return cbor2.dumps(cbor2.CBORTag(18, [headers, {}, payload, signature]))


def reworked(message: bytes, change: Callable[[list[Any]], None]) -> bytes:
    """A tagged message with its array changed."""
    tagged = cbor2.loads(message)
    parts = list(tagged.value)
    change(parts)
    return cbor2.dumps(cbor2.CBORTag(tagged.tag, parts))


def identities() -> Vector:
    keys = [signing_key(number, algorithm) for number in (1, 2, 3) for algorithm in Algorithm]
    plain = device_number(keys[0].public.thumbprint)
    return {
        "accept": [
            {
                "cose_key": key.public.to_cose(),
                "thumbprint": key.public.thumbprint,
                "device_number": device_number(key.public.thumbprint),
            }
            for key in keys
        ],
        "reject": [
            {"why": why, "cose_key": cbor2.dumps(members), "error": "MalformedError"}
            for why, members in {
                "an Ed25519 key of order 1": {1: 1, -1: 6, -2: b"\1" + bytes(31)},
                "an Ed25519 key of order 2": {1: 1, -1: 6, -2: b"\xec" + b"\xff" * 30 + b"\x7f"},
                "an Ed25519 key of order 4": {1: 1, -1: 6, -2: bytes(32)},
                "an Ed25519 key of order 8": {1: 1, -1: 6, -2: ORDER_8},
                "an Ed25519 key that is not reduced": {
                    1: 1, -1: 6, -2: b"\xf0" + b"\xff" * 30 + b"\x7f"},
                "an Ed25519 key too short": {1: 1, -1: 6, -2: b"x" * 31},
                "a point that is not on P-256": {1: 2, -1: 1, -2: b"x" * 32, -3: b"y" * 32},
                "a P-256 key in compressed form": {1: 2, -1: 1, -2: b"x" * 32, -3: True},
                "a member more than a thumbprint needs": {1: 1, -1: 6, -2: b"x" * 32, 3: -8},
                "members out of order": {-1: 6, 1: 1, -2: b"x" * 32},
                "an X25519 key": {1: 1, -1: 4, -2: b"x" * 32},
            }.items()
        ],
        "reject_device_numbers": [
            plain[:-1] + ("0" if plain[-1] != "0" else "1"),
            plain[1] + plain[0] + plain[2:],
            plain[:-1],
            plain[:3] + "U" + plain[4:],
        ],
    }  # fmt: skip


def cbors() -> Vector:
    reject = {
        "a longer form than needed": "1801",
        "a trailing byte": "0000",
        "a duplicate key": "a200010002",
        "keys out of order": "a201000000",
        "a text key": "a1616100",
        "a negative key": "a12000",
        "a float": "f93c00",
        "a tag": "c000",
        "undefined": "f7",
        "an indefinite array": "9f00ff",
        "an indefinite string": "5f4100ff",
        "a bignum": "c249010000000000000000",
        "text that is not UTF-8": "61ff",
        "a string that ends too early": "4401",
        "an array that ends too early": "8200",
        "nine levels": "81" * 9 + "00",
        "a huge length": "5bffffffffffffffff",
        "a shared reference": "d81c80",
        "nothing at all": "",
    }
    return {
        "accept": [{"cbor": bytes.fromhex(text)} for text in ("00", "a20001018102", "f6", "6161")],
        "reject": [
            {"why": why, "cbor": bytes.fromhex(text), "error": "MalformedError"}
            for why, text in reject.items()
        ],
    }


def bodies() -> Vector:
    made = Chain()
    tap = made.records[2][0]

    where = (ME, EPOCH, 6)
    more = [
        Body(*where, Kind.CLOCK, TIME, data={0: 1_000, 1: TIME.wall_ms}),
        Body(*where, Kind.GAP, TIME, data={0: EPOCH, 1: 7, 2: 9, 3: "a page is gone"}),
        Body(*where, Kind.SALVAGED, TIME, data={0: EPOCH, 1: 3, 2: tap}),
        Body(*where, Kind.KEY, TIME, data={0: ES256.public.to_cose()}),
        Body(*where, 99, TIME, data=["what nobody knows yet"]),
        Body(
            ME,
            EPOCH,
            2**62,
            Kind.TAP,
            Time(0, b"b" * 16, 0, Sync.UNSET),
            "x" * 64,
            Direction.BREAK_END,
            7,
            None,
            b"r" * 32,
        ),
    ]
    reject = {
        "another version": changed(tap, 0, 2),
        "true for a version": changed(tap, 0, True),
        "a terminal too short": changed(tap, 1, b"t" * 31),
        "a seq of 2**63": changed(tap, 3, 2**63),
        "no time": changed(tap, 5, {}),
        "a reader with a line break": changed(tap, 6, "a\nb"),
        "a reader too long": changed(tap, 6, "x" * 65),
        "null for a direction": changed(tap, 7, None),
        "a blob's hash too short": changed(tap, 9, [b"s" * 16, b"h" * 31]),
        "4,097 octets": changed(tap, 11, "x" * (4097 - len(changed(tap, 11, "x" * 4000)) + 4000)),
        "no map": b"\x80",
        "nothing": b"",
    }
    return {
        "accept": [
            {"body": body, "kind": Body.decode(body).kind, "seq": Body.decode(body).seq}
            for body in [*(body for body, _ in made.records), *(body.encode() for body in more)]
        ],
        "reject": [
            {"why": why, "body": body, "error": "MalformedError"} for why, body in reject.items()
        ],
    }  # fmt: skip


def heads() -> Vector:
    made, other = Chain(), Chain(ES256)
    good = made.head()
    payload, aad = cbor2.loads(good).value[2], b"pointeuse/1/head"
    es256 = cbor2.loads(other.head()).value
    s = int.from_bytes(es256[3][32:], "big")
    high = es256[3][:32] + (P256_ORDER - s).to_bytes(32, "big")
    mine = {1: -8, 4: ME}
    reject = {
        "signed by another key": ("SignatureError", signing_head_of_another(payload, aad)),
        "a high S": ("SignatureError", reworked(other.head(), lambda p: p.__setitem__(3, high))),
        "another algorithm than the key's": (
            "SignatureError", resigned(TERMINAL, {1: -7, 4: ME}, payload, aad)),
        "an extra protected header": (
            "MalformedError", resigned(TERMINAL, mine | {16: 0}, payload, aad)),
        "no kid": ("MalformedError", resigned(TERMINAL, {1: -8}, payload, aad)),
        "unprotected headers": (
            "MalformedError", reworked(good, lambda p: p.__setitem__(1, {4: ME}))),
        "other external data": (
            "SignatureError", resigned(TERMINAL, mine, payload, b"pointeuse/1/hello")),
        "a changed payload": (
            "SignatureError", reworked(good, lambda p: p.__setitem__(2, payload[:-1] + b"?"))),
        "no tag": ("MalformedError", cbor2.dumps(cbor2.loads(good).value)),
        "a trailing byte": ("MalformedError", good + b"\0"),
    }  # fmt: skip
    return {
        "accept": [
            {
                "key": chained.key.public.to_cose(),
                "bodies": [body for body, _ in chained.records],
                "links": chained.links,
                "head": chained.head(),
            }
            for chained in (made, other)
        ],
        "reject": [
            {"why": why, "key": (ES256 if why == "a high S" else TERMINAL).public.to_cose(),
             "head": message, "error": error}
            for why, (error, message) in reject.items()
        ],
    }  # fmt: skip


def signing_head_of_another(payload: bytes, aad: bytes) -> bytes:
    return cose.sign1(signing_key(99), payload, aad)


def sealed() -> Vector:
    made = Chain()
    hybrid = SealingKey.generate(MLKEM768_X25519)
    mlkem = hybrid.parts[1]
    assert mlkem is not None
    content = seals.ContentKey(b"S" * 16, b"K" * 32)
    data = seals.make_seal(content, [hybrid.public], terminal=ME, epoch=EPOCH, seq=9)
    body, blob = made.records[3]
    other = made.records[2][1]
    assert blob is not None
    assert other is not None
    where = {"terminal": ME, "epoch": EPOCH, "seq": 4, "seal_id": made.content.seal_id}
    key = blobs.tap_key(made.content, blobs.salt_of(blob), made.place(4))
    reject = {
        "the blob of another record": ("SealError", other, 4),
        "another seq": ("SealError", blob, 5),
        "a changed ciphertext": ("SealError", blob[:20] + bytes([blob[20] ^ 1]) + blob[21:], 4),
        "a changed commitment": ("SealError", blob[:-1] + bytes([blob[-1] ^ 1]), 4),
        "a changed salt": ("SealError", bytes([blob[0] ^ 1]) + blob[1:], 4),
        "cut": ("MalformedError", blob[:-1], 4),
        "empty": ("MalformedError", b"", 4),
    }
    return {
        "accept": [
            {
                "seal_body": made.records[1][0],
                "recipients": [b"\2" * 32, b"\3" * 32],
                "content_key": made.content.key,
                "body": body,
                "blob": blob,
                "k": key,
                "place": where,
                "badge": {"number": BADGE.number, "profile": BADGE.profile,
                          "employer": BADGE.employer, "worker": BADGE.worker,
                          "assurance": int(BADGE.assurance), "flags": BADGE.flags},
            }
        ],
        "hybrid": {
            "mlkem_seed": mlkem.private_bytes_raw(),
            "x25519": hybrid.parts[0].private_bytes_raw(),
            "data": cbor2.dumps(data),
            "terminal": ME, "epoch": EPOCH, "seq": 9, "content_key": content.key,
        },
        "reject": [
            {"why": why, "blob": found, "content_key": made.content.key,
             "place": where | {"seq": seq}, "error": error}
            for why, (error, found, seq) in reject.items()
        ],
    }  # fmt: skip
