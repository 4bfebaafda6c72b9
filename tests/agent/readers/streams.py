"""Feeding a parser a stream in pieces, and what every parser must hold to."""

import itertools
from collections.abc import Callable, Iterable

from agent.readers.frames import Answered, Garbled, Parser, Presented, Result

REASONS = {
    *("frame", "checksum", "too-long", "blank", "pattern", "not-a-number", "length", "parity"),
    *("address", "reader-error", "tag-type", "random-uid", "uid-length", "uid-order"),
}


def parse(parser: Parser, pieces: Iterable[bytes]) -> list[Result]:
    return [result for piece in pieces for result in parser.feed(piece)]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def only_typed_results(make: Callable[[], Parser], data: bytes) -> None:
    parser = make()
    for result in [*parser.feed(data), *parser.idle()]:
        if isinstance(result, Garbled):
            assert result.reason in REASONS
        elif not isinstance(result, Answered):
            assert isinstance(result, Presented)
            assert result.badge.number.isalnum()
