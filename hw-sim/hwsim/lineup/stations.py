"""The reader families, each with one simulated reader, and the badges that can be shown to it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hwsim.cards import Card, RandomUidCard
from hwsim.lineup.badges import Shown, cards
from hwsim.lineup.keyboard import Keyboard
from hwsim.lineup.outcomes import Outcome, by_uid, recorded, refused
from hwsim.pcscd import Pcscd
from hwsim.pn532 import Pn532Reader
from hwsim.readers.asked import AskedReader
from hwsim.readers.osdp import OsdpPeripheral
from hwsim.serial_reader import SerialReader
from protocol.badges import Assurance

OSDP_KEY = bytes(range(16))
OSDP_KEY_NAME = "osdp-gate"
_PCSC_NAME = "Line-up reader"
_UIDS = ("A1B2C3D4", "04112233445566", "04112233445566778899")
_EM4100 = "0600908EF3"
_ISO15693 = "E004015012345678"
_HID_PROX = "2004C60F57"
_WIEGAND = "1" + f"{123:08b}{4567:016b}" + "0"
"""Facility 123, card 4567: the even parity bit, the numbers, the odd parity bit (HID H10301)."""
_WIEGAND_NUMBER = "12304567"
_PRINTED = "123456789012"
_CODE_PATTERN = "(?P<badge>[0-9]+);(?P<employer>[0-9]+);(?P<worker>[0-9]+)"

Hold = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Presentation:
    """A badge, what must come of it at this reader, and how it is held there."""

    badge: str
    outcome: Outcome
    hold: Hold


@dataclass(frozen=True)
class Station:
    """One reader."""

    family: str
    table: str
    """Its `[[readers]]` table."""
    presentations: list[Presentation]
    apart_s: float = 0.6
    """Between two badges, so that each is a presentation of its own."""


@dataclass(frozen=True)
class Stations:
    """All of them, plugged in, and what an agent needs in its environment to find them."""

    stations: list[Station]
    environment: dict[str, str]


@contextmanager
def plugged_in(directory: Path, today: date) -> Iterator[Stations]:
    """Make the readers; their paths are in `directory`. Raises SimulatorError."""
    shown = list(cards(today))
    with ExitStack() as held:
        pcscd = held.enter_context(Pcscd(2, name=_PCSC_NAME))
        keyboard = held.enter_context(Keyboard(directory / "wedge"))
        pn532 = held.enter_context(Pn532Reader(directory / "pn532"))
        osdp = held.enter_context(OsdpPeripheral(directory / "osdp", OSDP_KEY))
        asked = {
            protocol: held.enter_context(AskedReader(directory / protocol, protocol))
            for protocol in ("twn4", "sscp", "deister")
        }
        sending = {
            family: held.enter_context(SerialReader(directory / family, protocol))
            for family, protocol in _SENDING.items()
        }
        slot = pcscd.slots[0]

        def leave() -> None:
            slot.remove()
            slot.join()

        def in_slot(card: Card) -> Hold:
            return _laid(lambda: slot.insert(card), leave)

        def in_field(card: Card) -> Hold:
            return _laid(lambda: pn532.insert(card), pn532.remove)

        yield Stations(
            [
                Station(
                    "pcsc",
                    _table("pcsc", "pcsc", match=slot.reader),
                    _spoken_to(shown, in_slot),
                    apart_s=0.0,  # it was seen to go
                ),
                Station(
                    "pn532",
                    _table("pn532", "pn532", device=pn532.device),
                    _spoken_to(shown, in_field),
                ),
                *(_asked(protocol, reader, shown) for protocol, reader in asked.items()),
                *(_sending(family, reader) for family, reader in sending.items()),
                _osdp(osdp),
                Station(
                    "wedge",
                    _table("wedge", "wedge", device=keyboard.device),
                    _printed(lambda text: _laid(lambda: keyboard.type(text))),
                ),
            ],
            {**pcscd.environment, **keyboard.environment},
        )


_SENDING = {
    "rdm6300": "rdm6300",
    "id12": "id12",
    "wiegand": "line",
    "scanner": "line",
    "scanner-code": "line",
}
"""The readers that send by themselves, and the frames that they send in."""


def _spoken_to(shown: Iterable[Shown], lay: Callable[[Card], Hold]) -> list[Presentation]:
    return [Presentation(each.name, each.outcome, lay(each.make())) for each in shown]


def _asked(protocol: str, reader: AskedReader, shown: Iterable[Shown]) -> Station:
    def hold(kind: str, number: str) -> Hold:
        return _laid(lambda: reader.hold(kind, number), reader.take_away)

    presentations = [
        Presentation(each.name, each.outcome_by_number, hold("iso14443a", _uid(each).hex()))
        for each in shown
    ]
    if protocol != "sscp":
        presentations += [
            Presentation("ISO 15693", _chip("iso15693", _ISO15693), hold("iso15693", _ISO15693)),
            Presentation("EM4100, 125 kHz", _chip("em4100", _EM4100), hold("em4100", _EM4100)),
            Presentation(
                "HID Prox, 125 kHz", _chip("hidprox", _HID_PROX), hold("hidprox", _HID_PROX)
            ),
        ]
    return Station(
        protocol, _table(protocol, "serial", device=reader.device, protocol=protocol), presentations
    )


def _sending(family: str, reader: SerialReader) -> Station:
    def sent(text: str) -> Hold:
        return _laid(lambda: reader.present(text))

    if family in ("rdm6300", "id12"):
        presentations = [
            Presentation("EM4100, 125 kHz", _chip("em4100", _EM4100), sent(_EM4100)),
            Presentation(
                "EM4100, a wrong checksum",
                refused("checksum"),
                _laid(lambda: reader.wrong_checksum(_EM4100)),
            ),
        ]
        further = {"protocol": "rdm6300"}
    elif family == "wiegand":
        presentations = [
            Presentation("HID, 26 bits", _WIEGAND_OUTCOME, sent(_hex(_WIEGAND))),
            Presentation("HID, 26 bits, a wrong bit", refused("parity"), sent(_hex(_WRONG_BIT))),
        ]
        further = {"protocol": "wiegand"}
    elif family == "scanner":
        presentations = _printed(sent)
        further = {"protocol": "line"}
    else:
        code = f"{_PRINTED};0880000133;21000017"
        presentations = [
            Presentation("code with employer and worker", _PRINTED_OUTCOME, sent(code)),
            Presentation("a code of something else", refused("pattern"), sent("https")),
        ]
        further = {"protocol": "line", "pattern": _CODE_PATTERN}
    return Station(family, _table(family, "serial", device=reader.device, **further), presentations)


def _osdp(peripheral: OsdpPeripheral) -> Station:
    def bits(number: str) -> Hold:
        return _laid(lambda: peripheral.present(f"{int(number, 16):0{4 * len(number)}b}"))

    presentations = [
        Presentation(f"UID only, {len(uid) // 2} octets", by_uid(bytes.fromhex(uid)), bits(uid))
        for uid in _UIDS
    ]
    presentations += [
        Presentation("random UID, nothing else", refused("random-uid"), bits("08112233")),
        Presentation("ISO 15693", _chip("iso15693", _ISO15693), bits(_ISO15693)),
        Presentation("EM4100, 125 kHz", _chip("em4100", _EM4100), bits(_EM4100)),
        Presentation("HID, 26 bits", _WIEGAND_OUTCOME, _laid(lambda: peripheral.present(_WIEGAND))),
        Presentation(
            "HID, 26 bits, a wrong bit",
            refused("parity"),
            _laid(lambda: peripheral.present(_WRONG_BIT)),
        ),
    ]
    table = _table("osdp", "osdp", device=peripheral.device, key=OSDP_KEY_NAME)
    return Station("osdp", table, presentations)


def _printed(sent: Callable[[str], Hold]) -> list[Presentation]:
    return [
        Presentation("printed number", _PRINTED_OUTCOME, sent(_PRINTED)),
        Presentation("a code of something else", refused("pattern"), sent("https")),
    ]


_PRINTED_OUTCOME = recorded("printed", _PRINTED, Assurance.PRINTED)
_WIEGAND_OUTCOME = recorded("wiegand26", _WIEGAND_NUMBER, Assurance.UID)
_WRONG_BIT = _WIEGAND[:-1] + "1"


def _chip(profile: str, number: str) -> Outcome:
    return recorded(profile, number, Assurance.UID)


def _hex(bits: str) -> str:
    return f"{int(bits, 2):X}"


def _uid(shown: Shown) -> bytes:
    """What the card answers a reader that asks for its UID and no more."""
    return RandomUidCard(1).uid if shown.uid is None else shown.uid


def _laid(put: Callable[[], object], take: Callable[[], object] = lambda: None) -> Hold:
    @contextmanager
    def held() -> Iterator[None]:
        put()
        try:
            yield
        finally:
            take()

    return held


def _table(name: str, kind: str, **fields: object) -> str:
    named = {"kind": kind, "name": name, **fields}
    return "[[readers]]\n" + "".join(f"{key} = '{value}'\n" for key, value in named.items())
