"""The table of a reader that types."""

from typing import Annotated, Literal

import msgspec

from agent.readers.patterns import compile_pattern
from agent.readers.tables import Direction, Name

Keymap = Literal["us", "azerty-be"]


class WedgeConfig(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="wedge",
):
    """A reader that is a keyboard, taken for this terminal alone.

    `device` is best a path under /dev/input/by-id, which stays the same over a replug. `keymap` is
    the layout the reader itself is set to; `pattern` as for a serial line. Raises ValueError (a
    msgspec.ValidationError when decoded).
    """

    name: Name
    device: Annotated[str, msgspec.Meta(min_length=1)]
    keymap: Keymap = "us"
    direction: Direction = "auto"
    pattern: str | None = None

    def __post_init__(self) -> None:
        if self.pattern is not None:
            compile_pattern(self.pattern)
