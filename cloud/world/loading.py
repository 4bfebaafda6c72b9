"""Entering a world. What is there already stays or is brought up to date: again is harmless.

Nothing is ever removed: what the file does not mention is left alone. The trail of each company
that it mentions says how many of each kind are its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from cloud import times
from cloud.audit.service import OPERATOR, note
from cloud.companies import queries as companies
from cloud.companies import service as company_service
from cloud.errors import InvalidError, NotFoundError, RefusedError
from cloud.terminals import keys
from cloud.terminals import queries as terminals
from cloud.terminals import service as terminal_service
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers import queries as workers
from cloud.workers import service as worker_service
from cloud.world import shape
from protocol import settings
from protocol.keys import VerifyKey

T = TypeVar("T")


def load(conn: Connection, path: Path) -> dict[str, int]:
    """Enter the world in the file `path`; how many of each kind it holds.

    Raises SettingsError when the file is not a world, RefusedError when something in it cannot be
    entered, naming the table. The caller then rolls back, so that nothing is half done.
    """
    world = settings.load(path, shape.World)
    loader = _Loader(conn, path)
    loader.each("companies", world.companies, loader.company)
    loader.each("divisions", world.divisions, loader.division)
    loader.each("sites", world.sites, loader.site)
    loader.each("workers", world.workers, loader.worker)
    loader.each("badges", world.badges, loader.badge)
    loader.each("terminals", world.terminals, loader.terminal)
    loader.each("assignments", world.assignments, loader.assignment)
    for company, counts in loader.entered.items():
        note(conn, OPERATOR, "world", "load", company_id=company, detail=counts)
    return {kind: len(getattr(world, kind)) for kind in world.__struct_fields__}


class _Loader:
    """Enters one table after the other, remembering the ids of what others name."""

    def __init__(self, conn: Connection, path: Path) -> None:
        self._conn = conn
        self._path = path
        self._company_ids: dict[str, int] = {}
        self._terminal_ids: dict[str, int] = {}
        self.entered: dict[int | None, Counter[str]] = {}
        """How many of each kind, by company; None: what is no company's."""

    def each(self, kind: str, tables: Sequence[T], enter: Callable[[T], int | None]) -> None:
        """Enter every table of a kind, by what says whose it is.

        Raises RefusedError naming the first that cannot be.
        """
        for index, table in enumerate(tables):
            with _naming(f"{self._path}: {kind}[{index}]"):
                company = enter(table)
            self.entered.setdefault(company, Counter())[kind] += 1

    def company(self, table: shape.Company) -> int:
        return company_service.put_company(self._conn, table.vat, table.name)

    def division(self, table: shape.Division) -> int:
        company = self._company_id(table.company)
        company_service.put_division(self._conn, company, table.name)
        return company

    def site(self, table: shape.Site) -> int:
        company = self._company_id(table.company)
        company_service.put_site(
            self._conn,
            company_service.put_division(self._conn, company, table.division),
            table.name,
            address=table.address,
            workplace_id=table.workplace_id,
        )
        return company

    def worker(self, table: shape.Worker) -> int:
        company = self._company_id(table.company)
        worker_service.put_worker(
            self._conn,
            company,
            table.number,
            table.given_name,
            table.family_name,
            active=table.active,
        )
        return company

    def badge(self, table: shape.Badge) -> int | None:
        if (table.company is None) != (table.worker is None):
            raise InvalidError("a badge's worker is named by company and worker: give both")
        badge_id = worker_service.put_badge(
            self._conn, table.profile, table.number, employer=table.employer
        )
        if table.company is None or table.worker is None:
            return None
        company = self._company_id(table.company)
        owner = workers.worker_id(self._conn, company, table.worker)
        if worker_service.link_badge(self._conn, badge_id, owner):
            outbox.tell(self._conn, Event.WORKER_CHANGED, company, [owner])
        return company

    def terminal(self, table: shape.Terminal) -> None:
        """No company's: where it stands, an assignment says."""
        key = self._key(table.public_key)
        terminal_id = terminal_service.register(self._conn, key, table.name)
        if table.name is not None:
            if self._terminal_ids.get(table.name, terminal_id) != terminal_id:
                raise InvalidError(f"two terminals are named {table.name!r}; rename one")
            self._terminal_ids[table.name] = terminal_id

    def assignment(self, table: shape.Assignment) -> int:
        terminal_id = self._terminal_ids.get(table.terminal)
        if terminal_id is None:
            terminal_id = self._terminal_id(table.terminal)
        terminal_service.assign(
            self._conn,
            terminal_id,
            companies.site_id(self._conn, table.company, table.division, table.site),
            times.from_datetime(table.start),
            None if table.end is None else times.from_datetime(table.end),
        )
        return self._company_id(table.company)

    def _company_id(self, company: str) -> int:
        if company not in self._company_ids:
            self._company_ids[company] = companies.company_id(self._conn, company)
        return self._company_ids[company]

    def _terminal_id(self, device: str) -> int:
        try:
            return terminals.terminal_id(self._conn, device)
        except InvalidError as error:
            raise NotFoundError(
                f"no terminal of this file is named {device!r}, and {error}"
            ) from None

    def _key(self, text: str) -> VerifyKey:
        if keys.is_hex(text):
            return keys.from_hex(text)
        return keys.from_file(self._path.parent / text)


@contextmanager
def _naming(place: str) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise type(error)(f"{place}: {error}") from error
