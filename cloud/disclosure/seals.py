"""The content key under which a record was sealed, from wherever its seal is in custody."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from sqlalchemy import Connection

from cloud.disclosure.scan import bodies, epoch_ids
from cloud.errors import ConflictError
from protocol.bodies import Body, Kind
from protocol.errors import MalformedError, ProtocolError, SealError
from protocol.salvaged import carried_body
from protocol.seals import ContentKey, SealingKey, open_seal


def find_content_key(
    conn: Connection, terminal_id: int, body: Body, seal_id: bytes, keys: Sequence[SealingKey]
) -> ContentKey:
    """The content key that `body` names by `seal_id`. Raises ConflictError."""
    named = f"record {body.seq} of epoch {body.epoch.hex()}"
    for seal in _seals(conn, terminal_id, body):
        if not isinstance(seal.data, dict) or seal.data.get(0) != seal_id:
            continue
        try:
            return open_seal(
                seal.data, keys, terminal=seal.terminal, epoch=seal.epoch, seq=seal.seq
            )
        except SealError as error:
            raise ConflictError(f"{named} cannot be opened: {error}") from error
        except MalformedError:
            continue
    raise ConflictError(
        f"{named} cannot be opened: its seal, {seal_id.hex()[:16]}, is not in custody"
    )


def _seals(conn: Connection, terminal_id: int, body: Body) -> Iterator[Body]:
    """The seals of an epoch before a record: where they stand, then those carried over.

    Only a record without a blob is a seal, or carries one.
    """
    chains = epoch_ids(conn, terminal_id)
    mine = [number for number, epoch in chains if epoch == body.epoch]
    others = [number for number, epoch in chains if epoch != body.epoch]
    for epoch_id in mine:
        for found in bodies(conn, epoch_id, body.seq, bare=True):
            if found.kind == Kind.SEAL and found.epoch == body.epoch:
                yield found
    for epoch_id in others:
        for found in bodies(conn, epoch_id, bare=True):
            if found.kind != Kind.SALVAGED:
                continue
            with suppress(ProtocolError):
                carried = carried_body(found)
                if carried.kind == Kind.SEAL and carried.epoch == body.epoch:
                    yield carried
