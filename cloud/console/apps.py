"""`/workers/NUMBER/apps`: a code that pairs an app with a worker, and the end of an app.

The code is shown once, to be scanned or typed in. What is scanned is the address where the API
takes it, and behind a # the code: that part no browser sends anywhere.
"""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from cloud.api.parameters import Database, Identifier
from cloud.api.throttle import Throttle
from cloud.apps import pairing, service
from cloud.console import scanning
from cloud.console.linking import api_address_of
from cloud.console.members import WorkersWriter
from cloud.console.moments import moment
from cloud.console.worker import to
from cloud.languages.current import gettext as _
from cloud.workers import editing

PATH = "/v1/app/pairing"
MOST = 60
"""So many codes of one account in ten minutes; who hands them over makes one in ten seconds."""


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.state.offers = Throttle(most=MOST)
    app.post("/workers/{worker}/apps", include_in_schema=False)(offer)
    app.post("/workers/{worker}/apps/{app}/revoke", include_in_schema=False)(revoke)


def offer(request: Request, reading: Database, who: WorkersWriter, worker: Identifier) -> Response:
    """Make a code, and show it this once. Raises NotFoundError, ConflictError, HTTPException."""
    row = editing.worker_of(reading, who.company, worker)
    offers: Throttle = request.app.state.offers
    account = str(who.visit.account_id)
    if offers.refuses(account):
        raise HTTPException(
            429,
            _("You made many pairing codes just now. Wait ten minutes, then make another."),
            {"retry-after": "600"},
        )
    with request.app.state.writer.begin() as conn:
        code, until_ms = pairing.offer(conn, who.company, worker)
        who.note(conn, "app", "offer", target_id=worker)
    offers.count(account)
    address = api_address_of(request, PATH)
    return who.page(
        "pairing.html",
        worker=row,
        code=code,
        address=api_address_of(request, "/v1"),
        picture=scanning.picture(f"{address}#{code}"),
        until=moment(until_ms),
    )


def revoke(request: Request, who: WorkersWriter, worker: Identifier, app: Identifier) -> Response:
    """End an app. Raises NotFoundError."""
    with request.app.state.writer.begin() as conn:
        if service.revoke(conn, who.company, worker, app):
            who.note(conn, "app", "revoke", target_id=worker, detail={"app": app})
    return to(worker)
