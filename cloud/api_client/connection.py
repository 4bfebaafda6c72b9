"""A connection to the API: asking, waiting when it is busy, following lists, reading answers."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from cloud.api_client import shapes

T = TypeVar("T")
Tagged = TypeVar(
    "Tagged",
    shapes.Correction,
    shapes.Division,
    shapes.Place,
    shapes.Retention,
    shapes.Webhook,
    shapes.Worker,
)
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


class Connection:
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

    def _listed(self, path: str, shape: type[T], query: Mapping[str, str | int]) -> Iterator[T]:
        """The items of a list, to its end. Raises ApiError."""
        params = dict(query)
        while True:
            page = decoded(self._ask("GET", path, params=params), shapes.Page)
            for item in page.items:
                yield msgspec.json.decode(item, type=shape)
            if page.next is None:
                return
            params["cursor"] = page.next

    def _change(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        key: str | None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Change something, under a `key` by which it is done once. Raises ApiError."""
        sent = {"idempotency-key": key or str(uuid.uuid4()), **(headers or {})}
        if body is not None:
            options["json"] = dict(body)
        return self._ask(method, path, headers=sent, **options)

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
                raise ApiError(answer.status_code, reason_of(answer))
            self._sleep(_told(answer, 2.0 ** (attempt - 1)))
        raise AssertionError("the last attempt returns or raises")


def _told(answer: httpx.Response, otherwise: float) -> float:
    """The seconds to wait that an answer tells."""
    told = answer.headers.get("retry-after", "")
    return min(_LONGEST_S, float(told) if told.isascii() and told.isdigit() else otherwise)


def tagged(answer: httpx.Response, shape: type[Tagged]) -> Tagged:
    """What can be changed, with the tag that a change of it names. Raises ApiError."""
    found = decoded(answer, shape)
    return msgspec.structs.replace(found, tag=answer.headers.get("etag", ""))


def decoded(answer: httpx.Response, shape: type[T]) -> T:
    """An answer as what it is to be. Raises ApiError."""
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.DecodeError as error:
        reason = f"this is no answer of the platform ({error}); check the address"
        raise ApiError(answer.status_code, reason) from error


def reason_of(answer: httpx.Response) -> str:
    """Why the server refused, in its words."""
    try:
        told = msgspec.json.decode(answer.content, type=shapes.Problem)
    except msgspec.DecodeError:
        return "the server refused without a reason"
    return told.detail or told.title or "the server refused without a reason"
