"""The audit trail on the console: whose lines who reads, filters, pages."""

import pytest
from sqlalchemy import Engine, insert

from cloud.audit.service import OPERATOR, Actor, note
from cloud.audit.tables import audit
from cloud.console.trail import ROWS
from cloud.times import parse
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company


@pytest.fixture
def company(engine: Engine) -> Company:
    company = Company(engine)
    manager = Actor("console", company.who["manager"], "192.0.2.7")
    theirs = Actor("console", company.who["other"])
    with engine.begin() as conn:
        note(
            conn, manager, "worker", "change", company_id=company.ours, target_id=7,
            detail={"changed": ["number", "<b>"], "rows": 3},
        )  # fmt: skip
        note(conn, OPERATOR, "terminal", "assign", company_id=company.ours)
        note(conn, theirs, "site", "create", company_id=company.theirs, detail={"name": CANARY})
        note(conn, OPERATOR, "company", "backup")
    return company


@pytest.fixture
def auditor(company: Company, reader: Engine) -> Client:
    return company.browser(reader, "auditor")


def test_administrators_and_auditors_read_their_company_s(company: Company, reader: Engine) -> None:
    for name in ("administrator", "auditor"):
        page = company.browser(reader, name).get("/trail").text
        for words in (
            "console:worker:change", "manager@example.be", "192.0.2.7",
            "changed: number, &lt;b&gt;; rows: 3", "command:terminal:assign", "operator",
        ):  # fmt: skip
            assert words in page
        for words in (CANARY, "other@example.be", "site:create", "company:backup"):
            assert words not in page
    # Who reads it is in it, from the next time on.
    assert "console:trail:read" in page
    assert company.trail()[-2:] == [("console:trail:read", None)] * 2


@pytest.mark.parametrize("name", ["manager", "viewer", "external", "none"])
def test_nobody_else_does(company: Company, reader: Engine, name: str) -> None:
    answer = company.browser(reader, name).get("/trail")
    assert answer.status_code == (404 if name == "none" else 403)
    assert "worker:change" not in answer.text
    assert company.browser(reader, None).get("/trail").headers["location"] == "/login"
    assert len(company.trail()) == 4


def test_the_operator_reads_all_of_it(company: Company, reader: Engine) -> None:
    page = company.browser(reader, "operator").get("/trail").text
    for words in ("worker:change", CANARY, "company:backup"):
        assert words in page


def test_filters(company: Company, auditor: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(
            insert(audit).values(
                at_ms=parse("2026-03-02T12:00"), tag="api:export:read", detail="{}",
                company_id=company.ours,
            )
        )  # fmt: skip

    def found(**filters: str) -> list[str]:
        page = auditor.get("/trail", params=filters).text
        return [part.split("<", 1)[0] for part in page.split('<th scope="row" class="device">')[1:]]

    assert found(what="worker:ch") == ["console:worker:change"]
    assert found(what="%") == []
    assert found(who="MANAGER@") == ["console:worker:change"]
    assert found(who="other@") == []
    assert found(since="2026-03-02", until="2026-03-02") == ["api:export:read"]
    assert found(until="2026-03-01") == []
    wrong = auditor.get("/trail", params={"since": "yesterday"})
    assert (wrong.status_code, "is no day" in wrong.text) == (422, True)


def test_pages_hold_every_line_once(company: Company, auditor: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        rows = [
            {"at_ms": number, "tag": "api:probe:n", "detail": "{}", "target_id": number,
             "company_id": company.ours}
            for number in range(1, 2 * ROWS + 8)
        ]  # fmt: skip
        conn.execute(insert(audit), rows)
    path, seen = "/trail?what=probe", []
    while path:
        page = auditor.get(path).text
        seen += [int(part.split("<", 1)[0]) for part in page.split('<td class="device">')[2::3]]
        path = ""
        if 'rel="next" href="' in page:
            path = page.split('rel="next" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    assert seen == list(range(2 * ROWS + 7, 0, -1))
