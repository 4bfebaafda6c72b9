"""What a configuration says, once it is opened: settings in TOML, and a roster.

Terminal and platform read it by the same shape, so that what no terminal takes is never published.
A setting that is unknown is refused: an operator must not believe in one that does nothing.
"""

import tomllib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from protocol import cbor, settings
from protocol.badges import Assurance
from protocol.errors import MalformedError
from protocol.fields import as_map, version
from protocol.roster import Roster

AssuranceWord = Literal["printed", "uid", "read", "authenticated"]
DebounceSeconds = Annotated[float, Meta(ge=0, le=3600)]
_LONGEST = 16 * 1024
"""Octets of the settings at most."""


class Gate(Struct, forbid_unknown_fields=True, frozen=True):
    """`[gate]`: what is left out stays as the terminal's own `agent.toml` says."""

    least_assurance: AssuranceWord | None = None
    """How surely a badge has to be identified; below it, a tap is recorded and flagged."""
    debounce_s: DebounceSeconds | None = None


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """What a platform may set on a terminal."""

    gate: Gate = Gate()


@dataclass(frozen=True, slots=True)
class Configured:
    """The body of a configuration: `toml` as it was written, and badges that are blocked."""

    toml: str = ""
    blocked: Roster | None = None

    def encode(self) -> bytes:
        """The body, to be encrypted."""
        fields: dict[int, Any] = {0: 1, 1: self.toml}
        if self.blocked is not None:
            fields[2] = self.blocked.fields()
        return cbor.encode(fields)

    @classmethod
    def decode(cls, body: bytes) -> "Configured":
        """What `encode` made. Raises MalformedError, also for settings nobody knows."""
        fields = as_map(cbor.decode(body), "the body of a configuration")
        version(fields, "the body of a configuration")
        toml = fields.get(1)
        if not isinstance(toml, str) or len(toml.encode()) > _LONGEST:
            raise MalformedError(f"settings are text of at most {_LONGEST} octets")
        blocked = Roster.read(fields[2]) if 2 in fields else None
        configured = cls(toml, blocked)
        configured.settings()
        return configured

    def settings(self) -> Settings:
        """The settings. Raises MalformedError naming the key that is wrong."""
        try:
            return settings.convert(tomllib.loads(self.toml), Settings, "the configuration")
        except settings.SettingsError as error:
            raise MalformedError(str(error)) from error
        except (ValueError, RecursionError) as error:  # also too long a number, or too deep a list
            raise MalformedError(f"the configuration is not TOML: {error}") from error


def assurance(word: AssuranceWord | None) -> Assurance | None:
    """The assurance that a word of the settings names."""
    return None if word is None else Assurance[word.upper()]
