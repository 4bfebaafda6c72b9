"""wire.cddl describes what the code makes, and nothing looser."""

import re
from pathlib import Path

import cbor2
import pytest
from pycddl import Schema, ValidationError

import protocol
from tests.protocol.messages import all_messages

CDDL = (Path(protocol.__file__).parent / "wire.cddl").read_text()
MESSAGES = all_messages()


def schema(rule: str) -> Schema:
    """The schema whose root is one rule: pycddl takes the first as the root."""
    return Schema(f"root = {rule}\n" + CDDL)


@pytest.mark.parametrize("rule", sorted(MESSAGES))
def test_real_messages_fit_their_rule(rule: str) -> None:
    root = schema(rule)
    for message in MESSAGES[rule]:
        root.validate_cbor(message)


NESTED = {"sign1", "sign", "receipt-message", "badge", "cose-key", "blob"}


@pytest.mark.parametrize("rule", sorted(set(MESSAGES) - NESTED))
def test_a_message_with_a_part_changed_or_missing_does_not_fit(rule: str) -> None:
    root = schema(rule)
    value = cbor2.loads(MESSAGES[rule][0])
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    optional = {("hello-payload", 6), ("body", 9), ("body", 6), ("body", 7), ("leaf", 9),
                ("body", 11)}  # fmt: skip
    for key in keys:
        if isinstance(value, dict) and (rule, key) not in optional:
            without = {k: v for k, v in value.items() if k != key}
            with pytest.raises(ValidationError):
                root.validate_cbor(cbor2.dumps(without))
        if (rule, key) != ("body", 11):
            changed = dict(value) if isinstance(value, dict) else list(value)
            changed[key] = 1.5
            with pytest.raises(ValidationError):
                root.validate_cbor(cbor2.dumps(changed))


@pytest.mark.parametrize("size", [0, 127, 129, 160, 191, 193])
def test_a_blob_has_one_of_two_lengths(size: int) -> None:
    with pytest.raises(ValidationError):
        schema("blob").validate_cbor(cbor2.dumps(bytes(size)))


def test_every_rule_that_is_a_message_is_tried() -> None:
    (choices,) = re.findall(r"^message = ((?:.*\n)+?)\n", CDDL, re.MULTILINE)
    named = {name.strip() for name in choices.replace("\n", " ").split("/")}
    assert named <= set(MESSAGES)


def test_the_documentation_names_every_key() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    for rule in ("body", "moment", "batch", "hello-payload", "leaf", "trust-payload",
                 "configuration-payload", "configuration-body", "roster", "command-payload",
                 "disclosure",                 "archive-header"):  # fmt: skip
        (text,) = re.findall(rf"^{rule} = \{{(.*?)^\}}", CDDL, re.MULTILINE | re.DOTALL)
        keys = set(re.findall(r"(\d+) =>", text))
        (table,) = re.findall(rf"^#+ `{rule}`\n(.*?)(?=^#|\Z)", docs, re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE)) == keys, rule
