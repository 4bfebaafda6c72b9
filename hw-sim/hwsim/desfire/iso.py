"""The few commands of ISO/IEC 7816-4 that a DESFire chip knows: SELECT and READ BINARY."""

from hwsim.desfire.chip import Chip
from hwsim.desfire.files import DataFile, Mode
from hwsim.desfire.statuses import RefusalError

_SELECT, _READ_BINARY = 0xA4, 0xB0
_BY_NAME, _FILE_HERE = 0x04, 0x02
_OK = b"\x90\x00"
_END_OF_FILE = b"\x62\x82"
_WRONG_LENGTH = b"\x67\x00"
_DENIED = b"\x69\x82"
_NO_FILE_SELECTED = b"\x69\x86"
_NOT_FOUND = b"\x6a\x82"
_WRONG_PARAMETERS = b"\x6a\x86"
_OUTSIDE = b"\x6b\x00"
_NO_SUCH_COMMAND = b"\x6d\x00"
_WHOLE = 256
_SHORT_NAME = 0x80


class IsoCommands:
    """Commands of class 00."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._file: DataFile | None = None

    def start(self) -> None:
        """The field came up: no file is selected."""
        self._file = None

    def answer(self, apdu: bytes) -> bytes:
        """Response data and status word."""
        if apdu[1] == _SELECT:
            return self._select(apdu)
        if apdu[1] == _READ_BINARY:
            return self._read(apdu)
        return _NO_SUCH_COMMAND

    def _select(self, apdu: bytes) -> bytes:
        count = apdu[4] if len(apdu) > 4 else 0
        name = apdu[5 : 5 + count]
        if len(name) != count or len(apdu) > 6 + count:
            return _WRONG_LENGTH
        if apdu[2] == _BY_NAME:
            return self._select_name(name)
        if apdu[2] == _FILE_HERE:
            return self._select_file(name)
        return _WRONG_PARAMETERS

    def _select_name(self, name: bytes) -> bytes:
        for application in self._chip.applications.values():
            if name and application.df_name == name:
                self._chip.enter(application)
                self._file = None
                return _OK
        return _NOT_FOUND

    def _select_file(self, iso_id: bytes) -> bytes:
        for file in self._chip.selected.files.values():
            if file.iso_id is not None and file.iso_id == iso_id:
                self._file = file
                return _OK
        return _NOT_FOUND

    def _read(self, apdu: bytes) -> bytes:
        if len(apdu) != 5:
            return _WRONG_LENGTH
        if apdu[2] & _SHORT_NAME:
            return _WRONG_PARAMETERS
        if self._file is None:
            return _NO_FILE_SELECTED
        rights = self._file.rights
        try:
            mode = self._file.mode_for(None, rights.read, rights.read_write)
        except RefusalError:
            return _DENIED
        if mode is not Mode.PLAIN:
            return _DENIED
        offset, length = apdu[2] << 8 | apdu[3], apdu[4] or _WHOLE
        content = bytes(self._file.content)
        if offset >= len(content):
            return _OUTSIDE
        data = content[offset : offset + length]
        whole = len(data) == length or not apdu[4]
        return data + (_OK if whole else _END_OF_FILE)
