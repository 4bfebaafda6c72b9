"""Having whoever is logged in prove it by the password: a browser left open is not enough.

It is held back as logins are: by the account, by the address, and by how many are judged at once.
"""

from collections.abc import Callable
from typing import TypeVar

from anyio import from_thread
from fastapi import Request
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException

from cloud.accounts import queries, service
from cloud.api.throttle import BusyError, Judges
from cloud.audit.service import Actor, note
from cloud.console.login import BUSY, TOO_MANY, address_of
from cloud.console.visitors import actor_of
from cloud.console.visits import Visit
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

T = TypeVar("T")
WRONG = mark("This is not your password, or the account is locked for a while after wrong ones.")


def proves(request: Request, reading: Connection, found: Visit, password: str) -> bool:
    """Whether a password is the visitor's own. A wrong one counts as a failed login does.

    Raises HTTPException: 429 when there were too many from there, 503 when too many are judged.
    """
    state, address = request.app.state, address_of(request)
    if state.throttle.refuses(address):
        raise HTTPException(429, _(TOO_MANY))
    attempt = service.Login(queries.email_of(reading, found.account_id), password)
    actor = actor_of(request, found)
    right = judged(request, _settled, state.engine, state.writer, attempt, actor)
    if not right:
        state.throttle.count(address)
    return right


def judged(request: Request, function: Callable[..., T], *arguments: object) -> T:
    """What takes a processor for long, done where logins are judged, in its turn.

    For routes that run in a thread. `function` speaks English: it has no request. Raises
    HTTPException (503) when too many wait already.
    """
    judges: Judges = request.app.state.judges
    try:
        return from_thread.run(judges.run, function, *arguments)
    except BusyError:
        raise HTTPException(503, _(BUSY)) from None


def _settled(reader: Engine, writer: Engine, attempt: service.Login, actor: Actor) -> bool:
    # With the platform's own eyes: who reads pages reads no password's hash.
    with reader.connect() as conn:
        attempt.look_up(conn)
    attempt.judge()
    with writer.begin() as conn:
        right = attempt.settle(conn) == actor.account_id
        if not right:
            note(conn, actor, "account", "refuse", target_id=actor.account_id)
    return right
