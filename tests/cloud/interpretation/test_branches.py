"""Branches: kept apart until a person decides, then registered once, or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update

from cloud.cli import cloud
from cloud.custody.tables import alarms, epochs, waiting
from cloud.disclosure import service
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from protocol.identity import group
from tests.cloud.terminal import FakeTerminal


class Forked:
    """A terminal and a copy of its storage; each tapped once before the copy and once after."""

    def __init__(self, engine: Engine, url: str, directory: Path) -> None:
        self.engine, self.url = engine, url
        self.terminal = FakeTerminal()
        self.terminal.tap("0000000001")
        self.copy = self.terminal.clone()
        self.terminal.tap("0000000002")
        self.copy.tap("0000000003")
        self.custody = Custody(engine, directory, generation=1)
        with engine.begin() as conn:
            self.terminal_id = self.terminal.register(conn)
        self.deliver(self.terminal)
        # The batch of the copy begins before the two depart.
        self.deliver(self.copy, 3)
        self.interpret()

    def deliver(self, terminal: FakeTerminal, first: int = 1) -> None:
        self.custody.accept([Incoming(terminal.device, "records", terminal.batch(first))])

    def interpret(self) -> list[Any]:
        """By an interpreter that remembers nothing; the registrations there are then."""
        Interpreter(self.engine, [self.terminal.platform]).run_to_end()
        return self.rows(registrations)

    def again(self) -> list[Any]:
        with self.engine.begin() as conn:
            conn.execute(update(epochs).values(interpreted_seq=0))
        return self.interpret()

    def rows(self, table: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).mappings())

    def run(self, command: str, *words: str) -> Result:
        self.engine.dispose()
        device = group(self.terminal.device)
        return CliRunner().invoke(cloud, ["terminal", command, device, "--db", self.url, *words])

    def resolve(self, word: str) -> Result:
        name = self.terminal.epoch.hex()[:8]
        return self.run("resolve-branch", "--epoch", name, "--branch", "1", word)

    def states(self) -> list[str]:
        result = self.run("branches", "--json")
        assert result.exit_code == 0, result.output
        return [row["state"] for row in json.loads(result.stdout)]


@pytest.fixture
def forked(engine: Engine, database_url: str, tmp_path: Path) -> Forked:
    return Forked(engine, database_url, tmp_path)


def test_a_branch_waits_for_a_person(forked: Forked) -> None:
    assert len(forked.rows(registrations)) == 2
    assert forked.states() == ["open"]
    assert [row["cleared_ms"] for row in forked.rows(alarms)] == [None]


def test_an_attributed_branch_counts_once(forked: Forked) -> None:
    result = forked.resolve("--attribute")
    assert result.exit_code == 0, result.output
    assert [row["seq"] for row in forked.interpret()] == [3, 4, 4]
    assert len({row["epoch_id"] for row in forked.rows(registrations)}) == 2
    assert forked.rows(waiting) == []
    assert forked.states() == ["attributed"]
    assert None not in [row["cleared_ms"] for row in forked.rows(alarms)]
    assert "already" in forked.resolve("--attribute").output
    assert len(forked.again()) == 3
    forked.copy.tap("0000000004")
    forked.deliver(forked.copy, 5)
    assert len(forked.interpret()) == 4


def test_a_dismissed_branch_may_be_attributed_later_and_not_the_other_way(forked: Forked) -> None:
    assert forked.resolve("--dismiss").exit_code == 0
    assert forked.states() == ["dismissed"]
    assert len(forked.again()) == 2
    assert forked.resolve("--attribute").exit_code == 0
    assert len(forked.interpret()) == 3
    result = forked.resolve("--dismiss")
    assert result.exit_code == 2
    assert "its registrations stay" in result.stderr
    assert forked.states() == ["attributed"]


@pytest.mark.parametrize("attributed_first", [True, False])
def test_a_branch_that_is_carried_over_counts_once(forked: Forked, attributed_first: bool) -> None:
    if attributed_first:
        assert forked.resolve("--attribute").exit_code == 0
        forked.interpret()
    later = forked.copy.next_epoch()
    for seq in range(2, forked.copy.head + 1):
        later.carry(forked.copy, seq)
    forked.deliver(later)
    assert len(forked.interpret()) == 3
    assert forked.resolve("--attribute").exit_code == 0
    assert len(forked.interpret()) == 3
    assert len(forked.again()) == 3


def test_the_registration_of_a_branch_is_disclosed_as_itself(forked: Forked) -> None:
    forked.resolve("--attribute")
    found = forked.interpret()[-1]
    with forked.engine.begin() as conn:
        place = service.place_of(conn, found["id"])
        disclosed = service.disclose(conn, place, [forked.terminal.platform])
    assert disclosed.badge is not None
    assert disclosed.badge.number == "0000000003"


def test_what_is_no_branch_is_refused(forked: Forked) -> None:
    for epoch, branch in (("7", "1"), (forked.terminal.epoch.hex(), "2"), ("00", "1")):
        result = forked.run("resolve-branch", "--epoch", epoch, "--branch", branch, "--dismiss")
        assert result.exit_code == 2
        assert "has no branch" in result.stderr
    words = ["resolve-branch", "--epoch", "1", "--branch", "1"]
    for both in ([], ["--attribute", "--dismiss"]):
        assert forked.run(*words, *both).exit_code == 2
    assert forked.states() == ["open"]
    assert forked.run(*words, "--dismiss").exit_code == 0
