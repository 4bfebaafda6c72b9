"""What holds for every route: headers, hosts, problems, and the description."""

from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from jsonschema.validators import Draft202012Validator
from sqlalchemy import Engine, insert

from cloud import db, settings
from cloud.api.app import create_app
from cloud.custody import queries
from cloud.custody.tables import alarms, rejected, waiting
from protocol.settings import SettingsError
from tests.cloud.client import Client
from tests.cloud.sample import Sample

PATHS = [
    "/v1/registrations", "/v1/registrations/1", "/v1/companies", "/v1/sites", "/v1/terminals",
    "/v1/alarms", "/v1/rejected", "/v1/waiting", "/v1/health",
]  # fmt: skip


@pytest.fixture
def backend() -> str:
    return "sqlite"


def fill(engine: Engine, sample: Sample) -> None:
    """Something in every list."""
    with engine.begin() as conn:
        sample.tap(conn)
        sample.stranger_taps(conn)
        conn.execute(insert(alarms).values(kind="gap", detail="", at_ms=0))
        conn.execute(
            insert(rejected).values(
                digest=b"", device="", topic="", reason="", detail="", message=b"",
                first_ms=0, last_ms=0,
            )
        )  # fmt: skip
        conn.execute(
            insert(waiting).values(
                epoch_id=sample.epochs[0], seq=1, reason="", detail="", tried_ms=0
            )
        )


class TestDescription:
    @pytest.fixture
    def description(self, client: Client) -> dict[str, Any]:
        found: dict[str, Any] = client.get("/v1/openapi.json").json()
        return found

    def test_it_is_openapi_3_1(self, description: dict[str, Any]) -> None:
        assert description["openapi"].startswith("3.1.")
        described = {path.replace("{number}", "1") for path in description["paths"]}
        assert described >= set(PATHS)

    def test_every_answer_is_as_described(
        self, client: Client, engine: Engine, sample: Sample, description: dict[str, Any]
    ) -> None:
        fill(engine, sample)
        for path in PATHS:
            operation = description["paths"][path.replace("/1", "/{number}")]["get"]
            answer = client.get(path)
            assert answer.status_code == 200
            if "items" in answer.json():
                assert answer.json()["items"], path
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            check(answer.json(), schema, description)
            for status in ("422", "default"):
                assert "application/problem+json" in operation["responses"][status]["content"]

    def test_problems_are_as_described(self, client: Client, description: dict[str, Any]) -> None:
        for path in ("/v1/registrations?x=1", "/v1/registrations/1", "/v1/nothing"):
            check(client.get(path).json(), {"$ref": "#/components/schemas/Problem"}, description)

    def test_a_wrong_answer_would_be_noticed(self, description: dict[str, Any]) -> None:
        with pytest.raises(jsonschema.ValidationError):
            check({"items": [{}]}, {"$ref": "#/components/schemas/Page_Alarm_"}, description)


def check(answer: Any, schema: dict[str, Any], description: dict[str, Any]) -> None:
    Draft202012Validator({**schema, "components": description["components"]}).validate(answer)


class TestSecurity:
    @pytest.mark.parametrize(
        "path", ["/", "/live", "/static/console.css", "/v1/health", "/v1/nothing", "/v1/alarms?x=1"]
    )
    def test_headers_on_every_answer(self, client: Client, path: str) -> None:
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"

    @pytest.mark.parametrize("path", ["/", "/live", "/v1/registrations"])
    def test_names_are_not_left_in_caches(self, client: Client, path: str) -> None:
        assert client.get(path).headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]"]
    )
    def test_another_name_is_refused(self, client: Client, host: str) -> None:
        answer = client.get("/v1/registrations", headers={"host": host})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"
        assert "items" not in answer.json()
        assert answer.headers["x-frame-options"] == "DENY"

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])
    def test_its_own_names(self, client: Client, host: str) -> None:
        assert client.get("/v1/health", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_it_only_reads(self, client: Client, method: str) -> None:
        answer = client.request(method, "/v1/registrations")
        assert answer.status_code == 405
        assert answer.json()["title"] == "Method Not Allowed"


class TestAnAddressOfItsOwn:
    API = "https://api.pointeuse.example.be"

    @pytest.fixture
    def apart(self, client: Client, engine: Engine) -> Client:
        hosts = ("localhost", "api.pointeuse.example.be")
        return Client(
            create_app(engine, engine, hosts=hosts, api_url=f"{self.API}/"), client.headers
        )

    def at(self, apart: Client, host: str, path: str) -> httpx.Response:
        return apart.get(path, headers={"host": host})

    @pytest.mark.parametrize("host", ["api.pointeuse.example.be", "API.pointeuse.example.be:8443"])
    def test_the_api_is_there_alone(self, apart: Client, host: str) -> None:
        assert self.at(apart, host, "/v1/health").status_code == 200
        for path in ("/", "/login", "/static/console.css", "/v1", "/v10"):
            answer = self.at(apart, host, path)
            assert answer.status_code == 421, path
            assert f"{self.API}/v1/openapi.json" in answer.json()["detail"]

    def test_the_console_is_at_the_other_alone(self, apart: Client) -> None:
        assert self.at(apart, "localhost", "/login").status_code == 200
        for path in ("/v1/health", "/v1/openapi.json", "/v1/nothing"):
            answer = self.at(apart, "localhost", path)
            assert answer.status_code == 421
            assert answer.json()["detail"] == f"The API is at {self.API}/v1/"

    def test_its_description_says_where_it_is(self, apart: Client) -> None:
        found = self.at(apart, "api.pointeuse.example.be", "/v1/openapi.json").json()
        assert found["servers"] == [{"url": self.API}]

    @pytest.mark.parametrize(
        ("lines", "named"),
        [
            ('api_url = "api.pointeuse.example.be"', "api_url is to be like"),
            ('api_url = "https://api.pointeuse.example.be/v1"', "api_url is to be like"),
            ('host = "api.example.be"\napi_url = "https://api.example.be"', "another name"),
            (f'public_url = "{API}"\napi_url = "{API}:8443"', "another name"),
            (f'api_url = "{API}"', None),
            (f'public_url = "https://pointeuse.example.be"\napi_url = "{API}/"', None),
        ],
    )
    def test_an_address_that_cannot_be_is_named(
        self, tmp_path: Path, lines: str, named: str | None
    ) -> None:
        path = tmp_path / "cloud.toml"
        path.write_text(f"[api]\n{lines}\n")
        if named is None:
            assert settings.load(path).api.programs_url.startswith(self.API)
            return
        with pytest.raises(SettingsError, match=named):
            settings.load(path)


class TestFailures:
    def test_a_mistake_of_ours_says_nothing_about_itself(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(queries, "listed_alarms", fail)
        answer = client.get("/v1/alarms")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        assert answer.headers["x-frame-options"] == "DENY"

    @pytest.mark.parametrize(
        "url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////nonexistent/platform.sqlite"]
    )
    def test_a_database_that_does_not_answer(self, url: str) -> None:
        engine = db.reader_engine(url)
        token = {"authorization": "Bearer " + "A" * 43}
        answer = Client(create_app(engine, engine), token).get("/v1/health")
        engine.dispose()
        assert answer.status_code == 503
        assert answer.json()["status"] == 503
        assert "Traceback" not in answer.text
