"""Records carried over from a closed epoch: each counts once, wherever and whenever it is met."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from cloud.custody import saying
from cloud.custody.tables import alarms, epochs, waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.bodies import Kind, Sync, Time
from tests.cloud.terminal import BOOT, NOW_MS, FakeTerminal


class Platform:
    """One terminal, with an old epoch and the one after it."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.old = FakeTerminal()
        self.new = self.old.next_epoch()
        self.custody = Custody(engine, directory, generation=1)
        self.interpreter = Interpreter(engine, [self.old.platform])
        with engine.begin() as conn:
            self.terminal_id = self.old.register(conn)

    def deliver(self, terminal: FakeTerminal, first: int = 1, last: int | None = None) -> None:
        message = terminal.batch(first, last)
        self.custody.accept([Incoming(terminal.device, "records", message)])

    def interpret(self, limit: int = 100) -> list[Any]:
        self.interpreter.run_to_end(limit)
        return self.rows(registrations)

    def restart(self) -> None:
        self.interpreter = Interpreter(self.engine, [self.old.platform])

    def again(self) -> list[Any]:
        with self.engine.begin() as conn:
            conn.execute(update(epochs).values(interpreted_seq=0))
        return self.interpret()

    def rows(self, table: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).mappings())

    def numbers(self) -> list[tuple[int, int]]:
        """Epoch id and seq of each registration."""
        return [(row["epoch_id"], row["seq"]) for row in self.interpret()]

    def alarms(self) -> list[str]:
        return [saying.told(row["detail"]) for row in self.rows(alarms)]


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


def test_taps_and_their_seal_are_carried_over_whole(platform: Platform) -> None:
    old, new = platform.old, platform.new
    for n in range(3):
        old.tap(f"{n:010}")
    old.time = Time(NOW_MS + 5000, BOOT, 6000, Sync.SET, None)
    old.tap("4444444444")
    for seq in range(1, old.head + 1):
        new.carry(old, seq)
    platform.deliver(new)
    rows = platform.interpret()
    assert [row["seq"] for row in rows] == [4, 5, 6, 7]
    assert [row["tapped_ms"] for row in rows] == [NOW_MS] * 3 + [NOW_MS + 5000]
    assert platform.rows(waiting) == []


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_seal_is_found_wherever_it_is(platform: Platform, limit: int) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    platform.deliver(old)
    platform.interpret()
    platform.restart()
    old.tap("2222222222")
    new.carry(old, old.head)
    platform.deliver(new)
    assert len(platform.interpret(limit)) == 2
    assert platform.rows(waiting) == []


def test_a_carried_seal_is_found_again_after_a_restart(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    new.carry(old, 2)
    platform.deliver(new)
    platform.interpret()
    platform.restart()
    new.carry(old, 3)
    platform.deliver(new, first=new.head)
    assert len(platform.interpret()) == 1


ORDERS = list(itertools.permutations(["original", "carrier", "second carrier"]))


@pytest.mark.parametrize("order", ORDERS)
def test_a_record_counts_once_in_any_order(platform: Platform, order: list[str]) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    for seq in (2, 3):
        new.carry(old, seq)
    later = new.next_epoch()
    for seq in (2, 3):
        later.carry(old, seq)
    whose = {"original": old, "carrier": new, "second carrier": later}
    for name in order:
        platform.deliver(whose[name])
        assert len(platform.interpret()) == 1
    before = platform.numbers()
    platform.restart()
    assert [(row["epoch_id"], row["seq"]) for row in platform.again()] == before
    assert platform.rows(waiting) == []


def test_two_chains_that_part_both_count(platform: Platform) -> None:
    """The same place, another record: a copy of the storage tapped too, and was carried over."""
    old, new = platform.old, platform.new
    old.tap("1111111111")
    copy = old.clone()
    old.tap("2222222222")
    copy.tap("3333333333")
    platform.deliver(old)
    for seq in (2, 3, 4):
        new.carry(copy, seq)
    platform.deliver(new)
    assert len(platform.interpret()) == 3


def test_a_carried_clock_record_corrects_carried_and_delivered_taps(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.time = Time(5, BOOT, 10_000, Sync.UNSET, None)
    old.tap("1111111111")
    platform.deliver(old)
    old.time = Time(1000, BOOT, 11_000, Sync.UNSET, None)
    old.tap("2222222222")
    old.time = Time(NOW_MS, BOOT, 20_000, Sync.SYNCHRONISED, 30)
    old.add(Kind.CLOCK, data={0: 10_000, 1: NOW_MS})
    assert [row["corrected"] for row in platform.interpret()] == [False]
    for seq in (4, 5):
        new.carry(old, seq)
    platform.deliver(new)
    rows = platform.interpret()
    assert [row["tapped_ms"] for row in rows] == [NOW_MS - 10_000, NOW_MS - 9_000]
    assert [row["corrected"] for row in rows] == [True, True]
    assert [row["latest_ms"] - row["earliest_ms"] for row in rows] == [70, 70]


def test_a_carrier_that_lies_about_its_place_says_nothing(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    stranger = FakeTerminal()
    stranger.tap("2222222222")
    raw, _ = old.records[2]
    new.carry(old, 2)
    new.carry(old, 3, data={0: old.epoch, 1: 7, 2: raw})
    new.add(Kind.SALVAGED, data={0: old.epoch, 1: 3})
    new.add(Kind.SALVAGED, data="?")
    new.carry(stranger, 3)
    platform.deliver(new)
    assert platform.interpret() == []
    assert [row["reason"] for row in platform.rows(waiting)] == ["undecodable"] * 4


def test_a_tap_whose_sealed_part_was_lost_waits_visibly(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    new.carry(old, 2)
    raw, _ = old.records[2]
    new.add(Kind.SALVAGED, data={0: old.epoch, 1: 3, 2: raw})
    platform.deliver(new)
    assert platform.interpret() == []
    assert [row["reason"] for row in platform.rows(waiting)] == ["erased"]


def test_what_is_not_wholly_proved_is_said(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    new.carry(old, 2)
    raw, _ = old.records[2]
    new.carry(old, 3, data={0: old.epoch, 1: 3, 2: raw, 3: True})
    platform.deliver(new)
    assert len(platform.interpret()) == 1
    (alarm,) = platform.rows(alarms)
    assert alarm["kind"] == "unproved"


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ((1, 3), []),
        ((2, 9), ["records 4 to 9 of epoch 1 are lost: a page"]),
        ((5, 5), ["records 5 to 5 of epoch 1 are lost: a page"]),
        (
            (2, None),
            ["records from 4 on of epoch 1 are lost: a page; nobody knows how many, if any"],
        ),
    ],
)
def test_a_gap_is_shown_as_far_as_nobody_holds_it(
    platform: Platform, gap: tuple[int, int | None], said: list[str]
) -> None:
    old, new = platform.old, platform.new
    old.tap("1111111111")
    platform.deliver(old)
    platform.custody.accept([Incoming(old.device, "hello", old.hello())])
    new.add(Kind.GAP, data={0: old.epoch, 1: gap[0], 2: gap[1], 3: "a page"})
    platform.deliver(new)
    platform.interpret()
    platform.again()
    assert platform.alarms() == said


def test_a_gap_in_an_epoch_nobody_knows_is_named_by_its_first_digits(platform: Platform) -> None:
    platform.new.add(Kind.GAP, data={0: b"\xab" * 16, 1: 1, 2: None, 3: "the file was missing"})
    platform.new.add(Kind.GAP, data={0: b"?"})
    platform.deliver(platform.new)
    platform.interpret()
    (alarm,) = platform.alarms()
    assert alarm.startswith("records from 1 on of epoch abababab are lost: the file was missing;")
    assert [row["reason"] for row in platform.rows(waiting)] == ["undecodable"]


def unset(terminal: FakeTerminal, boottime_ms: int) -> None:
    """Its clock is an hour slow, and nobody has set it."""
    terminal.time = Time(NOW_MS - 3_600_000 + boottime_ms, BOOT, boottime_ms, Sync.UNSET, None)


def synchronised(terminal: FakeTerminal, boottime_ms: int) -> None:
    terminal.time = Time(NOW_MS + boottime_ms, BOOT, boottime_ms, Sync.SYNCHRONISED, 10)


@pytest.mark.parametrize("late", [False, True])
def test_a_carried_clock_record_corrects_what_is_read_of_its_epoch(
    platform: Platform, late: bool
) -> None:
    """The clock record was carried before its tap came into custody, or is read before it."""
    old, new = platform.old, platform.new
    old.seal()
    unset(old, 5_000)
    old.tap()
    synchronised(old, 60_000)
    clock = old.add(Kind.CLOCK, data={0: 0, 1: old.time.wall_ms})
    new.carry(old, clock)
    # A long chain is read after a short one.
    if late:
        platform.deliver(new)
        assert platform.numbers() == []
        platform.deliver(old, 1, 3)
    else:
        platform.deliver(old, 1, 3)
        platform.deliver(new)
    (row,) = platform.interpret()
    assert (row["tapped_ms"], row["corrected"]) == (NOW_MS + 5_000, True)
    assert platform.again() == [row]


def test_a_tap_carried_after_the_clock_was_set_is_corrected_by_what_stands_before(
    platform: Platform,
) -> None:
    old, new = platform.old, platform.new
    old.seal()
    unset(old, 5_000)
    old.tap()
    unset(new, 30_000)
    synchronised(new, 60_000)
    new.add(Kind.CLOCK, data={0: 0, 1: new.time.wall_ms})
    for seq in (2, 3):
        new.carry(old, seq)
    platform.deliver(new)
    (row,) = platform.interpret(1)
    assert (row["tapped_ms"], row["corrected"]) == (NOW_MS + 5_000, True)
    assert row["latest_ms"] - row["tapped_ms"] == 10 + 28
    assert "clock-unsure" not in row["reason"]
    assert platform.again() == [row]


def test_two_epochs_that_carry_one_another_do_not_keep_us_busy(platform: Platform) -> None:
    old, new = platform.old, platform.new
    old.tap()
    new.tap()
    new.carry(old, 3)
    old.carry(new, 3)
    for first, last in ((1, 3), (4, 4)):
        for terminal in (old, new):
            platform.deliver(terminal, first, last)
            platform.interpret(1)
    assert len(platform.again()) == 2
