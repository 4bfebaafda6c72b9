"""Archives made to be attacked: epochs, commits and receipts, from a few small numbers."""

import hashlib
import io
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from protocol import chain
from protocol.archive import (
    ArchiveWriter,
    Counts,
    Header,
    Item,
    Receipt,
    Records,
    Row,
    TrustDocument,
)
from protocol.bodies import BlobRef, Body, Kind
from protocol.hello import EpochState
from protocol.keys import SigningKey
from protocol.receipts import Leaf, Verdict, sign_receipts
from tests.protocol.messages import ME, NONCE, RECEIPT, ROOT, TERMINAL, TIME, TRUST

DOCUMENT = TRUST.sign([ROOT])
PAGE = 3
"""Records on a page: few, so that pages end everywhere."""


def receipt(epoch: bytes, seq: int, link: bytes, **other: Any) -> bytes:
    """A receipt of the platform for the terminal of `messages`."""
    fields: dict[str, Any] = {"terminal": ME, "at": 1_790_000_000_000 + seq, "generation": 1}
    fields |= {"nonce": NONCE, "verdict": Verdict.STORED} | other
    return sign_receipts([Leaf(epoch=epoch, seq=seq, link=link, **fields)], RECEIPT)[0]


def body(epoch: bytes, seq: int, kind: int, **fields: Any) -> bytes:
    return Body(ME, epoch, seq, kind, TIME, **fields).encode()


def tap(epoch: bytes, seq: int, salt: int = 0) -> tuple[bytes, bytes]:
    """A tap's body and a blob that nobody needs to open."""
    blob = hashlib.sha256(epoch + bytes([seq, salt])).digest() * 4
    ref = BlobRef(b"s" * 16, hashlib.sha256(blob).digest())
    return body(epoch, seq, Kind.TAP, reader="in", direction=1, blob_ref=ref), blob


@dataclass
class MadeEpoch:
    """An epoch whose parts a test may change before it asks for `items`."""

    ordinal: int
    epoch: bytes
    first: int = 1
    anchor: bytes = b""
    rows: list[Row] = field(default_factory=list)
    receipts: list[tuple[int, bytes]] = field(default_factory=list)
    acked: int = 0
    key: SigningKey = TERMINAL

    def __post_init__(self) -> None:
        self.anchor = self.anchor or chain.epoch_link(ME, self.epoch)

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    def link(self, seq: int) -> bytes:
        return self.anchor if seq == self.first - 1 else self.rows[seq - self.first][2]

    def commit(self, *records: tuple[bytes, bytes | None]) -> None:
        """Add records under one head."""
        for raw, blob in records:
            self.rows.append((raw, blob, chain.next_link(self.link(self.last), raw), None))
        self.rows[-1] = (*self.rows[-1][:3], self.sign(self.last))

    def sign(self, seq: int) -> bytes:
        return chain.head_signature(chain.Head(ME, self.epoch, seq, self.link(seq)), self.key)

    def head(self, seq: int) -> bytes:
        return chain.sign_head(chain.Head(ME, self.epoch, seq, self.link(seq)), self.key)

    def heads(self) -> list[int]:
        return [self.first + i for i, row in enumerate(self.rows) if row[3] is not None]

    def group(self, seq: int) -> tuple[int, int]:
        """The first and last record of the commit of `seq`."""
        last = min(head for head in self.heads() if head >= seq)
        before = [head for head in self.heads() if head < seq]
        return (max(before) + 1 if before else self.first), last

    def acknowledge(self, seq: int, **other: Any) -> None:
        self.receipts.append((seq, receipt(self.epoch, seq, self.link(seq), **other)))
        self.acked = seq

    def relink(self, seq: int) -> None:
        """Make the links from `seq` on fit the bodies, as anybody can."""
        link = self.link(seq - 1)
        for i in range(seq - self.first, len(self.rows)):
            raw, blob, _, signature = self.rows[i]
            link = chain.next_link(link, raw)
            self.rows[i] = (raw, blob, link, signature)

    def resign(self, seq: int) -> None:
        """Sign every head from `seq` on again: only with the terminal's key."""
        for head in self.heads():
            if head >= seq:
                i = head - self.first
                self.rows[i] = (*self.rows[i][:3], self.sign(head))

    def forget_after(self, seq: int) -> None:
        """Drop receipts above `seq`, as one who cuts the file would."""
        self.receipts = [kept for kept in self.receipts if kept[0] <= seq]
        self.acked = min(self.acked, max((kept for kept, _ in self.receipts), default=0))

    def prune(self, seq: int) -> None:
        self.anchor, self.rows = self.link(seq), self.rows[seq - self.first + 1 :]
        self.first = seq + 1
        self.receipts = [kept for kept in self.receipts if kept[0] >= seq]

    def state(self) -> EpochState:
        link = self.link(self.last)
        return EpochState(
            self.epoch, self.ordinal, self.first, self.anchor, self.last, link, self.acked
        )


@dataclass
class Made:
    """A whole archive."""

    epochs: list[MadeEpoch]
    trust: Sequence[bytes] = (DOCUMENT,)

    def copy(self) -> "Made":
        return deepcopy(self)

    def items(self) -> list[Item]:
        items: list[Item] = [Header(TERMINAL.public, 1)]
        items += [TrustDocument(message) for message in self.trust]
        for epoch in self.epochs:
            items.append(epoch.state())
            items += [Receipt(message) for _, message in epoch.receipts]
            items += [
                Records(epoch.first + i, epoch.rows[i : i + PAGE])
                for i in range(0, len(epoch.rows), PAGE)
            ]
        rows = sum(len(epoch.rows) for epoch in self.epochs)
        receipts = sum(len(epoch.receipts) for epoch in self.epochs)
        return [*items, Counts(len(self.trust), len(self.epochs), receipts, rows)]

    def file(self) -> bytes:
        return written(self.items())


def written(items: Sequence[Item]) -> bytes:
    """The items as a file."""
    file = io.BytesIO()
    header = items[0]
    assert isinstance(header, Header)
    writer = ArchiveWriter(file, header.key, header.made_ms)
    for item in items[1:]:
        match item:
            case TrustDocument():
                writer.trust(item.message)
            case EpochState():
                writer.epoch(item)
            case Receipt():
                writer.receipt(item.message)
            case Records():
                writer.records(item.first, item.rows)
            case Counts():
                assert writer.end() == item
    return file.getvalue()


def make(plan: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Made:
    """An archive from numbers: for each epoch the sizes of its commits, and which are receipted."""
    epochs: list[MadeEpoch] = []
    for ordinal, (sizes, receipted) in enumerate(plan, 1):
        made = MadeEpoch(ordinal, bytes([ordinal]) * 16)
        data: dict[int, Any] = {0: "again", 1: ordinal}
        if epochs:
            before = epochs[-1]
            data |= {2: before.epoch, 3: before.last, 4: before.link(before.last)}
        made.commit((body(made.epoch, 1, Kind.START, data=data), None))
        for size in sizes:
            made.commit(*(tap(made.epoch, made.last + 1 + i) for i in range(size)))
        for head in sorted({made.heads()[n % len(made.heads())] for n in receipted}):
            made.acknowledge(head)
        epochs.append(made)
    return Made(epochs)
