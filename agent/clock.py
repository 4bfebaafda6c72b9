"""The terminal's clocks: what the wall says, and how far it can be believed.

A Raspberry Pi has no battery-backed clock. Until the wall clock has been set, a tap's time is only
its place after boot; a clock record written once it is set lets the platform correct those taps.

A clock that is not synchronised is believed only if somebody told it the time in this boot: an RTC
or a host as it began (`agent.boot_clock`), a time server earlier, or a person who stepped it.
"""

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from protocol.bodies import Sync, Time

STEP_MS = 500
"""A jump of the wall clock against CLOCK_BOOTTIME worth a record; slewing stays far below it."""
_REFRESH_MS = 1000
_STA_UNSYNC = 0x0040
_EARLIEST_MS = 1_767_225_600_000
"""2026-01-01: no terminal ran this software before; an older clock was never set."""


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def kernel_sync() -> tuple[bool, int]:
    """Whether the kernel holds its clock synchronised, and its greatest error in milliseconds."""
    timex = _Timex()
    if _libc.adjtimex(ctypes.byref(timex)) < 0:
        return False, 0
    return not timex.status & _STA_UNSYNC, -(-timex.maxerror // 1000)


_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock jumped: the same instant was `before_ms`, and is `after_ms`."""

    before_ms: int
    after_ms: int


class Clock:
    """Reads the clocks, and notices when the wall clock is set or stepped."""

    def __init__(self, last_good_ms: int = 0, *, told: bool = False) -> None:
        """`last_good_ms`: the last time known to be right, kept by the journal across boots.

        `told`: whether somebody told the machine the time as it booted.
        """
        self._boot = UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).bytes
        self._floor_ms = max(last_good_ms, _EARLIEST_MS)
        self._checked_ms = -_REFRESH_MS
        self._told = told
        self._judged: tuple[Sync, int | None] = Sync.UNSET, None
        """Replaced as a whole: other threads than the gate's ask for the time too."""
        self._offset_ms = self._wall_ms() - self.boottime_ms()

    def not_before(self, last_good_ms: int) -> None:
        """`last_good_ms` as it is given at first, when it is known later."""
        self._floor_ms = max(last_good_ms, _EARLIEST_MS)
        self._checked_ms = -_REFRESH_MS

    def now(self) -> Time:
        """This moment."""
        boottime = self.boottime_ms()
        wall = self._wall_ms()
        if boottime - self._checked_ms >= _REFRESH_MS:
            self._checked_ms = boottime
            self._judged = self._judge(wall)
        sync, bound = self._judged
        return Time(wall, self._boot, boottime, sync, bound)

    def go_on_after(self, told: Time) -> None:
        """Know what this boot was told before this process, from the newest record's time."""
        if told.boot == self._boot and told.sync is not Sync.UNSET:
            self._believe()

    def step(self, now: Time) -> Step | None:
        """The jump of the wall clock up to `now` since this was last asked, if there was one.

        For one thread alone. Whoever set the clock is believed to have known the time.
        """
        wall, before = now.wall_ms, now.boottime_ms + self._offset_ms
        if abs(wall - before) < STEP_MS:
            return None
        self._offset_ms = wall - now.boottime_ms
        self._believe()
        return Step(before, wall)

    @staticmethod
    def boottime_ms() -> int:
        """CLOCK_BOOTTIME: milliseconds since boot, suspended time included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    @staticmethod
    def _wall_ms() -> int:
        return max(0, time.time_ns() // 1_000_000)

    def _believe(self) -> None:
        self._told = True
        self._checked_ms = -_REFRESH_MS

    def _judge(self, wall_ms: int) -> tuple[Sync, int | None]:
        synchronised, bound = kernel_sync()
        if synchronised:
            # It counts also when it is earlier: a false server must not spoil the floor for ever.
            self._floor_ms = max(wall_ms, _EARLIEST_MS)
            self._told = True
            return Sync.SYNCHRONISED, bound
        believed = self._told and wall_ms >= self._floor_ms
        return (Sync.SET if believed else Sync.UNSET), None
