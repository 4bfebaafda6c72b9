"""What every reader that can speak to a card offers, whatever its hardware."""

from typing import Protocol


class CardError(Exception):
    """The card did not answer; `reason` is the word counted in telemetry.

    "pulled-away" when it left the field, and whatever else a reader family can tell ("mute",
    "busy"). The presentation is over without a record, and the worker tries again.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """`detail` says what was being done; it holds nothing the card said."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class CardSession(Protocol):
    """A card in the field, spoken to in APDUs (ISO/IEC 7816-4) from one thread."""

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        """Data and status word (ISO/IEC 7816-4, 5.3) of a command. Raises CardError."""
