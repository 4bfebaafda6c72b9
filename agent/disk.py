"""The volume that holds the state directory: how full it is, and the ballast that is kept on it.

A full disk must not keep the terminal from saying so, nor from noting receipts, which is what lets
old records go. The ballast is room taken in advance for that: given up when a commit finds the disk
full, taken again when there is room. Taps may use most of it, never the last quarter.
"""

import logging
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger("pointeuse.disk")
LEVELS = (70, 85, 95)
"""Percent of the volume at which an alarm is raised."""
_HYSTERESIS = 3
BALLAST = "ballast"
_LAST = 64 * 1024
_LARGEST, _SMALLEST = 8 * 1024**2, 256 * 1024
_SHARE = 16
"""On a small volume the ballast is this part of it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Octets of a volume as df(1) counts them: what is kept back for root is in neither."""

    used: int
    free: int

    @property
    def percent(self) -> int:
        """Used, in percent, rounded up as df does."""
        return math.ceil(100 * self.used / max(self.used + self.free, 1))

    def without(self, octets: int) -> "Usage":
        """The same, were `octets` of the free ones in use; of those in use free, when negative."""
        taken = max(min(octets, self.free), -self.used)
        return Usage(self.used + taken, self.free - taken)


def usage(path: Path) -> Usage:
    """How full the volume of `path` is. Raises OSError."""
    found = os.statvfs(path)
    return Usage((found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize)


def level(percent: int, before: int | None) -> int | None:
    """The alarm for `percent` used, one of LEVELS, or None; `before` is the one raised now.

    An alarm comes at its level, and goes only some points below it.
    """
    slack = {each: _HYSTERESIS if before is not None and each <= before else 0 for each in LEVELS}
    return max((each for each in LEVELS if percent >= each - slack[each]), default=None)


class Ballast:
    """The file `ballast`: `size` octets of real blocks, or nothing."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self.size = path, size

    @property
    def held(self) -> bool:
        """Whether it is there, in whole."""
        try:
            return self._path.stat().st_size >= self.size
        except OSError:
            return False

    def take(self, free: int) -> bool:
        """Make it, unless fewer than one and a half times its size are `free`; whether it is."""
        if self.held:
            return True
        if free < self.size + self.size // 2:
            return False
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.size)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.debug("cannot keep %d octets back: %s", self.size, error.strerror)
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give it up; whether there was one to give up."""
        with suppress(OSError):  # none, or a disk that is read-only
            self._path.unlink()
            return True
        return False


class Disk:
    """What the gate asks of its disk. Used by one thread."""

    def __init__(self, state: Path, *, ballast: int | None = None) -> None:
        """`ballast` is its size in octets: 8 MiB, or less on a small volume, when None.

        Raises OSError when nothing can be said of the volume.
        """
        self._state = state
        room = usage(state)
        if ballast is None:
            ballast = max(_SMALLEST, min(_LARGEST, (room.used + room.free) // _SHARE))
        self._ballast = Ballast(state / BALLAST, ballast)
        self._level: int | None = None
        self._known = room
        self._ballast.take(room.free)

    @property
    def short(self) -> bool:
        """Whether the ballast is given up, or could never be taken."""
        return not self._ballast.held

    @property
    def usage(self) -> Usage:
        """How full the volume is, the ballast counted as used whether it is there or not."""
        found = self._look()
        return found.without(self._ballast.size) if self.short else found

    def relieve(self) -> bool:
        """Give the ballast up, since a commit found the disk full; whether that made room."""
        if not self._ballast.release():
            return False
        _log.error("the disk of %s is full: using the ballast", self._state)
        return True

    def recover(self) -> bool:
        """Take the ballast again if it was given up and there is room; whether it was taken."""
        if not self.short or not self._ballast.take(self._look().free):
            return False
        _log.warning("there is room on the disk of %s again", self._state)
        return True

    def admits(self) -> bool:
        """Whether a tap may use what is left: the last of the ballast is for receipts."""
        return not self.short or self._look().free >= self._ballast.size // 4

    def fills(self) -> bool:
        """Whether so little is left that the next commit may find the disk full."""
        return self._look().free < _LAST

    def alarms(self) -> dict[str, str | None]:
        """Each alarm's name, and its detail when it is the one to raise."""
        found = self.usage
        self._level = level(found.percent, self._level)
        detail = (
            f"the disk of {self._state} is {found.percent} % full, {_mebibytes(found.free)} free;"
            " make room on it, or let the terminal reach the platform"
        )
        return {f"disk-{each}": detail if each == self._level else None for each in LEVELS}

    def _look(self) -> Usage:
        with suppress(OSError):  # a disk that does not answer: what was known of it
            self._known = usage(self._state)
        return self._known


def has_room(state: Path) -> bool:
    """Whether a journal may be opened in `state`; also where nothing can be said of its volume."""
    try:
        return usage(state).free >= _LAST
    except OSError:
        return True


def make_room(state: Path, *, full: bool = False) -> None:
    """Give up the ballast in `state` if a journal was found, or will be, to have no room."""
    if full or not has_room(state):
        Ballast(state / BALLAST, 0).release()


def _mebibytes(octets: int) -> str:
    return f"{octets / 1024**2:.1f} MiB"
