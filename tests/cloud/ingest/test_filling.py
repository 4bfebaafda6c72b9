"""Records that turn up after custody went on without them."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from cloud.custody import saying
from cloud.custody.tables import alarms, epochs, gaps
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.receipts import Verdict
from tests.cloud.ingest.test_custody import Platform, whole
from tests.cloud.terminal import FakeTerminal


@pytest.fixture
def terminal() -> FakeTerminal:
    """Its records: start, seal, ten taps."""
    made = FakeTerminal()
    for number in range(10):
        made.tap(str(number))
    return made


@pytest.fixture
def platform(engine: Engine, tmp_path: Path, terminal: FakeTerminal) -> Platform:
    """It holds records 1 to 3 and 8 to 12: the terminal said it had none before 8 any more."""
    made = Platform(engine, tmp_path)
    made.register(terminal)
    made.send(terminal, terminal.batch(1, 3))
    made.send(terminal, terminal.hello(acked=7, first=8), "hello")
    assert made.send(terminal, terminal.batch(8, 12)).verdict is Verdict.STORED
    return made


def missing(platform: Platform) -> list[tuple[int, int]]:
    return sorted((row["first_seq"], row["last_seq"]) for row in platform.rows(gaps))


def standing(platform: Platform) -> list[str]:
    found = [row for row in platform.rows(alarms) if row["cleared_ms"] is None]
    assert {row["kind"] for row in found} <= {"gap"}
    return sorted(saying.told(row["detail"]) for row in found)


@pytest.mark.parametrize(
    ("first", "last", "rest"),
    [
        (4, 7, []),
        (1, 12, []),
        (2, 10, []),
        (4, 4, [(5, 7)]),
        (3, 5, [(6, 7)]),
        (7, 8, [(4, 6)]),
        (6, 7, [(4, 5)]),
        (6, 9, [(4, 5)]),
    ],
)
def test_a_late_message_fills_the_gap(
    platform: Platform, terminal: FakeTerminal, first: int, last: int, rest: list[tuple[int, int]]
) -> None:
    leaf = platform.send(terminal, terminal.batch(first, last))
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, last, terminal.links[last])
    assert missing(platform) == rest
    lost = {seq for low, high in rest for seq in range(low, high + 1)}
    assert platform.held(terminal) == [row for row in whole(terminal) if row[0] not in lost]
    assert standing(platform) == [
        f"records {low} to {high} are gone for good" for low, high in rest
    ]
    again = platform.send(terminal, terminal.batch(first, last))
    assert again.verdict is Verdict.STORED
    assert len(platform.rows(epochs)) == 1


def test_one_that_goes_beyond_the_chain_continues_it(
    platform: Platform, terminal: FakeTerminal
) -> None:
    terminal.tap("eleventh")
    terminal.tap("twelfth")
    leaf = platform.send(terminal, terminal.batch(5, 14))
    assert (leaf.verdict, leaf.seq) == (Verdict.STORED, 14)
    assert missing(platform) == [(4, 4)]
    assert platform.send(terminal, terminal.batch(4, 4)).verdict is Verdict.STORED
    assert platform.held(terminal) == whole(terminal)


def test_what_never_stood_at_the_beginning_turns_up(engine: Engine, tmp_path: Path) -> None:
    platform, terminal = Platform(engine, tmp_path), FakeTerminal()
    for number in range(4):
        terminal.tap(str(number))
    platform.register(terminal)
    platform.send(terminal, terminal.hello(acked=3, first=4), "hello")
    platform.send(terminal, terminal.batch(4, 6))
    assert missing(platform) == [(1, 3)]
    assert platform.send(terminal, terminal.batch(1, 2)).verdict is Verdict.STORED
    assert platform.send(terminal, terminal.batch(1, 6)).verdict is Verdict.STORED
    assert (missing(platform), standing(platform)) == ([], [])
    assert platform.held(terminal) == whole(terminal)


@pytest.mark.parametrize(("first", "last"), [(3, 5), (6, 9), (4, 4), (1, 13)])
def test_what_contradicts_the_chain_is_a_branch(
    platform: Platform, terminal: FakeTerminal, first: int, last: int
) -> None:
    forger = FakeTerminal(terminal.key, terminal.platform, terminal.epoch)
    while forger.head < 13:
        forger.tap("other")
    assert platform.send(terminal, forger.batch(first, last)).verdict is Verdict.BRANCH
    assert missing(platform) == [(4, 7)]


def test_what_touches_neither_end_is_no_proof_of_belonging_there(
    platform: Platform, terminal: FakeTerminal
) -> None:
    assert platform.send(terminal, terminal.batch(5, 6)).verdict is Verdict.BRANCH
    assert missing(platform) == [(4, 7)]


def test_what_turns_up_is_registered(platform: Platform, terminal: FakeTerminal) -> None:
    interpreter = Interpreter(platform.engine, [terminal.platform])
    interpreter.run_to_end()

    def registered() -> list[int]:
        with platform.engine.begin() as conn:
            return list(
                conn.execute(select(registrations.c.seq).order_by(registrations.c.seq)).scalars()
            )

    assert registered() == [3, 8, 9, 10, 11, 12]
    platform.send(terminal, terminal.batch(4, 6))
    interpreter.run_to_end(2)
    assert registered() == [3, 4, 5, 6, 8, 9, 10, 11, 12]


def test_a_cursor_sent_back_while_records_are_interpreted_stays_back(
    platform: Platform, terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Custody commits between the reading of the epoch and the moving of its cursor."""
    if platform.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    interpreter = Interpreter(platform.engine, [terminal.platform])
    interpreter.run_to_end()
    terminal.tap("later")
    platform.send(terminal, terminal.batch(13, 13))
    register = Interpreter._register

    def slowly(self: Interpreter, *args: object) -> None:
        if len(platform.rows(gaps)) == 1:
            platform.custody.accept([Incoming(terminal.device, "records", terminal.batch(4, 7))])
        register(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Interpreter, "_register", slowly)
    interpreter.run_to_end()
    assert len(platform.rows(registrations)) == 11
