"""`/v1/webhooks`: where the company's events are sent to, and what became of them.

A webhook is shown no more than the token that makes or changes it may read. Its secret is answered
when it is made, and never again.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from cloud.accounts import scopes
from cloud.accounts.scopes import Scope
from cloud.api import problems, writing
from cloud.api.access import ChangesWebhooks, ReadsWebhooks
from cloud.api.parameters import Database, Identifier, Page, Paged, Timestamp
from cloud.api.vaults import vault_for_secrets
from cloud.api.writing import Answer, Body, Edits, Key, etag, once, tagged
from cloud.times import now_ms, rfc3339
from cloud.visibility import rules
from cloud.webhooks import queries, service
from cloud.webhooks.events import Event
from cloud.webhooks.service import Wanted
from cloud.webhooks.tables import webhooks as table
from cloud.webhooks.why import why

router = APIRouter(tags=["webhooks"], responses=problems.DESCRIBED, prefix="/webhooks")

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Url = Annotated[str, Field(min_length=1, max_length=4000)]
Events = Annotated[list[Event], Field(max_length=100)]
Scopes = Annotated[
    list[Scope],
    Field(
        max_length=100,
        description="Of `registrations:read`, `corrections:read`, `terminals:read` and"
        " `workers:read`: whose fields events show. Without, an event names its thing alone. No"
        " more than the token's own.",
    ),
]


class Webhook(BaseModel):
    """Where events are sent to. Its ETag stands for what can be changed of it."""

    id: int
    name: str
    url: str
    events: list[Event]
    scopes: list[Scope]
    active: bool
    owed: int = Field(description="Deliveries that were not taken yet, and are tried again.")
    missed: int = Field(description="Deliveries that were given up, while it took others.")
    why: list[str] = Field(
        description="What keeps it from getting everything, in sentences; none, when nothing does."
    )
    last_taken_at: Timestamp | None
    created_at: Timestamp


class WebhookWithSecret(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="`whsec_` and base64, as Standard Webhooks writes it.")


class NewWebhook(Body):
    """A webhook to be made. It is told of what happens from then on."""

    name: Name
    url: Url = Field(description="https; its name has to lead to a host on the Internet.")
    events: Events
    scopes: Scopes = Field(default_factory=list)


class ChangedWebhook(Body):
    """What is to be changed of a webhook; what is left out stays."""

    name: Name = ""
    url: Url = ""
    events: Events = Field(default_factory=list)
    scopes: Scopes = Field(default_factory=list)
    active: bool = Field(
        default=True,
        description="Activated, it is sent what it is owed; it goes on where it stopped, unless"
        " that is more than 30 days ago.",
    )


@router.get("")
def listed_webhooks(
    conn: Database, who: ReadsWebhooks, wanted: Annotated[Paged, Query()]
) -> Page[Webhook]:
    """List the company's webhooks, by id."""
    rows = queries.listed(
        conn,
        visible=rules.visible_webhooks(who.viewer),
        after=wanted.position or 0,
        limit=wanted.limit + 1,
    )
    return wanted.page(rows, lambda row: Webhook(**_shown(conn, row)))


@router.post("", status_code=201, response_model=WebhookWithSecret)
def create_webhook(
    request: Request, who: ChangesWebhooks, body: NewWebhook, key: Key = None
) -> Response:
    """Make a webhook; its secret is in the answer, this once."""
    seen_by = who.viewer

    def work(conn: Connection) -> Answer:
        values = service.checked(body.model_dump(), request.app.state.webhooks)
        vault = vault_for_secrets(request)
        made, secret = service.create(
            conn, vault, seen_by.company_id, Wanted(**values), seen_by.may, who.token_id
        )
        who.note(conn, "webhook", "create", target_id=made, detail=service.noted(values))
        return _with_secret(request, conn, made, secret, created=f"/v1/webhooks/{made}")

    return once(request, who, key, body, work)


@router.get("/{number}", response_model=Webhook)
def one_webhook(conn: Database, who: ReadsWebhooks, number: Identifier) -> Response:
    """One webhook by its id."""
    row = queries.one(conn, number, visible=rules.visible_webhooks(who.viewer))
    return writing.sent(_answer(conn, row))


@router.patch("/{number}", response_model=Webhook)
def change_webhook(
    who: ChangesWebhooks, number: Identifier, body: ChangedWebhook, edit: Edits
) -> Response:
    """Change a webhook, send nothing more to it, or send to it again."""
    company, may = who.viewer.company_id, who.viewer.may

    def work(conn: Connection) -> Answer:
        given = body.given()
        values = service.checked(given, edit.request.app.state.webhooks)
        changed = service.change(conn, company, number, values, may, token=who.token_id)
        if changed:
            who.note(conn, "webhook", "change", target_id=number, detail=service.noted(values))
        if "active" in given and body.active:
            if service.activate(conn, company, number, may, who.token_id):
                who.note(conn, "webhook", "activate", target_id=number)
        elif "active" in given and service.deactivate(conn, company, number):
            who.note(conn, "webhook", "deactivate", target_id=number)
        return _answer(conn, _own(conn, company, number))

    return edit.once(who, body, lambda conn: _etag(_own(conn, company, number)), work)


@router.delete("/{number}", status_code=204, response_class=Response)
def delete_webhook(
    request: Request, who: ChangesWebhooks, number: Identifier, key: Key = None
) -> Response:
    """Delete a webhook, its secret, and all that it was sent or is owed."""
    company = who.viewer.company_id

    def work(conn: Connection) -> Answer:
        name = service.remove(conn, company, number)
        who.note(conn, "webhook", "delete", target_id=number, detail={"name": name})
        return Answer(None, 204)

    return once(request, who, key, None, work)


@router.post("/{number}/secret", response_model=WebhookWithSecret)
def rotate_secret(
    request: Request, who: ChangesWebhooks, number: Identifier, key: Key = None
) -> Response:
    """Make another secret, answered this once. For a day, the one before signs beside it."""
    seen_by = who.viewer

    def work(conn: Connection) -> Answer:
        vault = vault_for_secrets(request)
        secret = service.rotate(conn, vault, seen_by.company_id, number, seen_by.may)
        who.note(conn, "webhook", "rotate", target_id=number)
        return _with_secret(request, conn, number, secret)

    return once(request, who, key, None, work)


def _own(conn: Connection, company: int, number: int) -> dict[str, Any]:
    return queries.one(conn, number, visible=table.c.company_id == company)


def _with_secret(
    request: Request, conn: Connection, number: int, secret: str, *, created: str | None = None
) -> Answer:
    row = queries.one(conn, number)
    shown = WebhookWithSecret(**_shown(conn, row), secret=secret)
    answer = tagged(shown, tag=_etag(row), created=created)
    return Answer(answer.body, answer.status, answer.headers, vault_for_secrets(request))


def _answer(conn: Connection, row: Mapping[str, Any]) -> Answer:
    return tagged(Webhook(**_shown(conn, row)), tag=_etag(row))


def _etag(row: Mapping[str, Any]) -> str:
    return etag({name: row[name] for name in ("id", "name", "url", "events", "scopes", "active")})


def _shown(conn: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    taken_ms = row["taken_ms"]
    same = ("id", "name", "url", "events", "active", "owed", "missed")
    return {name: row[name] for name in same} | {
        "scopes": sorted(scopes.read(row["scopes"])),
        "why": why(conn, row, now_ms()),
        "last_taken_at": None if taken_ms is None else rfc3339(taken_ms),
        "created_at": rfc3339(row["created_ms"]),
    }
