"""What an agent draws on its screen is read back as it was drawn."""

import os
from collections.abc import Iterator

import pytest

from agent.feedback import TerminalSink
from agent.reads import Feedback
from hwsim.panel.screen import Screen
from protocol.badges import Flag


@pytest.fixture
def screen() -> Iterator[Screen]:
    with Screen() as screen:
        yield screen


def test_the_agents_words_and_colours_arrive(screen: Screen) -> None:
    with os.fdopen(os.dup(screen.stdout), "w") as stream:
        sink = TerminalSink(stream)
        sink.show("gate", Feedback.RECORDED)
        sink.show("turnstile", Feedback.RECORDED_BUT, Flag.EXPIRED)
        sink.show("gate", Feedback.TRY_AGAIN)
        sink.show("gate", Feedback.OUT_OF_ORDER)
    line = screen.wait("gate", 2, 20)
    assert line is not None
    assert (line.number, line.colour, line.parts) == (
        3,
        "yellow",
        [("yellow", "not read: try again")],
    )
    assert screen.wait("gate", 3, 20) is not None
    colours = [line["colour"] for line in screen.lines()]
    assert colours == ["green", "green", "yellow", "red"]
    assert screen.lines()[1]["parts"] == [
        ("green", "recorded"),
        ("yellow", ", badge expired: see the site office"),
    ]


def test_a_line_that_came_before_is_not_waited_for(screen: Screen) -> None:
    os.write(screen.stdout, b"\x1b[32;1mgate: recorded\x1b[0m\nsomething else\n")
    assert screen.wait("gate", 0, 20) is not None
    assert screen.count() == 1
    assert screen.wait("gate", 1, 0) is None
    assert screen.wait("turnstile", 0, 0) is None
