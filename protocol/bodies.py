"""Record bodies: what the chain covers.

A body says when, where and what kind; who tapped is sealed in a blob beside it, and the body
holds only the blob's hash.
"""

from enum import IntEnum
from typing import Any

import msgspec

from protocol import cbor
from protocol.errors import MalformedError
from protocol.fields import as_array, as_bytes, as_map, as_text, as_uint, version

MAX_BODY = 4096
"""Octets of a body at most: a seal record for two X25519+ML-KEM-768 recipients needs 2.5 KiB."""


class Kind(IntEnum):
    """What a record says. Kinds unknown to a reader are kept, not refused."""

    START = 1
    """The first record of an epoch: why it began, and where the one before it stood."""
    SEAL = 2
    """A content key, sealed to the platform and to the recovery key."""
    TAP = 3
    """A badge was presented."""
    CLOCK = 4
    """The wall clock was set or stepped."""
    GAP = 5
    """Records known to be missing."""
    SALVAGED = 6
    """A record of an earlier epoch, carried over whole."""
    KEY = 7
    """A new record-signing key, signed under the old one by the head."""


class Sync(IntEnum):
    """What the terminal knows of its wall clock."""

    UNSET = 0
    """Not set since boot: the time is the last good time, or nonsense."""
    SET = 1
    """Set since boot, not synchronised now."""
    SYNCHRONISED = 2
    """Synchronised, within the bound."""


class Direction(IntEnum):
    """Which way a tap goes. AUTO is resolved by the platform."""

    AUTO = 0
    IN = 1
    OUT = 2
    BREAK_START = 3
    BREAK_END = 4


class Time(msgspec.Struct, frozen=True):
    """A moment as the terminal saw it.

    `wall_ms` is milliseconds since 1970 UTC; `boot` the 16-byte boot id; `boottime_ms`
    CLOCK_BOOTTIME in milliseconds; `bound_ms` the greatest error of the wall clock, or None
    when nobody can say.
    """

    wall_ms: int
    boot: bytes
    boottime_ms: int
    sync: Sync
    bound_ms: int | None = None


class BlobRef(msgspec.Struct, frozen=True):
    """Where to find who tapped: the seal's 16-byte id, and H(blob)."""

    seal_id: bytes
    blob_hash: bytes


class Body(msgspec.Struct, frozen=True):
    """One record body. `kind` is a Kind, or an integer this code does not know yet."""

    terminal: bytes
    epoch: bytes
    seq: int
    kind: int
    time: Time
    reader: str | None = None
    direction: int | None = None
    config_version: int | None = None
    blob_ref: BlobRef | None = None
    receipt_hash: bytes | None = None
    """H of the newest receipt leaf accepted: a lower bound on time that a thief cannot fake."""
    data: Any = None

    def encode(self) -> bytes:
        """Deterministic CBOR. Raises MalformedError when longer than MAX_BODY."""
        time = self.time
        fields: dict[int, Any] = {
            0: 1,
            1: self.terminal,
            2: self.epoch,
            3: self.seq,
            4: int(self.kind),
            5: {
                0: time.wall_ms,
                1: time.boot,
                2: time.boottime_ms,
                3: int(time.sync),
                4: time.bound_ms,
            },
        }
        if self.reader is not None:
            fields[6] = self.reader
        if self.direction is not None:
            fields[7] = int(self.direction)
        if self.config_version is not None:
            fields[8] = self.config_version
        if self.blob_ref is not None:
            fields[9] = [self.blob_ref.seal_id, self.blob_ref.blob_hash]
        if self.receipt_hash is not None:
            fields[10] = self.receipt_hash
        if self.data is not None:
            fields[11] = self.data  # its makers write their maps in key order
        raw = cbor.encode_in_order(fields)
        if len(raw) > MAX_BODY:
            raise MalformedError(f"a body of {len(raw)} bytes; {MAX_BODY} is the most")
        return raw

    @classmethod
    def decode(cls, raw: bytes) -> "Body":
        """Read a body of version 1, whatever its kind. Raises MalformedError."""
        if len(raw) > MAX_BODY:
            raise MalformedError(f"a body of {len(raw)} bytes; {MAX_BODY} is the most")
        fields = as_map(cbor.decode(raw), "a body")
        version(fields, "a body")
        ref = fields.get(9)
        receipt = fields.get(10)
        reader = fields.get(6)
        return cls(
            terminal=as_bytes(fields.get(1), "terminal", 32),
            epoch=as_bytes(fields.get(2), "epoch", 16),
            seq=as_uint(fields.get(3), "seq"),
            kind=as_uint(fields.get(4), "kind"),
            time=_time(fields.get(5)),
            reader=None if reader is None else as_text(reader, "reader", 64),
            direction=None if 7 not in fields else as_uint(fields[7], "direction"),
            config_version=None if 8 not in fields else as_uint(fields[8], "config version"),
            blob_ref=None if ref is None else _blob_ref(ref),
            receipt_hash=None if receipt is None else as_bytes(receipt, "receipt hash", 32),
            data=fields.get(11),
        )


def peek_blob_hash(raw: bytes) -> bytes | None:
    """H(blob) that a raw body names, or None: the one field custody must read.

    Never raises for a body it cannot read: such a body names no blob.
    """
    try:
        return _blob_ref(as_map(cbor.decode(raw), "a body").get(9)).blob_hash
    except MalformedError:
        return None


def _time(value: Any) -> Time:
    fields = as_map(value, "time")
    bound = fields.get(4)
    try:
        sync = Sync(as_uint(fields.get(3), "sync"))
    except ValueError:
        sync = Sync.UNSET
    return Time(
        as_uint(fields.get(0), "wall_ms", 2**63),
        as_bytes(fields.get(1), "boot", 16),
        as_uint(fields.get(2), "boottime_ms", 2**63),
        sync,
        None if bound is None else as_uint(bound, "bound_ms", 2**63),
    )


def _blob_ref(value: Any) -> BlobRef:
    seal_id, blob_hash = as_array(value, "a blob reference", 2)
    return BlobRef(as_bytes(seal_id, "seal id", 16), as_bytes(blob_hash, "H(blob)", 32))
