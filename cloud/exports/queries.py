"""Exports as people see them: their own scope's, or with the whole company all of it."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select

from cloud.errors import NotFoundError
from cloud.exports.completeness import told
from cloud.exports.service import scope
from cloud.exports.tables import export_parts, exports
from cloud.languages.current import gettext as _
from cloud.visibility.rules import Viewer


def listed(
    conn: Connection, who: Viewer, *, before: int | None = None, limit: int = 200
) -> list[RowMapping]:
    """Snapshots that are finished and visible, the newest first, numbered below `before`."""
    query = select(exports).where(_visible(who)).order_by(exports.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(exports.c.number < before)
    return list(conn.execute(query).mappings())


def one(conn: Connection, who: Viewer, export: int) -> RowMapping:
    """A snapshot by its id. Raises NotFoundError when it is not visible."""
    query = select(exports).where(_visible(who), exports.c.id == export)
    found = conn.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFoundError(_("There is no such export."))
    return found


def held(conn: Connection, who: Viewer, export: int) -> RowMapping:
    """A snapshot whose content can be taken away. Raises NotFoundError."""
    found = one(conn, who, export)
    if found["erased_ms"] is not None:
        raise NotFoundError(
            _("The content of snapshot %(number)s was erased: its time was over.")
            % {"number": found["number"]}
        )
    return found


def numbered(conn: Connection, who: Viewer, number: int) -> int:
    """The id of a snapshot by its number. Raises NotFoundError."""
    query = select(exports.c.id).where(_visible(who), exports.c.number == number)
    found = conn.execute(query).scalar()
    if found is None:
        raise NotFoundError(f"the company has no snapshot {number}; leave out --number to make one")
    return int(found)


def rows(conn: Connection, export: RowMapping) -> Iterator[dict[str, Any]]:
    """Its lines; then the terminals that were not complete up to its hour."""
    query = select(export_parts.c.part).where(export_parts.c.export_id == export["id"])
    for part in conn.execute(query.order_by(export_parts.c.part)).scalars().all():
        content = conn.execute(
            select(export_parts.c.content).where(
                export_parts.c.export_id == export["id"], export_parts.c.part == part
            )
        ).scalar_one()
        for line in zlib.decompress(content).decode().split("\n"):
            yield json.loads(line)
    for each in told(export["incomplete"], str):
        yield {"line": "terminal not complete", **each}


def _visible(who: Viewer) -> ColumnElement[bool]:
    ours = and_(exports.c.company_id == who.company_id, exports.c.finished_ms.is_not(None))
    return ours if who.whole else ours & (exports.c.scope == scope(who))
