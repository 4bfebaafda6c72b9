"""Rosters: which badges are on one, and what a configuration may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.badges import Assurance
from protocol.configured import Configured, assurance
from protocol.errors import MalformedError
from protocol.roster import ENTRY, MOST, Roster
from tests.protocol.messages import BLOCKED
from tests.protocol.test_vectors import VECTORS, expected, rejecting

_WORD = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=48)
_BADGES = st.sets(st.tuples(_WORD, _WORD), max_size=40)


def test_the_vectors() -> None:
    for vector in VECTORS["rosters"]["accept"]:
        configured = Configured.decode(vector["body"])
        roster = configured.blocked
        assert roster is not None
        assert (configured.toml, roster.key) == (vector["toml"], vector["key"])
        for badge in vector["blocked"]:
            assert (badge["profile"], badge["number"]) in roster
            assert badge["entry"] in roster.entries
        for badge in vector["others"]:
            assert (badge["profile"], badge["number"]) not in roster
        assert configured.encode() == vector["body"]


@rejecting("rosters")
def test_bodies_reject(vector: dict[str, bytes]) -> None:
    with expected(vector):
        Configured.decode(vector["body"])


@given(_BADGES, _BADGES)
def test_a_roster_holds_what_was_added_and_nothing_else(
    first: set[tuple[str, str]], second: set[tuple[str, str]]
) -> None:
    roster = Roster.of(first)
    assert all(badge in roster for badge in first)
    assert not any(badge in roster for badge in second - first)
    changed = roster.changed(add=second, remove=first - second)
    assert (len(changed), changed.key) == (len(second), roster.key)
    assert all(badge in changed for badge in second)
    assert Roster.read(changed.fields()) == changed


def test_profile_and_number_do_not_run_together() -> None:
    assert ("em41", "000") not in Roster.of([("em4", "1000")])


def test_each_roster_has_a_key_of_its_own() -> None:
    one, other = Roster.of(BLOCKED), Roster.of(BLOCKED)
    assert not {one.entries[:ENTRY]} & {other.entries[:ENTRY]}
    assert one != other


def test_a_full_roster_fits_one_message_and_one_more_does_not() -> None:
    entries = b"".join(number.to_bytes(ENTRY, "big") for number in range(MOST + 1))
    full = Configured("#" * 16_384, Roster(bytes(32), entries[ENTRY:]))
    assert Configured.decode(full.encode()) == full
    with pytest.raises(MalformedError, match="30001 entries; 30000 at most"):
        Roster(bytes(32), entries)


def test_no_badge_is_shown() -> None:
    assert repr(Roster.of(BLOCKED)) == "Roster(3 badges)"


def test_a_mistake_in_the_settings_is_named() -> None:
    with pytest.raises(MalformedError, match="least_assurance = 'sure'"):
        Configured('[gate]\nleast_assurance = "sure"').settings()
    settings = Configured('[gate]\nleast_assurance = "read"').settings()
    assert assurance(settings.gate.least_assurance) is Assurance.READ
    assert assurance(None) is None
