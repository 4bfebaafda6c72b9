"""Reading the trail."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from cloud.accounts.tables import accounts
from cloud.audit.tables import audit
from cloud.rows import ALL
from cloud.times import rfc3339


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines: a part of the tag, a part of who's address; moments from and until before."""

    what: str = ""
    who: str = ""
    since_ms: int | None = None
    until_ms: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """What a line has to meet, all of it."""
        if self.what:
            yield audit.c.tag.icontains(self.what, autoescape=True)
        if self.who:
            yield accounts.c.email.icontains(self.who, autoescape=True)
        if self.since_ms is not None:
            yield audit.c.at_ms >= self.since_ms
        if self.until_ms is not None:
            yield audit.c.at_ms < self.until_ms


def listed(
    conn: Connection,
    *,
    visible: ColumnElement[bool] = ALL,
    company_id: int | None = None,
    only: Filter = Filter(),
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Lines of the trail that are `visible`, the newest first; of one company only, if given."""
    query = (
        select(audit, accounts.c.email)
        .outerjoin(accounts, accounts.c.id == audit.c.account_id)
        .where(visible, *only.conditions())
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    if company_id is not None:
        query = query.where(audit.c.company_id == company_id)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [_line(row, json.loads(row.detail)) for row in conn.execute(query)]


def _line(row: Row[Any], detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at_ms),
        "who": row.email or _program(row.tag, detail),
        "tag": row.tag,
        "target": row.target_id,
        "detail": detail,
        "address": row.address,
    }


def _program(tag: str, detail: Mapping[str, Any]) -> str:
    """Who acted that has no account."""
    if tag.startswith("api:"):
        for kind in ("app", "token"):
            if kind in detail:
                return f"{kind} {detail[kind]}"
    return "operator"
