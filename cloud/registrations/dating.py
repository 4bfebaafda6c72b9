"""When a registration was, as far as anybody can know it: what its age is counted from.

A clock that was not set, or was ahead, says nothing of that; then the receipt does.
"""

from sqlalchemy import ColumnElement, case

from cloud.registrations.tables import registrations


def dated_ms(tapped_ms: int, latest_ms: int | None, received_ms: int) -> int:
    """The moment of the tap, or of its receipt if nothing tells the tap's."""
    return received_ms if latest_ms is None or tapped_ms > received_ms else tapped_ms


def dated() -> ColumnElement[int]:
    """The same of rows of `registrations`."""
    table = registrations.c
    undated = table.latest_ms.is_(None) | (table.tapped_ms > table.received_ms)
    found: ColumnElement[int] = case((undated, table.received_ms), else_=table.tapped_ms)
    return found
