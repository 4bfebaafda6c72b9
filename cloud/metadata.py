"""The one MetaData that every domain's tables join, and the column types they share.

Times are integer milliseconds since 1970 UTC, in columns named `*_ms`. Binary values are raw
bytes. Constraints are named by convention, so that migrations can speak of them on every database.
"""

import secrets

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite aliases a table's row id only for a column declared INTEGER; its integers have 64 bits.
Id = BigInteger().with_variant(Integer(), "sqlite")
Millis = BigInteger


def handle() -> bytes:
    """A name for a row that says nothing of it, and that no other row ever has, restored or not."""
    return secrets.token_bytes(16)


UNLESS_ERASING = " WHEN NOT EXISTS (SELECT 1 FROM erasing)"
"""Ends the head of a trigger on SQLite that refuses to delete: `cloud.retention.guard` opens it."""


def append_only(name: str, sentence: str) -> str:
    """The statement that makes a trigger's function, on PostgreSQL, which refuses all but inserts.

    It says `sentence`, and lets only whoever erases delete.
    """
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM erasing) THEN RETURN NULL; END IF;"
        f" RAISE EXCEPTION '{sentence}'; END $$"
    )


def one_of(column: str, *words: str) -> str:
    """The SQL condition of an enumeration held as text."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"
