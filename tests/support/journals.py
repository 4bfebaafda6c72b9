"""Who tapped, as the files of a terminal prove it: read as they lie, without the agent's code.

Only records under a head that verifies count, in a chain without a break; those that were carried
over from an earlier file or epoch count where they were first recorded.
"""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol import blobs, chain, seals
from protocol.bodies import Body, Kind
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.keys import VerifyKey
from protocol.salvaged import carried_body

Place = tuple[bytes, int]
"""Epoch and seq."""


def taps(state: Path, platform: Path) -> Counter[str]:
    """How often each badge number is proved, in the journal and in those put aside.

    `state` is the terminal's directory, `platform` the one with the platform's keys. Fails when the
    present journal's own chain has a break.
    """
    signer = load_signing_key(state / "identity.key").public
    found: dict[Place, tuple[Body, bytes | None]] = {}
    for path in sorted(state.glob("journal.sqlite*")):
        if path.name == "journal.sqlite" or path.name.rpartition("-")[2].isdecimal():
            whole = path.name == "journal.sqlite"
            for body, blob in _proved(path, signer, whole=whole):
                found.setdefault((body.epoch, body.seq), (body, blob))
    keys = [load_sealing_key(platform / "keys" / "sealing.key")]
    contents = {}
    for body, _ in found.values():
        if body.kind == Kind.SEAL:
            content = seals.open_seal(
                body.data, keys, terminal=body.terminal, epoch=body.epoch, seq=body.seq
            )
            contents[content.seal_id] = content
    numbers: Counter[str] = Counter()
    for body, blob in found.values():
        if body.kind == Kind.TAP:
            assert blob is not None
            assert body.blob_ref is not None
            seal_id = body.blob_ref.seal_id
            place = blobs.Place(body.terminal, body.epoch, body.seq, seal_id)
            numbers[blobs.open_blob(blob, contents[seal_id], place).number] += 1
    return numbers


def _proved(path: Path, signer: VerifyKey, *, whole: bool) -> Iterator[tuple[Body, bytes | None]]:
    """Body and blob of each record up to the last head that verifies in each epoch of a file."""
    for epoch, anchor, rows in _epochs(path):
        link = anchor
        group: list[tuple[Body, bytes | None]] = []
        for body, blob, stored, signature in rows:
            link = chain.next_link(link, body)
            if link != stored:
                assert not whole, f"{path.name}: a break in the chain after {len(group)} records"
                break
            decoded = Body.decode(body)
            assert decoded.epoch == epoch
            group.append((decoded, blob))
            if signature is not None:
                head = chain.Head(signer.thumbprint, epoch, decoded.seq, link)
                chain.check_head(head, signer, signature)
                yield from map(_inner, group)
                group = []
        assert not whole or not group, f"{path.name}: records without a head"


def _inner(record: tuple[Body, bytes | None]) -> tuple[Body, bytes | None]:
    body, blob = record
    return (carried_body(body), blob) if body.kind == Kind.SALVAGED else record


def _epochs(path: Path) -> list[tuple[bytes, bytes, list[Any]]]:
    """Epoch, anchor and rows of each epoch in a file, read from a copy: to read is to recover."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        shutil.copy(path, copy)
        if (wal := path.with_name(path.name + "-wal")).exists():
            shutil.copy(wal, copy.with_name("copy-wal"))
        db = sqlite3.connect(copy)
        try:
            return [
                (epoch, anchor, _rows(db, ordinal))
                for ordinal, epoch, anchor in db.execute(
                    "SELECT ordinal, epoch, anchor FROM epochs ORDER BY ordinal"
                )
            ]
        except sqlite3.DatabaseError:
            assert path.name != "journal.sqlite", "SQLite cannot read the journal"
            return []
        finally:
            db.close()


def _rows(db: sqlite3.Connection, ordinal: int) -> list[Any]:
    return db.execute(
        "SELECT body, blob, link, signature FROM records"
        " WHERE position >> 40 = ? ORDER BY position",
        (ordinal,),
    ).fetchall()
