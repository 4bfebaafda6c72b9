"""Registrations, days, corrections and exports over the API, and why something is not visible."""

from collections.abc import Iterator
from typing import BinaryIO

import httpx

from cloud.api_client import shapes
from cloud.api_client.connection import ApiError, Connection, decoded, reason_of, tagged

_LONG_S = 900.0


class Registrations(Connection):
    """What was registered."""

    def registrations(self, **query: str | int) -> Iterator[shapes.Registration]:
        """Registrations by `since`, `until`, `terminal`, `site`, `worker`, `order`, `badge`."""
        return self._listed("/registrations", shapes.Registration, query)

    def registration(self, number: int) -> shapes.Registration:
        """One registration by its id. Raises ApiError."""
        return decoded(self._ask("GET", f"/registrations/{number}"), shapes.Registration)

    def proof(self, number: int, *, opened: bool = False) -> shapes.Proof:
        """What proves a registration. Raises ApiError.

        `opened` adds the file that opens its badge, for a token that reads badge numbers whole.
        """
        params = {"opened": "true"} if opened else {}
        answer = self._ask("GET", f"/registrations/{number}/proof", params=params)
        return decoded(answer, shapes.Proof)

    def days(self, date: str, **query: int) -> Iterator[shapes.WorkerDay]:
        """The workers of a day such as 2026-03-02, at a `site`, each with its pairs of taps."""
        return self._listed("/days", shapes.WorkerDay, {"date": date, **query})

    def days_of_worker(self, worker: int, since: str, until: str) -> shapes.WorkerDays:
        """A worker's days from the first to the last. Raises ApiError."""
        period = {"since": since, "until": until}
        return decoded(self._ask("GET", f"/days/{worker}", params=period), shapes.WorkerDays)

    def corrections(self, **query: str | int) -> Iterator[shapes.Correction]:
        """Corrections, the newest first, by `state` (`proposed`...), `worker`, `registration`."""
        return self._listed("/corrections", shapes.Correction, query)

    def correction(self, number: int) -> shapes.Correction:
        """One correction by its id. Raises ApiError."""
        return tagged(self._ask("GET", f"/corrections/{number}"), shapes.Correction)

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
        return tagged(self._change("POST", "/corrections", body, key), shapes.Correction)

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
        return tagged(self._change("POST", "/corrections", body, key), shapes.Correction)

    def decide(
        self, correction: shapes.Correction, *, approve: bool, key: str | None = None
    ) -> shapes.Correction:
        """Approve or refuse a correction as it was read. Raises ApiError: 412 when it is not so."""
        path, headers = f"/corrections/{correction.id}/decision", {"if-match": correction.tag}
        answer = self._change("POST", path, {"approve": approve}, key, headers)
        return tagged(answer, shapes.Correction)

    def exports(self, **query: int) -> Iterator[shapes.Export]:
        """Snapshots, the newest first, each with the terminals that were not complete."""
        return self._listed("/exports", shapes.Export, query)

    def export(self, number: int) -> shapes.Export:
        """One snapshot by its id. Raises ApiError."""
        return decoded(self._ask("GET", f"/exports/{number}"), shapes.Export)

    def make_export(self, *, whole: bool = False, key: str | None = None) -> shapes.Export:
        """Make the next snapshot: what came since the one before, or the `whole`. Raises ApiError.

        Waits until it is made: with millions of registrations some minutes.
        """
        body = {"whole": whole}
        answer = self._change("POST", "/exports", body, key, timeout=_LONG_S)
        return decoded(answer, shapes.Export)

    def download_export(self, export: int, file: BinaryIO, form: str = "csv") -> None:
        """Write a snapshot to a file, as `csv` or `xlsx`. Raises ApiError.

        When that is cut short, what was written stays: begin again with an empty file.
        """
        path, params = f"/exports/{export}/file", {"format": form}
        try:
            with self._http.stream("GET", path, params=params, timeout=_LONG_S) as answer:
                if not answer.is_success:
                    answer.read()
                    raise ApiError(answer.status_code, reason_of(answer))
                file.writelines(answer.iter_bytes())
        except httpx.TransportError as error:
            raise ApiError(0, f"the platform does not answer: {error}") from error

    def explain_worker(self, worker: str, **period: str) -> shapes.Explanation:
        """Why a worker, or what it registered from `since` until `until`, is not visible."""
        answer = self._ask("GET", "/explain/worker", params={"worker": worker, **period})
        return decoded(answer, shapes.Explanation)

    def explain_registration(self, number: int) -> shapes.Explanation:
        """Why a registration is not visible. Raises ApiError."""
        answer = self._ask("GET", "/explain/registration", params={"number": number})
        return decoded(answer, shapes.Explanation)

    def explain_terminal(self, device: str) -> shapes.Explanation:
        """Why a terminal, by its device number, or what it registered is not visible."""
        answer = self._ask("GET", "/explain/terminal", params={"device": device})
        return decoded(answer, shapes.Explanation)
