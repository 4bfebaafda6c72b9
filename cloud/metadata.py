"""The one MetaData that every domain's tables join, and the column types they share.

Times are integer milliseconds since 1970 UTC, in columns named `*_ms`. Binary values are raw
bytes. Constraints are named by convention, so that migrations can speak of them on every database.
"""

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


def one_of(column: str, *words: str) -> str:
    """The SQL condition of an enumeration held as text."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"
