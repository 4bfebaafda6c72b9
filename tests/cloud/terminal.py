"""A terminal as the platform meets it: keys, a chain, and the messages it would send."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from cloud.terminals.tables import terminals
from protocol import blobs, chain, seals
from protocol.badges import Assurance, Badge
from protocol.batches import Batch, Record
from protocol.bodies import BlobRef, Body, Direction, Kind, Sync, Time
from protocol.hello import EpochState, Hello
from protocol.identity import compact, device_number
from protocol.keys import SigningKey
from protocol.seals import SealingKey

NOW_MS = 1_790_000_000_000
BOOT = b"b" * 16


@dataclass
class FakeTerminal:
    """Writes records by the protocol alone, without the agent."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    platform: SealingKey = field(default_factory=SealingKey.generate)
    epoch: bytes = field(default_factory=lambda: os.urandom(16))
    ordinal: int = 1

    def __post_init__(self) -> None:
        self.thumbprint = self.key.public.thumbprint
        self.device = compact(device_number(self.thumbprint))
        self.records: list[Record] = []
        self.links = [chain.epoch_link(self.thumbprint, self.epoch)]
        self.content: seals.ContentKey | None = None
        self.time = Time(NOW_MS, BOOT, 1000, Sync.SET, None)
        self.add(Kind.START, data={0: "first start", 1: 1})

    def register(self, conn: Connection, status: str = "active") -> int:
        """Enter it, as an installer would."""
        number: int = conn.execute(
            insert(terminals)
            .values(
                thumbprint=self.thumbprint,
                device=self.device,
                public_key=self.key.public.to_cose(),
                status=status,
                created_ms=0,
            )
            .returning(terminals.c.id)
        ).scalar_one()
        return number

    @property
    def head(self) -> int:
        return len(self.records)

    def add(self, kind: int, blob: bytes | None = None, **fields: object) -> int:
        body = Body(self.thumbprint, self.epoch, self.head + 1, kind, self.time, **fields)  # type: ignore[arg-type]
        return self.add_raw(body.encode(), blob)

    def add_raw(self, body: bytes, blob: bytes | None = None) -> int:
        self.records.append((body, blob))
        self.links.append(chain.next_link(self.links[-1], body))
        return self.head

    def seal(self) -> seals.ContentKey:
        self.content = seals.ContentKey.generate()
        data = seals.make_seal(
            self.content,
            [self.platform.public],
            terminal=self.thumbprint,
            epoch=self.epoch,
            seq=self.head + 1,
        )
        self.add(Kind.SEAL, data=data)
        return self.content

    def tap(self, number: str = "0123456789", employer: str | None = None) -> int:
        content = self.content or self.seal()
        place = blobs.Place(self.thumbprint, self.epoch, self.head + 1, content.seal_id)
        badge = Badge(number, "em4100", Assurance.UID, employer=employer)
        blob = blobs.seal_badge(badge, content, place)
        ref = BlobRef(content.seal_id, blobs.blob_hash(blob))
        return self.add(Kind.TAP, blob, reader="gate", direction=Direction.IN, blob_ref=ref)

    def next_epoch(self) -> "FakeTerminal":
        """The same terminal in an epoch of its own after this one."""
        return FakeTerminal(self.key, self.platform, ordinal=self.ordinal + 1)

    def carry(self, old: "FakeTerminal", seq: int, **more: object) -> int:
        """Carry over record `seq` of an epoch that was closed."""
        raw, blob = old.records[seq - 1]
        body = Body.decode(raw)
        data = {0: body.epoch, 1: body.seq, 2: raw}
        fields: dict[str, object] = {"blob_ref": body.blob_ref, "data": data} | more
        return self.add(Kind.SALVAGED, blob, **fields)

    def head_message(self, seq: int) -> bytes:
        head = chain.Head(self.thumbprint, self.epoch, seq, self.links[seq])
        return chain.sign_head(head, self.key)

    def batch(self, first: int = 1, last: int | None = None, nonce: bytes = b"n" * 16) -> bytes:
        last = last or self.head
        found: Sequence[Record] = self.records[first - 1 : last]
        link = self.links[first - 1]
        return Batch(nonce, self.epoch, first, link, found, self.head_message(last)).encode()

    def hello(self, acked: int = 0, first: int = 1, trust: int = 1) -> bytes:
        state = EpochState(
            self.epoch,
            self.ordinal,
            first,
            self.links[first - 1],
            self.head,
            self.links[-1],
            acked,
        )
        return Hello(self.thumbprint, b"h" * 16, 1, trust, [state]).sign(self.key)

    def clone(self) -> "FakeTerminal":
        """A copy of its storage card, from here on with a life of its own."""
        other = FakeTerminal(self.key, self.platform, self.epoch, self.ordinal)
        other.records, other.links = list(self.records), list(self.links)
        other.content = self.content
        return other
