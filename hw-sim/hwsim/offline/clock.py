"""A terminal's clocks in the simulator's hand, and the true time beside them.

    with TerminalClock(directory, begins_s=-400 * 86400, drift_ppm=20) as clock:
        program = Process(..., env=clock.environment)
        clock.pass_to(-300 * 86400)       # a hundred days go by
        clock.power_cycle(wall_ms=0)      # between two lives of the program: a new boot, in 1970
        clock.synchronise(bound_ms=20)    # the kernel hears of the true time

The true time is this machine's, shifted: by `begins_s` at first, by 0 at the end. It passes by
itself as well. What the terminal makes of it is wrong by what its crystal drifts and by what is
done to it here.
"""

import mmap
import shutil
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from hwsim.errors import SimulatorError

_CONTROL = struct.Struct("=Qqqqq")
_GENERATION = struct.Struct("=Q")
_NS = 1_000_000_000
WANDERS_PPM = 500
"""How fast the kernel takes its error to grow while nobody tells it the time (adjtimex(2))."""
_UNSYNCHRONISED_US = 16_000_000
"""NTP_PHASE_LIMIT: with a greater error the kernel no longer holds its clock synchronised."""
_START_S = 20.0
"""How long after power comes the agent starts."""


class TerminalClock:
    """The clocks of one terminal; use it in a `with` block. Raises SimulatorError without gcc."""

    def __init__(self, directory: Path, *, begins_s: float, drift_ppm: float) -> None:
        """`directory` takes its files; `begins_s` is where the true time begins, from now."""
        self._home = tempfile.TemporaryDirectory(prefix="pointeuse-clock-")
        try:
            library = _compiled(Path(self._home.name))
            control = directory / "clock"
            control.write_bytes(bytes(_CONTROL.size))
            with control.open("r+b") as file:
                self._control = mmap.mmap(file.fileno(), 0)
        except BaseException:
            self._home.cleanup()
            raise
        self._boot_id = directory / "boot_id"
        self._generation = 0
        self._drift_ppm = drift_ppm
        self._true_ns = self._wall_ns = round(begins_s * _NS)
        self._boottime_ns = 0
        self._bound_us = 0
        self._synchronised = False
        self.boots = 0
        self._boot()
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "OFFLINECLOCK_CONTROL": str(control),
            "OFFLINECLOCK_BOOT_ID": str(self._boot_id),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._home.cleanup()

    @property
    def true_ms(self) -> int:
        """The true time: milliseconds since 1970."""
        return (time.time_ns() + self._true_ns) // 1_000_000

    @property
    def shift_s(self) -> float:
        """How far the true time is from this machine's: below 0 while there is time to pass."""
        return self._true_ns / _NS

    @property
    def wall_ms(self) -> int:
        """What the terminal takes the time to be: milliseconds since 1970."""
        return (time.time_ns() + self._wall_ns) // 1_000_000

    @property
    def synchronised(self) -> bool:
        """Whether the terminal's kernel holds its clock synchronised."""
        return self._synchronised

    def pass_to(self, shift_s: float) -> None:
        """Let time go by until the true time is `shift_s` from this machine's."""
        passed_ns = round(shift_s * _NS) - self._true_ns
        if passed_ns < 0:
            raise SimulatorError(f"time cannot go back by {-passed_ns / _NS:g} s here")
        shown_ns = passed_ns + round(passed_ns * self._drift_ppm / 1_000_000)
        self._true_ns += passed_ns
        self._wall_ns += shown_ns
        self._boottime_ns += shown_ns
        if self._synchronised:
            self._bound_us += passed_ns * WANDERS_PPM // 1_000_000_000
            self._synchronised = self._bound_us < _UNSYNCHRONISED_US
        self._tell()

    def power_cycle(self, wall_ms: int) -> None:
        """Begin another boot, whose wall clock begins at `wall_ms`. No program may run."""
        self._wall_ns = wall_ms * 1_000_000 - time.time_ns()
        self._synchronised = False
        self._boot()

    def step(self, by_s: float) -> None:
        """Step the wall clock; the kernel is told nothing about its error."""
        self._wall_ns += round(by_s * _NS)
        self._synchronised = False
        self._tell()

    def synchronise(self, *, error_ms: float, bound_ms: int) -> None:
        """Set the wall clock `error_ms` from the true time, as a time server within `bound_ms`."""
        self._wall_ns = self._true_ns + round(error_ms * 1_000_000)
        self._bound_us = bound_ms * 1000
        self._synchronised = True
        self._tell()

    def _boot(self) -> None:
        self.boots += 1
        self._boot_id.write_text(f"{uuid.uuid4()}\n")
        self._boottime_ns = round(_START_S * _NS) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._tell()

    def _tell(self) -> None:
        """Let programs see all of it at once: they read again while the generation is odd."""
        _GENERATION.pack_into(self._control, 0, self._generation + 1)
        _CONTROL.pack_into(
            self._control,
            0,
            self._generation + 1,
            self._wall_ns,
            self._boottime_ns,
            self._synchronised,
            self._bound_us,
        )
        self._generation += 2
        _GENERATION.pack_into(self._control, 0, self._generation)


def _compiled(home: Path) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise SimulatorError("there is no gcc here: apt-get install gcc libc6-dev")
    library = home / "clock.so"
    source = Path(__file__).with_suffix(".c")
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SimulatorError(f"{source} cannot be compiled: {done.stderr.strip()}")
    return library
