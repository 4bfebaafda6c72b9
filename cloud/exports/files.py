"""A snapshot as a file, a piece at a time: neither it nor its rows are ever whole in memory."""

import tempfile
from collections.abc import Iterator
from typing import Literal

from sqlalchemy import Engine, RowMapping

from cloud.exports import queries, sheets
from cloud.visibility import row_security
from cloud.visibility.rules import Viewer

Form = Literal["csv", "xlsx"]
TYPES: dict[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Media types."""
_IN_MEMORY = 1 << 20


def pieces(engine: Engine, who: Viewer, export: RowMapping, form: Form) -> Iterator[bytes]:
    """The content of a snapshot that somebody sees, read over a connection of its own."""
    # The connection of a request is given back before an answer is streamed.
    with engine.connect() as reading:
        row_security.enter(reading, who)
        rows = queries.rows(reading, export)
        if form == "csv":
            yield from sheets.as_csv(rows)
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as book:
            sheets.write_xlsx(rows, book)  # type: ignore[arg-type]
            book.seek(0)
            while some := book.read(1 << 16):
                yield some


def headers(export: RowMapping, form: Form) -> dict[str, str]:
    """What names the file to who takes it away."""
    return {"content-disposition": f'attachment; filename="pointeuse-{export["number"]}.{form}"'}
