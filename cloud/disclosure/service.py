"""Making disclosures from custody. Nothing is written to the database."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import Connection, select

from cloud.custody import gaps
from cloud.custody.tables import epochs, heads, records
from cloud.disclosure.scan import bodies, epoch_ids
from cloud.disclosure.seals import find_content_key
from cloud.errors import ConflictError, NotFoundError
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals
from protocol import blobs, cbor
from protocol.badges import Badge
from protocol.bodies import Body, Kind
from protocol.chain import epoch_link
from protocol.disclosure import Disclosure
from protocol.errors import MalformedError, ProtocolError
from protocol.keys import VerifyKey
from protocol.salvaged import carried_body
from protocol.seals import SealingKey


class Place(msgspec.Struct, frozen=True):
    """Where a record is, or was, on its terminal."""

    terminal_id: int
    epoch: bytes
    seq: int
    epoch_id: int | None = None
    """Which chain, when the epoch has several; the first one if not said."""


class Disclosed(msgspec.Struct, frozen=True):
    """A disclosure, found to verify; the record as it stands, what it means, and who it names."""

    disclosure: Disclosure
    stands: Body
    body: Body
    badge: Badge | None


def place_of(conn: Connection, registration_id: int) -> Place:
    """Where a registration's record is. Raises NotFoundError."""
    row = conn.execute(
        select(registrations.c.terminal_id, epochs.c.epoch, registrations.c.seq, epochs.c.id)
        .join(epochs, epochs.c.id == registrations.c.epoch_id)
        .where(registrations.c.id == registration_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no registration {registration_id}")
    return Place(*row)


def registered_at(conn: Connection, place: Place) -> tuple[int | None, int | None]:
    """The registration that a record became, and the company at whose site it was made."""
    query = (
        select(registrations.c.id, registrations.c.company_id)
        .join(epochs, epochs.c.id == registrations.c.epoch_id)
        .where(epochs.c.terminal_id == place.terminal_id, epochs.c.epoch == place.epoch)
        .where(registrations.c.seq == place.seq)
        .where(epochs.c.branch == 0 if place.epoch_id is None else epochs.c.id == place.epoch_id)
    )
    found = conn.execute(query).one_or_none()
    return (None, None) if found is None else (found.id, found.company_id)


def disclose(conn: Connection, place: Place, keys: Sequence[SealingKey]) -> Disclosed:
    """The record at a place, or the one that carries it since, opened by one of `keys`.

    Raises NotFoundError when it is not in custody, ConflictError when it cannot be disclosed.
    """
    epoch_id, seq, body = _find(conn, place)
    raw, blob = _record(conn, epoch_id, seq)
    named = f"record {seq} of epoch {body.epoch.hex()}"
    meant = _meaning(body, named)
    key, ref = None, meant.blob_ref
    if ref is not None:
        if not blob:
            raise ConflictError(f"{named} cannot be disclosed: who tapped was erased, or is lost")
        content = find_content_key(conn, place.terminal_id, meant, ref.seal_id, keys)
        where = blobs.Place(meant.terminal, meant.epoch, meant.seq, ref.seal_id)
        try:
            key = blobs.tap_key(content, blobs.salt_of(blob), where)
        except MalformedError as error:
            raise ConflictError(f"{named} cannot be disclosed: {error}") from error
    link = _link_before(conn, epoch_id, body)
    head, following = _head_after(conn, epoch_id, seq, named)
    made = Disclosure(raw, link, following, head, blob, key)
    signer = conn.execute(
        select(terminals.c.public_key).where(terminals.c.id == place.terminal_id)
    ).scalar_one()
    try:
        stands, badge = made.verify(VerifyKey.from_cose(signer), body.terminal)
    except ProtocolError as error:
        raise ConflictError(f"{named} cannot be disclosed: {error}") from error
    return Disclosed(made, stands, meant, badge)


def _find(conn: Connection, place: Place) -> tuple[int, int, Body]:
    """Epoch id, seq and body of the record, or else of the one that carries it."""
    chains = conn.execute(
        select(epochs.c.id, epochs.c.branch)
        .join(records, records.c.epoch_id == epochs.c.id)
        .where(epochs.c.terminal_id == place.terminal_id, epochs.c.epoch == place.epoch)
        .where(records.c.seq == place.seq)
        .order_by(epochs.c.branch)
    ).all()
    named = f"record {place.seq} of epoch {place.epoch.hex()}"
    for epoch_id, branch in chains:
        if epoch_id == place.epoch_id or (place.epoch_id is None and branch == 0):
            raw, _ = _record(conn, epoch_id, place.seq)
            return epoch_id, place.seq, _decode(conn, raw, place, named)
    found = _carrier(conn, place)
    if found is not None:
        return found
    if chains:
        raise ConflictError(
            f"{named} is in a branch: the terminal's key signed two chains, and this is not the"
            " one that was registered"
        )
    raise NotFoundError(f"{named} is not in custody, nor carried by any record that is")


def _decode(conn: Connection, raw: bytes, place: Place, named: str) -> Body:
    try:
        body = Body.decode(raw)
    except MalformedError as error:
        raise ConflictError(f"{named} cannot be disclosed: it cannot be read: {error}") from error
    thumbprint = conn.execute(
        select(terminals.c.thumbprint).where(terminals.c.id == place.terminal_id)
    ).scalar_one()
    if (body.terminal, body.epoch, body.seq) != (thumbprint, place.epoch, place.seq):
        raise ConflictError(f"{named} cannot be disclosed: its body names another place")
    return body


def _carrier(conn: Connection, place: Place) -> tuple[int, int, Body] | None:
    """The record of another epoch that carries the one at `place`."""
    for epoch_id, epoch in epoch_ids(conn, place.terminal_id):
        if epoch == place.epoch:
            continue
        for body in bodies(conn, epoch_id):
            if body.kind != Kind.SALVAGED:
                continue
            with suppress(ProtocolError):
                carried = carried_body(body)
                if (carried.epoch, carried.seq) == (place.epoch, place.seq):
                    return epoch_id, body.seq, body
    return None


def _meaning(body: Body, named: str) -> Body:
    if body.kind != Kind.SALVAGED:
        return body
    try:
        return carried_body(body)
    except ProtocolError as error:
        raise ConflictError(f"{named} cannot be disclosed: {error}") from error


def _record(conn: Connection, epoch_id: int, seq: int) -> tuple[bytes, bytes | None]:
    row = conn.execute(
        select(records.c.body, records.c.blob).where(
            records.c.epoch_id == epoch_id, records.c.seq == seq
        )
    ).one()
    return row.body, row.blob


def _link_before(conn: Connection, epoch_id: int, body: Body) -> bytes:
    if body.seq == 1:
        return epoch_link(body.terminal, body.epoch)
    link: bytes | None = conn.execute(
        select(records.c.link).where(records.c.epoch_id == epoch_id, records.c.seq == body.seq - 1)
    ).scalar()
    link = link or gaps.link_at(conn, epoch_id, body.seq - 1)
    if link is None:
        raise ConflictError(
            f"record {body.seq} of epoch {body.epoch.hex()} cannot be disclosed: the record before"
            " it is not in custody, and with it the link this one continues"
        )
    return link


def _head_after(conn: Connection, epoch_id: int, seq: int, named: str) -> tuple[bytes, list[bytes]]:
    """The next head in custody, and H of each body up to it."""
    head = conn.execute(
        select(heads.c.seq, heads.c.head)
        .where(heads.c.epoch_id == epoch_id, heads.c.seq >= seq)
        .order_by(heads.c.seq)
        .limit(1)
    ).one_or_none()
    if head is None:
        raise ConflictError(f"{named} cannot be disclosed: no head over it is in custody")
    later = conn.execute(
        select(records.c.body)
        .where(records.c.epoch_id == epoch_id, records.c.seq.between(seq + 1, head.seq))
        .order_by(records.c.seq)
    ).scalars()
    return head.head, [cbor.digest(body) for body in later]
