"""Where things happen to workers, corrections and terminals, webhooks are told, each once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, delete, select, update

from cloud.accounts import api_tokens
from cloud.accounts.scopes import Scope
from cloud.audit.service import Actor
from cloud.cli import cloud
from cloud.notifications.evaluator import SILENT_MS, evaluate
from cloud.registrations import correcting
from cloud.terminals import service as terminal_service
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from cloud.visibility.rules import Viewer, program
from cloud.webhooks import terminals as told_of_terminals
from cloud.webhooks.tables import webhook_deliveries
from cloud.workers import badging, editing, importing, service, sheets
from cloud.workers.tables import workers
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Post

CREATED, CHANGED = "worker.created", "worker.changed"
BO = {"number": "9", "given_name": "Bo", "family_name": "Bos"}


def happens(post: Post, act: Callable[[Connection], Any]) -> list[tuple[str, int | None]]:
    """What is told of an act."""
    with post.engine.begin() as conn:
        conn.execute(delete(webhook_deliveries))
        act(conn)
    return post.told()


def test_workers(post: Post) -> None:
    ours, worker = post.company.ours, post.company.worker
    post.webhook()
    post.webhook(company=post.company.theirs)
    ((event, made),) = happens(post, lambda conn: editing.create(conn, ours, BO))
    assert event == CREATED
    changed = [(CHANGED, worker)]
    name = {"given_name": "An"}
    assert happens(post, lambda conn: editing.change(conn, ours, worker, name, {})) == changed
    assert happens(post, lambda conn: editing.change(conn, ours, worker, name, {})) == []
    assert happens(post, lambda conn: editing.set_active(conn, ours, worker, False)) == changed
    assert happens(post, lambda conn: editing.set_active(conn, ours, worker, False)) == []
    assert made != worker


def test_badges_are_of_workers(post: Post) -> None:
    ours, worker = post.company.ours, post.company.worker
    post.webhook()
    changed = [(CHANGED, worker)]
    key = ("uid", "04A1B2C3D4E5F6")
    told = happens(post, lambda conn: badging.link(conn, ours, worker, key, from_ms=1, until_ms=9))
    assert told == changed
    with post.engine.connect() as conn:
        badge = badging.badge_of(conn, ours, worker, post.company.badge + 2).id
    period = (ours, worker, badge, 1, 8)
    assert happens(post, lambda conn: badging.set_period(conn, *period)) == changed
    assert happens(post, lambda conn: badging.set_period(conn, *period)) == []
    assert happens(post, lambda conn: badging.unlink(conn, ours, worker, badge)) == changed


def test_lists_of_workers(post: Post, tmp_path: Path) -> None:
    ours, worker = post.company.ours, post.company.worker
    post.webhook()
    text = "number;given name;family name;badge\n7;Ann;Maes;123456789\n8;Bo;Bos;42\n9;An;As;\n"
    (tmp_path / "list.csv").write_text(text)

    def apply(conn: Connection) -> None:
        rows = sheets.rows(sheets.read(tmp_path / "list.csv"))
        importing.apply(conn, ours, importing.plan(conn, ours, rows, post.vault))

    told = happens(post, apply)
    with post.engine.connect() as conn:
        query = select(workers.c.id).where(workers.c.number.in_(["8", "9"]))
        fresh = sorted(conn.execute(query).scalars())
    assert sorted(told) == [(CREATED, number) for number in fresh]
    # A badge alone is a change of its holder.
    (tmp_path / "list.csv").write_text("number;given name;family name;badge\n7;Ann;Maes;77\n")
    assert happens(post, apply) == [(CHANGED, worker)]


def test_commands(post: Post, database_url: str) -> None:
    worker = post.company.worker
    post.webhook()

    def run(*words: str) -> list[tuple[str, int | None]]:
        with post.engine.begin() as conn:
            conn.execute(delete(webhook_deliveries))
        result = CliRunner().invoke(cloud, [*words, "--db", database_url])
        assert result.exit_code == 0, result.output
        return post.told()

    same = ["worker", "add", "--company", "Solvay", "--number", "7"]
    assert run(*same, "--given-name", "Ann", "--family-name", "Maes") == []
    assert run(*same, "--given-name", "An", "--family-name", "Maes") == [(CHANGED, worker)]
    of = ["--company", "Solvay", "--worker", "7"]
    assert run("badge", "link", "printed", "4242", *of) == [(CHANGED, worker)]
    assert run("badge", "unlink", "printed", "4242") == [(CHANGED, worker)]
    assert run("badge", "unlink", "printed", "4242") == []


def test_a_world_that_is_loaded(post: Post, tmp_path: Path, database_url: str) -> None:
    post.webhook()
    (tmp_path / "world.toml").write_text(
        '[[workers]]\ncompany = "BE0403019261"\nnumber = "7"\ngiven_name = "Ann"\n'
        'family_name = "Maes"\n[[badges]]\nprofile = "printed"\nnumber = "99"\n'
        'company = "BE0403019261"\nworker = "7"\n'
    )
    for told in ([(CHANGED, post.company.worker)], []):
        with post.engine.begin() as conn:
            conn.execute(delete(webhook_deliveries))
        words = ["load", str(tmp_path / "world.toml"), "--db", database_url]
        result = CliRunner().invoke(cloud, words)
        assert result.exit_code == 0, result.output
        assert post.told() == told


@pytest.mark.parametrize(("approve", "event"), [(True, "approved"), (False, "refused")])
def test_corrections(post: Post, gates: Gates, approve: bool, event: str) -> None:
    ours = post.company.ours
    post.webhook()
    post.webhook(company=post.company.theirs)
    number = gates.tap("08:00")
    may = frozenset({Scope.CORRECTIONS_WRITE, Scope.CORRECTIONS_DECIDE})
    with post.engine.begin() as conn:
        tokens = [api_tokens.make(conn, "erp", company=ours, may=may)[0] for _ in range(2)]
    first, second = (program(ours, token=token, may=may) for token in tokens)

    def propose(conn: Connection, who: Viewer, direction: str, *, asks: bool) -> int:
        return correcting.correct(
            conn, who, Actor("api"), number, direction=direction, reason="x", second=asks
        )

    ((told, correction),) = happens(post, lambda conn: propose(conn, first, "out", asks=True))
    assert told == "correction.proposed"
    assert correction is not None
    decided = happens(
        post,
        lambda conn: correcting.decide(conn, second, Actor("api"), correction, approve=approve),
    )
    assert decided == [(f"correction.{event}", correction)]
    ((told, _),) = happens(post, lambda conn: propose(conn, first, "break-start", asks=False))
    assert told == "correction.approved"


def test_terminals_that_fall_silent_and_come_back(post: Post, gates: Gates) -> None:
    ours, theirs = (post.webhook()[0], post.webhook(company=post.company.theirs)[0])
    now = now_ms()
    quai, their = gates.terminal(post.company.quai), gates.terminal(post.company.their_site)

    def seen(conn: Connection, at_ms: int, terminal: int, **more: Any) -> None:
        values = {"last_seen_ms": at_ms, "last_status": "{}", **more}
        conn.execute(update(terminals).where(terminals.c.id == terminal).values(**values))

    def look(at_ms: int) -> list[tuple[int, str, int | None]]:
        with post.engine.begin() as conn:
            conn.execute(delete(webhook_deliveries))
            evaluate(conn, at_ms)
        return sorted((row.webhook_id, row.event, row.subject_id) for row in post.deliveries())

    with post.engine.begin() as conn:
        for terminal in (quai, their):
            seen(conn, now - SILENT_MS - 1, terminal)
    assert look(now) == [(ours, "terminal.silent", quai), (theirs, "terminal.silent", their)]
    assert look(now + 1) == []
    with post.engine.begin() as conn:
        seen(conn, now, quai)
        # Put out of use, it has not come back.
        seen(conn, now, their, status="inactive")
    assert look(now + 2) == [(ours, "terminal.back", quai)]
    assert look(now + 3) == []


def test_a_terminal_is_told_of_to_whoever_has_it_now(post: Post, gates: Gates) -> None:
    post.webhook()
    theirs, _ = post.webhook(company=post.company.theirs)
    quai = gates.terminal(post.company.quai)
    now = now_ms()
    with post.engine.begin() as conn:
        conn.execute(update(terminals).where(terminals.c.id == quai).values(last_seen_ms=1))
        terminal_service.assign(conn, quai, post.company.their_site, now - 1)
        evaluate(conn, now)
    assert [row.webhook_id for row in post.deliveries()] == [theirs]


def test_a_terminal_that_has_not_told_since_is_not_back(post: Post, gates: Gates) -> None:
    post.webhook()
    quai, now = gates.terminal(post.company.quai), now_ms()
    for seen_ms, found in ((now - 11, []), (now - 10, [("terminal.back", quai)])):
        with post.engine.begin() as conn:
            this = terminals.c.id == quai
            conn.execute(update(terminals).where(this).values(last_seen_ms=seen_ms))
            told_of_terminals.back(conn, [quai], now, since_ms=now - 10)
        assert post.told() == found


def test_putting_a_worker_says_what_it_did(post: Post) -> None:
    """`enter` tells nobody: a list is told of at its end."""
    ours = post.company.ours

    def enter(conn: Connection, given: str) -> Any:
        return service.enter(conn, ours, "9", given, "Bos")[1]

    with post.engine.begin() as conn:
        assert [enter(conn, given) for given in ("Bo", "Bo", "Bob")] == [CREATED, None, CHANGED]
    post.webhook()
    assert happens(post, lambda conn: enter(conn, "B")) == []
