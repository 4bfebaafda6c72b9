"""From the reader's event to green, beside the least that any durable, signed tap can cost.

The floor is one Ed25519 signature and one `synchronous=FULL` commit of the same bytes. Taps and
floor alternate in short rounds, so that a disk that slows down slows both.
"""

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.gate import Gate
from agent.queue.journal import Journal
from agent.reads import BadgeRead, Feedback
from agent.recorder import Recorder
from agent.telemetry import Telemetry
from bench.floors import Floor
from bench.statistics import percentile
from protocol.badges import Assurance
from protocol.identity import generate_identity
from protocol.seals import SealingKey

ROUNDS = 2000
PER_ROUND = 1


class _Lamp:
    """The worker's light: notes when it turned green."""

    def __init__(self) -> None:
        self.shown = threading.Event()
        self.at = 0
        self.feedback: Feedback | None = None

    def show(self, _reader: str, feedback: Feedback, _flags: object = None) -> None:
        self.at = time.perf_counter_ns()
        self.feedback = feedback
        self.shown.set()


def run() -> dict[str, Any]:
    """Measure, and return milliseconds and the ratio."""
    with tempfile.TemporaryDirectory(prefix="bench-tap-", dir=Path.cwd()) as directory:
        return _measure(Path(directory))


def _measure(directory: Path) -> dict[str, Any]:
    key = generate_identity()
    journal = Journal(directory / "journal.sqlite")
    seal_to = [SealingKey.generate().public, SealingKey.generate().public]
    # One seal for the run: the tap that makes one is one in a thousand.
    recorder = Recorder(journal, key, Clock(), seal_to, seal_taps=100_000)
    lamp = _Lamp()
    gate = Gate(journal, recorder, Telemetry("BENCH", directory), lamp, debounce_s=0.0)
    thread = threading.Thread(target=gate.run)
    thread.start()
    _tap(gate, lamp, 0)
    row = gate.ask(lambda: list(journal.rows(1, 3, 1)))[0]
    floor = Floor(
        directory / "floor.sqlite", key, (row.body, row.blob or b"", row.link, row.signature or b"")
    )
    taps: list[float] = []
    floors: list[float] = []
    for turn in range(ROUNDS):
        taps += [_tap(gate, lamp, turn * PER_ROUND + n + 1) for n in range(PER_ROUND)]
        floors += [floor.once() for _ in range(PER_ROUND)]
    gate.stop()
    thread.join()
    journal.close()
    floor.close()
    result = {f"p{p}_ms": round(percentile(taps, p), 3) for p in (50, 95, 99)}
    floor_ms = percentile(floors, 50)
    return result | {
        "floor_p50_ms": round(floor_ms, 3),
        "ratio_p50": round(percentile(taps, 50) / floor_ms, 3),
    }


def _tap(gate: Gate, lamp: _Lamp, number: int) -> float:
    lamp.shown.clear()
    read = BadgeRead("bench", f"{number:010}", "em4100", Assurance.UID, "in")
    begun = time.perf_counter_ns()
    gate.emit(read)
    lamp.shown.wait()
    if lamp.feedback is not Feedback.RECORDED_OFFLINE:
        raise RuntimeError(f"tap {number} was not recorded: {lamp.feedback}")
    return (lamp.at - begun) / 1e6
