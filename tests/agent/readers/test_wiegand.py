"""Wiegand formats and the lines converters write of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.wiegand import LAYOUTS
from agent.readers.frames import Garbled, Presented
from agent.readers.wiegand import WiegandParser
from protocol.badges import Assurance, Badge
from tests.agent.readers.streams import cut, only_typed_results, parse

STREAMS = st.lists(
    st.sampled_from([b"\r\n", b"01", b"123,4567\r", b"06", b"A" * 60, b"\xff"])
    | st.binary(max_size=6)
).map(b"".join)


def frame(layout: str, facility: int, number: int) -> str:
    """The bits a card sends."""
    form = LAYOUTS[layout]
    data = f"{facility:b}".zfill(form.facility_bits) if form.facility_bits else ""
    data += f"{number:b}".zfill(form.number_bits)
    even = data[: form.covered].count("1") % 2
    odd = 1 - data[-form.covered :].count("1") % 2
    return f"{even}{data}{odd}"


def test_a_published_26_bit_card() -> None:
    # Facility 123, card 4567: HID's H10301 as its format guides print it.
    bits = frame("26", 123, 4567)
    assert (len(bits), bits[1:-1]) == (26, "011110110001000111010111")
    badge = Badge("12304567", "wiegand26", Assurance.UID)
    assert WiegandParser("26", "bits").feed(bits.encode() + b"\r\n") == [Presented(badge)]
    assert WiegandParser("26", "hex").feed(b"%X\r" % int(bits, 2)) == [Presented(badge)]
    assert WiegandParser("26", "number").feed(b"123,4567\n") == [Presented(badge)]
    assert WiegandParser("26", "number").feed(b"123:04567\n") == [Presented(badge)]


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_what_was_sent_is_read_in_every_form(layout: str, data: st.DataObject) -> None:
    form = LAYOUTS[layout]
    facility = data.draw(st.integers(0, 2**form.facility_bits - 1))
    number = data.draw(st.integers(1, 2**form.number_bits - 1))
    bits = frame(layout, facility, number)
    lines = {"bits": bits, "hex": f"{int(bits, 2):X}", "number": f"{facility}-{number}"}
    badges = [
        WiegandParser(layout, name).feed(line.encode() + b"\n")  # type: ignore[arg-type]
        for name, line in lines.items()
    ]
    assert badges[0] == badges[1] == badges[2]
    assert isinstance(badges[0][0], Presented)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_single_wrong_bit_is_noticed(layout: str) -> None:
    bits = frame(layout, 0, 4567)
    for place in range(len(bits)):
        wrong = bits[:place] + str(1 - int(bits[place])) + bits[place + 1 :]
        assert WiegandParser(layout, "bits").feed(wrong.encode() + b"\n") == [  # type: ignore[arg-type]
            Garbled("parity")
        ]


@pytest.mark.parametrize(
    ("form", "line", "reason"),
    [
        ("bits", b"0101", "length"),
        ("hex", b"FFFFFFFFF", "length"),
        ("hex", b"12G4", "pattern"),
        ("number", b"256,1", "length"),
        ("number", b"1,65536", "length"),
        ("number", b"0,0", "blank"),
        ("number", b"1,,1", "pattern"),
        ("bits", b"1" * 100, "too-long"),
    ],
)
def test_what_is_no_card_is_said(form: str, line: bytes, reason: str) -> None:
    assert WiegandParser("26", form).feed(line + b"\r\n") == [Garbled(reason)]  # type: ignore[arg-type]


@given(STREAMS, st.sampled_from(list(LAYOUTS)), st.sampled_from(["bits", "hex", "number"]))
def test_any_bytes_give_only_typed_results(data: bytes, layout: str, form: str) -> None:
    only_typed_results(lambda: WiegandParser(layout, form), data)  # type: ignore[arg-type]


@given(STREAMS, st.lists(st.integers(0, 10_000)))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, places: list[int]) -> None:
    assert parse(WiegandParser(), cut(data, places)) == WiegandParser().feed(data)
