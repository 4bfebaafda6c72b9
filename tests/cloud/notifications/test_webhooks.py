"""Administrators are told of webhooks that were given up, and of events that were not taken."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from cloud.notifications.evaluator import evaluate
from cloud.notifications.kinds import Kind, sentence
from cloud.notifications.tables import notifications
from cloud.webhooks.tables import webhook_deliveries, webhooks
from tests.cloud.console.company import Company


@pytest.fixture
def webhook(company: Company) -> int:
    with company.engine.begin() as conn:
        made = insert(webhooks).values(
            company_id=company.ours, name="Payroll", url="https://example.be/", scopes="",
            sealed=b"", seen_registration=0, seen_change=0, created_ms=0,
        )  # fmt: skip
        return int(conn.execute(made.returning(webhooks.c.id)).scalar_one())


def standing(conn: Connection, at_ms: int) -> list[Any]:
    evaluate(conn, at_ms)
    open_ones = notifications.c.closed_ms.is_(None)
    return list(conn.execute(select(notifications).where(open_ones)).all())


def test_one_that_was_given_up_is_told_of_until_it_is_active(
    company: Company, webhook: int
) -> None:
    def become(conn: Connection, **values: Any) -> None:
        conn.execute(update(webhooks).where(webhooks.c.id == webhook).values(**values))

    with company.engine.begin() as conn:
        assert standing(conn, 1) == []
        become(conn, active=False, ended="by-hand", ended_ms=1)
        assert standing(conn, 2) == []
        for at_ms, ended in ((3, "failing"), (5, "gone")):
            become(conn, active=False, ended=ended, ended_ms=at_ms)
            (row,) = standing(conn, at_ms)
            assert (row.kind, row.company_id) == (Kind.WEBHOOK_ENDED, company.ours)
            assert row.episode == f"{webhook}:{at_ms}"
            said = sentence(Kind(row.kind), json.loads(row.detail))
            assert said.startswith("Webhook Payroll is sent nothing any more")
            become(conn, active=True, ended=None, ended_ms=None)
            assert standing(conn, at_ms + 1) == []


def test_an_event_that_was_not_taken_is_told_of_until_it_is_sent_again(
    company: Company, webhook: int
) -> None:
    with company.engine.begin() as conn:
        row = {"webhook_id": webhook, "event": "test", "at_ms": 0, "due_ms": 0, "over_ms": 1}
        for message, outcome in (("a", "taken"), ("b", "refused")):
            conn.execute(insert(webhook_deliveries).values(message=message, outcome=outcome, **row))
        (told,) = standing(conn, 1)
        assert (told.kind, told.company_id) == (Kind.WEBHOOK_MISSED, company.ours)
        assert [each.id for each in standing(conn, 2)] == [told.id]
        conn.execute(update(webhook_deliveries).values(over_ms=None))
        assert standing(conn, 3) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("administrator", True), ("auditor", False), ("manager", False), ("viewer", False),
        ("external", False), ("other", False), ("operator", True), ("none", False),
    ],
)  # fmt: skip
def test_administrators_are_told(
    company: Company, webhook: int, reader: Engine, name: str, told: bool
) -> None:
    with company.engine.begin() as conn:
        ended = {"active": False, "ended": "gone", "ended_ms": 1}
        conn.execute(update(webhooks).values(**ended))
        (row,) = standing(conn, 2)
    browser = company.browser(reader, name)
    assert ("Webhook Payroll" in browser.get("/notifications").text) == told
    answer = browser.post(f"/notifications/{row.id}/read")
    assert answer.status_code == (303 if told else 404)
