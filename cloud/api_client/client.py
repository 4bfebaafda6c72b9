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
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx
import msgspec

from cloud.api_client import shapes

T = TypeVar("T")
Tagged = TypeVar("Tagged", shapes.Worker, shapes.Correction, shapes.Webhook)
_ATTEMPTS = 5
_BUSY = frozenset({429, 503})
_LONGEST_S = 60.0
_LONG_S = 900.0


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

    def days(self, date: str, **query: int) -> Iterator[shapes.WorkerDay]:
        """The workers of a day such as 2026-03-02, at a `site`, each with its pairs of taps."""
        return self._listed("/days", shapes.WorkerDay, {"date": date, **query})

    def days_of_worker(self, worker: int, since: str, until: str) -> shapes.WorkerDays:
        """A worker's days from the first to the last. Raises ApiError."""
        period = {"since": since, "until": until}
        return _decoded(self._ask("GET", f"/days/{worker}", params=period), shapes.WorkerDays)

    def corrections(self, **query: str | int) -> Iterator[shapes.Correction]:
        """Corrections, the newest first, by `state` (`proposed`...), `worker`, `registration`."""
        return self._listed("/corrections", shapes.Correction, query)

    def correction(self, number: int) -> shapes.Correction:
        """One correction by its id. Raises ApiError."""
        return _tagged(self._ask("GET", f"/corrections/{number}"), shapes.Correction)

    def add_tap(
        self,
        worker: int,
        site: int,
        tapped_at: str,
        direction: str,
        reason: str,
        *,
        second: bool = True,
        key: str | None = None,
    ) -> shapes.Correction:
        """Enter a tap that is missing; it counts once somebody else approves. Raises ApiError.

        Without `second` it counts at once, for which the token needs `corrections:decide`.
        """
        body = {
            "kind": "add",
            "worker_id": worker,
            "site_id": site,
            "tapped_at": tapped_at,
            "direction": direction,
            "reason": reason,
            "second": second,
        }
        return _tagged(self._change("POST", "/corrections", body, key), shapes.Correction)

    def correct(
        self,
        registration: int,
        direction: str | None,
        reason: str,
        *,
        second: bool = True,
        key: str | None = None,
    ) -> shapes.Correction:
        """Say which way a registration went, or with None that it is void; as `add_tap`."""
        body = {"registration_id": registration, "reason": reason, "second": second}
        if direction is None:
            body["kind"] = "void"
        else:
            body |= {"kind": "direction", "direction": direction}
        return _tagged(self._change("POST", "/corrections", body, key), shapes.Correction)

    def decide(
        self, correction: shapes.Correction, *, approve: bool, key: str | None = None
    ) -> shapes.Correction:
        """Approve or refuse a correction as it was read. Raises ApiError: 412 when it is not so."""
        path, headers = f"/corrections/{correction.id}/decision", {"if-match": correction.tag}
        answer = self._change("POST", path, {"approve": approve}, key, headers)
        return _tagged(answer, shapes.Correction)

    def exports(self, **query: int) -> Iterator[shapes.Export]:
        """Snapshots, the newest first, each with the terminals that were not complete."""
        return self._listed("/exports", shapes.Export, query)

    def make_export(self, *, whole: bool = False, key: str | None = None) -> shapes.Export:
        """Make the next snapshot: what came since the one before, or the `whole`. Raises ApiError.

        Waits until it is made: with millions of registrations some minutes.
        """
        body = {"whole": whole}
        answer = self._change("POST", "/exports", body, key, timeout=_LONG_S)
        return _decoded(answer, shapes.Export)

    def download_export(self, export: int, file: BinaryIO, form: str = "csv") -> None:
        """Write a snapshot to a file, as `csv` or `xlsx`. Raises ApiError.

        When that is cut short, what was written stays: begin again with an empty file.
        """
        path, params = f"/exports/{export}/file", {"format": form}
        try:
            with self._http.stream("GET", path, params=params, timeout=_LONG_S) as answer:
                if not answer.is_success:
                    answer.read()
                    raise ApiError(answer.status_code, _reason(answer))
                file.writelines(answer.iter_bytes())
        except httpx.TransportError as error:
            raise ApiError(0, f"the platform does not answer: {error}") from error

    def terminals(self) -> Iterator[shapes.Terminal]:
        """The terminals of the company."""
        return self._listed("/terminals", shapes.Terminal, {})

    def workers(self, **query: str) -> Iterator[shapes.ListedWorker]:
        """The company's workers, by `number` and `state` (`active`, `inactive`)."""
        return self._listed("/workers", shapes.ListedWorker, query)

    def worker(self, number: int) -> shapes.Worker:
        """One worker by its id. Raises ApiError."""
        return _tagged(self._ask("GET", f"/workers/{number}"), shapes.Worker)

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
        return _tagged(self._change("POST", "/workers", body, key), shapes.Worker)

    def change_worker(
        self, worker: shapes.Worker, *, key: str | None = None, **fields: str | bool
    ) -> shapes.Worker:
        """Change a worker as it was read. Raises ApiError: 412 when it is not so any more."""
        headers = {"if-match": worker.tag}
        return _tagged(
            self._change("PATCH", f"/workers/{worker.id}", fields, key, headers), shapes.Worker
        )

    def link_badge(
        self, worker: int, profile: str, number: str, *, key: str | None = None
    ) -> shapes.Badge:
        """Give a worker a badge. Raises ApiError: 409 when it is somebody's."""
        body = {"profile": profile, "number": number}
        return _decoded(self._change("POST", f"/workers/{worker}/badges", body, key), shapes.Badge)

    def terminal(self, number: int) -> shapes.Terminal:
        """One terminal by its id. Raises ApiError."""
        return _decoded(self._ask("GET", f"/terminals/{number}"), shapes.Terminal)

    def registration(self, number: int) -> shapes.Registration:
        """One registration by its id. Raises ApiError."""
        return _decoded(self._ask("GET", f"/registrations/{number}"), shapes.Registration)

    def webhooks(self) -> Iterator[shapes.Webhook]:
        """The company's webhooks, each with what keeps it from getting everything."""
        return self._listed("/webhooks", shapes.Webhook, {})

    def webhook(self, number: int) -> shapes.Webhook:
        """One webhook by its id. Raises ApiError."""
        return _tagged(self._ask("GET", f"/webhooks/{number}"), shapes.Webhook)

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Sequence[str],
        *,
        scopes: Sequence[str] = (),
        key: str | None = None,
    ) -> shapes.Webhook:
        """Have events sent to an address; its `secret` is in the answer, this once.

        `scopes` show the fields of things, and are no more than the token's. Raises ApiError.
        """
        body = {"name": name, "url": url, "events": list(events), "scopes": list(scopes)}
        return _tagged(self._change("POST", "/webhooks", body, key), shapes.Webhook)

    def change_webhook(
        self,
        webhook: shapes.Webhook,
        *,
        key: str | None = None,
        **fields: str | bool | Sequence[str],
    ) -> shapes.Webhook:
        """Change a webhook as it was read. Raises ApiError: 412 when it is not so any more."""
        path, headers = f"/webhooks/{webhook.id}", {"if-match": webhook.tag}
        return _tagged(self._change("PATCH", path, fields, key, headers), shapes.Webhook)

    def rotate_secret(self, webhook: int, *, key: str | None = None) -> shapes.Webhook:
        """Give a webhook another secret, in the answer; for a day both sign. Raises ApiError."""
        answer = self._change("POST", f"/webhooks/{webhook}/secret", None, key)
        return _tagged(answer, shapes.Webhook)

    def delete_webhook(self, webhook: int, *, key: str | None = None) -> None:
        """Delete a webhook with all that it was sent or is owed. Raises ApiError."""
        self._change("DELETE", f"/webhooks/{webhook}", None, key)

    def send_test(self, webhook: int, *, key: str | None = None) -> shapes.Delivery:
        """Send a webhook a test. Raises ApiError: 409 when it is not active."""
        answer = self._change("POST", f"/webhooks/{webhook}/test", None, key)
        return _decoded(answer, shapes.Delivery)

    def deliveries(self, webhook: int, **query: str | int) -> Iterator[shapes.Delivery]:
        """What a webhook was sent, the newest first, by `state` (`waiting`, `failing`...)."""
        return self._listed(f"/webhooks/{webhook}/deliveries", shapes.Delivery, query)

    def send_again(self, webhook: int, delivery: int, *, key: str | None = None) -> shapes.Delivery:
        """Send a delivery once more, under the id it had. Raises ApiError."""
        path = f"/webhooks/{webhook}/deliveries/{delivery}/again"
        return _decoded(self._change("POST", path, None, key), shapes.Delivery)

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
        body: Mapping[str, Any] | None,
        key: str | None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
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
                raise ApiError(answer.status_code, _reason(answer))
            self._sleep(_told(answer, 2.0 ** (attempt - 1)))
        raise AssertionError("the last attempt returns or raises")


def _told(answer: httpx.Response, otherwise: float) -> float:
    """The seconds to wait that an answer tells."""
    told = answer.headers.get("retry-after", "")
    return min(_LONGEST_S, float(told) if told.isascii() and told.isdigit() else otherwise)


def _tagged(answer: httpx.Response, shape: type[Tagged]) -> Tagged:
    """What can be changed, with the tag that a change of it names."""
    found = _decoded(answer, shape)
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
