"""Badge profiles: where on a card who it belongs to stands, and what proves it.

A profile is a TOML file. Those that come with this program are in the folder `profiles` beside
this module; a site's own are in the folder that `[badges]` names.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from agent.badges.desfire.channels import Mode
from agent.badges.fields import Field
from protocol import settings
from protocol.blobs import MAX_NUMBER, MAX_WORKER

SHIPPED = Path(__file__).with_name("profiles")
"""The profiles that come with this program, all of them simulated."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*\Z", max_length=24)]
KeyName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\Z", max_length=48)]
KeyNumber = Annotated[int, Meta(ge=0, le=13)]
Aid = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{6}\Z")]
_TAKEN = ("uid", "em4100", "printed", "iso15693", "wiegand26", "wiegand34", "wiegand37")
_LONGEST_UID = 10
_LONGEST_INPUT = 31
"""Octets of an AN10922 diversification input for AES-128."""


class Application(Struct, forbid_unknown_fields=True, frozen=True):
    """`[application]`: which one of the card's.

    `aid` is the number as it is written, 6 hexadecimal digits; it is sent last octet first.
    `df_name`, in hexadecimal, has it selected by SELECT (ISO/IEC 7816-4) instead.
    """

    aid: Aid
    df_name: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}){1,16}\Z")] | None = None

    @property
    def sent(self) -> bytes:
        """The 3 octets of the AID, as SelectApplication sends them."""
        return bytes.fromhex(self.aid)[::-1]

    @property
    def name(self) -> bytes | None:
        """The octets of the DF name, if it is selected by that."""
        return None if self.df_name is None else bytes.fromhex(self.df_name)


class Diversification(Struct, forbid_unknown_fields=True, frozen=True):
    """`[authentication.diversification]`: each card has a key of its own (AN10922, 2.2.1).

    The input is the UID, the 3 octets of the AID as sent, and `system_identifier` in ASCII.
    """

    method: Annotated[str, Meta(pattern=r"^an10922\Z")]
    system_identifier: Annotated[str, Meta(pattern=r"^[ -~]*\Z")] = ""

    def __post_init__(self) -> None:
        longest = _LONGEST_INPUT - _LONGEST_UID - 3
        if len(self.system_identifier) > longest:
            raise ValueError(f"expected a `system_identifier` of {longest} characters at most")

    def input(self, uid: bytes, aid: bytes) -> bytes:
        """The diversification input, without its leading 01."""
        return uid + aid + self.system_identifier.encode("ascii")


class RandomUid(Struct, forbid_unknown_fields=True, frozen=True):
    """`[authentication.random_uid]`: the key, the same on every card, that lets GetCardUID through.

    It is key `key_number` of the application `aid`; 000000 is the card itself.
    """

    key: KeyName
    key_number: KeyNumber = 0
    aid: Aid = "000000"

    @property
    def sent(self) -> bytes:
        """The 3 octets of the AID, as SelectApplication sends them."""
        return bytes.fromhex(self.aid)[::-1]


class Authentication(Struct, forbid_unknown_fields=True, frozen=True):
    """`[authentication]`: the AES-128 key that both sides prove to know; `key` is its name.

    `kind` is "ev1" (command AA; every DESFire with AES) or "ev2" (command 71; EV2 and EV3).
    """

    kind: Annotated[str, Meta(pattern=r"^(ev1|ev2)\Z")]
    key: KeyName
    key_number: KeyNumber
    diversification: Diversification | None = None
    random_uid: RandomUid | None = None


class File(Struct, forbid_unknown_fields=True, frozen=True):
    """`[file]`: the data file, its communication mode and its length in octets.

    With `iso_id`, 4 hexadecimal digits, it is read by READ BINARY (ISO/IEC 7816-4) instead of
    ReadData; only a plain file of an application that asks for no authentication can be.
    """

    number: Annotated[int, Meta(ge=0, le=31)]
    mode: Annotated[str, Meta(pattern=r"^(plain|mac|full)\Z")]
    length: Annotated[int, Meta(ge=1, le=8192)]
    iso_id: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{4}\Z")] | None = None


class Fields(Struct, forbid_unknown_fields=True, frozen=True):
    """`[fields]`: what stands in the file. Octets that no field names are never read."""

    number: Field
    employer: Field | None = None
    worker: Field | None = None
    valid_from: Field | None = None
    valid_to: Field | None = None

    def __post_init__(self) -> None:
        for name in ("valid_from", "valid_to"):
            field: Field | None = getattr(self, name)
            if field is not None and field.encoding != "date":
                raise ValueError(f'{name}.encoding = "{field.encoding}": expected "date"')
        texts = {"number": self.number, "employer": self.employer, "worker": self.worker}
        for name, longest in (("number", MAX_NUMBER), ("employer", 16), ("worker", MAX_WORKER)):
            text = texts[name]
            if text is None:
                continue
            if text.encoding == "date":
                raise ValueError(f'{name}.encoding = "date": expected "bcd", "ascii" or "binary"')
            if text.characters > longest:
                raise ValueError(
                    f"{name}.length = {text.length}: expected one that gives {longest} characters"
                    f" at most, not {text.characters}"
                )

    def named(self) -> dict[str, Field]:
        """Those there are, by name."""
        every = ("number", "employer", "worker", "valid_from", "valid_to")
        return {name: field for name in every if (field := getattr(self, name)) is not None}

    @property
    def span(self) -> tuple[int, int]:
        """Offset and length of all that is read."""
        fields = self.named().values()
        first = min(field.offset for field in fields)
        return first, max(field.end for field in fields) - first


class Profile(Struct, forbid_unknown_fields=True, frozen=True):
    """One profile; `simulated` says that no real badge looks so."""

    name: Name
    application: Application
    file: File
    fields: Fields
    authentication: Authentication | None = None
    simulated: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        if self.name in _TAKEN:
            raise ValueError(f'name = "{self.name}": expected another; that one has a meaning')
        if self.authentication is None and self.file.mode != "plain":
            raise ValueError(
                f'file.mode = "{self.file.mode}": expected "plain", since there is no'
                " [authentication]"
            )
        if self.authentication is not None and self.file.iso_id is not None:
            raise ValueError("file.iso_id: expected none, since there is an [authentication]")
        for name, field in self.fields.named().items():
            if field.end > self.file.length:
                raise ValueError(
                    f"fields.{name}: expected to end by octet {self.file.length}, where the file"
                    f" does, not {field.end}"
                )

    @property
    def mode(self) -> Mode:
        """The file's communication mode."""
        return Mode(self.file.mode)

    @property
    def keys(self) -> list[str]:
        """The names of the keys it needs."""
        authentication = self.authentication
        if authentication is None:
            return []
        random_uid = authentication.random_uid
        return [authentication.key] + ([random_uid.key] if random_uid is not None else [])


def load_profile(path: Path) -> Profile:
    """Read and check one profile. Raises SettingsError naming file, field and what was expected."""
    return settings.load(path, Profile)


def load_profiles(folder: Path) -> list[Profile]:
    """A site's own profiles, by file name, then those shipped; one name counts once, the first.

    A folder that is not there holds none. Raises SettingsError.
    """
    found: dict[str, tuple[Profile, Path]] = {}
    for path in sorted(folder.glob("*.toml")):
        profile = load_profile(path)
        if profile.name in found:
            raise settings.SettingsError(
                f'{path}: name = "{profile.name}": expected another; {found[profile.name][1]}'
                " has it already"
            )
        found[profile.name] = profile, path
    for path in sorted(SHIPPED.glob("*.toml")):
        profile = load_profile(path)
        found.setdefault(profile.name, (profile, path))
    return [profile for profile, _ in found.values()]
