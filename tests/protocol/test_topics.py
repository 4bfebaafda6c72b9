"""Topics: eight names under a device, and nothing else."""

import pytest

from protocol import topics
from protocol.errors import MalformedError

NAMES = ["hello", "records", "status", "telemetry", "receipts", "trust", "config", "commands"]


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_is_made_and_read(name: str) -> None:
    text = f"pointeuse/v1/7ZK3M9Q2WDX/{name}"
    assert topics.topic("7ZK3M9Q2WDX", name) == text
    assert topics.parse(text) == ("7ZK3M9Q2WDX", name)
    assert topics.every(name) == f"pointeuse/v1/+/{name}"


def test_there_are_eight_names() -> None:
    assert sorted([*topics.FROM_TERMINAL, *topics.TO_TERMINAL]) == sorted(NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pointeuse/v1/7ZK3M9Q2WDX",
        "pointeuse/v1/7ZK3M9Q2WDX/hello/more",
        "pointeuse/v2/7ZK3M9Q2WDX/hello",
        "other/v1/7ZK3M9Q2WDX/hello",
        "pointeuse/v1//hello",
        "pointeuse/v1/7ZK3M9Q2WDX/",
        "pointeuse/v1/7ZK3M9Q2WDX/hellos",
        "/pointeuse/v1/7ZK3M9Q2WDX/hello",
    ],
)
def test_another_topic_is_refused_by_name(text: str) -> None:
    with pytest.raises(MalformedError, match=f"'{text}'"):
        topics.parse(text)
