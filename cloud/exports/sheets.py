"""Exports as files: CSV as Excel reads it in Belgium, and XLSX. Neither holds all rows in memory.

A cell that a spreadsheet would take for a formula begins with an apostrophe in CSV; in XLSX every
cell is text or a number, and says so.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import xlsxwriter  # type: ignore[import-untyped]

COLUMNS = (
    "line", "registration", "correction", "tapped_at", "direction", "worker", "employer", "company",
    "division", "site", "device", "badge", "assurance", "received_at", "earliest", "latest",
    "clock_corrected", "remarks", "reason", "version", "kind", "state", "entered_by", "entered_at",
    "approved_by", "why",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MOST_ROWS = 1_048_576
"""Of a sheet."""


def as_csv(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, semicolons between, lines ended by CR LF (RFC 4180)."""
    yield b"\xef\xbb\xbf"
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, row in enumerate(rows, 1):
        writer.writerow([_harmless(row.get(name)) for name in COLUMNS])
        if number % 500 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def write_xlsx(rows: Iterable[dict[str, Any]], file: BinaryIO) -> None:
    """A workbook; what does not fit on a sheet stands on the next one."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet, line = None, _MOST_ROWS
        for row in rows:
            if sheet is None or line == _MOST_ROWS:
                sheet, line = _sheet(book), 1
            for column, name in enumerate(COLUMNS):
                value = row.get(name)
                if isinstance(value, int):
                    sheet.write_number(line, column, value)
                elif value is not None and value != "":
                    sheet.write_string(line, column, str(value))
            line += 1
        if sheet is None:
            _sheet(book)


def _sheet(book: Any) -> Any:
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, 24 if name.endswith("_at") else 14)
        sheet.write_string(0, column, name, bold)
    return sheet


def _harmless(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
