"""`pointeuse provision`, as typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from provisioning.cli import provision


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(provision, [str(each) for each in arguments])


def answer(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


@pytest.fixture
def platform_directory(tmp_path: Path) -> Path:
    answer("platform", tmp_path / "platform", "--broker-port", "18883")
    return tmp_path / "platform"


def test_a_real_terminals_way_step_by_step(platform_directory: Path, tmp_path: Path) -> None:
    state, asked, reply = tmp_path / "state", tmp_path / "asked", tmp_path / "reply"
    made = answer("identity", state)
    answer("csr", state, asked)
    signed = answer("sign", asked, reply, "--platform", platform_directory)
    assert {name: signed[name] for name in ("device", "number", "thumbprint", "public_key")} == {
        name: made[name] for name in ("device", "number", "thumbprint", "public_key")
    }
    assert answer("show", state)["certificate"] is None
    assert answer("install", state, reply)["made"] == ["trust/1.cbor", "ca.crt", "tls.crt"]
    shown = answer("show", state)
    assert shown["certificate"]["not_after"] > shown["certificate"]["not_before"]
    assert shown["number"] in run("show", state).output


def test_all_in_one_go_twice(platform_directory: Path, tmp_path: Path) -> None:
    first = answer("terminal", tmp_path / "state", "--platform", platform_directory)
    again = answer("terminal", tmp_path / "state", "--platform", platform_directory)
    assert again["device"] == first["device"]
    assert again["made"] == []
    assert "tls.crt" in again["kept"]


def test_people_are_told_what_was_made_and_what_was_kept(tmp_path: Path) -> None:
    assert "made       ca.key ca.crt" in run("platform", tmp_path / "platform").output
    assert "kept       ca.key ca.crt" in run("platform", tmp_path / "platform").output


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("show", "{tmp}/none"), "make one with `pointeuse provision identity"),
        (("csr", "{tmp}/none", "{tmp}/out"), "make one with `pointeuse provision identity"),
        (("terminal", "{tmp}/new", "--platform", "{tmp}/none"), "ca.key"),
        (("sign", "{tmp}/junk", "{tmp}/out", "--platform", "{tmp}/platform"), "cannot be believed"),
        (("broker-config", "{tmp}/platform", "--out", "{tmp}/out", "--user", "no-such"), "no-such"),
        (("platform", "{tmp}/junk/below"), "junk"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    platform_directory: Path, tmp_path: Path, command: tuple[str, ...], says: str
) -> None:
    (tmp_path / "junk").write_bytes(b"junk")
    result = run(*(each.format(tmp=tmp_path) for each in command))
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_private_key_is_ever_printed(platform_directory: Path, tmp_path: Path) -> None:
    printed = run("terminal", tmp_path / "state", "--platform", platform_directory, "--json").output
    printed += run("show", tmp_path / "state").output
    for path in (tmp_path / "state").glob("*.key"):
        body = path.read_text().splitlines()[1]
        assert body not in printed
