"""Who a badge says it is: the plaintext of a sealed tap."""

from enum import IntEnum, IntFlag

import msgspec


class Assurance(IntEnum):
    """How surely a badge was identified, weakest first."""

    PRINTED = 1
    """A number printed on the card, read by a barcode or QR scanner."""
    UID = 2
    """A chip's serial number, which anybody may copy."""
    READ = 3
    """Data read from the chip without proof that the chip is genuine."""
    AUTHENTICATED = 4
    """Data read from a chip that proved knowledge of a secret key."""

    @property
    def label(self) -> str:
        """The lower-case word used in JSON and on screens."""
        return self.name.lower()


class Flag(IntFlag):
    """What is to be said about a badge that was recorded all the same.

    The first three and UNAUTHENTIC are found on the card, by what reads it; the gate adds the
    others. Bits no program knows yet are kept as they are.
    """

    EXPIRED = 1
    """The card's validity ended before the tap."""
    NOT_YET_VALID = 2
    """The card's validity begins after the tap."""
    OTHER_PROFILE = 4
    """The card is of a kind this terminal's profiles do not accept."""
    BLOCKED = 8
    """The badge is on the roster of blocked badges in force."""
    LOW_ASSURANCE = 16
    """It was identified less surely than this terminal asks for."""
    UNAUTHENTIC = 32
    """The card failed to prove that it is genuine."""


class Badge(msgspec.Struct, frozen=True):
    """A badge as a reader identified it.

    `number` is the normalised identifier: a UID as upper-case hexadecimal, or decimal digits.
    `profile` names how it was read ("uid", "em4100", "printed", ...). `employer` is the
    enterprise number (10 digits) and `worker` the worker number found on the badge, if any. `flags`
    are those of `Flag`.
    """

    number: str
    profile: str
    assurance: Assurance
    flags: int = 0
    employer: str | None = None
    worker: str | None = None
