"""`/companies`: for whoever runs the platform, the companies on it, and each of them to read.

Private companies are on no list. That a company was looked at is in its own trail.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from cloud.accounts.queries import members, open_invitations
from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.companies import queries
from cloud.companies.vat import shown as vat_shown
from cloud.console.moments import moment
from cloud.console.onlookers import OperatorOnly
from cloud.console.terminals import STANDINGS, STATUSES
from cloud.terminals.overview import overview
from cloud.terminals.standing import standing
from cloud.times import now_ms
from cloud.visibility import rules
from protocol.identity import group

ROWS = 50


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/companies", include_in_schema=False)(listed)
    app.get("/companies/{company}", include_in_schema=False)(one)


def listed(
    request: Request,
    conn: Database,
    who: OperatorOnly,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """Companies by name, or those that `q` finds; a page begins after one. The look is noted."""
    rows = queries.search(conn, words=q, after=after, limit=ROWS + 1)
    with request.app.state.writer.begin() as writing:
        detail = {"searched": bool(q.strip()), "shown": min(len(rows), ROWS)}
        who.note(writing, "company", "list", detail=detail)
    return who.page(
        "companies.html",
        companies=[_shown(row) for row in rows[:ROWS]],
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        after=after,
        q=q,
    )


def one(request: Request, conn: Database, who: OperatorOnly, company: Identifier) -> Response:
    """What a company has, and who has access to it. Raises NotFoundError. The look is noted."""
    found = queries.one(conn, company)
    with request.app.state.writer.begin() as writing:
        who.note(writing, "company", "read", company_id=company, target_id=company)
    whole = rules.program(company)
    terminals = _terminals(conn, whole)
    return who.page(
        "company.html",
        company=_shown(found),
        divisions=queries.listed_places(
            conn,
            divisions_visible=rules.visible_divisions(whole),
            sites_visible=rules.visible_sites(whole),
        ),
        terminals=terminals,
        members=members(conn, company),
        offers=[
            {**offer, "expires": moment(offer["expires_ms"])}
            for offer in open_invitations(conn, company)
        ],
        standings=STANDINGS,
        statuses=STATUSES,
    )


def _shown(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "vat": vat_shown(row["vat"]),
        "since": moment(row["created_ms"]),
    }


def _terminals(conn: Connection, whole: rules.Viewer) -> list[dict[str, Any]]:
    """Those that stand at the company's sites, or stood there last; the active ones first."""
    now = now_ms()
    return [
        {
            **row,
            "number": group(row["device"]),
            "standing": standing(row["last_seen_ms"], row["last_status"], now),
            "seen": moment(row["last_seen_ms"]),
        }
        for active in (True, False)
        for row in overview(
            conn,
            now,
            visible=rules.visible_terminals(whole),
            places=rules.visible_sites(whole),
            active=active,
        )
    ]
