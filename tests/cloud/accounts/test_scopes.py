import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cloud.accounts import api_tokens, scopes
from cloud.accounts.scopes import Scope
from cloud.accounts.token_cli import token
from cloud.errors import InvalidError


def test_they_are_read_as_they_were_written() -> None:
    assert scopes.read(scopes.written(Scope)) == frozenset(Scope)
    assert scopes.read("") == frozenset()


def test_nobody_said_means_least() -> None:
    for operator in (False, True):
        assert scopes.checked((), operator=operator) == {Scope.REGISTRATIONS_READ}


@pytest.mark.parametrize(
    ("word", "operator", "why"),
    [
        ("workers", False, "no scope; choose of companies:read"),
        ("custody:read", False, "only the operator's token"),
        ("workers:read", True, "only a company's token"),
    ],
)
def test_what_a_token_cannot_have(word: str, operator: bool, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        scopes.checked([word], operator=operator)


def test_the_command_makes_a_token_with_the_scopes_asked_for(
    engine: Engine, database_url: str
) -> None:
    run = CliRunner().invoke
    made = run(
        token,
        ["add", "--db", database_url, "--name", "erp", "--operator", "--scope", "custody:read"],
    )
    assert made.exit_code == 0, made.output
    refused = run(token, ["add", "--db", database_url, "--name", "x", "--operator", "--scope", "y"])
    assert (refused.exit_code, "'y' is no scope" in refused.output) == (2, True)
    with engine.connect() as conn:
        assert [row["scopes"] for row in api_tokens.listed(conn)] == ["custody:read"]
