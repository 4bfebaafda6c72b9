"""What befalls a terminal that is away for long, and when: everything from one seed.

Moments are seconds before the network comes back, so they are negative, and 0 is when it does.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

DAY_S = 86_400.0
_YEAR_S = 365 * DAY_S


@dataclass(frozen=True, slots=True)
class Visit:
    """A crowd at the gate: badges `first` to `first + count - 1`, each held to it once."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class PowerCycle:
    """The power goes for `off_s`; the wall clock comes back at `wall_ms`.

    None: where it stood when the power went, as a program that saves the time now and then has it.
    """

    off_s: float
    wall_ms: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock is stepped while the agent runs, by nobody who knows the time."""

    by_s: float


@dataclass(frozen=True, slots=True)
class TimeServer:
    """The kernel hears of the true time, `error_ms` wrong and at most `bound_ms`."""

    error_ms: float
    bound_ms: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """The platform's keys are replaced: options of `pointeuse provision rotate`."""

    options: tuple[str, ...]


Event = Visit | PowerCycle | Step | TimeServer | Rotation

_FACTORY_MS = 1_714_521_600_000
"""2024-05-01: when the terminal's image was made; some systems begin there."""
_ALL = ("--receipt", "--config", "--sealing")


@dataclass(frozen=True)
class Plan:
    """Everything that happens, in its order, until the network comes back."""

    drift_ppm: float
    events: tuple[tuple[float, Event], ...]
    last: TimeServer
    """What the terminal hears of the time once the network is back."""

    @property
    def resets(self) -> int:
        """How often the wall clock went back: by a power cycle, by a step, from a leap."""
        return sum(
            isinstance(event, PowerCycle) or (isinstance(event, Step) and event.by_s < 0)
            for _, event in self.events
        )

    @property
    def rotations(self) -> int:
        """How often keys were replaced."""
        return sum(isinstance(event, Rotation) for _, event in self.events)


def make(days: int, taps: int, seed: int) -> Plan:
    """The plan of a seed: `taps` taps, the last of them once the network is back."""
    source = random.Random(f"offline {seed}")
    start = -days * DAY_S

    def at(share: float) -> float:
        return start * (1 - share - 0.01 * source.random())

    def server() -> TimeServer:
        bound_ms = 10 + int(source.random() * 40)
        return TimeServer((2 * source.random() - 1) * bound_ms * 0.9, bound_ms)

    def off_s() -> float:
        return 60 + source.random() * 0.01 * days * DAY_S

    drift_ppm, last = (2 * source.random() - 1) * 60, server()
    leap_s = (2 + int(source.random() * 8)) * _YEAR_S
    events: list[tuple[float, Event]] = [
        (start, server()),
        (at(0.06), PowerCycle(off_s(), 0)),
        (at(0.12), PowerCycle(off_s(), _FACTORY_MS)),
        (at(0.22), PowerCycle(off_s(), None)),
        (at(0.40), server()),
        (at(0.58), Step(-(1 + 5 * source.random()) * 3600)),
        (at(0.72), Step(leap_s)),
        (at(0.77), Step(-leap_s)),
        (at(0.15), Rotation(_ALL)),
        (at(0.35), Rotation((*_ALL, "--root"))),
        (at(0.55), Rotation(_ALL)),
        (at(0.80), Rotation((*_ALL, "--revoke-receipts"))),
        (at(0.95), Rotation((*_ALL, "--root"))),
    ]
    events += _visits(source, days, taps - 1)
    events.sort(key=lambda each: each[0])
    return Plan(drift_ppm, tuple(events), last)


def _visits(source: random.Random, days: int, taps: int) -> Iterator[tuple[float, Event]]:
    """Crowds at any time of the days, two a day if there are taps enough for five each."""
    crowds = max(1, min(2 * days, taps // 5))
    moments = sorted(-days * DAY_S * (1 - source.random()) for _ in range(crowds))
    done = 0
    for index, moment in enumerate(moments, 1):
        upto = taps * index // crowds
        if upto > done:
            yield moment, Visit(done, upto - done)
        done = upto
