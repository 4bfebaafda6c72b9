"""Applications: keys and files under a number. The card itself is the one numbered 000000."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hwsim.desfire.files import DataFile
from hwsim.errors import SimulatorError

_AES = 0x80
_LIST_FREELY = 0x02
_MOST_KEYS = 14


@dataclass
class Application:
    """`aid` has 3 octets as sent; `keys` 16 octets each, key 0 being the master key.

    `settings` are the key settings (bit 1: directory and settings are told without the master
    key). `df_name` has 1 to 16 octets. Raises SimulatorError.
    """

    aid: bytes
    keys: Sequence[bytes]
    files: Mapping[int, DataFile] = field(default_factory=dict)
    settings: int = 0x0F
    df_name: bytes | None = None
    key_version: int = 0

    def __post_init__(self) -> None:
        if len(self.aid) != 3:
            raise SimulatorError(f"an AID has 3 octets, not {len(self.aid)}")
        if not 1 <= len(self.keys) <= _MOST_KEYS or any(len(key) != 16 for key in self.keys):
            raise SimulatorError("an application has 1 to 14 keys of 16 octets")
        if any(not 0 <= number <= 31 for number in self.files):
            raise SimulatorError("files are numbered 0 to 31")

    @property
    def lists_freely(self) -> bool:
        """Whether its directory is told to anybody."""
        return bool(self.settings & _LIST_FREELY)

    def key_settings(self) -> bytes:
        """What GetKeySettings answers."""
        return bytes([self.settings, _AES | len(self.keys)])
