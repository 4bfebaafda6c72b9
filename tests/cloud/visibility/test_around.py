"""What `explain` of a worker says of terminals and of badges of nobody, at the sites reached."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from cloud.accounts.roles import Role
from cloud.accounts.scopes import Scope
from cloud.companies.service import private_companies
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminal_service
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from cloud.visibility import around
from cloud.visibility import workers as about
from cloud.visibility.condition import SILENT_MS
from cloud.visibility.rules import Viewer, program
from protocol.identity import group
from tests.cloud.visibility.world import START_MS, Tap, World

CHECKS = ("activity", "queue", "badge", "employer")


def notes(conn: Connection, seen_by: Viewer, who: str = "7", **period: int) -> list[str]:
    return [
        step["found"]
        for step in about.explain(conn, seen_by, who, **period).as_json()["steps"]
        if step["verdict"] == "note" and step["check"] in CHECKS
    ]


def heard(conn: Connection, terminal: int, at_ms: int | None = None, **telemetry: Any) -> None:
    """A terminal is heard of, now or at a moment, telling this."""
    conn.execute(
        update(terminals)
        .where(terminals.c.id == terminal)
        .values(
            last_seen_ms=now_ms() if at_ms is None else at_ms,
            last_status=json.dumps({"telemetry": telemetry}),
        )
    )


@pytest.fixture
def quai(conn: Connection, world: World) -> Viewer:
    """Somebody of ours who reaches one site, Nord / Quai, where the first terminal stands."""
    return world.member(conn, Role.VIEWER, sites=(world.places[0][2],))


class TestTerminals:
    def test_those_that_are_silent_where_it_is_reached(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        (silent,) = notes(conn, quai)
        assert f"the sites you reach are silent: {group(world.devices[0])}. What" in silent
        (silent,) = notes(conn, world.member(conn, Role.ADMINISTRATOR))
        assert [group(device) in silent for device in world.devices] == [True] * 4 + [False] * 4
        heard(conn, world.terminals[0], now_ms() - SILENT_MS - 1000)
        assert len(notes(conn, quai)) == 1
        heard(conn, world.terminals[0], now_ms() - SILENT_MS + 60_000)
        assert notes(conn, quai) == []

    def test_records_that_are_not_received(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        for terminal in world.terminals:
            heard(conn, terminal, queue=12)
        device = group(world.devices[0])
        said = f"12 records were still on these terminals when they last told: {device}."
        assert notes(conn, quai) == [said]
        (said,) = notes(conn, world.member(conn, Role.ADMINISTRATOR))
        assert said.startswith("48 records")
        assert [group(device) in said for device in world.devices] == [True] * 4 + [False] * 4

    @pytest.mark.parametrize("told", [{}, {"queue": 0}, {"queue": -1}, {"queue": "many"}])
    def test_what_is_no_queue(
        self, conn: Connection, world: World, quai: Viewer, told: Any
    ) -> None:
        heard(conn, world.terminals[0], **told)
        assert notes(conn, quai) == []

    def test_telemetry_that_is_none(self, conn: Connection, quai: Viewer) -> None:
        for status in ('{"telemetry": 7}', "[]", "not JSON"):
            conn.execute(update(terminals).values(last_seen_ms=now_ms(), last_status=status))
            assert notes(conn, quai) == []

    def test_what_it_told_at_another_company_is_not_said(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        """One comes from Elektro with a queue it told of there; one has gone there."""
        heard(conn, world.terminals[0])
        heard(conn, world.terminals[4], now_ms() - 60_000, queue=12)
        terminal_service.assign(conn, world.terminals[4], world.places[0][2], now_ms() - 1000)
        assert notes(conn, quai) == []
        heard(conn, world.terminals[4], queue=13)
        assert notes(conn, quai)[0].startswith("13 records")
        terminal_service.assign(conn, world.terminals[4], world.places[4][2], now_ms())
        heard(conn, world.terminals[4], now_ms() - 2 * SILENT_MS, queue=14)
        assert notes(conn, quai) == []

    @pytest.mark.parametrize("status", ["inactive", "revoked", "banned"])
    def test_those_that_are_not_active_say_so_themselves(
        self, conn: Connection, world: World, quai: Viewer, status: str
    ) -> None:
        terminal_service.set_status(conn, world.terminals[0], status)
        assert notes(conn, quai) == []

    def test_those_that_stand_there_no_more_or_not_yet(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        terminal_service.release(conn, world.terminals[0], now_ms() - 1000)
        terminal_service.assign(conn, world.terminals[4], world.places[0][2], now_ms() + 60_000)
        assert notes(conn, quai) == []

    def test_a_period_before_it_stood_there_or_was_heard_of(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        since_ms, last_ms = now_ms() - 9 * SILENT_MS, now_ms() - 2 * SILENT_MS
        heard(conn, world.terminals[0], last_ms)
        for until_ms, silent in ((last_ms, False), (last_ms + 1, True)):
            found = notes(conn, quai, since_ms=since_ms, until_ms=until_ms)
            assert ["silent" in said for said in found] == [True] * silent
        terminal_service.release(conn, world.terminals[0], last_ms - 2000)
        terminal_service.assign(conn, world.terminals[0], world.places[0][2], last_ms - 1000)
        conn.execute(update(terminals).values(last_seen_ms=None))
        assert notes(conn, quai, since_ms=since_ms, until_ms=last_ms - 1000) == []
        assert len(notes(conn, quai, since_ms=since_ms, until_ms=last_ms)) == 1


class TestBadgesOfNobody:
    @pytest.fixture(autouse=True)
    def _every_terminal_is_heard_of(self, conn: Connection, world: World) -> None:
        for terminal in world.terminals:
            heard(conn, terminal)

    @pytest.fixture
    def unseen(self, conn: Connection, world: World) -> None:
        """Ann registered nothing."""
        conn.execute(delete(registrations).where(registrations.c.worker_id == world.workers[0]))

    def said(self, count: int) -> str:
        return (
            f"At least {count} registrations of this period at the sites you reach were made with"
            " badges that belong to nobody."
        )

    @pytest.mark.usefixtures("unseen")
    def test_they_are_counted_where_it_is_reached(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        assert notes(conn, quai) == [self.said(1)]
        nord = world.member(conn, Role.MANAGER, divisions=(world.places[0][1],))
        assert notes(conn, nord) == [self.said(2)]
        assert notes(conn, world.member(conn, Role.ADMINISTRATOR)) == [self.said(4)]
        assert notes(conn, world.member(conn, Role.VIEWER)) == []

    @pytest.mark.usefixtures("unseen")
    def test_those_of_another_company_s_sites_change_nothing(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        askers = [quai, world.member(conn, Role.ADMINISTRATOR)]
        before = [notes(conn, seen_by) for seen_by in askers]
        for place in (*world.places[4:], (None, None, None)):
            world.taps[world.tap(conn, Tap(None, *place))] = Tap(None, *place)
        # Nor where a site of ours is named with it, by mistake.
        there = Tap(None, world.theirs, *world.places[0][1:])
        world.taps[world.tap(conn, there)] = there
        assert [notes(conn, seen_by) for seen_by in askers] == before
        conn.execute(update(registrations).values(site_let_go=True))
        assert [notes(conn, seen_by) for seen_by in askers] == [[], []]

    @pytest.mark.usefixtures("unseen")
    def test_how_many_name_a_private_company(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        private = private_companies(conn, ["BE0999910642"])["BE0999910642"]
        for place in (world.places[0], world.places[4]):
            tap = Tap(None, *place)
            world.taps[world.tap(conn, tap, employer_id=private)] = tap
        registered = Tap(None, *world.places[0])
        world.taps[world.tap(conn, registered, employer_id=world.theirs)] = registered
        nobody, unregistered = notes(conn, quai)
        assert nobody == self.said(3)
        assert unregistered.startswith("1 of them name an employer that nobody registered")
        assert "0999" not in unregistered

    def test_of_who_is_seen_they_are_told_for_a_period(
        self, conn: Connection, world: World, quai: Viewer
    ) -> None:
        assert notes(conn, quai) == []
        assert notes(conn, quai, since_ms=START_MS) == [self.said(1)]
        assert notes(conn, quai, until_ms=START_MS) == []

    def test_of_who_is_unknown_they_are_told(self, conn: Connection, quai: Viewer) -> None:
        assert notes(conn, quai, "Carl Thys") == [self.said(1)]

    @pytest.mark.usefixtures("unseen")
    def test_only_the_newest_are_looked_at(
        self, conn: Connection, world: World, quai: Viewer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As many in all, however many sites there are."""
        for index in (0, 0, 1, 1):
            tap = Tap(None, *world.places[index])
            world.taps[world.tap(conn, tap)] = tap
        monkeypatch.setattr(around, "_TAPS", 2)
        assert notes(conn, quai) == [self.said(2)]
        nord = world.member(conn, Role.MANAGER, divisions=(world.places[0][1],))
        assert notes(conn, nord) == [self.said(2)]
        monkeypatch.setattr(around, "_TAPS", 6)
        assert notes(conn, nord) == [self.said(6)]
        monkeypatch.setattr(around, "_SITES", 1)
        assert notes(conn, nord) == [self.said(3)]

    def test_a_program_is_told_what_it_has_a_scope_for(
        self, conn: Connection, world: World
    ) -> None:
        conn.execute(update(terminals).values(last_seen_ms=None))
        for scope, checks in (
            (None, 0),
            (Scope.TERMINALS_READ, 1),
            (Scope.REGISTRATIONS_READ, 1),
        ):
            may = frozenset({Scope.WORKERS_READ, *([scope] if scope else [])})
            seen_by = program(world.ours, token=1, may=may)
            assert len(notes(conn, seen_by, since_ms=START_MS)) == checks
