"""From keys pressed to the line they type, ended by Enter."""

from agent.readers.frames import Result
from agent.readers.keymaps import KEYMAPS
from agent.readers.line import LineParser
from agent.readers.wedge_config import Keymap

_ENTER = {28, 96}
_SHIFT = {42, 54}
_CAPS_LOCK = 58
_OTHERS = {15, 69}
"""Tab and Num Lock: no part of a number, and no fault. Control, Alt and their like change what the
other keys mean, so they spoil their line."""
_UP, _DOWN = 0, 1


class KeyParser:
    """One badge for each line typed."""

    def __init__(self, keymap: Keymap, pattern: str | None = None) -> None:
        """`pattern` as for LineParser, which raises ValueError."""
        self._plain, self._shifted = KEYMAPS[keymap]
        self._line = LineParser(pattern)
        self._held: set[int] = set()
        self._caps = False

    def key(self, code: int, value: int) -> list[Result]:
        """Take a key that went down (1), up (0) or repeats (2); what it completes."""
        if code in _SHIFT:
            if value == _UP:
                self._held.discard(code)
            else:
                self._held.add(code)
            return []
        if value != _DOWN or code in _OTHERS:
            return []
        if code == _CAPS_LOCK:
            self._caps = not self._caps
            return []
        return self._line.feed(b"\n" if code in _ENTER else self._character(code))

    def idle(self) -> list[Result]:
        """Nothing was typed for a while: a line begun is cut."""
        return self._line.idle()

    def _character(self, code: int) -> bytes:
        character = (self._shifted if self._held else self._plain).get(code)
        if character is not None and self._caps and character.isalpha():
            character = character.swapcase()
        # A key not known spoils its line, as an octet that is no character would.
        return b"\0" if character is None else character.encode("ascii")
