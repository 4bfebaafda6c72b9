"""Converters from Wiegand to serial: one line of text for each card.

Converters differ in what they write, so the form is configured:

    bits     01100...  every bit, parity included, first bit first
    hex      06012345  the same bits as a number in hex digits
    number   123,4567  facility code and card number in decimal (, - : / or space between);
             without a facility code, the card number

Parity is checked where it is there: in "bits" and "hex".
"""

import re

from agent.badges.numbers import wiegand_badge
from agent.badges.refusals import NotAnIdentityError
from agent.badges.wiegand import LAYOUTS, Layout, joined
from agent.readers.config import Form
from agent.readers.frames import Garbled, Presented, Result
from agent.readers.lines import Lines
from protocol.badges import Assurance, Badge

_LONGEST = 48
_TEXT = {
    "bits": re.compile(r"[01]{1,48}"),
    "hex": re.compile(r"[0-9A-Fa-f]{1,12}"),
    "number": re.compile(r"(?:(\d{1,6})[,:/ -])?(\d{1,12})", re.ASCII),
}


class WiegandParser:
    """One badge for each line."""

    def __init__(self, layout: Layout = "26", form: Form = "hex") -> None:
        """`layout` is the card format, `form` what the converter writes."""
        self._layout = layout
        self._form = form
        self._lines = Lines(_LONGEST)

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""
        return [
            self._read(line) if isinstance(line, str) else line for line in self._lines.feed(data)
        ]

    def idle(self) -> list[Result]:
        """The line went quiet: a line begun is cut, and what follows is new."""
        return [Garbled("frame")] if self._lines.idle() else []

    def _read(self, text: str) -> Result:
        match = _TEXT[self._form].fullmatch(text)
        if match is None:
            return Garbled("pattern")
        try:
            if self._form == "number":
                return Presented(self._numbered(int(match[1] or 0), int(match[2])))
            return Presented(wiegand_badge(self._bits(text), self._layout))
        except NotAnIdentityError as refusal:
            return Garbled(refusal.reason)

    def _bits(self, text: str) -> str:
        if self._form == "bits":
            return text
        return f"{int(text, 16):b}".zfill(LAYOUTS[self._layout].length)

    def _numbered(self, facility: int, number: int) -> Badge:
        if not facility and not number:
            raise NotAnIdentityError("blank", "every digit is 0")
        digits = joined(facility, number, self._layout)
        return Badge(digits, LAYOUTS[self._layout].profile, Assurance.UID)
