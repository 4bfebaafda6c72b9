"""Registrations as rows: written once, changed with their history kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from cloud.bulk import insert_rows
from cloud.interpretation.drafts import COLUMNS, Draft
from cloud.registrations.tables import registration_history, registrations
from cloud.times import now_ms

ATTRIBUTED = ("worker_id", "employer_id", "company_id", "division_id", "site_id")
"""What history keeps."""


def existing(conn: Connection, epoch_id: int, first: int, last: int) -> dict[int, Any]:
    """The registrations that records `first` to `last` of an epoch have already, by seq."""
    rows = conn.execute(
        select(registrations).where(
            registrations.c.epoch_id == epoch_id, registrations.c.seq.between(first, last)
        )
    ).mappings()
    return {row["seq"]: row for row in rows}


def write(conn: Connection, drafts: Sequence[Draft], there: Mapping[int, Any]) -> None:
    """Write drafts of one epoch: new rows, and changes to rows that were `there` already."""
    fresh = [tuple(draft.values().values()) for draft in drafts if draft.seq not in there]
    insert_rows(conn, registrations, COLUMNS, fresh)
    for draft in drafts:
        row = there.get(draft.seq)
        if row is not None:
            change(conn, row, draft.values(), "reinterpreted")


def change(conn: Connection, row: Mapping[str, Any], values: Mapping[str, Any], why: str) -> bool:
    """Bring a row to `values`, its former attribution into history; whether anything changed."""
    if all(row[name] == value for name, value in values.items()):
        return False
    conn.execute(
        insert(registration_history).values(
            registration_id=row["id"],
            version=row["version"],
            at_ms=now_ms(),
            why=why,
            **{name: row[name] for name in ATTRIBUTED},
        )
    )
    conn.execute(
        update(registrations)
        .where(registrations.c.id == bindparam("row_id"))
        .values(version=row["version"] + 1, **values),
        {"row_id": row["id"]},
    )
    return True
