"""What readers tell the gate, and what the gate tells readers back."""

from enum import Enum

import msgspec

from protocol.badges import Assurance


class BadgeRead(msgspec.Struct, frozen=True):
    """One badge presented once, identified.

    `badge` is the normalised number (a UID as upper-case hexadecimal, or digits); `employer`
    (10 digits) and `worker` are what the badge itself says, if anything.
    """

    reader: str
    badge: str
    profile: str
    assurance: Assurance
    direction: str = "auto"
    employer: str | None = None
    worker: str | None = None
    flags: int = 0


class Unreadable(msgspec.Struct, frozen=True):
    """Something was presented but gave no identity: no record, and the worker tries again."""

    reader: str
    reason: str
    """One of a small set of words, counted in telemetry: "checksum", "frame", "pulled-away"..."""


class ReaderState(msgspec.Struct, frozen=True):
    """A reader came, went or failed."""

    reader: str
    state: str
    """"ready", "absent" or "failed"."""
    detail: str
    """One line: what, why, and the fix."""


Event = BadgeRead | Unreadable | ReaderState


class Feedback(Enum):
    """What the worker is told."""

    RECORDED = "recorded"
    RECORDED_OFFLINE = "recorded-offline"
    RECORDED_BUT = "recorded-but"
    """As durable as the two before; something about the badge is to be put right."""
    DUPLICATE = "already-recorded"
    TRY_AGAIN = "try-again"
    OUT_OF_ORDER = "out-of-order"
