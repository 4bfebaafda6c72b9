"""What lies in the field of a contactless reader: a card, powered or not, selected or not."""

import threading
from dataclasses import dataclass, field

from hwsim.cards import Card, UidCard
from hwsim.desfire import DesfireCard
from hwsim.errors import SimulatorError
from hwsim.pn532.isodep import IsoDep

_ATQA_SINGLE = {True: b"\x03\x04", False: b"\x00\x04"}
_ATQA_DOUBLE = {True: b"\x03\x44", False: b"\x00\x44"}
_SAK_ISO_DEP, _SAK_CLASSIC = 0x20, 0x08


@dataclass
class Target:
    """A card, as ISO/IEC 14443-3 and -4 have it."""

    card: DesfireCard | UidCard
    pull_at: int | None = None
    asked: int = 0
    """Commands it was sent."""
    powered: bool = False
    halted: bool = False
    iso_dep: IsoDep | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.card, DesfireCard):
            self.iso_dep = IsoDep(self.card.ats, self.card.exchange)

    @property
    def sens_res(self) -> bytes:
        """ATQA, its second octet first, as the PN532 tells it."""
        by_size = _ATQA_SINGLE if len(self.card.uid) == 4 else _ATQA_DOUBLE
        return by_size[self.iso_dep is not None]

    @property
    def sel_res(self) -> int:
        """SAK: whether it speaks ISO-DEP."""
        return _SAK_CLASSIC if self.iso_dep is None else _SAK_ISO_DEP


class Field:
    """Cards are laid in and taken out from any thread; the chip looks from its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: Target | None = None
        self.asked = threading.Event()
        """Set when a card was spoken to, or pulled away then; an insertion clears it."""

    def insert(self, card: Card, pull_at: int | None = None) -> None:
        """Lay `card` there; with `pull_at` it goes instead of answering its command of that number.

        Commands are counted from 1. Raises SimulatorError.
        """
        if not isinstance(card, DesfireCard | UidCard):
            raise SimulatorError("a PN532 takes a DesfireCard or a UidCard")
        with self._lock:
            if self._target is not None:
                raise SimulatorError("a card lies there already; remove that one first")
            self.asked.clear()
            self._target = Target(card, pull_at)

    def remove(self) -> None:
        """Take the card away; nothing if there is none."""
        with self._lock:
            self._target = None

    def present(self) -> bool:
        """Whether a card lies there."""
        return self._target is not None

    def switch(self, *, on: bool) -> None:
        """Switch the field; a card without it forgets all."""
        with self._lock:
            if not on and self._target is not None:
                _depower(self._target)

    def found(self, uid: bytes = b"") -> Target | None:
        """The card that answers a request, or one for `uid`: it is powered, and no longer halted.

        A halted card answers only when asked by its UID.
        """
        with self._lock:
            target = self._target
            if target is None:
                return None
            if not target.powered:
                target.powered = True
                target.card.power_on()
            if (target.halted and not uid) or (uid and uid != target.card.uid):
                return None
            target.halted = False
            if target.iso_dep is not None:
                target.iso_dep.active = False
            return target

    def halt(self, target: Target) -> None:
        """Send it to sleep: DESELECT, or HLTA."""
        with self._lock:
            target.halted = True
            if target.iso_dep is not None:
                target.iso_dep.active = False

    def answers(self, target: Target) -> bool:
        """Whether it is still there, without asking it anything."""
        return self._target is target and target.powered and not target.halted

    def command(self, target: Target, command: bytes) -> bytes | None:
        """What it answers to a command; None for silence."""
        return self._speak(target, command, whole=True)

    def block(self, target: Target, block: bytes) -> bytes | None:
        """What it answers to an ISO-DEP block; None for silence."""
        return self._speak(target, block, whole=False)

    def _speak(self, target: Target, data: bytes, *, whole: bool) -> bytes | None:
        with self._lock:
            try:
                card, iso_dep = target.card, target.iso_dep
                if not self.answers(target) or iso_dep is None or isinstance(card, UidCard):
                    return None
                # RATS is not counted, nor what only keeps a conversation going.
                if whole or (iso_dep.active and data[:1] and not data[0] & 0xC0):
                    target.asked += 1
                if target.asked == target.pull_at:
                    self._target = None
                    return None
                return card.exchange(data) if whole else iso_dep.block(data)
            finally:
                self.asked.set()


def _depower(target: Target) -> None:
    target.powered = target.halted = False
    if target.iso_dep is not None:
        target.iso_dep.active = False
