"""Lines of text ended by CR or LF: barcode and QR scanners in serial mode."""

import re

from agent.badges.printed import printed_badge
from agent.badges.refusals import NotAnIdentityError
from agent.readers.frames import Garbled, Presented, Result
from agent.readers.patterns import LONGEST_LINE, compile_pattern

_DIGITS = re.compile(r"(?P<badge>[0-9]+)")
_ENDS = frozenset(b"\r\n")


class LineParser:
    """One badge for each line; an empty line is nothing, so CR LF ends one line."""

    def __init__(self, pattern: str | None = None) -> None:
        """`pattern` must match a whole line, spaces at its ends apart; see SerialConfig.

        Raises ValueError when `pattern` is not acceptable.
        """
        self._pattern = _DIGITS if pattern is None else compile_pattern(pattern)
        self._line = bytearray()
        self._spoilt = False

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        results: list[Result] = []
        for octet in data:
            result = self._take(octet)
            if result is not None:
                results.append(result)
        return results

    def idle(self) -> list[Result]:
        """The line went quiet: a line begun is cut, and what follows is new."""
        cut = bool(self._line)
        self._line.clear()
        self._spoilt = False
        return [Garbled("frame")] if cut else []

    def _take(self, octet: int) -> Result | None:
        if octet in _ENDS:
            text = self._line.decode("ascii").strip(" ")
            self._line.clear()
            self._spoilt = False
            return self._read(text) if text else None
        if self._spoilt:
            return None
        if not 0x20 <= octet <= 0x7E:
            return self._spoil("frame")
        if len(self._line) == LONGEST_LINE:
            return self._spoil("too-long")
        self._line.append(octet)
        return None

    def _spoil(self, reason: str) -> Result:
        """Give up this line, to its end."""
        self._line.clear()
        self._spoilt = True
        return Garbled(reason)

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
