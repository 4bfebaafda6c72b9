"""Interpreting again, in turns of any size, says what was said the first time."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update

from cloud.companies.tables import companies
from cloud.custody.tables import epochs, waiting
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import reattribution, registration_history, registrations
from cloud.terminals.tables import assignments, terminals
from cloud.workers.tables import badges
from protocol.bodies import Kind, Sync, Time
from protocol.errors import ProtocolError
from tests.cloud.emptying import empty_tables
from tests.cloud.interpretation.test_interpreter import UNREGISTERED, Platform
from tests.cloud.terminal import BOOT, NOW_MS, FakeTerminal

OTHER_BOOT = b"o" * 16
UNSTABLE = {"id", "version"}

times = st.builds(
    Time,
    wall_ms=st.integers(0, 2**63 - 1) | st.integers(NOW_MS - 5000, NOW_MS + 5000),
    boot=st.sampled_from([BOOT, BOOT, BOOT, OTHER_BOOT]),
    boottime_ms=st.integers(0, 10_000) | st.integers(0, 2**63 - 1),
    sync=st.sampled_from(Sync),
    bound_ms=st.none() | st.integers(0, 100) | st.integers(0, 2**63 - 1),
)
events = st.one_of(
    st.tuples(st.just("tap"), times, st.sampled_from([None, UNREGISTERED, "0880000431"])),
    st.tuples(st.just("clock"), times, st.none()),
    st.tuples(st.just("seal"), times, st.none()),
    st.tuples(st.just("future"), times, st.none()),
    st.tuples(st.just("garbage"), times, st.none()),
    st.tuples(st.just("misplaced"), times, st.none()),
)


def play(terminal: FakeTerminal, script: list[Any]) -> None:
    for number, (what, time, employer) in enumerate(script):
        terminal.time = time
        if what == "tap":
            terminal.tap(str(number % 3), employer)
        elif what == "clock":
            terminal.add(Kind.CLOCK, data={0: 0, 1: time.wall_ms})
        elif what == "seal":
            terminal.seal()
        elif what == "future":
            terminal.add(99)
        elif what == "garbage":
            terminal.add_raw(b"\xff%d" % number)
        else:
            other = FakeTerminal(terminal.key, terminal.platform)
            other.time = time
            other.add(Kind.CLOCK, data={0: 0, 1: time.wall_ms})
            terminal.add_raw(other.records[-1][0])


def said(platform: Platform) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in UNSTABLE}
        for row in platform.rows(registrations)
    ]


def waits(platform: Platform) -> list[tuple[int, str]]:
    return [(row["seq"], row["reason"]) for row in platform.rows(waiting)]


def again(platform: Platform) -> None:
    with platform.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))


def empty(platform: Platform) -> None:
    with platform.engine.begin() as conn:
        for table in (registration_history, registrations, waiting):
            conn.execute(delete(table))
        conn.execute(delete(badges).where(badges.c.id != platform.badge))
        conn.execute(update(badges).values(employer_vat=None))
    platform.interpreter = Interpreter(platform.engine, [platform.terminal.platform])


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    script=st.lists(events, max_size=14),
    limits=st.tuples(*[st.sampled_from([1, 2, 3, 100])] * 3),
    pieces=st.integers(1, 3),
)
@example(
    script=[
        ("clock", Time(NOW_MS, BOOT, 5_000, Sync.SET, 10), None),
        ("tap", Time(7, BOOT, 6_000, Sync.UNSET), None),
        ("clock", Time(NOW_MS + 500_000, BOOT, 7_000, Sync.SET, 10), None),
    ],
    limits=(2, 1, 100),
    pieces=1,
).via("a clock that is set again, after a tap that did not know that it was")
def test_registrations_depend_on_custody_and_on_nothing_else(
    engine: Engine, tmp_path: Path, script: list[Any], limits: tuple[int, ...], pieces: int
) -> None:
    platform = fresh(engine, tmp_path)
    size = max(1, len(script) // pieces)
    for start in range(0, len(script), size):
        play(platform.terminal, script[start : start + size])
        platform.deliver()
        platform.interpret(limits[0])
    first, waited = said(platform), waits(platform)
    versions = [row["version"] for row in platform.rows(registrations)]
    assert len(first) == sum(what == "tap" for what, _, _ in script)

    again(platform)
    platform.interpret(limits[1])
    assert (said(platform), waits(platform)) == (first, waited)
    assert [row["version"] for row in platform.rows(registrations)] == versions

    empty(platform)
    again(platform)
    platform.interpret(limits[2])
    assert strip_badges(said(platform)) == strip_badges(first)
    assert waits(platform) == waited


def fresh(engine: Engine, directory: Path) -> Platform:
    """A platform whose tables hold nothing else of earlier examples."""
    with engine.begin() as conn:
        empty_tables(conn)
    return Platform(engine, directory)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    script=st.lists(events, min_size=1, max_size=12),
    later=st.lists(events, max_size=4),
    cut=st.integers(0, 12),
    limits=st.tuples(*[st.sampled_from([1, 2, 100])] * 2),
)
def test_carried_records_say_the_same_again(
    engine: Engine,
    tmp_path: Path,
    script: list[Any],
    later: list[Any],
    cut: int,
    limits: tuple[int, int],
) -> None:
    """The first records of an epoch were delivered, all but its start are carried into the next."""
    platform = fresh(engine, tmp_path)
    old = platform.terminal
    play(old, script[:cut])
    platform.deliver()
    platform.interpret(limits[0])
    play(old, script[cut:])
    new = platform.terminal = old.next_epoch()
    for seq in range(2, old.head + 1):
        try:
            new.carry(old, seq)
        except ProtocolError:
            continue  # garbage: no terminal can carry it
    play(new, later)
    platform.deliver()
    platform.interpret(limits[0])
    first, waited = said(platform), waits(platform)
    versions = [row["version"] for row in platform.rows(registrations)]
    again(platform)
    platform.interpret(limits[1])
    assert (said(platform), waits(platform)) == (first, waited)
    assert [row["version"] for row in platform.rows(registrations)] == versions


def strip_badges(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the ids of badges, which were entered anew."""
    return [{name: row[name] for name in row if name != "badge_id"} for row in rows]


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


def revoke(platform: Platform, status: str = "revoked") -> None:
    with platform.engine.begin() as conn:
        conn.execute(update(terminals).values(status=status))


def test_only_what_comes_after_a_revocation_is_disputed(platform: Platform) -> None:
    platform.terminal.tap()
    platform.deliver()
    platform.interpret()
    revoke(platform)
    platform.terminal.tap()
    platform.deliver()
    rows = platform.interpret()
    assert [row["reason"] for row in rows] == [None, "disputed"]
    again(platform)
    assert platform.interpret() == rows
    with platform.engine.begin() as conn:
        conn.execute(reattribution.insert().values(why="all", at_ms=0))
    assert platform.interpret() == rows
    revoke(platform, "active")
    again(platform)
    assert platform.interpret() == rows


def test_a_badge_that_tells_its_employer_late_attributes_what_came_before(
    platform: Platform,
) -> None:
    platform.terminal.tap("9000000001")
    platform.deliver()
    platform.interpret()
    platform.terminal.tap("9000000001", "0880000431")
    platform.deliver()
    first, second = platform.interpret()
    assert first["reason"] == second["reason"] == "badge-unlinked employer-invalid"
    platform.terminal.tap("9000000001", UNREGISTERED)
    platform.deliver()
    rows = platform.interpret()
    (private,) = [row for row in platform.rows(companies) if row["private"]]
    assert {row["employer_id"] for row in rows} == {private["id"]}
    assert {row["reason"] for row in rows} == {"badge-unlinked"}
    whys = {row["why"] for row in platform.rows(registration_history)}
    assert whys == {"the badge told its employer"}
    platform.terminal.tap("9000000001", "0403019261")
    platform.deliver()
    assert {row["employer_id"] for row in platform.interpret()} == {private["id"]}


def test_a_correction_finds_the_site_of_the_corrected_time(platform: Platform) -> None:
    terminal = platform.terminal
    moved = NOW_MS - 30_000
    with platform.engine.begin() as conn:
        conn.execute(update(assignments).values(to_ms=moved))
        platform.assign(conn, 1, moved, None)
    for second in (0, 20, 40):
        terminal.time = Time(5_000, BOOT, 10_000 + second * 1000, Sync.UNSET, None)
        terminal.tap()
    platform.deliver()
    assert {row["site_id"] for row in platform.interpret(1)} == {platform.sites[0]}
    terminal.time = Time(NOW_MS, BOOT, 60_000, Sync.SYNCHRONISED, 30)
    terminal.add(Kind.CLOCK, data={0: 65_000, 1: NOW_MS})
    platform.deliver()
    rows = platform.interpret(2)
    assert [row["site_id"] for row in rows] == [platform.sites[0]] + [platform.sites[1]] * 2
    assert [(row["corrected"], row["reason"], row["version"]) for row in rows] == [
        (True, None, 2)
    ] * 3
    with platform.engine.begin() as conn:
        assert conn.execute(select(reattribution)).all() == []
