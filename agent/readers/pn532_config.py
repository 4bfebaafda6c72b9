"""The table of a PN532."""

from typing import Annotated

import msgspec

from agent.readers.tables import Direction, Name


class Pn532Config(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="pn532",
):
    """A PN532 on a UART, or on a USB converter that makes one of it; its speed is found."""

    name: Name
    device: Annotated[str, msgspec.Meta(min_length=1)]
    direction: Direction = "auto"
