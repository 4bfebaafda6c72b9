"""The whole of Pointeuse on loopback: broker, platform and terminals, as real processes.

Everything is made with the commands an installer uses; nothing of it is simulated.
"""

import contextlib
import json
import secrets
import shutil
import socket
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from hwsim.errors import SimulatorError
from hwsim.processes import POINTEUSE, Process, free_port, listens, run, wait_for

OPERATOR = "operator@pointeuse.example"
"""The account of whoever runs the simulated platform."""
LONG_AGO = "2026-01-01T00:00:00Z"
_PLATFORM_TOML = """
[database]
url = "{database}"
[platform]
directory = "{directory}"
[broker]
host = "localhost"
port = {broker_port}
[api]
host = "127.0.0.1"
port = {api_port}
# Whoever waits for something here asks as often as it takes.
requests_per_s = 1000
burst = 10000
"""


class Terminal:
    """One terminal: its state directory, its configuration, its agent."""

    def __init__(
        self,
        name: str,
        directory: Path,
        platform: Path,
        broker_port: int,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.directory = name, directory
        self.state = directory / "state"
        self._config = directory / "agent.toml"
        self._broker_port = broker_port
        if not (self.state / "tls.crt").exists():
            run("provision", "terminal", self.state, "--platform", platform, env=env)
        shown = json.loads(run("provision", "show", self.state, "--json"))
        self.device: str = shown["device"]
        self.public_key: str = shown["public_key"]
        self.agent = Process(f"agent {name}", self.command, directory / "agent.log")

    @property
    def command(self) -> list[str]:
        """What starts its agent."""
        return [POINTEUSE, "agent", "run", "--config", str(self._config)]

    def configure(
        self,
        readers: str,
        *,
        uplink: str = "",
        gate: str = "",
        keeps_time: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Write its configuration: `readers` are `[[readers]]` tables in TOML.

        `uplink` and `gate` are further lines of those tables. `keeps_time`: whether its clock is
        right as it boots; that of the machine it is simulated on is.
        """
        self._config.write_text(
            f'[terminal]\nstate = "{self.state}"\nkeeps_time = {str(keeps_time).lower()}\n'
            f'[uplink]\nhost = "localhost"\nport = {self._broker_port}\n{uplink}\n'
            f"[gate]\n{gate}\n{readers}"
        )
        self.agent = Process(f"agent {self.name}", self.command, self.directory / "agent.log", env)

    def start(self) -> None:
        """Start its agent, and wait until it answers."""
        self.agent.start()
        self.agent.wait_ready(lambda: self.status() is not None)

    def status(self) -> dict[str, Any] | None:
        """What its agent says of itself; None when it does not answer."""
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(str(self.state / "status.sock"))
            peer.sendall(b'{"want": "status"}\n')
            with peer.makefile("rb") as file:
                found: dict[str, Any] = json.load(file)
                return found
        return None

    def wait_delivered(self, timeout_s: float = 60.0) -> None:
        """Wait until the platform has receipted all it holds. Raises SimulatorError."""
        wait_for(
            lambda: (self.status() or {"queue": 1})["queue"] == 0,
            f"terminal {self.name} still holds records without a receipt",
            timeout_s,
        )


class Stack:
    """Broker and platform in one directory, and terminals beside them. Use it in a `with` block."""

    def __init__(
        self,
        directory: Path,
        *,
        database: str | None = None,
        ingests: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`database` is a URL; a SQLite file in `directory` when None.

        `ingests` processes may take messages: on PostgreSQL more than one. `env` is added to the
        environment in which keys and certificates are made.
        """
        self._ingests, self._env = ingests, env
        self.directory = directory
        self.platform = directory / "platform"
        self.settings = directory / "platform.toml"
        self.broker_port = free_port()
        self.broker_seen_at = {"agents": self.broker_port, "platform": self.broker_port}
        """The ports at which they look for the broker: others when something stands between."""
        self.api_port = _port_of_last_time(self.settings) or free_port()
        self.database = database or f"sqlite:///{directory / 'platform.sqlite'}"
        self.terminals: dict[str, Terminal] = {}
        self._processes: list[Process] = []
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.api_port}"

    def prepare(self) -> None:
        """Make keys, certificates, the broker's settings and the database; again is harmless."""
        run(
            "provision", "platform", self.platform,
            "--broker-host", "localhost", "--broker-port", str(self.broker_port),
            "--ingests", str(self._ingests), env=self._env,
        )  # fmt: skip
        self.settings.write_text(
            _PLATFORM_TOML.format(
                database=self.database,
                directory=self.platform,
                broker_port=self.broker_seen_at["platform"],
                api_port=self.api_port,
            )
        )
        run("cloud", "migrate", "--config", self.settings)

    def add_terminal(self, name: str) -> Terminal:
        """Enrol a terminal (or find it enrolled); its agent is not started yet."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        port = self.broker_seen_at["agents"]
        terminal = Terminal(name, directory, self.platform, port, self._env)
        self.terminals[name] = terminal
        return terminal

    def load(self, world: Path) -> None:
        """Load companies, sites, workers, badges, terminals and assignments from TOML."""
        run("cloud", "load", world, "--config", self.settings)

    def register(self, terminal: Terminal, *, since: str = LONG_AGO) -> None:
        """Enter one terminal at the one site of one company, made up for it, from `since` on."""
        company, division, site = "BE 0880.000.034", "Noord", "Kaai"
        steps = [
            ["company", "add", "--vat", company, "--name", "Bouwwerken"],
            ["company", "site", "--company", company, "--division", division, "--site", site],
            ["terminal", "add", "--key", terminal.public_key],
            ["terminal", "assign", terminal.device, "--company", company,
             "--division", division, "--site", site, "--from", since],
        ]  # fmt: skip
        for step in steps:
            run("cloud", *step, "--config", self.settings)

    def start_broker(self) -> Process:
        """Start Mosquitto."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise SimulatorError("there is no mosquitto here: apt-get install mosquitto")
        broker = self._process("mosquitto", [program, "-c", str(self.platform / "mosquitto.conf")])
        broker.wait_ready(lambda: listens(self.broker_port))
        return broker

    def start_ingest(self, worker: int = 1) -> Process:
        """Start a process of ingest and interpretation, and wait until it takes messages."""
        name = "ingest" if worker == 1 else f"ingest-{worker}"
        log = self.directory / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0
        command = [POINTEUSE, "cloud", "ingest", "--config", str(self.settings)]
        ingest = self._process(name, [*command, "--worker", str(worker)])
        ingest.wait_ready(lambda: b"ready" in log.read_bytes()[before:])
        return ingest

    def start_api(self) -> Process:
        """Start the API and the console."""
        api = self._process("serve", [POINTEUSE, "cloud", "serve", "--config", str(self.settings)])
        api.wait_ready(lambda: listens(self.api_port))
        return api

    def get(self, path: str) -> Any:
        """A JSON document of the API, as the operator's programs see it."""
        try:
            return self._get(path)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.UNAUTHORIZED:
                raise
        # A restored database knows the tokens of its time only.
        del self._token
        return self._get(path)

    def _get(self, path: str) -> Any:
        headers = {"authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    @cached_property
    def _token(self) -> str:
        """A token of the operator; nobody waits for it to be made who does not read the API."""
        words = ["--name", "simulator", "--operator", "--whole-badges", "--json"]
        for kind in ("companies", "custody", "registrations", "terminals"):
            words += ["--scope", f"{kind}:read"]
        made = json.loads(run("cloud", "token", "add", *words, "--config", self.settings))
        return str(made[0]["token"])

    def operator_password(self) -> str:
        """What OPERATOR logs in to the console with; the account is made the first time."""
        kept = self.directory / "operator-password"
        if not kept.exists():
            place = ("--config", self.settings)
            password = secrets.token_urlsafe(12)
            try:
                run("cloud", "account", "add", OPERATOR, "--name", "Operator", "--operator", *place)
            except SimulatorError as error:
                # It may have been made just before the last time was interrupted.
                if "already" not in str(error):
                    raise
            run("cloud", "account", "password", OPERATOR, "--stdin", *place, given=password)
            kept.touch(0o600)
            kept.write_text(password)
        return kept.read_text()

    def registrations(self) -> list[dict[str, Any]]:
        """Every registration the platform shows, oldest first, badge numbers whole."""
        found: list[dict[str, Any]] = []
        path = "/v1/registrations?badge=full&limit=500"
        while True:
            page = self.get(path)
            found += page["items"]
            if not page.get("next"):
                return sorted(found, key=lambda each: (each["device"], each["seq"]))
            path = f"/v1/registrations?badge=full&limit=500&cursor={page['next']}"

    def wait_settled(self, count: int, timeout_s: float = 30.0) -> None:
        """Wait until there are `count` registrations and none changes any more.

        With fewer it returns all the same once the time is up: counting them is the caller's.
        """
        deadline = time.monotonic() + timeout_s
        before: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            time.sleep(0.5)
            found = self.registrations()
            if len(found) >= count and found == before:
                return
            before = found

    def stop(self) -> None:
        """Stop everything, terminals first, in the order that loses the least time."""
        for terminal in self.terminals.values():
            terminal.agent.stop()
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()

    def _process(self, name: str, command: Sequence[str]) -> Process:
        process = Process(name, command, self.directory / f"{name}.log")
        self._processes.append(process)
        process.start()
        return process


def _port_of_last_time(settings: Path) -> int | None:
    """Where the page was, if nobody has taken that since: a page left open goes on there."""
    try:
        port: int = tomllib.loads(settings.read_text())["api"]["port"]
        with socket.socket() as probe:
            # As whoever serves it does: connections of the last time are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return port
