"""What routes have in common: the database, pages, and times in a query."""

import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from sqlalchemy import Connection

from cloud import times
from cloud.errors import InvalidError
from cloud.registrations.periods import read_day

T = TypeVar("T")
R = TypeVar("R")
MAX_LIMIT = 500
MAX_ID = 2**63 - 1
_PLUS_LOST = re.compile(r"(T\S+) (\d\d:\d\d)$")


def connection(request: Request) -> Iterator[Connection]:
    """A connection that only reads, in one transaction: what an answer says holds together."""
    with request.app.state.engine.connect() as conn:
        yield conn


Database = Annotated[Connection, Depends(connection)]
Identifier = Annotated[int, Field(ge=1, le=MAX_ID)]


class Page(BaseModel, Generic[T]):
    """Some of the items. `next` is the `cursor` that gives those that follow; null at the end."""

    items: list[T]
    next: str | None


class Paged(BaseModel):
    """The query of every list. What it does not know it refuses, rather than filter nothing."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="How many items at most.")
    cursor: str | None = Field(
        None, max_length=64, description="The `next` of the page before; all else as it was."
    )

    @property
    def position(self) -> int | None:
        """The id in the cursor. Raises InvalidError."""
        return None if self.cursor is None else _number(self.cursor)

    @property
    def pair(self) -> tuple[int, int] | None:
        """The two numbers in the cursor. Raises InvalidError."""
        if self.cursor is None:
            return None
        first, _, second = self.cursor.partition("-")
        return _number(first), _number(second)

    def page(
        self,
        rows: Sequence[R],
        shown: Callable[[R], T],
        key: Callable[[Any], object] = itemgetter("id"),
    ) -> Page[T]:
        """The page of rows, one more than `limit` if there are more; `key` gives a row's cursor."""
        more = len(rows) > self.limit
        return Page(
            items=[shown(row) for row in rows[: self.limit]],
            next=str(key(rows[self.limit - 1])) if more else None,
        )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_ID):
        raise InvalidError(f"cursor {text!r} is not one of ours; take `next` of the page before")
    return int(text)


def _moment(text: str) -> str:
    """Check a time; in a query, a `+` that was not written %2B arrives as a space."""
    repaired = _PLUS_LOST.sub(r"\1+\2", text)
    try:
        times.parse(repaired)
    except InvalidError as error:
        raise ValueError(str(error)) from error
    return repaired


def _date(text: str) -> str:
    try:
        return read_day(text).isoformat()
    except InvalidError as error:
        raise ValueError(str(error)) from error


Moment = Annotated[
    str,
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T06:00Z"]}),
]
"""A time in a query; without an offset it is meant in Brussels."""

Date = Annotated[
    str,
    AfterValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-02"]}),
]
"""A day in Brussels, in a query."""

Timestamp = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "format": "date-time", "description": "In Brussels, with its offset."}
    ),
]
"""A time in an answer (RFC 3339)."""
