"""Somebody asks to be erased: what goes, what stays restricted, and that nothing brings it back."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cloud.audit.service import Actor
from cloud.audit.tables import audit
from cloud.configurations import service as configurations
from cloud.custody.erasure import ERASED
from cloud.custody.tables import epochs, erased_records, heads, records, waiting
from cloud.errors import ConflictError, NotFoundError
from cloud.exports import queries as exported
from cloud.exports import service as exports
from cloud.exports.tables import exports as exports_table
from cloud.exports.tables import withdrawals
from cloud.registrations import attendance, queries
from cloud.registrations.tables import registrations
from cloud.retention import asking, redo
from cloud.retention.asking import State, state
from cloud.retention.erasing import Erasure
from cloud.retention.job import Run
from cloud.retention.tables import erasure_requests
from cloud.retention.terms import last_day
from cloud.terminals import service as terminals
from cloud.times import now_ms
from cloud.visibility import registrations as why_registration
from cloud.visibility import rules
from cloud.visibility import workers as why_worker
from cloud.workers import editing, service
from cloud.workers.tables import badges, former_holders, restrictions
from tests.cloud.retention.world import (
    ANN,
    AT_ONCE,
    BOB,
    CARL,
    LAW,
    START_MS,
    World,
    compacted,
    files_with,
    found_in,
    identifiers,
)


def test_nothing_of_a_person_is_left_once_every_company_has_erased_it(furnished: World) -> None:
    world = furnished
    assert len(found_in(world.engine, identifiers(ANN))) > 5
    others = found_in(world.engine, identifiers(BOB)), found_in(world.engine, identifiers(CARL))
    blobs = {bytes(row["blob"]) for row in sealed_of(world, ANN)}
    assert len(blobs) == 7
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    assert found_in(world.engine, identifiers(ANN)) == set()
    assert found_in(world.engine, {str(n): blob for n, blob in enumerate(blobs)}) == set()
    assert files_with(world.directory, identifiers(ANN)) == set()
    assert world.worker(world.ann) is None
    assert [row["over_ms"] is None for row in world.rows(erasure_requests)] == [False, False]
    for who, before in zip((BOB, CARL), others, strict=True):
        assert found_in(world.engine, identifiers(who)) == before


def test_the_file_of_the_database_holds_nothing_of_it_either(
    furnished: World, backend: str, tmp_path: Path
) -> None:
    if backend != "sqlite":
        pytest.skip("what PostgreSQL's files hold is its vacuum's affair")
    world = furnished
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    world.reader.dispose()
    world.engine.dispose()
    compacted(tmp_path / "platform.sqlite")
    assert files_with(tmp_path, identifiers(ANN)) == set()
    assert len(files_with(tmp_path, identifiers(BOB))) > 2


def sealed_of(world: World, who: tuple[str, ...]) -> list[Any]:
    """The records of somebody's registrations."""
    places = {
        (row["epoch_id"], row["seq"])
        for row in world.registered(
            registrations.c.badge_id.in_(select(badges.c.id).where(badges.c.number == who[3]))
        )
    }
    return [row for row in world.rows(records) if (row["epoch_id"], row["seq"]) in places]


def test_each_company_answers_for_its_own(furnished: World) -> None:
    """What the employer erases, the contractor keeps as it chose, and under the name it knows."""
    world = furnished
    world.leave(world.ann)
    world.ask(world.elektro, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    assert state(world.rows(erasure_requests)[0]) is State.OVER
    left = world.registered(registrations.c.worker_id == world.ann)
    assert [row["company_id"] for row in left] == [world.solvay] * 4
    ann = world.worker(world.ann)
    assert (ann["family_name"], ann["inss_sealed"], ann["inss_mark"]) == (ANN[1], None, None)
    assert (ann["number"].strip(), world.rows(restrictions)[0]["number"]) == (str(world.ann), None)
    seen = {}
    for company in world.gates:
        visible = rules.visible_registrations(world.sees(company))
        with world.reader.connect() as conn:
            seen[company] = queries.listed(conn, queries.Filter(visible), limit=100)
    assert [row["family_name"] for row in seen[world.elektro]] == [BOB[1]] * 3
    assert sorted(row["family_name"] for row in seen[world.solvay]) == sorted(
        [ANN[1]] * 4 + [BOB[1]] * 2 + [CARL[1]] * 2
    )
    world.ask(world.solvay, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    assert found_in(world.engine, identifiers(ANN)) == set()


def test_what_the_law_keeps_is_restricted_and_goes_by_itself(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    number = world.registered(registrations.c.worker_id == world.ann)[0]["id"]
    request = world.ask(world.elektro, world.ann, LAW)
    (row,) = world.rows(erasure_requests)
    assert state(row) is State.RESTRICTED
    assert row["until_ms"] > now_ms()
    mine = world.registered(registrations.c.worker_id == world.ann)
    assert len(mine) == 7
    assert all(row["employer_let_go"] for row in mine)
    assert all(row["site_let_go"] == (row["company_id"] == world.elektro) for row in mine)
    boss = world.sees(world.elektro)
    visible = rules.visible_registrations(boss)
    with world.reader.connect() as conn:
        listed = queries.listed(conn, queries.Filter(visible), limit=100)
        assert {row["family_name"] for row in listed} == {BOB[1]}
        with pytest.raises(NotFoundError):
            attendance.known(conn, boss, world.ann)
        told = json.dumps(why_worker.explain(conn, boss, f"{ANN[0]} {ANN[1]}").as_json())
        assert "is restricted at the person's request until" in told
        told = json.dumps(why_registration.explain(conn, boss, number).as_json())
        assert "is restricted at the person's request until" in told
        program = rules.program(world.elektro)
        assert "restricted" not in json.dumps(why_worker.explain(conn, program, "7").as_json())
    for limits_ms in (row["until_ms"] - 1, row["until_ms"]):
        Run(world.engine, world.directory, LAW, at_ms=limits_ms).run()
        left = world.registered(registrations.c.worker_id == world.ann)
        assert bool(left) == (limits_ms < row["until_ms"])
    assert world.worker(world.ann) is None
    assert state(world.rows(erasure_requests)[0]) is State.OVER
    assert world.rows(erasure_requests)[0]["worker_id"] is None
    assert request == row["id"]


def test_an_active_worker_is_not_erased(furnished: World) -> None:
    with (
        furnished.engine.begin() as conn,
        pytest.raises(ConflictError, match="inactive first"),
    ):
        asking.enter(conn, Actor("command"), furnished.elektro, furnished.ann, alone=True)


@pytest.mark.parametrize("limits", [AT_ONCE, LAW])
def test_reinterpreting_brings_nobody_back(furnished: World, limits: Any) -> None:
    world = furnished
    world.leave(world.ann)
    world.ask(world.elektro, world.ann, limits)
    before = world.registered()
    with world.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
    world.interpret()
    assert world.registered() == before
    assert world.rows(waiting) == []


def test_a_badge_of_somebody_restricted_is_free_and_its_old_taps_stay_theirs(
    furnished: World,
) -> None:
    world = furnished
    world.leave(world.ann)
    world.tap(world.solvay, ANN, 20)
    world.ask(world.elektro, world.ann, LAW)
    world.deliver()
    (late,) = [row for row in world.registered() if row["tapped_ms"] > START_MS + 19 * 86_400_000]
    assert (late["worker_id"], late["employer_let_go"], late["site_let_go"]) == (
        world.ann,
        True,
        False,
    )
    (badge,) = world.rows(badges, badges.c.number == ANN[3])
    assert badge["worker_id"] is None
    assert [row["worker_id"] for row in world.rows(former_holders)] == [world.ann]
    gate = world.gates[world.solvay]
    from protocol.bodies import Sync, Time
    from tests.cloud.terminal import BOOT

    after = world.rows(restrictions)[0]["until_ms"] + 60_000
    gate.time = Time(after, BOOT, after - START_MS, Sync.SYNCHRONISED, 10)
    gate.tap(ANN[3])
    world.deliver()
    new = max(world.registered(), key=lambda row: row["id"])
    # Ahead of our clock, so dated by its receipt, which is after the restriction.
    assert (new["worker_id"], new["reason"].split()[0]) == (None, "badge-unlinked")


def test_what_was_exported_forgets_the_person_and_the_next_one_says_so(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    world.ask(world.elektro, world.ann, LAW)
    Run(world.engine, world.directory, LAW).run()
    boss = world.sees(world.elektro)
    with world.reader.connect() as conn:
        (first,) = exported.listed(conn, boss)
        lines = list(exported.rows(conn, first))
    assert len([line for line in lines if line["line"] != "terminal not complete"]) == 11
    assert len([line for line in lines if len(line) == 2 and "registration" in line]) == 7
    assert ANN[1] not in json.dumps(lines)
    assert all(not row["in_exports"] for row in world.rows(withdrawals))
    made = exports.make(world.reader, world.engine, boss, Actor("command"))
    with world.reader.connect() as conn:
        rows = exported.rows(conn, world.rows(exports_table, exports_table.c.id == made)[0])
        told = [line for line in rows if line["line"] in ("gone", "restricted", "erased")]
    assert [line["line"] for line in told] == ["restricted"] * 8
    assert "correction" in told[-1]
    with world.reader.connect() as conn:
        (theirs,) = exported.listed(conn, world.sees(world.solvay))
        assert ANN[1] in json.dumps(list(exported.rows(conn, theirs)))


def test_a_program_s_answers_and_rosters_forget_too(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann)
    from cloud.api.tables import idempotency_keys

    (answer,) = world.rows(idempotency_keys)
    assert (answer["status"], answer["answer"]) == (410, "null")
    assert bytes(answer["request"]) != bytes(32)
    from cloud.configurations.tables import configurations as configured
    from protocol.configured import Configured

    for row in world.rows(configured):
        blocked = Configured.decode(bytes(row["body"])).blocked
        assert blocked is not None
        assert len(blocked) == 0
    with world.reader.connect() as conn:
        for terminal in world.terminals.values():
            assert configurations.state(conn, terminal).number == 2


def test_the_trail_says_how_much_and_never_whom(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    request = world.ask(world.elektro, world.ann, LAW)
    lines = [row for row in world.rows(audit) if ":erasure:" in row["tag"]]
    assert [row["tag"] for row in lines] == [
        "console:erasure:enter",
        "command:erasure:carry-out",
    ]
    assert {row["target_id"] for row in lines} == {request}
    assert json.loads(lines[-1]["detail"]) == {
        "badges": 1,
        "corrections-restricted": 1,
        "restricted": 7,
    }


class Killed(BaseException):
    """As SIGKILL would, but that the test goes on."""


@pytest.mark.parametrize("limits", [AT_ONCE, LAW])
def test_killed_at_any_batch_it_goes_on_where_it_was(
    furnished: World, limits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = furnished
    world.leave(world.ann)
    with world.engine.begin() as conn:
        asking.enter(conn, Actor("console", 1), world.elektro, world.ann, alone=True)
    run = Erasure.run
    monkeypatch.setattr(Erasure, "run", lambda self: run(self, batch=2))
    kills = 0
    for at in range(60):
        left = [at]

        def dying(self: Any, conn: Any, tally: Any, batch: int, step: Any, left: Any = left) -> Any:
            done = step(self, conn, tally, batch)
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return done

        with monkeypatch.context() as patch:
            for name in ("_restrict", "_remove", "_correct"):
                step = getattr(Erasure, name)
                patch.setattr(Erasure, name, lambda s, c, t, b, step=step: dying(s, c, t, b, step))
            try:
                redo.catch_up(world.engine, world.directory, limits)
                break
            except Killed:
                kills += 1
    assert kills >= 4
    (row,) = world.rows(erasure_requests)
    counts = json.loads(row["counts"])
    if limits == LAW:
        assert state(row) is State.RESTRICTED
        assert counts == {"badges": 1, "corrections-restricted": 1, "restricted": 7}
    else:
        assert state(row) is State.OVER
        assert counts["registrations"] == 3
        assert len(world.registered(registrations.c.worker_id == world.ann)) == 4
    assert redo.behind(world.engine, world.directory) == 0


def test_what_was_erased_stays_so_when_the_terminal_sends_it_again(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann)
    assert len(world.rows(erased_records)) == 7
    gate = world.gates[world.solvay]
    # As after a restore that lost all of it: the same records come again.
    with world.engine.begin() as conn:
        for table in (registrations, records, heads):
            conn.execute(table.delete().where(table.c.epoch_id.in_(select(epochs.c.id))))
        conn.execute(update(epochs).values(head_seq=0, interpreted_seq=0))
        from protocol.chain import epoch_link

        for each in world.gates.values():
            conn.execute(
                update(epochs)
                .where(epochs.c.epoch == each.epoch)
                .values(head_link=epoch_link(each.thumbprint, each.epoch))
            )
    for company in world.gates:
        world.delivered[company] = 0
    world.deliver()
    assert len(world.rows(records)) == sum(each.head for each in world.gates.values())
    assert len([row for row in world.rows(records) if row["blob"] == ERASED]) == 7
    assert {row["worker_id"] for row in world.registered()} == {world.bob, world.carl}
    assert world.rows(waiting) == []
    assert gate.head
    assert found_in(world.engine, {"badge": ANN[3].encode()}) == set()


def test_the_last_day_is_counted_by_the_calendar() -> None:
    assert str(last_day(START_MS, 84)) == "2033-03-02"


@pytest.mark.parametrize("to", ["nobody", "somebody else"])
def test_what_named_it_before_it_was_another_s_is_emptied_too(furnished: World, to: str) -> None:
    world = furnished
    with world.engine.begin() as conn:
        badge = conn.execute(select(badges.c.id).where(badges.c.number == ANN[3])).scalar_one()
        service.link_badge(conn, badge, None if to == "nobody" else world.bob)
    world.interpret()
    assert world.registered(registrations.c.worker_id == world.ann) == []
    # A snapshot of since then says what they are now, and goes on saying so.
    for company in (world.solvay, world.elektro):
        exports.make(world.reader, world.engine, world.sees(company), Actor("console"))
    before = lines_since(world)
    assert sum(BOB[1] in json.dumps(line) for line in before) == (0 if to == "nobody" else 11)
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    wanted = {n: v for n, v in identifiers(ANN).items() if n.split()[0] in ("given", "family")}
    assert found_in(world.engine, wanted) == set()
    assert [line["line"] for line in lines_since(world)] == [line["line"] for line in before]
    for now, was in zip(lines_since(world), before, strict=True):
        assert now == was or ANN[1] in json.dumps(was)


def test_a_company_that_it_was_shown_to_before_forgets_it_too(furnished: World) -> None:
    """The terminal never stood where it was entered first: what it registered is another's."""
    world = furnished
    with world.engine.begin() as conn:
        terminals.assign(conn, world.terminals[world.solvay], world.sites[world.elektro][1], 0)
    world.interpret()
    assert world.registered(registrations.c.company_id == world.solvay) == []
    world.leave(world.ann)
    world.ask(world.elektro, world.ann)
    Run(world.engine, world.directory, AT_ONCE).run()
    with world.reader.connect() as conn:
        for company in (world.solvay, world.elektro):
            (made,) = exported.listed(conn, world.sees(company))
            assert ANN[1] not in json.dumps(
                [line for line in exported.rows(conn, made) if line["line"] != "correction"]
            )


def lines_since(world: World) -> list[dict[str, Any]]:
    """Of every company's second snapshot."""
    with world.reader.connect() as conn:
        return [
            line
            for company in (world.solvay, world.elektro)
            for line in exported.rows(conn, exported.listed(conn, world.sees(company))[0])
        ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_somebody_who_came_back_meanwhile_is_not_erased(furnished: World, when: str) -> None:
    """Active again before somebody else approved it, or after that and before it is done."""
    world = furnished
    company, ann = world.elektro, world.ann
    world.leave(ann)
    with world.engine.begin() as conn:
        request = asking.enter(conn, Actor("console", 1), company, ann, alone=False)
    if when == "before":
        with world.engine.begin() as conn:
            editing.set_active(conn, company, ann, True)
        with pytest.raises(ConflictError, match="is active"), world.engine.begin() as conn:
            asking.decide(conn, Actor("console", 2), company, request, approve=True)
        with world.engine.begin() as conn:
            asking.decide(conn, Actor("console", 2), company, request, approve=False)
    else:
        with world.engine.begin() as conn:
            asking.decide(conn, Actor("console", 2), company, request, approve=True)
            editing.set_active(conn, company, ann, True)
    redo.catch_up(world.engine, world.directory, AT_ONCE)
    assert state(world.rows(erasure_requests)[0]) is State.REFUSED
    row = world.worker(ann)
    assert (row["active"], row["restricted_ms"], row["number"]) == (True, None, ANN[4])
