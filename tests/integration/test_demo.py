"""The demonstration's scenario, on real parts: the whole path at once."""

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hwsim.demo.outcome import FIELDS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
POINTEUSE = Path(sys.executable).with_name("pointeuse")


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    done = subprocess.run(
        [POINTEUSE, "sim", "demo", "--once", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_no_tap_is_lost_doubled_or_misattributed(played: dict[str, Any]) -> None:
    assert played["taps"] >= 200
    assert (played["lost"], played["duplicates"], played["misattributed"]) == (0, 0, 0)
    assert len(played["registrations"]) == played["taps"]


def test_every_field_is_there(played: dict[str, Any]) -> None:
    assert {tuple(registration) for registration in played["registrations"]} == {FIELDS}


def test_the_scenario_meets_what_it_should(played: dict[str, Any]) -> None:
    found = played["registrations"]
    assert {r["assurance"] for r in found} == {"uid", "printed"}
    assert {r["direction"] for r in found} == {"in", "out", "auto"}
    assert {r["site"] for r in found} == {
        "Kaai 12", "Station Dampoort", "Citadelle", "Quai de Rome",
    }  # fmt: skip
    assert {r["private_company"] for r in found} == {True, False}
    assert {r["worker"] is None for r in found} == {True, False}
    assert all(r["tapped_at"][-6] in "+-" for r in found)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose path leaves room for sockets in it; pytest's own does not."""
    with tempfile.TemporaryDirectory(prefix="demo-") as directory:
        yield Path(directory)


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGTERM, "five terminals get theirs"),
        (signal.SIGHUP, "broker, platform and terminals start"),
        (signal.SIGINT, "a shift arrives"),
    ],
)
def test_a_signal_stops_everything_it_started(
    number: signal.Signals, step: str, short_path: Path
) -> None:
    # Ctrl-C reaches every process in the foreground, so the whole group gets the signal.
    with subprocess.Popen(
        [POINTEUSE, "sim", "demo", "--once"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(short_path)},
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if step in line:
                break
        os.killpg(demo.pid, number)
        # Somebody is impatient.
        os.killpg(demo.pid, number)
        demo.stderr.read()
        assert demo.wait() == 130
    assert _running(short_path) == []
    assert list(short_path.iterdir()) == []


def _running(directory: Path) -> list[str]:
    """Command lines of the processes that work in a directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(directory) in command:
                found.append(command)
    return found


def test_every_login_it_prints_is_let_in(short_path: Path) -> None:
    command: list[str | Path] = [POINTEUSE, "sim", "demo", "--directory", short_path / "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout is not None
        said = "".join(itertools.takewhile(lambda line: "Ctrl-C" not in line, demo.stdout))
        found = [_log_in(said, email) for email in re.findall(r"^ +(\S+@\S+)", said, re.MULTILINE)]
        demo.terminate()
        assert demo.wait() == 0
    assert found == ["Operator", "An Peeters", "Luc Lambert", "Eva Schmitz", "Kim Janssens",
                     "Marie Dubois"]  # fmt: skip


def _log_in(said: str, email: str) -> str:
    """Whom the page greets that an account reaches with what the demonstration printed."""
    (url,), (password,) = re.findall(r"http\S+", said), re.findall(r"password (\S+)", said)
    with httpx.Client(base_url=url, follow_redirects=True) as browser:
        answer = browser.post(
            "/login", data={"email": email, "password": password}, headers={"origin": url}
        )
        cookie = answer.history[0].cookies["__Host-pointeuse"]
        page = browser.get("/", headers={"cookie": f"__Host-pointeuse={cookie}"})
    assert page.status_code == 200
    names = ["Operator", "An Peeters", "Luc Lambert", "Eva Schmitz", "Kim Janssens", "Marie Dubois"]
    (greeted,) = [name for name in names if name in page.text]
    return greeted
