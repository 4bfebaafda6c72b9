"""What `explain` says, question by question of the help page."""

import json

from sqlalchemy import Connection, update

from cloud.accounts.roles import Role
from cloud.registrations.tables import registrations
from cloud.times import now_ms
from cloud.visibility import registrations as about_registration
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
            "activity",
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
        worker_service.put_worker(conn, world.theirs, "8", "Dirk", "Thys")
        nobody = says(about_worker.explain(conn, seen_by, "Carl Thys"))
        assert says(about_worker.explain(conn, seen_by, "Dirk Thys")) == nobody.replace(
            "Carl", "Dirk"
        )
        assert "Create the worker" in nobody

    def test_two_of_one_name(self, conn: Connection, world: World) -> None:
        worker_service.put_worker(conn, world.ours, "8", "Ann", "Maes")
        seen_by = world.member(conn, Role.VIEWER)
        assert "Ann Maes (7), Ann Maes (8)" in says(about_worker.explain(conn, seen_by, "ann maes"))

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
        assert [note.split()[0] for note in notes(found)] == ["The", "The", "9", "9", "These"]


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
