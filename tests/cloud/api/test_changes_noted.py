"""Every request that changes something leaves its line in the trail: each of the access matrix.

A route that is not in `LEAVES` fails: whoever adds one says here what it leaves.
"""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cloud.workers import service as workers
from tests.cloud.api import test_matrix as matrix
from tests.cloud.api.conftest import program
from tests.cloud.api.matrix import ROUTES
from tests.cloud.api.test_looks import lines, newest
from tests.cloud.api.test_matrix import Things, ask

both = matrix.both

LEAVES = {
    ("post", "/v1/corrections"): "correction:propose",
    ("post", "/v1/corrections/{number}/decision"): "correction:approve",
    ("post", "/v1/exports"): "export:make",
    ("post", "/v1/sites"): "site:create",
    ("patch", "/v1/sites/{number}"): "site:change",
    ("post", "/v1/divisions"): "division:create",
    ("patch", "/v1/divisions/{number}"): "division:change",
    ("post", "/v1/workers"): "worker:create",
    ("patch", "/v1/workers/{number}"): "worker:change",
    ("post", "/v1/workers/{number}/badges"): "badge:link",
    ("put", "/v1/workers/{number}/badges/{badge}"): "badge:change",
    ("delete", "/v1/workers/{number}/badges/{badge}"): "badge:unlink",
    ("put", "/v1/retention"): "retention:set",
    ("post", "/v1/workers/{number}/erasure"): "erasure:enter",
    ("post", "/v1/webhooks"): "webhook:create",
    ("patch", "/v1/webhooks/{number}"): "webhook:change",
    ("post", "/v1/webhooks/{number}/secret"): "webhook:rotate",
    ("post", "/v1/webhooks/{number}/test"): "webhook:test",
    ("post", "/v1/webhooks/{number}/deliveries/{delivery}/again"): "webhook:send-again",
    ("delete", "/v1/webhooks/{number}"): "webhook:delete",
}
ELSEWHERE = {("post", "/v1/app/pairing")}
"""A worker's app, which has no token yet: tests/cloud/api/test_apps.py pairs one."""


@pytest.fixture
def backend() -> str:
    """What is noted does not depend on the database."""
    return "sqlite"


def test_every_request_that_changes_something_leaves_its_line(
    reader: Engine, engine: Engine, both: tuple[Things, Things], tmp_path: Path
) -> None:
    ours, _ = both
    changes = [each for each in ROUTES if each[0] != "get"]
    assert sorted([*LEAVES, *ELSEWHERE]) == sorted(changes)
    with engine.begin() as conn:
        # Nobody has asked for this one's erasure yet.
        gone = workers.put_worker(conn, ours.company, "10", "Bo", "Weg", active=False)
    ours.ids["left"] = gone
    client = program(reader, engine, ours.company, directory=tmp_path)
    for (method, path), tag in LEAVES.items():
        before = newest(engine)
        answer = ask(client, method, path, ROUTES[method, path], ours)
        assert answer.status_code in (200, 201, 202, 204), (method, path, answer.text)
        noted = lines(engine, before)
        assert [line.tag for line in noted] == [f"api:{tag}"], (method, path)
        (line,) = noted
        assert line.company_id == ours.company, (method, path)
        assert "token" in json.loads(line.detail), (method, path)
