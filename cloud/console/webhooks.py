"""`/webhooks`: where the company's events are sent to, what became of them, and trying again."""

import json
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.api.vaults import vault_for_secrets
from cloud.console.forms import Problems, packed, unpacked
from cloud.console.members import Administrator, Member
from cloud.console.moments import moment
from cloud.languages.current import mark
from cloud.times import now_ms
from cloud.visibility.rules import visible_webhooks
from cloud.webhooks import events, queries, service
from cloud.webhooks.queries import State
from cloud.webhooks.service import Wanted
from cloud.webhooks.why import told, why

ROWS = 50
SHOWN = {
    "registration": mark("registrations"),
    "correction": mark("corrections"),
    "terminal": mark("terminals"),
    "worker": mark("workers"),
}
"""What screens call the things whose fields a webhook may be shown."""
STATES = {
    State.WAITING: mark("waiting"),
    State.FAILING: mark("tried again"),
    State.TAKEN: mark("taken"),
    State.GIVEN_UP: mark("given up"),
}
_EMPTY = {"name": "", "url": "", "events": "", "scopes": ""}

Text = Annotated[str, Form(max_length=4000)]
Words = Annotated[list[Annotated[str, Form(max_length=100)]], Form(max_length=100)]
Shown = dict[str, str]


def install(app: FastAPI) -> None:
    """Add the routes."""
    for path, shown, sent in (
        ("/webhooks/new", new, create),
        ("/webhooks/{webhook}", one, change),
    ):
        app.get(path, include_in_schema=False)(shown)
        app.post(path, include_in_schema=False)(sent)
    app.get("/webhooks", include_in_schema=False)(listed)
    app.post("/webhooks/{webhook}/active", include_in_schema=False)(set_active)
    app.post("/webhooks/{webhook}/secret", include_in_schema=False)(rotate)
    app.post("/webhooks/{webhook}/test", include_in_schema=False)(test)
    app.post("/webhooks/{webhook}/delete", include_in_schema=False)(delete)
    here = "/webhooks/{webhook}/deliveries/{delivery}"
    app.get(here, include_in_schema=False)(delivered)
    app.post(f"{here}/again", include_in_schema=False)(again)


def _typed(
    name: Text = "",
    url: Text = "",
    event: Words = [],  # noqa: B006 - FastAPI copies it
    scope: Words = [],  # noqa: B006
) -> Shown:
    """What the form gives, as it is shown."""
    chosen = {"events": event, "scopes": scope}
    words = {field: " ".join(sorted(set(given))) for field, given in chosen.items()}
    return {"name": name, "url": url, **words}


Typed = Annotated[Shown, Depends(_typed)]


def listed(conn: Database, who: Administrator) -> Response:
    """The company's webhooks, each with what keeps it from getting everything."""
    rows = [
        {**row, "why": why(conn, row, now_ms()), "taken": moment(row["taken_ms"])}
        for row in queries.listed(conn, visible=visible_webhooks(who.seen_by))
    ]
    return who.page("webhooks.html", rows=rows)


def new(who: Administrator) -> Response:
    """The form of a new webhook."""
    return _form(who, _EMPTY, Problems())


def create(request: Request, who: Administrator, typed: Typed) -> Response:
    """Make a webhook, and show its secret, this once."""
    values, problems = _checked(request, typed, "")
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            made, secret = service.create(
                conn, vault_for_secrets(request), who.company, Wanted(**values), events.SCOPES
            )
            who.note(conn, "webhook", "create", target_id=made, detail=service.noted(values))
    if problems:
        return _form(who, typed, problems)
    return _secret(who, made, typed["name"], secret)


def one(
    conn: Database,
    who: Administrator,
    webhook: Identifier,
    state: Annotated[State | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """A webhook: why it gets nothing, what it was sent, its form. Raises NotFoundError."""
    shown = queries.shown(conn, who.company, webhook)
    return _page(conn, who, webhook, shown, Problems(packed(shown)), state, before)


def change(
    request: Request,
    reading: Database,
    who: Administrator,
    webhook: Identifier,
    typed: Typed,
    was: Text = "",
) -> Response:
    """Change a webhook. Raises NotFoundError."""
    queries.shown(reading, who.company, webhook)
    values, problems = _checked(request, typed, was)
    if not problems:
        with problems.of(), request.app.state.writer.begin() as conn:
            changed = service.change(
                conn, who.company, webhook, values, events.SCOPES, unpacked(was)
            )
            if changed:
                who.note(conn, "webhook", "change", target_id=webhook, detail=service.noted(values))
    if problems:
        return _page(reading, who, webhook, typed, problems)
    return _done(webhook)


def set_active(
    request: Request, who: Administrator, webhook: Identifier, active: Text = ""
) -> Response:
    """Send nothing more to a webhook, or send to it again. Raises NotFoundError."""
    with request.app.state.writer.begin() as conn:
        if active == "yes":
            if service.activate(conn, who.company, webhook, events.SCOPES):
                who.note(conn, "webhook", "activate", target_id=webhook)
        elif service.deactivate(conn, who.company, webhook):
            who.note(conn, "webhook", "deactivate", target_id=webhook)
    return _done(webhook)


def rotate(
    request: Request, reading: Database, who: Administrator, webhook: Identifier
) -> Response:
    """Make another secret, and show it, this once. Raises NotFoundError."""
    shown, problems = queries.shown(reading, who.company, webhook), Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        secret = service.rotate(
            conn, vault_for_secrets(request), who.company, webhook, events.SCOPES
        )
        who.note(conn, "webhook", "rotate", target_id=webhook)
    if problems:
        return _page(reading, who, webhook, shown, problems)
    return _secret(who, webhook, shown["name"], secret, rotated=True)


def test(request: Request, reading: Database, who: Administrator, webhook: Identifier) -> Response:
    """Send a webhook a test. Raises NotFoundError."""
    shown, problems = queries.shown(reading, who.company, webhook), Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        service.test(conn, who.company, webhook)
        who.note(conn, "webhook", "test", target_id=webhook)
    return _page(reading, who, webhook, shown, problems) if problems else _done(webhook)


def again(
    request: Request,
    reading: Database,
    who: Administrator,
    webhook: Identifier,
    delivery: Identifier,
) -> Response:
    """Send a delivery once more. Raises NotFoundError."""
    shown, problems = queries.shown(reading, who.company, webhook), Problems()
    with problems.of(), request.app.state.writer.begin() as conn:
        service.again(conn, who.company, webhook, delivery)
        who.note(conn, "webhook", "send-again", target_id=webhook, detail={"delivery": delivery})
    return _page(reading, who, webhook, shown, problems) if problems else _done(webhook)


def delete(request: Request, who: Administrator, webhook: Identifier) -> Response:
    """Delete a webhook with all that it was sent or is owed. Raises NotFoundError."""
    with request.app.state.writer.begin() as conn:
        name = service.remove(conn, who.company, webhook)
        who.note(conn, "webhook", "delete", target_id=webhook, detail={"name": name})
    return RedirectResponse("/webhooks", 303)


def delivered(
    request: Request, conn: Database, who: Administrator, webhook: Identifier, delivery: Identifier
) -> Response:
    """What was sent, and what was answered. The look is noted. Raises NotFoundError."""
    shown = queries.shown(conn, who.company, webhook)
    row = queries.delivery(conn, webhook, delivery)
    body = queries.sent(conn, delivery)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "webhook", "look", target_id=webhook, detail={"delivery": delivery})
    readable = json.dumps(json.loads(body), ensure_ascii=False, indent=2) if body else None
    return who.page(
        "webhook_delivery.html", webhook=webhook, name=shown["name"], row=_delivery(row),
        body=readable,
    )  # fmt: skip


def _checked(request: Request, typed: Shown, was: str) -> tuple[dict[str, Any], Problems]:
    """The fields of `Wanted` that were typed well, and what is wrong with the others."""
    problems, values = Problems(was), dict[str, Any]()
    for name, given in typed.items():
        words = given.split() if name in ("events", "scopes") else given
        with problems.of(name):
            values |= service.checked({name: words}, request.app.state.webhooks)
    return values, problems


def _page(
    conn: Connection,
    who: Member,
    webhook: int,
    shown: Shown,
    problems: Problems,
    state: State | None = None,
    before: int | None = None,
) -> Response:
    row = queries.one(conn, webhook, visible=visible_webhooks(who.seen_by))
    found = queries.deliveries(conn, webhook, only=state, before=before, limit=ROWS + 1)
    return who.page(
        "webhook.html",
        problems.status,
        webhook={**row, "taken": moment(row["taken_ms"]), "created": moment(row["created_ms"])},
        why=why(conn, row, now_ms()),
        rows=[_delivery(each) for each in found[:ROWS]],
        next=found[ROWS - 1]["id"] if len(found) > ROWS else None,
        state=state,
        states=STATES,
        action=f"/webhooks/{webhook}",
        **_fields(shown, problems),
    )


def _form(who: Member, shown: Shown, problems: Problems) -> Response:
    return who.page(
        "webhook_new.html", problems.status, action="/webhooks/new", **_fields(shown, problems)
    )


def _fields(shown: Shown, problems: Problems) -> dict[str, Any]:
    return {
        "shown": {**shown, "events": shown["events"].split(), "scopes": shown["scopes"].split()},
        "problems": problems,
        "meanings": {event.value: events.MEANINGS[event] for event in events.CHOSEN},
        "things": {events.SHOWN_BY[thing].value: name for thing, name in SHOWN.items()},
    }


def _secret(
    who: Member, webhook: int, name: str, secret: str, *, rotated: bool = False
) -> Response:
    answer = who.page(
        "webhook_secret.html", webhook=webhook, name=name, secret=secret, rotated=rotated
    )
    answer.headers["cache-control"] = "no-store"
    return answer


def _delivery(row: Any) -> dict[str, Any]:
    state = queries.state(row)
    return {
        **row,
        "state": state,
        "state_name": STATES[state],
        "happened": moment(row["at_ms"]),
        "tried": moment(row["tried_ms"]),
        "due": moment(row["due_ms"]) if row["over_ms"] is None else None,
        "became": told(row["outcome"], row["status"]),
    }


def _done(webhook: int) -> Response:
    return RedirectResponse(f"/webhooks/{webhook}", 303)
