"""The commands of a DESFire chip, in frames of its own protocol."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hwsim.desfire import authentication, statuses
from hwsim.desfire.applications import Application
from hwsim.desfire.authentication import Challenge
from hwsim.desfire.files import DataFile, Mode
from hwsim.desfire.messaging import Ev2Messaging, Messaging, Unprotected
from hwsim.desfire.statuses import RefusalError
from hwsim.errors import SimulatorError

PICC = bytes(3)
"""The card itself, as an application."""
_CONTINUE = 0xAF
_FRAME = 59
"""Octets of data that a frame carries beside its status: those of the smallest frame size."""
_FREE_MEMORY = 4096
_STORAGE = 0x18
_BATCH = bytes.fromhex("BA54512345")
_PRODUCED = bytes.fromhex("2024")
_VERSIONS = {
    "EV1": (b"\x01\x00", b"\x01\x04"),
    "EV2": (b"\x12\x00", b"\x02\x01"),
    "EV3": (b"\x33\x00", b"\x03\x00"),
}
"""Major and minor version of hardware and software."""

Answer = tuple[int, bytes]


@dataclass
class _Incoming:
    """A command that comes in several frames."""

    ins: int
    data: bytes
    due: int


class Chip:
    """One chip in the field; `start` puts it back to how it is at power-up."""

    def __init__(
        self,
        uid: bytes,
        applications: Iterable[Application],
        chance: Callable[[int], bytes],
        generation: str,
    ) -> None:
        """`applications` with the card itself among them. Raises SimulatorError."""
        if generation not in _VERSIONS:
            raise SimulatorError(f"{generation!r} is no DESFire; {', '.join(_VERSIONS)} are")
        if len(uid) != 7:
            raise SimulatorError(f"the UID of a DESFire card has 7 octets, not {len(uid)}")
        self.applications = {application.aid: application for application in applications}
        if PICC not in self.applications:
            raise SimulatorError("a card has the application 000000, which is itself")
        self._uid = uid
        self._uid_hidden = False
        self._chance = chance
        self._generation = generation
        self._commands: dict[int, Callable[[bytes], Answer]] = {
            0x60: self._get_version,
            0x6A: self._get_application_ids,
            0x6D: self._get_df_names,
            0x6E: self._free_memory,
            0x5A: self._select_application,
            0x45: self._get_key_settings,
            0x64: self._get_key_version,
            0x6F: self._get_file_ids,
            0x61: self._get_iso_file_ids,
            0xF5: self._get_file_settings,
            0xBD: self._read_data,
            0x3D: self._write_data,
            0x51: self._get_card_uid,
            authentication.AES: self._authenticate_aes,
        }
        if generation != "EV1":
            self._commands[authentication.EV2_FIRST] = self._authenticate_ev2_first
            self._commands[authentication.EV2_NON_FIRST] = self._authenticate_ev2_non_first
        self.start()

    def hide_uid(self) -> None:
        """Have the version say nothing of the UID, as on a card whose UID is random."""
        self._uid_hidden = True

    def start(self) -> None:
        """The field came up."""
        self.enter(self.applications[PICC])

    def enter(self, application: Application) -> None:
        """Select `application`, and forget any authentication."""
        self.selected = application
        self.messaging: Messaging = Unprotected()
        self._idle()

    def command(self, ins: int, data: bytes) -> Answer:
        """The status and data that answer one frame."""
        try:
            return self._go_on(data) if ins == _CONTINUE else self._begin(ins, data)
        except RefusalError as refusal:
            self.messaging = Unprotected()
            self._idle()
            return refusal.status, b""

    def _begin(self, ins: int, data: bytes) -> Answer:
        if self._outgoing or self._challenge or self._incoming:
            raise RefusalError(statuses.ABORTED)
        if ins not in self._commands:
            raise RefusalError(statuses.NO_SUCH_COMMAND)
        return self._commands[ins](data)

    def _idle(self) -> None:
        self._outgoing: list[bytes] = []
        self._incoming: _Incoming | None = None
        self._challenge: Challenge | None = None

    # Chained frames

    def _go_on(self, data: bytes) -> Answer:
        if self._challenge is not None:
            challenge, self._challenge = self._challenge, None
            proof, self.messaging = challenge.proved(data, self._chance)
            return statuses.OK, proof
        if self._incoming is not None:
            incoming, self._incoming = self._incoming, None
            return self._collect(incoming.ins, incoming.data + data, incoming.due)
        if data or not self._outgoing:
            raise RefusalError(statuses.NO_SUCH_COMMAND)
        return self._next_frame()

    def _next_frame(self) -> Answer:
        frame = self._outgoing.pop(0)
        return (statuses.MORE if self._outgoing else statuses.OK), frame

    def _send(self, data: bytes, sizes: tuple[int, ...] = ()) -> Answer:
        """In frames of these `sizes` first, then as large as they may be."""
        frames = []
        for size in sizes[:-1]:
            frames.append(data[:size])
            data = data[size:]
        frames += [data[at : at + _FRAME] for at in range(0, len(data), _FRAME)]
        self._outgoing = frames or [b""]
        return self._next_frame()

    def _collect(self, ins: int, data: bytes, due: int) -> Answer:
        """Carry out WriteData once all of it is there."""
        if len(data) > due:
            raise RefusalError(statuses.LENGTH)
        if len(data) < due:
            self._incoming = _Incoming(ins, data, due)
            return statuses.MORE, b""
        return self._write(ins, data)

    # What is told of card, applications and files

    def _asked(self, ins: int, data: bytes, length: int, mode: Mode = Mode.MACED) -> bytes:
        """The `length` octets of a command that carries no data. Raises RefusalError."""
        plain = self.messaging.taken(ins, data, length, mode)
        if len(plain) != length:
            raise RefusalError(statuses.LENGTH)
        return plain

    def _told(self, data: bytes, sizes: tuple[int, ...] = ()) -> Answer:
        return self._send(self.messaging.given(data, Mode.MACED), sizes)

    def _get_version(self, data: bytes) -> Answer:
        self._asked(0x60, data, 0)
        hardware, software = _VERSIONS[self._generation]
        uid = bytes(7) if self._uid_hidden else self._uid
        parts = (
            b"\x04\x01\x01" + hardware + bytes([_STORAGE, 0x05]),
            b"\x04\x01\x01" + software + bytes([_STORAGE, 0x05]),
            uid + _BATCH + _PRODUCED,
        )
        return self._told(b"".join(parts), tuple(len(part) for part in parts))

    def _get_application_ids(self, data: bytes) -> Answer:
        self._asked(0x6A, data, 0)
        self._on_the_card_itself()
        return self._told(b"".join(aid for aid in self.applications if aid != PICC))

    def _get_df_names(self, data: bytes) -> Answer:
        self._asked(0x6D, data, 0)
        self._on_the_card_itself()
        named = [each for each in self.applications.values() if each.aid != PICC and each.df_name]
        frames = [each.aid + bytes(2) + (each.df_name or b"") for each in named]
        return self._told(b"".join(frames), tuple(len(frame) for frame in frames))

    def _free_memory(self, data: bytes) -> Answer:
        self._asked(0x6E, data, 0)
        return self._told(_FREE_MEMORY.to_bytes(3, "little"))

    def _select_application(self, data: bytes) -> Answer:
        if len(data) != 3:
            raise RefusalError(statuses.LENGTH)
        if data not in self.applications:
            raise RefusalError(statuses.NO_SUCH_APPLICATION)
        self.enter(self.applications[data])
        return statuses.OK, b""

    def _get_key_settings(self, data: bytes) -> Answer:
        self._asked(0x45, data, 0)
        self._listing()
        return self._told(self.selected.key_settings())

    def _get_key_version(self, data: bytes) -> Answer:
        number = self._asked(0x64, data, 1)[0]
        self._key(number)
        return self._told(bytes([self.selected.key_version]))

    def _get_file_ids(self, data: bytes) -> Answer:
        self._asked(0x6F, data, 0)
        self._listing()
        return self._told(bytes(sorted(self._files())))

    def _get_iso_file_ids(self, data: bytes) -> Answer:
        self._asked(0x61, data, 0)
        self._listing()
        files = (file.iso_id for _, file in sorted(self._files().items()))
        return self._told(b"".join(iso_id[::-1] for iso_id in files if iso_id is not None))

    def _get_file_settings(self, data: bytes) -> Answer:
        number = self._asked(0xF5, data, 1)[0]
        self._listing()
        return self._told(self._file(number).settings())

    def _get_card_uid(self, data: bytes) -> Answer:
        self._asked(0x51, data, 0)
        if self.messaging.key_number is None:
            raise RefusalError(statuses.NOT_AUTHENTICATED)
        return self._send(self.messaging.given(self._uid, Mode.FULL))

    def _on_the_card_itself(self) -> None:
        if self.selected.aid != PICC:
            raise RefusalError(statuses.DENIED)
        self._listing()

    def _listing(self) -> None:
        if not self.selected.lists_freely and self.messaging.key_number != 0:
            raise RefusalError(statuses.NOT_AUTHENTICATED)

    # Files

    def _files(self) -> dict[int, DataFile]:
        if self.selected.aid == PICC:
            raise RefusalError(statuses.DENIED)
        return dict(self.selected.files)

    def _file(self, number: int) -> DataFile:
        files = self._files()
        if number not in files:
            raise RefusalError(statuses.NO_SUCH_FILE)
        return files[number]

    def _addressed(self, data: bytes) -> tuple[DataFile, int, int]:
        if len(data) < 7:
            raise RefusalError(statuses.LENGTH)
        offset, length = (int.from_bytes(data[at : at + 3], "little") for at in (1, 4))
        return self._file(data[0]), offset, length

    def _read_data(self, data: bytes) -> Answer:
        file, offset, length = self._addressed(data)
        rights = file.rights
        mode = file.mode_for(self.messaging.key_number, rights.read, rights.read_write)
        # Deciphered, the header is the same; what protects the command is checked first.
        sent_in = Mode.MACED if mode is Mode.FULL else mode
        self._asked(0xBD, data, 7, sent_in)
        begin, end = file.span(offset, length)
        content = bytes(file.content[begin:end])
        return self._send(self.messaging.given(content, mode, open_ended=length == 0))

    def _write_data(self, data: bytes) -> Answer:
        file, _, length = self._addressed(data)
        mode = self._mode_to_write(file)
        return self._collect(0x3D, data, 7 + self.messaging.length(length, mode))

    def _write(self, ins: int, data: bytes) -> Answer:
        file, offset, length = self._addressed(data)
        mode = self._mode_to_write(file)
        told = self.messaging.taken(ins, data, 7, mode)[7:]
        if len(told) != length or not length:
            raise RefusalError(statuses.PARAMETER)
        begin, end = file.span(offset, length)
        file.content[begin:end] = told
        # The answer carries no data: what protects it is a MAC at most.
        return self._send(self.messaging.given(b"", min(mode, Mode.MACED)))

    def _mode_to_write(self, file: DataFile) -> Mode:
        rights = file.rights
        return file.mode_for(self.messaging.key_number, rights.write, rights.read_write)

    # Authentications

    def _key(self, number: int) -> bytes:
        if not 0 <= number < len(self.selected.keys):
            raise RefusalError(statuses.NO_SUCH_KEY)
        return self.selected.keys[number]

    def _authenticate_aes(self, data: bytes) -> Answer:
        return self._challenged(authentication.AES, data, None)

    def _authenticate_ev2_first(self, data: bytes) -> Answer:
        if len(data) < 2 or len(data) != 2 + data[1] or data[1] > 6:
            raise RefusalError(statuses.LENGTH)
        return self._challenged(authentication.EV2_FIRST, data[:1], None, data[2:])

    def _authenticate_ev2_non_first(self, data: bytes) -> Answer:
        before = self.messaging
        if not isinstance(before, Ev2Messaging):
            raise RefusalError(statuses.NOT_AUTHENTICATED)
        return self._challenged(authentication.EV2_NON_FIRST, data, before)

    def _challenged(
        self, ins: int, data: bytes, before: Ev2Messaging | None, capabilities: bytes = b""
    ) -> Answer:
        if len(data) != 1:
            raise RefusalError(statuses.LENGTH)
        key = self._key(data[0])
        self.messaging = Unprotected()
        self._challenge = Challenge(
            ins, data[0], key, self._chance(16), before, capabilities.ljust(6, b"\x00")
        )
        return statuses.MORE, self._challenge.sent()
