"""Records of an earlier epoch, carried over whole into a later one.

The record that carries is a `salvaged` body; the one it carries is what the terminal once wrote,
octet by octet, and means what it meant where it stood.
"""

from typing import Any

from protocol.bodies import Body
from protocol.errors import LinkError, SealError
from protocol.fields import as_bytes, as_map, as_uint


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
