"""Plays a plan: a real agent under a simulated clock, then a real broker and platform."""

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from hwsim.errors import SimulatorError
from hwsim.offline.clock import TerminalClock
from hwsim.offline.findings import Findings, Tapped, compare
from hwsim.offline.plan import (
    DAY_S,
    Event,
    Plan,
    PowerCycle,
    Rotation,
    Step,
    TimeServer,
    Visit,
)
from hwsim.offline.platform import Database
from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader, rdm6300_frame
from hwsim.stack import Stack

Say = Callable[[str], None]
READERS = 4
FIRST = 1 << 32
"""The number of badge 0; a tag whose octets are all alike is none."""
_FRAMES = 100
"""Badges sent to one reader before the next gets some."""
_SOON_S = 0.002
_UPLINK = "backoff_s = 0.1\nbackoff_limit_s = 1.0"
"""Else what is measured of the drain would be a wait of minutes."""


@dataclass
class Result:
    """What was found, and what it took. Times are this machine's."""

    days: int
    seed: int
    findings: Findings
    clock_resets: int
    boots: int
    rotations: int
    records: int
    journal_bytes: int
    waiting: int
    drift_ppm: float
    tapping_s: float
    drain_s: float
    settled_s: float

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled, wrongly dated or left uninterpreted."""
        return self.findings.good and not self.waiting

    def as_json(self) -> dict[str, Any]:
        """One object."""
        own = {name: value for name, value in asdict(self).items() if name != "findings"}
        found = asdict(self.findings)
        del found["examples"]
        bytes_each = round(self.journal_bytes / self.records, 1)
        rounded = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in (own | found).items()
        }
        return rounded | {"bytes_per_record": bytes_each}


def play(plan: Plan, days: int, seed: int, say: Say) -> Result:
    """Live through `plan`, and compare. Raises SimulatorError."""
    with (
        tempfile.TemporaryDirectory(prefix="pointeuse-offline-") as directory,
        Away(Path(directory), days, plan.drift_ppm) as away,
    ):
        watch = _Watch()
        _stay_away(away, plan, days, say)
        tapping_s = watch.lap()
        records, journal_bytes = away.records(), away.journal_bytes()
        say(f"the network comes back; {records:,} records wait in {journal_bytes:,} octets")
        watch.lap()
        away.come_back(plan.last)
        away.terminal.wait_delivered(60 + away.taps / 500)
        drain_s = watch.lap()
        say(f"delivered in {drain_s:.1f} s; the platform goes through it")
        database = Database(away.stack.directory / "platform.sqlite")
        wait_for(database.settled, "the platform is not done", 60 + away.taps / 200)
        return Result(
            days=days,
            seed=seed,
            findings=compare(away.tapped, database.registered(FIRST)),
            clock_resets=plan.resets,
            boots=away.clock.boots,
            rotations=plan.rotations,
            records=records,
            journal_bytes=journal_bytes,
            waiting=database.waiting(),
            drift_ppm=plan.drift_ppm,
            tapping_s=tapping_s,
            drain_s=drain_s,
            settled_s=drain_s + watch.lap(),
        )


def _stay_away(away: "Away", plan: Plan, days: int, say: Say) -> None:
    """Let all the days pass, and say now and then how many are left."""
    left = float(days)
    for at_s, event in plan.events:
        if -at_s / DAY_S <= left - days / 10:
            left = -at_s / DAY_S
            say(f"{left:.0f} days before the network is back, {away.taps:,} taps")
        away.happen(at_s, event)


class _Watch:
    """Seconds since the last lap."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        before, self._at = self._at, time.monotonic()
        return self._at - before


class Away:
    """A platform, and one terminal that has never reached it. Use it in a `with` block."""

    def __init__(self, directory: Path, days: int, drift_ppm: float) -> None:
        self._resources = contextlib.ExitStack()
        self.taps = 0
        self.tapped: list[Tapped] = []
        self._heard_ms = 0
        self._before = 0
        """Taps of the agent's present life that were recorded before the last visit."""
        with contextlib.ExitStack() as made:
            begins_s = -days * DAY_S
            self.clock = made.enter_context(
                TerminalClock(directory, begins_s=begins_s, drift_ppm=drift_ppm)
            )
            office = directory / "office"
            office.mkdir()
            self._office = made.enter_context(TerminalClock(office, begins_s=begins_s, drift_ppm=0))
            self.stack = made.enter_context(
                Stack(directory / "stack", env=self._office.environment)
            )
            self._readers = [
                made.enter_context(SerialReader(directory / f"reader-{number}"))
                for number in range(1, READERS + 1)
            ]
            self._set_up(datetime.fromtimestamp(time.time() + begins_s - DAY_S, UTC))
            self._resources = made.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _set_up(self, assigned: datetime) -> None:
        self.stack.prepare()
        self.terminal = self.stack.add_terminal("gate")
        self.stack.register(self.terminal, since=f"{assigned:%Y-%m-%dT%H:%M:%SZ}")
        self.terminal.configure(
            "".join(
                f'[[readers]]\nkind = "serial"\nname = "{reader.device.name}"\n'
                f'protocol = "rdm6300"\ndevice = "{reader.device}"\n'
                for reader in self._readers
            ),
            uplink=_UPLINK,
            keeps_time=False,
            env=self.clock.environment,
        )
        self._heard_ms = self.clock.true_ms
        self._start()

    def happen(self, at_s: float, event: Event) -> None:
        """Let time go by until `at_s`, and `event` happen."""
        self._pass_to(max(at_s, self.clock.shift_s))
        if isinstance(event, Visit):
            self.visit(event)
        elif isinstance(event, PowerCycle):
            self._cycle(event)
        elif isinstance(event, Step):
            self.clock.step(event.by_s)
        elif isinstance(event, TimeServer):
            self._hear(event)
        elif isinstance(event, Rotation):
            platform, env = self.stack.platform, self._office.environment
            run("provision", "rotate", platform, *event.options, env=env)

    def come_back(self, server: TimeServer) -> None:
        """Give it a platform; once it has found that, the true time, and then a tap."""
        self._pass_to(0)
        self.stack.prepare()  # as an operator does every year, for the certificates that end
        self.stack.start_broker()
        self.stack.start_ingest()
        # Its clock may be hours or years off, and many sites let no time server through.
        wait_for(lambda: self._state() == "online", "the terminal does not find its broker")
        self._hear(server)
        self.visit(Visit(self.taps, 1))

    def visit(self, visit: Visit) -> None:
        """Hold badges to the readers, and wait until each is recorded. Raises SimulatorError."""
        from_ms, unheard_ms = self.clock.true_ms, self.clock.true_ms - self._heard_ms
        last = visit.first + visit.count
        for turn, first in enumerate(range(visit.first, last, _FRAMES)):
            badges = range(first, min(first + _FRAMES, last))
            frames = b"".join(rdm6300_frame(f"{FIRST + badge:010X}") for badge in badges)
            self._readers[turn % READERS].send(frames)
        self._before += visit.count
        deadline = time.monotonic() + 30 + visit.count / 100
        while self._counts("taps") < self._before:
            if time.monotonic() > deadline:
                raise SimulatorError(
                    f"{self._counts('taps')} of {self._before} taps are recorded; see"
                    f" {self.terminal.agent.log}: {self.terminal.agent.last_words()}"
                )
            time.sleep(_SOON_S)
        self.tapped.append(
            Tapped(visit.first, visit.count, from_ms, self.clock.true_ms, unheard_ms)
        )
        self.taps += visit.count

    def records(self) -> int:
        """How many records wait for a receipt."""
        count: int = self._status()["queue"]
        return count

    def journal_bytes(self) -> int:
        """What the journal and its log take on the disk."""
        return sum(path.stat().st_size for path in self.terminal.state.glob("journal.sqlite*"))

    def _cycle(self, event: PowerCycle) -> None:
        stood_ms = self.clock.wall_ms
        self.terminal.agent.kill()
        self._pass_to(self.clock.shift_s + event.off_s)
        self.clock.power_cycle(stood_ms if event.wall_ms is None else event.wall_ms)
        self._start()

    def _pass_to(self, shift_s: float) -> None:
        for clock in (self.clock, self._office):
            clock.pass_to(shift_s)

    def _hear(self, server: TimeServer) -> None:
        self.clock.synchronise(error_ms=server.error_ms, bound_ms=server.bound_ms)
        self._heard_ms = self.clock.true_ms
        wait_for(
            lambda: self._status()["clock"]["sync"] == "synchronised",
            "the terminal does not notice that its clock is set",
        )

    def _start(self) -> None:
        self.terminal.start()
        for reader in self._readers:
            if not reader.opened():
                raise SimulatorError(f"the agent does not open {reader.device}")
        self._before = 0

    def _status(self) -> dict[str, Any]:
        status = self.terminal.status()
        if status is None:
            words = self.terminal.agent.last_words()
            raise SimulatorError(f"the agent does not answer: {words}")
        return status

    def _counts(self, name: str) -> int:
        count: int = self._status()["counts"].get(name, 0)
        return count

    def _state(self) -> str:
        state: str = self._status()["uplink"]["state"]
        return state
