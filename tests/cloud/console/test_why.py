"""The period of `/why`: from day to day, without script, in every language."""

import re

import pytest
from sqlalchemy import Engine

from cloud.audit import queries as trail
from tests.cloud.client import Client
from tests.cloud.console.tapping import Gates

SAID = {
    "en": ("First day", "Last day", "Only for a worker"),
    "fr": ("Premier jour", "Dernier jour", "Seulement pour un collaborateur"),
    "nl": ("Eerste dag", "Laatste dag", "Alleen voor een medewerker"),
    "de": ("Erster Tag", "Letzter Tag", "Nur für einen Mitarbeiter"),
}


@pytest.fixture
def asked(administrator: Client, gates: Gates) -> Client:
    """Ann tapped once on each of three days."""
    for day in (2, 3, 4):
        gates.tap(f"2026-03-0{day}T07:00")
    return administrator


def ask(browser: Client, period: dict[str, str], status: int = 200, kind: str = "worker") -> str:
    what = {"worker": "7", "registration": "1"}[kind]
    answer = browser.get("/why", params={"kind": kind, "what": what, **period})
    assert answer.status_code == status
    return answer.text


@pytest.mark.parametrize(
    ("period", "seen"),
    [
        ({}, 3),
        ({"since": "", "until": ""}, 3),
        ({"since": "2026-03-03"}, 2),
        ({"until": "2026-03-03"}, 2),
        ({"since": "2026-03-03", "until": "2026-03-03"}, 1),
    ],
)
def test_only_what_was_registered_in_it(asked: Client, period: dict[str, str], seen: int) -> None:
    page = ask(asked, period)
    assert f"All {seen} registrations are visible to you." in page
    for name, value in period.items():
        field = re.search(rf'<input id="{name}"[^>]*>', page)
        assert field is not None
        assert f'value="{value}"' in field[0]


def test_nothing_in_it(asked: Client) -> None:
    page = ask(asked, {"since": "2026-03-05", "until": "2026-03-06"})
    assert "Nothing is registered for the worker in this period." in page


@pytest.mark.parametrize(
    ("field", "period", "said"),
    [
        ("since", {"since": "yesterday"}, "yesterday is no day"),
        ("until", {"until": "2026-02-30"}, "2026-02-30 is no day"),
        ("until", {"since": "2026-03-03", "until": "2026-03-02"}, "not before the first"),
    ],
)
def test_what_is_no_period_is_said_at_its_field(
    engine: Engine, asked: Client, field: str, period: dict[str, str], said: str
) -> None:
    page = ask(asked, period, 422)
    problem = re.search(rf'id="{field}-problem">([^<]*)', page)
    assert problem is not None
    assert said in problem[1]
    assert "<ol>" not in page
    with engine.connect() as conn:
        assert not [row for row in trail.listed(conn) if row["tag"].endswith(":explain")]


def test_of_a_registration_it_says_nothing(asked: Client) -> None:
    page = ask(asked, {"since": "2026-03-05", "until": "nonsense"}, kind="registration")
    assert "Registration 1 is visible to you." in page


@pytest.mark.parametrize("code", SAID)
def test_it_is_asked_for_in_every_language(asked: Client, code: str) -> None:
    page = asked.get("/why", headers={"accept-language": code}).text
    assert all(words in page for words in SAID[code])
    assert page.count('type="date"') == 2
    assert "<form" in page.split('name="since"')[0]


def test_whoever_runs_the_platform_is_shown_the_form(client: Client) -> None:
    assert client.get("/why", params={"since": "x"}).status_code == 422
    assert client.get("/why").status_code == 200
