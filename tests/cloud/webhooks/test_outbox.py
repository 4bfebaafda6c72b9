"""What is told of registrations: each version once to whoever sees it, and of nothing else."""

import threading
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, select

from cloud.interpretation import turns
from cloud.interpretation.interpreter import Interpreter
from cloud.interpretation.writing import change
from cloud.registrations.tables import registrations
from cloud.webhooks import outbox, service
from cloud.webhooks.events import SCOPES, Event
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks
from cloud.workers import editing
from protocol.seals import SealingKey
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Clock, Post
from tests.support.postgresql import waits_for_a_lock
from tests.support.waiting import wait_for

CREATED, CHANGED, GONE = (
    "registration.created",
    "registration.changed",
    "registration.gone",
)


def collect(engine: Engine) -> None:
    """All there is."""
    more = True
    while more:
        with engine.begin() as conn:
            more = outbox.collect(conn, 1)


def changes(engine: Engine, number: int, **values: Any) -> None:
    """Attribute a registration anew, as interpretation does."""
    with engine.begin() as conn:
        row: Any = conn.execute(select(registrations).where(registrations.c.id == number))
        change(conn, [(row.mappings().one(), values)], "test")


def test_a_registration_is_told_of_once_and_its_changes_too(post: Post, gates: Gates) -> None:
    gates.tap("07:00")
    webhook, _ = post.webhook()
    collect(post.engine)
    assert post.told() == []  # It was there before.
    number = gates.tap("08:00")
    for _ in range(2):
        collect(post.engine)
    assert post.told() == [(CREATED, number)]
    changes(post.engine, number, worker_id=None)
    changes(post.engine, number, worker_id=None)
    for _ in range(2):
        collect(post.engine)
    assert post.told() == [(CREATED, number), (CHANGED, number)]
    row = post.row(webhook)
    assert (row.seen_registration, row.seen_change) == (number, 1)


def test_who_sees_it_first_or_no_more_is_told_so(post: Post, gates: Gates) -> None:
    ours, theirs = post.company.ours, post.company.theirs
    mine, _ = post.webhook()
    other, _ = post.webhook(company=theirs)
    number = gates.tap("08:00")
    collect(post.engine)
    # Somebody else's badge it was: the employer is another, the site is still ours.
    changes(post.engine, number, employer_id=theirs)
    collect(post.engine)
    changes(post.engine, number, company_id=theirs, site_id=None)
    changes(post.engine, number, employer_id=ours, company_id=None)
    collect(post.engine)
    told = {
        webhook: [row.event for row in post.deliveries() if row.webhook_id == webhook]
        for webhook in (mine, other)
    }
    assert told == {mine: [CREATED, CHANGED, GONE, CREATED], other: [CREATED, CHANGED, GONE]}


def test_what_changed_before_it_was_collected_is_told_as_it_was(post: Post, gates: Gates) -> None:
    mine, _ = post.webhook()
    other, _ = post.webhook(company=post.company.theirs)
    number = gates.tap("08:00")
    changes(post.engine, number, employer_id=post.company.theirs, company_id=post.company.theirs)
    collect(post.engine)
    told = [(row.webhook_id, row.event) for row in post.deliveries()]
    assert sorted(told) == [(mine, CREATED), (mine, GONE), (other, CREATED)]


def test_only_what_was_chosen_is_told(post: Post, gates: Gates) -> None:
    post.webhook(events=(Event.REGISTRATION_GONE, Event.WORKER_CREATED))
    number = gates.tap("08:00")
    changes(post.engine, number, worker_id=None)
    changes(post.engine, number, employer_id=None, company_id=None)
    collect(post.engine)
    assert post.told() == [(GONE, number)]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_backlog_is_told_of_in_steps_and_nothing_twice(
    post: Post, gates: Gates, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(outbox, "STEP", step)
    early, _ = post.webhook()
    numbers = [gates.tap(f"0{hour}:00") for hour in range(5)]
    collect(post.engine)
    with post.engine.begin() as conn:
        service.deactivate(conn, post.company.ours, early)
    late, _ = post.webhook()
    for number in numbers:
        changes(post.engine, number, worker_id=None)
    numbers += [gates.tap(f"1{hour}:00") for hour in range(3)]
    collect(post.engine)
    with post.engine.begin() as conn:
        service.activate(conn, post.company.ours, early, SCOPES)
    collect(post.engine)
    told = {
        webhook: [
            (row.event, row.subject_id) for row in post.deliveries() if row.webhook_id == webhook
        ]
        for webhook in (early, late)
    }
    changed = [(CHANGED, number) for number in numbers[:5]]
    created = [(CREATED, number) for number in numbers]
    assert sorted(told[early]) == sorted(created + changed)
    assert sorted(told[late]) == sorted(created[5:] + changed)


def test_one_that_was_away_for_too_long_begins_anew(post: Post, gates: Gates, clock: Clock) -> None:
    webhook, _ = post.webhook()
    with post.engine.begin() as conn:
        service.deactivate(conn, post.company.ours, webhook)
    gates.tap("08:00")
    clock.ms += outbox.KEPT_MS + 1
    with post.engine.begin() as conn:
        service.activate(conn, post.company.ours, webhook, SCOPES)
    collect(post.engine)
    assert post.told() == []


companies = st.sampled_from(["ours", "theirs", "nobody"])
acts = st.one_of(
    st.tuples(st.just("tap"), companies, companies),
    st.tuples(st.just("change"), companies, companies),
    st.tuples(st.just("collect"), companies, companies),
)


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(acts, max_size=20))
def test_every_version_is_told_exactly_once_to_whoever_sees_it(
    post: Post, gates: Gates, script: list[tuple[str, str, str]]
) -> None:
    """Against a model that hears of everything when it happens."""
    ids = {"ours": post.company.ours, "theirs": post.company.theirs, "nobody": None}
    with post.engine.begin() as conn:
        for table in (webhook_deliveries, webhook_events, webhooks):
            conn.execute(delete(table))
    hooks = {name: post.webhook(company=ids[name])[0] for name in ("ours", "theirs")}
    expected: list[tuple[int, str, int]] = []
    now: dict[int, tuple[str, str]] = {}

    def sees(name: str, number: int) -> bool:
        return name in now.get(number, ())

    for what, company, employer in script:
        if what == "collect":
            collect(post.engine)
            continue
        if what == "tap" or not now:
            columns: dict[str, Any] = {"company_id": ids[company], "employer_id": ids[employer]}
            number = gates.tap("08:00", **columns)
            before: tuple[str, str] | None = None
        else:
            number = max(now)
            before = now[number]
            values = {"company_id": ids[company], "employer_id": ids[employer]}
            changes(post.engine, number, **values)
        if before == (company, employer):
            continue
        saw = {name: sees(name, number) for name in hooks}
        now[number] = (company, employer)
        for name, webhook in hooks.items():
            kind = {
                (False, True): CREATED, (True, True): CHANGED, (True, False): GONE
            }.get((saw[name], sees(name, number)))  # fmt: skip
            if kind is not None:
                expected.append((webhook, kind, number))
    collect(post.engine)
    told = [(row.webhook_id, row.event, row.subject_id) for row in post.deliveries()]
    assert sorted(told) == sorted(expected)
    assert len({row.message for row in post.deliveries()}) == len(told)


class Statements:
    """Hears what is asked of a database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.said: list[str] = []

    def __enter__(self) -> Self:
        event.listen(self.engine, "before_cursor_execute", self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._hear)

    def _hear(self, _conn: object, _cursor: object, statement: str, *_: object) -> None:
        self.said.append(statement)


def test_changes_of_registrations_cost_no_statement_more(post: Post, gates: Gates) -> None:
    """Interpretation writes what it wrote before there were webhooks, whether there are any."""
    said = []
    for number in (gates.tap("08:00"), gates.tap("09:00")):
        with Statements(post.engine) as statements:
            changes(post.engine, number, worker_id=None)
        said.append(statements.said)
        post.webhook()
    assert said[0] == said[1]
    assert "registration_history" in str(said)
    assert "webhook" not in str(said)


def test_a_list_of_workers_is_told_of_with_one_statement(post: Post) -> None:
    post.webhook(), post.webhook()
    with post.engine.begin() as conn, Statements(post.engine) as statements:
        outbox.tell(conn, Event.WORKER_CHANGED, post.company.ours, range(1, 501))
    assert [each.split()[0] for each in statements.said] == ["INSERT"]
    assert len(post.deliveries()) == 1000


def test_what_is_undone_is_not_told_of(post: Post) -> None:
    post.webhook()
    ours = post.company.ours
    values = {"number": "9", "given_name": "Bo", "family_name": "Bos"}

    class UndoneError(Exception):
        pass

    def fails() -> None:
        with post.engine.begin() as conn:
            editing.create(conn, ours, values)
            raise UndoneError

    with pytest.raises(UndoneError):
        fails()
    assert post.told() == []
    with post.engine.begin() as conn:
        worker = editing.create(conn, ours, values)
    assert post.told() == [("worker.created", worker)]


def test_who_stopped_lately_is_still_owed(post: Post, clock: Clock) -> None:
    webhook, _ = post.webhook()
    with post.engine.begin() as conn:
        service.deactivate(conn, post.company.ours, webhook)
        outbox.tell(conn, Event.WORKER_CHANGED, post.company.ours, [1])
    assert post.told() == [("worker.changed", 1)]
    clock.ms += outbox.KEPT_MS
    with post.engine.begin() as conn:
        outbox.tell(conn, Event.WORKER_CHANGED, post.company.ours, [2])
    assert post.told() == [("worker.changed", 1)]


@pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_ids_are_in_the_order_of_commits_because_interpreters_take_turns(post: Post) -> None:
    """Else a registration could be committed below one that was told of, and be left out.

    On SQLite, whoever writes waits for its turn from the beginning.
    """
    ended = threading.Event()

    def interpret() -> None:
        Interpreter(post.engine, [SealingKey.generate()]).step(1)
        ended.set()

    thread = threading.Thread(target=interpret)
    with post.engine.begin() as conn:
        turns.take(conn)
        thread.start()
        wait_for(lambda: waits_for_a_lock(post.engine), "the other one waits for its turn")
        assert not ended.is_set()
    thread.join(30)
    assert ended.is_set()
