"""A simulated OSDP reader: present cards to it, open it, cut its power, change its key."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

from hwsim.errors import SimulatorError
from hwsim.interrupts import whole

_START_S = 30
_STOP_S = 10


class OsdpPeripheral:
    """Use it in a `with` block, or call `close`."""

    def __init__(self, device: Path, key: bytes | None, address: int = 0) -> None:
        """`device` is the path to make; without `key` it speaks in plain."""
        self.device = device
        self.key = key
        """Changed for the next replug."""
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.replug()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def replug(self) -> None:
        """Power it: a new process, behind the same path; nothing if it is powered."""
        if self._process is not None:
            return
        arguments = [str(self.device), str(self._address)]
        if self.key is not None:
            arguments.append(self.key.hex())
        with whole():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hwsim.readers.peripheral", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                # Ctrl-C is for whoever started us: `unplug` ends it.
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self.heard("open")
        except BaseException:
            self.unplug()
            raise

    def unplug(self) -> None:
        """Pull it out: the process ends, and the line with it."""
        process, self._process = self._process, None
        if process is None:
            return
        self.device.unlink(missing_ok=True)
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(_STOP_S)
        if process.stdout is not None:
            process.stdout.close()

    def kill(self) -> None:
        """Let its power fail in the middle of whatever it was saying."""
        self.signal(signal.SIGKILL)
        self.unplug()

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal: SIGSTOP makes it silent, SIGCONT ends that."""
        if self._process is not None:
            self._process.send_signal(number)

    def present(self, bits: str) -> None:
        """Hold a card of `bits` (characters 0 and 1) to it."""
        self._tell({"bits": bits})

    def status(self, *, tamper: bool = False, power: bool = False) -> None:
        """Open its tamper switch, or let its power fail; or neither."""
        self._tell({"tamper": int(tamper), "power": int(power)})

    def heard(self, what: str) -> Any:
        """The next "command", "open" or "secure" it was told of; others are passed by.

        Raises SimulatorError.
        """
        while True:
            try:
                said = self._said.get(timeout=_START_S)
            except queue.Empty:
                raise SimulatorError(f"{self.device}: no {what!r} within {_START_S} s") from None
            if what in said:
                return said[what]

    def commands(self) -> list[dict[str, Any]]:
        """The commands it was given and nobody has taken note of yet; other words are passed by."""
        said = []
        with contextlib.suppress(queue.Empty):
            while True:
                said.append(self._said.get_nowait())
        return [each["command"] for each in said if "command" in each]

    def _tell(self, asked: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            # One that has ended hears nothing.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(asked).encode() + b"\n")
                self._process.stdin.flush()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            self._said.put(json.loads(line))
