"""Registrations as rows: written once, changed with their history kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from cloud.bulk import insert_rows
from cloud.interpretation.drafts import COLUMNS, Draft
from cloud.languages.current import mark
from cloud.registrations.tables import registration_history, registrations
from cloud.rows import whole_numbers
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


def existing_of(
    conn: Connection, spans: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int], Any]:
    """The registrations of some spans, each an epoch id and the first and last seq of it."""
    if len(spans) == 1:
        (span,) = spans
        return {(span[0], seq): row for seq, row in existing(conn, *span).items()}
    wanted = whole_numbers(conn, ("epoch_id", "first", "last"), spans)
    rows = conn.execute(
        select(registrations).join(
            wanted,
            (registrations.c.epoch_id == wanted.c.epoch_id)
            & registrations.c.seq.between(wanted.c.first, wanted.c.last),
        )
    ).mappings()
    return {(row["epoch_id"], row["seq"]): row for row in rows}


def write(conn: Connection, drafts: Sequence[Draft], there: Mapping[tuple[int, int], Any]) -> None:
    """Write drafts: new rows, and changes to rows that were `there`, by epoch id and seq."""
    fresh, again = [], []
    for draft in drafts:
        row = there.get((draft.epoch_id, draft.seq))
        if row is None:
            fresh.append(draft.row())
        else:
            again.append((row, draft.values()))
    insert_rows(conn, registrations, COLUMNS, fresh)
    change(conn, again, mark("reinterpreted"))


def change(
    conn: Connection, wanted: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], why: str
) -> None:
    """Bring rows to new values, `wanted` in pairs, their former attribution into history.

    A row that has its values already is left alone, its version too.
    """
    at_ms = now_ms()
    history: list[dict[str, Any]] = []
    changes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row, values in wanted:
        if all(row[name] == value for name, value in values.items()):
            continue
        history.append(
            {"registration_id": row["id"], "version": row["version"], "at_ms": at_ms, "why": why}
            | {name: row[name] for name in ATTRIBUTED}
        )
        # Rows that change the same columns share one statement: a long absence corrects a million.
        changed = {"row_id": row["id"], "version": row["version"] + 1, **values}
        changes.setdefault(tuple(values), []).append(changed)
    if not history:
        return
    conn.execute(insert(registration_history), history)
    this = update(registrations).where(registrations.c.id == bindparam("row_id"))
    for rows in changes.values():
        conn.execute(this, rows)
