"""What breaks interpretation waits alone; everybody else is registered."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DataError, OperationalError

from cloud import db
from cloud.companies.tables import companies
from cloud.custody.tables import alarms, epochs, records, waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation import interpreter, reattribution
from cloud.interpretation.interpreter import Interpreter
from cloud.interpretation.writing import write
from cloud.registrations.tables import reattribution as requests
from cloud.registrations.tables import registrations
from protocol import blobs
from protocol.badges import Assurance, Badge
from protocol.bodies import BlobRef, Kind, Sync, Time
from protocol.seals import SealingKey
from tests.cloud.interpretation.test_interpreter import UNREGISTERED, Platform
from tests.cloud.terminal import BOOT, FakeTerminal

LAST = 2**63 - 1


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


def deliver(platform: Platform, terminal: FakeTerminal) -> None:
    platform.custody.accept([Incoming(terminal.device, "records", terminal.batch())])


@pytest.mark.parametrize(
    "time",
    [
        Time(LAST, BOOT, 0, Sync.SET, LAST),
        Time(0, BOOT, LAST, Sync.UNSET, LAST),
        Time(0, BOOT, LAST, Sync.SET, LAST),
    ],
)
def test_no_clock_says_a_time_that_cannot_be_written(platform: Platform, time: Time) -> None:
    platform.terminal.time = time
    platform.terminal.tap()
    platform.terminal.time = Time(LAST, BOOT, 0, Sync.SET, LAST)
    platform.terminal.add(Kind.CLOCK, data={0: 0, 1: 0})
    platform.deliver()
    assert len(platform.interpret()) == 1
    assert platform.rows(waiting) == []


@pytest.mark.parametrize("error", [DataError("COPY", None, ValueError()), KeyError("a mistake")])
def test_a_record_that_cannot_be_written_waits_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(conn: Any, drafts: Any, there: Any) -> None:
        if any(draft.reader == "poison" for draft in drafts):
            raise error
        write(conn, drafts, there)

    monkeypatch.setattr(interpreter, "write", refuse)
    others = [FakeTerminal(platform=platform.terminal.platform) for _ in range(3)]
    with platform.engine.begin() as conn:
        for other in others:
            other.register(conn)
    for number in range(40):
        platform.terminal.tap(str(number))
    bad = _tap_at(platform.terminal, "poison")
    platform.terminal.tap("after")
    platform.deliver()
    for other in others:
        other.tap()
        deliver(platform, other)
    found = platform.interpret(100)
    assert len(found) == 41 + 3
    ((_, seq, reason, detail, _),) = [tuple(row.values()) for row in platform.rows(waiting)]
    assert (seq, reason) == (bad, "failed")
    assert "refuse (test_poison.py:" in detail
    assert not platform.interpreter.step(100)


def _tap_at(terminal: FakeTerminal, reader: str) -> int:
    content = terminal.content or terminal.seal()
    place = blobs.Place(terminal.thumbprint, terminal.epoch, terminal.head + 1, content.seal_id)
    blob = blobs.seal_badge(Badge("1", "uid", Assurance.UID), content, place)
    ref = BlobRef(content.seal_id, blobs.blob_hash(blob))
    return terminal.add(Kind.TAP, blob, reader=reader, blob_ref=ref)


def test_an_error_that_passes_costs_no_record(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fails_once(conn: Any, drafts: Any, there: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("a mistake")
        write(conn, drafts, there)

    monkeypatch.setattr(interpreter, "write", fails_once)
    platform.terminal.tap()
    platform.deliver()
    assert len(platform.interpret(1)) == 1
    assert platform.rows(waiting) == []


def test_a_database_that_is_away_sets_nothing_aside(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise OperationalError("COPY", None, Exception("the disk is full"))

    platform.terminal.tap()
    platform.deliver()
    platform.interpreter.step(2)  # what stands before the tap: start and seal
    monkeypatch.setattr(interpreter, "write", down)
    for _ in range(3):
        with pytest.raises(OperationalError):
            platform.interpreter.step(1)
    monkeypatch.setattr(interpreter, "write", write)
    assert len(platform.interpret()) == 1
    assert platform.rows(waiting) == []


def test_a_request_that_cannot_be_served_goes_with_an_alarm(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.terminal.tap()
    platform.deliver()
    platform.interpret()

    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError("a mistake")

    monkeypatch.setattr(reattribution, "attribute", fail)
    with platform.engine.begin() as conn:
        conn.execute(requests.insert().values(why="all", at_ms=0))
    platform.terminal.tap()
    platform.deliver()
    assert len(platform.interpret(64)) == 2
    assert platform.rows(requests) == []
    (alarm,) = platform.rows(alarms)
    assert (alarm["kind"], alarm["terminal_id"]) == ("reattribution", None)


def test_a_head_beyond_its_records_is_an_alarm_and_stops_nobody(platform: Platform) -> None:
    with platform.engine.begin() as conn:
        conn.execute(
            epochs.insert().values(
                terminal_id=platform.terminal_id, epoch=b"x" * 16, head_seq=1,
                head_link=b"l" * 32, created_ms=0,
            )
        )  # fmt: skip
    for _ in range(3):
        platform.terminal.tap()
    platform.deliver()
    assert len(platform.interpret()) == 3
    assert [alarm["kind"] for alarm in platform.rows(alarms)] == ["custody"]


def test_a_seal_of_somebody_else_hides_no_key_behind_it(platform: Platform) -> None:
    """Between a seal and its tap stands another that no key of ours opens."""
    terminal = platform.terminal
    content = terminal.seal()
    ours, terminal.platform = terminal.platform, SealingKey.generate()
    terminal.seal()
    terminal.platform, terminal.content = ours, content
    platform.deliver()
    platform.interpret()
    terminal.tap()
    platform.deliver()
    platform.interpreter = Interpreter(platform.engine, [ours])
    assert [row["seq"] for row in platform.interpret()] == [4]
    assert [(row["seq"], row["reason"]) for row in platform.rows(waiting)] == [(3, "no-key")]


def test_many_terminals_share_a_turn(platform: Platform) -> None:
    crowd = [FakeTerminal(platform=platform.terminal.platform) for _ in range(12)]
    with platform.engine.begin() as conn:
        for terminal in crowd:
            terminal.register(conn)
    for terminal in crowd:
        terminal.tap()
        deliver(platform, terminal)
    platform.interpreter.step(100)
    assert len(platform.rows(registrations)) == 12


def test_two_interpreters_make_one_private_company_and_no_registration_twice(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    """Ingest and `reinterpret`, at the same time, on connections of their own."""
    platform = FakeTerminal().platform
    crowd = [FakeTerminal(platform=platform) for _ in range(6)]
    with engine.begin() as conn:
        for terminal in crowd:
            terminal.register(conn)
    custody = Custody(engine, tmp_path, generation=1)
    for terminal in crowd:
        for number in range(20):
            terminal.tap(str(number), UNREGISTERED)
        custody.accept([Incoming(terminal.device, "records", terminal.batch())])
    failed: list[BaseException] = []
    start = threading.Barrier(3)

    def work() -> None:
        own = db.writer_engine(database_url)
        try:
            start.wait(30)
            Interpreter(own, [platform]).run_to_end(7)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            own.dispose()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failed == []
    with engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(registrations)).scalar_one() == 120
        assert conn.execute(select(func.count()).select_from(waiting)).scalar_one() == 0
        private = conn.execute(select(companies.c.vat).where(companies.c.private)).scalars().all()
    assert private == ["BE0880000430"]


def test_a_seal_that_was_lost_is_looked_for_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        platform.terminal.tap(str(number))
    platform.deliver()
    with platform.engine.begin() as conn:
        conn.execute(update(records).where(records.c.seq == 2).values(body=b"\xff"))
    looked = []
    find = platform.interpreter._understanding._unsealer._find

    def count(*arguments: Any) -> Any:
        looked.append(1)
        return find(*arguments)

    monkeypatch.setattr(platform.interpreter._understanding._unsealer, "_find", count)
    assert platform.interpret() == []
    reasons = [row["reason"] for row in platform.rows(waiting)]
    assert reasons == ["undecodable"] + ["seal-missing"] * 5
    assert len(looked) == 1
