"""Every route of the console, asked as every role: no leak, and the right refusals."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, insert, select
from starlette.routing import Mount

from cloud.accounts import access, api_tokens, invitations, passkeys, sessions
from cloud.accounts import service as accounts
from cloud.accounts.tables import access_requests
from cloud.accounts.tables import invitations as offers
from cloud.api.app import create_app
from cloud.audit.service import Actor
from cloud.audit.tables import audit
from cloud.console.login import HALF
from cloud.console.visits import COOKIE
from cloud.custody.tables import epochs
from cloud.exports import service as exporting
from cloud.notifications.tables import notifications
from cloud.registrations.tables import registration_corrections, registrations
from cloud.retention.tables import erasure_requests
from cloud.schema import metadata
from cloud.terminals import service as terminals
from cloud.times import now_ms
from cloud.visibility.rules import viewer
from protocol.identity import compact, device_number
from protocol.keys import SigningKey
from tests.cloud.api.test_matrix import webhook_of
from tests.cloud.apps.pairing import bearer, pair, paired
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.matrix import LET_IN, LOGIN, MEMBERS, ROLES, ROUTES, Route

GUIDE = {"chapter": "why", "language": "fr", "picture": "why.png"}
OURS = ("Solvay", "Quai", "Maes", "manager@example.be", "guest-of-ours@example.be")
THEIRS = (CANARY, "other@example.be", "guest-of-theirs@example.be")
"""What no page of the other side shows; the terminals' device numbers come to it."""
ENDS = ("/delete", "/end", "/close", "/revoke", "/unlink", "/withdraw", "/logout")


class World:
    """A company of everything for us, one for them, and the ids that fill in paths."""

    def __init__(self, engine: Engine, reader: Engine) -> None:
        self.company = company = Company(engine)
        self.canaries = {"ours": [*OURS], "theirs": [*THEIRS]}
        self.ids: dict[str, dict[str, Any]] = {
            "ours": {
                "company": company.ours, "division": company.nord, "site": company.quai,
                "worker": company.worker, "badge": company.badge,
            },
            "theirs": {
                "company": company.theirs, "division": company.their_division,
                "site": company.their_site, "worker": company.their_worker,
                "badge": company.their_badge,
            },
        }  # fmt: skip
        with engine.begin() as conn:
            for side, ids in self.ids.items():
                self._furnish(conn, side, ids)

        for side, who in (("ours", "administrator"), ("theirs", "other")):
            account = company.who[who]
            with reader.connect() as conn:
                seen_by = viewer(conn, account, self.ids[side]["company"])
            actor = Actor("console", account)
            self.ids[side]["export"] = exporting.make(reader, engine, seen_by, actor)
        self.noted = [tag for tag, _ in company.trail()]

    def path(self, path: str, side: str) -> str:
        """A path with the objects of one side."""
        return filled(path, self.ids[side] | GUIDE)

    def _furnish(self, conn: Any, side: str, ids: dict[str, Any]) -> None:
        """A terminal with a tap, a member, an invitation."""
        member = "viewer" if side == "ours" else "other"
        part = access.membership(conn, self.company.who[member], ids["company"])
        assert part
        ids["membership"] = part.id
        invitations.invite(conn, ids["company"], f"guest-of-{side}@example.be", "auditor")
        ids["invitation"] = conn.execute(
            select(offers.c.id).where(offers.c.company_id == ids["company"])
        ).scalar_one()
        asked = insert(access_requests).values(
            company_id=ids["company"], account_id=self.company.who["none"], created_ms=1
        )
        # A session of somebody else's: nobody ends that.
        gone = accounts.create(conn, f"gone-from-{side}@example.be", "Gone")
        sessions.begin(conn, gone)
        ids["session"] = sessions.of(conn, gone)[0]["id"]
        passkey = passkeys.Made(side.encode(), b"key", 0, synced=False, transports=())
        ids["passkey"] = passkeys.add(conn, gone, "localhost", f"Key of {side}", passkey)
        self.canaries[side].append(f"Key of {side}")
        ids["asked"] = conn.execute(asked.returning(access_requests.c.id)).scalar_one()
        key = SigningKey.generate().public
        ids["device"] = device = compact(device_number(key.thumbprint))
        ids["terminal"] = terminals.register(conn, key, f"gate of {side}")
        terminals.assign(conn, ids["terminal"], ids["site"], 0)
        ids["app"] = pair(conn, ids["worker"], f"telephone of {side}").app_id
        made = insert(epochs).values(
            terminal_id=ids["terminal"], epoch=key.thumbprint[:16], head_link=bytes(32),
            head_seq=2, interpreted_seq=2, created_ms=1,
        )  # fmt: skip
        ids["epoch"] = conn.execute(made.returning(epochs.c.id)).scalar_one()
        made = insert(registrations).values(
            epoch_id=ids["epoch"], seq=2, terminal_id=ids["terminal"], badge_id=ids["badge"],
            assurance=2, worker_id=ids["worker"], employer_id=ids["company"],
            company_id=ids["company"], division_id=ids["division"], site_id=ids["site"],
            direction="in", tapped_ms=now_ms() - 60_000, received_ms=now_ms(),
        )  # fmt: skip
        ids["number"] = conn.execute(made.returning(registrations.c.id)).scalar_one()
        made = insert(notifications).values(
            kind="gap", episode=side, terminal_id=ids["terminal"], at_ms=now_ms(),
            detail=json.dumps({"device": device, "alarm": "gone"}),
        )  # fmt: skip
        ids["notification"] = conn.execute(made.returning(notifications.c.id)).scalar_one()
        made = insert(registration_corrections).values(
            company_id=ids["company"], kind="void", registration_id=ids["number"],
            worker_id=ids["worker"], division_id=ids["division"], site_id=ids["site"],
            tapped_ms=now_ms() - 60_000, reason="Seen by none but us", second=True,
            account_id=0, at_ms=1,
        )  # fmt: skip
        ids["correction"] = conn.execute(made.returning(registration_corrections.c.id)).scalar_one()
        asked = insert(erasure_requests).values(
            company_id=ids["company"], worker_id=ids["worker"], at_ms=1, account_id=0
        )
        ids["erasure"] = conn.execute(asked.returning(erasure_requests.c.id)).scalar_one()
        name = f"payroll of {side}"
        ids["webhook"], ids["delivery"] = webhook_of(conn, ids["company"], name)
        told_by = f"program of {side}"
        ids["token"], _ = api_tokens.make(conn, told_by, company=ids["company"])
        told = [told_by, f"gate of {side}", device, f"telephone of {side}", name]
        self.canaries[side] += told


@pytest.fixture
def world(engine: Engine, reader: Engine) -> World:
    return World(engine, reader)


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path of every route of the console: all but the API's, and what is mounted."""
    while not isinstance(app, FastAPI):
        app = app._app
    for route in app.routes:
        # A router that was included says what its routes have become.
        parts: Any = [route]
        if not hasattr(route, "path"):
            parts = route.effective_route_contexts()  # type: ignore[attr-defined]
        for part in parts:
            if isinstance(part, Mount):
                assert part.path == "/static", f"say what {part.path} is, and who may ask it"
            elif not part.path.startswith("/v1/"):
                yield from ((method, part.path) for method in part.methods - {"HEAD"})


def filled(text: str, ids: Mapping[str, object]) -> str:
    """A text with the ids that it names in braces."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: str(ids[found[1]]), text)


def ask(browser: Client, method: str, path: str, route: Route, ids: Mapping[str, object]) -> Any:
    if method == "GET":
        return browser.get(path)
    form = {name: filled(value, ids) for name, value in route.form.items()}
    return browser.post(path, **form)


def check(
    world: World, role: str | None, browser: Client, method: str, pattern: str, route: Route
) -> None:
    """One route as one role, with the objects of either side."""
    mine = "theirs" if role == "other" else "ours"
    for side in ("ours", "theirs"):
        own = side == mine or not route.has_objects(pattern)
        path = world.path(pattern, side)
        answer = ask(browser, method, path, route, world.ids[side])
        answers = route.reads if method == "GET" else route.answers
        expected = answers(role, own=own)
        where = f"{method} {pattern} as {role}, {side}"
        assert answer.status_code in expected, f"{where}: {answer.status_code}, {answer.text[:500]}"
        if role is None and expected == (303,):
            assert answer.headers["location"] == "/login", where
        if role == "operator":
            continue
        hidden = world.canaries["ours" if role == "other" else "theirs"]
        if role in (None, "none"):
            hidden = world.canaries["ours"] + world.canaries["theirs"]
        # A refusal repeats the address that was asked; that tells nobody anything.
        shown = (answer.text + str(answer.headers)).replace(path, "")
        if answer.status_code not in LET_IN:
            # A refusal names nothing at all.
            hidden = world.canaries["ours"] + world.canaries["theirs"]
        leaked = [word for word in hidden if word in shown]
        assert not leaked, f"{where} shows {leaked}"


def everything(engine: Engine) -> dict[str, list[Any]]:
    """Every row there is, but for sessions, and the trail's lines about looks."""
    with engine.connect() as conn:
        return {
            table.name: sorted(map(repr, conn.execute(select(table))))
            for table in metadata.sorted_tables
            if table.name not in ("sessions", "audit")
        }


def test_every_route_has_an_entry_and_every_entry_a_route(reader: Engine, engine: Engine) -> None:
    found = set(routes(create_app(reader, engine)))
    missing = sorted(found - set(ROUTES))
    assert not missing, f"say in tests/cloud/console/matrix.py who may ask {missing}"
    assert set(ROUTES) - found == set()


@pytest.mark.parametrize("role", ROLES)
def test_reading(world: World, reader: Engine, role: str | None) -> None:
    browser = world.company.browser(reader, role)
    for (method, pattern), route in ROUTES.items():
        if method == "GET":
            check(world, role, browser, method, pattern, route)


def test_an_app_s_token_is_nobody_s_login(world: World, reader: Engine, engine: Engine) -> None:
    token = paired(engine, world.company.worker).token
    for headers in (bearer(token), {"cookie": f"{COOKIE}={token}"}, {"cookie": f"{HALF}={token}"}):
        browser = Client(world.company.browser(reader, None)._app, headers)
        for (method, pattern), route in ROUTES.items():
            # What acts for whoever is not logged in is tried as nobody.
            if method == "GET" or route.nobody == LOGIN:
                check(world, None, browser, method, pattern, route)


@pytest.mark.parametrize("role", [None, "administrator", "other"])
def test_what_is_not_asked_that_way_answers_nothing(
    world: World, reader: Engine, engine: Engine, role: str | None
) -> None:
    browser = world.company.browser(reader, role)
    before = everything(engine)
    for method, pattern in ROUTES:
        other = "POST" if method == "GET" else "GET"
        if (other, pattern) in ROUTES:
            continue
        for side in ("ours", "theirs"):
            path = world.path(pattern, side)
            answer = ask(browser, other, path, ROUTES[method, pattern], world.ids[side])
            assert 300 <= answer.status_code < 500, f"{other} {pattern}"
            shown = (answer.text + str(answer.headers)).replace(path, "")
            canaries = world.canaries["ours"] + world.canaries["theirs"]
            assert [word for word in canaries if word in shown] == [], f"{other} {pattern}"
    assert everything(engine) == before


@pytest.mark.parametrize("role", ROLES)
def test_refused_writing_changes_nothing(
    world: World, reader: Engine, engine: Engine, role: str | None
) -> None:
    browser = world.company.browser(reader, role)
    before = everything(engine)
    for (method, pattern), route in ROUTES.items():
        refused = not set(route.answers(role, own=True)) & set(LET_IN) or (
            role is None and route.nobody == (303,)
        )
        if method == "POST" and refused:
            check(world, role, browser, method, pattern, route)
    assert everything(engine) == before
    with engine.connect() as conn:
        noted = conn.execute(select(audit.c.tag)).scalars().all()
    assert noted == world.noted


@pytest.mark.parametrize("role", ["administrator", "manager", "other"])
def test_writing_reaches_only_one_s_own(
    world: World, reader: Engine, engine: Engine, role: str
) -> None:
    mine, other = ("theirs", "ours") if role == "other" else ("ours", "theirs")
    plays = "administrator" if role == "other" else role
    writes = {
        pattern: route
        for (method, pattern), route in ROUTES.items()
        if method == "POST" and plays in route.allowed
    }
    browser = world.company.browser(reader, role)
    before = everything(engine)
    for pattern, route in writes.items():
        if route.has_objects(pattern):
            answer = ask(browser, "POST", world.path(pattern, other), route, world.ids[other])
            assert answer.status_code == 404, pattern
    assert everything(engine) == before
    # What takes something away comes last, or the others would have nothing to speak of.
    for pattern in sorted(writes, key=lambda each: (each.endswith(ENDS), each)):
        browser, route = world.company.browser(reader, role), writes[pattern]
        answer = ask(browser, "POST", world.path(pattern, mine), route, world.ids[mine])
        assert answer.status_code in (*LET_IN, 401), f"{pattern}: {answer.text[:500]}"
        shown = answer.text + str(answer.headers)
        assert [word for word in world.canaries[other] if word in shown] == []
    # It was no empty exercise.
    assert everything(engine) != before


def test_the_canaries_are_there_to_be_seen(world: World, reader: Engine) -> None:
    page = world.company.browser(reader, "external").get("/").text
    assert "Maes" in page
    page = world.company.browser(reader, "other").get("/").text
    assert all(word in page for word in (CANARY, "gate of theirs"))
    assert "Maes" not in world.company.browser(reader, "manager").get("/").text
    assert set(MEMBERS) < set(world.company.who)
