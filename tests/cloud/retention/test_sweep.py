"""What is past its time goes: by company, in batches, as the rehearsal said, whatever happens."""

import json
import random
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from cloud.accounts.tables import links
from cloud.audit.service import Actor, note
from cloud.audit.tables import audit
from cloud.custody.tables import records, rejected
from cloud.errors import InvalidError
from cloud.exports.tables import export_parts, exports
from cloud.mail import service as mail
from cloud.mail.tables import mails
from cloud.registrations.tables import (
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.retention import job, policies, tidying
from cloud.retention.job import Run
from cloud.retention.rehearsal import rehearse
from cloud.retention.terms import before_ms
from cloud.retention.watch import Keeper
from cloud.schema import metadata
from cloud.stale import StaleError
from cloud.times import now_ms, parse
from cloud.workers import service as badge_service
from cloud.workers.tables import badges, workers
from tests.cloud.retention.world import ANN, BOB, CARL, LAW, START_MS, World

DAY_MS = 86_400_000


def choose(world: World, company: int, months: int) -> None:
    with world.engine.begin() as conn:
        policies.choose(conn, LAW, company, months)


def years(world: World, number: int, **options: Any) -> Counter[Any]:
    """A run so many years after the taps."""
    at_ms = START_MS + number * 366 * DAY_MS + 60 * DAY_MS
    with world.reader.connect() as conn:
        said = rehearse(conn, LAW, at_ms)
    tally = Run(world.engine, world.directory, LAW, at_ms=at_ms, **options).run()
    # Lines that the run writes are of today, and so old themselves, years from now.
    trail = (None, "trail")
    assert {**said, trail: 0} == {**tally, trail: 0}, "the rehearsal said something else"
    return tally


def test_a_badge_that_waits_for_its_holder_stays(furnished: World) -> None:
    with furnished.engine.begin() as conn:
        badge_service.put_badge(conn, "em4100", "00FACADE00")
    years(furnished, 20)
    assert [row.number for row in furnished.rows(badges)].count("00FACADE00") == 1


def test_nothing_goes_before_its_time(furnished: World) -> None:
    before = furnished.registered()
    assert years(furnished, 6)["registrations"] == 0
    assert furnished.registered() == before


def test_each_company_keeps_presences_as_it_chose(furnished: World) -> None:
    world = furnished
    choose(world, world.solvay, 120)
    tally = years(world, 7, batch=3)
    assert tally[world.elektro, "registrations"] == 4
    assert tally[world.elektro, "let-go"] == 6
    left = world.registered()
    assert {row["company_id"] for row in left} == {world.solvay}
    assert all(row["employer_let_go"] == (row["employer_id"] == world.elektro) for row in left)
    assert years(world, 7)[world.solvay, "registrations"] == 0
    years(world, 10, batch=3)
    assert world.registered() == []
    assert [row["blob"] for row in world.rows(records) if row["blob"]] == []
    assert world.rows(registration_history) == []
    # Who is active stays a worker, and keeps the badge.
    assert len(world.rows(workers)) == len(world.rows(badges)) == 3


def test_whoever_left_goes_when_the_last_presence_does(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    years(world, 6)
    assert world.worker(world.ann) is not None
    years(world, 8)
    assert world.worker(world.ann) is None
    assert [row["number"] for row in world.rows(badges)] == [BOB[3], CARL[3]]


def test_a_clock_that_was_never_set_makes_nothing_old(furnished: World) -> None:
    world = furnished
    ids = [row["id"] for row in world.registered()]
    for number, values in (
        (ids[0], {"tapped_ms": 5, "latest_ms": None}),
        (ids[1], {"tapped_ms": now_ms() + 40 * 366 * DAY_MS}),
    ):
        with world.engine.begin() as conn:
            change = update(registrations).where(registrations.c.id == number)
            conn.execute(change.values(received_ms=START_MS + 5 * 366 * DAY_MS, **values))
    years(world, 8)
    assert [row["id"] for row in world.registered()] == ids[:2]
    years(world, 13)
    assert world.registered() == []


def test_a_shorter_time_is_looked_for_from_the_beginning(furnished: World) -> None:
    world = furnished
    for company in world.gates:
        choose(world, company, 120)
    years(world, 8)
    assert len(world.registered()) == 12
    choose(world, world.elektro, 90)
    choose(world, world.solvay, 90)
    years(world, 8)
    assert world.registered() == []


class Killed(BaseException):
    """As SIGKILL would, but that the test goes on."""


def test_killed_in_or_after_any_batch_the_rest_goes_the_next_time(
    furnished: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = furnished
    choose(world, world.solvay, 100)
    world.leave(world.ann)
    at_ms = START_MS + 9 * 366 * DAY_MS
    written = job._note
    counted: Counter[str] = Counter()
    for at in range(40):
        left = [at]

        def dying(conn: Any, tally: Any, left: Any = left) -> None:
            written(conn, tally)
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(job, "_note", dying)
            try:
                Run(world.engine, world.directory, LAW, at_ms=at_ms, batch=2).run()
                break
            except Killed:
                counted["kills"] += 1
    assert counted["kills"] > 3
    assert world.registered() == []
    # Each line of the trail was written with what it tells of, and no other.
    lines = [json.loads(row["detail"]) for row in world.rows(audit) if "retention" in row["tag"]]
    assert sum(line.get("registrations", 0) for line in lines) == 12 + 6


def test_two_runs_at_once_share_the_work(furnished: World, database_url: str) -> None:
    from cloud import db

    world = furnished
    at_ms = START_MS + 9 * 366 * DAY_MS
    engines = [db.writer_engine(database_url) for _ in range(2)]
    tallies: list[Counter[Any]] = []

    def work(engine: Engine) -> None:
        tallies.append(Run(engine, world.directory, LAW, at_ms=at_ms, batch=1).run())

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    assert world.registered() == []
    assert sum(tally[world.elektro, "registrations"] for tally in tallies) == 10
    assert sum(tally[world.solvay, "registrations"] for tally in tallies) == 8


def test_generated_worlds_end_as_their_rules_say(world: World, seed: int) -> None:
    chance = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(40):
        who = chance.choice((ANN, BOB, CARL))
        company = chance.choice(list(world.gates))
        world.tap(company, who, chance.randrange(0, 60), chance.randrange(1, 3))
    world.deliver()
    months = {company: chance.choice((84, 85, 90, 120)) for company in world.gates}
    for company, number in months.items():
        choose(world, company, number)
    expected = {row["id"]: row for row in world.registered()}
    for _ in range(6):
        at_ms = before_ms(START_MS, 0) + chance.randrange(83 * 30, 125 * 31) * DAY_MS
        Run(world.engine, world.directory, LAW, at_ms=at_ms, batch=chance.randrange(1, 9)).run()
        for number, row in list(expected.items()):
            ends = [
                row["tapped_ms"] < before_ms(at_ms, months[company])
                for company in {row["company_id"], row["employer_id"]}
            ]
            if all(ends):
                del expected[number]
        found = {row["id"]: row for row in world.registered()}
        assert found.keys() == expected.keys()


def test_what_else_is_old_goes(furnished: World) -> None:
    world = furnished
    with world.engine.begin() as conn:
        mail.enqueue(conn, "ann@example.be", "Hello", "body")
        conn.execute(update(mails).values(sent_ms=1))
        conn.execute(
            insert(rejected).values(
                digest=bytes(32), device="d", topic="t", reason="r", detail="d", message=b"m",
                first_ms=1, last_ms=1,
            )
        )  # fmt: skip
        conn.execute(
            insert(links).values(
                purpose="reset", email="ann@example.be", token_hash=b"h", detail="{}",
                created_ms=1, expires_ms=1,
            )
        )  # fmt: skip
        note(conn, Actor("command"), "worker", "read")
    tally = years(world, 3)
    for kind in ("mails", "refused", "links", "answers", "exports"):
        assert tally[None, kind], kind
    for table in (mails, rejected, links, export_parts):
        assert world.rows(table) == []
    assert all(row["erased_ms"] for row in world.rows(exports))
    lines = len(world.rows(audit))
    assert lines
    tally = years(world, 11)
    assert tally[None, "trail"] >= lines
    assert len(world.rows(registration_corrections)) == 0


def test_the_trail_and_corrections_still_refuse_whoever_does_not_erase(furnished: World) -> None:
    for table in (audit, registration_corrections):
        with (
            pytest.raises(Exception, match="append-only"),
            furnished.engine.begin() as conn,
        ):
            conn.execute(table.delete())
        with (
            pytest.raises(Exception, match="append-only"),
            furnished.engine.begin() as conn,
        ):
            conn.execute(table.update().values(at_ms=1))


def test_a_time_below_the_law_s_or_above_the_platform_s_is_refused(world: World) -> None:
    for months, said in ((83, "at least"), (121, "at most")):
        with world.engine.begin() as conn, pytest.raises(InvalidError, match=said):
            policies.choose(conn, LAW, world.elektro, months)
    with world.engine.begin() as conn:
        assert policies.choose(conn, LAW, world.elektro, 96)
        assert not policies.choose(conn, LAW, world.elektro, 96)
        with pytest.raises(StaleError):
            policies.choose(conn, LAW, world.elektro, 100, {"months": "84"})
    with pytest.raises(InvalidError):
        policies.read("seven")


def test_the_keeper_runs_once_a_day(furnished: World) -> None:
    clock = [START_MS + 9 * 366 * DAY_MS]
    keeper = Keeper(
        furnished.engine, furnished.directory, LAW, clock=lambda: clock[0], every_s=0.01
    )
    assert keeper.turn()
    assert furnished.registered() == []
    assert not keeper.turn()
    clock[0] += DAY_MS
    assert keeper.turn()
    keeper.start()
    keeper.stop()


def test_a_day_s_run_that_fails_is_begun_again(
    furnished: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_ms = START_MS + 9 * 366 * DAY_MS
    keeper = Keeper(furnished.engine, furnished.directory, LAW, clock=lambda: at_ms)
    with monkeypatch.context() as patched:
        patched.setattr(job.Run, "run", failing)
        with pytest.raises(RuntimeError, match="deadlock"):
            keeper.turn()
    assert furnished.registered() != []
    assert keeper.turn()
    assert furnished.registered() == []


def failing(run: job.Run) -> None:
    raise RuntimeError(f"deadlock in {run}")


def test_months_are_those_of_the_calendar() -> None:
    for day, months, first in (
        ("2033-03-31", 84, "2026-03-31"),
        ("2033-03-31", 1, "2033-02-28"),
        ("2032-03-31", 1, "2032-02-29"),
        ("2033-01-15", 0, "2033-01-15"),
        ("2033-01-15", 13, "2031-12-15"),
    ):
        assert before_ms(parse(f"{day}T13:00"), months) == parse(first)


NOBODY = {
    "divisions", "sites", "terminals", "assignments", "enrolments", "webhooks", "webhook_events",
    "retention_policies", "retention_sweeps", "erasing", "platform", "reattribution",
    "epochs", "heads", "receipts", "waiting", "carried", "branches", "gaps", "clocks", "carriers",
}  # fmt: skip
"""Tables that hold nothing of anybody: places, machines, and where work stands."""


def test_the_page_about_privacy_says_of_every_table_what_becomes_of_it() -> None:
    said = Path("docs/privacy.md").read_text("utf-8")
    named = {table for table in metadata.tables if re.search(rf"`{table}[`.]", said)}
    assert named | NOBODY == set(metadata.tables)
    assert named & NOBODY == set()


def test_the_page_about_privacy_says_how_long_each_kind_is_kept() -> None:
    said = Path("docs/privacy.md").read_text("utf-8")
    for kind in tidying.KINDS:
        (line,) = [line for line in said.split("\n") if line.startswith(f"| `{kind.name}` |")]
        assert kind.table.name in line
        if kind.days is not None:
            assert f"{kind.days} day" in line, kind.name
