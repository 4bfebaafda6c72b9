"""The `[badges]` table, and the identifier that a terminal's files make."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from agent.badges.credentials import Credentials
from agent.badges.identify import Identifier
from agent.badges.profiles import load_profiles
from agent.badges.reading import KeyedProfile
from protocol.bodies import Sync, Time
from protocol.settings import SettingsError


class Badges(Struct, forbid_unknown_fields=True, frozen=True):
    """`[badges]`: what cards are known here, beside their UIDs.

    `profiles` is the folder of the site's own profiles. `accept` names the profiles of badges that
    are in their place at this terminal; others are recorded all the same, with a flag. None named:
    all are.
    """

    profiles: str = "/etc/pointeuse/profiles.d"
    accept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """The profiles in use, and why others are not."""

    profiles: list[KeyedProfile]
    without_key: dict[str, str]
    """By the name of a profile whose key is missing, the name of that key."""

    @property
    def complaint(self) -> str | None:
        """One line that names what is missing and the fix; None if nothing is.

        Simulated profiles ask for no keys: a terminal at a site is not to have them.
        """
        if not self.without_key:
            return None
        profile, key = next(iter(self.without_key.items()))
        return (
            f"profile {profile!r} is not in use, so its badges are recorded by UID: there is no"
            f" key {key!r}; `pointeuse agent credentials set {key}`, then restart the agent"
        )


def known(badges: Badges, credentials: Credentials) -> Known:
    """What a terminal knows of badges. Raises SettingsError, KeyFileError."""
    profiles = load_profiles(Path(badges.profiles))
    names = {profile.name for profile in profiles} | {"uid"}
    for name in badges.accept:
        if name not in names:
            raise SettingsError(
                f"badges.accept = {name!r}: expected one of {', '.join(sorted(names))}"
            )
    usable: list[KeyedProfile] = []
    without: dict[str, str] = {}
    for profile in profiles:
        missing = [name for name in profile.keys if not credentials.has(name)]
        if not missing:
            keys = {name: credentials.key(name) for name in profile.keys}
            usable.append(KeyedProfile(profile, keys))
        elif not profile.simulated:
            without[profile.name] = missing[0]
    return Known(usable, without)


def identifier(
    badges: Badges, known: Known, now: Callable[[], Time], count: Callable[[str], None]
) -> Identifier:
    """The identifier of a terminal whose clock is `now`; `count` as for Identifier."""
    return Identifier(
        known.profiles, accept=badges.accept, today=lambda: belgian_day(now()), count=count
    )


def belgian_day(time: Time) -> date | None:
    """The day in Belgium; None while the clock is not set, since badges would seem to be expired.

    The day in UTC where no time zones are installed.
    """
    if time.sync is Sync.UNSET:
        return None
    return datetime.fromtimestamp(time.wall_ms / 1000, _zone()).date()


def _zone() -> tzinfo:
    try:
        return ZoneInfo("Europe/Brussels")
    except ZoneInfoNotFoundError:
        return UTC
