"""From custody to registrations: attribution, what waits, what changes later; on both databases."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from cloud.companies.tables import companies, divisions, sites
from cloud.custody.tables import epochs, records, waiting
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation import interpreter, unsealing
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations import reattribution
from cloud.registrations.tables import registration_history, registrations
from cloud.terminals.tables import assignments
from cloud.workers.service import link_badge, put_badge
from cloud.workers.tables import badges, workers
from protocol import seals
from protocol.bodies import Kind, Sync, Time
from protocol.seals import SealingKey
from tests.cloud.terminal import BOOT, NOW_MS, FakeTerminal

UNREGISTERED = "0880000430"


class Platform:
    """A contractor with two sites, one terminal at the first, one worker with a badge."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.terminal = FakeTerminal()
        self.custody = Custody(engine, directory, generation=1)
        self.interpreter = Interpreter(engine, [self.terminal.platform])
        with engine.begin() as conn:
            self.terminal_id = self.terminal.register(conn)
            self.company = self._add(conn, companies, vat="BE1", name="Bouw", created_ms=0)
            self.division = self._add(conn, divisions, company_id=self.company, name="Noord")
            self.sites = [
                self._add(conn, sites, division_id=self.division, name=name)
                for name in ("Kaai", "Station")
            ]
            self.employer = self._add(conn, companies, vat="BE2", name="Onder", created_ms=0)
            self.worker = self._add(
                conn, workers, company_id=self.employer, number="7", given_name="An",
                family_name="Aerts",
            )  # fmt: skip
            self.badge = self._add(
                conn, badges, profile="em4100", number="0123456789", worker_id=self.worker
            )
            self.assign(conn, 0, 0, None)

    def assign(self, conn: Any, site: int, from_ms: int, to_ms: int | None) -> None:
        conn.execute(
            insert(assignments).values(
                terminal_id=self.terminal_id, site_id=self.sites[site], from_ms=from_ms, to_ms=to_ms
            )
        )

    def deliver(self) -> None:
        self.custody.accept([Incoming(self.terminal.device, "records", self.terminal.batch())])

    def interpret(self, limit: int = 100) -> list[Any]:
        self.interpreter.run_to_end(limit)
        return self.rows(registrations)

    def rows_by_seq(self) -> list[Any]:
        """The registrations of the terminal's only epoch, in the order they were made."""
        return sorted(self.rows(registrations), key=lambda row: row["seq"])

    def rows(self, table: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).mappings())

    @staticmethod
    def _add(conn: Any, table: Any, **values: Any) -> int:
        number: int = conn.execute(
            insert(table).values(**values).returning(table.c.id)
        ).scalar_one()
        return number


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


def test_a_tap_reaches_worker_employer_company_division_and_site(platform: Platform) -> None:
    platform.terminal.tap()
    platform.deliver()
    (row,) = platform.interpret()
    assert (row["worker_id"], row["employer_id"]) == (platform.worker, platform.employer)
    assert (row["company_id"], row["division_id"]) == (platform.company, platform.division)
    assert row["site_id"] == platform.sites[0]
    assert (row["seq"], row["reader"], row["direction"]) == (3, "gate", "in")
    assert (row["tapped_ms"], row["assurance"], row["reason"]) == (NOW_MS, 2, None)
    assert row["version"] == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_any_size_of_turn_makes_the_same_registrations(platform: Platform, limit: int) -> None:
    for number in range(7):
        platform.terminal.tap(f"{number:010}")
    platform.deliver()
    assert [row["seq"] for row in platform.interpret(limit)] == list(range(3, 10))
    assert not platform.interpreter.step(limit)


def test_the_assignment_at_tap_time_decides(platform: Platform) -> None:
    moved = NOW_MS + 1000
    with platform.engine.begin() as conn:
        conn.execute(update(assignments).values(to_ms=moved))
        platform.assign(conn, 1, moved, moved + 1000)
    for moment in (moved - 1, moved, moved + 999, moved + 1000):
        platform.terminal.time = Time(moment, BOOT, moment - NOW_MS, Sync.SET, None)
        platform.terminal.tap()
    platform.deliver()
    found = platform.interpret()
    first, second = platform.sites
    assert [row["site_id"] for row in found] == [first, second, second, None]
    assert [row["reason"] for row in found] == [None, None, None, "no-assignment"]


def test_an_employer_nobody_registered_becomes_one_private_company(platform: Platform) -> None:
    platform.terminal.tap("9000000001", UNREGISTERED)
    platform.terminal.tap("9000000002", UNREGISTERED)
    platform.terminal.tap("9000000001")
    platform.deliver()
    found = platform.interpret()
    private = [row for row in platform.rows(companies) if row["private"]]
    assert [(row["vat"], row["name"]) for row in private] == [("BE0880000430", "BE 0880.000.430")]
    assert {row["employer_id"] for row in found} == {private[0]["id"]}
    assert {row["reason"] for row in found} == {"badge-unlinked"}


def test_an_impossible_employer_number_is_kept_with_its_reason(platform: Platform) -> None:
    platform.terminal.tap("9000000001", "0880000431")
    platform.terminal.tap("9000000002")
    platform.deliver()
    found = platform.interpret()
    assert [row["employer_id"] for row in found] == [None, None]
    assert [row["reason"] for row in found] == [
        "badge-unlinked employer-invalid",
        "badge-unlinked employer-unknown",
    ]
    assert not [row for row in platform.rows(companies) if row["private"]]


def test_a_badge_linked_later_attributes_what_it_registered_before(platform: Platform) -> None:
    platform.terminal.tap("9000000001")
    platform.terminal.tap()
    platform.deliver()
    platform.interpret()
    with platform.engine.begin() as conn:
        badge = conn.execute(
            select(badges.c.id).where(badges.c.number == "9000000001")
        ).scalar_one()
        conn.execute(update(badges).where(badges.c.id == badge).values(worker_id=platform.worker))
        reattribution.request(conn, badge_id=badge, why="badge linked")
    late, other = platform.interpret()
    assert (late["worker_id"], late["employer_id"]) == (platform.worker, platform.employer)
    assert (late["reason"], late["version"], other["version"]) == (None, 2, 1)
    (history,) = platform.rows(registration_history)
    assert (history["version"], history["worker_id"], history["why"]) == (1, None, "badge linked")


def test_what_one_interpreter_served_another_forgets(platform: Platform) -> None:
    platform.terminal.tap("777")
    platform.deliver()
    platform.interpret()
    with platform.engine.begin() as conn:
        badge = conn.execute(select(badges.c.id).where(badges.c.number == "777")).scalar_one()
        link_badge(conn, badge, platform.worker)
    Interpreter(platform.engine, [platform.terminal.platform]).run_to_end()
    platform.terminal.tap("777")
    platform.deliver()
    assert [row["worker_id"] for row in platform.interpret()] == [platform.worker] * 2


def test_a_turn_that_was_undone_leaves_nothing_remembered(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("COMMIT", None, Exception("the database went away"))

    platform.terminal.tap("777")
    platform.deliver()
    with monkeypatch.context() as patch:
        patch.setattr(interpreter, "write", fail)
        with pytest.raises(OperationalError):
            platform.interpret()
    with platform.engine.begin() as conn:
        other = put_badge(conn, "em4100", "888")
    (row,) = platform.interpret()
    assert row["badge_id"] != other
    numbers = {badge["id"]: badge["number"] for badge in platform.rows(badges)}
    assert numbers[row["badge_id"]] == "777"


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_late_assignment_attributes_again_in_turns_of_any_size(
    platform: Platform, limit: int
) -> None:
    for second in range(5):
        platform.terminal.time = Time(NOW_MS + second // 2, BOOT, second, Sync.SET, None)
        platform.terminal.tap()
    platform.deliver()
    platform.interpret()
    with platform.engine.begin() as conn:
        conn.execute(update(assignments).values(site_id=platform.sites[1]))
        reattribution.request(
            conn, terminal_id=platform.terminal_id, from_ms=NOW_MS + 1, why="moved"
        )
    found = platform.interpret(limit)
    first, second_site = platform.sites
    assert [row["site_id"] for row in found] == [first] * 2 + [second_site] * 3
    assert [row["version"] for row in found] == [1, 1, 2, 2, 2]


def test_what_cannot_be_understood_waits_and_holds_up_nobody(platform: Platform) -> None:
    terminal = platform.terminal
    terminal.tap()
    terminal.add_raw(b"\xff no CBOR")
    terminal.add(99)
    terminal.tap()
    terminal.tap()
    platform.deliver()
    with platform.engine.begin() as conn:
        conn.execute(update(records).where(records.c.seq == 6).values(blob=None))
    assert [row["seq"] for row in platform.interpret()] == [3, 7]
    assert [(row["seq"], row["reason"]) for row in platform.rows(waiting)] == [
        (4, "undecodable"),
        (5, "unknown-kind"),
        (6, "erased"),
    ]


def test_what_nobody_could_unseal_is_understood_once_the_key_is_there(platform: Platform) -> None:
    platform.terminal.tap()
    platform.deliver()
    other = Interpreter(platform.engine, [SealingKey.generate()])
    other.run_to_end()
    assert [row["reason"] for row in platform.rows(waiting)] == ["no-key", "no-key"]
    with platform.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
    assert [row["seq"] for row in platform.interpret()] == [3]
    assert [row["seq"] for row in platform.rows(waiting)] == []


def test_a_seal_is_found_again_after_a_restart(platform: Platform) -> None:
    platform.terminal.tap()
    platform.deliver()
    platform.interpret()
    platform.terminal.tap()
    platform.deliver()
    platform.interpreter = Interpreter(platform.engine, [platform.terminal.platform])
    assert [row["seq"] for row in platform.interpret()] == [3, 4]


def test_a_missing_seal_is_looked_for_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[int] = []
    find = unsealing.Unsealer._find

    def counting(self: unsealing.Unsealer, *arguments: Any) -> seals.ContentKey:
        searches.append(1)
        return find(self, *arguments)

    monkeypatch.setattr(unsealing.Unsealer, "_find", counting)
    platform.terminal.content = seals.ContentKey.generate()
    for _ in range(5):
        platform.terminal.tap()
    platform.deliver()
    platform.interpret()
    assert [row["reason"] for row in platform.rows(waiting)] == ["seal-missing"] * 5
    assert len(searches) == 1


def test_interpreting_again_changes_nothing_and_keeps_the_ids(platform: Platform) -> None:
    for number in range(3):
        platform.terminal.tap(f"{number:010}", UNREGISTERED)
    platform.deliver()
    before = platform.interpret()
    with platform.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
    assert platform.interpret() == before
    assert platform.rows(registration_history) == []


def test_registrations_can_be_made_anew_from_custody_alone(platform: Platform) -> None:
    for number in range(3):
        platform.terminal.tap(f"{number:010}", UNREGISTERED)
    platform.deliver()
    before = platform.interpret()
    with platform.engine.begin() as conn:
        conn.execute(delete(registrations))
        conn.execute(update(epochs).values(interpreted_seq=0))
    after = platform.interpret()
    keep = [name for name in before[0] if name != "id"]
    assert [[row[n] for n in keep] for row in after] == [[row[n] for n in keep] for row in before]


@pytest.mark.parametrize("together", [True, False])
def test_taps_before_the_clock_was_set_are_corrected(platform: Platform, together: bool) -> None:
    terminal = platform.terminal
    terminal.time = Time(5_000, BOOT, 10_000, Sync.UNSET, None)
    terminal.tap()
    if not together:
        platform.deliver()
        (unsure,) = platform.interpret()
        assert (unsure["reason"], unsure["corrected"]) == ("clock-unsure", False)
    terminal.time = Time(NOW_MS, BOOT, 70_000, Sync.SYNCHRONISED, 30)
    terminal.add(Kind.CLOCK, data={0: 65_000, 1: NOW_MS})
    terminal.tap()
    platform.deliver()
    early, late = platform.interpret()
    assert (early["tapped_ms"], early["corrected"]) == (NOW_MS - 60_000, True)
    assert (early["earliest_ms"], early["latest_ms"]) == (NOW_MS - 60_060, NOW_MS - 59_940)
    assert (early["reason"], late["corrected"]) == (None, False)


@pytest.mark.parametrize("together", [True, False])
def test_the_first_clock_record_after_a_tap_decides(platform: Platform, together: bool) -> None:
    terminal = platform.terminal
    terminal.time = Time(5_000, BOOT, 10_000, Sync.UNSET, None)
    terminal.tap()
    if not together:
        platform.deliver()
        platform.interpret()
    for later_ms, sync in ((60_000, Sync.SYNCHRONISED), (3_660_000, Sync.SET)):
        wrong_ms = 0 if sync is Sync.SYNCHRONISED else 9_000
        terminal.time = Time(NOW_MS + later_ms + wrong_ms, BOOT, 10_000 + later_ms, sync, None)
        terminal.add(Kind.CLOCK, data={0: 0, 1: 0})
        if not together:
            platform.deliver()
            platform.interpret()
    platform.deliver()
    (row,) = platform.interpret()
    assert (row["tapped_ms"], row["corrected"]) == (NOW_MS, True)


def test_the_clock_of_another_boot_corrects_nothing(platform: Platform) -> None:
    terminal = platform.terminal
    terminal.time = Time(5_000, b"a" * 16, 10_000, Sync.UNSET, None)
    terminal.tap()
    terminal.time = Time(NOW_MS, BOOT, 70_000, Sync.SYNCHRONISED, 30)
    terminal.add(Kind.CLOCK, data={0: 65_000, 1: NOW_MS})
    platform.deliver()
    (row,) = platform.interpret()
    assert (row["tapped_ms"], row["reason"]) == (5_000, "clock-unsure")


def test_an_expired_badge_and_an_inactive_worker_are_registered_and_flagged(
    platform: Platform,
) -> None:
    with platform.engine.begin() as conn:
        conn.execute(update(badges).values(valid_until_ms=NOW_MS))
        conn.execute(update(workers).values(active=False))
    platform.terminal.tap()
    platform.deliver()
    (row,) = platform.interpret()
    assert row["reason"] == "badge-expired worker-inactive"
    assert row["worker_id"] == platform.worker


def test_a_branch_is_never_attributed(platform: Platform) -> None:
    clone = platform.terminal.clone()
    platform.terminal.tap()
    platform.deliver()
    clone.tap("9000000009")
    platform.custody.accept([Incoming(clone.device, "records", clone.batch())])
    assert len(platform.interpret()) == 1
    assert [row["branch"] for row in platform.rows(epochs)] == [0, 1]
