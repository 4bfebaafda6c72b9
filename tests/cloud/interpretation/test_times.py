"""What clock records correct: true time against the clocks of terminals that had none to hold."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from protocol.bodies import Kind, Sync, Time
from tests.cloud.interpretation.test_again import again, fresh
from tests.cloud.interpretation.test_interpreter import Platform
from tests.cloud.terminal import BOOT, NOW_MS, FakeTerminal

YEAR_MS = 365 * 86_400_000
BOUND_MS = 40


class Machine:
    """A terminal whose wall clock is `wrong_ms` from the truth, in a boot of its own."""

    def __init__(self, terminal: FakeTerminal) -> None:
        self.terminal = terminal
        self.true_ms = NOW_MS
        self.boots = 0
        self.told: dict[int, tuple[int, int, Sync]] = {}
        """By the seq of a tap: the true time, the number of its boot, and how the clock was."""
        self.clocks: list[tuple[int, int, Sync]] = []
        """Seq, boot and state of the clock records."""
        self.boot(-YEAR_MS)

    def boot(self, wrong_ms: int) -> None:
        self.boots += 1
        self.began_ms = self.true_ms - 5_000
        self.wrong_ms, self.sync = wrong_ms, Sync.UNSET
        self._now()

    def wait(self, ms: int) -> None:
        self.true_ms += ms
        self._now()

    def set(self, wrong_ms: int, sync: Sync) -> None:
        self.wrong_ms, self.sync = wrong_ms, sync
        self._now()
        seq = self.terminal.add(Kind.CLOCK, data={0: 0, 1: self.terminal.time.wall_ms})
        self.clocks.append((seq, self.boots, sync))

    def lose(self) -> None:
        """The kernel no longer holds the clock: it runs on, as wrong as it was."""
        self.sync = min(self.sync, Sync.SET)
        self._now()

    def tap(self) -> None:
        self.told[self.terminal.tap()] = (self.true_ms, self.boots, self.sync)

    def followed(self, seq: int, least: Sync) -> bool:
        """Whether a clock record of the same boot follows, as good as `least`."""
        return any(
            later > seq and boot == self.told[seq][1] and sync >= least
            for later, boot, sync in self.clocks
        )

    def _now(self) -> None:
        bound = BOUND_MS if self.sync is Sync.SYNCHRONISED else None
        self.terminal.time = Time(
            max(0, self.true_ms + self.wrong_ms),
            self.boots.to_bytes(16),
            # The oscillator of the machine is not what is modelled here: it is exact.
            self.true_ms - self.began_ms,
            self.sync,
            bound,
        )


class Event(NamedTuple):
    """Something that happens to a machine: how wrong its clock is after, how long it waits."""

    what: str
    ms: int


wrong = st.integers(-100 * YEAR_MS, 100 * YEAR_MS) | st.integers(-5_000, 5_000)
events = st.one_of(
    st.builds(Event, st.just("tap"), st.just(0)),
    st.builds(Event, st.just("wait"), st.integers(1, 10**9)),
    st.builds(Event, st.just("boot"), wrong),
    st.builds(Event, st.just("set"), wrong),
    st.builds(Event, st.just("synchronised"), st.integers(-BOUND_MS, BOUND_MS)),
    st.builds(Event, st.just("lose"), st.just(0)),
)


def play(machine: Machine, script: list[Event]) -> None:
    for what, ms in script:
        if what == "tap":
            machine.tap()
        elif what == "wait":
            machine.wait(ms)
        elif what == "boot":
            machine.boot(ms)
        elif what == "lose":
            machine.lose()
        else:
            machine.set(ms, Sync.SET if what == "set" else Sync.SYNCHRONISED)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    script=st.lists(events, max_size=20),
    pieces=st.integers(1, 3),
    limits=st.tuples(*[st.sampled_from([1, 2, 100])] * 2),
)
def test_what_a_synchronised_clock_record_follows_is_true_within_its_bound(
    engine: Engine, tmp_path: Path, script: list[Event], pieces: int, limits: tuple[int, int]
) -> None:
    platform = fresh(engine, tmp_path)
    machine = Machine(platform.terminal)
    size = max(1, len(script) // pieces)
    for start in range(0, len(script), size):
        play(machine, script[start : start + size])
        platform.deliver()
        platform.interpret(limits[0])
    rows = platform.rows_by_seq()
    assert [row["seq"] for row in rows] == sorted(machine.told)
    for row in rows:
        true_ms, _, sync = machine.told[row["seq"]]
        if sync is Sync.SYNCHRONISED or machine.followed(row["seq"], Sync.SYNCHRONISED):
            assert row["earliest_ms"] <= true_ms <= row["latest_ms"]
            assert row["reason"] is None
        assert row["corrected"] == (
            sync is not Sync.SYNCHRONISED and machine.followed(row["seq"], Sync(sync + 1))
        )
        if sync is Sync.UNSET and not row["corrected"]:
            assert row["reason"] == "clock-unsure"
    again(platform)
    platform.interpret(limits[1])
    assert platform.rows_by_seq() == rows


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


def told(platform: Platform, machine: Machine) -> list[Any]:
    """How far each tap is told from the truth, to what bound, corrected or not; by seq."""
    platform.deliver()
    platform.interpret()
    return [
        (
            row["tapped_ms"] - machine.told[row["seq"]][0],
            None if row["latest_ms"] is None else row["latest_ms"] - row["tapped_ms"],
            row["corrected"],
        )
        for row in platform.rows_by_seq()
    ]


def test_a_clock_set_late_corrects_what_came_before_with_a_bound_that_grows(
    platform: Platform,
) -> None:
    machine = Machine(platform.terminal)
    machine.tap()
    machine.wait(3_600_000)
    machine.tap()
    machine.wait(2_000)
    machine.set(0, Sync.SYNCHRONISED)
    machine.tap()
    assert told(platform, machine) == [(0, 40 + 1_801, True), (0, 40 + 1, True), (0, 40, False)]


@pytest.mark.parametrize("wrong_ms", [14 * YEAR_MS, -5_000, 90_000])
def test_a_clock_that_was_set_wrong_is_corrected_by_a_synchronised_one(
    platform: Platform, wrong_ms: int
) -> None:
    machine = Machine(platform.terminal)
    machine.tap()
    machine.set(wrong_ms, Sync.SET)
    machine.tap()
    assert told(platform, machine) == [(wrong_ms, None, True), (wrong_ms, None, False)]
    machine.wait(1_000)
    machine.set(0, Sync.SYNCHRONISED)
    assert told(platform, machine) == [(0, 41, True)] * 2
    rows = platform.rows_by_seq()
    for limit in (1, 100):
        again(platform)
        platform.interpret(limit)
        assert platform.rows_by_seq() == rows


def test_what_a_synchronised_record_said_outlives_one_that_is_only_set(
    platform: Platform,
) -> None:
    machine = Machine(platform.terminal)
    machine.tap()
    machine.set(0, Sync.SYNCHRONISED)
    machine.tap()
    machine.set(YEAR_MS, Sync.SET)
    machine.tap()
    assert told(platform, machine) == [(0, 40, True), (0, 40, False), (YEAR_MS, None, False)]


def test_a_boot_in_which_the_clock_was_never_set_stays_unsure(platform: Platform) -> None:
    machine = Machine(platform.terminal)
    machine.tap()
    machine.boot(-2 * YEAR_MS)
    machine.tap()
    machine.set(0, Sync.SYNCHRONISED)
    assert told(platform, machine) == [(-YEAR_MS, None, False), (0, 40, True)]
    assert [row["reason"] for row in platform.rows_by_seq()] == ["clock-unsure", None]


def test_taps_at_both_sides_of_a_step_back_keep_their_order(platform: Platform) -> None:
    """The hour that summer time repeats, and a clock that was an hour ahead: seq tells."""
    machine = Machine(platform.terminal)
    machine.set(3_600_000, Sync.SET)
    machine.tap()
    machine.wait(1_000)
    machine.set(0, Sync.SYNCHRONISED)
    machine.tap()
    assert told(platform, machine) == [(0, 41, True), (0, 40, False)]
    assert [row["seq"] for row in platform.rows_by_seq()] == sorted(machine.told)


def test_carried_clock_records_correct_as_they_would_have_where_they_stood(
    platform: Platform,
) -> None:
    old = platform.terminal
    machine = Machine(old)
    machine.tap()
    platform.deliver()
    platform.interpret()
    machine.wait(60_000)
    machine.set(0, Sync.SYNCHRONISED)
    machine.set(YEAR_MS, Sync.SET)
    machine.tap()
    machine.wait(60_000)
    machine.set(5, Sync.SYNCHRONISED)
    platform.terminal = old.next_epoch()
    platform.terminal.time = Time(NOW_MS, BOOT, 1, Sync.SET, None)
    for seq in range(4, old.head + 1):
        platform.terminal.carry(old, seq)
    assert len(told_carried(platform)) == 2
    first, second = told_carried(platform)
    true_ms = [true for true, _, _ in machine.told.values()]
    assert (first["tapped_ms"], first["latest_ms"] - first["tapped_ms"]) == (true_ms[0], 70)
    assert (second["tapped_ms"], second["latest_ms"] - second["tapped_ms"]) == (true_ms[1] + 5, 70)
    for limit in (1, 100):
        again(platform)
        platform.interpret(limit)
        assert told_carried(platform) == [first, second]


def told_carried(platform: Platform) -> list[Any]:
    platform.deliver()
    return platform.interpret()
