from pathlib import Path

from agent.uplink.certificate import dates
from provisioning.platform import Report, make_platform
from provisioning.terminal import enrol


def test_the_dates_are_those_of_the_certificate(tmp_path: Path) -> None:
    state = tmp_path / "state"
    make_platform(tmp_path / "platform", ["localhost"], 8883)
    terminal = enrol(state, tmp_path / "platform", Report())
    found = dates(state)
    assert found is not None
    assert terminal.certificate is not None
    assert found["not_after_ms"] / 1000 == terminal.certificate.not_valid_after_utc.timestamp()
    assert found["not_before_ms"] < found["not_after_ms"]


def test_without_a_certificate_there_are_none(tmp_path: Path) -> None:
    assert dates(tmp_path) is None
    (tmp_path / "tls.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    assert dates(tmp_path) is None
