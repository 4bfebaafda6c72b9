"""Draws disks from a recording, lets processes reopen them, and counts what is wrong."""

import os
import pickle
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hwsim.crash import kept, mutants
from hwsim.crash.disk import HOWS, Disk, Files, How
from hwsim.crash.memory import memory
from hwsim.crash.operations import Green
from hwsim.crash.recording import Recorder, Recording
from hwsim.errors import SimulatorError

TAPS = 40
"""Taps in most of the terminal's lives."""
_BATCH = 200
"""Disks that a process reopens in one pass over the recording."""


@dataclass(frozen=True, slots=True)
class Found:
    """One disk on which something was wrong: after which operation, left how, and what."""

    state: int
    cut: int
    how: How
    problem: str


@dataclass(slots=True)
class Result:
    """What an exploration found."""

    states: int = 0
    acked_lost: int = 0
    corrupt: int = 0
    seconds: float = 0.0
    first: Found | None = None
    first_only: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, found: Found) -> None:
        """Count one state."""
        with self.lock:
            self.states += 1
            if not found.problem:
                return
            self.acked_lost += found.problem.startswith("lost")
            self.corrupt += found.problem.startswith("corrupt")
            if self.first is None or found.state < self.first.state:
                self.first = found

    @property
    def enough(self) -> bool:
        """Whether no more disks are wanted."""
        return self.first_only and self.first is not None

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return {
            "states": self.states,
            "acked_lost": self.acked_lost,
            "corrupt": self.corrupt,
            "states_per_s": round(self.states / max(self.seconds, 1e-9), 1),
        }


def explore(
    states: int,
    seed: int,
    *,
    mutant: str | None = None,
    keep: Path | None = None,
    first_only: bool = False,
    say: Callable[[str], None],
) -> Result:
    """Record one terminal, and reopen `states` disks drawn with `seed`.

    With `first_only`, no more of them once something was wrong with one. With `keep`, the first
    disk on which something was wrong is written there, see `kept`. Raises SimulatorError.
    """
    with tempfile.TemporaryDirectory(prefix="pointeuse-crash-", dir=memory()) as directory:
        root = Path(directory)
        environment = {} if mutant is None else mutants.environment(mutant, root)
        recording = Recorder(root / "stack", TAPS, environment, say).record()
        greens = sum(isinstance(each, Green) for each in recording.operations)
        say(f"{len(recording.operations)} operations, {greens} taps shown green")
        if greens != sum(map(len, recording.taps.values())):
            raise SimulatorError("the trace does not show every tap green once: is it complete?")
        result = _reopen(recording, states, seed, say, first_only=first_only)
        if result.first is not None and keep is not None:
            for *_, files, green in _disks(recording, [result.first.state], seed):
                kept.keep(recording, files, green, keep)
        return result


def _reopen(
    recording: Recording,
    states: int,
    seed: int,
    say: Callable[[str], None],
    *,
    first_only: bool = False,
) -> Result:
    result = Result(first_only=first_only)
    count = min(os.cpu_count() or 1, states)
    begun = time.monotonic()
    failures: SimpleQueue[Exception] = SimpleQueue()
    workers = [
        threading.Thread(
            target=_work, args=(recording, range(n, states, count), seed, result, failures)
        )
        for n in range(count)
    ]
    for worker in workers:
        worker.start()
    told = begun
    for worker in workers:
        while worker.is_alive():
            worker.join(0.5)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"{result.states:,} of {states:,} disks reopened")
    result.seconds = time.monotonic() - begun
    if not failures.empty():
        raise failures.get()
    return result


def _work(
    recording: Recording,
    numbers: Sequence[int],
    seed: int,
    result: Result,
    failures: "SimpleQueue[Exception]",
) -> None:
    """Draw the disks with these numbers, and let one process reopen them."""
    where = (str(recording.state), str(recording.platform))
    command = [sys.executable, "-m", "hwsim.crash.recovery", *where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            for begin in range(0, len(numbers), _BATCH):
                batch = numbers[begin : begin + _BATCH]
                for number, cut, how, files, green in _disks(recording, batch, seed):
                    if result.enough or not failures.empty():
                        return
                    answer = _ask(process, files, green)
                    result.add(Found(number, cut, how, answer))
        except Exception as error:  # noqa: BLE001 - raised again by who waits for this thread
            failures.put(error)
            process.kill()
        finally:
            if process.stdin is not None:
                process.stdin.close()


def _ask(process: subprocess.Popen[bytes], files: Files, green: set[str]) -> str:
    if process.stdin is None or process.stdout is None:
        raise SimulatorError("the recovery has no pipes")
    pickle.dump((files, green), process.stdin, protocol=5)
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SimulatorError("the recovery ended; see its words above")
    return answer.decode().strip()


def _disks(
    recording: Recording, numbers: Sequence[int], seed: int
) -> Iterator[tuple[int, int, How, Files, set[str]]]:
    """The disks with these numbers, in the order of their cuts."""
    operations = recording.operations
    drawn = []
    for number in numbers:
        draw = random.Random(f"{seed}/{number}")
        drawn.append((draw.randint(1, len(operations)), number, draw))
    drawn.sort(key=lambda each: each[:2])
    disk, done = Disk(), 0
    shown: dict[str, int] = dict.fromkeys(recording.taps, 0)
    for cut, number, draw in drawn:
        for operation in operations[done:cut]:
            if isinstance(operation, Green):
                shown[operation.reader] += 1
            else:
                disk.apply(operation)
        done = cut
        how = draw.choice(HOWS)
        green = {tap for name, count in shown.items() for tap in recording.taps[name][:count]}
        yield number, cut, how, disk.left(how, draw), green
