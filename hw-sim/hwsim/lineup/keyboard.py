"""A keyboard for a terminal without one: a pipe of key events, which a program takes for a device.

A real one would need /dev/uinput. What the program asks a device by ioctl is answered by a library
that is loaded before its own; grabbing it is granted, and not tried.
"""

import contextlib
import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from hwsim.errors import SimulatorError

_EVENT = struct.Struct("llHHi")
"""struct input_event (linux/input.h): seconds, microseconds, type, code, value."""
_SYN, _KEY = 0, 1
_SHIFT, _ENTER = 42, 28
_ROWS = {2: "1234567890-", 16: "qwertyuiop", 30: "asdfghjkl", 44: "zxcvbnm"}
"""Codes of the keys of a US keyboard, by the first of each row (linux/input-event-codes.h)."""
_CODES = {key: first + place for first, row in _ROWS.items() for place, key in enumerate(row)}


class Keyboard:
    """Use it in a `with` block; `environment` is what a program needs to take `device` for one."""

    def __init__(self, device: Path) -> None:
        """`device` is the path to make. Raises SimulatorError without gcc."""
        self.device = device
        library = device.with_name(f"{device.name}.so")
        _compile(library)
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library)}
        self.replug()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def replug(self) -> None:
        """Plug it in: another device behind the same path; nothing if it is plugged in."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.device)

    def unplug(self) -> None:
        """Pull it out: `device` goes, and a program that has it open finds no device any more."""
        with self._pipe() as pipe:
            self.device.unlink(missing_ok=True)
            # Whoever waits for keys looks again.
            _write(pipe, _event(_SYN, 0, 0))

    def type(self, text: str) -> None:
        """Type `text` and Enter, as one burst. Raises SimulatorError.

        It is lost while no program has the keyboard open, as at a real one.
        """
        keys = typed(text)
        if not self.device.exists():
            raise SimulatorError(f"{self.device} is unplugged; replug it first")
        with self._pipe() as pipe:
            _write(pipe, keys)

    @contextlib.contextmanager
    def _pipe(self) -> Iterator[int | None]:
        """The pipe, if a program has it open to read from."""
        try:
            pipe = os.open(self.device, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno not in (errno.ENXIO, errno.ENOENT):
                raise
            yield None
            return
        try:
            yield pipe
        finally:
            os.close(pipe)


def typed(text: str) -> bytes:
    """The events of typing `text` and Enter. Raises SimulatorError."""
    return b"".join(map(_typed, text)) + _stroke(_ENTER)


def _write(pipe: int | None, events: bytes) -> None:
    # A program that has ended, or one that does not read, misses them.
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(pipe, events)


def _typed(character: str) -> bytes:
    code = _CODES.get(character.lower())
    if code is None:
        raise SimulatorError(f"{character!r} is on no key here")
    if character.isupper():
        return _event(_KEY, _SHIFT, 1) + _stroke(code) + _event(_KEY, _SHIFT, 0)
    return _stroke(code)


def _stroke(code: int) -> bytes:
    return _event(_KEY, code, 1) + _event(_SYN, 0, 0) + _event(_KEY, code, 0) + _event(_SYN, 0, 0)


def _event(kind: int, code: int, value: int) -> bytes:
    return _EVENT.pack(0, 0, kind, code, value)


def _compile(library: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise SimulatorError("there is no gcc here: apt-get install gcc libc6-dev")
    source = Path(__file__).with_suffix(".c")
    options = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    done = subprocess.run(
        [compiler, *options, "-o", library, source], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SimulatorError(f"{source} cannot be compiled: {done.stderr.strip()}")
