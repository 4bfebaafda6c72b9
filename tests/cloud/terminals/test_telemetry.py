"""The history of what terminals tell of themselves, as ingest writes it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from cloud.ingest import custody
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.terminals import telemetry
from cloud.terminals.tables import telemetry as table
from cloud.terminals.telemetry import KEPT_MS, SLOT_MS
from tests.cloud.terminal import NOW_MS, FakeTerminal

START = NOW_MS - NOW_MS % SLOT_MS
SAID: dict[str, Any] = {
    "queue": 3,
    "receipt_ms": 40,
    "uptime_s": 100,
    "clock": {"sync": "synchronised", "bound_ms": 9, "wall_ms": START - 20},
    "unreadable": {"in": {"checksum": 2}, "out": {"frame": 1}},
    "readers": {"in": {"state": "ready", "detail": ""}, "out": {"state": "failed"}},
    "certificate": {"not_before_ms": 1, "not_after_ms": START + 10**9},
}


class Station:
    """One terminal that tells of itself, and the time at which the platform hears it."""

    def __init__(self, engine: Engine, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.terminal, self._patch = engine, FakeTerminal(), monkeypatch
        with engine.begin() as conn:
            self.id = self.terminal.register(conn)
        self.custody = Custody(engine, directory, 1)

    def tell(self, at_ms: int, *, retained: bool = False, **said: Any) -> None:
        self._patch.setattr(custody, "now_ms", lambda: at_ms)
        payload = json.dumps(SAID | said).encode()
        message = Incoming(self.terminal.device, "telemetry", payload, retained=retained)
        assert self.custody.accept([message]) == []

    def rows(self) -> list[dict[str, Any]]:
        with self.engine.begin() as conn:
            return [dict(row) for row in telemetry.history(conn, self.id, 0)]


@pytest.fixture
def station(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    return Station(engine, tmp_path, monkeypatch)


def test_five_minutes_are_one_row_with_their_worst(station: Station) -> None:
    station.tell(START)
    station.tell(
        START + 60_000,
        queue=9,
        receipt_ms=None,
        clock={"sync": "set", "bound_ms": None, "wall_ms": START + 60_005},
    )
    station.tell(START + SLOT_MS - 1, queue=1, receipt_ms=7)
    (row,) = station.rows()
    assert row["at_ms"] == START
    assert (row["queue"], row["receipt_ms"], row["clock_ms"]) == (9, 40, 5)
    assert (row["clock_sync"], row["clock_bound_ms"]) == ("synchronised", 9)
    assert (row["unreadable"], row["uptime_s"]) == (3, 100)
    assert json.loads(row["readers"]) == {"in": "ready", "out": "failed"}
    assert row["certificate_ms"] == START + 10**9
    station.tell(START + SLOT_MS, queue=0)
    assert [row["queue"] for row in station.rows()] == [9, 0]


def test_what_the_broker_kept_from_earlier_is_no_history(station: Station) -> None:
    station.tell(START, retained=True)
    assert station.rows() == []


def test_what_is_old_goes_as_the_new_comes(station: Station) -> None:
    station.tell(START)
    station.tell(START + SLOT_MS)
    station.tell(START + SLOT_MS + KEPT_MS)
    assert [row["at_ms"] for row in station.rows()] == [START + SLOT_MS, START + SLOT_MS + KEPT_MS]


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*SAID, "more"]), anything))
def test_whatever_a_terminal_says_the_row_holds_numbers_or_nothing(said: dict[str, Any]) -> None:
    row = telemetry.report(said, START)
    for name, value in row.items():
        if name not in ("readers", "clock_sync"):
            assert value is None or -(2**62) < value < 2**62
    assert row["clock_sync"] in (None, "unset", "set", "synchronised")
    assert "\0" not in (row["readers"] or "")


def test_a_message_that_is_odd_is_stored_as_the_others(station: Station) -> None:
    odd = {"a\0b": {"state": "ready"}, "x" * 99: {"state": "gone"}, "y": 3}
    station.tell(START, queue=2**70, readers=odd, unreadable=7, clock=[])
    (row,) = station.rows()
    assert (row["queue"], row["unreadable"], row["clock_ms"]) == (None, None, None)
    assert json.loads(row["readers"]) == {"ab": "ready", "x" * 40: None, "y": None}


def test_unreadable_badges_are_counted_by_the_hour(station: Station) -> None:
    hour = 3_600_000
    first = START - START % hour
    counts = [5, 8, 8, 2, 4]
    for number, count in enumerate(counts):
        station.tell(first + number * hour, unreadable={"in": {"frame": count}})
    station.tell(first + 5 * hour, unreadable=None)
    with station.engine.begin() as conn:
        found = telemetry.unreadable_by_hour(telemetry.history(conn, station.id, 0))
        assert conn.execute(select(table.c.terminal_id)).scalars().all() == [station.id] * 6
    # From 8 to 2: the program was started anew, and counted two since.
    assert [found[first + number * hour] for number in range(5)] == [0, 3, 0, 2, 2]
