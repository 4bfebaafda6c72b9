"""Processes of a simulation that was killed before it could end them.

Each that is started is noted in a file beside its log: its number, and when it began, because
numbers are given again.
"""

import contextlib
import fcntl
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from hwsim.errors import SimulatorError

_SUFFIX = ".sim-pid"
_DEPTHS = ("", "*/")
"""Where logs are in the directory of a simulation."""
_STOP_S = 15.0
_BEGAN = 19
"""The place of `starttime` after the command's name in /proc/PID/stat (proc(5))."""


def note(log: Path, pid: int) -> None:
    """A process has begun whose output goes to `log`."""
    log.with_suffix(_SUFFIX).write_text(f"{pid} {_began(pid)}\n")


def forget(log: Path) -> None:
    """It has ended."""
    log.with_suffix(_SUFFIX).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[int]:
    """Be the only simulation in `directory`; how many processes an earlier one had left there.

    They are ended. Raises SimulatorError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SimulatorError(
            f"cannot use {directory}: {error.strerror}; choose another --directory"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SimulatorError(
                f"a demonstration runs in {directory} already: go to its page, stop it with Ctrl-C,"
                " or choose another --directory"
            ) from error
        noted = [file for depth in _DEPTHS for file in directory.glob(f"{depth}*{_SUFFIX}")]
        yield sum(map(_end, noted))
    finally:
        os.close(lock)


def _end(file: Path) -> bool:
    """End the process that is noted in `file`, if it still runs; whether it did."""
    pid, _, began = file.read_text().strip().partition(" ")
    ended = False
    if pid.isdigit() and began and _began(int(pid)) == began:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(int(pid))
            try:
                # Of the process that was looked at: its number may be another's by now.
                ended = _began(int(pid)) == began
                if ended:
                    _stop(handle)
            finally:
                os.close(handle)
    file.unlink()
    return ended


def _stop(handle: int) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    for how in (signal.SIGTERM, signal.SIGKILL):
        signal.pidfd_send_signal(handle, how)
        if poll.poll(_STOP_S * 1000):
            return


def _began(pid: int) -> str:
    """When a process began, in ticks since boot; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The command's name is in brackets, and may have any character in it.
    return stat.rpartition(")")[2].split()[_BEGAN]
