"""What somebody with a reader of their own is told."""

from typing import Any

from hwsim.demo.live import Told


def status(state: str, detail: str, taps: int = 0, **unreadable: int) -> dict[str, Any]:
    return {
        "readers": {"hardware": {"state": state, "detail": detail}},
        "counts": {"taps": taps},
        "unreadable": {"hardware": unreadable},
    }


def test_what_is_new_is_said_once() -> None:
    said: list[str] = []
    told = Told(said.append)
    for each in (
        None,
        status("absent", "/dev/ttyUSB0 is not there: plug the reader in"),
        status("absent", "/dev/ttyUSB0 is not there: plug the reader in"),
        status("ready", "open", 3),
        status("ready", "open", 4),
        status("ready", "open", 4, checksum=1),
        status("ready", "open", 4, checksum=1),
        status("ready", "open", 5, checksum=2),
    ):
        told.look(each)
    assert said == [
        "your reader is absent: /dev/ttyUSB0 is not there: plug the reader in",
        "your reader is ready: open",
        "a badge was recorded: it is on the page",
        "a badge was recorded: it is on the page",
        "something was held to it that gave no number: checksum",
        "a badge was recorded: it is on the page",
        "something was held to it that gave no number: checksum",
    ]


def test_taps_of_an_earlier_time_are_no_news() -> None:
    said: list[str] = []
    told = Told(said.append)
    told.look(status("ready", "open", 40))
    told.look(status("ready", "open", 40))
    assert said == ["your reader is ready: open"]
