"""Card keys are in the credential store alone: in no log, status, export or journal."""

import base64
from pathlib import Path

import pytest

from hwsim.lineup.badges import KEYS
from hwsim.lineup.stations import OSDP_KEY
from hwsim.lineup.trial import entrance
from hwsim.processes import run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

# A key of zeros would be found wherever nothing is.
SECRETS = [key for key in (*KEYS.values(), OSDP_KEY) if len(set(key)) > 2]


def forms(key: bytes) -> list[bytes]:
    """A key as a program may write it by mistake."""
    return [
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        key.hex(" ").encode(),
        key.hex(" ").upper().encode(),
        base64.b64encode(key).rstrip(b"="),
        repr(key).encode()[2:-1],
    ]


def holding(content: bytes) -> list[bytes]:
    return [key for key in SECRETS if any(form in content for form in forms(key))]


def test_no_key_is_written_anywhere(tmp_path: Path) -> None:
    assert len(SECRETS) >= 3
    with entrance(print) as at:
        config = at.terminal.directory / "agent.toml"
        (pcsc,) = [station for station in at.stations if station.family == "pcsc"]
        for presentation in pcsc.presentations:
            last = at.screen.count()
            with presentation.hold():
                assert at.screen.wait("pcsc", last, 20) is not None
        at.terminal.wait_delivered()
        export = tmp_path / "export.pointeuse"
        said = [
            run("agent", "status", "--json", "--config", config),
            run("agent", "credentials", "list", "--config", config),
            run("agent", "export", "--out", export, "--config", config),
        ]
        store = at.terminal.state / "credentials"
        kept = [path for path in store.iterdir() if holding(path.read_bytes())]
        assert kept, "the search finds no key where they are"
        files = [path for path in at.stack.directory.rglob("*") if path.is_file()]
        for path in [*files, export]:
            if path.parent != store:
                assert holding(path.read_bytes()) == [], path
    for words in said:
        assert holding(words.encode()) == []
