"""Every form of the access matrix, sent so that it is accepted: each leaves its line in the trail.

A form that is on no list fails: whoever adds one says here what it leaves, or why nothing.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Engine, update

from cloud.accounts import invitations, links, passkeys, passwords, registration, sessions
from cloud.accounts.links import Purpose
from cloud.accounts.tables import accounts
from cloud.companies import places
from cloud.times import now_ms
from cloud.workers import service as workers
from cloud.workers.vault import Vault
from protocol.keyfiles import save_private_key
from protocol.seals import SealingKey
from tests.cloud.client import Client
from tests.cloud.console.matrix import ROUTES
from tests.cloud.console.test_looks import lines, newest
from tests.cloud.console.test_matrix import World, ask, everything, filled

PASSWORD = "correct horse battery staple"
INSS = "85073003328"


@dataclass(frozen=True)
class Sent:
    """A form that is accepted, and the lines that it leaves, each `subject:action`.

    `form` goes before what the matrix fills in; `role` sends it; `{name}` is what the world calls
    so, of ours, but for what `instead` says.
    """

    path: str
    left: tuple[str, ...]
    form: dict[str, str] = field(default_factory=dict)
    role: str | None = "administrator"
    instead: dict[str, str] = field(default_factory=dict)


_PROVED = {"present": PASSWORD}
_LEFT = {"worker": "{left}"}

LEAVES = (
    Sent("/language", (), role=None),
    Sent("/login", ("account:log-in",), {"email": "viewer@example.be", "password": PASSWORD}, None),
    Sent("/forgotten", ("account:ask-reset",), role=None),
    Sent("/reset", ("account:reset-password",), {"token": "{reset}", "password": PASSWORD}, None),
    Sent(
        "/register",
        ("company:ask-registration",),
        {"name": "Bo Bos", "email": "bo@example.be", "company": "Bos"},
        None,
    ),
    Sent(
        "/register/confirm",
        ("company:register",),
        {"token": "{confirm}", "password": PASSWORD},
        None,
    ),
    Sent(
        "/invitation",
        ("invitation:accept",),
        {"token": "{invited}", "name": "Guest", "password": PASSWORD},
        None,
    ),
    Sent("/account/data", ("account:export",), role="auditor"),
    Sent("/account/recovery", ("account:make-recovery-codes",), _PROVED, "auditor"),
    Sent("/account/passkeys/{passkey}/end", ("account:remove-passkey",), _PROVED, "auditor"),
    Sent("/account/second", (), _PROVED, "auditor"),
    Sent("/account/second/confirm", ("account:add-second-factor",), {"code": "{code}"}, "auditor"),
    Sent("/account/second/end", ("account:remove-second-factor",), _PROVED, "auditor"),
    Sent("/account/sessions/{session}/end", ("session:end",), role="auditor"),
    Sent(
        "/account/password",
        ("account:change-password",),
        _PROVED | {"password": "another horse battery staple"},
        "auditor",
    ),
    Sent("/account/close", ("account:close",), {"closing": PASSWORD}, "manager"),
    Sent("/divisions/new", ("division:create",)),
    Sent("/divisions/{division}", ("division:change",), {"name": "Oost"}),
    Sent("/divisions/{division}/sites/new", ("site:create",)),
    Sent("/sites/{site}", ("site:change",), {"name": "Pont"}),
    Sent("/sites/{site}/close", ("site:close",), {"closed": "yes"}, instead={"site": "{idle}"}),
    Sent(
        "/divisions/{division}/close",
        ("division:close",),
        {"closed": "yes"},
        instead={"division": "{empty}"},
    ),
    Sent("/people/new", ("membership:grant",)),
    Sent("/people/{membership}", ("membership:grant",)),
    Sent("/people/requests/{asked}", ("access-request:grant",)),
    Sent("/people/invitations/{invitation}/withdraw", ("invitation:withdraw",)),
    Sent("/people/{membership}/end", ("membership:revoke",)),
    Sent("/workers/new", ("worker:create",)),
    Sent("/workers/{worker}", ("worker:change",), {"number": "71"}),
    Sent("/workers/find", ("worker:find",), {"number": INSS}),
    Sent("/workers/{worker}/badges", ("badge:link",)),
    Sent("/workers/{worker}/badges/{badge}", ("badge:change",)),
    Sent("/workers/{worker}/badges/{badge}/unlink", ("badge:unlink",)),
    Sent("/workers/{worker}/apps", ("app:offer",)),
    Sent("/workers/{worker}/apps/{app}/revoke", ("app:revoke",)),
    Sent("/corrections/{correction}/decision", ("correction:refuse",), {"approve": "no"}),
    Sent("/registrations/{number}/corrections", ("correction:enter",)),
    Sent("/days/{worker}/taps", ("correction:enter",)),
    Sent("/exports", ("export:make",)),
    Sent("/terminals/{device}", ("terminal:change",)),
    Sent("/terminals/{device}/list", ("terminal:close",)),
    Sent("/terminals/{device}/site", ("terminal:assign",)),
    Sent("/tokens/new", ("token:create",)),
    Sent("/tokens/{token}/revoke", ("token:revoke",)),
    Sent("/webhooks/new", ("webhook:create",)),
    Sent("/webhooks/{webhook}", ("webhook:change",)),
    Sent("/webhooks/{webhook}/secret", ("webhook:rotate",)),
    Sent("/webhooks/{webhook}/test", ("webhook:test",)),
    Sent("/webhooks/{webhook}/deliveries/{delivery}/again", ("webhook:send-again",)),
    Sent("/webhooks/{webhook}/active", ("webhook:deactivate",), {"active": "no"}),
    Sent("/webhooks/{webhook}/active", ("webhook:activate",)),
    Sent("/webhooks/{webhook}/delete", ("webhook:delete",)),
    Sent("/privacy/retention", ("retention:set",)),
    Sent("/workers/{worker}/data", ("person:export",)),
    Sent("/workers/{worker}/active", ("worker:deactivate",)),
    Sent(
        "/privacy/erasures/{erasure}",
        ("erasure:approve", "erasure:carry-out"),
        {"password": PASSWORD},
    ),
    Sent(
        "/workers/{worker}/erasure",
        ("erasure:enter", "erasure:carry-out"),
        {"password": PASSWORD},
        instead=_LEFT,
    ),
)  # fmt: skip
"""In an order in which each is accepted."""

ELSEWHERE = {
    "/account/passkeys": ("test_passkeys.py", "add-passkey"),
    "/login/passkey": ("test_passkeys.py", "log-in"),
    "/login/code/passkey": ("test_passkeys.py", "log-in"),
    "/login/code": ("test_second.py", "log-in"),
    "/workers/import/confirm": ("test_imports.py", "console:worker:import"),
    "/terminals/new": ("test_terminals.py", "console:terminal:create"),
    "/registrations/{number}/disclosure": ("test_registrations.py", "registration:disclose"),
    "/privacy/inspection": ("test_privacy.py", "inspect"),
}
"""What takes a device, a file or a sealed record: the test that sends it, and the word it finds."""

NOTHING = {
    "/language": "A cookie of one's own.",
    "/logout": "Ends the session that one is in; logging in is noted.",
    "/company": "Which company the session looks at; what it then looks at is noted.",
    "/account/second": "Begins what counts once it is confirmed.",
    "/account/passkeys/new": "Begins what counts once the browser has answered.",
    "/notifications/read": "One's own mark.",
    "/notifications/{notification}/read": "One's own mark.",
    "/notifications/mail": "What one is mailed oneself.",
    "/workers/import": "A file, kept in memory: what it would do, a page shows that is noted.",
    "/workers/import/discard": "The same, let go of.",
}
"""Why an accepted form leaves no line."""


@pytest.fixture
def backend() -> str:
    """What is noted does not depend on the database."""
    return "sqlite"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    keys = tmp_path / "platform" / "keys"
    keys.mkdir(parents=True)
    save_private_key(keys / "sealing.key", SealingKey.generate())
    return keys.parent


@pytest.fixture
def world(engine: Engine, reader: Engine, directory: Path) -> World:
    """With passwords, links that were mailed, and something of its own for each form."""
    world = World(engine, reader)
    ours, names = world.company, world.ids["ours"]
    # All browsers ask this application.
    ours.browser(reader, None, directory=directory)
    vault = Vault.open(directory)
    with engine.begin() as conn:
        conn.execute(update(accounts).values(password=passwords.hashed(PASSWORD)))
        names["left"] = workers.put_worker(
            conn, ours.ours, "9", "Bo", "Dubois", active=False,
            inss_sealed=vault.seal(INSS), inss_mark=vault.mark(INSS),
        )  # fmt: skip
        names["empty"] = places.create_division(conn, ours.ours, "Leeg")
        names["idle"] = places.create_site(conn, ours.ours, ours.sud, {"name": "Stil"})
        names["reset"] = links.make(conn, Purpose.RESET, "external@example.be", {})
        wanted = {"name": "Jo", "vat": "BE0417497106", "company": "Jo"}
        names["confirm"] = registration.begin(conn, "jo@example.be", wanted)
        names["invited"] = invitations.invite(conn, ours.ours, "guest@example.be", "auditor")
        auditor = ours.who["auditor"]
        sessions.begin(conn, auditor)
        names["session"] = sessions.of(conn, auditor)[0]["id"]
        made = passkeys.Made(b"own", b"key", 0, synced=False, transports=())
        names["passkey"] = passkeys.add(conn, auditor, "localhost", "Telephone", made)
    return world


def forms() -> set[str]:
    return {path for method, path in ROUTES if method == "POST"}


def hidden_of(browser: Client, path: str) -> dict[str, str]:
    """What a form on the page at a path sends along of what it showed."""
    found = re.search(r'name="was" value="([^"]*)"', browser.get(path).text)
    return {} if found is None else {"was": found[1].replace("&#34;", '"')}


def refusal(text: str) -> list[str]:
    """What a page says is wrong."""
    return re.findall(r'<p class="problem"[^>]*>(.*?)</p>', text) or [text[:2000]]


def test_every_form_is_on_one_list() -> None:
    noted = {sent.path for sent in LEAVES if sent.left}
    assert sorted([*noted, *ELSEWHERE, *NOTHING]) == sorted(forms())


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_is_sent_elsewhere_is(path: str) -> None:
    name, word = ELSEWHERE[path]
    text = Path(__file__).with_name(name).read_text()
    first = path.partition("{")[0]
    assert first in text
    assert word in text


def test_every_form_that_is_accepted_leaves_its_line(
    world: World, reader: Engine, engine: Engine
) -> None:
    names = world.ids["ours"]
    for sent in LEAVES:
        instead = {name: filled(text, names) for name, text in sent.instead.items()}
        if "secret" in names:
            names["code"] = pyotp.TOTP(names["secret"]).at(now_ms() // 1000)
        path = filled(sent.path, names | instead)
        form = {**ROUTES["POST", sent.path].form, **sent.form}
        typed = {name: filled(text, names) for name, text in form.items()}
        browser = world.company.browser(reader, sent.role)
        if ("GET", sent.path) in ROUTES and sent.role:
            typed = hidden_of(browser, path) | typed
        before = newest(engine)
        answer = browser.post(path, **typed)
        assert answer.status_code in (200, 303), f"{path}: {refusal(answer.text)}"
        tags = tuple(line.tag.partition(":")[2] for line in lines(engine, before))
        assert tags == sent.left, path
        if secret := re.search(r'name="secret"[^>]*value="([A-Z2-7]{32})"', answer.text):
            names["secret"] = secret[1]


@pytest.mark.parametrize("role", [None, "none", "administrator", "operator"])
def test_no_form_of_the_matrix_changes_anything_without_a_line(
    world: World, reader: Engine, engine: Engine, role: str | None
) -> None:
    mine = world.ids["ours"]
    now = everything(engine)
    for path in sorted(forms() - set(NOTHING)):
        before, there = newest(engine), now
        browser = world.company.browser(reader, role)
        answer = ask(browser, "POST", filled(path, mine), ROUTES["POST", path], mine)
        assert answer.status_code < 500, path
        now = everything(engine)
        if now != there:
            assert lines(engine, before), f"{path} as {role}"
