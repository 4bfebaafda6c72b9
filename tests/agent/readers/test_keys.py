"""Keys that a wedge presses, and the lines they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.readers.frames import Garbled, Presented, Result
from agent.readers.keymaps import KEYMAPS
from agent.readers.keys import KeyParser
from agent.readers.wedge_config import Keymap
from protocol.badges import Assurance, Badge

ENTER, SHIFT, CONTROL, CAPS_LOCK, TAB = 28, 42, 29, 58, 15
DIGITS = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11}
KEYPAD = range(71, 84)
ANY = r"(?P<badge>[0-9A-Za-z./-]{1,48})"


def press(parser: KeyParser, *codes: int) -> list[Result]:
    return [result for code in codes for value in (1, 2, 0) for result in parser.key(code, value)]


def typed(parser: KeyParser, text: str, keymap: Keymap) -> list[Result]:
    """What a wedge of this layout sends for `text` and Enter."""
    results = []
    plain, shifted = (
        {char: code for code, char in keys.items() if code not in KEYPAD}
        for keys in KEYMAPS[keymap]
    )
    for char in text:
        if char in plain:
            results += press(parser, plain[char])
        else:
            results += parser.key(SHIFT, 1)
            results += press(parser, shifted[char])
            results += parser.key(SHIFT, 0)
    return results + press(parser, ENTER)


def read(number: str) -> Presented:
    return Presented(Badge(number, "printed", Assurance.PRINTED))


def test_digits_of_the_top_row_on_a_us_keyboard() -> None:
    parser = KeyParser("us")
    assert press(parser, *(DIGITS[digit] for digit in "1234567890"), ENTER) == [read("1234567890")]


def test_digits_of_the_top_row_need_shift_on_a_belgian_keyboard() -> None:
    codes = [DIGITS[digit] for digit in "1234567890"]
    parser = KeyParser("azerty-be")
    # Without Shift they are & e-acute " ' and so on: no number, said once.
    assert press(parser, *codes, ENTER) == [Garbled("frame")]
    parser.key(SHIFT, 1)
    assert press(parser, *codes) == []
    parser.key(SHIFT, 0)
    assert press(parser, ENTER) == [read("1234567890")]


@pytest.mark.parametrize("keymap", KEYMAPS)
@given(
    text=st.text("0123456789ABCXYZabcqwz", min_size=1, max_size=48).filter(lambda t: t.strip("0"))
)
def test_what_is_typed_is_read(keymap: Keymap, text: str) -> None:
    assert typed(KeyParser(keymap, ANY), text, keymap) == [read(text.upper())]


def test_letters_stand_where_the_layout_has_them() -> None:
    q, a, w, z = 16, 30, 17, 44
    assert press(KeyParser("us", ANY), q, a, w, z, ENTER) == [read("QAWZ")]
    assert press(KeyParser("azerty-be", ANY), q, a, w, z, ENTER) == [read("AQZW")]


def test_caps_lock_changes_no_digit() -> None:
    parser = KeyParser("us", r"(?P<badge>[a-z0-9]+)")
    assert press(parser, CAPS_LOCK, TAB, 30, DIGITS["1"], ENTER) == [Garbled("pattern")]
    assert press(parser, CAPS_LOCK, 30, DIGITS["1"], ENTER) == [read("A1")]


def test_a_key_that_changes_the_others_spoils_its_line() -> None:
    parser = KeyParser("us")
    assert press(parser, 2, CONTROL, 3, ENTER) == [Garbled("frame")]
    assert press(parser, 2, 3, ENTER) == [read("12")]


def test_a_line_without_enter_is_given_up() -> None:
    parser = KeyParser("us")
    press(parser, 2, 3)
    assert parser.idle() == [Garbled("frame")]
    assert press(parser, 4, ENTER) == [read("3")]


@given(
    st.lists(st.tuples(st.integers(-1, 800), st.integers(-1, 4))), st.sampled_from(list(KEYMAPS))
)
def test_any_keys_give_only_typed_results(keys: list[tuple[int, int]], keymap: Keymap) -> None:
    parser = KeyParser(keymap)
    for code, value in keys:
        for result in parser.key(code, value):
            assert isinstance(result, Presented | Garbled)
