"""The client against a running `pointeuse cloud serve`, and against one that has bad days."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import Engine

from cloud.accounts import api_tokens
from cloud.accounts.scopes import OPERATOR_S, Scope
from cloud.api_client.client import ApiError, Client
from cloud.api_client.receiving import Event, verify
from tests.cloud.sample import Sample
from tests.cloud.webhooks.receiver import Receiver
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_for

WHOLE = frozenset(Scope) - OPERATOR_S


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        sample = Sample(conn)
        for _ in range(3):
            sample.tap(conn)
        return sample


@pytest.fixture
def token(engine: Engine, sample: Sample) -> str:
    with engine.begin() as conn:
        return api_tokens.make(conn, "client", company=sample.subcontractor, may=WHOLE)[1]


@pytest.fixture
def address(database_url: str, tmp_path: Path, sample: Sample) -> Iterator[str]:
    assert sample.worker
    port = free_port()
    config = tmp_path / "cloud.toml"
    (tmp_path / "platform" / "keys").mkdir(parents=True)
    config.write_text(
        f'[database]\nurl = "{database_url}"\n[api]\nport = {port}\n'
        f'[platform]\ndirectory = "{tmp_path / "platform"}"\n'
        "[webhooks]\nallow_http_on_loopback = true\n"
    )
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from cloud.cli import cloud; cloud()",
            "serve", "--config", str(config),
        ],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        wait_for(lambda: process.poll() is not None or listens(port), "the server starts")
        assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.integration
def test_a_program_s_day(address: str, token: str, sample: Sample) -> None:
    with Client(address, token) as api:
        found = list(api.registrations(limit=2, order="oldest"))
        assert [each.id for each in found] == [1, 2, 3]
        assert found[0].worker == "Ann Maes"
        assert list(api.terminals()) == []
        made = api.create_worker("9", "Bo", "Bos", inss="85073003328")
        assert made.inss == "••.••.••-033.••"
        assert api.link_badge(made.id, "uid", "04A1B2C3").number == "…B2C3"
        gone = api.change_worker(api.worker(made.id), active=False)
        assert not gone.active
        with pytest.raises(ApiError, match="Somebody else changed this") as refused:
            api.change_worker(made, given_name="Bob")
        assert refused.value.status == 412
        assert [each.number for each in api.workers(state="active")] == ["7"]
        assert api.explain_worker("9").visible is False
        badge = api.worker(sample.worker).badges[0]
        assert badge.profile == "em4100"
        dated = api.change_badge(sample.worker, badge.id, valid_until="2030-01-01T00:00Z")
        assert dated.valid_until == "2030-01-01T01:00:00.000+01:00"
        other = api.link_badge(made.id, "uid", "04A1B2C4")
        api.unlink_badge(made.id, other.id)
        assert [each.number for each in api.worker(made.id).badges] == ["…B2C3"]
        assert api.explain_registration(1).steps
        assert api.explain_terminal(sample.devices[0]).visible is False
        assert api.proof(1).registration == 1
        (day,) = api.days("2026-03-02", limit=1)
        assert (day.family_name, len(day.pairs), day.pairs[0].missing) == ("Maes", 3, "end")
        assert day.pairs[0].start is not None
        assert day.pairs[0].start.registration == 1
        found_days = api.days_of_worker(sample.worker, "2026-03-01", "2026-03-03")
        assert [each.day for each in found_days.days] == ["2026-03-02"]
        with pytest.raises(ApiError, match="at most 92 days"):
            api.days_of_worker(sample.worker, "2026-03-01", "2027-03-03")
        proposed = api.correct(2, "out", "He left")
        assert (proposed.state, proposed.entered_by) == ("proposed", "client")
        with pytest.raises(ApiError, match="somebody else"):
            api.decide(proposed, approve=True)
        (listed,) = api.corrections(state="proposed")
        refused_one = api.decide(api.correction(listed.id), approve=False)
        assert (refused_one.state, refused_one.decided_by) == ("refused", "client")
        with pytest.raises(ApiError, match="Somebody else changed this"):
            api.decide(proposed, approve=False)
        assert api.correct(3, None, "Twice", second=False).state == "approved"
        with pytest.raises(ApiError, match="no such site"):
            api.add_tap(sample.worker, sample.sites[0], "2026-03-02T16:00", "out", "Seen")
        first = api.make_export(key="monday")
        assert (first.number, first.since, first.rows) == (1, None, 5)
        assert api.make_export(key="monday") == first == api.export(first.id)
        whole = api.make_export(whole=True)
        assert [each.number for each in api.exports(limit=1)] == [2, 1]
        assert (whole.since, whole.incomplete) == (None, [])
        for form, begins in (("csv", b"\xef\xbb\xbfline;"), ("xlsx", b"PK")):
            file = io.BytesIO()
            api.download_export(first.id, file, form)
            assert file.getvalue().startswith(begins)
        with pytest.raises(ApiError, match="no such export") as absent:
            api.download_export(99, io.BytesIO())
        assert absent.value.status == 404
    with Client(address, "A" * 43) as stranger, pytest.raises(ApiError, match="not known") as error:
        stranger.worker(1)
    assert error.value.status == 401


@pytest.mark.integration
def test_a_program_keeps_places_and_personal_data(address: str, token: str, sample: Sample) -> None:
    with Client(address, token) as api:
        (company,) = api.companies()
        north = api.create_division("Noord")
        gate = api.create_site(north.id, "Poort", address="Kade 1")
        assert (gate.division_id, gate.address, gate.closed) == (north.id, "Kade 1", False)
        assert [each.company for each in api.sites()] == [company.name]
        closed = api.change_site(api.site(gate.id), closed=True)
        assert closed.closed
        named = api.change_division(api.division(north.id), name="Noordzee")
        with pytest.raises(ApiError, match="Somebody else changed this"):
            api.change_division(north, name="Zuid")
        assert named.name in [each.name for each in api.divisions()]
        before = api.retention()
        assert api.change_retention(before, before.minimum + 1).months == before.minimum + 1
        held = api.person_data(sample.worker)
        assert (held.company["name"], len(held.registrations)) == (company.name, 3)
        assert api.erasure_plan(sample.worker).lines
        left = api.create_worker("9", "Bo", "Bos")
        asked = api.ask_erasure(api.change_worker(left, active=False).id)
        assert api.erasure(asked.id) == asked
        assert list(api.erasures()) == [asked]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver(None)
    yield receiver
    receiver.stop()


@pytest.mark.integration
def test_a_program_is_told_of_what_it_does(
    address: str, token: str, receiver: Receiver, sample: Sample, engine: Engine
) -> None:
    with Client(address, token) as api:
        events = ["worker.created", "registration.created"]
        scopes = ["workers:read", "registrations:read"]
        made = api.create_webhook("ERP", receiver.url, events, scopes=scopes, key="once")
        assert made.secret is not None
        assert api.create_webhook("ERP", receiver.url, events, scopes=scopes, key="once") == made
        api.send_test(made.id)
        worker = api.create_worker("9", "Bo", "Bos")
        with engine.begin() as conn:
            number = sample.tap(conn)
        wait_for(lambda: len(receiver.got) == 3, "all of it comes")
        found = {each.type: each for each in _verified(receiver, made.secret)}
        created, tapped = (found[name] for name in events)
        assert created.data is not None
        assert (created.data["id"], created.data["family_name"]) == (worker.id, "Bos")
        assert tapped.data == msgspec.to_builtins(api.registration(number))
        assert (found["test"].url, tapped.url) == (None, f"/v1/registrations/{number}")

        wait_for(
            lambda: all(each.state == "taken" for each in api.deliveries(made.id, limit=2)),
            "all of it is noted",
        )
        (again, *_) = api.deliveries(made.id, state="taken")
        assert api.send_again(made.id, again.id).message == again.message
        wait_for(lambda: len(receiver.got) == 4, "it comes again")
        assert receiver.got[3].id == again.message

        assert api.rotate_secret(made.id).secret != made.secret
        (listed,) = api.webhooks()
        stopped = api.change_webhook(api.webhook(listed.id), active=False)
        assert (stopped.active, stopped.secret) == (False, None)
        with pytest.raises(ApiError, match="activate it first"):
            api.send_test(made.id)
        api.delete_webhook(made.id)
        assert list(api.webhooks()) == []


def _verified(receiver: Receiver, secret: str) -> Iterator[Event]:
    for got in receiver.got:
        yield verify(got.body, got.headers, secret)


class BadDays:
    """Answers in turn: a status with its headers and body, or None for a connection that breaks."""

    def __init__(self, *answers: tuple[int, dict[str, str], str] | None) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise httpx.ReadError("gone", request=request)
        status, headers, body = answer
        return httpx.Response(status, headers=headers, text=body)

    def client(self) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://x", "t", transport=transport, sleep=self.slept.append)


WORKER = json.dumps(
    {
        "id": 4, "number": "9", "given_name": "Bo", "family_name": "Bos", "active": True,
        "inss": None, "badges": [], "of_a_later_server": 1,
    }
)  # fmt: skip


def test_it_waits_as_long_as_it_is_told_and_sends_the_same_again() -> None:
    days = BadDays(
        (429, {"retry-after": "7"}, "{}"),
        None,
        (503, {}, "{}"),
        (201, {"etag": '"t"'}, WORKER),
    )
    made = days.client().create_worker("9", "Bo", "Bos")
    assert (made.id, made.tag) == (4, '"t"')
    assert days.slept == [7.0, 2.0, 4.0]
    keys = {request.headers["idempotency-key"] for request in days.asked}
    assert len(keys) == 1
    assert len({request.content for request in days.asked}) == 1


def test_it_does_not_try_for_ever() -> None:
    days = BadDays(*[None] * 5)
    with pytest.raises(ApiError, match="does not answer"):
        days.client().worker(1)
    days = BadDays(*[(429, {}, '{"detail": "too often"}')] * 5)
    with pytest.raises(ApiError, match="too often"):
        days.client().worker(1)
    assert len(days.slept) == 4


def test_a_file_that_does_not_come() -> None:
    with pytest.raises(ApiError, match="does not answer"):
        BadDays(None).client().download_export(1, io.BytesIO())
    with pytest.raises(ApiError, match="without a reason"):
        BadDays((500, {}, "<html>")).client().download_export(1, io.BytesIO())


@pytest.mark.parametrize("body", ["", "<html>", "[]"])
def test_what_is_no_answer_of_the_platform(body: str) -> None:
    with pytest.raises(ApiError, match="check the address"):
        BadDays((200, {}, body)).client().worker(1)
    with pytest.raises(ApiError, match="without a reason"):
        BadDays((500, {}, body)).client().worker(1)
