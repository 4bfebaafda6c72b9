"""Test vectors of what is said about records: batches, disclosures, receipts, trust."""

from dataclasses import replace
from typing import Any

import cbor2

from protocol import chain
from protocol import roster as rosters
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.keys import Algorithm
from protocol.receipts import sign_receipts
from protocol.trust import Trust
from tests.protocol.messages import (
    BADGE,
    BLOCKED,
    CONFIG,
    CONFIGURED,
    ENTRIES,
    EPOCH,
    ME,
    MINE,
    NONCE,
    PLATFORM,
    RECEIPT,
    RECOVERY,
    ROOT,
    ROSTER,
    TERMINAL,
    TIME,
    TRUST,
    Chain,
    archive_items,
    carried,
    hello,
    leaves,
    signing_key,
)  # fmt: skip

Vector = dict[str, Any]
ES256 = signing_key(21, Algorithm.ES256)


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


def disclosures() -> Vector:
    made, es256 = Chain(), Chain(ES256)
    good = made.disclosure()
    foreign = signing_key(97)
    stolen = chain.sign_head(chain.Head(ME, EPOCH, 5, made.links[5]), foreign)

    def remade(**parts: Any) -> bytes:
        return replace(good, **parts).encode()

    reject = {
        "another record's blob": ("SealError", TERMINAL, remade(blob=made.records[4][1])),
        "another key": ("SealError", TERMINAL, remade(key=b"?" * 32)),
        "a key without a blob": ("SealError", TERMINAL, remade(blob=None)),
        "another body": ("LinkError", TERMINAL, remade(body=made.records[2][0])),
        "another link before": ("LinkError", TERMINAL, remade(link=b"?" * 32)),
        "a hash missing": ("LinkError", TERMINAL, remade(following=[])),
        "an earlier head": ("LinkError", TERMINAL, remade(head=made.head(4))),
        "signed by another key": ("SignatureError", foreign, good.encode()),
        "another terminal's head": ("SignatureError", foreign, remade(head=stolen)),
        "carried over, and shown as another": (
            "LinkError",
            TERMINAL,
            remade(body=carried(made, 5).body, link=carried(made).link, head=carried(made).head),
        ),
        "a part missing": (
            "MalformedError",
            TERMINAL,
            cbor2.dumps({k: v for k, v in cbor2.loads(good.encode()).items() if k != 6}),
        ),
    }
    return {
        "accept": [
            {"why": "who tapped", "message": good.encode(), "key": TERMINAL.public.to_cose(),
             "seq": 4, "number": BADGE.number},
            {"why": "signed with ES256", "message": es256.disclosure(3).encode(),
             "key": ES256.public.to_cose(), "seq": 3, "number": BADGE.number},
            {"why": "carried over into a later epoch", "message": carried(made).encode(),
             "key": TERMINAL.public.to_cose(), "seq": 2, "number": BADGE.number},
            {"why": "the blob is erased", "message": remade(blob=None, key=None),
             "key": TERMINAL.public.to_cose(), "seq": 4, "number": None},
            {"why": "k is withheld", "message": remade(key=None),
             "key": TERMINAL.public.to_cose(), "seq": 4, "number": None},
        ],
        "reject": [
            {"why": why, "message": message, "key": key.public.to_cose(), "error": error}
            for why, (error, key, message) in reject.items()
        ],
    }  # fmt: skip


def archives() -> Vector:
    items = archive_items(Chain())
    trust = TRUST.sign([ROOT])

    def changed(number: int, place: int) -> bytes:
        item = bytearray(items[number])
        item[place] ^= 1
        return b"".join([*items[:number], bytes(item), *items[number + 1 :]])

    reject = {
        "the end is missing": ("file", b"".join(items[:-1])),
        "something after the end": ("file", b"".join([*items, items[-1]])),
        "the end counts more": ("file", changed(6, 4)),
        "the end has another hash": ("file", changed(6, -1)),
        "the first page is missing": ("missing", b"".join([*items[:4], *items[5:]])),
        "the last page is missing": ("missing", b"".join([*items[:5], items[6]])),
        "the receipt is missing": ("acked", b"".join([*items[:3], *items[4:]])),
        "an edited receipt": ("receipt", changed(3, 60)),
        "an edited head": ("signature", changed(5, -1)),
        "an edited record": ("changed", changed(4, 100)),
        "another trust document": ("trust", changed(1, -1)),
    }
    return {
        "accept": [{"message": b"".join(items), "key": TERMINAL.public.to_cose(), "trust": trust,
                    "last": 5, "receipt": 5}],
        "reject": [
            {"why": why, "what": what, "message": message}
            for why, (what, message) in reject.items()
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


def blocked() -> Vector:
    def entries(*values: int) -> bytes:
        return b"".join(value.to_bytes(rosters.ENTRY, "big") for value in values)

    key, settings = b"\7" * rosters.KEY, '[gate]\nleast_assurance = "read"\n'
    full = {0: 1, 1: settings, 2: {0: key, 1: entries(1, 2)}}
    reject = {
        "a short key": full | {2: {0: key[:-1], 1: b""}},
        "a piece of an entry": full | {2: {0: key, 1: entries(1)[:-1]}},
        "entries that fall": full | {2: {0: key, 1: entries(2, 1)}},
        "an entry twice": full | {2: {0: key, 1: entries(1, 1)}},
        "no TOML": full | {1: "[gate"},
        "an unknown setting": full | {1: "[gate]\ncolour = 1\n"},
        "an unknown assurance": full | {1: '[gate]\nleast_assurance = "sure"\n'},
        "a debounce of an hour and more": full | {1: "[gate]\ndebounce_s = 3601.0\n"},
        "settings of another version": full | {0: 2},
    }
    return {
        "accept": [{"body": CONFIGURED.encode(), "key": ROSTER.key, "toml": CONFIGURED.toml,
                    "blocked": [{"profile": profile, "number": number, "entry": entry}
                                for (profile, number), entry in zip(BLOCKED, ENTRIES, strict=True)],
                    "others": [{"profile": "uid", "number": "04A1B2C3D4E5F7"},
                               {"profile": "em4100", "number": "04A1B2C3D4E5F6"}]}],
        "reject": [{"why": why, "body": cbor2.dumps(fields), "error": "MalformedError"}
                   for why, fields in reject.items()],
    }  # fmt: skip


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
