"""Nobody but the panel's own page is obeyed."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hwsim.panel.guard import Guard
from tests.cloud.client import Client

HOST, ORIGIN = "localhost", "http://localhost"
JSON = "application/json"


@pytest.fixture
def client() -> Client:
    async def done(_: Request) -> PlainTextResponse:
        return PlainTextResponse("done")

    app = Starlette(
        routes=[Route("/", done, methods=["GET", "POST", "DELETE"]), Route("/events", done)]
    )
    return Client(Guard(app, [HOST]))


def test_its_own_page_is_obeyed(client: Client) -> None:
    assert client.get("/").text == "done"
    assert (
        client.request("POST", "/", headers={"origin": ORIGIN, "content-type": JSON}).text == "done"
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", ["evil.example", "localhost:4712", "127.0.0.1", ""])
def test_another_name_is_refused(client: Client, method: str, host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}", "content-type": JSON}
    assert client.request(method, "/", headers=headers).status_code == 421


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:4712"])
def test_another_origin_is_refused(client: Client, method: str, origin: str | None) -> None:
    headers = {"content-type": JSON} | ({"origin": origin} if origin else {})
    assert client.request(method, "/", headers=headers).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_may_lead_here_and_follows_nothing(client: Client, site: str) -> None:
    assert client.get("/", headers={"sec-fetch-site": site}).status_code == 200
    assert client.get("/events", headers={"sec-fetch-site": site}).status_code == 403
    for own in ("same-origin", "none"):
        assert client.get("/events", headers={"sec-fetch-site": own}).status_code == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_form_can_send_is_refused(client: Client, kind: str | None) -> None:
    headers = {"origin": ORIGIN} | ({"content-type": kind} if kind else {})
    assert client.request("POST", "/", headers=headers).status_code == 415


def test_every_answer_has_the_policy(client: Client) -> None:
    answers = [
        client.get("/"),
        client.request("POST", "/"),
        client.get("/", headers={"host": "evil"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
