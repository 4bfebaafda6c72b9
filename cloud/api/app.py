"""The web application: the API under `/v1`, and the console on top of it."""

from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.types import ASGIApp

from cloud.api import (
    apps,
    corrections,
    custody,
    days,
    deliveries,
    explain,
    exports,
    places,
    privacy,
    problems,
    proofs,
    rates,
    registrations,
    registry,
    webhook_events,
    webhooks,
    workers,
)
from cloud.api.security import ApiAddress, BodyLimit, KnownHosts, SameOrigin, SecurityHeaders
from cloud.api.throttle import Throttle
from cloud.console import refusals
from cloud.console.language import Languages
from cloud.console.page import install as install_console
from cloud.settings import LIMITS, Retention, Webhooks

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_app(
    engine: Engine,
    writer: Engine,
    *,
    hosts: Iterable[str] | None = LOOPBACK,
    directory: Path | None = None,
    buckets: rates.Buckets | None = None,
    public_url: str = "",
    api_url: str = "",
    retention: Retention = LIMITS,
    webhook_settings: Webhooks | None = None,
) -> ASGIApp:
    """The application, reading through `engine`, and writing sessions through `writer`.

    `hosts` are the names it answers to; None: any, for a server that listens on every address.
    `directory` is the platform's, with the key that seals numbers of people; None: there is none.
    `buckets` say how often a token may ask, `retention` how long data is kept. Links lead to
    `public_url`; without one, to where the request came. The API is at `api_url` alone; without
    one, at every name beside the console. `webhook_settings` say where webhooks may lead; None: on
    the Internet alone.
    """
    api_url = api_url.rstrip("/")
    api = FastAPI(
        title="Pointeuse",
        version="1",
        description="Registrations of badge terminals: who was where, when, and for whom.",
        openapi_url="/v1/openapi.json",
        servers=[{"url": api_url}] if api_url else None,
        # Their pages load scripts from elsewhere, which the security policy forbids.
        docs_url=None,
        redoc_url=None,
    )
    api.state.engine, api.state.writer, api.state.directory = engine, writer, directory
    api.state.public_url, api.state.api_url = public_url.rstrip("/"), api_url
    api.state.webhooks = webhook_settings or Webhooks()
    api.state.buckets = buckets or rates.Buckets()
    api.state.retention = retention
    api.state.guesses = Throttle()
    problems.install(api)
    for each in (
        registrations,
        proofs,
        days,
        corrections,
        exports,
        registry,
        places,
        workers,
        privacy,
        explain,
        apps,
        webhooks,
        deliveries,
        custody,
    ):
        api.include_router(each.router, prefix="/v1")
    api.webhooks.include_router(webhook_events.router)
    _describe_problems(api)
    install_console(api)
    limited = BodyLimit(rates.RateHeaders(api), refusals.refusal)
    app: ASGIApp = Languages(SameOrigin(limited, refusals.refusal))
    if api_url:
        app = ApiAddress(app, api_url)
    if hosts is not None:
        app = KnownHosts(app, hosts)
    return problems.Unexpected(SecurityHeaders(app))


def _describe_problems(api: FastAPI) -> None:
    """Put the schema of a problem where every route's description points."""
    describe = api.openapi

    def openapi() -> dict[str, object]:
        schema = describe()
        schema.setdefault("components", {}).setdefault("schemas", {}).setdefault(
            "Problem", problems.Problem.model_json_schema()
        )
        return schema

    api.openapi = openapi  # type: ignore[method-assign]
