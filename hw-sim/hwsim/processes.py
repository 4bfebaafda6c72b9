"""Our own programs and the broker as processes: started, waited for, stopped, killed."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from hwsim import left_behind
from hwsim.errors import SimulatorError
from hwsim.interrupts import whole

POINTEUSE = str(Path(sys.executable).with_name("pointeuse"))
_STOP_S = 15.0
_POLL_S = 0.02
_PORTS = range(10_000, 32_768)
"""Up to where Linux begins by itself (ip_local_port_range, ip(7))."""


def free_port() -> int:
    """A TCP port nobody listens on now, on loopback.

    Below those the kernel gives to connections: until somebody listens there, no other program's
    connection takes it.
    """
    while True:
        port = random.SystemRandom().randrange(_PORTS.start, _PORTS.stop)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Wait until `condition` holds. Raises SimulatorError saying `what` did not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SimulatorError(f"{what}: not within {timeout_s:g} s")
        time.sleep(_POLL_S)


def run(*arguments: str | Path, env: Mapping[str, str] | None = None, given: str = "") -> str:
    """Run a `pointeuse` command to its end, with `given` as its input; its output.

    Raises SimulatorError with its words.
    """
    command = [POINTEUSE, *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        input=given,
        env=os.environ | dict(env or {}),
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise SimulatorError(f"`pointeuse {' '.join(map(str, arguments))}` failed: {words}")
    return done.stdout


def preloaded(*environments: Mapping[str, str]) -> dict[str, str]:
    """Environments as one, with all the libraries that they preload, the first of them first."""
    libraries = [each["LD_PRELOAD"] for each in environments if "LD_PRELOAD" in each]
    together = {name: value for each in environments for name, value in each.items()}
    return together | ({"LD_PRELOAD": ":".join(libraries)} if libraries else {})


class Process:
    """One process, its output in a log file. Usable in a `with` block."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        stdout: int | None = None,
    ) -> None:
        """`stdout` is a descriptor for its standard output, if that is not for the log."""
        self.name, self.log = name, log
        self._stdout = stdout
        self._command = [str(part) for part in command]
        self._env = os.environ | dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process number. Raises SimulatorError when it does not run."""
        if self._process is None:
            raise SimulatorError(f"{self.name} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it; nothing if it runs."""
        if self.running():
            return
        with self.log.open("ab") as log, whole():
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log if self._stdout is None else self._stdout,
                stderr=log,
                env=self._env,
                # Ctrl-C is for whoever started us: we stop our processes in order.
                start_new_session=True,
            )
            left_behind.note(self.log, self._process.pid)

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until `ready`. Raises SimulatorError with its last words when it ends first."""

        def condition() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise SimulatorError(f"{self.name} ended: {self.last_words()} (see {self.log})")
            return ready()

        wait_for(condition, f"{self.name} is not ready ({self.last_words()})", timeout_s)

    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it as systemd would: by a signal, and SIGKILL when that does not help."""
        self._end(how)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def last_words(self) -> str:
        """The last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            if lines:
                return lines[-1]
        return "no output"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        left_behind.forget(self.log)
