"""From a card in the field to a badge: the most surely its profiles allow, else its UID.

Profiles are tried one after the other, each for one SelectApplication, until one reads. A card
that has a profile's application but does not prove itself is recorded by its UID, as unauthentic;
if its UID is random there is nothing to record it by.
"""

import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import date

import msgspec

from agent.badges.bounded import Bounded
from agent.badges.desfire.card import Card
from agent.badges.desfire.errors import DesfireError
from agent.badges.fields import FieldError
from agent.badges.reading import KeyedProfile, Presented, read, select
from agent.badges.refusals import NotAnIdentityError
from agent.badges.sessions import CardSession
from agent.badges.uid import uid_badge
from protocol.badges import Badge, Flag

_log = logging.getLogger("pointeuse.badges")


def _unknown_day() -> date | None:
    return None


def _uncounted(reason: str) -> None:
    _log.debug("a card is not authentic: %s", reason)


class Identifier:
    """Identifies cards for every reader that can speak to them; any thread may use it."""

    def __init__(
        self,
        profiles: Sequence[KeyedProfile] = (),
        *,
        accept: Collection[str] = (),
        today: Callable[[], date | None] = _unknown_day,
        count: Callable[[str], None] = _uncounted,
        chance: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`accept` names the profiles that are not flagged as others; none named: all are.

        `today` is the day in Belgium, or None while no clock tells it. `count` is called with the
        reason, once for each card that fails to prove itself. `chance` gives so many random octets.
        """
        self._profiles = tuple(profiles)
        self._accept = frozenset(accept)
        self._today, self._count, self._chance = today, count, chance

    def identify(self, session: CardSession, uid: bytes) -> Badge:
        """The badge of the card behind `session`, whose UID the reader told.

        Raises NotAnIdentityError, CardError.
        """
        bounded = Bounded(session, len(self._profiles))
        presented = Presented(Card(bounded, self._chance), uid)
        failure: str | None = None
        for keyed in self._profiles:
            try:
                badge = self._tried(presented, keyed)
            except DesfireError as error:
                _log.info("profile %s: %s", keyed.profile.name, error)
                failure = failure or error.reason
                continue
            if badge is not None:
                return self._flagged(badge)
        if failure is not None:
            self._count(failure)
        return self._recorded_by(presented.uid, failure)

    def by_uid(self, uid: bytes) -> Badge:
        """The badge of a card that can say nothing but its UID. Raises NotAnIdentityError."""
        return self._recorded_by(uid, None)

    def _tried(self, presented: Presented, keyed: KeyedProfile) -> Badge | None:
        """None if the card is not of this profile, and does not claim to be.

        Raises CardError, DesfireError.
        """
        try:
            if not select(presented, keyed.profile):
                return None
        except DesfireError as error:
            _log.debug("profile %s: %s", keyed.profile.name, error)
            return None
        try:
            return read(presented, keyed, self._today())
        except FieldError as error:
            _log.warning("profile %s does not fit the card: correct its fields", error)
            return None
        except DesfireError as error:
            if keyed.profile.authentication is not None:
                raise
            _log.debug("profile %s: %s", keyed.profile.name, error)
            return None

    def _recorded_by(self, uid: bytes, failure: str | None) -> Badge:
        try:
            badge = uid_badge(uid)
        except NotAnIdentityError as refusal:
            if failure is None:
                raise
            raise NotAnIdentityError(failure, f"and {refusal}") from refusal
        if failure is not None:
            badge = _with(badge, Flag.UNAUTHENTIC)
        return self._flagged(badge)

    def _flagged(self, badge: Badge) -> Badge:
        other = self._accept and badge.profile not in self._accept
        return _with(badge, Flag.OTHER_PROFILE) if other else badge


def _with(badge: Badge, flag: Flag) -> Badge:
    return msgspec.structs.replace(badge, flags=badge.flags | flag.value)
