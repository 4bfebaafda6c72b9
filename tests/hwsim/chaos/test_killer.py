"""Killing and reviving, without a process."""

import threading

import pytest

from hwsim.chaos.killer import Killer, Victim
from tests.support.waiting import wait_for


class Cat:
    """Somebody who may be killed often."""

    def __init__(self, name: str) -> None:
        self.alive = threading.Event()
        self.alive.set()
        self.died = 0
        self.victim = Victim(name, self.alive.is_set, self.kill, self.alive.set)

    def kill(self) -> None:
        self.died += 1
        self.alive.clear()


def test_all_are_killed_again_and_again_and_live_in_peace() -> None:
    cats = [Cat("a"), Cat("b")]
    with Killer([c.victim for c in cats], 1, every_s=0.01, longest_s=0.01) as killer:
        wait_for(lambda: all(cat.died > 2 for cat in cats), "both are killed thrice")
        killer.calm()
        wait_for(lambda: all(cat.alive.is_set() for cat in cats), "both live")
    assert all(cat.alive.is_set() for cat in cats)
    assert killer.kills == {cat.victim.name: cat.died for cat in cats}
    assert not killer.errors


@pytest.mark.parametrize("calm", [False, True])
def test_who_ends_by_itself_is_started_again_in_peace_too(calm: bool) -> None:
    cat = Cat("a")
    with Killer([cat.victim], 1, every_s=1e9, longest_s=0) as killer:
        if calm:
            killer.calm()
        cat.alive.clear()
        wait_for(cat.alive.is_set, "it lives again")
    assert killer.ends == {"a": 1}
    assert not killer.kills


def test_what_goes_wrong_is_kept_for_whoever_waits() -> None:
    def fail() -> None:
        raise OSError("no such process")

    cat = Cat("a")
    victim = Victim("a", cat.alive.is_set, fail, cat.alive.set)
    with Killer([victim], 1, every_s=0.001, longest_s=0) as killer:
        wait_for(lambda: bool(killer.errors), "the error is kept")
    assert str(killer.errors[0]) == "no such process"
