"""Asking the API.

    with Client("https://pointeuse.example", token) as api:
        for registration in api.registrations(since="2026-03-01T00:00Z"):
            ...
        worker = api.create_worker("9", "Bo", "Bos")
        api.change_worker(worker, active=False)

Lists are followed to their end. Every change carries an idempotency key, so it may be sent again
when no answer came, and is done once. Whoever asks too often waits as long as the server says.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from cloud.api_client import shapes

T = TypeVar("T")
_ATTEMPTS = 5
_BUSY = frozenset({429, 503})
_LONGEST_S = 60.0


class ApiError(Exception):
    """The server refused. `status` is that of HTTP, 0 when there was no answer; `detail` says why.

    Nothing was changed when `status` is 400 or more and below 500.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail} ({status})" if status else detail)
        self.status, self.detail = status, detail


class Client:
    """A program's connection to the platform. One thread at a time."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`address` is where the platform is, without `/v1`; `sleep` waits between attempts."""
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=address.rstrip("/") + "/v1",
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout_s,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def registrations(self, **query: str | int) -> Iterator[shapes.Registration]:
        """Registrations by `since`, `until`, `terminal`, `site`, `worker`, `order`, `badge`."""
        return self._listed("/registrations", shapes.Registration, query)

    def terminals(self) -> Iterator[shapes.Terminal]:
        """The terminals of the company."""
        return self._listed("/terminals", shapes.Terminal, {})

    def workers(self, **query: str) -> Iterator[shapes.ListedWorker]:
        """The company's workers, by `number` and `state` (`active`, `inactive`)."""
        return self._listed("/workers", shapes.ListedWorker, query)

    def worker(self, number: int) -> shapes.Worker:
        """One worker by its id. Raises ApiError."""
        return _worker(self._ask("GET", f"/workers/{number}"))

    def create_worker(
        self,
        number: str,
        given_name: str,
        family_name: str,
        *,
        inss: str | None = None,
        key: str | None = None,
    ) -> shapes.Worker:
        """Enter a worker. Raises ApiError: 409 when the company has one of this number or INSS."""
        body = {"number": number, "given_name": given_name, "family_name": family_name}
        if inss is not None:
            body["inss"] = inss
        return _worker(self._change("POST", "/workers", body, key))

    def change_worker(
        self, worker: shapes.Worker, *, key: str | None = None, **fields: str | bool
    ) -> shapes.Worker:
        """Change a worker as it was read. Raises ApiError: 412 when it is not so any more."""
        headers = {"if-match": worker.tag}
        return _worker(self._change("PATCH", f"/workers/{worker.id}", fields, key, headers))

    def link_badge(
        self, worker: int, profile: str, number: str, *, key: str | None = None
    ) -> shapes.Badge:
        """Give a worker a badge. Raises ApiError: 409 when it is somebody's."""
        body = {"profile": profile, "number": number}
        return _decoded(self._change("POST", f"/workers/{worker}/badges", body, key), shapes.Badge)

    def explain_worker(self, worker: str, **period: str) -> shapes.Explanation:
        """Why a worker, or what it registered from `since` until `until`, is not visible."""
        answer = self._ask("GET", "/explain/worker", params={"worker": worker, **period})
        return _decoded(answer, shapes.Explanation)

    def _listed(self, path: str, shape: type[T], query: Mapping[str, str | int]) -> Iterator[T]:
        params = dict(query)
        while True:
            page = _decoded(self._ask("GET", path, params=params), shapes.Page)
            for item in page.items:
                yield _decoded_item(item, shape)
            if page.next is None:
                return
            params["cursor"] = page.next

    def _change(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        key: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"idempotency-key": key or str(uuid.uuid4()), **(headers or {})}
        return self._ask(method, path, json=dict(body), headers=sent)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask until there is an answer. Raises ApiError."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise ApiError(0, f"the platform does not answer: {error}") from error
                self._sleep(min(_LONGEST_S, 2.0 ** (attempt - 1)))
                continue
            if answer.is_success:
                return answer
            if answer.status_code not in _BUSY or attempt == _ATTEMPTS:
                raise ApiError(answer.status_code, _reason(answer))
            self._sleep(_told(answer, 2.0 ** (attempt - 1)))
        raise AssertionError("the last attempt returns or raises")


def _told(answer: httpx.Response, otherwise: float) -> float:
    """The seconds to wait that an answer tells."""
    told = answer.headers.get("retry-after", "")
    return min(_LONGEST_S, float(told) if told.isascii() and told.isdigit() else otherwise)


def _worker(answer: httpx.Response) -> shapes.Worker:
    found = _decoded(answer, shapes.Worker)
    return msgspec.structs.replace(found, tag=answer.headers.get("etag", ""))


def _decoded(answer: httpx.Response, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.DecodeError as error:
        reason = f"this is no answer of the platform ({error}); check the address"
        raise ApiError(answer.status_code, reason) from error


def _decoded_item(item: msgspec.Raw, shape: type[T]) -> T:
    return msgspec.json.decode(item, type=shape)


def _reason(answer: httpx.Response) -> str:
    try:
        told = msgspec.json.decode(answer.content, type=shapes.Problem)
    except msgspec.DecodeError:
        return "the server refused without a reason"
    return told.detail or told.title or "the server refused without a reason"
