"""Many rows at once, as each database takes them fastest: COPY, arrays, or executemany."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, column, func, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DataError, DBAPIError

from cloud.rows import array

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
_SHORT_NAMES = {"BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "BOOLEAN": "bool"}


def insert_rows(
    conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Add rows, each a tuple of the values of `columns`; nothing is converted on the way.

    Raises the errors that `conn.execute` would raise, though it goes past SQLAlchemy: DataError for
    a value that no column of the database holds.
    """
    if not rows:
        return
    raw = conn.connection.driver_connection
    dbapi = conn.dialect.loaded_dbapi
    what = f"INSERT INTO {table.name}"
    try:
        if isinstance(raw, sqlite3.Connection):
            _executemany(raw, table, columns, rows)
        else:
            _copy(raw, table, columns, rows)
    except dbapi.Error as error:
        raise DBAPIError.instance(
            what, None, error, dbapi.Error, hide_parameters=True, dialect=conn.dialect
        ) from error
    except OverflowError as error:
        raise DataError(what, None, error, hide_parameters=True) from error


def update_rows(
    conn: Connection,
    table: Table,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Change rows: each a tuple of the present values of `keys`, then the new ones of `columns`.

    A row that has other values in `keys` is left alone. They are locked in no order: whoever waits
    for others' changes locks the rows first.
    """
    if not rows:
        return
    of = [table.c[name] for name in (*keys, *columns)]
    here, new = of[: len(keys)], of[len(keys) :]
    if conn.dialect.name == "postgresql":
        lists = (array(of[at], values) for at, values in enumerate(zip(*rows, strict=True)))
        named = [column(f"v{at}", each.type) for at, each in enumerate(of)]
        given = func.unnest(*lists).table_valued(*named, name="given").render_derived()
        places: list[Any] = [given.c[name.name] for name in named]
    else:
        places = [bindparam(f"v{at}") for at in range(len(of))]
    change = (
        update(table)
        .where(*(each == place for each, place in zip(here, places, strict=False)))
        .values(dict(zip(new, places[len(keys) :], strict=True)))
    )
    if conn.dialect.name == "postgresql":
        conn.execute(change)
    else:
        names = [place.key for place in places]
        conn.execute(change, [dict(zip(names, row, strict=True)) for row in rows])


def _executemany(
    raw: sqlite3.Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    raw.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608


def _copy(raw: Any, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    names = ", ".join(columns)
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([_type(table, column) for column in columns])
        for row in rows:
            copy.write_row(row)


def _type(table: Table, column: str) -> str:
    name = table.c[column].type.compile(_POSTGRESQL)
    return _SHORT_NAMES.get(name, name.lower())
