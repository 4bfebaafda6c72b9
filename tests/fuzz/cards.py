"""Cards that say anything at any moment of a conversation, and badge profiles of any octets."""

import itertools
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.badges.bounded import MOST
from agent.badges.identify import Identifier
from agent.badges.profiles import SHIPPED, Application, Profile, load_profile
from agent.badges.reading import KeyedProfile
from agent.badges.refusals import NotAnIdentityError
from agent.badges.sessions import CardError
from protocol.badges import Assurance
from protocol.settings import SettingsError
from tests.agent.badges.card import Answer, Card
from tests.agent.badges.test_identify import (
    ALL,
    CONSTRU_SIM,
    PROFILES,
    RANDOM,
    TODAY,
    UID,
    changed,
    constru,
    keyed,
)

_STATUSES = (0x9000, 0x9100, 0x91AF, 0x91A0, 0x91AE, 0x6100, 0x6C10, 0x6282, 0x6300, 0x6D00)
_NUMBER = "0000001234567890"
_TOML = (SHIPPED / "construbadge-sim.toml").read_bytes()


class Said:
    """What a card says, taken from the octets of an input; silence when they are used up."""

    def __init__(self, data: bytes, profiles: int) -> None:
        """`profiles` may be tried: for longer than they take no card is followed."""
        self._rest = data
        self._left = MOST * max(1, profiles)

    def _octet(self) -> int:
        first, self._rest = self._rest[:1], self._rest[1:]
        if not first:
            raise CardError("pulled-away", "in a test")
        return first[0]

    def answer(self) -> Answer:
        """Any data, with a status word that means something to a terminal, or any other."""
        self._left -= 1
        assert self._left >= 0, "the card is followed for too long"
        kind, length = self._octet(), self._octet()
        data, self._rest = self._rest[:length], self._rest[length:]
        if kind < len(_STATUSES):
            return data, _STATUSES[kind]
        return data, (kind << 8 | self._octet()) & 0xFFFF

    def spoil(self, own: Answer) -> Answer:
        """The genuine answer: as it is, or with a bit turned, cut, of another status, replaced."""
        how = self._octet() % 8
        data, status = own
        if how < 4:
            return own
        if how == 4 and data:
            place = self._octet() % (8 * len(data))
            turned = int.from_bytes(data, "big") ^ 1 << place
            return turned.to_bytes(len(data), "big"), status
        if how == 5:
            return data[: self._octet()], status
        if how == 6:
            return data, _STATUSES[self._octet() % len(_STATUSES)]
        return self.answer()


class _Hostile:
    def __init__(self, data: bytes, profiles: int) -> None:
        self._said = Said(data, profiles)

    def transmit(self, _apdu: bytes, /) -> Answer:
        return self._said.answer()


def _identified(
    identifier: Identifier, session: Card | _Hostile, uid: bytes, number: str | None = None
) -> None:
    """What comes of it; only the `number` that stands on a genuine card may be authenticated."""
    with suppress(CardError, NotAnIdentityError):
        badge = identifier.identify(session, uid)
        assert badge.number, badge
        if badge.assurance is Assurance.AUTHENTICATED:
            assert badge.number == number, badge


def _random(seed: bytes) -> Callable[[int], bytes]:
    count = itertools.count(1)
    return lambda length: bytes((seed[0] + next(count)) & 0xFF for _ in range(length))


def genuine(*profiles: KeyedProfile) -> Callable[[bytes], None]:
    """A target in which a genuine card's answers are spoiled on their way.

    What is authenticated must be what stands on the card.
    """

    def target(data: bytes) -> None:
        if len(data) < 2:
            return
        said = Said(data[2:], len(profiles))
        identifier = Identifier(profiles, today=lambda: TODAY, chance=_random(data[:1]))
        card = constru(spoil=lambda _, own: said.spoil(own))
        _identified(identifier, card, RANDOM if data[1] & 1 else UID, _NUMBER)

    return target


def hostile(*profiles: KeyedProfile) -> Callable[[bytes], None]:
    """A target in which the card says anything; it can then never be authenticated."""

    def target(data: bytes) -> None:
        if not data:
            return
        identifier = Identifier(profiles, today=lambda: TODAY, chance=_random(data[:1]))
        _identified(identifier, _Hostile(data[1:], len(profiles)), RANDOM if data[0] & 1 else UID)

    return target


def _open(profile: Profile, iso_id: str | None = None, name: str | None = None) -> KeyedProfile:
    """`profile` for a file that anybody may read."""
    replace = msgspec.structs.replace
    file = replace(profile.file, mode="plain", iso_id=iso_id)
    application = Application(profile.application.aid, name)
    return keyed(replace(profile, authentication=None, file=file, application=application))


_SIM = PROFILES["construbadge-sim"]
EV1 = keyed(changed(_SIM, kind="ev1"))
OPEN = _open(_SIM)
ISO = _open(_SIM, "EF01", "D2760000850101")


def profile(data: bytes) -> None:
    """A profile's file: any octets, or a good one with some replaced."""
    text = data[1:]
    if data[:1] > b"\x40" and len(data) > 4:
        begin = int.from_bytes(data[1:3], "big") % len(_TOML)
        text = _TOML[:begin] + data[4:] + _TOML[begin + data[3] :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.toml")
        path.write_bytes(text)
        with suppress(SettingsError):
            load_profile(path)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "card": hostile(*ALL, OPEN, ISO),
    "card-iso": hostile(ISO),
    "card-ev1": genuine(EV1),
    "card-ev2": genuine(CONSTRU_SIM),
    "profile": profile,
}
