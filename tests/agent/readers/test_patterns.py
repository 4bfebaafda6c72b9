"""Patterns from the configuration: what they may hold, and that none can stall a reader."""

import contextlib
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.readers.patterns import LONGEST_LINE, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?P<badge>\d+)",
        r"(?P<employer>\d{10})[;,](?P<worker>\d{1,11})[;,](?P<badge>[0-9A-Z]+)",
        r"BE(?P<employer>\d{4}\.\d{3}\.\d{3})/(?P<badge>\w+)(?:/(?P<worker>\d+))?",
        r"]C1(?P<badge>\d{12,18})",
        r"[][()|?*+]{1,3}(?P<badge>\d++)\(\)",
        r"(?:A|B)(?P<badge>\d+?)x{3}",
    ],
)
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"\d+", "no group named badge"),
        (r"(?P<badge>\d+", "no regular expression"),
        (r"(?P<badge>\d+)(?P<name>\w+)", "group name"),
        (r"(?P<badge>(\d+)+)", "repeats a group"),
        (r"(?P<badge>(?:\d|\d\d)*)", "repeats a group"),
        (r"(?P<badge>(?:\d*){2})", "repeats a group"),
        (r"(?P<badge>\d*\d*\d*\d*)x", "too long"),
        (r"(?P<badge>" + r"\d?" * 40 + ")", "too long"),
        (r"(?P<badge>" + r"(?:1|1)" * 30 + ")", "too long"),
        (r"(?P<badge>" + r"\d{0,60}" * 4 + ")", "too long"),
        (r"(?P<badge>\d+)(?=x)", "not allowed"),
        (r"(?P<badge>\d+)\1", "not allowed"),
        (r"(?P<badge>\d+)(?P=badge)", "not allowed"),
        (r"(?i)(?P<badge>\d+)", "not allowed"),
        (r"(?P<badge>\d+)" + "x" * 250, "at most"),
        (r"(?P<badge>\d{99999999999999})", "no regular expression"),
    ],
)
def test_others_are_refused_with_the_reason(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compile_pattern(pattern)


def test_what_a_later_python_reads_otherwise_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="nested set"):
            compile_pattern(r"(?P<badge>[[0-9]]+)")


@given(st.text(st.sampled_from(r"ab\d()[]{}|?*+.,^$1:=!<>P-"), max_size=40))
def test_any_text_is_a_pattern_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        compile_pattern(f"(?P<badge>1){text}")


PIECES = st.lists(
    st.sampled_from([r"\d*", r"\d+", r"\d?", r"\d{0,9}", r"[0-9]*", "(?:1|1)", "(?:1?)?", "1"]),
    max_size=12,
).map("".join)


@given(PIECES)
def test_an_accepted_pattern_ends_on_the_line_that_tries_it_most(text: str) -> None:
    # The time limit of the test is what fails here.
    try:
        pattern = compile_pattern(f"(?P<badge>1){text}x")
    except ValueError:
        return
    assert pattern.fullmatch("1" * LONGEST_LINE) is None
