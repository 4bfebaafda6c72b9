"""Lamps, buzzers and displays of readers, as the commands that reach the reader drive them."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import osdp_sys

from hwsim.cards import Card

_ACR122U = bytes.fromhex("FF0040")
"""LED and buzzer control (ACR122U API, 6.2), before P2."""
_OK = b"\x90\x00"
_RED, _GREEN = 1, 2
_COLOURS = {0: "off", _RED: "red", _GREEN: "green", _RED | _GREEN: "amber"}
_FOREVER = float("inf")
_TEMPORARY_TEXT = (3, 4)
"""Control codes of TEXT, without and with wrapping."""


@dataclass(frozen=True)
class Tone:
    """What a buzzer was told to sound: `hertz` is None where the reader has a tone of its own."""

    number: int
    """Counts the tones of one reader."""
    hertz: int | None
    milliseconds: int
    times: int


class Lamp:
    """A two-coloured lamp and a buzzer; used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._lit = self._last = 0
        self._until = _FOREVER
        self._flashes = 0
        self._tone: Tone | None = None

    def light(self, colours: int, for_s: float = _FOREVER) -> None:
        """Light these colours, red 1 and green 2, and no other; for so long, then none."""
        with self._lock:
            self._flashes += bool(colours and colours != self._now())
            self._lit = colours
            self._last = colours or self._last
            self._until = self._clock() + for_s

    def change(self, *, on: int = 0, off: int = 0) -> None:
        """Switch single colours on and off."""
        self.light(self._lit & ~off | on)

    def sound(self, hertz: int | None, milliseconds: int, times: int = 1) -> None:
        """Sound the buzzer so often, with pauses as long as the tones."""
        with self._lock:
            number = 1 if self._tone is None else self._tone.number + 1
            self._tone = Tone(number, hertz, milliseconds, times)

    def shown(self) -> dict[str, Any]:
        """Its colour now and when it was last lit, how often it was, and the last tone."""
        with self._lock:
            tone = self._tone
            return {
                "colour": _COLOURS[self._now()],
                "last": _COLOURS[self._last],
                "flashes": self._flashes,
                "tone": None
                if tone is None
                else {
                    "number": tone.number,
                    "hertz": tone.hertz,
                    "ms": tone.milliseconds,
                    "times": tone.times,
                },
            }

    def _now(self) -> int:
        return self._lit if self._clock() < self._until else 0


class Display:
    """A line of text on a reader; used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown = ("", _FOREVER)
        self._last = ""

    def write(self, text: str, for_s: float = _FOREVER) -> None:
        """Show `text` for so long, then none."""
        self._shown = text, self._clock() + for_s
        self._last = text or self._last

    def shown(self) -> dict[str, str]:
        """What stands there now, and what stood there last."""
        text, until = self._shown
        return {"text": text if self._clock() < until else "", "last": self._last}


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


def obey_osdp(lamp: Lamp, display: Display, command: Mapping[str, Any]) -> None:
    """Carry out a command as libosdp's peripheral tells of it: LED, BUZ or TEXT (OSDP 2.2).

    Its lamp mixes red and green to amber; of blue it has none.
    """
    match command["command"]:
        case osdp_sys.CMD_LED:
            # One that blinks is lit for as long: no terminal of ours lets it blink.
            for_s = command["timer_count"] / 10 if command["temporary"] else _FOREVER
            lamp.light(command["on_color"] & 3, for_s)
        case osdp_sys.CMD_BUZZER:
            lamp.sound(None, command["on_count"] * 100, command["rep_count"])
        case osdp_sys.CMD_TEXT:
            temporary = command["control_code"] in _TEMPORARY_TEXT
            display.write(command["data"], command["temp_time"] if temporary else _FOREVER)
