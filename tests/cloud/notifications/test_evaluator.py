"""What people are told of: each once for an episode, and closed when that is over."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, update

from cloud.accounts import invitations
from cloud.accounts import service as accounts
from cloud.accounts.tables import invitations as offers
from cloud.companies.tables import companies
from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import alarms, platform
from cloud.notifications import evaluator, queries, service
from cloud.notifications.evaluator import evaluate
from cloud.notifications.kinds import Kind
from cloud.notifications.tables import notification_reads, notifications
from cloud.notifications.watch import Watch, once
from cloud.rows import ALL
from cloud.terminals.tables import terminals
from cloud.terminals.telemetry import SLOT_MS, History
from cloud.times import now_ms
from protocol.identity import group
from tests.cloud.sample import Sample
from tests.support.waiting import wait_for

MINUTE = 60_000
DAY = 86_400_000


@pytest.fixture
def conn(engine: Engine) -> Any:
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def sample(conn: Connection) -> Sample:
    return Sample(conn)


def says(conn: Connection, sample: Sample, seen_ms: int | None, **telemetry: Any) -> None:
    values = {"last_seen_ms": seen_ms, "last_status": json.dumps({"telemetry": telemetry})}
    conn.execute(update(terminals).where(terminals.c.id == sample.terminals[0]).values(**values))


def standing(conn: Connection) -> list[str]:
    query = select(notifications.c.kind).where(notifications.c.closed_ms.is_(None))
    return sorted(conn.execute(query).scalars())


def all_of(conn: Connection) -> list[Any]:
    return list(conn.execute(select(notifications).order_by(notifications.c.id)))


def test_silence_is_told_once_until_it_ends_and_again_when_it_comes_back(
    conn: Connection, sample: Sample
) -> None:
    now = now_ms()
    says(conn, sample, now - evaluator.SILENT_MS + MINUTE)
    assert evaluate(conn, now) == []
    later = now + 2 * MINUTE
    (first,) = evaluate(conn, later)
    assert evaluate(conn, later + MINUTE) == []
    (row,) = all_of(conn)
    assert (row.kind, row.terminal_id, row.at_ms) == (Kind.SILENT, sample.terminals[0], later)
    assert json.loads(row.detail)["device"] == group(sample.devices[0])
    says(conn, sample, later + 2 * MINUTE)
    assert evaluate(conn, later + 2 * MINUTE) == []
    assert all_of(conn)[0].closed_ms == later + 2 * MINUTE
    (second,) = evaluate(conn, later + 2 * evaluator.SILENT_MS)
    assert second > first


@pytest.mark.parametrize("status", ["inactive", "revoked"])
def test_of_what_is_out_of_use_nothing_is_told(
    conn: Connection, sample: Sample, status: str
) -> None:
    says(conn, sample, 1, queue=900, certificate={"not_after_ms": 1})
    assert len(evaluate(conn, now_ms())) == 2
    conn.execute(update(terminals).values(status=status))
    assert evaluate(conn, now_ms()) == []
    assert standing(conn) == []


def test_a_certificate_is_told_of_a_month_before_it_ends(conn: Connection, sample: Sample) -> None:
    now = now_ms()
    for days, expected in ((31, []), (29, [Kind.CERTIFICATE]), (400, [])):
        says(conn, sample, now, certificate={"not_after_ms": now + days * DAY})
        evaluate(conn, now)
        assert standing(conn) == expected, days


def test_a_queue_is_told_of_while_it_grows_and_until_it_is_short(
    conn: Connection, sample: Sample
) -> None:
    now = now_ms()

    def tell(queues: list[int], at_ms: int) -> list[str]:
        history = History()
        for back, queue in enumerate(reversed(queues)):
            told = {"queue": queue}
            history.note(conn, sample.terminals[0], told, at_ms - back * SLOT_MS)
        says(conn, sample, at_ms, queue=queues[-1])
        evaluate(conn, at_ms)
        return standing(conn)

    assert tell([300, 200, 100], now) == []
    now += DAY
    assert tell([80, 80, 80], now) == []
    now += DAY
    assert tell([10, 20, 30], now) == []
    now += DAY
    assert tell([60, 70], now) == []
    now += DAY
    assert tell([40, 60, 90], now) == [Kind.QUEUE]
    now += DAY
    assert tell([90, 60, 21], now) == [Kind.QUEUE]
    assert tell([90, 60, 20], now + SLOT_MS) == []
    assert len(all_of(conn)) == 1


def test_gaps_and_forks_are_told_of_until_their_alarm_is_cleared(
    conn: Connection, sample: Sample
) -> None:
    raise_alarm(conn, sample.terminals[0], What.GONE, first=1, last=3)
    raise_alarm(conn, sample.terminals[1], What.COPY, epoch="abab", first=1, branch=1)
    raise_alarm(conn, None, What.RESTORED, inside=1, outside=2)
    assert len(evaluate(conn, 1)) == 2
    assert evaluate(conn, 2) == []
    assert standing(conn) == [Kind.FORK, Kind.GAP]
    conn.execute(update(alarms).where(alarms.c.kind == "gap").values(cleared_ms=3))
    evaluate(conn, 3)
    assert standing(conn) == [Kind.FORK]


def test_whoever_is_invited_and_has_an_account_is_told_alone(
    conn: Connection, sample: Sample
) -> None:
    ann = accounts.create(conn, "ann@example.be", "Ann Maes")
    bob = accounts.create(conn, "bob@example.be", "Bob Thys")
    invitations.invite(conn, sample.contractor, "ANN@example.be", "auditor")
    invitations.invite(conn, sample.contractor, "nobody@example.be", "auditor")
    assert len(evaluate(conn, now_ms())) == 1
    (row,) = all_of(conn)
    assert row.account_id == ann != bob
    (told,) = queries.listed(conn, ann, visible=ALL)
    assert told["sentence"].startswith("Solvay invites you")
    conn.execute(update(offers).values(closed_ms=1))
    evaluate(conn, now_ms())
    assert standing(conn) == []


def test_a_private_company_is_told_of_once_for_each_site_until_it_registers(
    conn: Connection, sample: Sample
) -> None:
    sample.tap(conn)
    assert evaluate(conn, 1) == []
    sample.stranger_taps(conn)
    assert len(evaluate(conn, 2)) == 1
    sample.stranger_taps(conn)
    assert evaluate(conn, 3) == []
    sample.tap(conn, 1, badge_id=sample.stranger, worker_id=None, employer_id=sample.private)
    assert len(evaluate(conn, 4)) == 1
    assert [row.site_id for row in all_of(conn)] == sample.sites
    assert json.loads(all_of(conn)[0].detail) == {"vat": "BE0999910642", "site": "Nord / Quai"}
    conn.execute(update(companies).values(private=False))
    evaluate(conn, 5)
    assert standing(conn) == []


def test_registrations_are_looked_at_once_and_some_again(
    conn: Connection, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "_AGAIN", 0)
    sample.stranger_taps(conn)
    assert len(evaluate(conn, 1)) == 1
    conn.execute(delete(notifications))
    assert evaluate(conn, 2) == []
    conn.execute(delete(platform))
    assert len(evaluate(conn, 3)) == 1


def test_what_is_long_over_is_forgotten(conn: Connection, sample: Sample) -> None:
    ann = accounts.create(conn, "ann@example.be", "Ann Maes")
    says(conn, sample, 1)
    now = now_ms()
    evaluate(conn, now)
    assert service.mark_read(conn, ann, visible=ALL) == 1
    says(conn, sample, now)
    evaluate(conn, now)
    says(conn, sample, now + evaluator.KEPT_MS)
    evaluate(conn, now + evaluator.KEPT_MS)
    assert len(all_of(conn)) == 1
    evaluate(conn, now + evaluator.KEPT_MS + 1)
    assert all_of(conn) == []
    assert conn.execute(select(notification_reads)).all() == []


@pytest.mark.parametrize("said", [[], "x", {"telemetry": 3}, {"telemetry": {"queue": True}}])
def test_whatever_a_terminal_says_the_others_are_looked_at(
    conn: Connection, sample: Sample, said: Any
) -> None:
    conn.execute(update(terminals).values(last_seen_ms=1, last_status=json.dumps(said)))
    odd = {"queue": "9", "certificate": {"not_after_ms": 10**30}}
    says(conn, sample, 1, **odd)
    assert len(evaluate(conn, now_ms())) == 2


def test_two_that_look_at_once_tell_it_once(engine: Engine) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        says(conn, sample, 1)
    with engine.begin() as conn:
        stood = evaluator._standing(conn)
        assert stood == {}
    assert once(engine, now_ms()) == 1
    with engine.begin() as conn:
        (row,) = all_of(conn)
        episode = evaluator.Episode(Kind.SILENT, row.episode, {}, terminal_id=row.terminal_id)
        assert evaluator._open(conn, episode, 1) is None
        values = {"kind": "gap", "episode": "1", "detail": "{}", "at_ms": 1}
        conn.execute(insert(notifications).values(**values))


def test_the_watch_looks_again_and_no_error_ends_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as conn:
        says(conn, Sample(conn), 1)
    calls: list[int] = []
    real = evaluator.evaluate

    def failing(conn: Connection, at_ms: int) -> list[int]:
        calls.append(at_ms)
        if len(calls) == 1:
            raise RuntimeError("away")
        return real(conn, at_ms)

    monkeypatch.setattr(evaluator, "evaluate", failing)
    watch = Watch(engine, every_s=0.01)
    watch.start()
    wait_for(lambda: len(calls) >= 3, "it looks again")
    watch.stop()
    with engine.begin() as conn:
        assert len(all_of(conn)) == 1
