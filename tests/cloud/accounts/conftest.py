"""Two companies with places, and a clock that tests move."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, Engine

from cloud.accounts import invitations, service, sessions
from cloud.companies import service as companies

PASSWORD = "correct horse battery staple"


class Clock:
    """Milliseconds since 1970, as the tests want them."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (invitations, service, sessions):
        monkeypatch.setattr(module, "now_ms", clock)
    return clock


@dataclass(frozen=True, slots=True)
class Ground:
    """Ids of what there is to have access to."""

    ours: int
    theirs: int
    division: int
    site: int
    their_site: int


@pytest.fixture
def ground(conn: Connection) -> Ground:
    ours = companies.register(conn, "BE0403019261", "Solvay")
    theirs = companies.register(conn, "BE0999910543", "Elektro")
    division = companies.put_division(conn, ours, "Nord")
    site = companies.put_site(conn, division, "Quai")
    their_site = companies.put_site(conn, companies.put_division(conn, theirs, "Sud"), "Dock")
    return Ground(ours, theirs, division, site, their_site)


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def ann(conn: Connection) -> int:
    made = service.create(conn, "Ann@Example.be ", "Ann Maes")
    service.set_password(conn, made, PASSWORD)
    return made
