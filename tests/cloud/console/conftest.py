import pytest
from sqlalchemy import Engine

from cloud.accounts import service as accounts
from cloud.accounts import sessions
from cloud.api.app import create_app
from cloud.console.visits import COOKIE
from tests.cloud.client import Client
from tests.cloud.console.company import Company
from tests.cloud.sample import Sample


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        return Sample(conn)


@pytest.fixture
def client(reader: Engine, engine: Engine) -> Client:
    """The browser of somebody who runs the platform."""
    with engine.begin() as conn:
        account = accounts.create(conn, "operator@example.be", "Olga Peeters", operator=True)
        token = sessions.begin(conn, account)
    return Client(create_app(reader, engine), {"cookie": f"{COOKIE}={token}"})


@pytest.fixture
def administrator(company: Company, reader: Engine) -> Client:
    """The browser of an administrator of the company."""
    return company.browser(reader, "administrator")
