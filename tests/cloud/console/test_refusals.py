"""What is refused is a page for a browser, and a problem for a program."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cloud.workers import queries
from tests.cloud.console.company import Company
from tests.cloud.console.sending import send_on

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "origin": "http://localhost"}


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nowhere", 404, "There is nothing here for you"),
        ("GET", "/workers/999999", 404, "There is nothing here for you"),
        ("GET", "/divisions/new", 403, "This is not yours to do"),
        ("POST", "/divisions", 405, "This is not asked that way"),
        ("GET", "/workers?after=x", 422, "That cannot be meant"),
    ],
)
def test_a_browser_is_shown_a_page(
    company: Company, reader: Engine, method: str, path: str, status: int, title: str
) -> None:
    viewer = company.browser(reader, "viewer")
    page = viewer.request(method, path, headers=BROWSER)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert f"<h1>{title}</h1>" in page.text
    problem = viewer.request(method, path, headers={"origin": "http://localhost"})
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    # The same sentence, whoever asks.
    assert problem.json()["detail"].replace("'", "&#39;") in page.text
    assert viewer.request("GET", "/v1/workers", headers=BROWSER).headers["content-type"] == (
        "application/problem+json"
    )


def test_nobody_is_sent_to_log_in_all_the_same(company: Company, reader: Engine) -> None:
    answer = company.browser(reader, None).request("GET", "/divisions", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (OperationalError("SELECT", None, Exception("gone")), 503, "Try again in a moment"),
        (RuntimeError("secret"), 500, "Something went wrong here"),
    ],
)
def test_a_failure_tells_nothing_of_itself(
    company: Company,
    reader: Engine,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    title: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(queries, "search", fail)
    page = company.browser(reader, "viewer").request("GET", "/workers", headers=BROWSER)
    assert (page.status_code, f"<h1>{title}</h1>" in page.text) == (status, True)
    assert "secret" not in page.text
    assert "SELECT" not in page.text


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("told", [True, False])
def test_a_page_is_sent_too_much_and_read_to_its_end(
    company: Company, reader: Engine, told: bool
) -> None:
    """Answered before, a browser would show a broken connection; a program is told at once."""
    browser = company.browser(reader, None)
    if told:
        browser.headers["content-length"] = "2000000"
    answer, read = send_on(browser, "/login", b"email=", kind=FORM, language="fr", size=2_000_000)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (413, "text/html")
    assert "Plus de 64 KiB" in answer.text
    assert read >= 2_000_000
    again, _ = send_on(browser, "/login", b"e", kind=FORM, accept="*/*", size=2_000_000)
    assert again.headers["content-type"] == "application/problem+json"
    program, read = send_on(browser, "/v1/workers", b"{", kind="application/json", size=2_000_000)
    assert program.headers["content-type"] == "application/problem+json"
    assert read < 2_000_000


def test_what_another_site_sends_is_refused_by_a_page(company: Company, reader: Engine) -> None:
    browser = company.browser(reader, "viewer")
    sent = {"accept": "text/html", "accept-language": "nl", "origin": "https://evil.example"}
    answer = browser.request("POST", "/logout", headers=sent)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (403, "text/html")
    assert "van een andere site" in answer.text
    assert browser.request("GET", "/").status_code == 200
