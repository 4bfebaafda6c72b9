"""A terminal's gate and journal, without readers and without a network, to be measured."""

import itertools
import threading
import time
from pathlib import Path
from queue import SimpleQueue

from agent.clock import Clock
from agent.gate import Gate
from agent.queue.journal import Journal
from agent.reads import BadgeRead, Feedback
from agent.recorder import Recorder
from agent.telemetry import Telemetry
from protocol.badges import Assurance
from protocol.identity import generate_identity
from protocol.keys import SigningKey
from protocol.seals import SealingKey


class _Lamps:
    """What each reader's worker waits for."""

    def __init__(self) -> None:
        self._shown: dict[str, SimpleQueue[tuple[int, Feedback]]] = {}

    def lamp(self, reader: str) -> SimpleQueue[tuple[int, Feedback]]:
        return self._shown.setdefault(reader, SimpleQueue())

    def show(self, reader: str, feedback: Feedback, _flags: object = None) -> None:
        self._shown[reader].put((time.perf_counter_ns(), feedback))


class BenchTerminal:
    """A running gate over a journal in `directory`; each tap is presented, and waits for green."""

    def __init__(self, directory: Path, unacknowledged: int = 0) -> None:
        """Begin with so many records in the journal, none of them receipted."""
        self.path = directory / "journal.sqlite"
        self._key = generate_identity()
        self._seal_to = [SealingKey.generate().public, SealingKey.generate().public]
        if unacknowledged:
            self._fill(unacknowledged)
        self.size = sum(file.stat().st_size for file in directory.glob("journal.sqlite*"))
        """Octets of the journal's files before the first tap."""
        self.journal = Journal(self.path)
        self._numbers = itertools.count()
        self._lamps = _Lamps()
        self._gate = Gate(
            self.journal,
            Recorder(self.journal, self._key, Clock(), self._seal_to),
            Telemetry("BENCH", directory),
            self._lamps,
            debounce_s=0.0,
        )
        self._thread = threading.Thread(target=self._gate.run)
        self._thread.start()
        self._once = self.tapper()
        self._once()  # an epoch's first tap makes the seal

    def once(self) -> float:
        """Milliseconds from presenting one badge to green."""
        return self._once()

    def tapper(self) -> "Tapper":
        """One more reader, and its worker."""
        number = next(self._numbers)
        reader = f"reader-{number}"
        return Tapper(self._gate, self._lamps.lamp(reader), reader, number << 24)

    def settle(self) -> None:
        """Do now what the gate does in its first idle second, if it is due."""
        self._gate.ask(lambda: self.journal.checkpoint(idle=True))

    def record(self) -> tuple[bytes, bytes, bytes, bytes]:
        """What the newest tap stores: body, blob, link, signature."""
        epoch = self._gate.ask(lambda: self.journal.epochs()[-1])
        row = self._gate.ask(lambda: list(self.journal.rows(epoch.ordinal, epoch.head, 1)))[0]
        return row.body, row.blob or b"", row.link, row.signature or b""

    def key(self) -> SigningKey:
        """What heads are signed with."""
        return self._key

    def close(self) -> None:
        """Stop the gate and close the journal."""
        self._gate.stop()
        self._thread.join()
        self.journal.close()

    def _fill(self, records: int) -> None:
        """Write a backlog with the real recorder, each tap alone under its head: the most it takes.

        What is measured comes later.
        """
        journal = Journal(self.path)
        # Nobody waits for these: they are flushed together when this journal is closed.
        journal.file.db.execute("PRAGMA synchronous=OFF").fetchone()
        recorder = Recorder(journal, self._key, Clock(), self._seal_to)
        while recorder.seq < records:
            recorder.record([_badge("bench", recorder.seq)])
            journal.checkpoint(idle=True)
        journal.close()


class Tapper:
    """Presents one badge after another at one reader."""

    def __init__(
        self, gate: Gate, lamp: SimpleQueue[tuple[int, Feedback]], reader: str, number: int
    ) -> None:
        self._gate, self._lamp, self._reader, self._number = gate, lamp, reader, number

    def __call__(self, _record: bytes = b"") -> float:
        """Present a badge and wait for green; milliseconds."""
        self._number += 1
        read = _badge(self._reader, self._number)
        begun = time.perf_counter_ns()
        self._gate.emit(read)
        at, feedback = self._lamp.get()
        if feedback is not Feedback.RECORDED_OFFLINE:
            raise RuntimeError(f"tap {self._number} was not recorded: {feedback}")
        return (at - begun) / 1e6


def _badge(reader: str, number: int) -> BadgeRead:
    return BadgeRead(reader, f"{number:010X}", "em4100", Assurance.UID, "in")
