from sqlalchemy import Engine

from cloud.accounts import api_tokens
from cloud.api.app import create_app
from cloud.api.rates import Buckets
from tests.cloud.client import Client


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3, clock)
    assert [buckets.take(1)[0] for _ in range(4)] == [2, 1, 0, -1]
    assert buckets.take(1) == (-1, 0.5)
    assert buckets.take(2)[0] == 2
    clock.now = 0.5
    assert [buckets.take(1)[0] for _ in range(2)] == [0, -1]
    clock.now = 100.0
    assert [buckets.take(1)[0] for _ in range(4)] == [2, 1, 0, -1]


def test_who_asks_too_often_is_told_when_to_come_again(reader: Engine, engine: Engine) -> None:
    clock = Clock()
    app = create_app(reader, engine, buckets=Buckets(0.5, 2, clock))
    with engine.begin() as conn:
        secrets = [api_tokens.make(conn, name, company=None)[1] for name in ("a", "b")]
    ours, others = (Client(app, {"authorization": f"Bearer {secret}"}) for secret in secrets)
    first = ours.get("/v1/registrations")
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"token";q=2;w=4'
    assert first.headers["ratelimit"] == '"token";r=1;t=0'
    # What is refused for another reason counts as well.
    assert ours.get("/v1/companies").headers["ratelimit"] == '"token";r=0;t=2'
    refused = ours.get("/v1/registrations")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["ratelimit"] == '"token";r=0;t=2'
    assert "wait 2 s" in refused.json()["detail"]
    assert others.get("/v1/registrations").status_code == 200
    clock.now = 2.0
    assert ours.get("/v1/registrations").status_code == 200
    assert "ratelimit" not in Client(app).get("/v1/registrations").headers
