"""Typed access to the fields of a decoded message: every mistake is named.

All functions raise MalformedError.
"""

import re
from typing import Any

from protocol.errors import MalformedError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def as_map(value: Any, what: str) -> dict[int, Any]:
    """`value` as a map; `what` names it in the error."""
    if type(value) is not dict:
        raise MalformedError(f"{what} is not a map")
    return value


def as_array(value: Any, what: str, length: int | None = None) -> list[Any]:
    """`value` as an array, of `length` items when given."""
    if type(value) is not list or (length is not None and len(value) != length):
        count = "" if length is None else f" of {length}"
        raise MalformedError(f"{what} is not an array{count}")
    return value


def as_bytes(value: Any, what: str, length: int | None = None) -> bytes:
    """`value` as bytes, `length` of them when given."""
    if type(value) is not bytes or (length is not None and len(value) != length):
        count = "" if length is None else f"{length} "
        raise MalformedError(f"{what} is not {count}bytes")
    return value


def as_uint(value: Any, what: str, limit: int = 2**63) -> int:
    """`value` as an unsigned integer below `limit`; no database holds one of 2**63 or more."""
    if type(value) is not int or not 0 <= value < limit:
        raise MalformedError(f"{what} is not an unsigned integer below {limit}")
    return value


def as_text(value: Any, what: str, longest: int = 256) -> str:
    """`value` as text of at most `longest` characters, without control characters.

    A line break could forge a line of a log, and PostgreSQL holds no NUL.
    """
    if type(value) is not str or len(value) > longest:
        raise MalformedError(f"{what} is not text of at most {longest} characters")
    if _CONTROL.search(value):
        raise MalformedError(f"{what} holds a control character")
    return value


def version(fields: dict[int, Any], what: str, known: int = 1) -> None:
    """Check field 0, the version."""
    found = fields.get(0)
    if type(found) is not int or found != known:
        raise MalformedError(f"{what} has version {found!r}; this code knows {known}")
