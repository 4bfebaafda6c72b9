"""Records that a terminal carried over from an epoch it had to close, and the gaps it noted.

A record counts once, wherever it is met: where it stood first, if custody holds it there, or else
in the first record that carries it. So a terminal may carry over more than it must.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from cloud.custody.alarms import raise_alarm
from cloud.custody.branches import is_attributed
from cloud.custody.saying import What
from cloud.custody.tables import carried, carriers, epochs, records
from cloud.interpretation.unsealing import WaitingError
from cloud.registrations.tables import registrations
from cloud.rows import among, insert_absent
from protocol import cbor
from protocol.bodies import Body
from protocol.errors import ProtocolError
from protocol.salvaged import Gap, carried_body, is_whole

_LARGEST_ORDINAL = 2**31


class Chain(msgspec.Struct, frozen=True):
    """The chain of an epoch that is attributed, as far as it is in custody."""

    id: int
    ordinal: int | None
    first_seq: int
    head_seq: int


def meant(body: Body) -> Body:
    """What a `salvaged` body carries. Raises WaitingError."""
    try:
        return carried_body(body)
    except ProtocolError as error:
        raise WaitingError("undecodable", str(error)) from error


def counts(conn: Connection, terminal_id: int, carrier: tuple[int, int], body: Body) -> bool:
    """Whether a carried record counts here, at `carrier` (epoch id, seq), and nowhere else.

    `body` is the `salvaged` body.
    """
    old_epoch, old_seq, raw = (body.data[key] for key in range(3))
    digest = cbor.digest(raw)
    key = (carried.c.terminal_id == terminal_id, carried.c.epoch == old_epoch)
    claim = conn.execute(
        select(carried.c.carrier_epoch_id, carried.c.carrier_seq).where(
            *key, carried.c.seq == old_seq, carried.c.digest == digest
        )
    ).one_or_none()
    if claim is not None:
        return tuple(claim) == carrier
    for chain in chains_of(conn, terminal_id, old_epoch):
        if _stands(conn, chain.id, old_seq, raw):
            return False
    conn.execute(
        carried.insert().values(
            terminal_id=terminal_id,
            epoch=old_epoch,
            seq=old_seq,
            digest=digest,
            carrier_epoch_id=carrier[0],
            carrier_seq=carrier[1],
        )
    )
    return True


def note_carriers(
    conn: Connection, terminal_id: int, carrier_epoch_id: int, last: Mapping[bytes, int]
) -> None:
    """Remember that an epoch carries records of others, of each up to its `last`."""
    for epoch, seq in last.items():
        key = {"terminal_id": terminal_id, "epoch": epoch, "carrier_epoch_id": carrier_epoch_id}
        insert_absent(conn, carriers, [key | {"last_seq": seq}], list(key))
        conn.execute(
            update(carriers)
            .where(*(carriers.c[name] == value for name, value in key.items()))
            .where(carriers.c.last_seq < seq)
            .values(last_seq=seq)
        )


def read_again(conn: Connection, terminal_id: int, epoch: bytes, first: int, last: int) -> None:
    """Have what carries records of an epoch interpreted once more, after its `first` to `last`.

    These came into custody after it, and clock records it carries are to correct them. Once for
    each: a terminal that lets two epochs carry one another would keep us busy for ever.
    """
    late = (
        (carriers.c.terminal_id == terminal_id)
        & (carriers.c.epoch == epoch)
        & (carriers.c.last_seq >= first)
        & (carriers.c.read_seq < last)
    )
    found = conn.execute(select(carriers.c.carrier_epoch_id).where(late)).scalars().all()
    if not found:
        return
    conn.execute(update(carriers).where(late).values(read_seq=last))
    conn.execute(
        update(epochs)
        .where(epochs.c.id.in_(found), epochs.c.epoch != epoch)
        .values(interpreted_seq=0)
    )


def carried_epochs(conn: Connection, terminal_ids: Sequence[int]) -> set[tuple[int, bytes]]:
    """The epochs of terminals, of which later ones carry records: terminal id and epoch."""
    rows = conn.execute(
        select(carriers.c.terminal_id, carriers.c.epoch)
        .where(among(conn, carriers.c.terminal_id, terminal_ids))
        .distinct()
    )
    return {(row.terminal_id, bytes(row.epoch)) for row in rows}


def counted_elsewhere(
    conn: Connection, terminal_id: int, epoch: bytes, first: int, last: int
) -> set[tuple[int, bytes]]:
    """Seq and H(body) of the records of an epoch that count in the records that carry them."""
    rows = conn.execute(
        select(carried.c.seq, carried.c.digest).where(
            carried.c.terminal_id == terminal_id,
            carried.c.epoch == epoch,
            carried.c.seq.between(first, last),
        )
    )
    return {(seq, bytes(digest)) for seq, digest in rows}


def counted_in_another(conn: Connection, epoch_id: int, epoch: bytes, seq: int, raw: bytes) -> bool:
    """Whether a branch's record counts where another chain of its epoch has the same.

    A branch begins with the batch in which it departed: what came before that stands twice.
    """
    terminal = select(epochs.c.terminal_id).where(epochs.c.id == epoch_id).scalar_subquery()
    same = conn.execute(
        select(epochs.c.branch, records.c.body, registrations.c.id.label("registered"))
        .select_from(epochs)
        .join(records, (records.c.epoch_id == epochs.c.id) & (records.c.seq == seq))
        .outerjoin(
            registrations, (registrations.c.epoch_id == epochs.c.id) & (registrations.c.seq == seq)
        )
        .where(epochs.c.terminal_id == terminal, epochs.c.epoch == epoch, epochs.c.id != epoch_id)
    )
    return any(
        (row.branch == 0 or row.registered is not None) and bytes(row.body) == raw for row in same
    )


def chain_of(conn: Connection, terminal_id: int, epoch: bytes) -> Chain | None:
    """The first chain of a terminal's epoch, if any of it is in custody."""
    chains = chains_of(conn, terminal_id, epoch)
    return chains[0] if chains else None


def chains_of(conn: Connection, terminal_id: int, epoch: bytes) -> list[Chain]:
    """The chains of a terminal's epoch that are attributed, the first one first."""
    rows = conn.execute(
        select(epochs.c.id, epochs.c.ordinal, epochs.c.first_seq, epochs.c.head_seq)
        .where(epochs.c.terminal_id == terminal_id, epochs.c.epoch == epoch, is_attributed())
        .order_by(epochs.c.branch)
    )
    return [Chain(*row) for row in rows]


def note_gap(conn: Connection, terminal_id: int, body: Body) -> None:
    """Raise an alarm for what a `gap` body misses and custody does not hold. Raises WaitingError.

    A terminal names what it cannot prove any more. What it delivered before is not missing.
    """
    try:
        gap = Gap.read(body)
    except ProtocolError as error:
        raise WaitingError("undecodable", str(error)) from error
    chain = chain_of(conn, terminal_id, gap.epoch)
    for first, last in _not_held(gap, chain):
        number = gap.epoch.hex()[:8] if chain is None or chain.ordinal is None else chain.ordinal
        values = {"first": first, "epoch": number, "why": gap.why}
        if last is None:
            raise_alarm(conn, terminal_id, What.LOST_ON, **values)
        else:
            raise_alarm(conn, terminal_id, What.LOST, last=last, **values)


def note_ordinal(conn: Connection, terminal_id: int, body: Body) -> None:
    """Remember the number people know an epoch by, as its `start` tells it."""
    ordinal = body.data.get(1) if isinstance(body.data, dict) else None
    if isinstance(ordinal, int) and 0 < ordinal < _LARGEST_ORDINAL:
        conn.execute(
            update(epochs)
            .where(epochs.c.terminal_id == terminal_id, epochs.c.epoch == body.epoch)
            .where(epochs.c.ordinal.is_(None))
            .values(ordinal=ordinal)
        )


def note_unproved(conn: Connection, terminal_id: int, body: Body) -> None:
    """Raise an alarm for a carried record that nothing contradicts and no head proves whole."""
    if not is_whole(body):
        raise_alarm(conn, terminal_id, What.UNPROVED, seq=body.data[1])


def _stands(conn: Connection, epoch_id: int, seq: int, raw: bytes) -> bool:
    found: Any = conn.execute(
        select(records.c.body).where(records.c.epoch_id == epoch_id, records.c.seq == seq)
    ).scalar()
    return found is not None and bytes(found) == raw


def _not_held(gap: Gap, chain: Chain | None) -> Sequence[tuple[int, int | None]]:
    """The parts of a gap that an epoch's chain in custody does not cover."""
    if chain is None or chain.head_seq < chain.first_seq:
        return [(gap.first, gap.last)]
    below = (
        gap.first,
        chain.first_seq - 1 if gap.last is None else min(gap.last, chain.first_seq - 1),
    )
    above = (max(gap.first, chain.head_seq + 1), gap.last)
    parts: list[tuple[int, int | None]] = [below, above]
    return [(first, last) for first, last in parts if last is None or first <= last]
