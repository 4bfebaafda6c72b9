"""What people wait for at the console, over millions of registrations in PostgreSQL.

The functions are those that the pages call, reading as `pointeuse_reader` does, for accounts of
every kind of access in companies of every size, in turn. Measured at a tenth of the rows, at all of
them, and while registrations come in; growth is how much longer the worst takes at ten times the
size. The floor is one indexed row, asked for in the same way.
"""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from bench import platform_world as world
from bench.platform_world import START_MS, STEP_MS, Sizes
from bench.statistics import percentile
from cloud import db, migrations
from cloud.accounts import access, service
from cloud.accounts.roles import Role
from cloud.companies.tables import divisions, sites
from cloud.console import view
from cloud.registrations import queries
from cloud.registrations.queries import Filter
from cloud.registrations.tables import registrations
from cloud.visibility import row_security, rules
from cloud.visibility import workers as why
from cloud.visibility.rules import Viewer
from cloud.workers import queries as workers
from cloud.workers.tables import workers as worker_table
from hwsim.postgresql import Cluster

ROWS = 10_000_000
ROUNDS = 20
DAY_MS = 86_400_000
LIKE_A_SMALL_SERVER = {"shared_buffers": "1GB", "work_mem": "16MB", "jit": "off"}
COMING_IN = 50
"""Registrations in each transaction while others read, as fast as they go."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody with access, and the workers of that company to ask for."""

    seen_by: Viewer
    workers: tuple[tuple[int, str], ...]


def run(scale: float = 1.0) -> dict[str, Any]:
    """95th percentiles in milliseconds; `scale` is of the number of rows."""
    rows = max(20_000, int(ROWS * scale))
    sizes = Sizes() if scale == 1.0 else Sizes(companies=50, sites=200, workers=1000)
    cluster = Cluster(LIKE_A_SMALL_SERVER)
    try:
        url = cluster.url(cluster.database())
        writer = db.writer_engine(url)
        migrations.upgrade(writer)
        reader = db.reader_engine(url)
        try:
            return _measured(writer, reader, sizes, rows)
        finally:
            reader.dispose()
            writer.dispose()
    finally:
        cluster.stop()


def _measured(writer: Engine, reader: Engine, sizes: Sizes, rows: int) -> dict[str, Any]:
    _say(f"making {sizes.companies} companies and {sizes.workers} workers")
    world.people(writer, sizes)
    askers = _askers(writer, sizes)
    tenth = rows // 10
    _say(f"making {tenth:,} registrations")
    world.taps(writer, sizes, 1, tenth)
    few = _percentiles(reader, askers, tenth)
    _say(f"making {rows - tenth:,} more")
    world.taps(writer, sizes, tenth + 1, rows)
    many = _percentiles(reader, askers, rows)
    with _coming_in(writer, sizes, rows) as came:
        busy = _percentiles(reader, askers, rows)
    floor = many.pop("floor")
    return {
        "rows": rows,
        "p95_ms": many,
        "growth": round(max(many[name] / few[name] for name in many), 2),
        "floor_p95_ms": floor,
        "p95_ms_of_a_tenth": {name: few[name] for name in many},
        "p95_ms_while_they_come_in": {name: busy[name] for name in many},
        "came_in_per_s": came(),
    }


def _askers(writer: Engine, sizes: Sizes) -> list[Asker]:
    """Every kind of access to the largest, the middle and the smallest companies."""
    found = []
    with writer.begin() as conn:
        for rank, company in enumerate((1, 2, sizes.companies // 2, sizes.companies)):
            parts = conn.execute(
                select(divisions.c.id).where(divisions.c.company_id == company)
            ).scalars()
            division = min(parts)
            places = conn.execute(
                select(sites.c.id).where(sites.c.division_id == division).order_by(sites.c.id)
            ).scalars()
            first, *_, last = places.all()
            grants: dict[Role, dict[str, tuple[int, ...]]] = {
                Role.ADMINISTRATOR: {},
                Role.MANAGER: {"division_ids": (division,)},
                Role.VIEWER: {"site_ids": (first, last)},
            }
            known = conn.execute(
                select(worker_table.c.id, worker_table.c.number)
                .where(worker_table.c.company_id == company)
                .order_by(worker_table.c.id)
                .limit(50)
            ).all()
            for role, granted in grants.items():
                account = service.create(conn, f"{role}{rank}@example.be", f"{role} {rank}")
                made = access.put_membership(conn, account, company, role)
                access.set_grants(conn, {"membership_id": made}, company, **granted)
                seen_by = rules.viewer(conn, account, company)
                found.append(Asker(seen_by, tuple((row.id, row.number) for row in known)))
    return [asker for asker in found if asker.workers]


def _percentiles(reader: Engine, askers: list[Asker], rows: int) -> dict[str, float]:
    """95th percentile of each question, in milliseconds, asked by all in turn."""
    chance = random.Random(rows)
    questions: dict[str, Callable[[Connection, Asker], object]] = {
        "live": lambda conn, asker: view.live(conn, asker.seen_by),
        "day": lambda conn, asker: _day(conn, asker, chance, rows),
        "worker_search": lambda conn, asker: workers.search(
            conn,
            rules.visible_workers(asker.seen_by),
            active=True,
            words=chance.choice(["maes", "ann", "dub a", "1", "zz"]),
        ),
        "explain": lambda conn, asker: why.explain(
            conn, asker.seen_by, chance.choice(asker.workers)[1]
        ),
        "floor": lambda conn, _: conn.execute(
            select(registrations.c.id).where(registrations.c.id == chance.randrange(1, rows))
        ).all(),
    }
    times: dict[str, list[float]] = {name: [] for name in questions}
    _say(f"asking {len(askers)} accounts' questions, {ROUNDS} rounds, over {rows:,} registrations")
    for round_number in range(-1, ROUNDS):
        for asker in askers:
            for name, ask in questions.items():
                with reader.connect() as conn:
                    begun = time.perf_counter()
                    row_security.enter(conn, asker.seen_by)
                    ask(conn, asker)
                    taken = time.perf_counter() - begun
                # The first round fills the caches, as a platform that runs has them full.
                if round_number >= 0:
                    times[name].append(taken * 1000)
    return {name: round(percentile(found, 95), 1) for name, found in times.items()}


def _day(conn: Connection, asker: Asker, chance: random.Random, rows: int) -> object:
    """The registrations of a worker on one day."""
    day = START_MS + chance.randrange(max(1, rows * STEP_MS // DAY_MS)) * DAY_MS
    wanted = Filter(
        visible=rules.visible_registrations(asker.seen_by),
        since_ms=day,
        until_ms=day + DAY_MS,
        worker_id=chance.choice(asker.workers)[0],
    )
    return queries.listed(conn, wanted, limit=500)


@contextmanager
def _coming_in(writer: Engine, sizes: Sizes, rows: int) -> Iterator[Callable[[], int]]:
    """Registrations keep coming; gives how many a second, once it is over."""
    over = threading.Event()
    came = 0
    begun = time.monotonic()

    def write() -> None:
        nonlocal came
        while not over.is_set():
            first = rows + came + 1
            with writer.begin() as conn:
                world.more(conn, sizes, first, first + COMING_IN - 1)
            came += COMING_IN

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield lambda: round(came / (time.monotonic() - begun))
    finally:
        over.set()
        thread.join()


def _say(what: str) -> None:
    print(f"- {what}", file=sys.stderr, flush=True)
