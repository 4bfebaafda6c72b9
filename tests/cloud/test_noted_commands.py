"""Every command that changes something, or shows somebody, is in the trail.

A command of `pointeuse cloud` that is on no list fails: whoever adds one runs it here with the
lines that it leaves, or says why it leaves none. `pointeuse provision` never opens the platform's
database: an import contract keeps it from what could.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, insert, select, update

from cloud.accounts import claims, passkeys, sessions
from cloud.accounts import service as accounts
from cloud.accounts import tables as of_accounts
from cloud.audit.tables import audit
from cloud.cli import cloud
from cloud.companies import service as companies
from cloud.companies.tables import companies as all_companies
from cloud.db import writer_engine
from cloud.schema import metadata
from cloud.terminals import service as terminals
from cloud.terminals.tables import enrolments
from protocol.identity import device_number, group
from protocol.keyfiles import save_private_key
from protocol.keys import SigningKey
from tests.cloud.api.test_matrix import webhook_of
from tests.cloud.interpretation.test_branches import Forked

KEY = SigningKey.generate().public
DEVICE = device_number(KEY.thumbprint)
PEOPLE = ("Ann", "Maes", "Dubois", "@example.be", "04A1B2C3D4E5F6", "85073003328", "0000000001")
"""Names, addresses and numbers of people in this world."""


@dataclass(frozen=True)
class Run:
    """A command as it is typed, and the lines that it leaves: `subject:action`, and whose they are.

    `{name}` stands for what the world calls so. `code` is its exit code.
    """

    words: str
    lines: tuple[str, ...]
    code: int = 0
    given: str | None = None


_ANN = "--company Solvay --number 7 --given-name Ann --family-name"
_MEMBER = "--company Solvay --role viewer"
_QUAI = "--company Solvay --division Nord --site Quai"
_KAAI = "--company Elektro --division Oost --site Kaai"
_EXPLAINED = "--as site@example.be --company Solvay"

NOTED = (
    Run("company add --vat BE0403019261 --name Solvay", ("company:register Solvay",)),
    Run(f"company site {_QUAI}", ("site:enter Solvay",)),
    Run(f"company site {_KAAI} --address Kaai", ("site:enter Elektro",)),
    Run(f"terminal add --key {KEY.to_cose().hex()}", ("terminal:create -",)),
    Run(f"terminal assign {DEVICE} {_QUAI} --from 2026-01-01", ("terminal:assign Solvay",)),
    Run(
        f"terminal assign {DEVICE} {_KAAI} --from 2026-02-01",
        ("terminal:release Solvay", "terminal:assign Elektro"),
    ),
    Run(f"terminal add --key {KEY.to_cose().hex()} --name gate", ("terminal:change Elektro",)),
    Run(f"terminal configure {DEVICE} --block uid:04A1B2C3D4E5F6", ("terminal:configure Elektro",)),
    Run(f"terminal configure {DEVICE} --block uid:04A1B2C3D4E5F6", ()),
    Run(f"terminal configure {DEVICE}", ()),
    Run(f"terminal status {DEVICE} inactive", ("terminal:set-status Elektro",)),
    Run(f"terminal release {DEVICE}", ("terminal:release Elektro",)),
    Run("terminal prune", ("terminal:prune -",)),
    Run(
        "terminal resolve-branch {forked} --epoch {epoch} --branch 1 --attribute",
        ("terminal:attribute-branch Elektro",),
    ),
    Run("terminal resolve-branch {forked} --epoch {epoch} --branch 1 --attribute", ()),
    Run(f"worker add {_ANN} Dubois", ("worker:create Solvay",)),
    Run(f"worker add {_ANN} Maes", ("worker:change Solvay",)),
    Run(f"worker add {_ANN} Maes", ()),
    Run("worker list --company Solvay", ("worker:list Solvay",)),
    Run("worker import {sheet} --company Solvay", ("worker:preview Solvay",)),
    Run("worker import {sheet} --company Solvay --apply", ("worker:import Solvay",)),
    Run("worker import {wrong} --company Solvay --apply", ("worker:preview Solvay",), code=1),
    Run("badge link uid 04A1B2C3D4E5F6 --company Solvay --worker 7", ("badge:link Solvay",)),
    Run("badge link uid 04A1B2C3D4E5F6 --company Solvay --worker 7", ()),
    Run("badge unlink uid 04A1B2C3D4E5F6", ("badge:unlink Solvay",)),
    Run("worker data --company Solvay --worker 7 --out {out}", ("person:export Solvay",)),
    Run("worker erase --company Solvay --worker 7", ("person:preview Solvay",)),
    Run(
        "worker erase --company Solvay --worker 8 --yes",
        ("erasure:enter Solvay", "erasure:carry-out Solvay"),
    ),
    Run("load {world}", ("world:load Elektro", "world:load -")),
    Run("account add site@example.be --name Ann", ("account:create -",)),
    Run("account list", ("account:list -",)),
    Run(
        "account password site@example.be --stdin",
        ("account:set-password -",),
        given="correct horse battery staple\n",
    ),
    Run("account reset-second-factor keyed@example.be", ("account:remove-second-factor -",)),
    Run("account disable keyed@example.be", ("account:disable -",)),
    Run("account disable keyed@example.be --again", ("account:enable -",)),
    Run(f"account grant site@example.be {_MEMBER}", ("membership:grant Solvay",)),
    Run(f"account invite keyed@example.be {_MEMBER}", ("invitation:create Solvay",)),
    Run("account accept keyed@example.be --token {token}", ("invitation:accept Solvay",)),
    Run("account members --company Solvay", ("membership:list Solvay",)),
    Run("explain worker 7 " + _EXPLAINED, ("worker:explain Solvay",), code=1),
    Run(f"explain terminal {DEVICE} " + _EXPLAINED, ("terminal:explain Solvay",), code=1),
    Run("explain registration 1 " + _EXPLAINED, ("registration:explain Solvay",), code=1),
    Run("account revoke site@example.be --company Solvay", ("membership:revoke Solvay",)),
    Run("account data site@example.be --out {out}", ("account:export -",)),
    Run("account close site@example.be --yes", ("account:close -",)),
    Run("access list", ("access-request:list -",)),
    Run("access grant {first}", ("access-request:grant Dakwerken",)),
    Run("access refuse {second}", ("access-request:refuse BE 0999.910.741",)),
    Run("token add --name payroll --company Solvay", ("token:create Solvay",)),
    Run("token revoke 1", ("token:revoke Solvay",)),
    Run("trail", ("trail:read -",)),
    Run("trail --company Solvay", ("trail:read Solvay",)),
    Run("webhook deactivate {webhook}", ("webhook:deactivate Elektro",)),
    Run("reinterpret", ("registration:make-anew -",)),
    Run("disclose --registration 1 --out {out}", ("registration:disclose Elektro",)),
    Run(
        "disclose --terminal {forked} --epoch {epoch} --seq 4 --out {out}",
        ("registration:disclose Elektro",),
    ),
    Run("archive {forked} --out {out}", ("terminal:archive Elektro",)),
    Run("export --company Solvay --out {out}", ("export:make Solvay",)),
    Run("export --company Solvay --number 1 --out {out}", ("export:download Solvay",)),
    Run("retention set --company Solvay 96", ("retention:set Solvay",)),
    Run("retention run --dry-run", ()),
    Run("retention run", ("retention:erase -",)),
    Run("backup --out {backup}", ("database:back-up -",)),
    # The line of the backup is in what comes back.
    Run("restore {backup} --force", ("database:restore -",)),
)

SHOWS_NOBODY = {
    "company list": "company list",
    "company sites": "company sites",
    "terminal list": "terminal list",
    "terminal branches": "terminal branches {forked}",
    "terminal request": "terminal request {forked} {out}",
    "token list": "token list",
    "webhook list": "webhook list",
    "retention show": "retention show",
}
"""Companies, places, devices and programs: run, to see that nothing is changed and nobody named."""

OF_ITSELF = {
    "migrate": "Changes the schema alone; which one it is stands in the database.",
    "ingest": "Keeps what terminals signed, whose proof that is.",
    "serve": "Each request that is answered writes its own lines: tests of both access matrices.",
    "notify": "Does once what `serve` does every minute, and shows a count.",
    "webhook deliver": "Does once what `serve` does every second; the courier itself writes that"
    " fields of somebody leave (tests/cloud/webhooks/test_telling.py).",
}
"""What the platform does by itself: why no line says that the operator did."""


@pytest.fixture
def backend() -> str:
    """What is noted does not depend on the database."""
    return "sqlite"


class Operator:
    """Types commands at the platform's machine, where some things are already."""

    def __init__(self, engine: Engine, url: str, home: Path) -> None:
        self.url, self.config = url, home / "cloud.toml"
        directory = home / "platform"
        (directory / "keys").mkdir(parents=True)
        forked = Forked(engine, url, directory)
        save_private_key(directory / "keys" / "sealing.key", forked.terminal.platform)
        self.config.write_text(
            f'[database]\nurl = "{url}"\n[platform]\ndirectory = "{directory}"\n'
            "[retention]\nminimum_months = 0\n"
        )
        (home / "sheet.csv").write_text(
            "number,given name,family name,INSS\n8,Bo,Dubois,85073003328\n"
        )
        (home / "wrong.csv").write_text("number,given name,family name\n9,,Dubois\n")
        (home / "world.toml").write_text(
            '[[workers]]\ncompany = "Elektro"\nnumber = "1"\ngiven_name = "Ann"\n'
            f'family_name = "Maes"\n[[terminals]]\npublic_key = "{KEY.to_cose().hex()}"\n'
        )
        with engine.begin() as conn:
            elektro = companies.register(conn, "BE0999910543", "Elektro")
            oost = companies.put_division(conn, elektro, "Oost")
            terminals.assign(conn, forked.terminal_id, companies.put_site(conn, oost, "Dok"), 0)
            asked = {"terminal_id": forked.terminal_id, "request": b"asked", "at_ms": 0}
            conn.execute(insert(enrolments).values(**asked))
            keyed = accounts.create(conn, "keyed@example.be", "Ann Maes")
            key = passkeys.Made(b"id", b"key", 0, synced=False, transports=())
            passkeys.add(conn, keyed, "localhost", "Telephone", key)
            webhook, _ = webhook_of(conn, elektro, "payroll")
        engine.dispose()
        self.names: dict[str, object] = {
            "forked": group(forked.terminal.device),
            "epoch": forked.terminal.epoch.hex(),
            "sheet": home / "sheet.csv",
            "wrong": home / "wrong.csv",
            "world": home / "world.toml",
            "out": home / "out",
            "backup": home / "backup",
            "platform": directory,
            "webhook": webhook,
        }

    def type(self, words: str, given: str | None = None) -> Result:
        filled = words.format(**self.names).split()
        return CliRunner().invoke(cloud, [*filled, "--config", str(self.config)], input=given)

    def query(self, statement: Any) -> list[Any]:
        engine = writer_engine(self.url)
        with engine.begin() as conn:
            found = conn.execute(statement)
            rows = list(found) if found.returns_rows else []
        engine.dispose()
        return rows

    def newest(self) -> int:
        return int(self.query(select(func.coalesce(func.max(audit.c.id), 0)))[0][0])

    def lines(self, above: int) -> list[Any]:
        return self.query(select(audit).where(audit.c.id > above).order_by(audit.c.id))

    def everything(self) -> dict[str, list[str]]:
        return {
            table.name: sorted(map(repr, self.query(select(table))))
            for table in metadata.sorted_tables
        }

    def before(self, words: str) -> None:
        """What has to have happened by itself before a command is typed."""
        if words.startswith("account accept"):
            invited = self.type(f"account invite keyed@example.be {_MEMBER} --json")
            self.names["token"] = json.loads(invited.stdout)[0]["token"]
        if words.startswith("worker erase") and "--yes" in words:
            assert not self.type(
                "worker add --company Solvay --number 8 --given-name Bo --family-name Dubois"
                " --inactive"
            ).exit_code
        if words == "access list":
            engine = writer_engine(self.url)
            with engine.begin() as conn:
                keyed = accounts.account_id(conn, "keyed@example.be")
                for vat in ("BE0999910642", "BE0999910741"):
                    private = companies.private_companies(conn, [vat])[vat]
                    claims.claim(conn, keyed, private, "Dakwerken")
                self.names["first"], self.names["second"] = (
                    each["id"] for each in claims.waiting(conn)
                )
            engine.dispose()
        if words == "retention run":
            engine = writer_engine(self.url)
            with engine.begin() as conn:
                sessions.begin(conn, accounts.account_id(conn, "keyed@example.be"))
                conn.execute(update(of_accounts.sessions).values(created_ms=1, seen_ms=1))
            engine.dispose()


@pytest.fixture
def operator(engine: Engine, database_url: str, tmp_path: Path) -> Operator:
    return Operator(engine, database_url, tmp_path)


def commands(command: click.Command, *path: str) -> Iterator[str]:
    """The commands there are, each as it is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    with click.Context(command) as context:
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)


def test_every_command_is_on_one_list() -> None:
    every = set(commands(cloud))
    noted = {
        name
        for name in every
        for run in NOTED
        if run.lines and f"{run.words} ".startswith(f"{name} ")
    }
    lists = [*noted, *SHOWS_NOBODY, *OF_ITSELF]
    assert sorted(lists) == sorted(every), "say here what it leaves in the trail, or why nothing"


def test_what_changes_something_or_shows_somebody_leaves_its_line(operator: Operator) -> None:
    for run in NOTED:
        operator.before(run.words)
        before = operator.newest()
        result = operator.type(run.words, run.given)
        assert result.exit_code == run.code, f"{run.words}: {result.output}"
        names = dict(map(tuple, operator.query(select(all_companies.c.id, all_companies.c.name))))
        noted = operator.lines(before)
        found = tuple(f"{line.tag} {names.get(line.company_id, '-')}" for line in noted)
        assert found == tuple(f"command:{line}" for line in run.lines), run.words
        for line in noted:
            assert line.account_id is None
            assert not [word for word in PEOPLE if word in line.detail], line.detail


def test_what_leaves_no_line_changes_nothing_and_names_nobody(operator: Operator) -> None:
    for run in NOTED:
        if run.words == "trail":
            break
        operator.before(run.words)
        operator.type(run.words, run.given)
    before = operator.everything()
    for words in SHOWS_NOBODY.values():
        result = operator.type(words)
        assert result.exit_code == 0, result.output
        assert result.output or words.startswith("terminal request"), words
        assert operator.everything() == before, words
        assert not [word for word in PEOPLE if word in result.output], words


def test_what_is_refused_leaves_no_line(operator: Operator) -> None:
    before = operator.newest()
    for words in (
        "worker list --company Nobody",
        f"explain worker 7 {_EXPLAINED}",
        "disclose --registration 99 --out {out}",
        f"terminal status {DEVICE} active",
        "company add --vat 1 --name x",
        "backup --out {platform}",
    ):
        assert operator.type(words).exit_code == 2, words
    assert operator.lines(before) == []
