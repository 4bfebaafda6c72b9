"""A DESFire card just large enough to try profiles on, and what goes wrong with it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.badges.desfire import crypto
from agent.badges.desfire.ev2 import session_keys
from agent.badges.sessions import CardError

FRAME = 59
PICC = bytes(3)
Answer = tuple[bytes, int]


@dataclass
class Application:
    keys: dict[int, bytes]
    files: dict[int, bytes]
    mode: str = "full"


@dataclass
class Card:
    """Answers wrapped native commands; `pull_at` counts APDUs from 1, `spoil` changes answers."""

    uid: bytes
    applications: dict[bytes, Application] = field(default_factory=dict)
    pull_at: int | None = None
    spoil: Callable[[int, Answer], Answer] = lambda _number, answer: answer
    apdus: int = 0
    selected: bytes = PICC
    waiting: bytes = b""
    rest: bytes = b""
    ins: int = 0
    pending: tuple[int, bytes, bytes] | None = None
    version: int = 0
    enc: bytes = b""
    mac: bytes = b""
    ti: bytes = b""
    counter: int = 0
    iv: bytes = crypto.ZEROS

    def transmit(self, apdu: bytes, /) -> Answer:
        self.apdus += 1
        if self.apdus == self.pull_at:
            raise CardError("pulled-away", "in a test")
        if apdu[0] != 0x90:
            return b"", 0x6E00
        data = apdu[5:-1] if len(apdu) > 5 else b""
        answer, status = self._answer(apdu[1], data)
        return self.spoil(self.apdus, (answer, 0x9100 | status))

    def _answer(self, ins: int, data: bytes) -> Answer:
        if ins == 0x5A:
            self.version = 0
            if data not in self.applications:
                return b"", 0xA0
            self.selected = data
            return b"", 0x00
        if ins in (0xAA, 0x71, 0x77):
            return self._challenge(ins, data)
        if ins == 0xAF and self.pending is not None:
            return self._proof(data)
        if ins == 0xAF:
            return self._frame(self.rest)
        application = self.applications[self.selected]
        if ins == 0x51:
            return self._protected(ins, data, self.uid, "full") if self.version else (b"", 0xAE)
        number, offset, length = (
            data[0],
            *(int.from_bytes(data[n : n + 3], "little") for n in (1, 4)),
        )
        if number not in application.files:
            return b"", 0xF0
        if application.keys and not self.version:
            return b"", 0xAE
        content = application.files[number][offset : offset + length]
        return self._protected(ins, data, content, application.mode)

    def _challenge(self, ins: int, data: bytes) -> Answer:
        key = self.applications[self.selected].keys.get(data[0])
        if key is None:
            return b"", 0x40
        rnd_b = secrets.token_bytes(16)
        self.pending = (ins, key, rnd_b)
        return crypto.encrypt(key, rnd_b), 0xAF

    def _proof(self, data: bytes) -> Answer:
        assert self.pending is not None
        (ins, key, rnd_b), self.pending = self.pending, None
        start = crypto.encrypt(key, rnd_b) if ins == 0xAA else crypto.ZEROS
        plain = crypto.decrypt(key, data, start)
        rnd_a = plain[:16]
        if plain[16:] != crypto.rotated(rnd_b):
            return b"", 0xAE
        shown = crypto.rotated(rnd_a)
        if ins == 0xAA:
            self.version, self.iv = 1, crypto.ZEROS
            self.enc = rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:]
            return crypto.encrypt(key, shown, data[-16:]), 0x00
        self.version = 2
        self.enc, self.mac = session_keys(key, rnd_a, rnd_b)
        if ins == 0x77:
            return crypto.encrypt(key, shown), 0x00
        self.ti, self.counter = secrets.token_bytes(4), 0
        return crypto.encrypt(key, self.ti + shown + bytes(12)), 0x00

    def _protected(self, ins: int, data: bytes, content: bytes, mode: str) -> Answer:
        if self.version == 1:
            self.iv = crypto.chained_cmac(self.enc, bytes([ins]) + data, self.iv)
            if mode == "full":
                plain = content + crypto.crc32(content + b"\0")
                padded = plain.ljust(crypto.padded_length(len(plain)), b"\0")
                content = crypto.encrypt(self.enc, padded, self.iv)
                self.iv = content[-16:]
            else:
                self.iv = crypto.chained_cmac(self.enc, content + b"\0", self.iv)
                content += self.iv[:8]
        elif self.version == 2 and mode == "plain":
            self.counter += 1
        elif self.version == 2:
            if data[-8:] != self._mac(bytes([ins]), data[:-8]):
                return b"", 0x1E
            self.counter += 1
            if mode == "full":
                start = b"\x5a\xa5" + self.ti + self.counter.to_bytes(2, "little") + bytes(8)
                length = crypto.padded_length(len(content) + 1)
                padded = (content + b"\x80").ljust(length, b"\0")
                content = crypto.encrypt(self.enc, padded, crypto.encrypt(self.enc, start))
            content += self._mac(b"\0", content)
        return self._frame(content)

    def _mac(self, code: bytes, data: bytes) -> bytes:
        message = code + self.counter.to_bytes(2, "little") + self.ti + data
        return crypto.truncated(crypto.cmac(self.mac, message))

    def _frame(self, data: bytes) -> Answer:
        self.rest = data[FRAME:]
        return data[:FRAME], 0xAF if self.rest else 0x00
