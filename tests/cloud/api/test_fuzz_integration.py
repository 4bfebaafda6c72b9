"""The description of the API, asked at random: no failure, and every answer as described.

The examples are the same in each run; `POINTEUSE_FUZZ_EXAMPLES` asks for more of them.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from cloud.api.rates import Buckets
from tests.cloud.apps.pairing import paired
from tests.cloud.sample import Sample

pytestmark = pytest.mark.integration
EXAMPLES = int(os.environ.get("POINTEUSE_FUZZ_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def program_s(engine: Engine, company: int | None) -> str:
    """The token of a program that may do all there is."""
    may = frozenset(Scope) - (scopes.COMPANY_S if company is None else scopes.OPERATOR_S)
    with engine.begin() as conn:
        return api_tokens.make(conn, "fuzz", company=company, may=may)[1]


@pytest.mark.parametrize("whose", ["company", "operator", "app"])
def test_no_request_makes_it_fail(
    reader: Engine, engine: Engine, sample: Sample, tmp_path: Path, whose: str
) -> None:
    (tmp_path / "keys").mkdir()
    app = create_app(reader, engine, directory=tmp_path, buckets=Buckets(1e6, 1_000_000))
    with engine.begin() as conn:
        sample.tap(conn)
    if whose == "app":
        token = paired(engine, sample.worker).token
    else:
        token = program_s(engine, sample.contractor if whose == "company" else None)
    headers = {"authorization": f"Bearer {token}", "host": "localhost"}
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers={"host": "localhost"})
    asked = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        # What is another's is answered 401, whatever is asked of it.
        if operation.path.startswith("/v1/app/") != (whose == "app"):
            continue
        ours = {"number": 1, "badge": 1} if operation.path_parameters else {}
        cases = one_of(
            operation.as_strategy(),
            operation.as_strategy(path_parameters=ours, headers={"If-Match": "*"}),
            operation.as_strategy(GenerationMode.NEGATIVE),
        )

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case: schemathesis.Case[Any]) -> None:
            answer = case.call_and_validate(headers=headers, checks=CHECKS)
            asked.append(answer.status_code)

        ask()
    assert {200, 422} <= set(asked), "what is asked is never meant, or always"
