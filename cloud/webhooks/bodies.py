"""What is sent: which event, about what, when, in whose company; and its fields, if a scope shows
them, in the words of the API.

A body is written when it is sent first, from what is so at that moment, and kept: whoever is sent
it again is sent the same. It is read with the eyes of a program of the company that has the
webhook's scopes, and nothing else: what such a program does not see any more is named alone.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from cloud.accounts.scopes import Scope
from cloud.companies.tables import companies
from cloud.registrations import corrections
from cloud.registrations import queries as registration_queries
from cloud.registrations.tables import registrations
from cloud.terminals import queries as terminal_queries
from cloud.terminals.tables import terminals
from cloud.times import rfc3339
from cloud.visibility import row_security, rules
from cloud.visibility.rules import Viewer
from cloud.visibility.told import last_told
from cloud.webhooks.events import SHOWN_BY, Event
from cloud.workers import queries as worker_queries

_Fields = Mapping[int, dict[str, Any]]


def written(
    conn: Connection,
    company: int,
    may: frozenset[Scope],
    deliveries: Iterable[Any],
    *,
    base: str = "",
) -> dict[int, dict[str, Any]]:
    """The bodies of some deliveries of one webhook, by their id.

    `base` is where the API is, without `/v1`; addresses of things begin with it. The connection
    only reads from then on.
    """
    wanted = list(deliveries)
    vat = conn.execute(companies.select().where(companies.c.id == company)).one().vat
    seen_by = rules.program(company, may=may)
    row_security.enter(conn, seen_by)
    about: dict[str, set[int]] = {}
    for each in wanted:
        if Event(each.event).shows:
            about.setdefault(Event(each.event).thing, set()).add(each.subject_id)
    shown = {
        thing: _READ[thing](conn, seen_by, numbers)
        for thing, numbers in about.items()
        if SHOWN_BY[thing] in may
    }
    return {each.id: _body(each, vat, base, shown) for each in wanted}


def encoded(body: Mapping[str, Any]) -> str:
    """A body as it is sent and kept."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _body(delivery: Any, vat: str, base: str, shown: Mapping[str, _Fields]) -> dict[str, Any]:
    thing = Event(delivery.event).thing
    number = delivery.subject_id
    return {
        "type": delivery.event,
        "id": delivery.message,
        "timestamp": rfc3339(delivery.at_ms),
        "company": vat,
        "url": None if number is None else f"{base}/v1/{thing}s/{number}",
        "data": shown.get(thing, {}).get(number) if Event(delivery.event).shows else None,
    }


def _registrations(conn: Connection, seen_by: Viewer, numbers: Collection[int]) -> _Fields:
    visible = rules.visible_registrations(seen_by)
    rows = registration_queries.in_order(conn, registrations.c.id.in_(numbers), visible)
    return {row["id"]: registration_queries.as_json(row) for row in rows}


def _corrections(conn: Connection, seen_by: Viewer, numbers: Collection[int]) -> _Fields:
    rows = corrections.some(conn, seen_by, numbers)
    return {row["id"]: corrections.as_json(row) for row in rows}


def _terminals(conn: Connection, seen_by: Viewer, numbers: Collection[int]) -> _Fields:
    visible = rules.visible_terminals(seen_by) & terminals.c.id.in_(numbers)
    rows = terminal_queries.listed(
        conn,
        visible=visible,
        places=rules.visible_sites(seen_by),
        told=last_told(seen_by),
        limit=len(numbers),
    )
    return {row["id"]: terminal_queries.as_json(row) for row in rows}


def _workers(conn: Connection, seen_by: Viewer, numbers: Collection[int]) -> _Fields:
    rows = worker_queries.some(conn, rules.visible_workers(seen_by), numbers)
    return {row["id"]: row for row in rows}


_READ = {
    "registration": _registrations,
    "correction": _corrections,
    "terminal": _terminals,
    "worker": _workers,
}
