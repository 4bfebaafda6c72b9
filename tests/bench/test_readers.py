"""The benchmark of the readers runs, and says what it promises to say."""

import json

import pytest

from bench.reader_meter import Meter
from bench.reader_rigs import RIGS
from tests.bench.test_queue import bench, shape

FAMILIES = {
    "pcsc", "pn532", "rdm6300", "twn4", "sscp", "deister", "wiegand", "scanner", "osdp", "wedge",
}  # fmt: skip


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_it_measures_every_family_its_floor_and_the_idle_agent() -> None:
    done = bench("readers", "--scale", "0.01", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"readers", "idle_cpu_percent"}
    assert found["readers"].keys() == FAMILIES == RIGS.keys()
    for family, figures in found["readers"].items():
        assert 0 <= figures.pop("idle_percent") < 100
        spoken_to = family in ("pcsc", "pn532")
        assert shape(figures) == {
            "p95_ms": True,
            "ours_p95_ms": True,
            "floor_p95_ms": True,
            "apdus": spoken_to,
        }, family
        assert figures["ours_p95_ms"] < figures["p95_ms"]
    # As docs/readers.md says; over PC/SC one more asks the UID.
    assert [found["readers"][family]["apdus"] for family in ("pcsc", "pn532")] == [5, 4]


def test_what_the_transport_took_before_a_badge_was_there_does_not_count() -> None:
    meter = Meter()
    meter.begin()
    meter.wrote(3)
    meter.heard(2)
    meter.heard(5)
    meter.wrote(1)
    meter.there()
    meter.heard(4)
    meter.wrote(1)
    meter.wrote(2)
    meter.heard(6)
    assert meter.carried == []
    meter.identified()
    assert meter.carried == [(0, 4), (3, 6)]
    whole, ours = meter.read()
    assert 0 < ours == whole
    meter.there()
    assert meter.read() == (whole, ours)
