"""What proves a registration: its record as it stands in custody, and what holds it there."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from cloud.custody.tables import epochs, heads, records
from cloud.languages.current import gettext as _
from cloud.registrations.tables import registration_history, registrations
from cloud.times import rfc3339


@dataclass(frozen=True, slots=True)
class Proof:
    """A record in custody. `head` and `head_seq` are None while no signed head covers it."""

    body: bytes
    blob: bytes | None
    link: bytes
    seq: int
    epoch: bytes
    branch: int
    head: bytes | None
    head_seq: int | None
    received_ms: int


def proof(conn: Connection, registration_id: int) -> Proof | None:
    """The record of a registration; None when it stands only within one that carries it."""
    row = conn.execute(
        select(registrations.c.epoch_id, registrations.c.seq, epochs.c.epoch, epochs.c.branch)
        .join(epochs, epochs.c.id == registrations.c.epoch_id)
        .where(registrations.c.id == registration_id)
    ).one()
    record = conn.execute(
        select(records).where(records.c.epoch_id == row.epoch_id, records.c.seq == row.seq)
    ).one_or_none()
    if record is None:
        return None
    head = conn.execute(
        select(heads.c.seq, heads.c.head)
        .where(heads.c.epoch_id == row.epoch_id, heads.c.seq >= row.seq)
        .order_by(heads.c.seq)
        .limit(1)
    ).one_or_none()
    return Proof(
        record.body,
        record.blob,
        record.link,
        row.seq,
        row.epoch,
        row.branch,
        None if head is None else head.head,
        None if head is None else head.seq,
        record.received_ms,
    )


def history(conn: Connection, registration_id: int) -> list[dict[str, object]]:
    """When the registration was attributed or dated anew, and why, the oldest first."""
    rows = conn.execute(
        select(registration_history.c.version, registration_history.c.at_ms,
               registration_history.c.why)
        .where(registration_history.c.registration_id == registration_id)
        .order_by(registration_history.c.version)
    )  # fmt: skip
    return [{"version": row.version, "at": rfc3339(row.at_ms), "why": _(row.why)} for row in rows]
