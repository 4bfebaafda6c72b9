"""What custody holds of a group's terminals, and what the group adds to it, written together."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, select

from cloud.bulk import insert_rows, update_rows
from cloud.custody.erasure import ERASED, erased_of
from cloud.custody.tables import epochs, heads, records
from cloud.rows import among
from protocol.blobs import blob_hash

_RECORDS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")
_HEADS = ("epoch_id", "seq", "head")

Record = tuple[int, int, bytes, bytes | None, bytes, int]
"""A row of `records`."""


class Chain(msgspec.Struct):
    """One chain of an epoch as custody holds it; branch 0 is the one that is attributed."""

    id: int
    branch: int
    first_seq: int
    head_seq: int
    head_link: bytes


class Holding:
    """The chains of some terminals, within one transaction that holds their rows locked."""

    def __init__(self, conn: Connection, terminal_ids: Collection[int]) -> None:
        """`terminal_ids`: of terminals whose rows the transaction holds already."""
        self._conn = conn
        self._records: list[Record] = []
        self._heads: list[tuple[int, int, bytes]] = []
        self._changed: dict[int, Chain] = {}
        self._chains: dict[int, dict[bytes, list[Chain]]] = {}
        self._erased = erased_of(conn, list(terminal_ids))
        rows = conn.execute(
            select(
                epochs.c.terminal_id,
                epochs.c.epoch,
                epochs.c.id,
                epochs.c.branch,
                epochs.c.first_seq,
                epochs.c.head_seq,
                epochs.c.head_link,
            )
            .where(among(conn, epochs.c.terminal_id, list(terminal_ids)))
            .order_by(epochs.c.id)
            .with_for_update()
        )
        for terminal_id, epoch, *columns in rows.all():
            self.of(terminal_id).setdefault(epoch, []).append(Chain(*columns))

    def of(self, terminal_id: int) -> dict[bytes, list[Chain]]:
        """The chains of a terminal by epoch, the first one first."""
        return self._chains.setdefault(terminal_id, {})

    def add(self, record: Record) -> None:
        """Have a record written."""
        if self._erased:
            record = self._without_erased(record)
        self._records.append(record)

    def _without_erased(self, record: Record) -> Record:
        """A record that comes again, after a restore, without who tapped if that was erased."""
        epoch_id, seq, body, blob, link, received_ms = record
        if blob is None or blob_hash(blob) not in self._erased:
            return record
        return (epoch_id, seq, body, ERASED, link, received_ms)

    def add_head(self, chain: Chain, head: bytes) -> None:
        """Have a head written where the chain stands now, and the chain itself."""
        self._heads.append((chain.id, chain.head_seq, head))
        self.changed(chain)

    def changed(self, chain: Chain) -> None:
        """Have the state of a chain written."""
        self._changed[chain.id] = chain

    def flush(self) -> None:
        """Write everything added."""
        insert_rows(self._conn, records, _RECORDS, self._records)
        insert_rows(self._conn, heads, _HEADS, self._heads)
        update_rows(
            self._conn,
            epochs,
            ("id",),
            ("first_seq", "head_seq", "head_link"),
            [
                (chain.id, chain.first_seq, chain.head_seq, chain.head_link)
                for chain in self._changed.values()
            ],
        )
        self._records, self._heads, self._changed = [], [], {}
