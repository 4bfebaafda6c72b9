"""Writes protocol/vectors/*.json: known answers for whoever writes another terminal or platform.

    python -m tests.protocol.make_vectors

Accepting vectors hold a message, the keys and what must come out; rejecting ones hold a message and
the error it must meet. Randomness is part of the vectors, so they are made once and then kept: the
test replays the files, and does not make them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2

import protocol
from protocol import blobs, cose, seals
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.identity import device_number
from protocol.keys import Algorithm
from protocol.receipts import sign_receipts
from protocol.seals import MLKEM768_X25519, SealingKey
from protocol.trust import Trust
from tests.protocol.messages import (
    BADGE,
    CONFIG,
    EPOCH,
    ME,
    MINE,
    NONCE,
    PLATFORM,
    RECEIPT,
    RECOVERY,
    ROOT,
    TERMINAL,
    TIME,
    TRUST,
    Chain,
    hello,
    leaves,
    signing_key,
)  # fmt: skip

DIRECTORY = Path(protocol.__file__).parent / "vectors"
Vector = dict[str, Any]
ES256 = signing_key(21, Algorithm.ES256)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def hexed(value: Any) -> Any:
    """Bytes as hexadecimal, all the way down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, list | tuple) else value


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
    return {
        "accept": [
            {
                "cose_key": key.public.to_cose(),
                "thumbprint": key.public.thumbprint,
                "device_number": device_number(key.public.thumbprint),
            }
            for key in keys
        ]
    }


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


def conversation() -> Vector:
    made = Chain()
    batch = made.batch()
    fields = cbor2.loads(batch.encode())
    records = fields[5]

    def changed(**parts: Any) -> bytes:
        names = {"first": 3, "link": 4, "records": 5, "head": 6, "epoch": 2}
        return cbor2.dumps(fields | {names[name]: value for name, value in parts.items()})

    edited = [list(record) for record in records]
    edited[3][0] = edited[3][0][:-1] + bytes([edited[3][0][-1] ^ 1])
    swapped = [*records[:2], records[3], records[2], records[4]]
    stripped = [*records[:4], [records[4][0], None]]
    foreign = [*records[:3], [records[3][0], records[4][1]], records[4]]
    reject = {
        "an edited record": ("LinkError SealError MalformedError", changed(records=edited)),
        "swapped records": ("LinkError", changed(records=swapped)),
        "a missing record": ("LinkError", changed(records=records[:-1])),
        "a blob taken away": ("SealError", changed(records=stripped)),
        "another record's blob": ("SealError", changed(records=foreign)),
        "an older head": ("LinkError", changed(head=made.head(4))),
        "another link before": ("LinkError", changed(link=b"?" * 32)),
        "another epoch": ("LinkError", changed(epoch=b"?" * 16)),
        "no records": ("MalformedError", changed(records=[])),
        "seq 0": ("MalformedError", changed(first=0)),
    }
    return {
        "accept": [{"batch": batch.encode(), "key": TERMINAL.public.to_cose(), "terminal": ME,
                    "links": made.links[1:]}],
        "hello": {"message": hello().sign(TERMINAL), "key": TERMINAL.public.to_cose(),
                  "nonce": NONCE},
        "disclosure": {"message": made.disclosure().encode(), "key": TERMINAL.public.to_cose(),
                       "number": BADGE.number, "seq": 4},
        "reject": [
            {"why": why, "batch": message, "key": TERMINAL.public.to_cose(), "terminal": ME,
             "error": error}
            for why, (error, message) in reject.items()
        ],
    }  # fmt: skip


def receipts() -> Vector:
    accept = [
        {"size": size, "messages": sign_receipts(leaves(size), RECEIPT)} for size in range(1, 10)
    ]
    messages = sign_receipts(leaves(5), RECEIPT)
    leaf, index, path, root = cbor2.loads(messages[2])
    strange = sign_receipts(leaves(5), signing_key(98))[2]
    reject = {
        "another leaf": ("SignatureError", [cbor2.loads(messages[3])[0], index, path, root]),
        "another place": ("SignatureError", [leaf, 3, path, root]),
        "a place beyond the tree": ("MalformedError", [leaf, 5, path, root]),
        "a path cut short": ("MalformedError SignatureError", [leaf, index, path[:-1], root]),
        "a path too long": ("MalformedError", [leaf, index, [*path, b"?" * 32], root]),
        "a changed path": ("SignatureError", [leaf, index, [b"?" * 32, *path[1:]], root]),
        "another platform's root": ("SignatureError", cbor2.loads(strange)),
    }
    return {
        "key": RECEIPT.public.to_cose(),
        "accept": accept,
        "reject": [
            {"why": why, "message": cbor2.dumps(parts), "error": error}
            for why, (error, parts) in reject.items()
        ],
    }


def trusted() -> Vector:
    roots = [ROOT, signing_key(31), signing_key(32)]

    def document(number: int, *by: Any, threshold: int = 1) -> Trust:
        keys = [key.public for key in by]
        return Trust(number, TIME.wall_ms, keys, threshold, [RECEIPT.public], [CONFIG.public],
                     [PLATFORM.public, RECOVERY.public])  # fmt: skip

    first = TRUST.sign([ROOT])
    second = document(2, roots[1])
    configuration = Configuration(ME, 8, b"[gate]\n")
    command = Command(ME, NONCE, 5, "report", ("now",))
    return {
        "accept": [first, second.sign([ROOT, roots[1]]),
                   document(3, roots[1], roots[2], threshold=2).sign([roots[1], roots[2]])],
        "configuration": {"message": configuration.sign(CONFIG, MINE.public), "terminal": ME,
                          "sealing_key": b"\4" * 32, "number": 8, "body": configuration.body},
        "command": {"message": command.sign(CONFIG), "terminal": ME, "nonce": NONCE,
                    "counter": 5, "name": "report"},
        "config_key": CONFIG.public.to_cose(),
        "reject": [
            {"why": why, "message": message, "error": error}
            for why, error, message in [
                ("a number skipped", "TrustError", document(3, ROOT).sign([ROOT])),
                ("the same number again", "TrustError", first),
                ("not signed by the old root", "SignatureError", second.sign([roots[1]])),
                ("not signed by its own root", "SignatureError", second.sign([ROOT])),
                ("fewer signatures than it demands", "SignatureError",
                 document(2, ROOT, roots[1], threshold=2).sign([ROOT])),
                ("a threshold nobody can meet", "TrustError",
                 document(2, ROOT, threshold=2).sign([ROOT])),
            ]
        ],
    }  # fmt: skip


FILES = {
    "identity": identities,
    "cbor": cbors,
    "heads": heads,
    "seals": sealed,
    "batches": conversation,
    "receipts": receipts,
    "trust": trusted,
}

if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, make in FILES.items():
        text = json.dumps(hexed(make()), indent=1)
        (DIRECTORY / f"{name}.json").write_text(text + "\n")
