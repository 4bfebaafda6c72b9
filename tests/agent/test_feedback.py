"""Feedback: every sink shows it, and a failing one stops no other."""

import io
import logging
import threading

import pytest

from agent.feedback import TOLD, LogSink, ReaderSink, Sinks, TerminalSink
from agent.readers.base import Emit
from agent.reads import Feedback
from agent.words import reasons
from protocol.badges import Flag

NOTHING = Flag(0)


class Recording:
    def __init__(self, name: str = "gate") -> None:
        self.name = name
        self.shown: list[tuple[str, Feedback]] = []
        self.texts: list[str] = []

    def show(self, reader: str, feedback: Feedback, flags: Flag = NOTHING) -> None:
        self.shown.append((reader, feedback))

    def describe(self) -> str:
        return self.name

    def run(self, emit: Emit, stop: threading.Event) -> None:
        raise AssertionError("feedback runs no reader")

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        self.show(self.name, feedback)
        self.texts.append(text)


class Failing:
    def __init__(self) -> None:
        self.works = False

    def show(self, reader: str, feedback: Feedback, flags: Flag = NOTHING) -> None:
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


def test_a_reader_is_told_the_weightiest_reason_in_the_language_of_the_terminal() -> None:
    reader = Recording()
    sink = ReaderSink([reader], "nl")
    sink.show("gate", Feedback.RECORDED)
    sink.show("gate", Feedback.RECORDED_BUT, Flag.EXPIRED | Flag.BLOCKED)
    sink.show("gate", Feedback.RECORDED_BUT, Flag.EXPIRED)
    sink.show("gate", Feedback.TRY_AGAIN)
    assert reader.texts == ["", "GEBLOKKEERD", "VERVALLEN", "PROBEER OPNIEUW"]


def test_a_screen_speaks_the_language_of_the_terminal() -> None:
    file = io.StringIO()
    TerminalSink(file, "fr").show("gate", Feedback.RECORDED_BUT, Flag.EXPIRED)
    assert file.getvalue() == ("gate: enregistré, badge expiré: voyez le bureau du chantier\n")


@pytest.mark.parametrize("feedback", Feedback)
def test_a_screen_gets_a_coloured_line(feedback: Feedback) -> None:
    screen = Screen()
    TerminalSink(screen).show("gate", feedback)
    line = screen.getvalue()
    green = feedback not in (Feedback.TRY_AGAIN, Feedback.OUT_OF_ORDER)
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


def test_what_is_to_be_put_right_comes_after_recorded_and_in_another_colour() -> None:
    flags = Flag.LOW_ASSURANCE | Flag.BLOCKED
    file, screen = io.StringIO(), Screen()
    TerminalSink(file).show("gate", Feedback.RECORDED_BUT, flags)
    TerminalSink(screen).show("gate", Feedback.RECORDED_BUT, Flag.EXPIRED)
    assert file.getvalue() == (
        "gate: recorded, badge blocked, badge not identified surely enough: see the site office\n"
    )
    green, amber = screen.getvalue().split("\x1b[0m")[:2]
    assert green == "\x1b[32;1mgate: recorded"
    assert amber == "\x1b[33;1m, badge expired: see the site office"


def test_the_log_says_recorded_and_why_not_only_that(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LogSink().show("gate", Feedback.RECORDED_BUT, Flag.BLOCKED)
        LogSink().show("gate", Feedback.RECORDED)
    assert [record.getMessage() for record in caplog.records] == [
        "gate: recorded-but (badge blocked)",
        "gate: recorded",
    ]


@pytest.mark.parametrize("flag", Flag)
def test_every_flag_has_words(flag: Flag) -> None:
    assert len(reasons(flag)) == 1
    assert flag in TOLD
