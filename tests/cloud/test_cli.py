"""The commands as a person types them: what they print, and how they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, insert, update

from cloud import db
from cloud.accounts import claims
from cloud.accounts import service as accounts
from cloud.cli import cloud
from cloud.companies import service as companies
from cloud.notifications import service as notified
from cloud.notifications.kinds import Kind
from cloud.notifications.tables import notifications
from cloud.terminals import telemetry
from cloud.terminals.tables import enrolments, terminals
from cloud.times import now_ms
from cloud.workers import service as workers
from protocol.identity import device_number
from protocol.keys import SigningKey
from tests.support.ports import free_port

KEY = SigningKey.generate().public
DEVICE = device_number(KEY.thumbprint)


class Cli:
    """Runs commands on one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cloud, [*words, "--db", self._url])

    def good(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.good(*words, "--json"))

    def refused(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1, result.stderr
        assert isinstance(result.exception, SystemExit)
        return result.stderr


@pytest.fixture
def cli(database_url: str) -> Cli:
    return Cli(database_url)


def enter_everything(cli: Cli) -> None:
    cli.good("company", "add", "--vat", "BE 0403.019.261", "--name", "Solvay")
    cli.good("company", "site", "--company", "Solvay", "--division", "Nord", "--site", "Quai")
    cli.good("terminal", "add", "--key", KEY.to_cose().hex(), "--name", "gate")
    place = ["--company", "0403019261", "--division", "Nord", "--site", "Quai"]
    cli.good("terminal", "assign", DEVICE, *place, "--from", "2026-01-01")
    person = ["--number", "7", "--given-name", "Ann", "--family-name", "Maes"]
    cli.good("worker", "add", "--company", "Solvay", *person)
    cli.good("badge", "link", "em4100", "0a1b2c", "--company", "Solvay", "--worker", "7")


def test_entering_and_listing(cli: Cli) -> None:
    enter_everything(cli)
    assert cli.json("company", "list") == [{"id": 1, "vat": "BE0403019261", "name": "Solvay"}]
    assert cli.json("company", "sites")[0]["division"] == "Nord"
    assert cli.json("terminal", "list") == [
        {
            "device": DEVICE,
            "name": "gate",
            "status": "active",
            "last_seen": None,
            "company": "Solvay",
            "division": "Nord",
            "site": "Quai",
        }
    ]
    assert cli.json("worker", "list", "--company", "Solvay")[0]["family_name"] == "Maes"
    lines = cli.good("terminal", "list").splitlines()
    assert lines[0].split() == [
        *["device", "name", "status", "last", "seen", "company", "division", "site"]
    ]
    assert DEVICE in lines[1]


def test_a_badge_is_one_persons_and_of_the_employer_it_names(cli: Cli, engine: Engine) -> None:
    enter_everything(cli)
    other = ["--number", "8", "--given-name", "Bo", "--family-name", "Dubois"]
    cli.good("worker", "add", "--company", "Solvay", *other)
    to_other = ["--company", "Solvay", "--worker", "8"]
    assert "linked to worker 7; unlink it" in cli.refused(
        "badge", "link", "em4100", "0A1B2C", *to_other
    )
    with engine.begin() as conn:
        workers.put_badge(conn, "em4100", "0D0D0D", employer="BE0202239951")
    assert "works for another company" in cli.refused(
        "badge", "link", "em4100", "0D0D0D", *to_other
    )
    cli.good("badge", "unlink", "em4100", "0A1B2C")
    for _again in range(2):
        cli.good("badge", "link", "em4100", "0A1B2C", *to_other)


def test_changing(cli: Cli) -> None:
    enter_everything(cli)
    cli.good("terminal", "status", DEVICE, "inactive")
    cli.good("terminal", "release", DEVICE)
    cli.good("badge", "unlink", "em4100", "0A1B2C")
    row = cli.json("terminal", "list")[0]
    assert (row["status"], row["site"]) == ("inactive", None)


def test_an_empty_list_is_an_empty_list(cli: Cli) -> None:
    assert cli.json("company", "list") == []
    assert cli.good("terminal", "list") == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["company", "add", "--vat", "1", "--name", "x"], "not a Belgian VAT number"),
        (["company", "site", "--company", "x", "--division", "y", "--site", "z"], "no company 'x'"),
        (["terminal", "add", "--key", "00"], "cannot be read"),
        (["terminal", "status", "7ZK3M", "active"], "is not a device number"),
        (["terminal", "release", DEVICE, "--at", "tomorrow"], "'tomorrow' is not a time"),
        (["terminal", "release", DEVICE], "there is no terminal"),
        (["badge", "unlink", "uid", "12/3456789"], "'…6789' is not a badge number"),
        (["load", "/nonexistent/world.toml"], "cannot read /nonexistent/world.toml"),
    ],
)
def test_refusals_are_one_line(cli: Cli, words: list[str], says: str) -> None:
    assert says in cli.refused(*words)


def test_a_company_twice(cli: Cli) -> None:
    cli.good("company", "add", "--vat", "0403019261", "--name", "Solvay")
    said = cli.refused("company", "add", "--vat", "0403019261", "--name", "Other")
    assert "registered already; ask its administrator" in said


def test_who_asks_for_a_private_company_is_let_in_or_not(cli: Cli, engine: Engine) -> None:
    with engine.begin() as conn:
        private = companies.private_companies(conn, ["BE0999910642"])["BE0999910642"]
        for name in ("ann", "bob"):
            account = accounts.create(conn, f"{name}@example.be", name.title())
            accounts.set_password(conn, account, "geel paard leest wolken")
            claims.claim(conn, account, private, "Dakwerken")
    first, second = cli.json("access", "list")
    assert (first["vat"], first["company"], first["email"], first["private"]) == (
        "BE 0999.910.642", "Dakwerken", "ann@example.be", True,
    )  # fmt: skip
    assert cli.good("access", "refuse", str(first["id"])) == ""
    assert "no request" in cli.refused("access", "grant", str(first["id"]))
    cli.good("access", "grant", str(second["id"]))
    assert cli.json("access", "list") == []
    (member,) = cli.json("account", "members", "--company", "Dakwerken")
    assert (member["email"], member["role"]) == ("bob@example.be", "administrator")
    tags = [line["tag"] for line in cli.json("trail")]
    assert {"command:access-request:grant", "command:access-request:refuse"} <= set(tags)


def test_a_database_without_schema(empty_database_url: str) -> None:
    said = Cli(empty_database_url).refused("company", "add", "--vat", "0403019261", "--name", "x")
    assert "at revision none" in said
    assert "pointeuse cloud migrate" in said


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no database" in Cli(f"sqlite:///{tmp_path}/x").refused("company", "list")
    said = Cli("postgresql://nobody@127.0.0.1:1/none").refused("company", "list")
    assert "refused" in said
    assert "pointeuse cloud migrate" in said


class TestConfig:
    def run(self, path: Path, *words: str) -> Result:
        return CliRunner().invoke(cloud, [*words, "--config", str(path)])

    def test_the_database_of_the_configuration(self, tmp_path: Path, database_url: str) -> None:
        path = tmp_path / "cloud.toml"
        path.write_text(f'[database]\nurl = "{database_url}"\n')
        assert "is up to date" in self.run(path, "migrate").stdout
        assert self.run(path, "company", "list", "--json").stdout == "[]\n"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[database]\nurl = 5", "database.url = 5: expected `str`"),
            (
                '[database]\nurl = "mysql://x"',
                "database.url: database url: 'mysql' is not supported",
            ),
            ("[api]\nport = 70000", "api.port = 70000: expected `int` <= 65535"),
            ("[brokr]\n", "unknown field `brokr`"),
            ("x", "is not TOML"),
        ],
    )
    def test_a_mistake_is_one_line(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "cloud.toml"
        path.write_text(text)
        result = self.run(path, "company", "list")
        assert result.exit_code == 2
        assert says in result.stderr
        assert str(path) in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_missing_file(self, tmp_path: Path) -> None:
        result = self.run(tmp_path / "none", "migrate")
        assert result.exit_code == 2
        assert "No such file" in result.stderr


def test_a_request_that_was_kept_is_written_for_whoever_signs_it(
    cli: Cli, database_url: str, tmp_path: Path
) -> None:
    enter_everything(cli)
    file = tmp_path / "gate.request"
    assert "was not added with a request" in cli.refused("terminal", "request", DEVICE, str(file))
    engine = db.writer_engine(database_url)
    with engine.begin() as conn:
        conn.execute(insert(enrolments).values(terminal_id=1, request=b"asked", at_ms=0))
        telemetry.History().note(conn, 1, {"queue": 3}, 0)
        telemetry.History().note(conn, 1, {"queue": 3}, now_ms())
    engine.dispose()
    cli.good("terminal", "request", DEVICE, str(file))
    assert file.read_bytes() == b"asked"
    nowhere = str(tmp_path / "none" / "file")
    assert "cannot write" in cli.refused("terminal", "request", DEVICE, nowhere)
    # The first row went as the second came; of what is young nothing goes.
    assert cli.json("terminal", "prune", "--days", "1") == [{"rows": 0}]
    with engine.begin() as conn:
        telemetry.History().note(conn, 1, {}, now_ms() - 2 * 86_400_000)
    engine.dispose()
    assert cli.json("terminal", "prune", "--days", "1") == [{"rows": 1}]


def test_looking_once_for_what_is_to_be_told(cli: Cli, database_url: str, tmp_path: Path) -> None:
    enter_everything(cli)
    engine = db.writer_engine(database_url)
    with engine.begin() as conn:
        conn.execute(update(terminals).values(last_seen_ms=1))
    engine.dispose()
    assert cli.json("notify") == [{"opened": 1}]
    assert cli.json("notify") == [{"opened": 0}]
    config = tmp_path / "cloud.toml"
    config.write_text(
        f'[database]\nurl = "{database_url}"\n[mail]\nhost = "127.0.0.1"\nport = {free_port()}\n'
    )
    with engine.begin() as conn:
        account = accounts.create(conn, "ann@example.be", "Ann", operator=True)
        notified.choose(conn, account, [Kind.SILENT])
        conn.execute(update(notifications).values(closed_ms=1))
    engine.dispose()
    found = CliRunner().invoke(cloud, ["notify", "--config", str(config)])
    assert found.exit_code == 2
    assert "takes no mail" in found.stderr
