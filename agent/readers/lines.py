"""Lines of printable ASCII out of any bytes, in bounded memory."""

from agent.readers.frames import Garbled, fed

_ENDS = frozenset(b"\r\n")


class Lines:
    """Collects lines ended by CR or LF; an empty line is nothing, so CR LF ends one line."""

    def __init__(self, longest: int) -> None:
        """`longest` is the most characters a line may have."""
        self._longest = longest
        self._line = bytearray()
        self._spoilt = False

    def feed(self, data: bytes) -> list[str | Garbled]:
        """The lines that `data` ends, spaces at their ends gone; one Garbled for a spoilt line."""
        return fed(self._take, data)

    def idle(self) -> bool:
        """Give up the line begun, if there is one: was there?"""
        cut = bool(self._line)
        self._line.clear()
        self._spoilt = False
        return cut

    def _take(self, octet: int) -> str | Garbled | None:
        if octet in _ENDS:
            text = self._line.decode("ascii").strip(" ")
            self._line.clear()
            self._spoilt = False
            return text or None
        if self._spoilt:
            return None
        if not 0x20 <= octet <= 0x7E:
            return self._spoil("frame")
        if len(self._line) == self._longest:
            return self._spoil("too-long")
        self._line.append(octet)
        return None

    def _spoil(self, reason: str) -> Garbled:
        self._line.clear()
        self._spoilt = True
        return Garbled(reason)
