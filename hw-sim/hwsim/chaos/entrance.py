"""A terminal with its readers: badges are held to them as fast as it says "recorded"."""

import contextlib
import re
import threading
from pathlib import Path
from typing import BinaryIO

from hwsim.chaos.tally import Queue, Tally
from hwsim.serial_reader import SerialReader, rdm6300_frame
from hwsim.stack import Terminal

FIRST = 1 << 32
"""The number of badge 0; a tag whose octets are all alike is none."""
_AT_ONCE = 32
"""Taps without an answer at one reader: well below what a pty holds."""
_PAUSE_S = 0.002
_FEEDBACK = re.compile(rb"[A-Z]+ pointeuse\.feedback: ([^:]+): (.+)")
_AGAIN = re.compile(rb"INFO pointeuse\.uplink: records ([0-9]+) to ([0-9]+) are sent again")


class Entrance:
    """One terminal. `run` is its thread; `kill` and `revive` may be called from any."""

    def __init__(self, terminal: Terminal, readers: int, tally: Tally) -> None:
        self.name = terminal.name
        self.terminal = terminal
        self.resends = 0
        """Records its agents sent again."""
        self._tally = tally
        self._lock = threading.Lock()
        self._log: BinaryIO | None = None
        self._tail = b""
        self._resources = contextlib.ExitStack()
        self._readers: dict[bytes, _Reader] = {}
        for number in range(1, readers + 1):
            device = SerialReader(terminal.directory / f"reader-{number}")
            self._resources.callback(device.close)
            self._readers[b"r%d" % number] = _Reader(device, Queue(tally))

    def close(self) -> None:
        """Unplug the readers."""
        self._resources.close()

    def configure(self, *, uplink: str, env: dict[str, str]) -> None:
        """Write its configuration."""
        tables = "".join(
            f'[[readers]]\nkind = "serial"\nname = "{name.decode()}"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device.device}"\n'
            for name, reader in self._readers.items()
        )
        self.terminal.configure(tables, uplink=uplink, env=env)

    def running(self) -> bool:
        """Whether its agent runs."""
        return self.terminal.agent.running()

    def kill(self) -> None:
        """Kill its agent. What has no answer by then is in doubt."""
        with self._lock:
            self.terminal.agent.kill()
            self._read_log()
            self._tail = b""
            for reader in self._readers.values():
                reader.abandon()

    def revive(self) -> None:
        """Start its agent."""
        with self._lock:
            self.terminal.agent.start()

    def run(self, stop: threading.Event) -> None:
        """Hold badges to its readers until `stop`, or until none is left and all are answered."""
        while not stop.is_set():
            with self._lock:
                moved = self._read_log()
                for reader in self._readers.values():
                    moved |= reader.fill(self._tally)
                if self._tally.exhausted and not any(r.queue for r in self._readers.values()):
                    return
            if not moved:
                stop.wait(_PAUSE_S)

    def _read_log(self) -> bool:
        """Take what the agent has said since; whether it said anything."""
        if self._log is None:
            path: Path = self.terminal.agent.log
            if not path.exists():
                return False
            self._log = path.open("rb")
            self._resources.callback(self._log.close)
        said = self._log.read()
        if not said:
            return False
        *lines, self._tail = (self._tail + said).split(b"\n")
        for line in lines:
            if answer := _FEEDBACK.fullmatch(line):
                self._readers[answer[1]].queue.answered(answer[2].decode())
            elif again := _AGAIN.fullmatch(line):
                self.resends += int(again[2]) - int(again[1]) + 1
        return True


class _Reader:
    """A reader and the taps at it that have no answer yet."""

    def __init__(self, device: SerialReader, queue: Queue) -> None:
        self.device, self.queue = device, queue
        self._opened = False

    def fill(self, tally: Tally) -> bool:
        """Hold as many badges to it as fit; whether there were any."""
        self._opened = self._opened or self.device.opened(0)
        if not self._opened or len(self.queue) > _AT_ONCE // 2:
            return False
        badges = tally.allot(_AT_ONCE - len(self.queue))
        self.queue.tapped(badges)
        self.device.send(b"".join(rdm6300_frame(f"{FIRST + badge:010X}") for badge in badges))
        return len(badges) > 0

    def abandon(self) -> None:
        """Plug in a new one: what lay in the old one's buffer must never be read."""
        self.queue.abandoned()
        self.device.unplug()
        self.device.replug()
        self._opened = False
