"""The journal's tables, and how older ones become newer ones.

Run as a program by the agent before it opens its journal (`python -m agent.queue.schema PATH`):
sqlite-utils costs 12 MiB, which the agent would otherwise keep for years to use once.
"""

import sys
from pathlib import Path

from sqlite_utils import Database, Migrations

from agent.queue.errors import SQLITE_ERRORS, is_damage, is_full
from agent.queue.file import DAMAGED, FULL

migrations = Migrations("journal")


@migrations()
def m001_records(db: Database) -> None:
    """Epochs, records, kept receipts, and facts about the terminal."""
    db.table("epochs").create(
        {
            "ordinal": int,
            "epoch": bytes,
            "first": int,
            "anchor": bytes,
            "acked": int,
            "acked_link": bytes,
            "opened_ms": int,
        },
        pk="ordinal",
        not_null={"epoch", "first", "anchor", "acked", "acked_link", "opened_ms"},
        strict=True,
    )
    # One row a record, keyed by epoch ordinal and seq in one integer: an append fills one page.
    # `signature` stands on the last record of a commit; the head is rebuilt around it.
    db.table("records").create(
        {"position": int, "body": bytes, "blob": bytes, "link": bytes, "signature": bytes},
        pk="position",
        not_null={"body", "link"},
        strict=True,
    )
    db.table("receipts").create(
        {"position": int, "accepted_ms": int, "message": bytes},
        pk="position",
        not_null={"accepted_ms", "message"},
        strict=True,
    )
    db.table("facts").create({"name": str, "value": bytes}, pk="name", strict=True)


@migrations()
def m002_wrapped(db: Database) -> None:
    """Up to where a closed epoch was carried over into a later one."""
    db.table("epochs").add_column("wrapped", int, not_null_default=0)


def create(path: Path) -> None:
    """Create the journal at `path`, or bring an older one up to date."""
    db = Database(path)
    try:
        db.enable_wal()
        db.execute("PRAGMA synchronous=FULL")
        migrations.apply(db)
    finally:
        db.close()


if __name__ == "__main__":
    try:
        create(Path(sys.argv[1]))
    except SQLITE_ERRORS as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        sys.exit(DAMAGED if is_damage(error) else FULL if is_full(error) else 1)
