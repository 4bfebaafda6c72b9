"""Taking who tapped out of custody. The body, its link and its head stay, and still verify.

The sealed part becomes empty, wherever custody has it: where the record stood first, in branches,
and in records that carry it over. The caller commits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select

from cloud.bulk import update_rows
from cloud.custody.branches import is_attributed
from cloud.custody.tables import carriers, epochs, erased_records, records, rejected
from cloud.rows import among, insert_absent, whole_numbers
from cloud.terminals.tables import terminals
from protocol.blobs import blob_hash
from protocol.bodies import Body, Kind
from protocol.errors import ProtocolError
from protocol.salvaged import carried_body

ERASED = b""
"""What stands for a sealed part that was erased."""
_PAGE = 1000


class Sealed(msgspec.Struct, frozen=True):
    """A record that says who tapped: where it stood first, H(blob), and the blob if it is there."""

    terminal_id: int
    terminal: bytes
    epoch: bytes
    seq: int
    digest: bytes
    blob: bytes | None = None


class Copies:
    """Where epochs that carry records of others hold which sealed parts: read once for a run."""

    def __init__(self) -> None:
        self._of: dict[int, dict[bytes, list[int]]] = {}

    def within(self, conn: Connection, epoch_id: int) -> Mapping[bytes, Sequence[int]]:
        """The seqs of an epoch's carrying records that have a sealed part, by H(blob)."""
        if epoch_id not in self._of:
            found: dict[bytes, list[int]] = {}
            for digest, seq in _carrying(conn, epoch_id):
                found.setdefault(digest, []).append(seq)
            self._of[epoch_id] = found
        return self._of[epoch_id]


def sealed(conn: Connection, places: Sequence[tuple[int, int]]) -> list[Sealed]:
    """The records at places, each an epoch's id and a seq, that name a sealed part."""
    if not places:
        return []
    wanted = whole_numbers(conn, ("epoch_id", "seq"), places)
    rows = conn.execute(
        select(records.c.body, records.c.blob, epochs.c.terminal_id)
        .join(wanted, (records.c.epoch_id == wanted.c.epoch_id) & (records.c.seq == wanted.c.seq))
        .join(epochs, epochs.c.id == records.c.epoch_id)
    )
    found = []
    for raw, blob, terminal_id in rows:
        body = meant(raw)
        if body is not None and body.blob_ref is not None:
            found.append(
                Sealed(
                    *(terminal_id, body.terminal, body.epoch, body.seq),
                    *(body.blob_ref.blob_hash, bytes(blob) if blob else None),
                )
            )
    return found


def blank(conn: Connection, found: Iterable[Sealed], copies: Copies) -> list[tuple[int, int]]:
    """Empty these sealed parts everywhere; the places, epoch's id and seq, that were not empty."""
    groups: dict[tuple[int, bytes], dict[int, set[bytes]]] = {}
    for each in found:
        seqs = groups.setdefault((each.terminal_id, each.epoch), {})
        seqs.setdefault(each.seq, set()).add(each.digest)
    emptied: list[tuple[int, int, bytes]] = []
    for (terminal_id, epoch), seqs in groups.items():
        emptied += _in_chains(conn, terminal_id, epoch, seqs)
        digests = set().union(*seqs.values())
        for epoch_id in _carriers(conn, terminal_id, epoch):
            held = copies.within(conn, epoch_id)
            for digest in digests & held.keys():
                emptied += [(epoch_id, seq, ERASED) for seq in held[digest]]
    update_rows(conn, records, ("epoch_id", "seq"), ("blob",), emptied)
    return [(epoch_id, seq) for epoch_id, seq, _ in emptied]


def blank_places(conn: Connection, places: Iterable[tuple[int, int]]) -> None:
    """Empty the sealed parts at places, whatever their bodies say."""
    rows = [(epoch_id, seq, ERASED) for epoch_id, seq in places]
    update_rows(conn, records, ("epoch_id", "seq"), ("blob",), rows)


def mark(conn: Connection, found: Iterable[Sealed]) -> None:
    """Remember them: a terminal that sends one again, after a restore, brings nobody back."""
    key = ("terminal", "epoch", "seq", "digest")
    rows = [{name: getattr(each, name) for name in key} for each in found]
    insert_absent(conn, erased_records, rows, key)


def forget_refused(conn: Connection, found: Iterable[Sealed]) -> int:
    """Delete messages that were refused and hold one of these sealed parts; how many."""
    blobs: dict[int, list[bytes]] = {}
    for each in found:
        if each.blob:
            blobs.setdefault(each.terminal_id, []).append(each.blob)
    gone: list[int] = []
    for terminal_id, wanted in blobs.items():
        rows = conn.execute(
            select(rejected.c.id, rejected.c.message)
            .join(terminals, terminals.c.device == rejected.c.device)
            .where(terminals.c.id == terminal_id)
        )
        gone += [row.id for row in rows if any(blob in row.message for blob in wanted)]
    if gone:
        conn.execute(delete(rejected).where(among(conn, rejected.c.id, gone)))
    return len(gone)


def erased_of(conn: Connection, terminal_ids: Sequence[int]) -> frozenset[bytes]:
    """H(blob) of what was erased of terminals, and could be sent once more."""
    query = (
        select(erased_records.c.digest)
        .join(terminals, terminals.c.thumbprint == erased_records.c.terminal)
        .where(among(conn, terminals.c.id, terminal_ids))
    )
    return frozenset(bytes(each) for each in conn.execute(query).scalars())


def is_erased(conn: Connection, terminal_id: int, body: Body) -> bool:
    """Whether the sealed part that a record names, where it stood first, was erased."""
    ref = body.blob_ref
    if ref is None:
        return False
    marked = select(erased_records.c.seq).where(
        erased_records.c.terminal == body.terminal,
        erased_records.c.epoch == body.epoch,
        erased_records.c.seq == body.seq,
        erased_records.c.digest == ref.blob_hash,
    )
    if conn.execute(marked).first() is not None:
        return True
    emptied = (
        select(records.c.body)
        .join(epochs, epochs.c.id == records.c.epoch_id)
        .where(epochs.c.terminal_id == terminal_id, epochs.c.epoch == body.epoch)
        .where(records.c.seq == body.seq, records.c.blob == ERASED)
    )
    return any(_names(raw, ref.blob_hash) for raw in conn.execute(emptied).scalars())


def meant(raw: bytes) -> Body | None:
    """What a record means: what it carries, if it carries another; None if nobody can read it."""
    try:
        body = Body.decode(raw)
        return carried_body(body) if body.kind == Kind.SALVAGED else body
    except ProtocolError:
        return None


def _names(raw: bytes, digest: bytes) -> bool:
    body = meant(raw)
    return body is not None and body.blob_ref is not None and body.blob_ref.blob_hash == digest


def _in_chains(
    conn: Connection, terminal_id: int, epoch: bytes, seqs: Mapping[int, set[bytes]]
) -> list[tuple[int, int, bytes]]:
    """Where the chains of an epoch hold one of the sealed parts at its own seq."""
    rows = conn.execute(
        select(records.c.epoch_id, records.c.seq, records.c.blob)
        .join(epochs, epochs.c.id == records.c.epoch_id)
        .where(epochs.c.terminal_id == terminal_id, epochs.c.epoch == epoch)
        .where(among(conn, records.c.seq, sorted(seqs)), func.length(records.c.blob) > 0)
    )
    return [(row.epoch_id, row.seq, ERASED) for row in rows if blob_hash(row.blob) in seqs[row.seq]]


def _carriers(conn: Connection, terminal_id: int, epoch: bytes) -> list[int]:
    """Epochs that carry records of one, as far as anybody read them; branches nobody reads too."""
    known = select(carriers.c.carrier_epoch_id).where(
        carriers.c.terminal_id == terminal_id, carriers.c.epoch == epoch
    )
    unread = select(epochs.c.id).where(epochs.c.terminal_id == terminal_id, ~is_attributed())
    return list(conn.execute(known.union(unread)).scalars())


def _carrying(conn: Connection, epoch_id: int) -> Iterator[tuple[bytes, int]]:
    before: Any = 0
    while True:
        rows = conn.execute(
            select(records.c.seq, records.c.body, records.c.blob)
            .where(records.c.epoch_id == epoch_id, records.c.seq > before)
            .where(func.length(records.c.blob) > 0)
            .order_by(records.c.seq)
            .limit(_PAGE)
        ).all()
        for row in rows:
            with suppress(ProtocolError):
                if Body.decode(row.body).kind == Kind.SALVAGED:
                    yield blob_hash(row.blob), row.seq
        if len(rows) < _PAGE:
            return
        before = rows[-1].seq
