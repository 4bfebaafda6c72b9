"""Every look at personal data is in the trail: whatever page shows some has written one line."""

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from cloud.audit.tables import audit
from cloud.console.looks import EVERY_S, Looks
from tests.cloud.client import Client
from tests.cloud.console.matrix import ROUTES
from tests.cloud.console.test_matrix import World, ask

PEOPLE = (
    "Maes", "Janssens", "@example.be",
    *(f"The {role}" for role in ("administrator", "auditor", "manager", "viewer", "external")),
)  # fmt: skip
"""In what says something of somebody: names of workers, addresses and names of accounts."""
ROLES = ("administrator", "auditor", "manager", "viewer", "external", "other", "operator")
OF_ONESELF = frozenset({"/account"})
"""Pages about nobody but who opens them."""


@pytest.fixture
def backend() -> str:
    """What is noted does not depend on the database."""
    return "sqlite"


@pytest.fixture
def world(engine: Engine, reader: Engine) -> World:
    return World(engine, reader)


def lines(engine: Engine, above: int = 0) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(select(audit).where(audit.c.id > above).order_by(audit.c.id)))


def newest(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(select(func.coalesce(func.max(audit.c.id), 0))).scalar_one())


def shows_people(text: str, role: str) -> bool:
    """Whether a page says something of anybody but who looks at it."""
    main = text.partition("<main>")[2] or text
    for own in (f"{role}@example.be", f"The {role}"):
        main = main.replace(own, "")
    return any(word in main for word in PEOPLE)


@pytest.mark.parametrize("role", ROLES)
def test_every_page_that_shows_somebody_wrote_one_line(
    world: World, reader: Engine, engine: Engine, role: str
) -> None:
    side = "theirs" if role == "other" else "ours"
    shown: list[str] = []
    # A page for whoever is not logged in is about nobody.
    inside = [
        path
        for (method, path), route in ROUTES.items()
        if method == "GET" and 200 not in route.nobody and path not in OF_ONESELF
    ]
    for pattern in inside:
        # A new browser for each: what a session has seen before is not to count.
        browser = world.company.browser(reader, role)
        before = newest(engine)
        answer = browser.get(world.path(pattern, side))
        if answer.status_code != 200 or not shows_people(answer.text, role):
            continue
        shown.append(pattern)
        noted = lines(engine, before)
        assert len(noted) == 1, f"{pattern} as {role}: {[line.tag for line in noted]}"
        (line,) = noted
        assert line.account_id == world.company.who[role], pattern
        if role != "operator":
            assert line.company_id == world.ids[side]["company"], pattern
        said = line.detail + line.tag
        assert not any(word in said for word in PEOPLE), f"{pattern} names somebody: {said}"
    # It was no empty exercise.
    assert "/" in shown or role == "manager"
    if role == "administrator":
        assert set(shown) >= {
            "/", "/live", "/registrations", "/registrations/{number}", "/days", "/days/{worker}",
            "/corrections", "/workers", "/workers/{worker}", "/people", "/people/{membership}",
            "/exports/{export}/file", "/workers/{worker}/erasure",
        }  # fmt: skip


@pytest.mark.parametrize("role", ["administrator", "other"])
def test_every_answer_to_a_form_that_shows_somebody_left_a_line(
    world: World, reader: Engine, engine: Engine, role: str
) -> None:
    side = "theirs" if role == "other" else "ours"
    for (method, pattern), route in ROUTES.items():
        if method != "POST" or pattern.startswith(tuple(OF_ONESELF)):
            continue
        browser = world.company.browser(reader, role)
        before = newest(engine)
        answer = ask(browser, "POST", world.path(pattern, side), route, world.ids[side])
        if answer.status_code == 200 and shows_people(answer.text, role):
            assert lines(engine, before), pattern


def explained(browser: Client, kind: str, what: str) -> Any:
    return browser.request("GET", "/why", params={"kind": kind, "what": what})


def test_why_is_noted_as_it_is_where_programs_ask(
    world: World, reader: Engine, engine: Engine
) -> None:
    browser = world.company.browser(reader, "administrator")
    before = newest(engine)
    assert "Maes" in explained(browser, "worker", "Ann Maes").text
    assert explained(browser, "terminal", world.ids["ours"]["device"]).status_code == 200
    assert explained(browser, "registration", str(world.ids["ours"]["number"])).status_code == 200
    noted = lines(engine, before)
    assert [line.tag for line in noted] == [
        f"console:{kind}:explain" for kind in ("worker", "terminal", "registration")
    ]
    assert {line.company_id for line in noted} == {world.company.ours}
    assert not any("Maes" in line.detail for line in noted)
    # Without a question there was no look, nor where nothing could be answered.
    browser.get("/why")
    explained(browser, "registration", "x")
    assert len(lines(engine, before)) == 3


def test_a_page_that_is_left_open_writes_one_line_an_hour(
    world: World, reader: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("cloud.console.page.Looks", lambda: Looks(lambda: now[0]))
    browser = world.company.browser(reader, "administrator")
    before = newest(engine)
    for _ in range(3):
        assert "Maes" in browser.get("/").text
        assert "Maes" in browser.get("/live").text
    assert [line.tag for line in lines(engine, before)] == ["console:registration:follow"]
    now[0] += EVERY_S
    tag = browser.get("/live").headers["etag"].strip('"')
    assert len(lines(engine, before)) == 2
    now[0] += EVERY_S
    # What shows nothing new is no look.
    assert browser.get(f"/live?tag={tag}").status_code == 204
    assert len(lines(engine, before)) == 2
    # Another session, and another one's, look for themselves.
    world.company.browser(reader, "administrator").get("/live")
    world.company.browser(reader, "viewer").get("/")
    assert len(lines(engine, before)) == 4


def test_whoever_logs_in_after_another_is_noted_though_the_session_has_its_number(
    world: World, reader: Engine, engine: Engine
) -> None:
    first = world.company.browser(reader, "administrator")
    first.get("/")
    assert first.post("/logout").status_code == 303
    before = newest(engine)
    assert "Maes" in world.company.browser(reader, "auditor").get("/").text
    (line,) = lines(engine, before)
    assert line.account_id == world.company.who["auditor"]


def test_looks_are_of_a_session_an_account_and_a_company() -> None:
    now = [0.0]
    looks = Looks(lambda: now[0])
    assert looks.is_due((1, 1, 1))
    assert looks.is_due((1, 1, 1))  # The line could not be written.
    looks.noted((1, 1, 1))
    assert not looks.is_due((1, 1, 1))
    for other in ((1, 1, 2), (1, 1, None), (1, 2, 1), (2, 1, 1)):
        assert looks.is_due(other)
    now[0] = EVERY_S - 1
    assert not looks.is_due((1, 1, 1))
    now[0] = EVERY_S
    assert looks.is_due((1, 1, 1))


def test_of_too_many_sessions_the_one_noted_longest_ago_is_forgotten() -> None:
    looks = Looks()
    for session in range(10_001):
        looks.noted((session, 1, 1))
    assert not looks.is_due((10_000, 1, 1))
    assert looks.is_due((0, 1, 1))
