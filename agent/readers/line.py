"""Lines of text ended by CR or LF: barcode and QR scanners in serial mode."""

import re

from agent.badges.printed import printed_badge
from agent.badges.refusals import NotAnIdentityError
from agent.readers.frames import Garbled, Presented, Result
from agent.readers.lines import Lines
from agent.readers.patterns import LONGEST_LINE, compile_pattern

_DIGITS = re.compile(r"(?P<badge>[0-9]+)")


class LineParser:
    """One badge for each line; an empty line is nothing, so CR LF ends one line."""

    def __init__(self, pattern: str | None = None) -> None:
        """`pattern` must match a whole line, spaces at its ends apart; see SerialConfig.

        Raises ValueError when `pattern` is not acceptable.
        """
        self._pattern = _DIGITS if pattern is None else compile_pattern(pattern)
        self._lines = Lines(LONGEST_LINE)

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return [
            self._read(line) if isinstance(line, str) else line for line in self._lines.feed(data)
        ]

    def idle(self) -> list[Result]:
        """The line went quiet: a line begun is cut, and what follows is new."""
        return [Garbled("frame")] if self._lines.idle() else []

    def _read(self, text: str) -> Result:
        match = self._pattern.fullmatch(text)
        if match is None:
            return Garbled("pattern")
        found = match.groupdict()
        try:
            # A group in an untaken branch of the pattern matched nothing.
            badge = printed_badge(found["badge"] or "", found.get("employer"), found.get("worker"))
        except NotAnIdentityError as refusal:
            return Garbled(refusal.reason)
        return Presented(badge)
