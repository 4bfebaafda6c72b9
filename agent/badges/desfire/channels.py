"""What protects commands and answers once a card has authenticated."""

from enum import Enum
from typing import Protocol


class Mode(Enum):
    """A file's communication mode."""

    PLAIN = "plain"
    MAC = "mac"
    FULL = "full"


class Channel(Protocol):
    """Secure messaging under one authentication; it is of no more use after any error."""

    def request(self, ins: int, header: bytes, mode: Mode, /) -> bytes:
        """What is sent after `ins`: `header`, and what protects it."""

    def answer_length(self, length: int, mode: Mode) -> int:
        """Octets on the wire of an answer that carries `length`."""

    def answer(self, data: bytes, length: int, mode: Mode) -> bytes:
        """The `length` octets that `data` carries; it has `answer_length` of them.

        Raises UnauthenticError.
        """

    def covers(self, mode: Mode, /) -> bool:
        """Whether an answer in this mode is proved to come from the card."""
