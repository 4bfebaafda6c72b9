"""What happened, in plain words."""

from typing import Any

from hwsim.panel.story import Sequel, Story


def status(state: str, queue: int = 0, sync: str = "synchronised", why: str = "") -> dict[str, Any]:
    return {"uplink": {"state": state, "detail": why}, "queue": queue, "clock": {"sync": sync}}


def told(*statuses: dict[str, Any] | None) -> list[str]:
    story = Story()
    sequel = Sequel(story)
    for each in statuses:
        sequel.look(each)
    return [line["words"] for line in story.lines()]


def test_a_terminal_that_is_as_it_was_is_not_mentioned() -> None:
    assert told(status("online"), status("online", 1), status("online")) == []
    assert told(status("offline", 3), status("offline", 3)) == []


def test_an_outage_is_told_from_its_beginning_to_what_came_of_it() -> None:
    assert told(
        status("online"),
        status("offline", 1, why="connection reset"),
        status("offline", 2),
        status("online", 2),
        status("online", 1),
        status("online"),
        status("online", 1),
        status("online"),
    ) == [
        "The terminal is offline: connection reset",
        "The terminal is online",
        "All that waited was delivered: 2 records",
    ]


def test_what_waited_over_a_power_cut_is_told_too() -> None:
    words = told(status("offline", 1), None, status("online", 1, "unset"), status("online"))
    assert words == [
        "The terminal takes its clock to be synchronised",
        "All that waited was delivered: 1 record",
    ]


def test_lines_are_numbered_and_the_oldest_go() -> None:
    story = Story()
    for number in range(100):
        story.tell(f"line {number}", "green")
    lines = story.lines()
    assert [line["number"] for line in lines] == list(range(71, 101))
    assert (lines[-1]["words"], lines[-1]["colour"]) == ("line 99", "green")
