"""The demo's own judge: it must see what is lost, doubled or misattributed."""

from typing import Any

from hwsim.demo.outcome import Expected, compare, complaints, table

TAP = Expected("DEV", "in", "0123", "uid", "An Aerts", "Aerts BV", False, "Bouw", "N", "Kaai", "in")


def registration(seq: int, **changes: Any) -> dict[str, Any]:
    found = {
        "device": "DEV", "seq": seq, "reader": "in", "badge": "0123", "assurance": "uid",
        "worker": "An Aerts", "employer": "Aerts BV", "private_company": False,
        "company": "Bouw", "division": "N", "site": "Kaai", "direction": "in", "epoch": "e",
        "tapped_at": "2026-11-23T08:00:00+01:00", "received_at": "2026-11-23T08:00:00+01:00",
    }  # fmt: skip
    return found | changes


def test_all_is_well() -> None:
    outcome = compare([TAP, TAP], [registration(3), registration(4)])
    assert outcome.good
    assert outcome.as_json()["lost"] == 0
    assert "epoch" not in outcome.as_json()["registrations"][0]


def test_a_lost_tap_is_seen() -> None:
    outcome = compare([TAP, TAP], [registration(3)])
    assert (len(outcome.lost), outcome.good) == (1, False)


def test_a_doubled_tap_is_seen_whether_its_seq_is_new_or_not() -> None:
    for second in (registration(4), registration(3)):
        outcome = compare([TAP], [registration(3), second])
        assert (len(outcome.duplicates), outcome.good) == (1, False)


def test_a_registration_nobody_tapped_is_seen() -> None:
    outcome = compare([TAP], [registration(3), registration(4, badge="9999")])
    assert not outcome.good


def test_every_field_of_the_attribution_counts() -> None:
    for field in ("worker", "employer", "private_company", "company", "division", "site",
                  "direction", "assurance"):  # fmt: skip
        outcome = compare([TAP], [registration(3, **{field: "other"})])
        assert len(outcome.misattributed) == 1
        assert field in complaints(outcome)[0]


def test_the_table_counts_by_place_and_employer() -> None:
    lines = table([registration(3), registration(4), registration(5, site=None)]).splitlines()
    assert lines[0].split() == ["company", "division", "site", "employer", "taps"]
    assert sorted(int(line.split()[-1]) for line in lines[2:]) == [1, 2]
