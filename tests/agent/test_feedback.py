"""Feedback: every sink shows it, and a failing one stops no other."""

import io
import logging
import threading

import pytest

from agent.feedback import LogSink, ReaderSink, Sinks, TerminalSink
from agent.readers.base import Emit
from agent.reads import Feedback


class Recording:
    def __init__(self, name: str = "gate") -> None:
        self.name = name
        self.shown: list[tuple[str, Feedback]] = []

    def show(self, reader: str, feedback: Feedback) -> None:
        self.shown.append((reader, feedback))

    def describe(self) -> str:
        return self.name

    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise AssertionError("feedback runs no reader")

    def feedback(self, feedback: Feedback) -> None:
        self.show(self.name, feedback)


class Failing:
    def __init__(self) -> None:
        self.works = False

    def show(self, reader: str, feedback: Feedback) -> None:
        if not self.works:
            raise OSError("the screen is unplugged")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_failing_sink_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    first, failing, last = Recording(), Failing(), Recording()
    sinks = Sinks([first, failing, last])
    with caplog.at_level(logging.WARNING):
        sinks.show("gate", Feedback.RECORDED)
        sinks.show("gate", Feedback.TRY_AGAIN)
    expected = [("gate", Feedback.RECORDED), ("gate", Feedback.TRY_AGAIN)]
    assert first.shown == last.shown == expected
    assert [record.getMessage() for record in caplog.records] == [
        "feedback to Failing failed: the screen is unplugged"
    ]


def test_a_sink_that_fails_again_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    failing = Failing()
    sinks = Sinks([failing])
    for works in (False, True, False):
        failing.works = works
        sinks.show("gate", Feedback.RECORDED)
    assert len(caplog.records) == 2


def test_only_the_reader_concerned_is_lit() -> None:
    gate, turnstile = Recording("gate"), Recording("turnstile")
    sink = ReaderSink([gate, turnstile])
    sink.show("turnstile", Feedback.RECORDED)
    sink.show("nowhere", Feedback.RECORDED)
    assert gate.shown == []
    assert turnstile.shown == [("turnstile", Feedback.RECORDED)]


@pytest.mark.parametrize("feedback", Feedback)
def test_a_screen_gets_a_coloured_line(feedback: Feedback) -> None:
    screen = Screen()
    TerminalSink(screen).show("gate", feedback)
    line = screen.getvalue()
    green = feedback in (Feedback.RECORDED, Feedback.RECORDED_OFFLINE, Feedback.DUPLICATE)
    assert ("\x1b[32;1m" in line) == green
    assert line.endswith("\x1b[0m\n")
    assert "gate: " in line


def test_a_file_gets_no_colour() -> None:
    file = io.StringIO()
    TerminalSink(file).show("gate", Feedback.TRY_AGAIN)
    assert file.getvalue() == "gate: not read: try again\n"


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalSink().show("gate", Feedback.RECORDED)
    assert capsys.readouterr().out == "gate: recorded\n"


def test_out_of_order_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LogSink().show("gate", Feedback.OUT_OF_ORDER)
        LogSink().show("gate", Feedback.RECORDED)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
