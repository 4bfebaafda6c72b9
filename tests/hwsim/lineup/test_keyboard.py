"""The keyboard that is a pipe, as a program with evdev meets it."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hwsim.errors import SimulatorError
from hwsim.lineup.keyboard import Keyboard

# What a wedge types is read by code that knows nothing of the simulator.
_PROGRAM = """
import select, sys, evdev
device = evdev.InputDevice(sys.argv[1])
device.grab()
print(device.name, flush=True)
names = []
while not names or names[-1] != "KEY_ENTER":
    select.select([device.fd], [], [])
    for event in device.read():
        if event.type == evdev.ecodes.EV_KEY and event.value == 1:
            names.append(evdev.ecodes.KEY[event.code])
print(",".join(names))
"""


def test_evdev_takes_it_for_a_device_and_reads_its_keys(tmp_path: Path) -> None:
    with Keyboard(tmp_path / "event0") as keyboard:
        program = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(keyboard.device)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | dict(keyboard.environment),
        )
        with program:
            assert program.stdout is not None
            assert program.stdout.readline() == "Simulated wedge\n"
            keyboard.type("10-Pa")
            assert program.stdout.read() == (
                "KEY_1,KEY_0,KEY_MINUS,KEY_LEFTSHIFT,KEY_P,KEY_A,KEY_ENTER\n"
            )
        assert program.returncode == 0
        with pytest.raises(SimulatorError, match="no key"):
            keyboard.type("é")
    assert not keyboard.device.exists()


_WATCHER = """
import select, sys, evdev
device = evdev.InputDevice(sys.argv[1])
print("open", flush=True)
while True:
    select.select([device.fd], [], [])
    try:
        keys = [event.code for event in device.read() if event.type == evdev.ecodes.EV_KEY]
    except OSError as error:
        print(error.errno, flush=True)
        break
    if keys:
        print(keys, flush=True)
"""


@contextmanager
def watching(keyboard: Keyboard) -> Iterator[Callable[[], str]]:
    """A program that has it open; the next line that it says."""
    program = subprocess.Popen(
        [sys.executable, "-c", _WATCHER, str(keyboard.device)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | dict(keyboard.environment),
    )
    with program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "open\n"
            yield program.stdout.readline
        finally:
            program.kill()


def test_a_keyboard_that_is_pulled_out_is_no_device_any_more(tmp_path: Path) -> None:
    with Keyboard(tmp_path / "event0") as keyboard:
        with watching(keyboard) as says:
            keyboard.unplug()
            assert says() == f"{errno.ENODEV}\n"
        assert not keyboard.device.exists()
        with pytest.raises(SimulatorError, match="unplugged"):
            keyboard.type("1")
        keyboard.unplug()
        keyboard.replug()
        keyboard.replug()
        # Nobody listens: this is lost.
        keyboard.type("1")
        with watching(keyboard) as says:
            keyboard.type("2")
            assert says() == "[3, 3, 28, 28]\n"
