import pytest
from sqlalchemy import Engine

from cloud.api.app import create_app
from tests.cloud.client import Client
from tests.cloud.sample import Sample


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        return Sample(conn)


@pytest.fixture
def client(reader: Engine) -> Client:
    return Client(create_app(reader))
