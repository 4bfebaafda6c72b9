"""Every kind of message, made by the code under test from fixed keys and numbers."""

import hmac
import io
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from protocol import blobs, cbor, chain, seals
from protocol.archive import ArchiveWriter, Row
from protocol.badges import Assurance, Badge
from protocol.batches import Batch
from protocol.bodies import BlobRef, Body, Direction, Kind, Sync, Time
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.configured import Configured
from protocol.disclosure import Disclosure
from protocol.hello import EpochState, Hello
from protocol.keys import Algorithm, SigningKey
from protocol.receipts import Leaf, Verdict, sign_receipts
from protocol.roster import KEY, Roster
from protocol.seals import SealingKey
from protocol.trust import Trust


def signing_key(number: int, algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    """A key that is the same in every run."""
    if algorithm is Algorithm.ED25519:
        return SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    return SigningKey(ec.derive_private_key(number, ec.SECP256R1()))


def sealing_key(number: int) -> SealingKey:
    """A sealing key that is the same in every run."""
    return SealingKey(x25519.X25519PrivateKey.from_private_bytes(bytes([number]) * 32))


TERMINAL = signing_key(1)
ME = TERMINAL.public.thumbprint
PLATFORM, RECOVERY, MINE = sealing_key(2), sealing_key(3), sealing_key(4)
ROOT, RECEIPT, CONFIG = signing_key(5), signing_key(6), signing_key(7)
EPOCH, NONCE, BOOT = bytes(range(16)), b"n" * 16, b"b" * 16
TIME = Time(1_790_000_000_000, BOOT, 61_000, Sync.SYNCHRONISED, 12)
BADGE = Badge("04A1B2C3D4E5F6", "uid", Assurance.UID, 0, "0880000034", "17")
BLOCKED = [
    ("uid", "04A1B2C3D4E5F6"),
    ("construbadge-sim", "0000000000012345"),
    ("em4100", "0000000007"),
]
ENTRIES = [
    hmac.digest(b"\7" * KEY, f"pointeuse/1/roster{profile}\0{number}".encode(), "sha256")[:8]
    for profile, number in BLOCKED
]
ROSTER = Roster(b"\7" * KEY, b"".join(sorted(ENTRIES)))
CONFIGURED = Configured('[gate]\nleast_assurance = "read"\ndebounce_s = 5.0\n', ROSTER)
TRUST = Trust(
    number=1,
    issued_ms=1_780_000_000_000,
    roots=[ROOT.public],
    threshold=1,
    receipt_keys=[RECEIPT.public],
    config_keys=[CONFIG.public],
    seal_to=[PLATFORM.public, RECOVERY.public],
    authorities=[b"0\x82certificate"],
    revoked=[b"r" * 32],
)


@dataclass
class Chain:
    """Records of one epoch: start, seal, and three taps under one head."""

    key: SigningKey = TERMINAL

    def __post_init__(self) -> None:
        me = self.key.public.thumbprint
        self.content = seals.ContentKey(b"s" * 16, b"k" * 32)
        self.links = [chain.epoch_link(me, EPOCH)]
        self.records: list[tuple[bytes, bytes | None]] = []
        self._add(Kind.START, data={0: "first start", 1: 1})
        recipients = [PLATFORM.public, RECOVERY.public]
        data = seals.make_seal(self.content, recipients, terminal=me, epoch=EPOCH, seq=2)
        self._add(Kind.SEAL, data=data)
        for seq in (3, 4, 5):
            place = blobs.Place(me, EPOCH, seq, self.content.seal_id)
            blob = blobs.seal_badge(BADGE, self.content, place)
            ref = BlobRef(self.content.seal_id, blobs.blob_hash(blob))
            self._add(Kind.TAP, blob, reader="in", direction=Direction.IN, blob_ref=ref)

    def _add(self, kind: Kind, blob: bytes | None = None, **fields: Any) -> None:
        me = self.key.public.thumbprint
        body = Body(me, EPOCH, len(self.records) + 1, kind, TIME, **fields).encode()
        self.records.append((body, blob))
        self.links.append(chain.next_link(self.links[-1], body))

    def place(self, seq: int) -> blobs.Place:
        return blobs.Place(self.key.public.thumbprint, EPOCH, seq, self.content.seal_id)

    def head(self, seq: int | None = None) -> bytes:
        seq = seq or len(self.records)
        me = self.key.public.thumbprint
        return chain.sign_head(chain.Head(me, EPOCH, seq, self.links[seq]), self.key)

    def batch(self) -> Batch:
        return Batch(NONCE, EPOCH, 1, self.links[0], self.records, self.head())

    def disclosure(self, seq: int = 4) -> Disclosure:
        body, blob = self.records[seq - 1]
        assert blob is not None
        return Disclosure(
            body,
            self.links[seq - 1],
            [cbor_hash(later) for later, _ in self.records[seq:]],
            self.head(),
            blob,
            blobs.tap_key(self.content, blobs.salt_of(blob), self.place(seq)),
        )


def carried(made: Chain, seq: int = 4) -> Disclosure:
    """The disclosure of a tap of `made` that a later epoch carries."""
    me, epoch = made.key.public.thumbprint, b"e" * 16
    raw, blob = made.records[seq - 1]
    data: dict[int, Any] = {0: "the journal was damaged", 1: 2}
    start = Body(me, epoch, 1, Kind.START, TIME, data=data).encode()
    data = {0: EPOCH, 1: seq, 2: raw}
    ref = Body.decode(raw).blob_ref
    body = Body(me, epoch, 2, Kind.SALVAGED, TIME, blob_ref=ref, data=data).encode()
    link = chain.next_link(chain.epoch_link(me, epoch), start)
    head = chain.sign_head(chain.Head(me, epoch, 2, chain.next_link(link, body)), made.key)
    return Disclosure(body, link, [], head, blob, made.disclosure(seq).key)


def archive_items(made: Chain) -> list[bytes]:
    """An archive of the chain, item by item."""
    me = made.key.public.thumbprint
    signature = chain.head_signature(chain.Head(me, EPOCH, 5, made.links[5]), made.key)
    leaf = Leaf(me, EPOCH, 5, made.links[5], TIME.wall_ms, 1, NONCE, Verdict.STORED)
    rows: list[Row] = [
        (*record, made.links[seq], None) for seq, record in enumerate(made.records, 1)
    ]
    rows[-1] = (*rows[-1][:3], signature)
    items: list[bytes] = []

    class Items(io.BytesIO):
        def write(self, raw: Any) -> int:
            items.append(bytes(raw))
            return len(raw)

    writer = ArchiveWriter(Items(), made.key.public, TIME.wall_ms)
    writer.trust(TRUST.sign([ROOT]))
    writer.epoch(EpochState(EPOCH, 1, 1, made.links[0], 5, made.links[5], 5))
    writer.receipt(sign_receipts([leaf], RECEIPT)[0])
    writer.records(1, rows[:2])
    writer.records(3, rows[2:])
    writer.end()
    return items


def cbor_hash(body: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(body).digest()


def leaves(count: int) -> list[Leaf]:
    return [
        Leaf(ME, EPOCH, seq, bytes([seq]) * 32, TIME.wall_ms, 1, NONCE, Verdict.STORED, seq + 1)
        for seq in range(count)
    ]


def hello() -> Hello:
    state = EpochState(EPOCH, 1, 1, b"a" * 32, 5, b"l" * 32, 3)
    return Hello(ME, NONCE, 1, 1, [state], MINE.public.raw, 7)


def payload_of(message: bytes) -> bytes:
    """What a COSE message signs."""
    payload: bytes = cbor2.loads(message).value[2]
    return payload


def changed(message: bytes, key: int, value: Any) -> bytes:
    """A map with one field changed or added, still deterministic."""
    return cbor2.dumps(dict(sorted((cbor2.loads(message) | {key: value}).items())))


def all_messages() -> dict[str, list[bytes]]:
    """Encoded messages by the name of their CDDL rule."""
    made = Chain()
    receipts = sign_receipts(leaves(5), RECEIPT)
    trust = TRUST.sign([ROOT])
    configuration = Configuration(ME, 8, b"[gate]").sign(CONFIG, MINE.public)
    command = Command(ME, NONCE, 1, "report", ("now",)).sign(CONFIG)
    blob = made.records[2][1]
    assert blob is not None
    plain = blobs._plaintext(BADGE, bytes(16))
    return {
        "body": [body for body, _ in made.records],
        "batch": [made.batch().encode()],
        "sign1": [made.head(), hello().sign(TERMINAL), configuration, command],
        "sign": [trust],
        "headers": [cbor2.loads(made.head()).value[0]],
        "head-payload": [payload_of(made.head())],
        "hello-payload": [payload_of(hello().sign(TERMINAL))],
        "receipt-message": receipts,
        "leaf": [leaf.encode() for leaf in leaves(3)],
        "root-payload": [payload_of(cbor2.loads(receipts[0])[3])],
        "trust-payload": [payload_of(trust)],
        "configuration-payload": [payload_of(configuration)],
        "command-payload": [payload_of(command)],
        "configuration-body": [Configured("[gate]\n").encode(), CONFIGURED.encode()],
        "roster": [cbor.encode(ROSTER.fields())],
        "cose-key": [ROOT.public.to_cose(), signing_key(9, Algorithm.ES256).public.to_cose()],
        "disclosure": [made.disclosure().encode(), carried(made).encode()],
        "archive-header": archive_items(made)[:1],
        "archive-item": archive_items(made)[1:],
        "badge": [plain],
        "start-data": [cbor2.dumps(Body.decode(made.records[0][0]).data)],
        "clock-data": [cbor.encode({0: 1_000, 1: TIME.wall_ms})],
        "gap-data": [cbor.encode({0: EPOCH, 1: 7, 2: 9, 3: "a page of the disk is gone"})],
        "salvaged-data": [cbor.encode({0: EPOCH, 1: 3, 2: made.records[2][0]})],
        "key-data": [cbor.encode({0: signing_key(9).public.to_cose()})],
        "blob": [cbor.encode(record[1]) for record in made.records[2:]],
        "seal-data": [cbor2.dumps(Body.decode(made.records[1][0]).data)],
    }
