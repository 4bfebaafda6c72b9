"""Finding workers."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, select, tuple_

from cloud import text
from cloud.companies.tables import companies
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.rows import contains
from cloud.times import rfc3339
from cloud.workers.tables import badges, workers


def worker_id(conn: Connection, company_id: int, number: str) -> int:
    """The id of a worker by company and number. Raises NotFoundError."""
    found = conn.execute(
        select(workers.c.id).where(
            workers.c.company_id == company_id,
            workers.c.number == text.name(number, "the worker's number"),
            workers.c.restricted_ms.is_(None),
        )
    ).scalar()
    if found is None:
        raise NotFoundError(
            f"the company has no worker {number!r}; enter one with `pointeuse cloud worker add`"
        )
    return int(found)


def search(
    conn: Connection,
    visible: ColumnElement[bool],
    *,
    active: bool,
    words: str = "",
    after: int | None = None,
    limit: int = 50,
) -> list[RowMapping]:
    """Workers that are `visible`, by family name, given name and id, those after worker `after`.

    Each of `words` is somewhere in the given name, the family name or the number.
    """
    columns = (workers.c.family_name, workers.c.given_name, workers.c.id)
    query = (
        select(workers.c.id, workers.c.number, workers.c.given_name, workers.c.family_name)
        .where(visible, workers.c.active.is_(active))
        .order_by(*columns)
        .limit(limit)
    )
    for word in words.split():
        query = query.where(contains(word, *columns[:2], workers.c.number))
    if after is not None:
        last = conn.execute(select(*columns).where(visible, workers.c.id == after)).one_or_none()
        if last is None:
            raise NotFoundError(_("The list has changed; begin again at its first page."))
        query = query.where(tuple_(*columns) > tuple_(*last))
    return list(conn.execute(query).mappings())


def badges_of(conn: Connection, worker: int) -> list[RowMapping]:
    """The badges linked to a worker, those that ended last."""
    query = select(badges).where(badges.c.worker_id == worker)
    ended = badges.c.valid_until_ms.is_not(None)
    return list(
        conn.execute(query.order_by(ended, badges.c.valid_until_ms.desc(), badges.c.id)).mappings()
    )


def some(conn: Connection, visible: ColumnElement[bool], numbers: Collection[int]) -> list[Any]:
    """Those of some ids that are `visible`, each in the words of the API with its badges."""
    rows = conn.execute(
        select(workers).where(visible, workers.c.id.in_(numbers)).order_by(workers.c.id)
    ).mappings()
    held: dict[int, list[dict[str, Any]]] = {}
    for badge in conn.execute(
        select(badges).where(badges.c.worker_id.in_(numbers)).order_by(badges.c.id)
    ).mappings():
        held.setdefault(badge["worker_id"], []).append(badge_as_json(badge))
    same = ("id", "number", "given_name", "family_name", "active")
    return [
        {name: row[name] for name in same} | {"badges": held.get(row["id"], [])} for row in rows
    ]


def badge_as_json(row: RowMapping) -> dict[str, Any]:
    """A badge in the words of the API, its number masked. Times are in Brussels."""
    ends = {name: row[f"{name}_ms"] for name in ("valid_from", "valid_until")}
    return {
        "id": row["id"],
        "profile": row["profile"],
        "number": text.masked(row["number"]),
        **{name: None if ms is None else rfc3339(ms) for name, ms in ends.items()},
    }


def holder(conn: Connection, badge: int) -> Row[int, int] | None:
    """Whose badge it is: the worker's id, and the company's."""
    query = select(workers.c.id, workers.c.company_id).join(
        badges, badges.c.worker_id == workers.c.id
    )
    return conn.execute(query.where(badges.c.id == badge)).one_or_none()


def with_inss(conn: Connection, visible: ColumnElement[bool], mark: bytes) -> int | None:
    """The worker that is `visible` and has the INSS of a mark."""
    found = conn.execute(select(workers.c.id).where(visible, workers.c.inss_mark == mark)).scalar()
    return None if found is None else int(found)


def by_id(
    conn: Connection,
    visible: ColumnElement[bool],
    *,
    number: str | None = None,
    active: bool | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[RowMapping]:
    """Workers that are `visible` with an id above `after`, by id: the one of a number, or all."""
    query = select(
        workers.c.id,
        workers.c.number,
        workers.c.given_name,
        workers.c.family_name,
        workers.c.active,
    ).where(visible, workers.c.id > after)
    if number is not None:
        query = query.where(workers.c.number == text.name(number, _("the number")))
    if active is not None:
        query = query.where(workers.c.active.is_(active))
    return list(conn.execute(query.order_by(workers.c.id).limit(limit)).mappings())


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
        .where(workers.c.company_id == company_id, workers.c.restricted_ms.is_(None))
        .where(workers.c.id > after)
        .order_by(workers.c.id)
        .limit(limit)
    )
    return [dict(row) for row in rows.mappings()]
