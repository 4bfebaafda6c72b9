"""What whoever runs the platform reads of companies; and that the company is told of it."""

import re

import pytest
from sqlalchemy import Engine, select

from cloud.accounts import invitations
from cloud.audit.tables import audit
from cloud.companies import places
from cloud.companies import service as companies
from cloud.console import companies as pages
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates


@pytest.fixture
def operator(company: Company, reader: Engine) -> Client:
    return company.browser(reader, "operator")


def names(page: str) -> list[str]:
    """The companies of a list."""
    return re.findall(r'<a href="/companies/\d+">([^<]*)</a>', page)


def test_companies_by_name_and_never_private_ones(
    company: Company, operator: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        private = companies.private_companies(conn, ["BE0999910642"])["BE0999910642"]
    page = operator.get("/companies").text
    assert names(page) == [f"{CANARY} Bouw", "Solvay"]
    assert "BE 0403.019.261" in page
    assert "0999.910.642" not in page
    assert names(operator.get("/companies?q=0999.910.642").text) == []
    for number in (private, 987654):
        assert operator.get(f"/companies/{number}").status_code == 404


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("solvay", ["Solvay"]),
        ("SOLV", ["Solvay"]),
        (f"bouw {CANARY}", [f"{CANARY} Bouw"]),
        ("BE 0403.019.261", ["Solvay"]),
        ("403019", ["Solvay"]),
        ("be", [f"{CANARY} Bouw", "Solvay"]),
        ("bouw solvay", []),
        ("%", []),
        ("-", []),
        ("  ", [f"{CANARY} Bouw", "Solvay"]),
    ],
)
def test_looking_for_some(operator: Client, words: str, found: list[str]) -> None:
    page = operator.request("GET", "/companies", params={"q": words}).text
    assert names(page) == found
    assert ("No company fits." in page) == (found == [])


def test_pages_show_each_once(
    company: Company, operator: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as conn:
        for vat in ("BE0428759497", "BE0202239951", "BE0417497106"):
            companies.register(conn, vat, "Solvay")
    monkeypatch.setattr(pages, "ROWS", 2)
    address, found = "/companies?q=solvay", []
    for _ in range(2):
        page = operator.get(address).text
        found += re.findall(r'href="/companies/(\d+)"', page)
        more = re.search(r'rel="next" href="([^"]*)"', page)
        address = more[1].replace("&amp;", "&") if more else ""
    assert address == ""
    assert len(found) == len(set(found)) == 4
    assert operator.get("/companies?after=987654").status_code == 404


def test_a_company_s_page(
    company: Company, operator: Client, reader: Engine, engine: Engine
) -> None:
    gates = Gates(company)
    with engine.begin() as conn:
        places.create_division(conn, company.ours, "Vide")
        invitations.invite(conn, company.ours, "guest@example.be", "auditor")
    page = operator.get(f"/companies/{company.ours}").text
    for words in (
        "Solvay", "BE 0403.019.261", "Nord", "Quai", "Dock", "Sud", "Mine", "Vide", "No site yet.",
        f"/terminals/{gates.devices[company.quai]}", "never seen", "administrator@example.be",
        "Nord", "Sud / Mine", "Administrator", "guest@example.be",
    ):  # fmt: skip
        assert words in page, words
    for words in (CANARY, gates.devices[company.their_site], "other@example.be", "Ann"):
        assert words not in page, words
    # Nothing of the company can be changed there.
    assert re.findall(r'method="post" action="([^"]*)"', page) == ["/logout", "/language"]
    with engine.begin() as conn:
        number = companies.register(conn, "BE0428759497", "Leeg")
    empty = operator.get(f"/companies/{number}").text
    for words in ("has no division yet", "No terminal stands there.", "Nobody has access"):
        assert words in empty


def test_what_is_closed_is_said_to_be(company: Company, operator: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        places.close_site(conn, company.ours, company.mine)
        places.close_division(conn, company.ours, company.sud)
    page = operator.get(f"/companies/{company.ours}").text
    assert page.count("<small>closed</small>") == 2


def test_the_company_is_told_who_looked(
    company: Company, operator: Client, reader: Engine, engine: Engine
) -> None:
    operator.get("/companies?q=solvay")
    operator.get(f"/companies/{company.ours}")
    with engine.connect() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.id)).all()
    assert [(row.tag, row.company_id, row.target_id) for row in rows] == [
        ("console:company:list", None, None),
        ("console:company:read", company.ours, company.ours),
    ]
    assert "solvay" not in rows[0].detail
    told = company.browser(reader, "administrator").get("/trail").text
    assert "console:company:read" in told
    assert "console:company:read" not in company.browser(reader, "other").get("/trail").text


def test_for_others_there_is_no_such_page(company: Company, reader: Engine) -> None:
    for name in ("administrator", "auditor", "manager", "viewer", "external", "other", "none"):
        browser = company.browser(reader, name)
        for path in ("/companies", f"/companies/{company.ours}"):
            answer = browser.get(path)
            assert (answer.status_code, "Solvay" in answer.text) == (404, False), name
        assert 'href="/companies"' not in browser.get("/").text
    assert company.browser(reader, None).get("/companies").headers["location"] == "/login"
    assert [tag for tag, _ in company.trail() if ":company:" in tag] == []
