"""Bodies and batches: each field is checked, and sizes before anything else."""

from typing import Any

import cbor2
import pytest

from protocol import batches
from protocol.batches import Batch
from protocol.bodies import Body, Kind, peek_blob_hash
from protocol.errors import MalformedError
from tests.protocol.messages import (
    EPOCH,
    ME,
    TIME,
    Chain,
    changed,
)

CHAIN = Chain()


BODY = CHAIN.records[2][0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (0, 2), (0, True), (0, None), (1, b"t" * 31), (2, "e" * 16), (3, -1), (3, 2**63),
        (4, True), (4, None), (5, []), (5, {0: 0}), (6, "x" * 65), (6, "a\nb"), (6, "a\0"),
        (6, b"in"), (7, None), (7, 2**63), (8, "1"), (9, [b"s" * 16]), (9, [b"s" * 16, b"h"]),
        (10, b"h" * 31),
    ],
)  # fmt: skip
def test_a_body_with_a_wrong_field_is_refused(key: int, value: Any) -> None:
    with pytest.raises(MalformedError):
        Body.decode(changed(BODY, key, value))


def test_a_body_with_unknown_kind_direction_and_fields_is_read() -> None:
    body = changed(changed(changed(BODY, 4, 99), 7, 98), 12, ["later"])
    found = Body.decode(body)
    assert (found.kind, found.direction) == (99, 98)
    assert peek_blob_hash(body) == peek_blob_hash(BODY) is not None


def test_bodies_and_batches_are_measured_before_they_are_read() -> None:
    with pytest.raises(MalformedError, match="4096"):
        Body.decode(b"?" * 4097)
    with pytest.raises(MalformedError, match="4096"):
        Body(ME, EPOCH, 1, Kind.START, TIME, data={0: "x" * 4096, 1: 1}).encode()
    fields = cbor2.loads(CHAIN.batch().encode())
    for records in ([[b"?" * 4097, None]], [[b"", b"?" * 193]], [[b""]], [b""], [[1, None]]):
        with pytest.raises(MalformedError):
            Batch.decode(cbor2.dumps(fields | {5: records}))
    with pytest.raises(MalformedError, match=str(batches.MAX_BATCH)):
        Batch.decode(b"?" * (batches.MAX_BATCH + 1))
    many = [[b"", None]] * (batches.MAX_RECORDS + 1)
    with pytest.raises(MalformedError, match="4097 records"):
        Batch.decode(cbor2.dumps(fields | {5: many}))


def test_a_size_is_never_less_than_a_record_takes() -> None:
    """Room in a packet is reckoned with it."""
    for body, blob in [*CHAIN.records, (b"", None), (b"?" * 4096, b"?" * 192)]:
        assert batches.record_size(body, blob) >= len(cbor2.dumps([body, blob]))
    made = CHAIN.batch()
    sizes = sum(batches.record_size(body, blob) for body, blob in made.records)
    assert len(made.encode()) <= sizes + batches.OVERHEAD
