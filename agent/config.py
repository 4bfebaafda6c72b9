"""What an operator writes in `agent.toml`."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from agent.badges.setting import Badges
from agent.readers.config import ReaderConfig
from agent.words import Language
from protocol import settings
from protocol.configured import AssuranceWord

_SOCKET_PATH = 107
"""Octets of the path of a unix socket at most (unix(7))."""
Seconds = Annotated[float, Meta(ge=0, le=86_400 * 366)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class Terminal(Struct, forbid_unknown_fields=True, frozen=True):
    """`[terminal]`: where this terminal keeps its identity and its journal, and its clock."""

    state: str = "/var/lib/pointeuse"
    language: Language = "en"
    """Of what workers read, on a screen and on the display of a reader that has one."""
    keeps_time: bool | None = None
    """Whether its clock is right when it boots, before any time server is heard.

    When absent, it is asked of the machine: a battery-backed clock from which the kernel set its
    own, or the host of a virtual machine.
    """


class Uplink(Struct, forbid_unknown_fields=True, frozen=True):
    """`[uplink]`: the broker, and how patient to be with it."""

    host: str
    port: Port = 8883
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    resend_s: Annotated[float, Meta(ge=0.1, le=3600)] = 10.0
    """How long a receipt may take before the batch is sent again."""
    backoff_s: Annotated[float, Meta(ge=0.01, le=3600)] = 8.0
    """The first back-off; it doubles up to `backoff_limit_s`, with full jitter."""
    backoff_limit_s: Annotated[float, Meta(ge=0.1, le=86_400)] = 300.0
    telemetry_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0


class Gate(Struct, forbid_unknown_fields=True, frozen=True):
    """`[gate]`: what happens between a badge and the journal."""

    debounce_s: Annotated[float, Meta(ge=0, le=3600)] = 3.0
    seal_s: Annotated[float, Meta(gt=0, le=86_400)] = 3600.0
    seal_taps: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    least_assurance: AssuranceWord | None = None
    """How surely a badge has to be identified; below it, a tap is recorded and flagged."""


class Retention(Struct, forbid_unknown_fields=True, frozen=True):
    """`[retention]`: how long acknowledged records stay on the terminal."""

    days: Annotated[float, Meta(ge=0, le=3660)] = 90.0


class Config(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    uplink: Uplink
    readers: Annotated[list[ReaderConfig], Meta(min_length=1)]
    terminal: Terminal = Terminal()
    gate: Gate = Gate()
    retention: Retention = Retention()
    badges: Badges = Badges()

    @property
    def state(self) -> Path:
        """The terminal's state directory."""
        return Path(self.terminal.state)


def load(path: Path) -> Config:
    """Read and check `agent.toml`. Raises settings.SettingsError."""
    config = settings.load(path, Config)
    length = len(bytes(config.state / "status.sock"))
    if length > _SOCKET_PATH:
        raise settings.SettingsError(
            f"{path}: terminal.state = {config.terminal.state!r}: expected a path that is"
            f" {length - _SOCKET_PATH} bytes shorter, since a socket is made in it"
        )
    names = [reader.name for reader in config.readers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise settings.SettingsError(
            f"{path}: readers.name = {twice[0]!r}: expected every reader to have its own name"
        )
    return config
