"""Divisions and sites: who sees which, who changes them, and what two at once are told."""

import pytest
from sqlalchemy import Engine, insert, select

from cloud.companies.tables import divisions, sites
from cloud.terminals import service as terminals
from protocol.keys import SigningKey
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company, hidden


@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [
        ("administrator", ["Nord", "Sud", "Quai", "Dock", "Mine", "/divisions/new"], []),
        ("auditor", ["Nord", "Sud", "Quai", "Dock", "Mine"], ["/divisions/new", "/close"]),
        ("manager", ["Sud", "Mine"], ["Nord", "Quai", "Dock", "/divisions/new"]),
        ("viewer", ["Nord", "Quai", "Dock"], ["Sud", "Mine", "/divisions/new"]),
        ("external", ["Nord", "Quai", "from outside"], ["Sud", "Dock", "Mine"]),
    ],
)
def test_everybody_sees_what_is_reached(
    company: Company, reader: Engine, name: str, seen: list[str], unseen: list[str]
) -> None:
    page = company.browser(reader, name).get("/divisions")
    assert page.status_code == 200
    for word in seen:
        assert word in page.text
    for word in (*unseen, CANARY):
        assert word not in page.text


@pytest.mark.parametrize("name", ["auditor", "manager", "viewer", "external"])
def test_only_administrators_change_them(company: Company, reader: Engine, name: str) -> None:
    browser = company.browser(reader, name)
    for path in ("/divisions/new", f"/divisions/{company.nord}", f"/sites/{company.quai}"):
        assert browser.get(path).status_code == 403
        assert browser.post(path, name="Elsewhere").status_code == 403
    assert browser.post(f"/sites/{company.quai}/close").status_code == 403
    assert company.trail() == []


def test_a_division_and_its_site_are_made_changed_and_closed(
    company: Company, administrator: Client, engine: Engine
) -> None:
    made = administrator.post("/divisions/new", name="  West ")
    assert (made.status_code, made.headers["location"]) == (303, "/divisions")
    with engine.connect() as conn:
        west = conn.execute(select(divisions.c.id).where(divisions.c.name == "West")).scalar_one()
    path = f"/divisions/{west}/sites/new"
    assert "New site of West" in administrator.get(path).text
    administrator.post(path, name="Gare", address="Rue du <Midi> 1", workplace_id="1abcdefgh2345")
    page = administrator.get("/divisions").text
    assert "Rue du &lt;Midi&gt; 1" in page
    assert "1ABCDEFGH2345" in page
    with engine.connect() as conn:
        gare = conn.execute(select(sites.c.id).where(sites.c.name == "Gare")).scalar_one()
    form = administrator.get(f"/sites/{gare}").text
    changed = administrator.post(f"/sites/{gare}", name="Gare", address="", was=hidden(form))
    assert changed.status_code == 303
    refused = administrator.post(f"/divisions/{west}/close")
    assert (refused.status_code, "Gare" in refused.text) == (422, True)
    assert administrator.post(f"/sites/{gare}/close").status_code == 303
    assert administrator.post(f"/divisions/{west}/close").status_code == 303
    assert administrator.get("/divisions").text.count("<small>closed</small>") == 2
    # A closed division takes no site, and a closed name is not given twice.
    assert administrator.post(path, name="Port").status_code == 422
    assert "open it again" in administrator.post("/divisions/new", name="West").text
    assert administrator.post(f"/sites/{gare}/close", open_again="1").status_code == 422
    assert administrator.post(f"/divisions/{west}/close", open_again="1").status_code == 303
    assert administrator.post(f"/sites/{gare}/close", open_again="1").status_code == 303
    assert company.trail() == [
        ("console:division:create", west),
        ("console:site:create", gare),
        ("console:site:change", gare),
        ("console:site:close", gare),
        ("console:division:close", west),
        ("console:division:open", west),
        ("console:site:open", gare),
    ]


WRONG: list[tuple[str, str, str]] = [
    ("name", " ", "empty"),
    ("name", "Quai", "exists already"),
    ("name", "x" * 300, "300 characters"),
    ("workplace_id", "123", "13 letters and digits"),
    ("address", "x" * 300, "300 characters"),
]


def test_what_cannot_be_stands_at_its_field(company: Company, administrator: Client) -> None:
    for field, value, sentence in WRONG:
        typed = {"name": "Gare", "address": "Rue 1", "workplace_id": "", field: value}
        answer = administrator.post(f"/divisions/{company.nord}/sites/new", **typed)
        assert answer.status_code == 422
        assert sentence in answer.text.split(f'id="{field}-problem"', 1)[1].split("</p>", 1)[0]
        assert f'value="{typed["address"]}"' in answer.text
        assert company.trail() == []


def test_of_two_administrators_the_second_is_told_what_changed(
    company: Company, reader: Engine, engine: Engine
) -> None:
    company.member("second", "administrator")
    first, second = (company.browser(reader, name) for name in ("administrator", "second"))
    path = f"/sites/{company.quai}"
    opened = hidden(first.get(path).text)
    assert hidden(second.get(path).text) == opened
    assert first.post(path, name="Quai 1", address="Rue 1", was=opened).status_code == 303
    late = second.post(path, name="Quai 2", address="", was=opened)
    assert late.status_code == 409
    assert "Name was “Quai” and is “Quai 1” now." in late.text
    assert "Address was “” and is “Rue 1” now." in late.text
    assert 'value="Quai 2"' in late.text
    with engine.connect() as conn:
        row = conn.execute(select(sites).where(sites.c.id == company.quai)).one()
    assert (row.name, row.address) == ("Quai 1", "Rue 1")
    # Having been told, whoever sends it again means it.
    assert second.post(path, name="Quai 2", was=hidden(late.text)).status_code == 303
    path = f"/divisions/{company.nord}"
    opened = hidden(first.get(path).text)
    assert first.post(path, name="Noord", was=opened).status_code == 303
    late = second.post(path, name="North", was=opened)
    assert (late.status_code, "is “Noord” now" in late.text) == (409, True)
    # What the first has done already is no conflict for whoever wanted the same.
    assert second.post(path, name="Noord", was=opened).status_code == 303


def test_a_site_where_a_terminal_stands_is_not_closed(
    company: Company, administrator: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        terminal = terminals.register(conn, SigningKey.generate().public)
        terminals.assign(conn, terminal, company.quai, 1000)
    refused = administrator.post(f"/sites/{company.quai}/close")
    assert (refused.status_code, "A terminal stands" in refused.text) == (422, True)
    with engine.begin() as conn:
        terminals.release(conn, terminal, 2000)
    assert administrator.post(f"/sites/{company.quai}/close").status_code == 303


def test_what_is_not_the_company_s_does_not_exist(
    company: Company, administrator: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        before = conn.execute(select(sites)).all()
        assert conn.execute(insert(divisions).values(company_id=company.theirs, name="X")).rowcount
    for number in (company.their_division, 999_999):
        for path in (f"/divisions/{number}", f"/divisions/{number}/sites/new"):
            assert administrator.get(path).status_code == 404
            assert administrator.post(path, name="Ours").status_code == 404
        assert administrator.post(f"/divisions/{number}/close").status_code == 404
    for number in (company.their_site, 999_999):
        assert administrator.get(f"/sites/{number}").status_code == 404
        assert administrator.post(f"/sites/{number}", name="Ours").status_code == 404
        assert administrator.post(f"/sites/{number}/close").status_code == 404
    with engine.connect() as conn:
        assert conn.execute(select(sites)).all() == before
