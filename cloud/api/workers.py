"""`/v1/workers`: those of the token's company, and their badges. Each look is in the trail."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, Row, RowMapping

from cloud import text, times
from cloud.api import problems, writing
from cloud.api.access import ChangesWorkers, ReadsWorkers
from cloud.api.parameters import Database, Identifier, Moment, Page, Paged, Timestamp
from cloud.api.vaults import vault_of
from cloud.api.writing import Answer, Body, Edits, Key, etag, once, tagged
from cloud.errors import InvalidError
from cloud.visibility import rules
from cloud.workers import badging, editing, inss, queries, service
from cloud.workers.vault import VaultError

router = APIRouter(tags=["workers"], responses=problems.DESCRIBED)

Words = Annotated[str, Field(min_length=1, max_length=1000)]
_HIDDEN = "••.••.••-•••.••"


class ListedWorker(BaseModel):
    """Somebody who works for the company."""

    id: int
    number: str = Field(description="The company's own for the worker, unique in it.")
    given_name: str
    family_name: str
    active: bool


class Badge(BaseModel):
    """A badge of a worker."""

    id: int
    profile: str = Field(description="How it is read: `uid`, `em4100`, `printed`...")
    number: str = Field(description="But for its last four, masked.")
    valid_from: Timestamp | None
    valid_until: Timestamp | None = Field(description="It counts before this moment.")


class Worker(ListedWorker):
    """A worker whole. Its ETag stands for all but the badges."""

    inss: str | None = Field(description="Masked; null when there is none.")
    badges: list[Badge]


class NewWorker(Body):
    """A worker to be entered."""

    number: Words
    given_name: Words
    family_name: Words
    inss: Words | None = Field(None, description="NISS, INSZ or BIS number, 11 digits.")
    active: bool = True


class ChangedWorker(Body):
    """What is to be changed of a worker; what is left out stays."""

    number: Words = ""
    given_name: Words = ""
    family_name: Words = ""
    inss: Words = ""
    active: bool = True


class Period(Body):
    """From when until when a badge counts; null: always."""

    valid_from: Moment | None = None
    valid_until: Moment | None = None

    @property
    def span_ms(self) -> tuple[int | None, int | None]:
        """Both ends in ms."""
        first, last = self.valid_from, self.valid_until
        return (
            None if first is None else times.parse(first),
            None if last is None else times.parse(last),
        )


class NewBadge(Period):
    """A badge to be linked to a worker."""

    profile: Words
    number: Words


class WantedWorkers(Paged):
    """Which workers."""

    number: str | None = Field(None, max_length=1000, description="The one with this number.")
    state: Literal["active", "inactive", "all"] = "all"


@router.get("/workers")
def listed_workers(
    request: Request, conn: Database, who: ReadsWorkers, wanted: Annotated[WantedWorkers, Query()]
) -> Page[ListedWorker]:
    """List the company's workers, by id."""
    rows = queries.by_id(
        conn,
        rules.visible_workers(who.viewer),
        number=wanted.number,
        active={"active": True, "inactive": False, "all": None}[wanted.state],
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    found = wanted.page(rows, lambda row: ListedWorker.model_validate(dict(row)))
    with request.app.state.writer.begin() as noting:
        who.note(noting, "worker", "list", detail={"count": len(found.items)})
    return found


@router.post("/workers", status_code=201, response_model=Worker)
def create_worker(
    request: Request, who: ChangesWorkers, body: NewWorker, key: Key = None
) -> Response:
    """Enter a worker."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        values = _columns(request, body.given()) | {"active": body.active}
        made = editing.create(conn, company, values)
        who.note(conn, "worker", "create", target_id=made)
        return _answer(request, conn, company, made, created=True)

    return once(request, who, key, body, work)


@router.get("/workers/{number}", response_model=Worker)
def one_worker(request: Request, conn: Database, who: ReadsWorkers, number: Identifier) -> Response:
    """One worker by its id, with its badges."""
    company = who.viewer.company_id
    editing.worker_of(conn, company, number)
    with request.app.state.writer.begin() as noting:
        who.note(noting, "worker", "read", target_id=number)
        answer = _answer(request, noting, company, number)
    return writing.sent(answer)


@router.patch("/workers/{number}", response_model=Worker)
def change_worker(
    who: ChangesWorkers, number: Identifier, body: ChangedWorker, edit: Edits
) -> Response:
    """Change a worker, or put it on the active or the inactive list."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        given = body.given()
        changed = editing.change(conn, company, number, _columns(edit.request, given), {})
        if changed:
            who.note(conn, "worker", "change", target_id=number, detail={"changed": changed})
        if "active" in given and editing.set_active(conn, company, number, body.active):
            who.note(conn, "worker", "activate" if body.active else "deactivate", target_id=number)
        return _answer(edit.request, conn, company, number)

    return edit.once(who, body, lambda conn: _etag(editing.worker_of(conn, company, number)), work)


@router.post("/workers/{number}/badges", status_code=201, response_model=Badge)
def link_badge(
    request: Request, who: ChangesWorkers, number: Identifier, body: NewBadge, key: Key = None
) -> Response:
    """Give a worker a badge; what was registered with it is attributed again."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        editing.worker_of(conn, company, number)
        badge = service.normalise(body.profile, body.number)
        since, until = body.span_ms
        made = badging.link(conn, company, number, badge, from_ms=since, until_ms=until)
        detail = {"badge": made, "number": text.masked(badge[1])}
        who.note(conn, "badge", "link", target_id=number, detail=detail)
        return Answer(_one_badge(conn, number, made), 201)

    return once(request, who, key, body, work)


@router.put("/workers/{number}/badges/{badge}", response_model=Badge)
def change_badge(
    request: Request,
    who: ChangesWorkers,
    number: Identifier,
    badge: Identifier,
    body: Period,
    key: Key = None,
) -> Response:
    """Say from when until when a badge counts."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        if badging.set_period(conn, company, number, badge, *body.span_ms):
            who.note(conn, "badge", "change", target_id=number, detail={"badge": badge})
        return Answer(_one_badge(conn, number, badge))

    return once(request, who, key, body, work)


@router.delete("/workers/{number}/badges/{badge}", status_code=204, response_class=Response)
def unlink_badge(
    request: Request, who: ChangesWorkers, number: Identifier, badge: Identifier, key: Key = None
) -> Response:
    """Say that a badge never was the worker's."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        badging.unlink(conn, company, number, badge)
        who.note(conn, "badge", "unlink", target_id=number, detail={"badge": badge})
        return Answer(None, 204)

    return once(request, who, key, None, work)


def _columns(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    """What was sent as columns of a worker, checked. Raises InvalidError."""
    checks = {
        "number": editing.checked_number,
        "given_name": editing.checked_given_name,
        "family_name": editing.checked_family_name,
    }
    values: dict[str, Any] = {
        name: check(given[name]) for name, check in checks.items() if name in given
    }
    if given.get("inss") is not None:
        digits = inss.normalise(given["inss"])
        values |= editing.sealed(vault_of(request), digits)
    return values


def _answer(
    request: Request, conn: Connection, company: int, number: int, *, created: bool = False
) -> Answer:
    row = editing.worker_of(conn, company, number)
    shown = Worker(
        id=row.id,
        number=row.number,
        given_name=row.given_name,
        family_name=row.family_name,
        active=row.active,
        inss=_masked(request, row),
        badges=[_badge(badge) for badge in _ordered(queries.badges_of(conn, number))],
    )
    place = f"/v1/workers/{number}" if created else None
    return tagged(shown, tag=_etag(row), created=place)


def _etag(row: Row[Any]) -> str:
    mark = None if row.inss_mark is None else bytes(row.inss_mark).hex()
    return etag(editing.shown(row) | {"id": row.id, "active": row.active, "mark": mark})


def _one_badge(conn: Connection, number: int, badge: int) -> Badge:
    (row,) = (each for each in queries.badges_of(conn, number) if each["id"] == badge)
    return _badge(row)


def _ordered(badges: Sequence[RowMapping]) -> list[RowMapping]:
    return sorted(badges, key=lambda badge: badge["id"])


def _badge(row: RowMapping) -> Badge:
    return Badge(**queries.badge_as_json(row))


def _masked(request: Request, row: Row[Any]) -> str | None:
    """The INSS masked; all of it when the key to read it is not here."""
    if row.inss_sealed is None:
        return None
    with suppress(VaultError, InvalidError):
        return editing.masked_inss(row, vault_of(request))
    return _HIDDEN
