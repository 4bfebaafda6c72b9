"""Notifications on the console: whose they are, what is read, and what comes by mail."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from cloud.notifications.tables import notification_choices, notifications
from cloud.terminals import service
from cloud.terminals.tables import assignments
from cloud.times import now_ms
from protocol.keys import SigningKey
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company


@pytest.fixture
def told(company: Company) -> dict[str, int]:
    """The ids of notifications by whose they are: of terminals, of a site, of a person."""
    ids: dict[str, int] = {}
    with company.engine.begin() as conn:
        for name, site in (
            ("quai", company.quai), ("mine", company.mine), ("theirs", company.their_site)
        ):  # fmt: skip
            terminal = service.register(conn, SigningKey.generate().public, name)
            service.assign(conn, terminal, site, 0)
            ids[name] = tell(conn, "gap", name, terminal_id=terminal, alarm=f"lost at {name}")
        ids["dock"] = tell(
            conn, "private-company", "dock", site_id=company.dock, vat="BE1", site="Nord / Dock"
        )
        ids["viewer"] = tell(
            conn, "invitation", "viewer", account_id=company.who["viewer"], company=CANARY
        )
    return ids


def tell(conn: Any, kind: str, about: str, **values: Any) -> int:
    columns = {name: values.pop(name) for name in list(values) if name.endswith("_id")}
    made = insert(notifications).values(
        kind=kind, episode=about, detail=json.dumps(values), at_ms=now_ms(), **columns
    )
    return int(conn.execute(made.returning(notifications.c.id)).scalar_one())


WORDS = {
    "quai": "lost at quai", "mine": "lost at mine", "theirs": "lost at theirs",
    "dock": "At Nord / Dock somebody", "viewer": f"{CANARY} invites you",
}  # fmt: skip
SEEN = [
    ("administrator", {"quai", "mine", "dock"}),
    ("auditor", {"quai", "mine", "dock"}),
    ("manager", {"mine"}),
    ("viewer", {"quai", "dock", "viewer"}),
    ("external", {"quai"}),
    ("other", {"theirs"}),
    ("operator", {"quai", "mine", "dock", "theirs"}),
    ("none", set[str]()),
]


@pytest.mark.parametrize(("name", "seen"), SEEN)
def test_everybody_is_told_of_what_is_reached(
    company: Company, told: dict[str, int], reader: Engine, name: str, seen: set[str]
) -> None:
    browser = company.browser(reader, name)
    page = browser.get("/notifications").text
    for about, words in WORDS.items():
        assert (words in page) == (about in seen), about
    if seen:
        assert f"{len(seen)} unread" in page
    for about, number in told.items():
        answer = browser.post(f"/notifications/{number}/read")
        assert answer.status_code == (303 if about in seen else 404)
    assert "lost at" not in browser.get("/notifications?show=unread").text


def test_what_was_told_while_it_stood_elsewhere_stays_there(
    company: Company, told: dict[str, int], reader: Engine
) -> None:
    with company.engine.begin() as conn:
        terminal = conn.execute(
            select(notifications.c.terminal_id).where(notifications.c.id == told["theirs"])
        ).scalar_one()
        service.assign(conn, terminal, company.quai, now_ms() + 1000)
        assert conn.execute(select(assignments).where(assignments.c.terminal_id == terminal)).all()
    page = company.browser(reader, "administrator").get("/notifications").text
    assert "lost at theirs" not in page


def test_what_is_read_is_read_by_one_alone(
    company: Company, told: dict[str, int], reader: Engine
) -> None:
    administrator, auditor = (
        company.browser(reader, name) for name in ("administrator", "auditor")
    )
    assert "3 unread" in administrator.get("/").text
    assert administrator.post(f"/notifications/{told['quai']}/read").status_code == 303
    assert administrator.post(f"/notifications/{told['quai']}/read").status_code == 303
    assert "2 unread" in administrator.get("/divisions").text
    assert "3 unread" in auditor.get("/notifications").text
    assert administrator.post("/notifications/read").status_code == 303
    page = administrator.get("/notifications").text
    assert "lost at quai" in page
    assert " unread<" not in page
    assert "There is nothing to tell." in administrator.get("/notifications?show=unread").text


def test_what_is_over_says_so_and_is_counted_no_more(
    company: Company, told: dict[str, int], reader: Engine
) -> None:
    with company.engine.begin() as conn:
        here = notifications.c.id == told["quai"]
        conn.execute(update(notifications).where(here).values(closed_ms=now_ms()))
    page = company.browser(reader, "administrator").get("/notifications").text
    assert "2 unread" in page
    assert page.count('fate">over') == 1


def test_kinds_are_chosen_for_mail_and_unchosen(company: Company, reader: Engine) -> None:
    browser = company.browser(reader, "viewer")

    def checked() -> int:
        return browser.get("/notifications").text.count(" checked")

    assert checked() == 0
    sent = _choose(browser, ["gap", "fork"])
    assert (sent.status_code, checked()) == (303, 2)
    assert _choose(browser, ["gap"]).status_code == 303
    assert checked() == 1
    assert _choose(browser, ["everything"]).status_code == 422
    assert _choose(browser, []).status_code == 303
    assert checked() == 0
    with company.engine.connect() as conn:
        assert conn.execute(select(notification_choices)).all() == []


def _choose(browser: Client, kinds: list[str]) -> Any:
    return browser.request(
        "POST",
        "/notifications/mail",
        data={"kind": kinds},
        headers={"origin": "http://localhost"},
    )


def test_nobody_is_sent_to_log_in(company: Company, reader: Engine) -> None:
    browser = company.browser(reader, None)
    assert browser.get("/notifications").status_code == 303
    for path in ("/notifications/read", "/notifications/mail", "/notifications/1/read"):
        assert browser.post(path).headers["location"] == "/login"
