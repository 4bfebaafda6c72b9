"""asyncapi.yaml names the topics of the code, and describes what terminals really say."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import protocol
from agent.reads import ReaderState, Unreadable
from agent.telemetry import Telemetry
from protocol import topics

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(protocol.__file__).parent / "asyncapi.yaml").read_text()
)
CDDL = (Path(protocol.__file__).parent / "wire.cddl").read_text()


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if "$ref" in value else []
        return found + [r for item in value.values() for r in references(item)]
    return [r for item in value for r in references(item)] if isinstance(value, list) else []


def test_it_is_asyncapi_3_with_every_reference_in_place() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"info", "channels", "operations", "components"} <= set(DOCUMENT)
    for reference in references(DOCUMENT):
        assert resolve(reference)


def test_channels_and_directions_are_the_codes() -> None:
    addresses = {channel["address"]: name for name, channel in DOCUMENT["channels"].items()}
    wanted = [*topics.FROM_TERMINAL, *topics.TO_TERMINAL]
    assert addresses == {topics.topic("{device}", name): name for name in wanted}
    directions: dict[str, set[str]] = {"receive": set(), "send": set()}
    for operation in DOCUMENT["operations"].values():
        name = operation["channel"]["$ref"].rsplit("/", 1)[1]
        directions[operation["action"]].add(name)
    assert directions["receive"] == set(topics.FROM_TERMINAL)
    assert directions["send"] == set(topics.TO_TERMINAL)


def test_cbor_payloads_are_rules_of_the_cddl() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        if "schemaFormat" in schema:
            assert f"\n{schema['schema']} = " in CDDL


def test_telemetry_is_what_the_agent_sends(tmp_path: Path) -> None:
    telemetry = Telemetry("7ZK3M9Q2WDX", tmp_path)
    telemetry.unreadable(Unreadable("in", "checksum"))
    telemetry.reader(ReaderState("in", "ready", "open"))
    telemetry.alarm("cannot-store", "the disk is full")
    telemetry.count("taps")
    journal = {
        "epoch": 1, "head": 4, "acked": 3, "queue": 1,
        "clock": {"sync": "set", "bound_ms": None},
    }  # fmt: skip
    found = json.loads(json.dumps(telemetry.snapshot(journal)))
    schema = DOCUMENT["components"]["schemas"]["telemetry"]
    jsonschema.validate(found, schema)
    for name in found:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in found.items() if k != name}, schema)


def test_status_has_the_parts_that_are_documented_and_no_other() -> None:
    schema = DOCUMENT["components"]["schemas"]["status"]
    status = {"state": "online", "device": "7ZK3M9Q2WDX", "version": "0.1.0", "since_ms": 1}
    jsonschema.validate(status, schema)
    wrong: list[dict[str, Any]] = [
        {"state": "away"},
        {"device": "7ZK3M-9Q2WD-X"},
        {"version": 1},
        {"since_ms": -1},
        {"more": ""},
    ]
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(status | change, schema)
