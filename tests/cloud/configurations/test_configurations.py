"""What is set on terminals: numbered, checked, told once, under the keys of the moment."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, func, select

from cloud.cli import cloud
from cloud.configurations import service, toml
from cloud.configurations.publishing import Publisher
from cloud.configurations.tables import configurations
from cloud.errors import InvalidError
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.terminals.queries import terminal_id
from protocol import cose
from protocol.configuration import Configuration
from protocol.configured import Configured
from protocol.hello import Hello
from protocol.keys import SigningKey
from protocol.seals import SealingKey
from tests.cloud.terminal import FakeTerminal

_BADGE = "uid:04:a1:b2:c3:d4:e5:f6"
_NORMAL = ("uid", "04A1B2C3D4E5F6")


class Setup:
    """One terminal that says hello to custody, and who publishes to it."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine, self.terminal = engine, FakeTerminal()
        self.key, self.mine = SigningKey.generate(), SealingKey.generate()
        self.publisher = Publisher(engine, self.key)
        self.custody = Custody(engine, directory, generation=1)
        with engine.begin() as conn:
            self.terminal.register(conn, "active")

    def hello(self, in_force: int) -> list[tuple[str, bytes]]:
        hello = Hello(self.terminal.thumbprint, bytes(16), 0, 0, [], self.mine.public.raw, in_force)
        device = self.terminal.device
        self.custody.accept([Incoming(device, "hello", hello.sign(self.terminal.key))])
        return self.publisher.due({device})

    def change(self, words: str | None = None, *block: str) -> service.State:
        with self.engine.begin() as conn:
            return service.change(
                conn,
                terminal_id(conn, self.terminal.device),
                lambda before: service.with_badges(
                    toml.changed(before, words, None), map(toml.badge, block)
                ),
            )

    def open(self, message: bytes) -> Configuration:
        return Configuration.verify(
            message,
            cose.keyring([self.key.public]),
            terminal=self.terminal.thumbprint,
            newer_than=0,
            sealing_key=self.mine,
        )


@pytest.fixture
def setup(engine: Engine, tmp_path: Path) -> Setup:
    return Setup(engine, tmp_path)


def test_a_terminal_is_told_once_while_online_and_again_when_it_greets(setup: Setup) -> None:
    assert setup.hello(0) == []
    assert setup.publisher.due() == []
    assert setup.change(None, _BADGE).number == 1
    ((device, message),) = setup.publisher.due()
    assert device == setup.terminal.device
    configured = Configured.decode(setup.open(message).body)
    assert configured.blocked is not None
    assert _NORMAL in configured.blocked
    assert setup.publisher.due() == []
    ((_, again),) = setup.hello(0)
    assert setup.open(again).number == 1
    assert setup.hello(1) == []
    assert setup.change("[gate]\ndebounce_s = 2.0\n").number == 2
    ((_, second),) = setup.publisher.due()
    assert Configured.decode(setup.open(second).body).blocked == configured.blocked
    setup.publisher.forget()
    assert len(setup.publisher.due()) == 1


def test_nobody_is_told_before_it_named_its_key_and_nobody_who_is_banned(setup: Setup) -> None:
    from cloud.terminals.service import set_status

    setup.change(None, _BADGE)
    assert setup.publisher.due() == []
    assert len(setup.hello(0)) == 1
    with setup.engine.begin() as conn:
        set_status(conn, terminal_id(conn, setup.terminal.device), "banned")
    setup.publisher.forget()
    assert setup.publisher.due() == []


def test_a_change_that_changes_nothing_has_no_number(setup: Setup) -> None:
    assert [setup.change(None, _BADGE).number for _ in range(2)] == [1, 1]
    with setup.engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(configurations)).scalar() == 1


def test_a_restored_platform_does_not_repeat_a_number(setup: Setup) -> None:
    setup.hello(41)
    assert setup.change(None, _BADGE).number == 42


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("[gate", "is not TOML"),
        ("[gate]\ncolour = 1\n", "colour"),
        ('[gate]\nleast_assurance = "sure"\n', "least_assurance = 'sure'"),
    ],
)
def test_what_no_terminal_would_take_is_refused_here(setup: Setup, words: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        setup.change(words)
    with pytest.raises(InvalidError, match="PROFILE:NUMBER"):
        setup.change(None, "04A1B2C3D4E5F6")


def test_on_the_command_line(setup: Setup, database_url: str, tmp_path: Path) -> None:
    def run(*options: str) -> dict[str, object]:
        words = ["terminal", "configure", setup.terminal.device, "--db", database_url, "--json"]
        result = CliRunner().invoke(cloud, [*words, *options])
        assert result.exit_code == 0, result.output
        (line,) = json.loads(result.output)
        return {name: value for name, value in line.items() if name != "device"}

    empty = {"number": 0, "in_force": 0, "least_assurance": None, "debounce_s": None, "blocked": 0}
    assert run() == empty
    file, badges = tmp_path / "gate.toml", tmp_path / "badges"
    file.write_text("[gate]\ndebounce_s = 5.0\n")
    badges.write_text("em4100:0000000001\n\nem4100:0000000002\n")
    both = {"--file": file, "--block-file": badges}
    options = [str(word) for pair in both.items() for word in pair]
    first = empty | {"number": 1, "debounce_s": 5.0, "blocked": 2}
    assert run(*options) == first
    assert run(*options) == first
    second = first | {"number": 2, "least_assurance": "read", "blocked": 1}
    assert run("--least-assurance", "read", "--unblock", "em4100:0000000002") == second
    assert run("--least-assurance", "none") == second | {"number": 3, "least_assurance": None}
    assert run()["number"] == 3
