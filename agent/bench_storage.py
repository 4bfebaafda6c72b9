"""How good the disk under the state directory is at what a journal asks of it.

Two things are measured with files that have no name, so that nothing is left behind however it
ends: appends of 4 KiB with fdatasync after each, which is what a worker waits for before green; and
writes of 4 KiB at random places past the page cache, by which SD cards are rated (SD Physical Layer
Simplified Specification, application performance classes A1 and A2).
"""

import fcntl
import mmap
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import msgspec

from agent.disk import usage

_BLOCK = 4096
_AREA = 32 * 1024**2
"""Octets each of the two files has at most."""
NEEDED = 2 * _AREA
_FULLEST = 95
"""The disk is never made fuller than this, in percent."""
A1_IOPS, A2_IOPS = 500, 2000
"""Random writes a second that cards of class A1 and A2 have to reach."""
_ON_A_PI = 2
"""A Raspberry Pi often gets only one half of what a card reaches elsewhere."""
_GOOD_P99_MS, _USABLE_P99_MS = 100.0, 500.0
"""What of a worker's patience the disk may take: unnoticed, and noticed."""

Progress = Callable[[str], None]


class NoRoomError(Exception):
    """The disk has no room for the measurement."""


class Verdict(Enum):
    """Whether a terminal should be run on this disk."""

    GOOD = "good"
    USABLE = "usable"
    TOO_SLOW = "too slow"


class Storage(msgspec.Struct, frozen=True):
    """What was measured. Times are milliseconds for one append with its fdatasync."""

    directory: str
    appends: int
    append_p50_ms: float
    append_p99_ms: float
    append_max_ms: float
    random_write_iops: float
    past_the_cache: bool
    """Whether random writes went past the page cache; else each was flushed by itself."""

    @property
    def verdict(self) -> Verdict:
        """By the slower of the two."""
        if self.append_p99_ms <= _GOOD_P99_MS and self.random_write_iops >= A1_IOPS:
            return Verdict.GOOD
        slow = self.append_p99_ms > _USABLE_P99_MS or self.random_write_iops < A1_IOPS / _ON_A_PI
        return Verdict.TOO_SLOW if slow else Verdict.USABLE

    @property
    def advice(self) -> str:
        """What to do, in one sentence."""
        if self.verdict is Verdict.GOOD:
            return "good enough for a terminal: nothing to do"
        if self.verdict is Verdict.USABLE:
            return (
                "good enough, with green now and then late: for a busy entrance take a card of"
                " class A2, or an SSD"
            )
        return (
            "too slow: workers would wait for green; replace it by a card of class A1 or A2 of a"
            " known maker, or an SSD, and measure again"
        )


def measure(directory: Path, seconds: float, progress: Progress) -> Storage:
    """Measure for about `seconds`; `progress` is told what is being done.

    Raises NoRoomError before anything is written; OSError.
    """
    _check_room(directory)
    progress("appending 4 KiB at a time, each flushed")
    times = sorted(_appends(directory, seconds / 2))
    progress("writing 4 KiB at random places")
    iops, direct = _random_writes(directory, seconds / 2)
    return Storage(
        str(directory),
        appends=len(times),
        append_p50_ms=_percentile(times, 50),
        append_p99_ms=_percentile(times, 99),
        append_max_ms=times[-1],
        random_write_iops=iops,
        past_the_cache=direct,
    )


def _check_room(directory: Path) -> None:
    room = usage(directory)
    if room.free < NEEDED or room.without(NEEDED).percent > _FULLEST:
        raise NoRoomError(
            f"{directory} has {room.free / 1024**2:.0f} MiB free and is {room.percent} % full:"
            f" measuring takes {NEEDED // 1024**2} MiB and leaves a disk no fuller than"
            f" {_FULLEST} %; make room, or name another directory of the same disk"
        )


def _appends(directory: Path, seconds: float) -> Iterator[float]:
    """Milliseconds that each append took, one at least."""
    with _unnamed(directory) as file:
        block, offset = os.urandom(_BLOCK), 0
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end or offset == 0:
            os.pwrite(file, block, offset % _AREA)
            os.fdatasync(file)
            yield (time.perf_counter() - before) * 1000
            offset += _BLOCK
            if offset % _AREA == 0:  # so that the next ones extend it again
                os.ftruncate(file, 0)
                os.fsync(file)


def _random_writes(directory: Path, seconds: float) -> tuple[float, bool]:
    """Writes a second, and whether they went past the page cache."""
    with _unnamed(directory) as file, mmap.mmap(-1, _BLOCK) as block:
        block[:] = os.urandom(_BLOCK)  # a mapping begins at a page, as O_DIRECT demands
        for offset in range(0, _AREA, _BLOCK):
            os.pwrite(file, block, offset)
        os.fsync(file)
        direct = _past_the_cache(file)
        places = random.Random(0)  # noqa: S311 - where to write is no secret
        count, before = 0, time.perf_counter()
        while (now := time.perf_counter()) < before + seconds or count == 0:
            os.pwrite(file, block, places.randrange(_AREA // _BLOCK) * _BLOCK)
            if not direct:
                os.fdatasync(file)
            count += 1
        return count / (now - before), direct


def _past_the_cache(file: int) -> bool:
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_DIRECT)
    except OSError:  # a file system without it, such as tmpfs
        return False
    return True


@contextmanager
def _unnamed(directory: Path) -> Iterator[int]:
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        yield file.fileno()


def _percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank: the smallest value that so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
