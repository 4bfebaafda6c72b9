"""The benchmark of the platform runs, and says what it promises to say."""

import json

import pytest

from tests.bench.test_queue import bench, shape

QUESTIONS = {"live": True, "day": True, "worker_search": True, "explain": True}


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_every_question_is_asked_at_two_sizes_and_while_registrations_come_in() -> None:
    done = bench("platform", "--scale", "0.002", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert shape(found) == {
        "platform": {
            "rows": True,
            "p95_ms": QUESTIONS,
            "growth": True,
            "floor_p95_ms": True,
            "p95_ms_of_a_tenth": QUESTIONS,
            "p95_ms_while_they_come_in": QUESTIONS,
            "came_in_per_s": True,
        }
    }
    assert found["platform"]["rows"] == 20_000
