"""Making and changing webhooks, replacing their secrets, and sending again. The caller commits.

Changes of a company's webhooks happen one after the other. A secret is returned when it is made, to
be shown this once. `may` is what whoever acts may read: nobody has a webhook shown more than that,
or leads one elsewhere that is shown more. `token` is the program that acts, to which the webhook
answers from then on (`answering`); None: an administrator.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from cloud import text
from cloud.accounts import scopes
from cloud.accounts.scopes import Scope
from cloud.companies.service import lock
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.settings import Webhooks
from cloud.stale import refuse_stale
from cloud.times import now_ms
from cloud.webhooks import outbox, queries, signing
from cloud.webhooks.addresses import checked_url
from cloud.webhooks.events import Event, checked_events, checked_scopes
from cloud.webhooks.outbox import KEPT_MS
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks
from cloud.workers.vault import Vault

MOST = 20
"""Webhooks of one company."""
BOTH_MS = 86_400_000
"""How long the secret before signs beside a new one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A webhook as it is to be. `url` is checked by `addresses.checked_url`."""

    name: str
    url: str
    events: frozenset[Event]
    scopes: frozenset[Scope] = frozenset()


def checked(given: Mapping[str, Any], reach: Webhooks) -> dict[str, Any]:
    """What was given as fields of `Wanted`, those that were; `events` and `scopes` as words.

    `reach` says where one may lead. Raises InvalidError.
    """
    checks: dict[str, Callable[[Any], Any]] = {
        "name": lambda name: text.name(name, _("the webhook's name")),
        "url": lambda url: checked_url(url, reach),
        "events": checked_events,
        "scopes": checked_scopes,
    }
    return {name: check(given[name]) for name, check in checks.items() if name in given}


def noted(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the trail says of fields of `Wanted`. Of the address it names the host alone.

    The rest of it may be a secret.
    """
    found: dict[str, Any] = {
        name: sorted(values[name]) for name in ("events", "scopes") if name in values
    }
    if "name" in values:
        found["name"] = values["name"]
    if "url" in values:
        found["host"] = urlsplit(values["url"]).hostname
    return found


def create(
    conn: Connection,
    vault: Vault,
    company: int,
    wanted: Wanted,
    may: Collection[Scope],
    token: int | None = None,
) -> tuple[int, str]:
    """A new webhook, told of what happens from now on: its id, and its secret.

    Raises InvalidError, ConflictError.
    """
    lock(conn, company)
    _refuse_more(wanted.scopes, may)
    held = select(func.count(webhooks.c.id)).where(webhooks.c.company_id == company)
    if conn.execute(held).scalar_one() >= MOST:
        raise ConflictError(
            _("The company has %(most)d webhooks already; delete one first.") % {"most": MOST}
        )
    registration, change = outbox.newest(conn)
    made = insert(webhooks).values(
        company_id=company,
        name=wanted.name,
        url=wanted.url,
        scopes=scopes.written(wanted.scopes),
        sealed=b"",
        seen_registration=registration,
        seen_change=change,
        created_ms=now_ms(),
        token_id=token,
    )
    number = int(conn.execute(made.returning(webhooks.c.id)).scalar_one())
    _choose(conn, number, wanted.events)
    return number, _new_secret(conn, vault, number)


def change(
    conn: Connection,
    company: int,
    webhook: int,
    values: Mapping[str, Any],
    may: Collection[Scope],
    was: Mapping[str, str] | None = None,
    token: int | None = None,
) -> list[str]:
    """Change a webhook: some fields of `Wanted`; the names of what changed.

    `was` is what a form showed of it. Raises NotFoundError, InvalidError, StaleError.
    """
    row = _locked(conn, company, webhook)
    before: dict[str, Any] = {
        "name": row.name,
        "url": row.url,
        "scopes": scopes.read(row.scopes),
        "events": queries.events_of(conn, webhook),
    }
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return []
    refuse_stale(was or {}, queries.shown(conn, company, webhook))
    _refuse_more(before["scopes"] | changed.get("scopes", frozenset()), may)
    columns: dict[str, Any] = {name: changed[name] for name in ("name", "url") if name in changed}
    if "scopes" in changed:
        columns["scopes"] = scopes.written(changed["scopes"])
    columns["token_id"] = token
    conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(**columns))
    if "events" in changed:
        conn.execute(delete(webhook_events).where(webhook_events.c.webhook_id == webhook))
        _choose(conn, webhook, changed["events"])
    return sorted(changed)


def activate(
    conn: Connection,
    company: int,
    webhook: int,
    may: Collection[Scope],
    token: int | None = None,
) -> bool:
    """Send to a webhook again, what it is owed first; whether that changed anything.

    It goes on where it stopped, unless that is longer ago than deliveries are kept. Raises
    NotFoundError, InvalidError.
    """
    row = _mine(conn, company, webhook, may)
    if row.active:
        return False
    now = now_ms()
    values: dict[str, Any] = {
        "active": True,
        "token_id": token,
        "ended": None,
        "ended_ms": None,
        "failures": 0,
        "failing_since_ms": None,
        "paused_until_ms": None,
    }
    if row.ended_ms < now - KEPT_MS:
        values["seen_registration"], values["seen_change"] = outbox.newest(conn)
    conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(**values))
    owed = webhook_deliveries.c.webhook_id == webhook, webhook_deliveries.c.over_ms.is_(None)
    conn.execute(update(webhook_deliveries).where(*owed).values(tries=0, first_ms=None, due_ms=now))
    return True


def deactivate(conn: Connection, company: int, webhook: int) -> bool:
    """Send nothing more to a webhook; whether that changed anything. Raises NotFoundError."""
    if not _locked(conn, company, webhook).active:
        return False
    ended = {"active": False, "ended": "by-hand", "ended_ms": now_ms()}
    conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(**ended))
    return True


def remove(conn: Connection, company: int, webhook: int) -> str:
    """Delete a webhook, with its secret and all that it was sent or is owed; the name it had.

    Raises NotFoundError.
    """
    row = _locked(conn, company, webhook)
    for table in (webhook_deliveries, webhook_events):
        conn.execute(delete(table).where(table.c.webhook_id == webhook))
    conn.execute(delete(webhooks).where(webhooks.c.id == webhook))
    return str(row.name)


def rotate(
    conn: Connection, vault: Vault, company: int, webhook: int, may: Collection[Scope]
) -> str:
    """Give a webhook a new secret; the one before signs beside it for a day. The new secret.

    Raises NotFoundError, InvalidError.
    """
    row = _mine(conn, company, webhook, may)
    before = {"sealed_before": row.sealed, "before_until_ms": now_ms() + BOTH_MS}
    conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(**before))
    return _new_secret(conn, vault, webhook)


def test(conn: Connection, company: int, webhook: int) -> int:
    """Send a webhook a test; the delivery's id. Raises NotFoundError, ConflictError."""
    _sent_to(_locked(conn, company, webhook))
    now = now_ms()
    made = insert(webhook_deliveries).values(
        webhook_id=webhook,
        message=outbox.message_id(conn),
        event=Event.TEST.value,
        at_ms=now,
        due_ms=now,
    )
    return int(conn.execute(made.returning(webhook_deliveries.c.id)).scalar_one())


def again(conn: Connection, company: int, webhook: int, delivery: int) -> None:
    """Send a delivery once more, under the id it had. Raises NotFoundError, ConflictError."""
    _sent_to(_locked(conn, company, webhook))
    anew = {"over_ms": None, "tries": 0, "first_ms": None, "due_ms": now_ms()}
    this = webhook_deliveries.c.id == delivery, webhook_deliveries.c.webhook_id == webhook
    if not conn.execute(update(webhook_deliveries).where(*this).values(**anew)).rowcount:
        raise NotFoundError(_("There is no such delivery any more; they are kept for 30 days."))


def _locked(conn: Connection, company: int, webhook: int) -> Row[Any]:
    """A webhook of a company, which nobody else changes, or tells something, until the end."""
    lock(conn, company)
    row = conn.execute(
        select(webhooks)
        .where(webhooks.c.id == webhook, webhooks.c.company_id == company)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise queries.no_such_webhook()
    return row


def _mine(conn: Connection, company: int, webhook: int, may: Collection[Scope]) -> Row[Any]:
    """Likewise, for whoever may read what it is shown. Raises InvalidError for others."""
    row = _locked(conn, company, webhook)
    _refuse_more(scopes.read(row.scopes), may)
    return row


def _refuse_more(wanted: Collection[Scope], may: Collection[Scope]) -> None:
    more = sorted(set(wanted) - set(may))
    if more:
        raise InvalidError(
            _("A webhook is shown no more than whoever changes it may read: %(scopes)s is missing.")
            % {"scopes": " ".join(more)}
        )


def _sent_to(row: Row[Any]) -> None:
    if not row.active:
        raise ConflictError(_("The webhook is not active; activate it first."))


def _choose(conn: Connection, webhook: int, chosen: Collection[Event]) -> None:
    rows = [{"webhook_id": webhook, "event": event.value} for event in sorted(chosen)]
    conn.execute(insert(webhook_events), rows)


def _new_secret(conn: Connection, vault: Vault, webhook: int) -> str:
    secret = signing.make_secret()
    kept = signing.sealed(vault, webhook, secret)
    conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(sealed=kept))
    return secret
