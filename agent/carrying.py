"""Records of another journal or epoch, as SALVAGED and GAP records of this one.

See `docs/protocol.md`, Records: a salvaged record holds the old body as it was signed, and the old
blob stands beside it.
"""

from typing import Any

from agent.queue.salvaged import Item
from protocol.bodies import BlobRef, Body, Kind
from protocol.errors import MalformedError
from protocol.salvaged import Gap, salvaged_data

Wrapped = tuple[Kind, dict[int, Any], BlobRef | None, bytes | None]
"""Kind, data, reference to the blob, and blob of a body to be made."""


def wrapped(record: Item | Gap) -> Wrapped:
    """What carries `record` over. One that was carried over before is not wrapped twice."""
    if isinstance(record, Gap):
        return Kind.GAP, record.data(), None, None
    data = salvaged_data(record.epoch, record.seq, record.body, whole=record.whole)
    try:
        body = Body.decode(record.body)
    except MalformedError:  # of a later version: kept, not read
        return Kind.SALVAGED, data, None, None
    if body.kind in {Kind.GAP, Kind.SALVAGED} and isinstance(body.data, dict):
        data = body.data
    kind = Kind.GAP if body.kind == Kind.GAP else Kind.SALVAGED
    # A blob that was lost is not spoken of: the platform would wait for it.
    return kind, data, body.blob_ref if record.blob else None, record.blob


def gap_for(record: Item | Gap, why: str) -> Gap:
    """What stands for a record that cannot be carried over."""
    seq = record.first if isinstance(record, Gap) else record.seq
    return Gap(record.epoch, seq, seq, why)


def size(record: Item | Gap) -> int:
    """Octets it takes, about."""
    return 256 if isinstance(record, Gap) else len(record.body) + len(record.blob or b"") + 256
