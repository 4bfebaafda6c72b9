"""`pointeuse cloud disclose` as a person types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloud import db
from cloud.cli import cloud
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from protocol.disclosure import Disclosure
from protocol.identity import group
from protocol.keyfiles import save_private_key
from tests.cloud.terminal import FakeTerminal


class Platform:
    """A platform's directory, its database, and one terminal with two taps in it."""

    def __init__(self, url: str, directory: Path) -> None:
        self.terminal = FakeTerminal()
        (directory / "keys").mkdir()
        save_private_key(directory / "keys" / "sealing.key", self.terminal.platform)
        self.config = directory / "cloud.toml"
        self.config.write_text(
            f'[database]\nurl = "{url}"\n[platform]\ndirectory = "{directory}"\n'
        )
        engine = db.writer_engine(url)
        with engine.begin() as conn:
            self.terminal.register(conn)
        self.terminal.tap("0123456789")
        self.terminal.tap("9876543210")
        message = Incoming(self.terminal.device, "records", self.terminal.batch())
        Custody(engine, directory, generation=1).accept([message])
        Interpreter(engine, [self.terminal.platform]).run_to_end()
        engine.dispose()
        self.out = directory / "out"

    def run(self, *words: Any) -> Result:
        place = ["--config", str(self.config), "--out", str(self.out)]
        return CliRunner().invoke(cloud, ["disclose", *(str(word) for word in words), *place])

    def number(self) -> str | None:
        """The badge number that the file opens to, for who has the terminal's public key."""
        _, badge = Disclosure.decode(self.out.read_bytes()).verify(self.terminal.key.public)
        return None if badge is None else badge.number


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Platform:
    return Platform(database_url, tmp_path)


def test_by_registration_or_by_place_twice(platform: Platform) -> None:
    for _ in range(2):
        result = platform.run("--registration", 2)
        assert result.exit_code == 0, result.output
        assert "9876543210" not in result.output
        assert platform.number() == "9876543210"
        assert platform.out.stat().st_mode & 0o777 == 0o600
    device = group(platform.terminal.device)
    place = ["--terminal", device, "--epoch", platform.terminal.epoch.hex(), "--seq", 3]
    result = platform.run(*place, "--json")
    assert json.loads(result.stdout) == {
        "file": str(platform.out),
        "device": device,
        "epoch": platform.terminal.epoch.hex(),
        "seq": 3,
        "carried_by": None,
        "opened": True,
    }
    assert platform.number() == "0123456789"
    result = platform.run(*place[:-1], 1)
    assert "names nobody" in result.output
    assert platform.number() is None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--registration", 1, "--seq", 3],
        ["--terminal", "x", "--seq", 3],
        ["--registration", 0],
    ],
)
def test_what_is_asked_must_be_clear(platform: Platform, words: list[Any]) -> None:
    assert platform.run(*words).exit_code == 2
    assert not platform.out.exists()


def test_refusals_are_one_line_and_write_nothing(platform: Platform) -> None:
    device = group(platform.terminal.device)
    epoch = platform.terminal.epoch.hex()
    for words, says in (
        (["--registration", 99], "there is no registration 99"),
        (["--terminal", device, "--epoch", "00", "--seq", 1], "'00' is no epoch"),
        (["--terminal", device, "--epoch", epoch, "--seq", 9], "is not in custody"),
        (["--terminal", "12345-12345-1", "--epoch", epoch, "--seq", 1], "device number"),
    ):
        result = platform.run(*words)
        assert result.exit_code == 2
        assert says in result.stderr
        assert result.stderr.count("\n") == 1
        assert not platform.out.exists()
    platform.out = platform.out / "nowhere" / "file"
    assert "cannot write" in platform.run("--registration", 1).stderr
