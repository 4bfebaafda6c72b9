"""What `explain` says of a terminal, question by question of the help page."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update

from cloud.accounts.roles import Role
from cloud.companies import service as companies
from cloud.custody.tables import alarms, rejected
from cloud.errors import InvalidError
from cloud.languages.current import language
from cloud.languages.formats import moment
from cloud.registrations.tables import registrations
from cloud.terminals import editing, service
from cloud.terminals.tables import assignments, terminals
from cloud.terminals.telemetry import History
from cloud.times import now_ms
from cloud.visibility.rules import Viewer
from cloud.visibility.terminals import explain
from tests.cloud.custody.chains import hold
from tests.cloud.visibility.test_explain import notes, says, stops
from tests.cloud.visibility.world import START_MS, Tap, World

HOUR = 3_600_000
DAY = 24 * HOUR
Telling = Callable[..., None]


@pytest.fixture
def quiet(conn: Connection, world: World) -> World:
    """The world without a tap of its terminals."""
    conn.execute(delete(registrations))
    return world


@pytest.fixture
def telling(conn: Connection, world: World) -> Telling:
    """Make the first terminal heard of, just now or at a moment, telling this."""

    def tell(at_ms: int | None = None, **said: Any) -> None:
        at_ms = now_ms() if at_ms is None else at_ms
        History().note(conn, world.terminals[0], said, at_ms)
        conn.execute(
            update(terminals)
            .where(terminals.c.id == world.terminals[0])
            .values(last_seen_ms=at_ms, last_status=json.dumps({"telemetry": said}))
        )

    return tell


def refuse(conn: Connection, device: str, reason: str, first_ms: int, last_ms: int) -> None:
    """A message in the name of a terminal that was refused."""
    conn.execute(
        insert(rejected).values(
            digest=f"{reason:>20}{first_ms:>12}".encode(), device=device, topic="t",
            reason=reason, detail="d", message=b"m", first_ms=first_ms, last_ms=last_ms,
        )
    )  # fmt: skip


def alarm(conn: Connection, terminal: int, kind: str, at_ms: int) -> None:
    row = {"terminal_id": terminal, "kind": kind, "detail": "d", "at_ms": at_ms}
    conn.execute(insert(alarms).values(row))


class TestWhetherItIsThere:
    def test_one_that_works(self, conn: Connection, quiet: World, telling: Telling) -> None:
        now = now_ms()
        telling(
            clock={"sync": "synchronised", "wall_ms": now}, queue=0,
            readers={"in": {"state": "ready"}}, certificate={"not_after_ms": now + 90 * DAY},
        )  # fmt: skip
        quiet.tap(conn, Tap(quiet.ours, *quiet.places[0]), tapped_ms=now)
        seen_by = quiet.member(conn, Role.VIEWER, sites=(quiet.places[0][2],))
        found = explain(conn, seen_by, quiet.devices[0])
        assert (stops(found), notes(found)) == ([], [])
        assert [step.check for step in found.steps] == [
            "company",
            "terminal",
            "place",
            "activity",
            "clock",
            "reader",
            "certificate",
            "statistics",
            "registrations",
        ]

    def test_one_that_was_never_registered(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        device = world.devices[0]
        conn.execute(
            update(terminals).where(terminals.c.device == device).values(device=device[::-1])
        )
        ((check, found, _),) = stops(explain(conn, seen_by, device))
        assert check == "terminal"
        assert "is registered" in found

    def test_what_is_no_device_number(self, conn: Connection, world: World) -> None:
        with pytest.raises(InvalidError):
            explain(conn, world.member(conn, Role.VIEWER), "nothing")

    def test_one_of_another_company(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        third = companies.register(conn, "BE0999910642", "Third")
        world.member(conn, Role.VIEWER, company=third, account=seen_by.account_id)
        found = explain(conn, seen_by, world.devices[4])
        assert [(check, mender) for check, _, mender in stops(found)] == [("terminal", "operator")]
        assert "is linked to another company" in says(found)
        for secret in ("Elektro", "Third", "Nord", "Quai"):
            assert secret not in says(found)
        world.member(conn, Role.VIEWER, company=world.theirs, account=seen_by.account_id)
        found = explain(conn, seen_by, world.devices[4])
        assert "Switch to Elektro." in says(found)

    def test_one_at_a_site_that_was_not_granted(self, conn: Connection, quiet: World) -> None:
        inside = explain(conn, quiet.member(conn, Role.VIEWER), quiet.devices[0])
        assert stops(inside)[0][0] == "access"
        assert "Nord / Quai" in says(inside)
        outside = quiet.member(conn, Role.VIEWER, external=True)
        quiet.tap(conn, Tap(quiet.ours, *quiet.places[0]))
        told = says(explain(conn, outside, quiet.devices[0]))
        assert "not granted to you" in told
        assert "Quai" not in told
        assert "registrations" not in told

    def test_one_that_belongs_to_nobody_yet(self, conn: Connection, world: World) -> None:
        conn.execute(delete(assignments))
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        told = says(explain(conn, seen_by, world.devices[0]))
        assert "linked to no company yet" in told

    def test_one_that_was_taken_away_or_comes_later(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        service.release(conn, world.terminals[0], START_MS)
        found = explain(conn, seen_by, world.devices[0])
        assert (
            "place",
            "It stood at Nord / Quai until 2 Mar 2026, 06:30:00 +01:00, and nowhere since.",
            "administrator",
        ) in stops(found)
        service.assign(conn, world.terminals[0], world.places[1][2], now_ms() + DAY)
        found = explain(conn, seen_by, world.devices[0])
        assert "It will stand at Nord / Dock" in says(found)

    @pytest.mark.parametrize("status", [each for each in service.STATUSES if each != "active"])
    def test_who_mends_one_that_is_not_active_is_who_may(
        self, conn: Connection, world: World, status: str
    ) -> None:
        service.set_status(conn, world.terminals[0], status)
        found = explain(conn, world.member(conn, Role.ADMINISTRATOR), world.devices[0])
        mender = "administrator" if status in editing.LISTS else "operator"
        assert [stops(found)[0][0], stops(found)[0][2]] == ["terminal", mender]
        assert stops(found)[0][1].endswith(f" is {status}.")


class TestHowItIs:
    @pytest.fixture
    def seen_by(self, conn: Connection, quiet: World) -> Viewer:
        quiet.tap(conn, Tap(None, *quiet.places[0]), tapped_ms=now_ms())
        return quiet.member(conn, Role.ADMINISTRATOR)

    def test_one_that_is_silent(self, conn: Connection, quiet: World, seen_by: Viewer) -> None:
        found = explain(conn, seen_by, quiet.devices[0])
        never = "It was never heard of while it stood where you see it."
        assert stops(found) == [("activity", never, "administrator")]
        conn.execute(update(terminals).values(last_seen_ms=START_MS))
        ((_, silent, mender),) = stops(explain(conn, seen_by, quiet.devices[0]))
        assert "silent since 2 Mar 2026, 06:30:00 +01:00 (UTC 05:30)" in silent
        assert mender == "administrator"

    @pytest.mark.parametrize(
        ("off_ms", "words"), [(3 * HOUR, "180 min fast"), (-2 * HOUR, "120 min slow"), (30_000, "")]
    )
    def test_a_clock_that_is_off(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling, off_ms: int,
        words: str,
    ) -> None:  # fmt: skip
        telling(clock={"sync": "set", "wall_ms": now_ms() + off_ms})
        found = explain(conn, seen_by, quiet.devices[0])
        assert [words in note for note in notes(found)] == [True] * bool(words)
        assert ("Its clock is set." in says(found)) == (not words)

    def test_a_clock_that_is_not_set(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        telling(clock={"sync": "unset"}, queue=12)
        assert [note.split(":")[0] for note in notes(explain(conn, seen_by, quiet.devices[0]))] == [
            "Its clock is not set",
            "12 records were still on it when it last told.",
        ]

    def test_readers_that_are_not_ready(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        states = {"in": "failed", "out": "absent", "gate": "ready", "odd": "upside down"}
        telling(readers={name: {"state": state} for name, state in states.items()})
        found = explain(conn, seen_by, quiet.devices[0])
        assert stops(found) == [
            ("reader", "Its reader in failed: no badge is read there.", "administrator"),
            ("reader", "Its reader out is absent: no badge is read there.", "administrator"),
        ]
        assert "are ready" not in says(found)

    def test_what_it_said_last_is_known_from_its_history_as_well(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        telling(readers={"in": {"state": "failed"}})
        conn.execute(update(terminals).values(last_status=None))
        ((check, *_),) = stops(explain(conn, seen_by, quiet.devices[0]))
        assert check == "reader"

    @pytest.mark.parametrize(
        ("days", "verdict", "words"),
        [(-1, "stop", "ended at"), (10, "note", "ends at"), (90, "ok", "holds until")],
    )
    def test_its_certificate(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling, days: int,
        verdict: str, words: str,
    ) -> None:  # fmt: skip
        until_ms = now_ms() + days * DAY
        telling(certificate={"not_after_ms": until_ms})
        found = explain(conn, seen_by, quiet.devices[0]).as_json()["steps"]
        (step,) = [each for each in found if each["check"] == "certificate"]
        assert step["verdict"] == verdict
        assert step["mender"] == (None if verdict == "ok" else "operator")
        assert f"{words} {moment(until_ms)}" in step["found"]

    def test_badges_that_it_cannot_read(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        now = now_ms()
        # Since when its program counts is not known; then it counts from there.
        telling(now - HOUR, unreadable={"in": {"checksum": 5000}})
        telling(now, unreadable={"in": {"checksum": 5850}, "out": {"moved": 50}})
        told = "In the last 24 hours 1 registrations that you see were made on it"
        assert notes(explain(conn, seen_by, quiet.devices[0])) == [
            f"{told}, and 900 badges could not be read."
        ]

    def test_a_badge_in_ten_is_chance(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        for _ in range(9):
            tap = Tap(None, *quiet.places[0])
            quiet.taps[quiet.tap(conn, tap, seq=100 + len(quiet.taps), tapped_ms=now_ms())] = tap
        telling(unreadable={"in": {"checksum": 1}}, uptime_s=3600)
        assert notes(explain(conn, seen_by, quiet.devices[0])) == []
        telling(unreadable={"in": {"checksum": 2}}, uptime_s=3600)
        assert len(notes(explain(conn, seen_by, quiet.devices[0]))) == 1

    def test_a_program_that_started_today_counts_from_nothing(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        telling(unreadable={"in": {"checksum": 900}}, uptime_s=3600)
        assert "900 badges" in says(explain(conn, seen_by, quiet.devices[0]))
        telling(unreadable={"in": {"checksum": 900}}, uptime_s=90_000)
        assert "900 badges" not in says(explain(conn, seen_by, quiet.devices[0]))

    def test_one_on_which_nothing_is_registered(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        telling()
        conn.execute(update(registrations).values(tapped_ms=START_MS))
        assert notes(explain(conn, seen_by, quiet.devices[0])) == [
            "In the last 24 hours no registration that you see was made on it."
        ]

    def test_whatever_it_says_is_borne(
        self, conn: Connection, quiet: World, seen_by: Viewer, telling: Telling
    ) -> None:
        telling(clock="late", queue="many", readers=[1], certificate=[], unreadable="all")
        assert notes(explain(conn, seen_by, quiet.devices[0])) == []
        conn.execute(update(terminals).values(last_status="[not JSON"))
        assert notes(explain(conn, seen_by, quiet.devices[0])) == []


class TestWhatArrived:
    def test_what_is_not_understood_and_what_was_refused_and_why(
        self, conn: Connection, quiet: World, telling: Telling
    ) -> None:
        telling()
        quiet.tap(conn, Tap(None, *quiet.places[0]), tapped_ms=now_ms())
        terminal, device = quiet.terminals[0], quiet.devices[0]
        waits = {3: "no-key", 4: "no-key", 5: "some-new-reason"}
        hold(conn, terminal, dict.fromkeys(range(1, 11), START_MS), read=7, waits=waits)
        refuse(conn, device, "bad-signature", START_MS - 1, START_MS)
        refuse(conn, device, "bad-signature", START_MS - 2, START_MS - 2)
        refuse(conn, device, "too-large", START_MS, START_MS)
        alarm(conn, terminal, "fork", START_MS)
        seen_by = quiet.member(conn, Role.AUDITOR)
        found = explain(conn, seen_by, device)
        assert stops(found) == [
            (
                "custody",
                (
                    "2 records are kept but not understood: the platform has no key that opens"
                    " what the terminal sealed."
                ),
                "operator",
            ),
            ("custody", "1 records are kept but not understood: some-new-reason.", "operator"),
        ]
        when = "2 Mar 2026, 06:30:00 +01:00"
        assert notes(found) == [
            "3 records were received and are being read.",
            (
                f"2 messages in its name were refused, the last one at {when}: the signature is"
                " not the terminal's."
            ),
            (
                f"1 messages in its name were refused, the last one at {when}: what came is longer"
                " than a message may be."
            ),
            "An alarm stands: a copy in use.",
        ]
        before = language.set("fr")
        try:
            assert "aucune clé" in says(explain(conn, seen_by, device))
        finally:
            language.reset(before)

    def test_a_branch_that_nobody_attributed_is_not_being_read(
        self, conn: Connection, quiet: World
    ) -> None:
        hold(conn, quiet.terminals[0], {1: START_MS}, read=1)
        hold(conn, quiet.terminals[0], {1: START_MS}, branch=1)
        found = explain(conn, quiet.member(conn, Role.AUDITOR), quiet.devices[0])
        assert "being read" not in says(found)


class TestWhatItRegistered:
    def test_at_the_site_before_that_is_not_granted(self, conn: Connection, quiet: World) -> None:
        quai, dock = quiet.places[0], quiet.places[1]
        moved = now_ms() - HOUR
        service.assign(conn, quiet.terminals[0], dock[2], moved)
        for place, times in ((quai, 3), (dock, 2)):
            for _ in range(times):
                tap = Tap(quiet.theirs, *place)
                quiet.taps[quiet.tap(conn, tap)] = tap
        of_dock = quiet.member(conn, Role.VIEWER, sites=(dock[2],))
        found = explain(conn, of_dock, quiet.devices[0])
        assert [each for each in stops(found) if each[0] == "access"] == [
            (
                "access",
                "3 of 5 registrations were made where you have no access: Nord / Quai.",
                "administrator",
            )
        ]
        seen = "2 of the newest 5 registrations made on it are visible to you: Nord / Dock."
        assert seen in says(found)
        assert "Before, it stood" not in says(found)
        everything = says(explain(conn, quiet.member(conn, Role.AUDITOR), quiet.devices[0]))
        assert f"Before, it stood at Nord / Quai, until {moment(moved)}" in everything
        assert "are visible to you: Nord / Quai, Nord / Dock." in everything
        outside = quiet.member(conn, Role.VIEWER, external=True, sites=(dock[2],))
        told = says(explain(conn, outside, quiet.devices[0]))
        assert "2 of the newest 2 registrations" in told
        assert "Quai" not in told

    def test_before_it_moved_to_another_company(self, conn: Connection, quiet: World) -> None:
        moved = now_ms() - HOUR
        service.assign(conn, quiet.terminals[0], quiet.places[4][2], moved)
        for place in (quiet.places[0], quiet.places[4]):
            for _ in range(2):
                tap = Tap(quiet.theirs, *place)
                quiet.taps[quiet.tap(conn, tap)] = tap
        seen_by = quiet.member(conn, Role.VIEWER, divisions=(quiet.places[0][1],))
        found = explain(conn, seen_by, quiet.devices[0])
        assert [check for check, *_ in stops(found)] == ["terminal"]
        assert [step["found"] for step in found.as_json()["steps"][2:]] == [
            (
                f"Before, it stood at Nord / Quai, until {moment(moved)}: what it registered"
                " there is visible to you."
            ),
            "2 of the newest 2 registrations made on it are visible to you: Nord / Quai.",
        ]

    def test_our_worker_at_others_and_what_was_let_go_of(
        self, conn: Connection, quiet: World
    ) -> None:
        theirs, terminal = quiet.places[4], quiet.terminals[4]
        for fields in ({}, {}, {"employer_let_go": True}):
            tap = Tap(quiet.ours, *theirs)
            quiet.taps[quiet.tap(conn, tap, terminal_id=terminal, **fields)] = tap
        tap = Tap(quiet.ours, None, None, None)
        quiet.taps[quiet.tap(conn, tap, terminal_id=terminal)] = tap
        found = explain(conn, quiet.member(conn, Role.AUDITOR), quiet.devices[4])
        assert "3 of the newest 3 registrations made on it are visible to you." in says(found)
        assert "Quai" not in says(found)
        found = explain(conn, quiet.member(conn, Role.MANAGER), quiet.devices[4])
        assert [text for check, text, _ in stops(found) if check == "access"] == [
            (
                "2 of 3 registrations were made at sites of other companies: administrators and"
                " auditors see them."
            ),
            "1 of 3 registrations were made on terminals assigned to no site then.",
        ]


class TestWhatItDidElsewhere:
    """A terminal that came to us from the other company: of its time there nothing is said."""

    CAME = START_MS + DAY

    @pytest.fixture(autouse=True)
    def _came(self, conn: Connection, quiet: World, telling: Telling) -> None:
        terminal, device = quiet.terminals[0], quiet.devices[0]
        service.assign(conn, terminal, quiet.places[4][2], 0)
        service.assign(conn, terminal, quiet.places[0][2], self.CAME)
        held = {1: START_MS, 2: START_MS, 3: START_MS}
        hold(conn, terminal, held, read=1, waits={2: "no-key"})
        refuse(conn, device, "banned", START_MS, START_MS)
        alarm(conn, terminal, "fork", START_MS)
        telling(
            START_MS, queue=7, clock={"sync": "unset"}, readers={"theirs": {"state": "failed"}},
            certificate={"not_after_ms": START_MS},
        )  # fmt: skip

    def test_nothing_is_said(self, conn: Connection, quiet: World) -> None:
        found = explain(conn, quiet.member(conn, Role.ADMINISTRATOR), quiet.devices[0])
        assert [step["check"] for step in found.as_json()["steps"]] == [
            "company",
            "terminal",
            "place",
            "activity",
            "statistics",
        ]
        never = "It was never heard of while it stood where you see it."
        assert [text for _, text, _ in stops(found)] == [never]

    def test_whoever_reaches_the_place_of_then_is_told(
        self, conn: Connection, quiet: World
    ) -> None:
        # Their time there is theirs: were it to stand with them again, they would be told.
        service.assign(conn, quiet.terminals[0], quiet.places[4][2], self.CAME)
        seen_by = quiet.member(conn, Role.ADMINISTRATOR, company=quiet.theirs)
        told = says(explain(conn, seen_by, quiet.devices[0]))
        for words in (
            "2 records were received",
            "no key",
            "banned",
            "a copy in use",
            "silent",
            "theirs",
        ):
            assert words in told, words

    def test_what_it_did_since_is_said(
        self, conn: Connection, quiet: World, telling: Telling
    ) -> None:
        terminal, device = quiet.terminals[0], quiet.devices[0]
        since = dict.fromkeys(range(1, 4), self.CAME)
        hold(conn, terminal, since, epoch=bytes(16), read=2, waits={2: "erased"})
        refuse(conn, device, "malformed", START_MS, self.CAME)
        alarm(conn, terminal, "gap", self.CAME)
        telling(queue=9)
        found = explain(conn, quiet.member(conn, Role.ADMINISTRATOR), device)
        assert [text for _, text, _ in stops(found)] == [
            "1 records are kept but not understood: who tapped was erased."
        ]
        when = moment(self.CAME)
        assert notes(found) == [
            "9 records were still on it when it last told.",
            "In the last 24 hours no registration that you see was made on it.",
            "1 records were received and are being read.",
            (
                f"1 messages in its name were refused, the last one at {when}: what came is no"
                " message of a terminal."
            ),
            "An alarm stands: records missing.",
        ]

    def test_what_it_told_before_it_left_is_known_still(
        self, conn: Connection, quiet: World, telling: Telling
    ) -> None:
        here, left = self.CAME + HOUR, self.CAME + DAY
        telling(here, queue=9)
        service.release(conn, quiet.terminals[0], left)
        telling(left + HOUR, queue=11)
        found = explain(conn, quiet.member(conn, Role.ADMINISTRATOR), quiet.devices[0])
        assert f"silent since {moment(here)}" in says(found)
        assert "11 records" not in says(found)
