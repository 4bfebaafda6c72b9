"""What receives, inserts and answers, and understands nothing: the floor beneath ingest.

The same client, the same broker, the same rows of the same tables in groups of the same size: of a
worker, a company and a site as well, since the database looks each of them up for a row that names
it. No signature, no chain, no seal; whose tap it is, is not asked but taken in turn, and no row is
locked or changed. `--no-rows` only answers.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from itertools import cycle
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from cloud import db
from cloud.bulk import insert_rows
from cloud.custody.tables import heads, records
from cloud.ingest.connection import Connection
from cloud.ingest.messages import Incoming
from cloud.ingest.service import GROUP, GROUP_BYTES
from cloud.interpretation.drafts import COLUMNS
from cloud.registrations.tables import registrations
from cloud.times import now_ms

_RECEIPT = os.urandom(260)
_LINK = bytes(32)
_RECORDS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")
_BODY, _BLOB, _HEAD = 160, 128, 199
"""Octets of a tap's body, blob and head; of a message, the rest frames them."""


class Known(msgspec.Struct, frozen=True):
    """What ours finds out, by the ids of rows: badges with their workers, and where they tap."""

    people: list[tuple[int, int]]
    company: int
    division: int
    site: int
    tapped_ms: int


class Floor:
    """Rows of messages, as they come."""

    def __init__(self, known: Known, first_epoch: int) -> None:
        """`first_epoch`: the id of the first epoch; nothing else may use those that follow."""
        self._known, self._first = known, first_epoch
        self._people = cycle(known.people)
        self._epochs: dict[str, int] = {}
        self._seqs: Counter[str] = Counter()

    def write(self, engine: Engine, group: list[Incoming]) -> None:
        """One transaction with a record, a head and a registration of each message."""
        at_ms, known = now_ms(), self._known
        kept, signed, told = [], [], []
        for each in group:
            epoch = self._epochs.setdefault(each.device, self._first + len(self._epochs))
            self._seqs[each.device] += 1
            seq, raw = self._seqs[each.device], each.payload
            body, blob = raw[:_BODY], raw[_BODY : _BODY + _BLOB]
            kept.append((epoch, seq, body, blob, _LINK, at_ms))
            signed.append((epoch, seq, raw[-_HEAD:]))
            badge, worker = next(self._people)
            told.append(
                (
                    epoch, seq, epoch, "gate", badge, 2, 0, "in", at_ms, known.tapped_ms, None,
                    None, False, worker, known.company, known.company, known.division, known.site,
                    None, False, False,
                )
            )  # fmt: skip
        with engine.begin() as conn:
            insert_rows(conn, records, _RECORDS, kept)
            insert_rows(conn, heads, ("epoch_id", "seq", "head"), signed)
            insert_rows(conn, registrations, COLUMNS, told)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("directory", type=Path)
    parser.add_argument("known", type=Path)
    parser.add_argument("--worker", type=int, default=1)
    parser.add_argument("--no-rows", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Not in the arguments, which everybody reads.
    engine = db.writer_engine(os.environ["BENCH_DATABASE"], owner=True)
    connection = Connection("localhost", options.port, options.directory, options.worker)
    print("ready", flush=True)
    known = msgspec.json.decode(options.known.read_bytes(), type=Known)
    floor = Floor(known, options.worker * 1_000_000)
    while True:
        group = connection.take(GROUP, GROUP_BYTES, 0.5)
        if not group:
            continue
        if not options.no_rows:
            floor.write(engine, group)
        connection.acknowledge(group)
        for each in group:
            connection.publish(each.device, "receipts", _RECEIPT)


if __name__ == "__main__":
    main()
