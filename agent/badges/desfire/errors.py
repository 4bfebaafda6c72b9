"""What can be wrong with what a DESFire card says.

DesfireError
├── RefusedError      the card answers with an error status
├── MalformedError    an answer is not of the length or the form its command has
└── UnauthenticError  the card, or one of its answers, is not proved to be genuine

A card that does not answer at all is a `sessions.CardError` instead.
"""


class DesfireError(Exception):
    """A card answered, but not as it should; `reason` is the word counted in telemetry."""

    def __init__(self, reason: str, detail: str) -> None:
        """`detail` never holds a key, nor what stands on the card."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class RefusedError(DesfireError):
    """The card answered with an error status."""

    def __init__(self, command: int, status: int) -> None:
        """`status` is the whole status word."""
        super().__init__("refused", f"command {command:02X} was answered {status:04X}")
        self.status = status


class MalformedError(DesfireError):
    """An answer is not of the length or the form its command has."""

    def __init__(self, detail: str) -> None:
        super().__init__("malformed", detail)


class UnauthenticError(DesfireError):
    """The card or its answer is not proved to be genuine: "wrong-key", "wrong-mac", "wrong-crc"."""
