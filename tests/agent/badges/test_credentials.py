"""The credential store, and its commands."""

import json
import pickle
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.badges.cli import credentials
from agent.badges.credentials import Credentials, Secret, parse
from protocol.errors import KeyFileError

KEY = "00112233445566778899AABBCCDDEEFF"


@pytest.fixture
def store(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path)


def test_a_key_is_kept_in_a_closed_file(store: Credentials) -> None:
    assert store.set("site.read", parse(KEY.encode(), "site.read"))
    path = store.directory / "site.read.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert store.key("site.read").reveal().hex().upper() == KEY
    assert store.names() == ["site.read"]
    assert [entry.name for entry in store.directory.iterdir()] == ["site.read.key"]


def test_the_same_key_again_changes_nothing_and_another_needs_saying_so(store: Credentials) -> None:
    store.set("k", Secret(bytes(16)))
    assert not store.set("k", Secret(bytes(16)))
    with pytest.raises(KeyFileError, match="--replace"):
        store.set("k", Secret(bytes(range(16))))
    assert store.key("k").reveal() == bytes(16)
    assert store.set("k", Secret(bytes(range(16))), replace=True)
    assert store.key("k").reveal() == bytes(range(16))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_open_to_others_is_refused_with_the_fix(store: Credentials, mode: int) -> None:
    store.set("k", Secret(bytes(16)))
    path = store.directory / "k.key"
    path.chmod(mode)
    with pytest.raises(KeyFileError) as refused:
        store.key("k")
    assert f"chmod 600 {path}" in str(refused.value)


@pytest.mark.parametrize("content", ["", "0011", KEY + "00", "G" * 32])
def test_a_file_that_holds_no_key_is_refused_without_telling_it(
    store: Credentials, content: str
) -> None:
    store.set("k", Secret(bytes(16)))
    (store.directory / "k.key").write_text(content)
    with pytest.raises(KeyFileError, match="32 hexadecimal digits") as refused:
        store.key("k")
    assert not content or content not in str(refused.value)


@pytest.mark.parametrize("name", ["", "../identity", "a/b", "A", ".hidden", "k" * 49, "k\n"])
def test_a_name_that_is_no_file_s_is_refused(store: Credentials, name: str) -> None:
    with pytest.raises(KeyFileError, match="expected"):
        store.key(name)


def test_a_missing_key_names_the_command(store: Credentials) -> None:
    with pytest.raises(KeyFileError, match="pointeuse agent credentials set k"):
        store.key("k")


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(bytes.fromhex(KEY))
    assert repr(secret) == str(secret) == f"{secret}" == "<secret>"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert KEY.lower() not in "".join(traceback.format_exception(ValueError(secret))).lower()


# -- commands ------------------------------------------------------------------------------------


def run(tmp_path: Path, *arguments: str, given: str = "") -> Result:
    config = tmp_path / "agent.toml"
    config.write_text(
        f'terminal = {{ state = "{tmp_path}" }}\nuplink = {{ host = "localhost" }}\n'
        'readers = [{ kind = "pcsc", name = "gate" }]\n'
    )
    command, *rest = arguments
    return CliRunner().invoke(credentials, [command, "--config", str(config), *rest], input=given)


def test_set_and_list_tell_no_key(tmp_path: Path) -> None:
    done = run(tmp_path, "set", "site.read", given=f" {KEY}\n")
    assert done.exit_code == 0, done.output
    check_value = Secret(bytes.fromhex(KEY)).check_value
    assert check_value in done.output
    again = run(tmp_path, "set", "site.read", given=KEY)
    assert (again.exit_code, "already" in again.output) == (0, True)
    listed = run(tmp_path, "list", "--json")
    assert json.loads(listed.output) == {"credentials": {"site.read": check_value}}
    plain = run(tmp_path, "list")
    for result in (done, again, listed, plain):
        assert KEY not in result.output.upper()


def test_what_cannot_be_stored_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    short = run(tmp_path, "set", "site.read", given="0011")
    assert short.exit_code == 2
    assert short.output.count("\n") == 1
    assert "32 hexadecimal digits" in short.output
    run(tmp_path, "set", "site.read", given=KEY)
    other = run(tmp_path, "set", "site.read", given="F" * 32)
    assert (other.exit_code, "--replace" in other.output) == (2, True)
    assert run(tmp_path, "set", "--replace", "site.read", given="F" * 32).exit_code == 0


def test_a_key_as_an_argument_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "set", "site.read", KEY).exit_code == 2
