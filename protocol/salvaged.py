"""Records of an earlier epoch, carried over whole into a later one; and gaps where some are gone.

The record that carries is a `salvaged` body; the one it carries is what the terminal once wrote,
octet by octet, and means what it meant where it stood.
"""

from typing import Any

import msgspec

from protocol.bodies import Body
from protocol.errors import LinkError, SealError
from protocol.fields import as_bytes, as_map, as_text, as_uint

_WHY = 200
"""Characters of a gap's reason at most."""


class Gap(msgspec.Struct, frozen=True):
    """Records `first` to `last` of `epoch` are missing; `last` is None when nobody knows how many.

    A terminal names what it cannot prove any more: the platform may well hold some of it.
    """

    epoch: bytes
    first: int
    last: int | None
    why: str

    def data(self) -> dict[int, Any]:
        """The data of a `gap` body."""
        return {0: self.epoch, 1: self.first, 2: self.last, 3: self.why[:_WHY]}

    @classmethod
    def read(cls, body: Body) -> "Gap":
        """What a `gap` body says. Raises MalformedError."""
        fields: dict[int, Any] = as_map(body.data, "a gap")
        last = fields.get(2)
        return cls(
            as_bytes(fields.get(0), "the epoch of a gap", 16),
            as_uint(fields.get(1), "the first record of a gap"),
            None if last is None else as_uint(last, "the last record of a gap"),
            as_text(fields.get(3), "the reason of a gap", _WHY),
        )


def salvaged_data(epoch: bytes, seq: int, body: bytes, *, whole: bool) -> dict[int, Any]:
    """The data of a `salvaged` body that carries raw `body`, record `seq` of `epoch`.

    `whole` is False when its link is proved and the body is not, since the record before it is
    gone: nothing contradicts it.
    """
    data: dict[int, Any] = {0: epoch, 1: seq, 2: body}
    if not whole:
        data[3] = True
    return data


def is_whole(body: Body) -> bool:
    """Whether the record that a `salvaged` body carries was proved in whole."""
    return as_map(body.data, "a salvaged record").get(3) is not True


def carried_body(body: Body) -> Body:
    """The body that a `salvaged` body carries.

    Raises MalformedError when it is none; LinkError when it stood elsewhere than is said;
    SealError when the two name different blobs. One that names none has lost it.
    """
    fields: dict[int, Any] = as_map(body.data, "a salvaged record")
    epoch = as_bytes(fields.get(0), "the epoch of a salvaged record", 16)
    seq = as_uint(fields.get(1), "the seq of a salvaged record")
    carried = Body.decode(as_bytes(fields.get(2), "a salvaged body"))
    if (carried.terminal, carried.epoch, carried.seq) != (body.terminal, epoch, seq):
        raise LinkError(f"record {body.seq} carries another record than the one it names")
    if body.blob_ref is not None and carried.blob_ref != body.blob_ref:
        raise SealError(f"record {body.seq} names another blob than the record it carries")
    return carried
