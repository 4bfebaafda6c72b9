"""A disk that fails when a test says so, under programs that know nothing of it.

    disk = FaultyDisk(state, tmp_path / "shadow")
    program = Process(..., env=disk.environment)
    disk.fails("eio-fsync", times=1)      # the next fsync fails; the data is lost, as on ext4
    disk.heals()
    program.kill(); disk.power_cut()      # what never reached the disk is gone

It is a library preloaded between a program and libc, compiled once in a test session.
"""

import functools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Literal, get_args

Fault = Literal["ok", "eio-write", "eio-fsync", "enospc", "erofs"]
_FAULTS: tuple[Fault, ...] = get_args(Fault)
_MODE, _AFTER, _TIMES, _FAILED = range(4)
_FIELD = struct.Struct("=i")
_ALWAYS = -1


class FaultyDisk:
    """The disk under `directory`; what has reached it is kept in `shadow`, made here."""

    def __init__(self, directory: Path, shadow: Path) -> None:
        self.directory, self._shadow = directory.resolve(), shadow
        shadow.mkdir()
        control = shadow / "control"
        control.write_bytes(bytes(4 * _FIELD.size))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), 0)
        self.environment = {
            "LD_PRELOAD": str(_library()),
            "FAULTYDISK_DIRECTORY": str(self.directory),
            "FAULTYDISK_CONTROL": str(control),
            "FAULTYDISK_SHADOW": str(shadow),
        }

    def fails(self, fault: Fault, *, after: int = 0, times: int = _ALWAYS) -> None:
        """Fail from now on: `times` calls (-1: all), once `after` more have succeeded.

        "eio-write": writes and growing; "eio-fsync": fsync and fdatasync, which lose what was
        written since the last one; "enospc": writes, growing and new files; "erofs": any change.
        """
        self._set(_MODE, 0)
        self._set(_AFTER, after)
        self._set(_TIMES, times)
        self._set(_FAILED, 0)
        self._set(_MODE, _FAULTS.index(fault))

    def heals(self) -> None:
        """Fail no more."""
        self.fails("ok")

    @property
    def failed(self) -> int:
        """How many calls failed since `fails`."""
        return self._get(_FAILED)

    def power_cut(self) -> None:
        """Take from every file what never reached the disk. Nobody may have one open."""
        for path in sorted(self.directory.iterdir()):
            kept = self._shadow / str(path.stat().st_ino)
            if path.is_file() and kept.exists():
                path.write_bytes(kept.read_bytes())  # in place: it keeps its inode
                (self._shadow / f"{kept.name}.dirty").unlink(missing_ok=True)

    def _set(self, field: int, value: int) -> None:
        _FIELD.pack_into(self._control, field * _FIELD.size, value)

    def _get(self, field: int) -> int:
        value: int = _FIELD.unpack_from(self._control, field * _FIELD.size)[0]
        return value


@functools.cache
def _library() -> Path:
    compiler = shutil.which("gcc")
    assert compiler, "there is no gcc here; run scripts/setup --dev"
    # Not pytest's own directory, which is another for each test; it goes when Python ends.
    home = tempfile.TemporaryDirectory(prefix=f"pointeuse-tests-disk-{os.getpid()}-")
    _kept.append(home)
    library = Path(home.name) / "faultydisk.so"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library, source],
        check=True,
    )
    return library


_kept: list[tempfile.TemporaryDirectory[str]] = []
