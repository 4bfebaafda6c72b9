"""When a clock record is owed."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from agent.clock import Step
from agent.clock_records import ClockRecords
from protocol.bodies import Sync, Time

BOOT, EARLIER_BOOT = b"b" * 16, b"a" * 16
NOW = Time(1_800_000_000_000, BOOT, 5000, Sync.SYNCHRONISED, 10)


class Kept:
    """A journal without facts."""

    def number(self, _name: str) -> int:
        return 0


@dataclass
class Told:
    """A clock that says what it was told, and learns of its kernel after a step only."""

    time: Time = NOW
    jump: Step | None = None
    after: Time | None = None
    went_on_after: Time | None = None

    def now(self) -> Time:
        return self.time

    def step(self, _now: Time) -> Step | None:
        jump, self.jump = self.jump, None
        if jump is not None and self.after is not None:
            self.time = self.after
        return jump

    def go_on_after(self, told: Time) -> None:
        self.went_on_after = told


def records(clock: Told) -> ClockRecords:
    return ClockRecords(clock, Kept())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "owed"),
    [
        (replace(NOW, sync=Sync.UNSET), True),
        (replace(NOW, sync=Sync.SET), True),
        (NOW, False),
        (replace(NOW, sync=Sync.UNSET, boot=EARLIER_BOOT), False),
        (None, True),
    ],
)
def test_one_is_owed_when_records_of_this_boot_were_not_synchronised(
    last: Time | None, owed: bool
) -> None:
    """Nobody knows what an unreadable record said: better one too many."""
    clock = Told()
    due = records(clock)
    due.go_on_after(last)
    assert clock.went_on_after == last
    now, step = due.owed()
    assert (step is not None) == owed
    due.committed(now)
    assert due.owed() == (NOW, None)


def test_a_jump_is_owed_until_a_commit_holds_it() -> None:
    jump = Step(1000, NOW.wall_ms)
    before = replace(NOW, wall_ms=1000, sync=Sync.UNSET)
    due = records(Told(before, jump, after=NOW))
    for _ in range(2):  # the first commit fails
        assert due.owed() == (NOW, jump)
    due.committed(NOW)
    assert due.owed() == (NOW, None)
