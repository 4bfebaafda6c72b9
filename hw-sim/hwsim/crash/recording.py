"""A real agent under strace, through what a terminal lives through, and what it did to its disk.

It starts for the first time, is tapped with no network, is killed; finds its platform, delivers,
stops; loses its power in the middle of a commit, starts on what that left, is killed; loses a page
of its journal to decay, and carries over the rest. So a cut may also fall into a recovery.

After each life the operations must explain every octet that is really there: a call that is not
traced, or not understood, ends the recording.
"""

import contextlib
import os
import random
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hwsim.crash.disk import Disk
from hwsim.crash.operations import SYSCALLS, Green, Operation, PowerCut, Reader, Sync, Write
from hwsim.errors import SimulatorError
from hwsim.processes import Process, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

JOURNAL = re.compile(r"journal\.sqlite(?!.*-shm).*|epochs\.log")
_READERS = ("left", "right")
_GATE = "debounce_s = 0\nseal_taps = 7\n"
_UPLINK = "resend_s = 5\nbackoff_s = 0.05\nbackoff_limit_s = 0.2\n"
_LOG = "journal.sqlite-wal"
_DECAY = bytes(range(256)) * 8
_SCHEMA_OCTETS, _LOG_HEADER_OCTETS = len(_DECAY), 32


@dataclass(frozen=True, slots=True)
class Recording:
    """What happened: operations, among them `Green`; and the taps at each reader, in order."""

    operations: list[Operation]
    taps: dict[str, list[str]]
    state: Path
    """The state directory, for its keys."""
    platform: Path


class Recorder:
    """Lets one terminal live, and records it. `say` is told what happens."""

    def __init__(
        self, root: Path, taps: int, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._taps, self._say = taps, say
        self._environment = environment
        self._stack = Stack(root)
        self._operations: list[Operation] = []
        self._presented: dict[str, list[str]] = {name: [] for name in _READERS}
        self._number = 0
        self._sessions = 0

    def record(self) -> Recording:
        """Live through it all. Raises SimulatorError."""
        with self._stack as stack:
            self._say("enrolling a terminal")
            stack.prepare()
            terminal = stack.add_terminal("crash")
            stack.register(terminal)
            lives = (
                self._offline,
                self._delivering,
                self._powerless,
                self._offline,
                self._decayed,
            )
            for life in lives:
                life(terminal)
            return Recording(self._operations, self._presented, terminal.state, stack.platform)

    # -- what it lives through ---------------------------------------------------------------

    def _offline(self, terminal: Terminal) -> None:
        with self._running(terminal, signal.SIGKILL) as readers:
            self._tap(terminal, readers, self._taps)

    def _delivering(self, terminal: Terminal) -> None:
        self._stack.start_broker()
        ingest = self._stack.start_ingest()
        with self._running(terminal, signal.SIGTERM) as readers:
            self._tap(terminal, readers, self._taps)
            terminal.wait_delivered()
        ingest.stop()

    def _powerless(self, terminal: Terminal) -> None:
        with self._running(terminal, signal.SIGKILL) as readers:
            self._tap(terminal, readers, self._taps // 4)
        operations = self._operations
        shown = max(n for n, each in enumerate(operations) if isinstance(each, Green))
        del operations[max(n for n in range(shown) if _is_logged(operations[n])) + 1 :]
        for name, numbers in self._presented.items():
            del numbers[operations.count(Green(name)) :]
        files = _disk(operations).left("torn", random.Random(0))
        operations.append(PowerCut(files))
        for path in _journals(terminal.state):
            path.unlink()
        for name, content in files.items():
            (terminal.state / name).write_bytes(content)

    def _decayed(self, terminal: Terminal) -> None:
        # Where no record stands: one whose own bytes are gone, no recovery could bring back.
        self._decay(terminal.state / "journal.sqlite", _SCHEMA_OCTETS)
        self._decay(terminal.state / "journal.sqlite-wal", _LOG_HEADER_OCTETS)
        with self._running(terminal, signal.SIGTERM) as readers:
            self._tap(terminal, readers, self._taps // 4)
            wait_for(lambda: self._carried(terminal), "what was saved is carried over")
            self._tap(terminal, readers, self._taps // 4)

    def _decay(self, path: Path, octets: int) -> None:
        """Overwrite its beginning, as a card that wears out does: the disk's doing, so flushed."""
        with path.open("r+b") as file:
            file.write(_DECAY[:octets])
        self._operations += [Write(path.name, 0, _DECAY[:octets]), Sync(path.name)]

    # -- one life ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _running(self, terminal: Terminal, end: signal.Signals) -> Iterator[list[SerialReader]]:
        self._sessions += 1
        self._say(f"life {self._sessions}: the agent runs, until {end.name}")
        log = terminal.directory / f"strace-{self._sessions}"
        with contextlib.ExitStack() as stack:
            devices = [terminal.directory / f"tty-{name}" for name in _READERS]
            readers = [stack.enter_context(SerialReader(device)) for device in devices]
            terminal.configure(
                "\n".join(
                    f'[[readers]]\nname = "{name}"\nkind = "serial"\ndevice = "{device}"\n'
                    'protocol = "rdm6300"'
                    for name, device in zip(_READERS, devices, strict=True)
                ),
                gate=_GATE,
                uplink=_UPLINK,
            )
            traced = Process(
                "strace",
                [
                    "strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-o", log,
                    "-e", "trace=" + ",".join(SYSCALLS), *terminal.command,
                ],
                terminal.directory / f"agent-{self._sessions}.log",
                self._environment,
            )  # fmt: skip
            traced.start()
            traced.wait_ready(lambda: terminal.status() is not None, 60)
            for reader in readers:
                if not reader.opened():
                    raise SimulatorError("the agent did not open its readers")
            try:
                yield readers
            finally:
                _end(traced.pid, end)
                wait_for(lambda: not _children(traced.pid), "the agent ended")
                traced.stop()
        names = Reader(str(terminal.state), JOURNAL)
        with log.open(encoding="ascii", errors="replace") as lines:
            self._operations += names.read(lines)
        log.unlink()
        self._check(terminal)

    def _check(self, terminal: Terminal) -> None:
        """Raises SimulatorError when the operations do not lead to what is there."""
        seen = _disk(self._operations).seen()
        there = {path.name: path.read_bytes() for path in _journals(terminal.state)}
        for name in sorted(seen.keys() | there.keys()):
            if seen.get(name) != there.get(name):
                raise SimulatorError(
                    f"the trace does not explain {name}: add the call that wrote it to SYSCALLS in"
                    " hwsim/crash/operations.py"
                )

    def _tap(self, terminal: Terminal, readers: list[SerialReader], taps: int) -> None:
        """Present badges, one after the other but for some that come together."""
        before = self._counted(terminal)
        done = 0
        while done < taps:
            together = 2 if done % 5 == 4 else 1
            for name, reader in zip(_READERS[:together], readers, strict=False):
                self._number += 1
                number = f"{self._number:010X}"
                reader.present(number)
                self._presented[name].append(number)
            done += together
            self._await_green(terminal, before + done)

    def _await_green(self, terminal: Terminal, taps: int) -> None:
        wait_for(lambda: self._counted(terminal) >= taps, f"tap {taps} of this life was shown")

    def _counted(self, terminal: Terminal) -> int:
        return int((terminal.status() or {"counts": {}})["counts"].get("taps", 0))

    @staticmethod
    def _carried(terminal: Terminal) -> bool:
        found = terminal.status() or {"counts": {}, "alarms": {}}
        return "salvaged" in found["counts"] and "salvage" not in found["alarms"]


def _disk(operations: Iterable[Operation]) -> Disk:
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    return disk


def _is_logged(operation: Operation) -> bool:
    return isinstance(operation, Write) and operation.name == _LOG


def _journals(state: Path) -> list[Path]:
    return [path for path in state.iterdir() if JOURNAL.fullmatch(path.name)]


def _end(tracer: int, how: signal.Signals) -> None:
    for child in _children(tracer):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, how)


def _children(pid: int) -> list[int]:
    try:
        path = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in path.read_text().split()]
    except OSError:
        return []
