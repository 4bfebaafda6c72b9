"""Changing things over the API: at most once, and never over what somebody else has changed.

A request may carry an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header). What was
answered is kept for a day beside the key, in the transaction of the change: neither is there
without the other. Whoever sends the same again is answered the same, and nothing happens twice.

What two could change at once has an entity tag (RFC 9110, section 8.8.3). A change names the tag of
what it saw in `If-Match`: another tag is answered 412, none at all 428 (RFC 6585).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from cloud.api.access import Caller
from cloud.api.tables import KEPT_MS, SEALED, idempotency_keys
from cloud.api.vaults import vault_of
from cloud.companies.service import lock
from cloud.times import now_ms
from cloud.workers.vault import Vault

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        pattern=r"^[!-~]+$",
        description="The same for each attempt at one change, such as a UUID. For a day, whatever"
        " is sent again under it is answered as it was.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The `ETag` of what is to be changed, as it was read.",
    ),
]


class Body(BaseModel):
    """What is sent. What is not known is refused, rather than left out without a word."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """The fields that were sent, with their values."""
        return self.model_dump(exclude_unset=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a change is answered with; `body` None: nothing.

    Where there is a secret in it, `vault` seals what is kept of it.
    """

    body: BaseModel | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    vault: Vault | None = None


Keep = Callable[[Connection, Answer], None]
"""Keeps an answer in a transaction."""


def once(
    request: Request,
    who: Caller,
    key: str | None,
    body: Body | None,
    work: Callable[[Connection], Answer],
) -> Response:
    """Do `work` in a transaction, at most once for a key; its answer.

    Raises HTTPException: 422 for a key that another request had, 409 while that one is answered.
    """
    if key is None:
        with request.app.state.writer.begin() as conn:
            return _response(_opened(request, _kept(work(conn))))
    asked = _digest(request, body)
    with (
        _alone(who.token_id, key),
        _busy_when_taken(),
        request.app.state.writer.begin() as conn,
    ):
        return _response(_opened(request, _answered(conn, (who.token_id, key), asked, work)))


def once_at_length(
    request: Request, who: Caller, key: str | None, body: Body, work: Callable[[Keep], Answer]
) -> Response:
    """Likewise for work in transactions of its own; it is given what keeps its answer.

    It calls that in the last of them, so that again neither is there without the other.
    """
    if key is None:
        return sent(work(lambda *_: None))
    asked, this = _digest(request, body), (who.token_id, key)
    with _alone(*this):
        with request.app.state.writer.begin() as conn:
            kept = _known(conn, this, asked)
        if kept is not None:
            return _response(kept)
        with _busy_when_taken():
            return sent(work(lambda conn, answer: _keep(conn, this, asked, _kept(answer))))


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of something that others may change at once, as it was asked for."""

    request: Request
    match: str | None
    key: str | None

    def once(
        self,
        who: Caller,
        body: Body,
        tag: Callable[[Connection], str],
        work: Callable[[Connection], Answer],
    ) -> Response:
        """Do `work` as `once` does, while its `tag` is one of those that the request names.

        The company is locked before, so that it stays so. Raises HTTPException: 412, 428.
        """

        def matched(conn: Connection) -> Answer:
            lock(conn, who.viewer.company_id)
            require_match(self.match, tag(conn))
            return work(conn)

        return once(self.request, who, self.key, body, matched)


def edit(request: Request, match: IfMatch = None, key: Key = None) -> Edit:
    """What a route that edits depends on."""
    return Edit(request, match, key)


Edits = Annotated[Edit, Depends(edit)]


def sent(answer: Answer) -> Response:
    """The response of an answer that changed nothing."""
    return _response(_kept(answer))


def etag(shown: Mapping[str, Any]) -> str:
    """The strong entity tag of something by what is shown of it."""
    text = json.dumps(shown, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def tag_of(shown: BaseModel) -> str:
    """The entity tag of what is shown whole."""
    return etag(shown.model_dump())


def tagged(shown: BaseModel, *, tag: str | None = None, created: str | None = None) -> Answer:
    """An answer with the entity tag of what it shows; `created` is where something new is."""
    headers = {"etag": tag or tag_of(shown)}
    if created is None:
        return Answer(shown, 200, headers)
    return Answer(shown, 201, headers | {"location": created})


def require_match(given: str | None, tag: str) -> None:
    """Raise HTTPException unless `If-Match` names a tag: 428 when there is none, 412 for others."""
    if given is None:
        raise HTTPException(
            428, "Somebody else could change this as well: send the ETag that you read as If-Match."
        )
    if given.strip() != "*" and tag not in (each.strip() for each in given.split(",")):
        raise HTTPException(
            412, "Somebody else changed this since you read it: read it again, and then change it."
        )


_in_hand: set[tuple[int, str]] = set()
_lock = threading.Lock()


@contextmanager
def _alone(token_id: int, key: str) -> Iterator[None]:
    """Whoever comes while the same request is being answered, in this process, is sent away."""
    this = (token_id, key)
    with _lock:
        if this in _in_hand:
            raise _busy()
        _in_hand.add(this)
    try:
        yield
    finally:
        with _lock:
            _in_hand.discard(this)


def _answered(
    conn: Connection,
    this: tuple[int, str],
    asked: bytes,
    work: Callable[[Connection], Answer],
) -> dict[str, Any]:
    known = _known(conn, this, asked)
    if known is not None:
        return known
    kept = _kept(work(conn))
    _keep(conn, this, asked, kept)
    return kept


def _known(conn: Connection, this: tuple[int, str], asked: bytes) -> dict[str, Any] | None:
    """What was answered under a key before. Raises HTTPException when something else was asked."""
    table = idempotency_keys
    conn.execute(delete(table).where(table.c.at_ms < now_ms() - KEPT_MS))
    known = (
        conn.execute(select(table).where(table.c.token_id == this[0], table.c.key == this[1]))
        .mappings()
        .one_or_none()
    )
    if known is None:
        return None
    if bytes(known["request"]) != asked:
        raise HTTPException(
            422, "This Idempotency-Key was sent with another request; make a new one for this one."
        )
    return {name: known[name] for name in ("status", "answer", "headers")}


def _keep(conn: Connection, this: tuple[int, str], asked: bytes, kept: Mapping[str, Any]) -> None:
    row = {"token_id": this[0], "key": this[1], "request": asked, "at_ms": now_ms(), **kept}
    conn.execute(insert(idempotency_keys).values(row))


@contextmanager
def _busy_when_taken() -> Iterator[None]:
    """Whoever comes while the same request is being answered, in another process, likewise."""
    try:
        yield
    except IntegrityError as error:
        if "idempotency_keys" not in str(error.orig):
            raise
        raise _busy() from None


def _kept(answer: Answer) -> dict[str, Any]:
    body = None if answer.body is None else answer.body.model_dump(mode="json")
    text = json.dumps(body, ensure_ascii=False)
    if answer.vault is not None:
        text = SEALED + base64.b64encode(answer.vault.seal(text)).decode()
    return {
        "status": answer.status,
        "answer": text,
        "headers": json.dumps(dict(answer.headers)),
    }


def _opened(request: Request, kept: dict[str, Any]) -> dict[str, Any]:
    """What was kept of an answer, with its secret."""
    if not kept["answer"].startswith(SEALED):
        return kept
    sealed = base64.b64decode(kept["answer"].removeprefix(SEALED))
    return kept | {"answer": vault_of(request).unseal(sealed)}


def _response(kept: Mapping[str, Any]) -> Response:
    body, headers = json.loads(kept["answer"]), json.loads(kept["headers"])
    if body is None:
        return Response(None, kept["status"], headers)
    return JSONResponse(body, kept["status"], headers)


def _digest(request: Request, body: Body | None) -> bytes:
    sent = {} if body is None else body.model_dump(mode="json", exclude_unset=True)
    match = request.headers.get("if-match")
    whole = [request.method, request.url.path, match, sent]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).digest()


def _busy() -> HTTPException:
    return HTTPException(
        409, "The same request is being answered at this moment; try again.", {"retry-after": "1"}
    )
