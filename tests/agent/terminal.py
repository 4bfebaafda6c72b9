"""A terminal's parts for unit tests: keys, a journal in a temporary directory, a settable clock."""

import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from agent.clock import Step
from agent.queue import schema
from agent.queue.opening import open_journal
from agent.reads import BadgeRead, Feedback
from agent.recorder import Recorder
from agent.telemetry import Telemetry
from protocol.badges import Assurance, Flag
from protocol.bodies import Sync, Time
from protocol.identity import generate_identity
from protocol.keys import SigningKey
from protocol.seals import SealingKey

NOTHING = Flag(0)


class FakeClock:
    """Clocks that go where a test puts them."""

    def __init__(self) -> None:
        self.wall_ms = 1_790_000_000_000
        self.uptime_ms = 10_000
        self.sync = Sync.SET
        self.jump: Step | None = None

    def now(self) -> Time:
        return Time(self.wall_ms, b"b" * 16, self.uptime_ms, self.sync, None)

    def step(self, now: Time) -> Step | None:
        jump, self.jump = self.jump, None
        return jump

    def go_on_after(self, told: Time) -> None:
        self.told = told


class Screen:
    """A sink that remembers what was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, Feedback]] = []

        self.told: list[Flag] = []

    def show(self, reader: str, feedback: Feedback, flags: Flag = NOTHING) -> None:
        self.shown.append((reader, feedback))
        if flags:
            self.told.append(flags)


@dataclass
class Terminal:
    """A terminal without readers and without a network."""

    state: Path
    key: SigningKey = field(default_factory=generate_identity)
    platform: SealingKey = field(default_factory=SealingKey.generate)
    recovery: SealingKey = field(default_factory=SealingKey.generate)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        path = self.state / "journal.sqlite"
        if not path.exists():
            path.write_bytes(_empty_journal())
        self.telemetry = Telemetry("DEVICE", self.state)
        self.reopen()

    def new_recorder(self, **options: Any) -> Recorder:
        seal_to = [self.platform.public, self.recovery.public]
        return Recorder(self.journal, self.key, self.clock, seal_to, **options)  # type: ignore[arg-type]

    def restart(self) -> None:
        """Close and open again, as a new process would."""
        self.journal.close()
        self.reopen()

    def reopen(self) -> None:
        """Open what is there, as a new process would after the old one was killed."""
        public = self.key.public
        self.opened = open_journal(self.state / "journal.sqlite", public.thumbprint, public)
        self.journal = self.opened.journal
        self.recorder = self.new_recorder(lost=self.opened.lost)


@cache
def _empty_journal() -> bytes:
    """An empty journal, made once: a process of its own for each test would take longer than it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.sqlite"
        schema.create(path)
        return path.read_bytes()


def read(number: str, reader: str = "gate") -> BadgeRead:
    """A badge presented to a reader."""
    return BadgeRead(reader, number, "em4100", Assurance.UID, "in")
