"""Records of another journal or epoch, as SALVAGED and GAP records of this one.

See `docs/protocol.md`, Records: a salvaged record holds the old body as it was signed, and the old
blob stands beside it.
"""

from typing import Any

from agent.queue.salvaged import Gap, Item
from protocol.bodies import BlobRef, Body, Kind
from protocol.errors import MalformedError

Wrapped = tuple[Kind, dict[int, Any], BlobRef | None, bytes | None]
"""Kind, data, reference to the blob, and blob of a body to be made."""


def wrapped(record: Item | Gap) -> Wrapped:
    """What carries `record` over. One that was carried over before is not wrapped twice."""
    if isinstance(record, Gap):
        data = {0: record.epoch, 1: record.first, 2: record.last, 3: record.why}
        return Kind.GAP, data, None, None
    try:
        body = Body.decode(record.body)
    except MalformedError:  # of a later version: kept, not read
        return Kind.SALVAGED, _data(record), None, None
    if body.kind == Kind.GAP and isinstance(body.data, dict):
        return Kind.GAP, body.data, None, None
    data = body.data if body.kind == Kind.SALVAGED else _data(record)
    # A blob that was lost is not spoken of: the platform would wait for it.
    return Kind.SALVAGED, data, body.blob_ref if record.blob else None, record.blob


def gap_for(record: Item | Gap, why: str) -> tuple[Kind, dict[int, Any]]:
    """What stands for a record that cannot be carried over."""
    if isinstance(record, Gap):
        record = Item(record.epoch, record.first, b"", None, whole=False)
    return Kind.GAP, {0: record.epoch, 1: record.seq, 2: record.seq, 3: why[:200]}


def size(record: Item | Gap) -> int:
    """Octets it takes, about."""
    return 256 if isinstance(record, Gap) else len(record.body) + len(record.blob or b"") + 256


def _data(record: Item) -> dict[int, Any]:
    data: dict[int, Any] = {0: record.epoch, 1: record.seq, 2: record.body}
    if not record.whole:
        data[3] = True
    return data
