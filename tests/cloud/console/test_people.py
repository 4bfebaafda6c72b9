"""Giving and ending access to a company on the console."""

import re

import pytest
from sqlalchemy import Engine, func, select

from cloud.accounts import access, invitations
from cloud.accounts import service as accounts
from cloud.accounts.queries import members
from cloud.accounts.tables import invitations as offers
from cloud.accounts.tables import memberships
from cloud.companies import places
from cloud.mail.tables import mails
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company, hidden


def membership(company: Company, name: str) -> int:
    with company.engine.connect() as conn:
        row = access.membership(conn, company.who[name], company.ours)
        assert row
        return int(row.id)


def parts(company: Company) -> dict[str, tuple[str, bool, list[str]]]:
    with company.engine.connect() as conn:
        return {
            row["email"].partition("@")[0]: (row["role"], row["external"], row["granted"])
            for row in members(conn, company.ours)
        }


def test_administrators_and_auditors_see_everybody(company: Company, reader: Engine) -> None:
    for name in ("administrator", "auditor"):
        page = company.browser(reader, name).get("/people")
        assert page.status_code == 200
        for email in ("manager@example.be", "external@example.be", "Sud / Mine"):
            assert email in page.text
        assert CANARY not in page.text
        assert ("End access" in page.text) == (name == "administrator")
    assert company.trail() == [("console:membership:list", None)] * 2
    for name in ("manager", "viewer", "external"):
        assert company.browser(reader, name).get("/people").status_code == 403


@pytest.mark.parametrize("name", ["auditor", "manager", "viewer", "external"])
def test_only_administrators_give_access(company: Company, reader: Engine, name: str) -> None:
    browser, before = company.browser(reader, name), parts(company)
    one = membership(company, name)
    for path in ("/people/new", f"/people/{one}"):
        assert browser.get(path).status_code == 403
        answer = browser.post(path, email="none@example.be", role="administrator", way="add")
        assert answer.status_code == 403
    assert browser.post(f"/people/{one}/end").status_code == 403
    assert parts(company) == before


def test_an_account_is_added_changed_and_ended(company: Company, administrator: Client) -> None:
    added = administrator.post(
        "/people/new", email=" None@example.be", role="viewer", external="1",
        site=str(company.quai), way="add",
    )  # fmt: skip
    assert added.status_code == 303
    assert parts(company)["none"] == ("viewer", True, ["Nord / Quai"])
    one = membership(company, "none")
    form = administrator.get(f"/people/{one}").text
    assert re.search(rf'name="site" value="{company.quai}" checked', form)
    changed = administrator.post(
        f"/people/{one}", role="manager", division=[company.nord, company.sud], was=hidden(form)
    )
    assert changed.status_code == 303
    assert parts(company)["none"] == ("manager", False, ["Nord", "Sud"])
    # An auditor reaches everything: what was ticked means nothing, and is not kept.
    administrator.post(f"/people/{one}", role="auditor", division=[company.nord])
    assert parts(company)["none"] == ("auditor", False, [])
    again = administrator.post("/people/new", email="none@example.be", role="viewer", way="add")
    assert (again.status_code, "has access to the company already" in again.text) == (422, True)
    assert administrator.post(f"/people/{one}/end").headers["location"] == "/people"
    assert "none" not in parts(company)
    who = company.who["none"]
    assert company.trail() == [
        ("console:membership:grant", who),
        ("console:membership:read", who),
        ("console:membership:grant", who),
        ("console:membership:grant", who),
        ("console:membership:revoke", who),
    ]


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"email": "nobody"}, "email", "is not an e-mail address"),
    ({"email": "new@example.be", "way": "add"}, "email", "invite them instead"),
    ({"role": "king"}, "role", "is no role"),
    ({"external": "1"}, "role", "choose at least one division or site"),
    ({"role": "administrator", "external": "1"}, "role", "someone external cannot be"),
    ({"role": "auditor", "external": "1"}, "role", "someone external cannot be"),
]


def test_what_cannot_be_stands_at_its_field(company: Company, administrator: Client) -> None:
    for typed, field, sentence in WRONG:
        before = parts(company)
        sent = {"email": "none@example.be", "role": "viewer", "way": "invite"} | typed
        answer = administrator.post("/people/new", **sent)
        assert answer.status_code == 422
        assert sentence in answer.text.split(f'id="{field}-problem"', 1)[1].split("</p>", 1)[0]
        assert f'value="{sent["email"]}"' in answer.text
        assert (parts(company), company.trail()) == (before, [])


def test_somebody_is_invited_and_accepts_once(
    company: Company, reader: Engine, administrator: Client
) -> None:
    sent = {"role": "viewer", "external": "1", "site": str(company.dock), "way": "invite"}
    answer = administrator.post("/people/new", email="None@example.be", **sent)
    assert answer.status_code == 200
    link = hidden(answer.text, "link").removeprefix("http://localhost")
    assert link not in administrator.get("/people").text
    guest, other = (company.browser(reader, name) for name in ("none", "viewer"))
    for browser in (company.browser(reader, None), guest, other):
        page = browser.get(link)
        assert page.status_code == 200
        for words in ("Solvay invites you", "none@example.be", "Nord / Dock"):
            assert words in page.text
        assert CANARY not in page.text
    token = hidden(page.text, "token")
    nobody = company.browser(reader, None).post("/invitation", token=token)
    assert nobody.headers["location"] == "/login"
    wrong = other.post("/invitation", token=token)
    assert (wrong.status_code, "log in with the account of that address" in wrong.text) == (
        422, True,
    )  # fmt: skip
    with company.engine.connect() as conn:
        mail = conn.execute(select(mails.c.subject, mails.c.body)).one()
    # In the language of the account, which is not that of whoever invites.
    assert mail.subject == "Solvay vous invite"
    assert "sites :\n\n- Nord / Dock\n\n" in mail.body
    assert mail.body.endswith(f"{link}\n")
    assert guest.get("/divisions").status_code == 404
    assert guest.post("/invitation", token=token).headers["location"] == "/"
    assert parts(company)["none"] == ("viewer", True, ["Nord / Dock"])
    assert "Dock" in guest.get("/divisions").text
    for worthless in (token, "x", ""):
        assert guest.post("/invitation", token=worthless).status_code in (404, 422)
        assert guest.get("/invitation", params={"token": worthless}).status_code in (404, 422)
    assert ("console:invitation:accept", company.who["none"]) in company.trail()
    again = administrator.post("/people/new", email="none@example.be", **sent)
    assert (again.status_code, "has access" in again.text) == (422, True)


def test_an_invitation_is_withdrawn(
    company: Company, reader: Engine, administrator: Client, engine: Engine
) -> None:
    sent = {"email": "none@example.be", "role": "manager", "way": "invite"}
    link = hidden(administrator.post("/people/new", **sent).text, "link")
    assert "Open invitations" in administrator.get("/people").text
    with engine.connect() as conn:
        number = conn.execute(select(offers.c.id)).scalar_one()
    path = f"/people/invitations/{number}/withdraw"
    assert company.browser(reader, "other").post(path).status_code == 404
    assert administrator.post(path).status_code == 303
    assert administrator.post(path).status_code == 404
    assert "Open invitations" not in administrator.get("/people").text
    assert company.browser(reader, "none").get(link).status_code == 404


def test_ten_thousand_invitations_are_not_sent(company: Company, administrator: Client) -> None:
    with company.engine.begin() as conn:
        for number in range(invitations.OPEN_AT_ONCE):
            invitations.invite(conn, company.ours, f"i{number}@example.be", "viewer")
    sent = {"email": "one.more@example.be", "role": "viewer", "way": "invite"}
    answer = administrator.post("/people/new", **sent)
    assert (answer.status_code, "200 invitations of the company are open" in answer.text) == (
        422, True,
    )  # fmt: skip


def test_inviting_and_withdrawing_sends_no_mail_without_end(
    company: Company, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "SENT_A_DAY", 3)
    administrator.headers["accept-language"] = "fr"
    for number in range(5):
        email = f"new{number}@example.be"
        answer = administrator.post("/people/new", email=email, role="viewer", way="invite")
        assert answer.status_code == (200 if number < 3 else 422)
        with company.engine.connect() as conn:
            offer = conn.execute(select(func.max(offers.c.id))).scalar_one()
        administrator.post(f"/people/invitations/{offer}/withdraw")
    assert "a envoyé 3 invitations" in answer.text.split('id="email-problem"', 1)[1]
    with company.engine.connect() as conn:
        sent = conn.execute(select(mails.c.address, mails.c.subject).order_by(mails.c.id)).all()
    # Who has no account yet is written to in the language of whoever invites.
    assert [tuple(mail) for mail in sent] == [
        (f"new{number}@example.be", "Solvay vous invite") for number in range(3)
    ]


def test_the_last_administrator_stays(
    company: Company, reader: Engine, administrator: Client
) -> None:
    one = membership(company, "administrator")
    for path, form in ((f"/people/{one}/end", {}), (f"/people/{one}", {"role": "viewer"})):
        answer = administrator.post(path, **form)
        assert answer.status_code == 422
        assert "last administrator" in answer.text
    assert parts(company)["administrator"][0] == "administrator"
    second = company.member("second", "administrator")
    for disabled in (True, False):
        with company.engine.begin() as conn:
            accounts.disable(conn, second, disabled=disabled)
        if disabled:
            assert administrator.post(f"/people/{one}/end").status_code == 422
    assert administrator.post(f"/people/{one}/end").headers["location"] == "/"
    assert administrator.get("/people").status_code == 404
    assert "administrator" not in parts(company)


def test_of_two_administrators_the_second_is_told_what_changed(
    company: Company, reader: Engine
) -> None:
    company.member("second", "administrator")
    first, second = (company.browser(reader, name) for name in ("administrator", "second"))
    path = f"/people/{membership(company, 'viewer')}"
    opened = hidden(first.get(path).text)
    assert first.post(path, role="manager", site=str(company.mine), was=opened).status_code == 303
    late = second.post(path, role="auditor", was=opened)
    assert late.status_code == 409
    assert "Role was “Viewer” and is “Manager” now." in late.text
    assert "Divisions and sites was “Nord” and is “Sud / Mine” now." in late.text
    assert parts(company)["viewer"] == ("manager", False, ["Sud / Mine"])
    assert second.post(path, role="auditor", was=hidden(late.text)).status_code == 303
    assert parts(company)["viewer"] == ("auditor", False, [])


def test_nothing_of_another_company_is_granted_or_changed(
    company: Company, administrator: Client, engine: Engine
) -> None:
    before = parts(company)
    for place in ({"site": str(company.their_site)}, {"division": str(company.their_division)}):
        answer = administrator.post(
            "/people/new", email="none@example.be", role="viewer", way="add", **place
        )
        assert answer.status_code == 404
        one = membership(company, "viewer")
        assert administrator.post(f"/people/{one}", role="viewer", **place).status_code == 404
    with engine.connect() as conn:
        theirs = access.membership(conn, company.who["other"], company.theirs)
        assert theirs
        count = len(conn.execute(select(memberships)).all())
    for path in (f"/people/{theirs.id}", f"/people/{theirs.id}/end"):
        assert administrator.post(path, role="viewer").status_code == 404
    assert administrator.get(f"/people/{theirs.id}").status_code == 404
    with engine.connect() as conn:
        assert len(conn.execute(select(memberships)).all()) == count
    assert (parts(company), company.trail()) == (before, [])


def test_closed_places_are_not_granted_anew(
    company: Company, administrator: Client, engine: Engine
) -> None:
    one = membership(company, "external")
    with engine.begin() as conn:
        for site in (company.quai, company.dock):
            places.close_site(conn, company.ours, site)
    fresh, known = administrator.get("/people/new").text, administrator.get(f"/people/{one}").text
    for site, offered in ((company.quai, True), (company.dock, False)):
        assert f'name="site" value="{site}"' not in fresh
        assert (f'name="site" value="{site}"' in known) == offered
