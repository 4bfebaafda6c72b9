"""Workers and their badges over the API, what is held of a person, and erasing it."""

from collections.abc import Iterator

from cloud.api_client import shapes
from cloud.api_client.connection import Connection, decoded, tagged


class Workers(Connection):
    """The company's workers, and personal data."""

    def workers(self, **query: str) -> Iterator[shapes.ListedWorker]:
        """The company's workers, by `number` and `state` (`active`, `inactive`)."""
        return self._listed("/workers", shapes.ListedWorker, query)

    def worker(self, number: int) -> shapes.Worker:
        """One worker by its id. Raises ApiError."""
        return tagged(self._ask("GET", f"/workers/{number}"), shapes.Worker)

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
        return tagged(self._change("POST", "/workers", body, key), shapes.Worker)

    def change_worker(
        self, worker: shapes.Worker, *, key: str | None = None, **fields: str | bool
    ) -> shapes.Worker:
        """Change a worker as it was read. Raises ApiError: 412 when it is not so any more."""
        headers = {"if-match": worker.tag}
        return tagged(
            self._change("PATCH", f"/workers/{worker.id}", fields, key, headers), shapes.Worker
        )

    def link_badge(
        self, worker: int, profile: str, number: str, *, key: str | None = None
    ) -> shapes.Badge:
        """Give a worker a badge. Raises ApiError: 409 when it is somebody's."""
        body = {"profile": profile, "number": number}
        return decoded(self._change("POST", f"/workers/{worker}/badges", body, key), shapes.Badge)

    def change_badge(
        self,
        worker: int,
        badge: int,
        *,
        valid_from: str | None = None,
        valid_until: str | None = None,
        key: str | None = None,
    ) -> shapes.Badge:
        """Say from when until when a badge counts; None: always. Raises ApiError."""
        path, body = _badge(worker, badge), {"valid_from": valid_from, "valid_until": valid_until}
        return decoded(self._change("PUT", path, body, key), shapes.Badge)

    def unlink_badge(self, worker: int, badge: int, *, key: str | None = None) -> None:
        """Say that a badge never was the worker's. Raises ApiError."""
        self._change("DELETE", _badge(worker, badge), None, key)

    def person_data(self, worker: int) -> shapes.PersonData:
        """Everything that the company holds of a person, the INSS whole. Raises ApiError."""
        return decoded(self._ask("GET", f"/workers/{worker}/data"), shapes.PersonData)

    def erasure_plan(self, worker: int) -> shapes.Plan:
        """What erasing a person would do now. Raises ApiError."""
        return decoded(self._ask("GET", f"/workers/{worker}/erasure"), shapes.Plan)

    def ask_erasure(self, worker: int, *, key: str | None = None) -> shapes.Erasure:
        """Ask that a person be erased, which an administrator approves. Raises ApiError."""
        return decoded(
            self._change("POST", f"/workers/{worker}/erasure", None, key), shapes.Erasure
        )

    def erasures(self, **query: int) -> Iterator[shapes.Erasure]:
        """Requests to erase somebody, the newest first."""
        return self._listed("/erasures", shapes.Erasure, query)

    def erasure(self, number: int) -> shapes.Erasure:
        """One such request by its id. Raises ApiError."""
        return decoded(self._ask("GET", f"/erasures/{number}"), shapes.Erasure)

    def retention(self) -> shapes.Retention:
        """For how long the company keeps presences. Raises ApiError."""
        return tagged(self._ask("GET", "/retention"), shapes.Retention)

    def change_retention(
        self, retention: shapes.Retention, months: int, *, key: str | None = None
    ) -> shapes.Retention:
        """Keep them for another time than was read. Raises ApiError: 412 when it is not so."""
        headers = {"if-match": retention.tag}
        answer = self._change("PUT", "/retention", {"months": months}, key, headers)
        return tagged(answer, shapes.Retention)


def _badge(worker: int, badge: int) -> str:
    return f"/workers/{worker}/badges/{badge}"
