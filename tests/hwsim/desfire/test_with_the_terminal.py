"""The card model and the terminal's side, written apart: each must understand the other."""

import random
from datetime import date

import pytest

from agent.badges.credentials import Secret
from agent.badges.desfire.card import PICC, Card
from agent.badges.desfire.channels import Mode as TerminalMode
from agent.badges.desfire.errors import DesfireError
from agent.badges.identify import Identifier
from agent.badges.reading import KeyedProfile
from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard, Mode
from hwsim.desfire.badges import CONSTRUBADGE, METALBADGE, Holder, Layout
from hwsim.desfire.badges import badge as simulated
from protocol.badges import Assurance, Badge, Flag
from tests.agent.badges.test_identify import PROFILES

UID = bytes.fromhex("04A1B2C3D4E5F6")
AID = bytes.fromhex("010203")
KEY = bytes(range(16))
FROM, TO = date(2026, 1, 1), date(2026, 12, 31)
HOLDER = Holder("1234567890", "0403019261", "123456", FROM, TO)
MODES = [
    (Mode.PLAIN, TerminalMode.PLAIN),
    (Mode.MACED, TerminalMode.MAC),
    (Mode.FULL, TerminalMode.FULL),
]


class Near:
    """A card as a reader's session has it."""

    def __init__(self, card: DesfireCard) -> None:
        self.card = card
        self.apdus = 0

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        self.apdus += 1
        answer = self.card.answer(bytes(apdu))
        return answer[:-2], int.from_bytes(answer[-2:], "big")


def identifier(today: date = date(2026, 11, 23)) -> Identifier:
    layouts = {layout.name: layout for layout in (CONSTRUBADGE, METALBADGE)}
    profiles = []
    for name, layout in layouts.items():
        profile = PROFILES[name]
        keys = {
            key: Secret(bytes(16) if key.endswith("get-uid") else layout.read_key)
            for key in profile.keys
        }
        profiles.append(KeyedProfile(profile, keys))
    return Identifier(profiles, today=lambda: today)


@pytest.mark.parametrize("generation", ["EV2", "EV3"])
@pytest.mark.parametrize("random_uid", [False, True])
@pytest.mark.parametrize("layout", [CONSTRUBADGE, METALBADGE])
def test_simulated_badges_are_identified(generation: str, random_uid: bool, layout: Layout) -> None:
    card = simulated(layout, HOLDER, UID, generation=generation, random_uid=random_uid)
    assert identifier().identify(Near(card), card.uid) == Badge(
        "0000001234567890", layout.name, Assurance.AUTHENTICATED, 0, "0403019261", "000000123456"
    )


def test_a_badge_of_last_year_is_expired() -> None:
    badge = identifier(date(2027, 1, 1)).identify(Near(simulated(CONSTRUBADGE, HOLDER, UID)), UID)
    assert badge.flags == Flag.EXPIRED


def test_a_badge_with_another_key_is_a_forgery() -> None:
    forged = simulated(CONSTRUBADGE, HOLDER, UID, read_key=bytes(16))
    badge = identifier().identify(Near(forged), UID)
    assert (badge.number, badge.flags) == (UID.hex().upper(), Flag.UNAUTHENTIC)


def card(mode: Mode, content: bytes) -> DesfireCard:
    file = DataFile(bytearray(content), AccessRights(read=1), mode)
    return DesfireCard(UID, [Application(AID, (bytes(16), KEY), {2: file})], generation="EV3")


@pytest.mark.parametrize("version", ["ev1", "ev2"])
@pytest.mark.parametrize(("mode", "terminal_mode"), MODES)
def test_every_length_in_every_mode(mode: Mode, terminal_mode: TerminalMode, version: str) -> None:
    content = random.Random(7).randbytes(200)
    terminal = Card(Near(card(mode, content)))
    assert terminal.select(AID)
    getattr(terminal, f"authenticate_{version}")(1, KEY)
    for length in (*range(1, 70), 127, 128, 199):
        assert terminal.read(2, 1, length, terminal_mode) == content[1 : 1 + length]
    assert terminal.uid() == UID


def test_one_transaction_goes_on_through_a_second_authentication() -> None:
    content = bytes(range(64))
    terminal = Card(Near(card(Mode.FULL, content)))
    assert terminal.select(AID)
    terminal.authenticate_ev2(0, bytes(16))
    assert terminal.uid() == UID
    terminal.authenticate_ev2(1, KEY)
    assert terminal.read(2, 0, 64, TerminalMode.FULL) == content


def test_the_version_is_understood() -> None:
    version = Card(Near(card(Mode.PLAIN, b"x"))).version()
    assert (version.vendor, version.generation, version.uid) == (4, "EV3", UID)
    hidden = DesfireCard(UID, random_uid=True, generation="EV1")
    version = Card(Near(hidden)).version()
    assert (version.generation, version.uid) == ("EV1", bytes(7))


@pytest.mark.parametrize("version", ["ev1", "ev2"])
def test_a_wrong_key_is_noticed(version: str) -> None:
    terminal = Card(Near(card(Mode.FULL, b"x")))
    assert terminal.select(PICC)
    with pytest.raises(DesfireError):
        getattr(terminal, f"authenticate_{version}")(0, KEY)
