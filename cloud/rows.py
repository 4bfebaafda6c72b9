"""Statements that SQLite and PostgreSQL share, but that SQLAlchemy spells for each."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    any_,
    bindparam,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

ALL: ColumnElement[bool] = true()
"""The condition of a query that leaves nothing out."""


def insert_absent(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert the rows whose `key` columns meet no row yet; the others change nothing."""
    if not rows:
        return
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(insert(table).on_conflict_do_nothing(index_elements=key), rows)


def among(conn: Connection, of: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of some values.

    On PostgreSQL they are one array: however many there are, the statement is the same, and is
    prepared once.
    """
    if conn.dialect.name == "postgresql":
        return of == any_(array(of, values))
    return of.in_(values)


def contains(word: str, *columns: Column[Any]) -> ColumnElement[bool]:
    """Whether a word is somewhere in one of some columns, however it is written."""
    # SQLite folds the case of ASCII letters only, so the usual ways to write a word are all asked.
    ways = sorted({word, word.lower(), word.upper(), word.capitalize()})
    return or_(*(each.icontains(way, autoescape=True) for way in ways for each in columns))


def array(of: Column[Any], values: Collection[Any]) -> ColumnElement[Any]:
    """Values of a column as one array, for PostgreSQL."""
    return bindparam(None, list(values), type_=postgresql.ARRAY(of.type), unique=True)


def whole_numbers(
    conn: Connection, names: Sequence[str], rows: Collection[tuple[int, ...]]
) -> FromClause:
    """Rows of whole numbers under `names`, to be joined; one statement for however many."""
    if conn.dialect.name == "postgresql":
        lists = (
            bindparam(None, list(each), type_=postgresql.ARRAY(BigInteger), unique=True)
            for each in zip(*rows, strict=True)
        )
        columns = [column(name, BigInteger) for name in names]
        return func.unnest(*lists).table_valued(*columns, name="given").render_derived()
    each = func.json_each(msgspec.json.encode(rows).decode()).table_valued("value", name="each")
    fields = (
        func.json_extract(each.c.value, literal(f"$[{place}]")).label(name)
        for place, name in enumerate(names)
    )
    return select(*fields).subquery("given")
