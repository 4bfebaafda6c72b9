"""Who a badge says it is: the plaintext of a sealed tap."""

from enum import IntEnum

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


class Badge(msgspec.Struct, frozen=True):
    """A badge as a reader identified it.

    `number` is the normalised identifier: a UID as upper-case hexadecimal, or decimal digits.
    `profile` names how it was read ("uid", "em4100", "printed", ...). `employer` is the
    enterprise number (10 digits) and `worker` the worker number found on the badge, if any.
    """

    number: str
    profile: str
    assurance: Assurance
    flags: int = 0
    employer: str | None = None
    worker: str | None = None
