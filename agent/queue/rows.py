"""What a journal's tables hold, as values."""

from dataclasses import dataclass

import msgspec

_SEQ_BITS = 40


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch as the journal keeps it.

    `anchor` = link(`first`-1); records up to `acked` are held by the platform under `acked_link`;
    `head` is the last record's seq and `head_link` its link. In a closed epoch, records up to
    `wrapped` were carried over into a later one.
    """

    ordinal: int
    epoch: bytes
    first: int
    anchor: bytes
    acked: int
    acked_link: bytes
    wrapped: int
    head: int
    head_link: bytes

    @property
    def held(self) -> int:
        """Seq of the last record that the platform or a later epoch holds."""
        return max(self.acked, self.wrapped)


class Row(msgspec.Struct, frozen=True):
    """One record: raw body, blob (None: none, or erased), link; if last, the head's signature."""

    seq: int
    body: bytes
    blob: bytes | None
    link: bytes
    signature: bytes | None


def position(ordinal: int, seq: int) -> int:
    """The key of a record or of a receipt: it orders by epoch, then by seq."""
    return ordinal << _SEQ_BITS | seq


def place(key: int) -> tuple[int, int]:
    """Ordinal and seq of a key."""
    return key >> _SEQ_BITS, key & (1 << _SEQ_BITS) - 1
