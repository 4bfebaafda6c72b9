"""Standard data files, and who may do what with them."""

from dataclasses import dataclass, field
from enum import IntEnum

from hwsim.desfire import statuses
from hwsim.desfire.statuses import RefusalError

FREE = 0xE
"""An access right that needs no key."""
NEVER = 0xF
"""An access right that nobody has."""
_STANDARD = 0x00


class Mode(IntEnum):
    """A communication mode, as GetFileSettings tells it."""

    PLAIN = 0
    MACED = 1
    FULL = 3


@dataclass(frozen=True)
class AccessRights:
    """Key numbers 0 to 13, FREE or NEVER."""

    read: int
    write: int = NEVER
    read_write: int = NEVER
    change: int = NEVER

    def encoded(self) -> bytes:
        """The 2 octets of GetFileSettings."""
        return bytes([self.read_write << 4 | self.change, self.read << 4 | self.write])


@dataclass
class DataFile:
    """One file; `iso_id`, 2 octets, is its name for SELECT (ISO/IEC 7816-4)."""

    content: bytearray
    rights: AccessRights
    mode: Mode = Mode.PLAIN
    iso_id: bytes | None = field(default=None)

    def settings(self) -> bytes:
        """What GetFileSettings answers."""
        size = len(self.content).to_bytes(3, "little")
        return bytes([_STANDARD, self.mode]) + self.rights.encoded() + size

    def mode_for(self, key_number: int | None, *wanted: int) -> Mode:
        """The mode for whoever authenticated with `key_number` and needs one of `wanted`.

        A right that is free is used in plain by whoever has no key for it. Raises RefusalError.
        """
        if key_number is not None and key_number in wanted:
            return self.mode
        if FREE in wanted:
            return Mode.PLAIN
        nobody = all(right == NEVER for right in wanted)
        raise RefusalError(statuses.DENIED if nobody else statuses.NOT_AUTHENTICATED)

    def span(self, offset: int, length: int) -> tuple[int, int]:
        """Where `length` octets from `offset`, or all from there for 0, begin and end.

        Raises RefusalError.
        """
        end = offset + length if length else len(self.content)
        if offset >= len(self.content) or end > len(self.content):
            raise RefusalError(statuses.BOUNDARY)
        return offset, end
