"""Values that the tables of several reader families have."""

from typing import Annotated, Literal

import msgspec

Direction = Literal["in", "out", "auto"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=32)]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
