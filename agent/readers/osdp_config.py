"""The table of a reader on OSDP."""

from typing import Annotated

import msgspec

from agent.badges.wiegand import Layout
from agent.readers.tables import Baud, Direction, Name


class OsdpConfig(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="osdp",
):
    """A peripheral on an RS-485 line (IEC 60839-11-5), in the secure channel only.

    `key` names the secure channel base key in the terminal's credential store; `wiegand` is the
    card format of numbers whose length is that of one.
    """

    name: Name
    device: Annotated[str, msgspec.Meta(min_length=1)]
    key: Annotated[str, msgspec.Meta(min_length=1)]
    address: Annotated[int, msgspec.Meta(ge=0, le=126)] = 0
    baud: Baud = 9600
    direction: Direction = "auto"
    wiegand: Layout = "26"
