"""What the panel's server takes, and what it says to what it does not take."""

import json
from typing import Any, cast

import httpx
import pytest

from hwsim.errors import SimulatorError
from hwsim.panel.controls import Controls
from hwsim.panel.server import create_app
from hwsim.panel.watch import Watch
from tests.cloud.client import Client

PORT = 4711
HEADERS = {
    "host": f"127.0.0.1:{PORT}",
    "origin": f"http://127.0.0.1:{PORT}",
    "content-type": "application/json",
}


class Asked:
    """Controls that note what they are asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def hold(self, reader: str, badge: str) -> str:
        self.asked.append(("hold", reader, badge))
        if reader == "none":
            raise SimulatorError("there is no such reader or badge")
        return f"{reader}: recorded"

    def plug(self, reader: str, on: bool) -> str:
        self.asked.append(("plug", reader, on))
        return f"{reader} unplugged"

    def switch(self, name: str, on: bool) -> str:
        self.asked.append(("switch", name, on))
        return f"{name} there again"

    def set_clock(self, how: str) -> str:
        self.asked.append(("clock", how))
        return f"clock {how}"


class Changing:
    """A watch whose state changes at the fifth look at it, and that ends at the tenth."""

    def __init__(self) -> None:
        self.version, self.state, self._looks = 1, '{"n": 1}', 0

    @property
    def stopped(self) -> bool:
        self._looks += 1
        if self._looks == 5:
            self.version, self.state = 2, '{"n": 2}'
        return self._looks == 10


class Server:
    def __init__(self) -> None:
        self.controls, self.watch = Asked(), Changing()
        self.client = Client(
            create_app(
                cast("Watch", self.watch), cast("Controls", self.controls), [{"key": "valid"}], PORT
            )
        )

    def post(self, path: str, body: bytes) -> httpx.Response:
        return self.client.request("POST", path, content=body, headers=HEADERS)


@pytest.fixture
def server() -> Server:
    return Server()


def test_clicks_reach_the_controls(server: Server) -> None:
    clicks: dict[str, dict[str, Any]] = {
        "/hold": {"reader": "gate", "badge": "valid"},
        "/plug": {"reader": "gate", "on": False},
        "/switch": {"name": "power", "on": True},
        "/clock": {"how": "unset"},
    }
    answers = [server.post(path, json.dumps(body).encode()) for path, body in clicks.items()]
    assert [answer.json() for answer in answers] == [
        {"said": "gate: recorded"},
        {"said": "gate unplugged"},
        {"said": "power there again"},
        {"said": "clock unset"},
    ]
    assert server.controls.asked == [
        ("hold", "gate", "valid"),
        ("plug", "gate", False),
        ("switch", "power", True),
        ("clock", "unset"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/hold", b'{"reader": "none", "badge": "valid"}', 409),
        ("/hold", b'{"reader": "gate"}', 409),
        ("/hold", b'{"reader": 1, "badge": "valid"}', 409),
        ("/plug", b'{"reader": "gate", "on": 1}', 409),
        ("/hold", b"[]", 400),
        ("/hold", b"", 400),
        ("/hold", b"\xff\xfe", 400),
        ("/hold", b"[" * 999, 400),
        ("/hold", b" " * 1001, 413),
        ("/nothing", b"{}", 404),
    ],
)
def test_what_is_wrong_is_one_sentence(server: Server, path: str, body: bytes, status: int) -> None:
    answer = server.post(path, body)
    assert answer.status_code == status
    if status != 404:
        assert answer.json()["detail"]
    assert server.controls.asked in ([], [("hold", "none", "valid")])


def test_a_page_cannot_be_made_to_click_by_a_link(server: Server) -> None:
    for path in ("/hold", "/plug", "/switch", "/clock"):
        assert server.client.get(path, headers=HEADERS).status_code == 405


def test_files_and_badges_are_served_with_their_types(server: Server) -> None:
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/panel.css", "text/css; charset=utf-8"),
        ("/panel.js", "text/javascript; charset=utf-8"),
        ("/readers.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/hand", "application/json"),
    ):
        answer = server.client.get(path, headers=HEADERS)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


def test_each_change_is_told_once(server: Server) -> None:
    answer = server.client.get("/events", headers=HEADERS)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == 'data: {"n": 1}\n\ndata: {"n": 2}\n\n'
