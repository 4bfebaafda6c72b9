"""Every operation of the API has a method of the client, or is named here as somebody else's."""

import inspect
import io
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest
from sqlalchemy import Engine

from cloud.api.app import create_app
from cloud.api_client.client import ApiError, Client
from tests.cloud.client import Client as Browser

NOT_A_COMPANY_S = {
    # Of a worker's app, whose token is of another kind.
    ("post", "/v1/app/pairing"),
    ("get", "/v1/app/me"),
    ("get", "/v1/app/days"),
    ("get", "/v1/app/explain"),
    # Of who runs the platform.
    ("get", "/v1/alarms"),
    ("get", "/v1/rejected"),
    ("get", "/v1/waiting"),
    ("get", "/v1/health"),
}
FILLED = {int: 1, str: "x", bool: True}


@pytest.fixture
def backend() -> str:
    """What operations there are does not depend on the database."""
    return "sqlite"


def filler(kind: Any) -> Any:
    """A value for a parameter, or for a field of a shape."""
    if inspect.isclass(kind) and issubclass(kind, msgspec.Struct):
        return kind(**{name: filler(each) for name, each in get_type_hints(kind).items()})
    if kind in FILLED:
        return FILLED[kind]
    return io.BytesIO() if "BinaryIO" in str(kind) else ["x"]


def called() -> Iterator[tuple[str, str, str]]:
    """Each method of the client, with the HTTP method and the path that it asks."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, json={"detail": "not here"})

    client = Client("http://x", "t", transport=httpx.MockTransport(answer))
    for name, method in inspect.getmembers(client, inspect.ismethod):
        if name.startswith("_") or name == "close":
            continue
        hints = get_type_hints(method)
        needed = {
            each.name: filler(hints[each.name])
            for each in inspect.signature(method).parameters.values()
            if each.kind is not each.VAR_KEYWORD and each.default is each.empty
        }
        asked.clear()
        with pytest.raises(ApiError, match="not here"):
            next(method(**needed))
        assert len(asked) == 1, name
        yield name, asked[0].method.lower(), asked[0].url.path


def test_every_operation_has_its_method(reader: Engine, engine: Engine) -> None:
    described = Browser(create_app(reader, engine)).get("/v1/openapi.json").json()["paths"]
    operations = {(verb, path) for path, verbs in described.items() for verb in verbs}
    assert operations >= NOT_A_COMPANY_S
    reached = set()
    for name, verb, path in called():
        found = [
            (known, pattern)
            for known, pattern in operations
            if known == verb and re.fullmatch(re.sub(r"\{\w+\}", "[0-9]+", pattern), path)
        ]
        assert len(found) == 1, f"{name} asks {verb} {path}, which the API does not describe"
        reached.add(found[0])
    missing = operations - reached - NOT_A_COMPANY_S
    assert not missing, f"give the client of cloud/api_client a method for {sorted(missing)}"
    assert not reached & NOT_A_COMPANY_S
