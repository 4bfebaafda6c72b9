"""Lamps and buzzers of readers, as the commands that reach the reader drive them."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hwsim.cards import Card

_ACR122U = bytes.fromhex("FF0040")
"""LED and buzzer control (ACR122U API, 6.2), before P2."""
_OK = b"\x90\x00"
_RED, _GREEN = 1, 2
_COLOURS = {0: "off", _RED: "red", _GREEN: "green", _RED | _GREEN: "amber"}


@dataclass(frozen=True)
class Tone:
    """What a buzzer was told to sound: `hertz` is None where the reader has a tone of its own."""

    number: int
    """Counts the tones of one reader."""
    hertz: int | None
    milliseconds: int


class Lamp:
    """A two-coloured lamp and a buzzer; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lit = self._last = 0
        self._flashes = 0
        self._tone: Tone | None = None

    def light(self, colours: int) -> None:
        """Light these colours, red 1 and green 2, and no other."""
        with self._lock:
            self._flashes += bool(colours and colours != self._lit)
            self._lit = colours
            self._last = colours or self._last

    def change(self, *, on: int = 0, off: int = 0) -> None:
        """Switch single colours on and off."""
        self.light(self._lit & ~off | on)

    def sound(self, hertz: int | None, milliseconds: int) -> None:
        """Sound the buzzer once."""
        with self._lock:
            number = 1 if self._tone is None else self._tone.number + 1
            self._tone = Tone(number, hertz, milliseconds)

    def shown(self) -> dict[str, Any]:
        """Its colour now and when it was last lit, how often it was, and the last tone."""
        with self._lock:
            tone = self._tone
            return {
                "colour": _COLOURS[self._lit],
                "last": _COLOURS[self._last],
                "flashes": self._flashes,
                "tone": None
                if tone is None
                else {"number": tone.number, "hertz": tone.hertz, "ms": tone.milliseconds},
            }


class Acr122uCard:
    """A card that lies on an ACR122U, which takes the commands to its lamp for itself."""

    def __init__(self, card: Card, lamp: Lamp) -> None:
        self.atr = card.atr
        self._card, self._lamp = card, lamp

    def power_on(self) -> None:
        """The field came up."""
        self._card.power_on()

    def answer(self, apdu: bytes) -> bytes:
        """The card's answer, or the reader's once its lamp has blinked."""
        if apdu[:3] != _ACR122U or len(apdu) < 9:
            return self._card.answer(apdu)
        blink(self._lamp, apdu[3], *apdu[5:9])
        return _OK


def blink(lamp: Lamp, leds: int, lit: int, dark: int, times: int, buzzer: int) -> None:
    """Do what an ACR122U does, for as long as it does: `lit` and `dark` are in 100 ms.

    Bits 0 and 1 of `leds` are the colours that stay lit, where bits 2 and 3 say that they change;
    bits 4 and 5 are those lit first, where bits 6 and 7 say that they blink.
    """
    before = leds >> 4 & leds >> 6 & 3
    after = ~(leds >> 4) & leds >> 6 & 3
    for _ in range(times):
        lamp.light(before)
        if buzzer & 1:
            lamp.sound(None, lit * 100)
        time.sleep(lit / 10)
        lamp.light(after)
        if buzzer & 2:
            lamp.sound(None, dark * 100)
        time.sleep(dark / 10)
    lamp.light(leds & leds >> 2 & 3)


def obey_twn4(lamp: Lamp, commands: Iterable[str]) -> None:
    """Carry out commands of the TWN4's Simple Protocol, as hexadecimal lines: LEDs and Beep."""
    for command in map(bytes.fromhex, commands):
        match command[:2]:
            case b"\x04\x11":
                lamp.change(on=command[2] & 3)
            case b"\x04\x10" | b"\x04\x12":
                lamp.change(off=command[2] & 3)
            case b"\x04\x07":
                hertz, sounds = command[3:5], command[5:7]
                lamp.sound(int.from_bytes(hertz, "little"), int.from_bytes(sounds, "little"))
