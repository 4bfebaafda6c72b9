"""What `explain` says, question by question of the help page."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update

from cloud.accounts.roles import Role
from cloud.companies import service as companies
from cloud.custody.tables import alarms, epochs, rejected, waiting
from cloud.errors import InvalidError
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminal_service
from cloud.terminals.tables import terminals as terminal_table
from cloud.times import now_ms
from cloud.visibility import registrations as about_registration
from cloud.visibility import terminals as about_terminal
from cloud.visibility import workers as about_worker
from cloud.visibility.explain import Explanation
from cloud.visibility.steps import Verdict
from cloud.workers import service as worker_service
from cloud.workers.tables import badges
from tests.cloud.visibility.world import START_MS, Tap, World


def stops(found: Explanation) -> list[tuple[str, str, str | None]]:
    """The steps that hide something: check, what was found, who can mend it."""
    assert found.visible == all(step.verdict is not Verdict.STOP for step in found.steps)
    return [
        (step["check"], step["found"], step["mender"])
        for step in found.as_json()["steps"]
        if step["verdict"] == "stop"
    ]


def notes(found: Explanation) -> list[str]:
    return [step["found"] for step in found.as_json()["steps"] if step["verdict"] == "note"]


def says(found: Explanation) -> str:
    return json.dumps(found.as_json(), ensure_ascii=False)


class TestWorkers:
    def test_an_administrator_sees_everything_of_an_active_worker(
        self, conn: Connection, world: World
    ) -> None:
        found = about_worker.explain(conn, world.member(conn, Role.ADMINISTRATOR), " Maes  Ann")
        assert stops(found) == []
        assert [step.check for step in found.steps] == [
            "company",
            "worker",
            "badge",
            "registrations",
        ]
        assert "All 9 registrations" in says(found)
        assert "0A1B2C3D4E" not in says(found)

    def test_an_inactive_worker(self, conn: Connection, world: World) -> None:
        worker_service.put_worker(conn, world.ours, "7", "Ann", "Maes", active=False)
        found = about_worker.explain(conn, world.member(conn, Role.ADMINISTRATOR), "7")
        assert stops(found) == [
            ("worker", "Ann Maes (7) is on the list of inactive workers.", "administrator")
        ]

    def test_a_worker_of_another_company_of_mine(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.VIEWER)
        world.member(conn, Role.VIEWER, company=world.theirs, account=seen_by.account_id)
        found = about_worker.explain(conn, seen_by, "Bob Maes")
        assert [(check, mender) for check, _, mender in stops(found)] == [("worker", "you")]
        assert "Switch to Elektro." in says(found)

    def test_a_worker_of_a_company_that_is_not_mine(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        nobody = says(about_worker.explain(conn, seen_by, "Carl Maes"))
        assert says(about_worker.explain(conn, seen_by, "Bob Maes")) == nobody.replace(
            "Carl", "Bob"
        )
        assert "Create the worker" in nobody

    def test_two_of_one_name(self, conn: Connection, world: World) -> None:
        worker_service.put_worker(conn, world.ours, "8", "Ann", "Maes")
        seen_by = world.member(conn, Role.VIEWER)
        assert "numbers 7, 8" in says(about_worker.explain(conn, seen_by, "ann maes"))

    def test_no_badge(self, conn: Connection, world: World) -> None:
        worker_service.put_worker(conn, world.ours, "8", "Carl", "Thys")
        found = about_worker.explain(conn, world.member(conn, Role.ADMINISTRATOR), "8")
        assert [check for check, *_ in stops(found)] == ["badge", "registrations"]

    def test_an_expired_badge(self, conn: Connection, world: World) -> None:
        conn.execute(update(badges).values(valid_until_ms=now_ms() - 1))
        found = about_worker.explain(conn, world.member(conn, Role.ADMINISTRATOR), "7")
        assert stops(found) == []
        assert "have expired" in notes(found)[0]

    def test_sites_that_were_not_granted(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.MANAGER, divisions=(world.places[0][1],))
        found = about_worker.explain(conn, seen_by, "7")
        assert stops(found) == [
            (
                "access",
                "2 of 9 registrations were made where you have no access: Sud / Dock, Sud / Quai.",
                "administrator",
            ),
            (
                "access",
                (
                    "4 of 9 registrations were made at sites of other companies:"
                    " administrators and auditors see them."
                ),
                "administrator",
            ),
            (
                "access",
                "1 of 9 registrations were made on terminals assigned to no site then.",
                "administrator",
            ),
        ]
        assert "2 of 9 are visible to you" in says(found)

    def test_a_period_in_which_nothing_was_registered(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        found = about_worker.explain(conn, seen_by, "7", until_ms=START_MS)
        assert [check for check, *_ in stops(found)] == ["registrations"]
        found = about_worker.explain(conn, seen_by, "7", since_ms=START_MS)
        assert stops(found) == []

    def test_somebody_external_learns_of_no_worker(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.VIEWER, external=True)
        known, unknown = (
            says(about_worker.explain(conn, seen_by, who)) for who in ("Ann Maes", "Carl Thys")
        )
        assert known == unknown

    def test_what_is_odd_about_those_that_are_visible(self, conn: Connection, world: World) -> None:
        conn.execute(
            update(registrations)
            .where(registrations.c.worker_id == world.workers[0])
            .values(corrected=True, reason="badge-expired clock-unsure disputed")
        )
        found = about_worker.explain(conn, world.member(conn, Role.ADMINISTRATOR), "7")
        assert [note.split()[0] for note in notes(found)] == ["The", "The", "9", "9"]


class TestTerminals:
    @pytest.fixture
    def telling(self, conn: Connection, world: World) -> Any:
        """Make the first terminal heard of just now, telling this."""

        def telling(**telemetry: Any) -> None:
            conn.execute(
                update(terminal_table)
                .where(terminal_table.c.id == world.terminals[0])
                .values(
                    last_seen_ms=now_ms(),
                    last_status=json.dumps({"telemetry": telemetry}),
                )
            )

        return telling

    def test_one_that_works(self, conn: Connection, world: World, telling: Any) -> None:
        telling(clock={"sync": "synchronised"}, queue=0)
        seen_by = world.member(conn, Role.VIEWER, sites=(world.places[0][2],))
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert (stops(found), notes(found)) == ([], [])
        assert [step.check for step in found.steps] == [
            "company",
            "terminal",
            "place",
            "activity",
            "clock",
        ]

    def test_one_that_was_never_registered(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        device = world.devices[0]
        conn.execute(
            update(terminal_table)
            .where(terminal_table.c.device == device)
            .values(device=world.devices[0][::-1])
        )
        assert stops(about_terminal.explain(conn, seen_by, device))[0][0] == "terminal"
        assert "is registered" in says(about_terminal.explain(conn, seen_by, device))

    def test_what_is_no_device_number(self, conn: Connection, world: World) -> None:
        with pytest.raises(InvalidError):
            about_terminal.explain(conn, world.member(conn, Role.VIEWER), "nothing")

    def test_one_of_another_company(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        third = companies.register(conn, "BE0999910642", "Third")
        world.member(conn, Role.VIEWER, company=third, account=seen_by.account_id)
        found = about_terminal.explain(conn, seen_by, world.devices[4])
        assert [(check, mender) for check, _, mender in stops(found)] == [("terminal", "operator")]
        assert "is linked to another company" in says(found)
        for secret in ("Elektro", "Third", "Nord", "Quai"):
            assert secret not in says(found)
        world.member(conn, Role.VIEWER, company=world.theirs, account=seen_by.account_id)
        found = about_terminal.explain(conn, seen_by, world.devices[4])
        assert "Switch to Elektro." in says(found)

    def test_one_at_a_site_that_was_not_granted(self, conn: Connection, world: World) -> None:
        inside = about_terminal.explain(conn, world.member(conn, Role.VIEWER), world.devices[0])
        assert stops(inside)[0][0] == "access"
        assert "Nord / Quai" in says(inside)
        outside = world.member(conn, Role.VIEWER, external=True)
        told = says(about_terminal.explain(conn, outside, world.devices[0]))
        assert "not granted to you" in told
        assert "Quai" not in told

    def test_one_that_belongs_to_nobody_yet(self, conn: Connection, world: World) -> None:
        from cloud.terminals.tables import assignments

        conn.execute(delete(assignments))
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        told = says(about_terminal.explain(conn, seen_by, world.devices[0]))
        assert "linked to no company yet" in told

    def test_one_that_was_taken_away_or_comes_later(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        terminal_service.release(conn, world.terminals[0], START_MS)
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert (
            "place",
            "It stood at Nord / Quai until 2 Mar 2026, 06:30:00 +01:00, and nowhere since.",
            "administrator",
        ) in stops(found)
        terminal_service.assign(conn, world.terminals[0], world.places[1][2], now_ms() + 86_400_000)
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert "It will stand at Nord / Dock" in says(found)

    @pytest.mark.parametrize("status", ["inactive", "revoked", "banned"])
    def test_one_that_is_not_active(self, conn: Connection, world: World, status: str) -> None:
        terminal_service.set_status(conn, world.terminals[0], status)
        found = about_terminal.explain(
            conn, world.member(conn, Role.ADMINISTRATOR), world.devices[0]
        )
        assert stops(found)[0][:1] == ("terminal",)
        assert status in stops(found)[0][1]

    def test_one_that_is_silent(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert ("activity", "It was never heard of.", "installer") in stops(found)
        conn.execute(update(terminal_table).values(last_seen_ms=START_MS))
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert "silent since 2 Mar 2026, 06:30:00 +01:00 (UTC 05:30)" in says(found)

    def test_what_it_tells_of_itself(self, conn: Connection, world: World, telling: Any) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        telling(clock={"sync": "unset"}, queue=12)
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert len(notes(found)) == 2
        assert "12 records" in notes(found)[1]
        telling(clock="late", queue="many")
        found = about_terminal.explain(conn, seen_by, world.devices[0])
        assert notes(found) == []
        conn.execute(update(terminal_table).values(last_status="[not JSON"))
        assert notes(about_terminal.explain(conn, seen_by, world.devices[0])) == []

    def test_what_the_platform_could_not_use(
        self, conn: Connection, world: World, telling: Any
    ) -> None:
        telling()
        made = insert(epochs).values(
            terminal_id=world.terminals[0],
            epoch=bytes(16),
            head_link=bytes(32),
            head_seq=10,
            interpreted_seq=7,
            created_ms=START_MS,
        )
        epoch = conn.execute(made.returning(epochs.c.id)).scalar_one()
        for seq in (3, 4):
            conn.execute(
                insert(waiting).values(
                    epoch_id=epoch, seq=seq, reason="no-key", detail="x", tried_ms=START_MS
                )
            )
        conn.execute(
            insert(rejected).values(
                digest=bytes(32),
                device=world.devices[0],
                topic="t",
                reason="r",
                detail="d",
                message=b"m",
                first_ms=START_MS,
                last_ms=START_MS,
            )
        )
        conn.execute(
            insert(alarms).values(
                terminal_id=world.terminals[0], kind="fork", detail="d", at_ms=START_MS
            )
        )
        found = about_terminal.explain(conn, world.member(conn, Role.AUDITOR), world.devices[0])
        assert stops(found) == [
            ("custody", "2 records are kept but not understood: no-key.", "operator")
        ]
        assert notes(found) == [
            "3 records were received and are being read.",
            "1 messages in its name were refused.",
            "An alarm stands: fork.",
        ]


class TestRegistrations:
    def test_one_that_is_visible_says_what_is_missing(self, conn: Connection, world: World) -> None:
        number = world.tap(
            conn,
            Tap(None, *world.places[0]),
            corrected=True,
            reason="badge-unlinked clock-unsure something-new",
        )
        found = about_registration.explain(conn, world.member(conn, Role.ADMINISTRATOR), number)
        assert stops(found) == []
        assert [step["mender"] for step in found.as_json()["steps"]] == [
            None,
            None,
            None,
            "administrator",
            "installer",
            None,
        ]

    def test_every_registration_is_shown_or_explained(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.VIEWER, sites=(world.places[0][2],))
        for number, tap in world.taps.items():
            told = says(about_registration.explain(conn, seen_by, number))
            if tap.site == world.places[0][2]:
                assert "is visible to you" in told
            if tap.company != world.ours:
                assert "Elektro" not in told
                assert tap.employer == world.ours or "has no registration" in told
            elif tap.site != world.places[0][2]:
                assert "which is not granted to you" in told

    def test_one_of_others_is_as_one_that_does_not_exist(
        self, conn: Connection, world: World
    ) -> None:
        seen_by = world.member(conn, Role.ADMINISTRATOR)
        others = next(
            number
            for number, tap in world.taps.items()
            if tap.company == world.theirs and tap.employer == world.theirs
        )
        told = says(about_registration.explain(conn, seen_by, others))
        assert told.replace(str(others), "N") == says(
            about_registration.explain(conn, seen_by, 987654)
        ).replace("987654", "N")
        world.member(conn, Role.ADMINISTRATOR, company=world.theirs, account=seen_by.account_id)
        assert "Switch to Elektro." in says(about_registration.explain(conn, seen_by, others))

    def test_somebody_external_is_told_no_place(self, conn: Connection, world: World) -> None:
        seen_by = world.member(conn, Role.VIEWER, external=True)
        for number in world.taps:
            told = says(about_registration.explain(conn, seen_by, number))
            assert "has no registration" in told
