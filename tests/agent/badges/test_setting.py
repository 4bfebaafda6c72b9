"""What the files of a terminal make of its badges."""

from datetime import date
from pathlib import Path

import pytest

from agent.badges.credentials import Credentials, Secret
from agent.badges.profiles import SHIPPED
from agent.badges.setting import Badges, belgian_day, known
from protocol.bodies import Sync, Time
from protocol.settings import SettingsError

SITE = (SHIPPED / "construbadge-sim.toml").read_text()
SITE = SITE.replace("construbadge-sim", "site").replace("simulated = true", "")


def folder(tmp_path: Path, **accept: tuple[str, ...]) -> Badges:
    (tmp_path / "site.toml").write_text(SITE)
    return Badges(profiles=str(tmp_path), **accept)


def test_a_profile_is_in_use_once_its_keys_are_there(tmp_path: Path) -> None:
    store = Credentials(tmp_path)
    found = known(folder(tmp_path), store)
    assert found.profiles == []
    assert found.complaint is not None
    assert "pointeuse agent credentials set site.read" in found.complaint
    store.set("site.read", Secret(bytes(16)))
    assert "site.get-uid" in (known(folder(tmp_path), store).complaint or "")
    store.set("site.get-uid", Secret(bytes(16)))
    found = known(folder(tmp_path), store)
    assert [keyed.profile.name for keyed in found.profiles] == ["site"]
    assert found.complaint is None


def test_nobody_is_asked_for_keys_of_simulated_badges(tmp_path: Path) -> None:
    assert known(Badges(profiles=str(tmp_path)), Credentials(tmp_path)).complaint is None


def test_keys_are_shown_by_no_dump_of_what_is_known(tmp_path: Path) -> None:
    store = Credentials(tmp_path)
    for name in ("site.read", "site.get-uid"):
        store.set(name, Secret(b"\xab" * 16))
    dump = repr(known(folder(tmp_path), store))
    assert "site.read" in dump
    assert "abab" not in dump.lower()
    assert "\\xab" not in dump


def test_a_profile_accepted_must_be_one_there_is(tmp_path: Path) -> None:
    known(folder(tmp_path, accept=("site", "uid")), Credentials(tmp_path))
    with pytest.raises(SettingsError, match=r"badges\.accept = 'sight': expected one of"):
        known(folder(tmp_path, accept=("sight",)), Credentials(tmp_path))


@pytest.mark.parametrize(
    ("wall_ms", "sync", "day"),
    [
        (1_798_757_999_000, Sync.SET, date(2026, 12, 31)),  # 23:59:59 in Belgium
        (1_798_758_000_000, Sync.SYNCHRONISED, date(2027, 1, 1)),
        (1_798_758_000_000, Sync.UNSET, None),
    ],
)
def test_the_day_is_belgium_s_and_none_while_no_clock_tells(
    wall_ms: int, sync: Sync, day: date | None
) -> None:
    assert belgian_day(Time(wall_ms, bytes(16), 0, sync, None)) == day
