"""The operator's commands: retention, and one person's or account's data."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cloud.cli import cloud
from tests.cloud.retention.world import ANN, World, found_in, identifiers


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(
        f'[database]\nurl = "{database_url}"\n[platform]\ndirectory = "{tmp_path / "platform"}"\n'
        "[retention]\nminimum_months = 0\n"
    )
    return path


def run(config: Path, *arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(cloud, [*arguments, "--config", str(config)])
    assert found.exit_code == code, found.output
    return found.output


def told(config: Path, *arguments: str) -> Any:
    found = CliRunner().invoke(cloud, [*arguments, "--config", str(config), "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_how_long_is_shown_and_set(world: World, config: Path) -> None:
    run(config, "retention", "set", "--company", "Elektro", "96")
    rows = told(config, "retention", "show")
    assert {row["company"]: row["months"] for row in rows} == {"Elektro": 96, "Solvay": 84}
    assert "at most" in run(config, "retention", "set", "--company", "Elektro", "999", code=2)
    assert told(config, "retention", "run", "--dry-run") == []
    assert told(config, "retention", "run") == []


def test_limits_that_do_not_rise_are_refused(world: World, config: Path) -> None:
    config.write_text(config.read_text() + "maximum_months = 12\n")
    assert "are to rise" in run(config, "retention", "show", code=2)


def test_a_person_is_written_out_and_erased(furnished: World, config: Path, tmp_path: Path) -> None:
    ann = ("--company", "Elektro", "--worker", ANN[4])
    out = tmp_path / "ann.zip"
    run(config, "worker", "data", *ann, "--out", str(out))
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(out) as file:
        held = json.loads(file.read("data.json"))
    assert held["person"]["inss"] == ANN[2]
    assert len(held["registrations"]) == 7
    assert "inactive first" in run(config, "worker", "erase", *ann, "--yes", code=2)
    furnished.leave(furnished.ann)
    lines = {line["what"]: line for line in told(config, "worker", "erase", *ann)}
    assert lines["presences"]["now"] == 7
    assert furnished.worker(furnished.ann)
    run(config, "worker", "erase", *ann, "--yes")
    guest = ("--company", "Solvay", "--id", str(furnished.ann))
    run(config, "worker", "erase", *guest, "--yes")
    run(config, "retention", "run")
    out.unlink()
    assert found_in(furnished.engine, identifiers(ANN)) == set()
    assert "give one of" in run(config, "worker", "erase", "--company", "Elektro", code=2)


def test_an_account_is_written_out_and_closed(
    furnished: World, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boss.zip"
    run(config, "account", "data", "boss@example.be", "--out", str(out))
    with zipfile.ZipFile(out) as file:
        assert json.loads(file.read("data.json"))["account"]["email"] == "boss@example.be"
    last = run(config, "account", "close", "boss@example.be", "--yes", code=2)
    assert "last administrator" in last
    run(config, "account", "add", "none@example.be", "--name", "Nobody Atall")
    assert "give --yes" in run(config, "account", "close", "none@example.be", code=2)
    run(config, "account", "close", "none@example.be", "--yes")
    assert found_in(furnished.engine, {"address": b"none@example.be", "name": b"Atall"}) == set()
