"""Finding workers."""

from typing import Any

from sqlalchemy import Connection, select

from cloud import text
from cloud.companies.tables import companies
from cloud.errors import NotFoundError
from cloud.workers.tables import workers


def worker_id(conn: Connection, company_id: int, number: str) -> int:
    """The id of a worker by company and number. Raises NotFoundError."""
    found = conn.execute(
        select(workers.c.id).where(
            workers.c.company_id == company_id,
            workers.c.number == text.name(number, "the worker's number"),
        )
    ).scalar()
    if found is None:
        raise NotFoundError(
            f"the company has no worker {number!r}; enter one with `pointeuse cloud worker add`"
        )
    return int(found)


def listed(
    conn: Connection, company_id: int, *, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Workers of a company with an id above `after`, by id."""
    rows = conn.execute(
        select(
            workers.c.id,
            workers.c.number,
            workers.c.given_name,
            workers.c.family_name,
            workers.c.active,
            companies.c.name.label("company"),
        )
        .join(companies, companies.c.id == workers.c.company_id)
        .where(workers.c.company_id == company_id, workers.c.id > after)
        .order_by(workers.c.id)
        .limit(limit)
    )
    return [dict(row) for row in rows.mappings()]
