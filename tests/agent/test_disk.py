"""The disk: alarms that come one at a time, and a ballast that is there when it is needed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import disk as module
from agent.disk import BALLAST, Ballast, Disk, Usage, level, usage
from tests.support.volumes import small_volume

MIB = 1024**2


class Volume:
    """A volume of any size and fullness; only what is on it beside the ballast is made up."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.others = 0

    def usage(self, path: Path) -> Usage:
        ballast = path / BALLAST
        used = self.others + (ballast.stat().st_size if ballast.exists() else 0)
        return Usage(used, self.total - used)


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> Volume:
    volume = Volume(100 * MIB)
    monkeypatch.setattr(module, "usage", volume.usage)
    return volume


def raised(disk: Disk) -> list[str]:
    return [name for name, detail in disk.alarms().items() if detail]


def test_usage_is_what_df_says(tmp_path: Path) -> None:
    said = subprocess.run(
        ["df", "--output=used,avail", "--block-size=1", tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    used, free = map(int, said.stdout.split("\n")[1].split())
    found = usage(tmp_path)
    # Others write to this disk between the two.
    assert abs(found.used - used) < 64 * MIB
    assert abs(found.used + found.free - used - free) < 64 * MIB


@pytest.mark.parametrize(
    ("used", "free", "percent"), [(0, 0, 0), (0, 9, 0), (1, 999, 1), (69, 31, 69), (9, 0, 100)]
)
def test_percent_is_rounded_up(used: int, free: int, percent: int) -> None:
    assert Usage(used, free).percent == percent


def test_an_alarm_comes_at_its_level_and_goes_some_points_below() -> None:
    now = None
    seen = []
    for percent in [69, 70, 84, 85, 94, 95, 100, 92, 91, 82, 81, 67, 66]:
        now = level(percent, now)
        seen.append(now)
    assert seen == [None, 70, 70, 85, 85, 95, 95, 95, 85, 85, 70, 70, None]


def test_one_alarm_at_a_time_and_it_says_what_to_do(tmp_path: Path, volume: Volume) -> None:
    disk = Disk(tmp_path, ballast=MIB)
    found = []
    for others in [10, 69, 84, 94, 99, 50]:
        volume.others = others * MIB
        found.append(raised(disk))
    assert found == [[], ["disk-70"], ["disk-85"], ["disk-95"], ["disk-95"], []]
    volume.others = 94 * MIB
    detail = disk.alarms()["disk-95"]
    assert detail is not None
    assert "95 % full, 5.0 MiB free; make room" in detail


@pytest.mark.parametrize(
    ("total", "size"),
    [(1, MIB // 4), (4, MIB // 4), (32, 2 * MIB), (128, 8 * MIB), (9999, 8 * MIB)],
)
def test_the_ballast_is_smaller_on_a_small_volume(
    tmp_path: Path, volume: Volume, total: int, size: int
) -> None:
    volume.total = total * MIB
    Disk(tmp_path)
    assert (tmp_path / BALLAST).stat().st_size == size


def test_the_ballast_is_made_of_real_blocks_that_others_cannot_read(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / BALLAST, MIB)
    assert not ballast.take(MIB)
    assert ballast.take(2 * MIB)
    about = (tmp_path / BALLAST).stat()
    assert about.st_blocks * 512 >= MIB
    assert about.st_mode & 0o777 == 0o600
    assert ballast.held
    assert ballast.release()
    assert not ballast.release()


def test_a_ballast_cut_short_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / BALLAST).write_bytes(b"x" * 100)
    ballast = Ballast(tmp_path / BALLAST, MIB)
    assert not ballast.held
    assert ballast.take(2 * MIB)
    assert (tmp_path / BALLAST).stat().st_size == MIB


def test_given_up_when_full_and_taken_again_when_there_is_room(
    tmp_path: Path, volume: Volume
) -> None:
    disk = Disk(tmp_path, ballast=8 * MIB)
    assert disk.admits()
    volume.others = 92 * MIB
    assert raised(disk) == ["disk-95"]
    assert [disk.relieve(), disk.relieve()] == [True, False]
    assert disk.short
    # It is in use, not free: the alarm stays, although the disk has 8 MiB more.
    assert raised(disk) == ["disk-95"]
    assert disk.usage.percent == 100
    for others, admitted in [(92, True), (98, True), (99, False), (100, False), (97, True)]:
        volume.others = others * MIB
        assert disk.admits() is admitted
        assert not disk.recover()
    volume.others = 89 * MIB
    assert not disk.recover(), "it would be given up again with the next tap"
    volume.others = 88 * MIB
    assert [disk.recover(), disk.recover()] == [True, False]


def test_a_disk_that_is_full_from_the_start_has_no_ballast(tmp_path: Path, volume: Volume) -> None:
    volume.others = 99 * MIB
    disk = Disk(tmp_path)
    assert disk.short
    assert not disk.relieve()
    volume.others = 50 * MIB
    assert disk.recover()


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    with small_volume(tmp_path / "volume", 4 * MIB) as mounted:
        yield mounted


def test_what_the_ballast_gives_up_can_be_written(tmpfs: Path) -> None:
    disk = Disk(tmpfs)
    with pytest.raises(OSError, match="No space"):
        (tmpfs / "filler").write_bytes(bytes(4 * MIB))
    assert raised(disk) == ["disk-95"]
    assert disk.relieve()
    (tmpfs / "receipts").write_bytes(bytes(200 * 1024))
    assert not disk.admits()
    (tmpfs / "filler").unlink()
    assert disk.recover()
    assert raised(disk) == []


def test_a_disk_that_cannot_be_written_keeps_nothing_back(tmpfs: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    disk = Disk(tmpfs)
    assert disk.short
    assert not disk.recover()
    assert disk.alarms() == {"disk-70": None, "disk-85": None, "disk-95": None}
    subprocess.run(["mount", "-o", "remount,rw", tmpfs], check=True)
    assert disk.recover()
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    assert not disk.relieve()
