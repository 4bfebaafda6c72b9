"""The disk that fails: what programs on it meet, and what a power cut leaves."""

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.support.faultydisk import Fault, FaultyDisk


class Disk(FaultyDisk):
    """A disk, and one-line programs on it that print the error they met."""

    def does(self, statement: str) -> str:
        program = (
            "import os, sqlite3, sys\n"
            "from pathlib import Path\n"
            "disk = Path(sys.argv[1])\n"
            f"try: {statement}\n"
            "except OSError as error: print(error.errno)\n"
            "except sqlite3.Error as error: print(error.sqlite_errorname)\n"
        )
        done = subprocess.run(
            [sys.executable, "-S", "-c", program, self.directory],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    (tmp_path / "disk").mkdir()
    disk = Disk(tmp_path / "disk", tmp_path / "shadow")
    (disk.directory / "there").write_bytes(b"0123456789")
    return disk


_APPEND = "f = (disk / 'there').open('ab', 0); f.write(b'abc')"
_SYNC = f"{_APPEND}; os.fsync(f.fileno())"
_NEW = "(disk / 'new').touch()"
_RENAME = "(disk / 'there').rename(disk / 'else')"
_UNLINK = "(disk / 'there').unlink()"
_GROW = "os.posix_fallocate(os.open(disk / 'there', os.O_RDWR), 0, 4096)"
_SHRINK = "os.ftruncate(os.open(disk / 'there', os.O_RDWR), 1)"
_INSERT = "db.execute('INSERT INTO t VALUES (2)')"
_READ = "(disk / 'there').read_bytes()"


@pytest.mark.parametrize(
    ("fault", "refused", "done"),
    [
        ("ok", [], [_APPEND, _SYNC, _NEW, _GROW, _SHRINK, _READ]),
        ("eio-write", [_APPEND, _GROW], [_NEW, _SHRINK, _RENAME]),
        ("eio-fsync", [_SYNC], [_APPEND, _NEW, _SHRINK, _UNLINK]),
        ("enospc", [_APPEND, _NEW, _GROW], [_READ, _SHRINK, _UNLINK]),
        ("erofs", [_APPEND, _NEW, _GROW, _SHRINK, _RENAME, _UNLINK], [_READ]),
    ],
)
def test_each_fault_refuses_what_such_a_disk_refuses(
    disk: Disk, fault: Fault, refused: list[str], done: list[str]
) -> None:
    disk.fails(fault)
    number = {"eio": errno.EIO, "enospc": errno.ENOSPC, "erofs": errno.EROFS}
    for statement in refused:
        assert disk.does(statement) == str(number[fault.partition("-")[0]]), statement
    assert disk.failed == len(refused)
    for statement in done:
        assert disk.does(statement) == "", statement


def test_faults_are_counted_and_leave_other_directories_alone(disk: Disk) -> None:
    disk.fails("eio-write", after=1, times=2)
    assert [disk.does(_APPEND) for _ in range(4)] == ["", "5", "5", ""]
    assert (disk.directory / "there").read_bytes() == b"0123456789abcabc"
    disk.fails("erofs")
    assert disk.does("(disk.parent / 'beside').write_text('x')") == ""
    disk.heals()
    assert disk.does(_SYNC) == ""


def test_what_a_failed_fsync_covered_reads_back_and_is_lost(disk: Disk) -> None:
    disk.fails("eio-fsync", times=1)
    assert disk.does(_SYNC) == "5"
    assert (
        disk.does("f = (disk / 'there').open('ab', 0); f.write(b'X'); os.fsync(f.fileno())") == ""
    )
    assert (disk.directory / "there").read_bytes() == b"0123456789abcX"
    disk.power_cut()
    assert (disk.directory / "there").read_bytes() == b"0123456789\0\0\0X"


def test_a_power_cut_takes_what_was_never_synced(disk: Disk) -> None:
    assert disk.does(f"{_APPEND}; os.fdatasync(f.fileno()); f.write(b'gone'); f.truncate(2)") == ""
    assert (disk.directory / "there").read_bytes() == b"01"
    disk.power_cut()
    assert (disk.directory / "there").read_bytes() == b"0123456789abc"


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        ("eio-write", "SQLITE_IOERR_WRITE"),
        ("eio-fsync", "SQLITE_IOERR_FSYNC"),
        ("enospc", "SQLITE_FULL"),
        ("erofs", "SQLITE_IOERR_WRITE"),
    ],
)
def test_sqlite_meets_the_faults(disk: Disk, fault: Fault, met: str) -> None:
    path = disk.directory / "db"
    opening = (
        "db = sqlite3.connect(disk / 'db', isolation_level=None);"
        " db.execute('PRAGMA locking_mode=exclusive'); db.execute('PRAGMA journal_mode=wal');"
        " db.execute('PRAGMA synchronous=full'); db.execute('CREATE TABLE IF NOT EXISTS t (n)');"
        " db.execute('INSERT INTO t VALUES (1)'); "
    )
    assert disk.does(f"{opening} os._exit(0)") == ""
    # In the middle of a process's life, as a disk fails.
    number = get_args(Fault).index(fault)
    control = f"open(os.environ['FAULTYDISK_CONTROL'], 'r+b', 0).write(bytes([{number}, 0, 0, 0]))"
    disk.fails("ok")  # whichever comes, all calls shall fail
    assert disk.does("; ".join([opening + control, _INSERT])) == met
    assert disk.failed
    disk.power_cut()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT n FROM t").fetchall() == [(1,), (1,)]
    db.close()
