"""What a reader's own number for a kind of chip says about the badge it read."""

from collections.abc import Callable

from agent.badges.numbers import chip_badge, iso15693_badge
from agent.badges.refusals import NotAnIdentityError
from agent.badges.uid import em4100_badge, uid_badge
from agent.readers.frames import Garbled, Presented, Result
from protocol.badges import Badge

Chip = Callable[[bytes], Badge]


def hid_prox(number: bytes) -> Badge:
    """The badge of an HID Prox number. Raises NotAnIdentityError."""
    return chip_badge(number, "hidprox")


ISO14443A: Chip = uid_badge
ISO15693: Chip = iso15693_badge
EM4100: Chip = em4100_badge


def identified(chip: Chip | None, number: bytes, *, backwards: bool) -> Result:
    """The badge of a chip's `number`; `backwards` when its last octet comes first."""
    if chip is None:
        return Garbled("tag-type")
    try:
        return Presented(chip(number[::-1] if backwards else number))
    except NotAnIdentityError as refusal:
        return Garbled(refusal.reason)
