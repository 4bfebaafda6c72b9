"""Lamps obey the commands that readers take, as their manuals have them."""

import threading

import pytest

from hwsim.cards import UidCard
from hwsim.panel.lamps import Acr122uCard, Display, Lamp, blink, obey_osdp, obey_twn4


def seen(monkeypatch: pytest.MonkeyPatch, lamp: Lamp) -> list[tuple[str, float]]:
    """The colours of `lamp` whenever time passes, and how much of it."""
    colours: list[tuple[str, float]] = []
    monkeypatch.setattr(
        "hwsim.panel.lamps.time.sleep", lambda s: colours.append((lamp.shown()["colour"], s))
    )
    return colours


@pytest.mark.parametrize(
    ("leds", "first", "then", "at_last"),
    [
        (0x20 | 0x80, "green", "off", "off"),
        (0x10 | 0x40, "red", "off", "off"),
        (0xF0, "amber", "off", "off"),
        (0x10 | 0xC0, "red", "green", "off"),
        (0xA0 | 0x0A, "green", "off", "green"),
        (0x0C, "off", "off", "off"),
    ],
)
def test_an_acr122u_blinks_as_it_is_told(
    leds: int, first: str, then: str, at_last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp = Lamp()
    colours = seen(monkeypatch, lamp)
    blink(lamp, leds, 2, 1, 2, 1)
    assert colours == [(first, 0.2), (then, 0.1)] * 2
    assert lamp.shown()["colour"] == at_last
    assert lamp.shown()["tone"] == {"number": 2, "hertz": None, "ms": 200, "times": 1}


def test_the_card_never_sees_the_readers_own_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    lamp = Lamp()
    seen(monkeypatch, lamp)
    card = Acr122uCard(UidCard.from_hex("04010203040506"), lamp)
    assert card.answer(bytes.fromhex("FFCA000000")) == bytes.fromhex("040102030405069000")
    assert lamp.shown()["flashes"] == 0
    assert card.answer(bytes.fromhex("FF0040A00401010101")) == b"\x90\x00"
    assert (lamp.shown()["flashes"], lamp.shown()["tone"]["ms"]) == (1, 100)


def test_a_twn4_lights_and_sounds_as_it_is_told() -> None:
    lamp = Lamp()
    obey_twn4(lamp, ["041003", "041203", "041102"])
    assert lamp.shown() == {"colour": "green", "last": "green", "flashes": 1, "tone": None}
    obey_twn4(lamp, ["041101", "040764600978000000"])
    assert lamp.shown()["colour"] == "amber"
    assert lamp.shown()["tone"] == {"number": 1, "hertz": 2400, "ms": 120, "times": 1}
    obey_twn4(lamp, ["041203"])
    assert (lamp.shown()["colour"], lamp.shown()["last"]) == ("off", "amber")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("colour", "name"), [(1, "red"), (2, "green"), (3, "amber")])
def test_an_osdp_lamp_is_lit_for_as_long_as_it_is_told(colour: int, name: str) -> None:
    clock = Clock()
    lamp, display = Lamp(clock), Display(clock)
    # As libosdp's peripheral tells of it.
    told = {"command": 2, "on_color": colour, "temporary": True, "timer_count": 15}
    obey_osdp(lamp, display, told)
    clock.now += 1.4
    assert lamp.shown()["colour"] == name
    clock.now += 0.2
    assert (lamp.shown()["colour"], lamp.shown()["last"]) == ("off", name)
    obey_osdp(lamp, display, told | {"temporary": False, "timer_count": 0})
    clock.now += 1e6
    assert (lamp.shown()["colour"], lamp.shown()["flashes"]) == (name, 2)


def test_an_osdp_display_and_buzzer_do_as_they_are_told() -> None:
    clock = Clock()
    lamp, display = Lamp(clock), Display(clock)
    text = {"command": 4, "control_code": 3, "temp_time": 4, "data": "EXPIRED"}
    obey_osdp(lamp, display, text)
    assert display.shown() == {"text": "EXPIRED", "last": "EXPIRED"}
    clock.now += 4
    assert display.shown() == {"text": "", "last": "EXPIRED"}
    obey_osdp(lamp, display, text | {"control_code": 1, "temp_time": 0, "data": "CLOSED"})
    clock.now += 1e6
    assert display.shown()["text"] == "CLOSED"
    obey_osdp(lamp, display, {"command": 3, "on_count": 1, "off_count": 1, "rep_count": 3})
    assert lamp.shown()["tone"] == {"number": 1, "hertz": None, "ms": 100, "times": 3}


def test_two_threads_never_lose_a_tone() -> None:
    lamp = Lamp()

    def sound() -> None:
        for _ in range(500):
            lamp.sound(1, 1)

    threads = [threading.Thread(target=sound) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lamp.shown()["tone"]["number"] == 2000
