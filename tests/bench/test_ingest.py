"""The benchmark of ingest runs, and says what it promises to say."""

import json

import pytest

from bench.ingest_load import packet, publish
from tests.bench.test_queue import bench, shape


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_every_record_is_receipted_and_registered() -> None:
    done = bench("ingest", "--scale", "0.02", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["ingest"]
    shares = found.pop("share_of_cpu")
    assert shares.keys() == {"mosquitto", "postgresql", "ingest", "load"}
    assert shape(found) == {
        "per_s": True,
        "floor_per_s": True,
        "mosquitto_per_s": True,
        "postgresql_per_s": True,
        "share_of_floor": True,
        "receipted_per_s": True,
    }


@pytest.mark.parametrize(
    ("length", "header"),
    [(0, "3000"), (127, "307f"), (128, "308001"), (16_383, "30ff7f"), (16_384, "30808001")],
)
def test_packets_say_their_length_as_mqtt_does(length: int, header: str) -> None:
    """The table of MQTT 5, 1.5.5."""
    assert packet(0x30, bytes(length))[: len(header) // 2].hex() == header


def test_a_publish_names_its_terminal() -> None:
    made = publish("0ABC", "records", b"payload", 7)
    assert made[2:] == b"\0\x19pointeuse/v1/0ABC/records" + b"\0\x07\0payload"
