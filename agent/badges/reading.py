"""One profile tried on one card."""

from dataclasses import dataclass
from datetime import date

from agent.badges.credentials import Secret
from agent.badges.desfire.card import Card
from agent.badges.desfire.crypto import diversify
from agent.badges.fields import FieldError
from agent.badges.printed import enterprise_number
from agent.badges.profiles import Authentication, Profile
from protocol.badges import Assurance, Badge, Flag

_RANDOM = 0x08


@dataclass(frozen=True)
class KeyedProfile:
    """A profile, and the keys that it names by their names."""

    profile: Profile
    keys: dict[str, Secret]


@dataclass
class Presented:
    """The card, what is known of it by now."""

    card: Card
    uid: bytes
    """Its UID: what the reader told, or what the card told once it was authenticated."""
    desfire: bool = True
    """Whether it may be a DESFire card at all."""

    @property
    def random(self) -> bool:
        """Whether the UID was made up for this presentation (ISO/IEC 14443-3, 6.5.4)."""
        return len(self.uid) == 4 and self.uid[0] == _RANDOM


def select(presented: Presented, profile: Profile) -> bool:
    """Whether the card has the profile's application, which is then selected.

    Raises CardError, DesfireError.
    """
    application = profile.application
    if application.name is not None:
        return presented.card.select_by_name(application.name)
    if not presented.desfire:
        return False
    found = presented.card.select(application.sent)
    presented.desfire = found is not None
    return bool(found)


def read(presented: Presented, keyed: KeyedProfile, today: date | None) -> Badge | None:
    """The badge that the selected application holds; None where its key cannot be worked out.

    Without `today` nothing is said of its validity. Raises CardError, DesfireError, FieldError.
    """
    profile = keyed.profile
    if profile.authentication is not None and not _authenticated(
        presented, keyed, profile.authentication
    ):
        return None
    offset, length = profile.fields.span
    card, file = presented.card, profile.file
    if file.iso_id is not None:
        data = card.read_binary(bytes.fromhex(file.iso_id), offset, length)
    else:
        data = card.read(file.number, offset, length, profile.mode)
    proved = card.proves(profile.mode)
    return _badge(
        profile, bytes(offset) + data, Assurance.AUTHENTICATED if proved else Assurance.READ, today
    )


def _authenticated(
    presented: Presented, keyed: KeyedProfile, authentication: Authentication
) -> bool:
    diversification = authentication.diversification
    key = keyed.keys[authentication.key].reveal()
    if diversification is not None:
        if presented.random and not _told_uid(presented, keyed, authentication):
            return False
        aid = keyed.profile.application.sent
        key = diversify(key, diversification.input(presented.uid, aid))
    _authenticate(presented.card, authentication.kind, authentication.key_number, key)
    return True


def _told_uid(presented: Presented, keyed: KeyedProfile, authentication: Authentication) -> bool:
    """Have a card of random UID tell its own; the profile's application is selected again after."""
    asking = authentication.random_uid
    if asking is None:
        return False
    card, application = presented.card, keyed.profile.application
    elsewhere = asking.sent != application.sent
    if elsewhere:
        card.select(asking.sent)
    key = keyed.keys[asking.key].reveal()
    _authenticate(card, authentication.kind, asking.key_number, key)
    presented.uid = card.uid()
    if elsewhere:
        select(presented, keyed.profile)
    return True


def _authenticate(card: Card, kind: str, number: int, key: bytes) -> None:
    if kind == "ev1":
        card.authenticate_ev1(number, key)
    else:
        card.authenticate_ev2(number, key)


def _badge(profile: Profile, data: bytes, assurance: Assurance, today: date | None) -> Badge:
    """`data` is the file from its beginning to the end of the last field."""
    texts: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name, field in profile.fields.named().items():
        octets = data[field.offset : field.end]
        try:
            if field.encoding == "date":
                days[name] = field.day(octets)
            else:
                texts[name] = field.text(octets)
        except FieldError as error:
            raise FieldError(f"{profile.name}: {name} {error}") from None
    if not _filled(texts["number"]):
        raise FieldError(f"{profile.name}: number is blank")
    return Badge(
        _filled(texts["number"]),
        profile.name,
        assurance,
        int(_validity(days.get("valid_from"), days.get("valid_to"), today)),
        enterprise_number(_filled(texts.get("employer", ""))),
        _filled(texts.get("worker", "")) or None,
    )


def _filled(text: str) -> str:
    """`text`, or "" where it is nothing but zeros and blanks."""
    return text.strip() if text.strip("0 ") else ""


def _validity(first: date | None, last: date | None, today: date | None) -> Flag:
    if today is not None and first is not None and today < first:
        return Flag.NOT_YET_VALID
    if today is not None and last is not None and today > last:
        return Flag.EXPIRED
    return Flag(0)
