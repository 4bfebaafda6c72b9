"""What proves a registration: its record as it stands in custody, and what holds it there.

Whoever has the terminal's public key and the platform's recomputes it: the link before, the body,
and the hashes that follow it lead to the link that the terminal's head signs, and further to the
one that the platform's receipt signs.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from cloud.custody import gaps, receipts
from cloud.custody.receipts import Receipt
from cloud.custody.tables import carried, epochs, heads, records
from cloud.languages.current import gettext as _
from cloud.registrations.tables import registration_history, registrations
from cloud.times import rfc3339
from protocol import cbor
from protocol.bodies import Body, Kind
from protocol.chain import epoch_link
from protocol.errors import ProtocolError
from protocol.salvaged import carried_body

FARTHEST = 20_000
"""Records between one and its receipt, at most, whose hashes are told."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A record in custody: where it stands, and what signs for it.

    `before` is link(seq-1), None where custody lacks it; `following` holds H(body) of each record
    after it up to the head's, None where one is missing. `head` and `head_seq` are None while no
    signed head covers it. `receipt` is None while none is kept that does; `to_receipt` holds
    H(body) of the records after the head's up to the receipt's, None where one of them is missing,
    or they are too many.
    `first_stood` is the epoch and seq of a record that the one shown carries, None of others.
    """

    body: bytes
    blob: bytes | None
    before: bytes | None
    link: bytes
    seq: int
    epoch: bytes
    branch: int
    following: tuple[bytes, ...] | None
    head: bytes | None
    head_seq: int | None
    receipt: Receipt | None
    to_receipt: tuple[bytes, ...] | None
    first_stood: tuple[bytes, int] | None
    received_ms: int


def proof(conn: Connection, registration_id: int) -> Proof | None:
    """The record of a registration, or the one that carries it; None when custody has neither."""
    row = conn.execute(
        select(
            registrations.c.epoch_id, registrations.c.seq, registrations.c.terminal_id,
            epochs.c.epoch,
        )
        .join(epochs, epochs.c.id == registrations.c.epoch_id)
        .where(registrations.c.id == registration_id)
    ).one()  # fmt: skip
    found = _at(conn, row.epoch_id, row.seq)
    if found is not None:
        return found
    carriers = conn.execute(
        select(carried.c.carrier_epoch_id, carried.c.carrier_seq)
        .where(
            carried.c.terminal_id == row.terminal_id,
            carried.c.epoch == row.epoch,
            carried.c.seq == row.seq,
        )
        .order_by(carried.c.carrier_epoch_id, carried.c.carrier_seq)
    )
    for each in carriers:
        found = _at(conn, each.carrier_epoch_id, each.carrier_seq)
        if found is not None:
            return found
    return None


def _at(conn: Connection, epoch_id: int, seq: int) -> Proof | None:
    record = conn.execute(
        select(records, epochs.c.epoch, epochs.c.branch)
        .join(epochs, epochs.c.id == records.c.epoch_id)
        .where(records.c.epoch_id == epoch_id, records.c.seq == seq)
    ).one_or_none()
    if record is None:
        return None
    head = conn.execute(
        select(heads.c.seq, heads.c.head)
        .where(heads.c.epoch_id == epoch_id, heads.c.seq >= seq)
        .order_by(heads.c.seq)
        .limit(1)
    ).one_or_none()
    reached = seq if head is None else head.seq
    receipt = receipts.covering(conn, epoch_id, reached)
    return Proof(
        body=record.body,
        blob=record.blob,
        before=_link_before(conn, epoch_id, record.body),
        link=record.link,
        seq=seq,
        epoch=record.epoch,
        branch=record.branch,
        following=_hashes(conn, epoch_id, seq, reached),
        head=None if head is None else head.head,
        head_seq=None if head is None else head.seq,
        receipt=receipt,
        to_receipt=None if receipt is None else _hashes(conn, epoch_id, reached, receipt.seq),
        first_stood=_first_stood(record.body),
        received_ms=record.received_ms,
    )


def _first_stood(raw: bytes) -> tuple[bytes, int] | None:
    """Where the record stood first that this one carries."""
    try:
        body = Body.decode(raw)
        if body.kind != Kind.SALVAGED:
            return None
        meant = carried_body(body)
    except ProtocolError:
        return None
    return meant.epoch, meant.seq


def _link_before(conn: Connection, epoch_id: int, raw: bytes) -> bytes | None:
    try:
        body = Body.decode(raw)
    except ProtocolError:
        return None
    if body.seq == 1:
        return epoch_link(body.terminal, body.epoch)
    link: bytes | None = conn.execute(
        select(records.c.link).where(records.c.epoch_id == epoch_id, records.c.seq == body.seq - 1)
    ).scalar()
    return link or gaps.link_at(conn, epoch_id, body.seq - 1)


def _hashes(conn: Connection, epoch_id: int, after: int, last: int) -> tuple[bytes, ...] | None:
    """H(body) of the records after one, up to another; None when not all are there."""
    if last - after > FARTHEST:
        return None
    bodies = conn.execute(
        select(records.c.body)
        .where(records.c.epoch_id == epoch_id, records.c.seq.between(after + 1, last))
        .order_by(records.c.seq)
    ).scalars()
    found = tuple(cbor.digest(body) for body in bodies)
    return found if len(found) == last - after else None


def history(conn: Connection, registration_id: int) -> list[dict[str, object]]:
    """When the registration was attributed or dated anew, and why, the oldest first."""
    rows = conn.execute(
        select(registration_history.c.version, registration_history.c.at_ms,
               registration_history.c.why)
        .where(registration_history.c.registration_id == registration_id)
        .order_by(registration_history.c.version)
    )  # fmt: skip
    return [{"version": row.version, "at": rfc3339(row.at_ms), "why": _(row.why)} for row in rows]
