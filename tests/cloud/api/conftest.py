from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.types import ASGIApp

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from tests.cloud.client import Client
from tests.cloud.console.company import Company
from tests.cloud.sample import Sample


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        return Sample(conn)


@pytest.fixture
def client(reader: Engine, engine: Engine) -> Client:
    """A program of the operator's."""
    return program(reader, engine, None)


@pytest.fixture
def ours(reader: Engine, company: Company) -> Client:
    """A program of that company's, for everything."""
    return program(reader, company.engine, company.ours)


def program(
    reader: Engine,
    writer: Engine,
    company: int | None,
    *,
    may: frozenset[Scope] | None = None,
    directory: Path | None = None,
    app: ASGIApp | None = None,
    **rights: bool,
) -> Client:
    """A program with a token of a company, or else of the operator, for everything by itself.

    `directory` is the platform's, with its keys; None: there are none.
    `app` is one there is already.
    """
    if may is None:
        may = frozenset(Scope) - (scopes.COMPANY_S if company is None else scopes.OPERATOR_S)
    with writer.begin() as conn:
        given = {"whole_badges": company is None} | rights
        _, token = api_tokens.make(conn, "test", company=company, may=may, **given)
    if directory is not None:
        (directory / "keys").mkdir(exist_ok=True)
    app = app or create_app(reader, writer, directory=directory)
    return Client(app, {"authorization": f"Bearer {token}"})
