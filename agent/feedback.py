"""Where feedback goes: the log, a terminal's screen, the reader's own lamp."""

import logging
import sys
from collections.abc import Iterable
from typing import Protocol, TextIO

from agent.readers.base import Reader
from agent.reads import Feedback
from agent.words import WORDS, Language, display, reasons
from protocol.badges import Flag

_log = logging.getLogger("pointeuse.feedback")

_NOTHING = Flag(0)
_GREEN, _YELLOW, _RED = "32", "33", "31"

_COLOURS: dict[Feedback, str] = {
    Feedback.RECORDED: _GREEN,
    Feedback.RECORDED_OFFLINE: _GREEN,
    Feedback.RECORDED_BUT: _GREEN,
    Feedback.DUPLICATE: _GREEN,
    Feedback.TRY_AGAIN: _YELLOW,
    Feedback.OUT_OF_ORDER: _RED,
}

TOLD = Flag(sum(WORDS["en"].reasons))
"""The flags a worker is told of."""


class Sink(Protocol):
    """Something that shows the worker, or somebody else, what became of a tap."""

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Show `feedback` for a presentation at `reader`; must not block.

        `flags` says why it is RECORDED_BUT.
        """


class LogSink:
    """One log line for each presentation; it names no badge."""

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Log it: out of order is an error, all else is information."""
        level = logging.ERROR if feedback is Feedback.OUT_OF_ORDER else logging.INFO
        why = f" ({', '.join(reasons(flags))})" if flags else ""
        _log.log(level, "%s: %s%s", reader, feedback.value, why)


class TerminalSink:
    """A coloured line on a screen; without colour when it is no screen."""

    def __init__(self, stream: TextIO | None = None, language: Language = "en") -> None:
        """`stream` is standard output when None."""
        self._stream = sys.stdout if stream is None else stream
        self._language: Language = language

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Write the line: what is to be put right comes after what became of the tap."""
        words = WORDS[self._language]
        line = self._in(_COLOURS[feedback], f"{reader}: {words.outcomes[feedback]}")
        if flags:
            why = ", ".join(reasons(flags, self._language))
            line += self._in(_YELLOW, f", {why}: {words.office}")
        self._stream.write(line + "\n")
        self._stream.flush()

    def _in(self, colour: str, words: str) -> str:
        return f"\x1b[{colour};1m{words}\x1b[0m" if self._stream.isatty() else words


class ReaderSink:
    """The lamp, buzzer and display of the reader the badge was held to."""

    def __init__(self, readers: Iterable[Reader], language: Language = "en") -> None:
        self._readers = {reader.name: reader for reader in readers}
        self._language: Language = language

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Pass it to that reader; a name it does not know has no lamp."""
        found = self._readers.get(reader)
        if found is not None:
            found.feedback(feedback, display(feedback, flags, self._language))


class Sinks:
    """Several sinks as one. A sink that fails is logged, and never stops another."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = list(sinks)
        self._failing: set[int] = set()

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Show it on every sink; never raises. A sink's failure is logged once until it works."""
        for number, sink in enumerate(self._sinks):
            try:
                sink.show(reader, feedback, flags)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must be shown
                if number not in self._failing:
                    self._failing.add(number)
                    _log.warning("feedback to %s failed: %s", type(sink).__name__, error)
            else:
                self._failing.discard(number)
