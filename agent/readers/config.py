"""The `[[readers]]` tables of the terminal's configuration."""

from typing import Annotated, Literal

import msgspec

from agent.badges.wiegand import Layout
from agent.readers.osdp_config import OsdpConfig
from agent.readers.patterns import compile_pattern
from agent.readers.pn532_config import Pn532Config
from agent.readers.tables import Baud, Direction, Name
from agent.readers.wedge_config import WedgeConfig

Form = Literal["bits", "hex", "number"]

ASKED = frozenset({"twn4", "sscp", "deister"})
"""The serial protocols in which the terminal speaks first."""

_ONLY_FOR: dict[str, tuple[str, ...]] = {
    "pattern": ("line",),
    "wiegand": ("wiegand",),
    "form": ("wiegand",),
    "address": ("sscp", "deister"),
    "backwards": ("twn4", "sscp", "deister"),
}


class SerialConfig(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="serial",
):
    """A reader on a serial port.

    `protocol`: "rdm6300" (RDM6300 and ID-12 frames), "line" (numbers ended by CR or LF), "wiegand"
    (a converter from Wiegand), "twn4" (Elatec, Simple Protocol), "sscp" (STid, version 1 in
    plain), "deister" (deBus).

    `pattern`, for "line" only, is a regular expression that the whole line must match, with the
    named group `badge` and, if the line holds them, `employer` and `worker`; without it a line is
    a number of digits. `wiegand` and `form`, for "wiegand" only, are the card format (26) and what
    the converter writes (hex). `address` is that of an "sscp" reader on RS-485 or of a "deister"
    reader. `backwards` says, for the three that are asked, that chip numbers come last octet first
    (deister: yes, the others: no). Raises ValueError (a msgspec.ValidationError when decoded).
    """

    name: Name
    device: Annotated[str, msgspec.Meta(min_length=1)]
    protocol: Literal["rdm6300", "line", "wiegand", "twn4", "sscp", "deister"]
    baud: Baud = 9600
    direction: Direction = "auto"
    pattern: str | None = None
    wiegand: Layout | None = None
    form: Form | None = None
    address: Annotated[int, msgspec.Meta(ge=0, le=127)] | None = None
    backwards: bool | None = None

    def __post_init__(self) -> None:
        for key, protocols in _ONLY_FOR.items():
            if getattr(self, key) is not None and self.protocol not in protocols:
                named = " or ".join(f'"{protocol}"' for protocol in protocols)
                raise ValueError(
                    f'`{key}` is for protocol = {named}, not "{self.protocol}"; remove it'
                )
        if self.pattern is not None:
            compile_pattern(self.pattern)


class PcscConfig(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="pcsc",
):
    """A PC/SC reader: every one whose name contains `match`, so any when `match` is empty."""

    name: Name
    match: str = ""
    direction: Direction = "auto"


ReaderConfig = SerialConfig | PcscConfig | OsdpConfig | WedgeConfig | Pn532Config
