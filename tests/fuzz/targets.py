"""What is fuzzed: functions of any bytes that may end in nothing but typed results or errors."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from agent.readers.debus import DebusDialogue
from agent.readers.frames import Answered, Garbled, Parser, Presented, Result
from agent.readers.keys import KeyParser
from agent.readers.line import LineParser
from agent.readers.osdp_line import answer_in, is_busy, is_whole
from agent.readers.patterns import compile_pattern
from agent.readers.rdm6300 import Rdm6300Parser
from agent.readers.sscp import SscpDialogue
from agent.readers.twn4 import Twn4Dialogue
from agent.readers.wiegand import WiegandParser
from tests.agent.readers.streams import REASONS
from tests.fuzz import cards

_MOST_HELD = 600
"""Octets a parser may keep: one frame of the longest protocol, and some."""
_PATTERN = r"(?P<employer>[0-9.]{9,12});(?P<worker>\d+);(?P<badge>[0-9A-Z]+)"


def held(thing: object) -> int:
    """Octets in the buffers of a parser, and of what it is made of."""
    if isinstance(thing, bytearray):
        return len(thing)
    return sum(held(part) for part in getattr(thing, "__dict__", {}).values())


def checked(results: Iterable[Result]) -> None:
    """Fails on what is no typed result, or a reason nobody counts."""
    for result in results:
        if isinstance(result, Garbled):
            assert result.reason in REASONS, result
        elif isinstance(result, Presented):
            assert result.badge.number.isalnum()
        else:
            assert isinstance(result, Answered), result


def stream(make: Callable[[], Parser]) -> Callable[[bytes], None]:
    """A target that feeds a new parser; the first octet says how long the pieces are."""

    def target(data: bytes) -> None:
        parser = make()
        step = 1 + data[0] if data else 1
        for start in range(1, len(data), step):
            checked(parser.feed(data[start : start + step]))
            assert held(parser) <= _MOST_HELD
        checked(parser.idle())
        assert held(parser) == 0

    return target


def keys(data: bytes) -> None:
    """Keys that went down, up or repeat: two octets each."""
    parser = KeyParser("azerty-be" if data[:1] == b"b" else "us")
    for code, value in zip(data[1::2], data[2::2], strict=False):
        checked(parser.key(code, value % 3))
    checked(parser.idle())


def pattern(data: bytes) -> None:
    """A pattern of a configuration file."""
    with suppress(ValueError):
        compile_pattern(data.decode("utf-8", "replace"))


def osdp_line(data: bytes) -> None:
    """What was heard on an OSDP line: a frame of the peripheral asked, or none."""
    found = answer_in(data, 5)
    if found is not None:
        assert found in data
        assert found[1] & 0x80
        assert len(found) == int.from_bytes(found[2:4], "little") > 5
        is_busy(found)
        is_whole(found)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "rdm6300": stream(Rdm6300Parser),
    "line": stream(LineParser),
    "line-pattern": stream(lambda: LineParser(_PATTERN)),
    "wiegand-bits": stream(lambda: WiegandParser("26", "bits")),
    "wiegand-hex": stream(lambda: WiegandParser("37", "hex")),
    "wiegand-number": stream(lambda: WiegandParser("34", "number")),
    "twn4": stream(Twn4Dialogue),
    "sscp": stream(SscpDialogue),
    "deister": stream(DebusDialogue),
    "osdp-line": osdp_line,
    "keys": keys,
    "pattern": pattern,
    **cards.TARGETS,
}
