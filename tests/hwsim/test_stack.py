"""What the simulated platform keeps from one time to the next."""

import socket
from pathlib import Path
from typing import Any

import pytest

from hwsim.errors import SimulatorError
from hwsim.stack import Stack


class Commands:
    """`pointeuse` commands as they are run; one that is named fails with these words."""

    def __init__(self, failing: str = "", words: str = "") -> None:
        self.run: list[tuple[Any, ...]] = []
        self._failing, self._words = failing, words

    def __call__(self, *words: Any, given: str = "") -> str:
        self.run.append((*words[1:3], given))
        if self._failing and self._failing in words:
            raise SimulatorError(self._words)
        return ""


def test_an_operator_whose_password_was_not_kept_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands("add", "there is an account for it already; log in with it")
    monkeypatch.setattr("hwsim.stack.run", commands)
    password = Stack(tmp_path).operator_password()
    assert commands.run == [("account", "add", ""), ("account", "password", password)]
    assert Stack(tmp_path).operator_password() == password
    assert len(commands.run) == 2


def test_an_operator_who_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwsim.stack.run", Commands("add", "the disk is full"))
    with pytest.raises(SimulatorError, match="the disk is full"):
        Stack(tmp_path).operator_password()
    assert not list(tmp_path.iterdir())


def test_the_page_stays_where_it_was_while_nobody_else_is_there(tmp_path: Path) -> None:
    first = Stack(tmp_path).api_port
    (tmp_path / "platform.toml").write_text(f"[api]\nport = {first}\n")
    assert Stack(tmp_path).api_port == first
    with socket.create_server(("127.0.0.1", first)):
        assert Stack(tmp_path).api_port != first
    for unusable in ("", "[api]\n", "[api", '[api]\nport = "x"\n', "[api]\nport = 70000\n"):
        (tmp_path / "platform.toml").write_text(unusable)
        assert Stack(tmp_path).api_port > 0
