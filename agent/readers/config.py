"""The `[[readers]]` tables of the terminal's configuration."""

from typing import Annotated, Literal

import msgspec

from agent.readers.patterns import compile_pattern

Direction = Literal["in", "out", "auto"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=32)]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]


class SerialConfig(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="serial",
):
    """A reader on a serial port.

    `protocol` is "rdm6300" (RDM6300 and ID-12 frames) or "line" (numbers ended by CR or LF).
    `pattern`, for "line" only, is a regular expression that the whole line must match, with the
    named group `badge` and, if the line holds them, `employer` and `worker`; without it a line is
    a number of digits. Raises ValueError (a msgspec.ValidationError when decoded).
    """

    name: Name
    device: Annotated[str, msgspec.Meta(min_length=1)]
    protocol: Literal["rdm6300", "line"]
    baud: Baud = 9600
    direction: Direction = "auto"
    pattern: str | None = None

    def __post_init__(self) -> None:
        if self.pattern is None:
            return
        if self.protocol != "line":
            raise ValueError(
                f'`pattern` is for protocol = "line", not "{self.protocol}"; remove it'
            )
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


ReaderConfig = SerialConfig | PcscConfig
