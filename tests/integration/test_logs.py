"""What all the processes log, as much as they can: no INSS, badge number, password or token."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import pytest

from hwsim.processes import POINTEUSE, Process, run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

INSS, NAME = "85073003328", "Vandenborre"
BADGES = ("0A1B2C3D4E", "04A1B2C3D4")
PASSWORD, WRONG = "geel-paard-leest-wolken", "grijs-paard-leest-niets"


class Site:
    """Broker, ingest, API and a terminal, all of which say as much as they can."""

    def __init__(self, stack: Stack, reader: SerialReader) -> None:
        self.stack, self.reader = stack, reader
        stack.prepare()
        terminal = stack.add_terminal("gate")
        stack.register(terminal)
        stack.start_broker()
        place = ["--config", str(stack.settings)]
        log = stack.directory / "ingest.log"
        self.ingest = Process("ingest", [POINTEUSE, "cloud", "ingest", "-v", *place], log)
        self.ingest.start()
        self.ingest.wait_ready(lambda: b"ready" in log.read_bytes())
        stack.start_api()
        terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n'
        )
        log = terminal.directory / "agent.log"
        terminal.agent = Process("agent", [*terminal.command, "-v"], log)
        terminal.start()
        assert reader.opened()
        self.terminal = terminal
        browser = urllib.request.HTTPCookieProcessor(
            CookieJar(DefaultCookiePolicy(secure_protocols=("http",)))
        )
        self._browser = urllib.request.build_opener(browser)

    def cloud(self, *words: str, given: str = "") -> str:
        return run("cloud", *words, "--config", self.stack.settings, given=given)

    def post(self, path: str, **form: str) -> str:
        """Where it leads, or what it says."""
        data = urllib.parse.urlencode(form).encode()
        url = self.stack.url + path
        headers = {"origin": self.stack.url}
        asked = urllib.request.Request(url, data, headers)  # noqa: S310 - loopback
        try:
            with self._browser.open(asked, timeout=30) as answer:
                return str(answer.url)
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def logs(self) -> str:
        found = sorted(self.stack.directory.rglob("*.log"))
        assert {path.name for path in found} >= {"agent.log", "ingest.log", "serve.log"}
        return "\n".join(path.read_text(errors="replace") for path in found)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with (
        Stack(tmp_path / "stack") as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        site = Site(stack, reader)
        yield site
        site.ingest.stop()


def test_no_log_names_anybody(site: Site) -> None:
    stack, email = site.stack, "boss@example.be"
    company = ["--company", "Bouwwerken"]
    site.cloud("account", "add", email, "--name", "Boss")
    site.cloud("account", "grant", email, *company, "--role", "administrator")
    site.cloud("account", "password", email, "--stdin", given=PASSWORD)
    site.cloud("terminal", "configure", site.terminal.device, "--block", f"em4100:{BADGES[1]}")
    for badge in BADGES:
        site.reader.present(badge)
        site.reader.wrong_checksum(badge)
    stack.wait_settled(2)
    assert {each["badge"] for each in stack.registrations()} == set(BADGES)
    assert "login" in site.post("/login", email=email, password=WRONG)
    assert site.post("/login", email=email, password=PASSWORD) == f"{stack.url}/"
    person = {"number": "70", "given_name": "Ann", "family_name": NAME, "inss_number": INSS}
    worker = site.post("/workers/new", **person)
    assert re.search(r"/workers/\d+$", worker), worker
    path = worker.removeprefix(stack.url)
    assert site.post(f"{path}/badges", profile="em4100", badge_number=BADGES[0]) == worker
    assert site.post("/workers/find", number=INSS) == worker
    token = json.loads(site.cloud("token", "add", "--name", "t", *company, "--json"))[0]["token"]
    ask = urllib.request.Request(f"{stack.url}/v1/workers?x={BADGES[0]}")  # noqa: S310 - loopback
    ask.add_header("authorization", f"Bearer {token}")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(ask, timeout=30)  # noqa: S310 - loopback
    site.terminal.wait_delivered()
    # What was linked is attributed again, which ingest may log.
    wait_for(lambda: {each["worker"] for each in stack.registrations()} != {None}, "no worker")
    text = site.logs()
    assert "INFO pointeuse" in text
    for word in (INSS, "85.07.30", *BADGES, NAME, PASSWORD, WRONG, token):
        assert word.lower() not in text.lower(), word
