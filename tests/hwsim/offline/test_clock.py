"""The simulated clocks, seen by a program that knows nothing of them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsim.errors import SimulatorError
from hwsim.offline.clock import TerminalClock

_DAY_S = 86_400
_PROGRAM = """
import ctypes, json, sys, time
from pathlib import Path

class Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long),
                ("status", ctypes.c_int), ("rest", ctypes.c_char * 256)]

libc = ctypes.CDLL(None)
libc.time.restype = ctypes.c_long
for line in sys.stdin:
    early = time.time() if "early" in line else None
    boottime = None if "late" in line else time.clock_gettime(time.CLOCK_BOOTTIME)
    if "pause" in line:
        print(flush=True)
        sys.stdin.readline()
    timex, at = Timex(), (ctypes.c_long * 2)()
    libc.adjtimex(ctypes.byref(timex))
    libc.gettimeofday(at, None)
    print(json.dumps({
        "early": early, "boottime": boottime, "wall": time.time(), "time": libc.time(None),
        "gettimeofday": at[0] + at[1] / 1e6, "monotonic": time.monotonic(),
        "synchronised": not timex.status & 0x40, "maxerror": timex.maxerror,
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text(),
    }), flush=True)
"""
Ask = Callable[..., dict[str, Any]]
_NEAR_S = 30.0
"""Simulated days against a machine that may be slow."""


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[TerminalClock]:
    with TerminalClock(tmp_path, begins_s=-400 * _DAY_S, drift_ppm=50) as clock:
        yield clock


@pytest.fixture
def program(clock: TerminalClock) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | dict(clock.environment),
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _send(program: subprocess.Popen[str], words: str) -> str:
    assert program.stdin
    assert program.stdout
    program.stdin.write(f"{words}\n")
    program.stdin.flush()
    return program.stdout.readline()


@pytest.fixture
def ask(program: subprocess.Popen[str]) -> Ask:
    def ask(words: str = "") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_send(program, words))
        return found

    return ask


def test_every_way_to_ask_for_the_time_gives_the_simulated_one(
    clock: TerminalClock, ask: Ask
) -> None:
    found = ask()
    for name in ("wall", "time", "gettimeofday"):
        assert found[name] == pytest.approx(time.time() - 400 * _DAY_S, abs=_NEAR_S)
    assert found["boottime"] == pytest.approx(20, abs=_NEAR_S)
    assert found["monotonic"] == pytest.approx(time.monotonic(), abs=_NEAR_S)
    assert not found["synchronised"]


def test_time_that_passes_drifts_and_leaves_monotonic_alone(clock: TerminalClock, ask: Ask) -> None:
    clock.pass_to(-200 * _DAY_S)
    found = ask()
    shown_s = 200 * _DAY_S * (1 + 50e-6)
    assert found["wall"] == pytest.approx(time.time() - 400 * _DAY_S + shown_s, abs=_NEAR_S)
    assert found["boottime"] == pytest.approx(20 + shown_s, abs=_NEAR_S)
    assert found["monotonic"] == pytest.approx(time.monotonic(), abs=_NEAR_S)
    assert clock.true_ms / 1000 == pytest.approx(time.time() - 200 * _DAY_S, abs=_NEAR_S)
    with pytest.raises(SimulatorError, match="cannot go back"):
        clock.pass_to(-201 * _DAY_S)


def test_days_never_pass_between_two_readings_of_one_moment(
    clock: TerminalClock, program: subprocess.Popen[str]
) -> None:
    before = json.loads(_send(program, ""))
    _send(program, "pause")  # it has the time since boot, not yet the time of day
    clock.pass_to(-100 * _DAY_S)
    clock.synchronise(error_ms=0, bound_ms=20)
    found = json.loads(_send(program, ""))
    assert found["wall"] - before["wall"] < 100 * _DAY_S
    assert not found["synchronised"]
    after = json.loads(_send(program, ""))
    assert after["wall"] - before["wall"] > 200 * _DAY_S
    assert after["synchronised"]


def test_a_thread_that_never_asks_for_boottime_sees_every_change(
    clock: TerminalClock, ask: Ask
) -> None:
    assert ask("late")["wall"] < time.time() - 300 * _DAY_S
    clock.pass_to(0)
    assert ask("late")["wall"] > time.time() - _DAY_S


def test_the_kernels_error_grows_until_it_no_longer_calls_itself_synchronised(
    clock: TerminalClock, ask: Ask
) -> None:
    clock.synchronise(error_ms=-7, bound_ms=20)
    found = ask()
    assert (found["synchronised"], found["maxerror"]) == (True, 20_000)
    clock.pass_to(clock.shift_s + 3600)
    found = ask()
    assert (found["synchronised"], found["maxerror"]) == (True, 20_000 + 1_800_000)
    clock.pass_to(clock.shift_s + 9 * 3600)
    assert not ask()["synchronised"]
    assert not clock.synchronised


def test_a_step_moves_the_wall_clock_alone(clock: TerminalClock, ask: Ask) -> None:
    before = ask()
    clock.step(-10_000)
    after = ask()
    assert before["wall"] - after["wall"] == pytest.approx(10_000, abs=_NEAR_S)
    assert 0 <= after["boottime"] - before["boottime"] < _NEAR_S


def test_a_power_cycle_is_another_boot_with_another_time(clock: TerminalClock, ask: Ask) -> None:
    clock.synchronise(error_ms=0, bound_ms=20)
    before = ask()
    clock.pass_to(-300 * _DAY_S)
    clock.power_cycle(wall_ms=1_000_000)
    after = ask()
    assert after["wall"] == pytest.approx(1000, abs=_NEAR_S)
    assert after["boottime"] == pytest.approx(20, abs=_NEAR_S)
    assert after["boot"] != before["boot"]
    assert not after["synchronised"]
    assert clock.boots == 2


def test_what_was_compiled_goes_with_the_clock(tmp_path: Path) -> None:
    with TerminalClock(tmp_path, begins_s=0, drift_ppm=0) as clock:
        library = Path(clock.environment["LD_PRELOAD"])
        assert library.exists()
    assert not library.exists()


def test_without_a_compiler_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SimulatorError, match="no gcc here: apt-get install"):
        TerminalClock(tmp_path, begins_s=0, drift_ppm=0)
