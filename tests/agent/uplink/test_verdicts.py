"""Receipts: forward to my own link only, back only when a restored platform asks."""

import os

from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.verdicts import Back, CloseEpoch, Forward, Hold, Ignore, Meaning, judge
from protocol.receipts import Leaf, Verdict

ME, EPOCH, NONCE = b"t" * 32, b"e" * 16, b"n" * 16
FIRST, HEAD, ACKED, GENERATION = 11, 50, 30, 4


def link_at(seq: int) -> bytes | None:
    return bytes([seq]) * 32 if FIRST - 1 <= seq <= HEAD else None


def meaning(
    verdict: Verdict = Verdict.STORED,
    seq: int = 40,
    link: bytes | None = None,
    nonce: bytes = NONCE,
    generation: int = GENERATION,
    resume: int | None = None,
    terminal: bytes = ME,
    heard: int = 0,
) -> Meaning:
    mine = link_at(seq) or b"?" * 32 if link is None else link
    leaf = Leaf(terminal, EPOCH, seq, mine, 0, generation, nonce, verdict, resume)
    return judge(
        leaf,
        terminal=ME,
        nonce=NONCE,
        generation=GENERATION,
        heard=heard,
        first=FIRST,
        acked=ACKED,
        link_at=link_at,
    )


def test_forward_to_my_own_link_whatever_the_nonce() -> None:
    assert meaning() == Forward(40)
    assert meaning(nonce=b"x" * 16) == Forward(40)


def test_what_was_said_before_a_restore_counts_only_while_nothing_newer_was_heard() -> None:
    late = {"nonce": b"x" * 16, "seq": 40}
    assert isinstance(meaning(generation=GENERATION - 1, **late), Ignore)  # type: ignore[arg-type]
    assert isinstance(meaning(heard=GENERATION + 1, **late), Ignore)  # type: ignore[arg-type]
    assert meaning(heard=GENERATION + 1, seq=40) == Forward(40)


def test_another_link_or_an_unknown_seq_moves_nothing() -> None:
    assert isinstance(meaning(link=b"?" * 32, nonce=b"x" * 16), Ignore)
    assert isinstance(meaning(seq=HEAD + 1), Ignore)
    assert isinstance(meaning(terminal=b"o" * 32), Ignore)


def test_a_replayed_old_receipt_rewinds_nothing() -> None:
    assert isinstance(meaning(seq=20, nonce=b"x" * 16), Ignore)
    assert isinstance(meaning(seq=20, nonce=b"x" * 16, generation=GENERATION + 1), Ignore)


def test_a_restored_platform_is_refilled_from_where_it_stands() -> None:
    assert meaning(seq=20, generation=GENERATION + 1) == Back(20)
    resumed = meaning(Verdict.RESUME, seq=20, resume=21, generation=GENERATION + 1)
    assert resumed == Back(20)


def test_a_platform_of_the_same_generation_cannot_go_back() -> None:
    assert isinstance(meaning(Verdict.RESUME, seq=20, resume=21), Ignore)


def test_below_my_oldest_record_sending_starts_at_the_anchor() -> None:
    resumed = meaning(Verdict.RESUME, seq=3, resume=4, generation=GENERATION + 1)
    assert resumed == Back(FIRST - 1)


def test_a_gap_is_answered_by_going_on_where_the_platform_stands() -> None:
    assert meaning(Verdict.RESUME, seq=35, resume=36) == Forward(35)
    other = meaning(Verdict.RESUME, seq=35, resume=36, link=b"?" * 32)
    assert isinstance(other, CloseEpoch)


def test_another_link_where_i_hold_one_is_a_fork() -> None:
    assert isinstance(meaning(link=b"?" * 32), CloseEpoch)
    resumed = meaning(Verdict.RESUME, seq=20, resume=21, link=b"?" * 32)
    assert isinstance(resumed, CloseEpoch)


def test_refusals_count_only_for_what_i_asked() -> None:
    for verdict in (Verdict.BAD_SIGNATURE, Verdict.UNKNOWN, Verdict.BANNED):
        assert isinstance(meaning(verdict), Hold)
        assert isinstance(meaning(verdict, nonce=b"x" * 16), Ignore)
    assert isinstance(meaning(Verdict.BEHIND), CloseEpoch)
    assert isinstance(meaning(Verdict.BEHIND, nonce=b"x" * 16), Ignore)


def test_a_branch_is_held_and_alarms() -> None:
    found = meaning(Verdict.BRANCH)
    assert isinstance(found, Forward)
    assert found.alarm


@given(
    verdict=st.sampled_from(Verdict),
    seq=st.integers(0, 60),
    mine=st.booleans(),
    asked=st.booleans(),
    newer=st.integers(-1, 1),
    resume=st.none() | st.integers(0, 60),
)
def test_nothing_a_platform_says_moves_me_beyond_what_i_hold(
    verdict: Verdict, seq: int, mine: bool, asked: bool, newer: int, resume: int | None
) -> None:
    found = meaning(
        verdict,
        seq,
        None if mine else os.urandom(32),
        NONCE if asked else b"x" * 16,
        GENERATION + newer,
        resume,
    )
    if isinstance(found, Forward):
        assert mine
        assert link_at(found.seq) is not None
    if isinstance(found, Back):
        assert asked
        assert newer == 1
        assert FIRST - 1 <= found.seq < ACKED
    if isinstance(found, CloseEpoch | Hold):
        assert asked
