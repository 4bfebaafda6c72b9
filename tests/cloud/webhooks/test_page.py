"""The receiver on the page on webhooks, run as it stands there, against a courier."""

import re
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.times import now_ms
from cloud.webhooks import deliveries, events
from cloud.webhooks.tables import webhooks
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Clock, Post

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


class Serving(HTTPServer):
    """One that says where it is, and can be stopped: the page's is served for ever."""

    last: "Serving"

    def serve_forever(self, poll_interval: float = 0.01) -> None:
        Serving.last = self
        threading.Thread(target=super().serve_forever, args=(poll_interval,), daemon=True).start()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs the page's receiver with a secret; what it has seen."""
    (found,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.setattr("http.server.HTTPServer", Serving)
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.log_message", lambda *_: None)

    def run(secret: str) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        exec(found, {"SECRET": secret, "PORT": 0, "seen": seen})  # noqa: S102 - the page's own
        return seen

    yield run
    Serving.last.shutdown()
    Serving.last.server_close()


def test_the_receiver_of_the_page_takes_what_is_sent(
    post: Post, gates: Gates, example: Any, clock: Clock
) -> None:
    clock.ms = now_ms()
    webhook, secret = post.webhook(url="http://localhost:1/")
    seen = example(secret)
    with post.engine.begin() as conn:
        url = f"http://localhost:{Serving.last.server_port}/"
        conn.execute(webhooks.update().values(url=url))
    number = gates.tap("08:00")
    assert post.courier.once() == 1
    ((message, event),) = seen.items()
    assert (event.type, event.data["id"]) == ("registration.created", number)
    (row,) = post.deliveries()
    assert row.message == message
    forged = httpx.post(url, content=row.body, headers={"webhook-id": "msg_x"})
    assert (forged.status_code, list(seen)) == (400, [message])
    assert webhook == row.webhook_id


def test_the_page_has_every_event_and_every_wait() -> None:
    for event in events.Event:
        assert f"| `{event.value}` |" in PAGE
    hours = [f"{ms // 3_600_000} h" for ms in deliveries.WAITS_MS[3:]]
    assert ", ".join(["5 s", "5 min", "30 min", *hours]) in PAGE
    assert deliveries.WAITS_MS[:3] == (5_000, 5 * 60_000, 30 * 60_000)
