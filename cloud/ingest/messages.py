"""What ingest takes, and what it gives back."""

import msgspec

from protocol.receipts import Leaf


class Incoming(msgspec.Struct, frozen=True):
    """One message of a terminal, as the broker delivered it. `device` comes from the topic."""

    device: str
    name: str
    payload: bytes
    mid: int = 0
    """paho's number, to acknowledge it after the commit."""
    qos: int = 1
    retained: bool = False
    """The broker kept it from earlier: nothing says that the terminal is there now."""


class Answer(msgspec.Struct, frozen=True):
    """One thing to tell a terminal: a receipt's leaf, or a trust document."""

    device: str
    leaf: Leaf | None = None
    trust: bytes | None = None


class RejectedError(Exception):
    """A message fails for its authenticity, or is none: kept in `rejected`, never in custody."""

    def __init__(self, reason: str, detail: str, answer: Answer | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.answer = reason, detail, answer
