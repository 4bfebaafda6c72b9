"""What asked readers answer: published examples, and any bytes at all."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.uid import uid_badge
from agent.readers.debus import DebusDialogue, kermit
from agent.readers.frames import Answered, Dialogue, Garbled, Presented
from agent.readers.sscp import SscpDialogue
from agent.readers.twn4 import Twn4Dialogue
from agent.reads import Feedback
from hwsim.readers.answers import Answers, DebusAnswers, SscpAnswers, Tag, Twn4Answers
from tests.agent.readers.streams import cut, only_typed_results, parse
from tests.fuzz.targets import held

DIALOGUES: dict[str, tuple[Callable[[], Dialogue], Callable[[], Answers]]] = {
    "twn4": (Twn4Dialogue, Twn4Answers),
    "sscp": (SscpDialogue, SscpAnswers),
    "sscp485": (lambda: SscpDialogue(5), lambda: SscpAnswers(5)),
    "deister": (DebusDialogue, DebusAnswers),
}
FRAGMENTS = [
    *(
        b"\r",
        b"0001",
        b"0001802004",
        b"80",
        b"\x02",
        b"\x00",
        b"\x02\x00\x06",
        b"\x02\xff\xff",
        b"\xff\xff\xfb",
    ),
    *(b"\xfe", b"\xf8", b"\x11\x3f\x0b\x00", b"\x00\x02", b"F" * 50, b"\x01" * 200),
]
STREAMS = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=6)).map(b"".join)
UIDS = st.binary(min_size=7, max_size=7).filter(any)
each = pytest.mark.parametrize("name", DIALOGUES)


def answer(name: str, uid: bytes | None) -> bytes:
    """What the simulated reader answers a dialogue's question."""
    dialogue, answers = (make() for make in DIALOGUES[name])
    assert isinstance(dialogue, Twn4Dialogue | SscpDialogue | DebusDialogue)
    tag = None if uid is None else Tag("iso14443a", uid)
    return answers.take(dialogue.ask(), tag)  # type: ignore[union-attr]


def test_the_check_values_of_the_catalogue_of_crcs() -> None:
    assert kermit(b"123456789") == 0x2189


def test_twn4_as_the_vendor_prints_it() -> None:
    dialogue = Twn4Dialogue()
    assert dialogue.ask() == b"050010\r"
    assert dialogue.feed(b"0000\r") == [Answered()]
    assert dialogue.feed(b"00018038070411223344556680\r") == [Garbled("frame")]
    assert dialogue.feed(b"000180380704112233445566\r") == [
        Presented(uid_badge(bytes.fromhex("04112233445566")))
    ]
    assert dialogue.feed(b"01\r") == [Garbled("reader-error")]
    assert dialogue.feed(b"0001832004AABBCCDD\r") == [Garbled("tag-type")]


@each
@given(uid=UIDS.filter(lambda uid: uid != b"\xff" * 7))
def test_what_was_asked_is_answered(name: str, uid: bytes) -> None:
    assert DIALOGUES[name][0]().feed(answer(name, uid)) == [Presented(uid_badge(uid))]
    assert DIALOGUES[name][0]().feed(answer(name, None)) == [Answered()]


@each
@given(uid=st.binary(min_size=4, max_size=10))
def test_an_answer_with_a_badge_is_longer_than_one_without(name: str, uid: bytes) -> None:
    nothing = DIALOGUES[name][0]().nothing
    assert len(answer(name, None)) <= nothing < len(answer(name, uid))


@pytest.mark.parametrize("address", range(128))
@pytest.mark.parametrize("name", ["sscp", "deister"])
def test_so_it_is_at_every_address(name: str, address: int) -> None:
    if name == "sscp":
        dialogue: Dialogue = SscpDialogue(address)
        answers: Answers = SscpAnswers(address)
    else:
        dialogue, answers = DebusDialogue(address), DebusAnswers(address)
    assert len(answers.take(dialogue.ask(), None)) <= dialogue.nothing


@pytest.mark.parametrize("name", ["sscp", "sscp485", "deister"])
def test_every_bit_of_a_checked_answer_counts(name: str) -> None:
    good = answer(name, bytes.fromhex("04A1B2C3D4E5F8"))
    right = DIALOGUES[name][0]().feed(good)
    for position in range(len(good)):
        for bit in range(8):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            dialogue = DIALOGUES[name][0]()
            results = [*dialogue.feed(bytes(spoilt)), *dialogue.idle()]
            if name == "deister" and position < 2:
                continue  # the fill octets mean nothing
            assert right[0] not in results, (position, bit)


@each
@given(data=STREAMS)
def test_any_bytes_give_only_typed_results(name: str, data: bytes) -> None:
    only_typed_results(DIALOGUES[name][0], data)


@each
@given(data=STREAMS)
def test_after_any_bytes_and_a_pause_an_answer_is_read(name: str, data: bytes) -> None:
    dialogue = DIALOGUES[name][0]()
    dialogue.feed(data)
    dialogue.idle()
    uid = bytes.fromhex("04A1B2C3D4E5F8")
    assert dialogue.feed(answer(name, uid)) == [Presented(uid_badge(uid))]


@each
@given(data=STREAMS, places=st.lists(st.integers(0, 10_000)))
def test_where_the_stream_is_cut_makes_no_difference(
    name: str, data: bytes, places: list[int]
) -> None:
    make = DIALOGUES[name][0]
    assert parse(make(), cut(data, places)) == make().feed(data)


@each
@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_what_never_ends_is_not_kept(name: str, fragment: bytes) -> None:
    dialogue = DIALOGUES[name][0]()
    for filler in (b"\x01", b"A"):
        dialogue.feed(fragment + filler * 5000)
        assert held(dialogue) < 600


@pytest.mark.parametrize("name", ["sscp", "deister"])
def test_noise_is_told_once_until_it_goes_quiet(name: str) -> None:
    dialogue = DIALOGUES[name][0]()
    assert dialogue.feed(b"A" * 50) == [Garbled("frame")]
    assert dialogue.feed(b"A" * 50) == []
    dialogue.idle()
    assert dialogue.feed(b"A" * 50) == [Garbled("frame")]


@each
@pytest.mark.parametrize("feedback", Feedback)
def test_every_feedback_is_answered_once_a_command(name: str, feedback: Feedback) -> None:
    dialogue, answers = (make() for make in DIALOGUES[name])
    for command in dialogue.signal(feedback):  # type: ignore[union-attr]
        assert dialogue.feed(answers.take(command, None)) == [Answered()]  # type: ignore[union-attr]


def test_an_address_that_is_not_ours_is_not_listened_to() -> None:
    other = SscpAnswers(5).take(SscpDialogue(5).ask(), None)
    assert SscpDialogue(6).feed(other) == [Garbled("address")]
    assert SscpAnswers(6).take(SscpDialogue(5).ask(), None) == b""


def test_backwards_numbers_are_turned() -> None:
    dialogue = Twn4Dialogue(backwards=True)
    assert dialogue.feed(b"0001804007" + b"00" * 7 + b"\r") == [Garbled("frame")]
    [result] = dialogue.feed(b"000182400834010050010004E0\r")
    assert isinstance(result, Presented)
    assert (result.badge.number, result.badge.profile) == ("E004000150000134", "iso15693")
    [refused] = Twn4Dialogue().feed(b"000182400834010050010004E0\r")
    assert refused == Garbled("uid-order")
