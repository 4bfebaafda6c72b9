"""Rows found in raw bytes: all that are there, and nothing but claims from whoever wrote them."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.queue import carving
from agent.queue.carving import Found, carve, carve_file
from agent.queue.rows import Row
from tests.agent.terminal import Terminal, read


def rows(terminal: Terminal) -> list[Row]:
    epoch = terminal.journal.epochs()[-1]
    return list(terminal.journal.rows(epoch.ordinal, 1, 10_000))


def content(terminal: Terminal) -> bytes:
    terminal.journal.close()
    return terminal.journal.path.read_bytes()


def test_every_row_of_a_file_is_found(terminal: Terminal) -> None:
    for n in range(50):
        terminal.recorder.record([read(f"{n}{m}") for m in range(n % 4 + 1)])
    written = rows(terminal)
    found = {row.seq: row for row in carve(content(terminal), terminal.recorder.terminal)}
    assert [found[row.seq] for row in written] == [
        Found(terminal.recorder.epoch, row.seq, row.body, row.blob, row.link, row.signature)
        for row in written
    ]


def test_the_log_holds_what_the_file_does_not_yet(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    log = (terminal.state / "journal.sqlite-wal").read_bytes()
    found = list(carve(log, terminal.recorder.terminal))
    assert {row.seq for row in found} == {1, 2, 3}


@pytest.mark.parametrize("chunk", [300, 1000, 4096, 1 << 20])
def test_a_row_across_two_chunks_is_found(
    terminal: Terminal, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        terminal.recorder.record([read(str(n))])
    data = content(terminal)
    whole = list(carve(data, terminal.recorder.terminal))
    monkeypatch.setattr(carving, "_CHUNK", chunk)
    parts = list(carve_file(io.BytesIO(data), terminal.recorder.terminal))
    assert set(map(repr, parts)) == set(map(repr, whole))


def test_another_terminals_rows_are_not_ours(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    assert list(carve(content(terminal), b"x" * 32)) == []


def test_what_a_salvaged_record_carries_is_no_row_of_its_own(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    row = rows(terminal)[-1]
    page = b"\x07" * 40 + row.body + (row.blob or b"") + row.link + (row.signature or b"")
    assert list(carve(page, terminal.recorder.terminal)) == []


@given(st.binary(max_size=300), st.binary(max_size=300))
@example(b"", b"")
@example(b"\x0c" * 12, b"\xa9")
def test_no_bytes_stop_it(before: bytes, after: bytes) -> None:
    terminal = b"t" * 32
    sign = b"\x00\x01\x01\x58\x20" + terminal
    for row in carve(before + sign + after + sign, terminal):
        assert row.seq >= 0
