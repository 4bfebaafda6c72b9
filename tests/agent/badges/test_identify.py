"""From cards to badges: every profile, everything that goes wrong, and what it costs."""

import logging
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.credentials import Secret
from agent.badges.desfire.crypto import diversify
from agent.badges.identify import Identifier
from agent.badges.profiles import Profile, RandomUid, load_profiles
from agent.badges.reading import KeyedProfile
from agent.badges.refusals import NotAnIdentityError
from agent.badges.sessions import CardError
from protocol.badges import Assurance, Badge, Flag
from tests.agent.badges.card import PICC, Answer, Application, Card
from tests.agent.badges.desfire.script import Script

UID = bytes.fromhex("04A1B2C3D4E5F6")
RANDOM = bytes.fromhex("08123456")
KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
OTHER_KEY = bytes.fromhex("FFEEDDCCBBAA99887766554433221100")
CONSTRU = bytes.fromhex("01C5F5")
METAL = bytes.fromhex("01A6F5")
FILE = bytes.fromhex("0000001234567890" + "0403019261" + "000000123456" + "20260101" + "20261231")
PROFILES = {profile.name: profile for profile in load_profiles(Path("/nonexistent"))}
TODAY = date(2026, 11, 23)


def keyed(profile: Profile, key: bytes = KEY) -> KeyedProfile:
    keys = {name: Secret(bytes(16) if name.endswith("get-uid") else key) for name in profile.keys}
    return KeyedProfile(profile, keys)


def changed(profile: Profile, **authentication: Any) -> Profile:
    assert profile.authentication is not None
    return msgspec.structs.replace(
        profile, authentication=msgspec.structs.replace(profile.authentication, **authentication)
    )


CONSTRU_SIM = keyed(PROFILES["construbadge-sim"])
METAL_SIM = keyed(PROFILES["metalbadge-sim"], OTHER_KEY)
ALL = (CONSTRU_SIM, METAL_SIM)


def constru(key: bytes = KEY, content: bytes = FILE, **options: Any) -> Card:
    own = diversify(key, UID + CONSTRU + b"construbadge-sim")
    application = Application({0: bytes(16), 1: own}, {1: content.ljust(64, b"\0")})
    return Card(UID, {PICC: Application({0: bytes(16)}, {}), CONSTRU: application}, **options)


def metal(**options: Any) -> Card:
    own = diversify(OTHER_KEY, UID + METAL + b"metalbadge-sim")
    application = Application({0: bytes(16), 1: own}, {1: FILE.ljust(64, b"\0")})
    return Card(UID, {PICC: Application({0: bytes(16)}, {}), METAL: application}, **options)


def identify(card: Any, uid: bytes = UID, profiles: Any = ALL, **options: Any) -> Badge:
    options.setdefault("today", lambda: TODAY)
    return Identifier(profiles, **options).identify(card, uid)


def found(profile: str = "construbadge-sim", flags: int = 0) -> Badge:
    return Badge(
        "0000001234567890",
        profile,
        Assurance.AUTHENTICATED,
        flags,
        "0403019261",
        "000000123456",
    )


BY_UID = Badge(UID.hex().upper(), "uid", Assurance.UID)
UNAUTHENTIC = msgspec.structs.replace(BY_UID, flags=Flag.UNAUTHENTIC.value)


def test_a_badge_of_the_first_profile_takes_four_apdus() -> None:
    card = constru()
    assert identify(card) == found()
    assert card.apdus == 4


def test_a_badge_of_the_next_profile_takes_one_more() -> None:
    card = metal()
    assert identify(card) == found("metalbadge-sim")
    assert card.apdus == 5


def test_a_card_of_random_uid_tells_its_own_and_takes_nine() -> None:
    card = constru()
    assert identify(card, RANDOM) == found()
    assert card.apdus == 9


def test_the_key_for_the_uid_may_be_the_application_s_own() -> None:
    asking = RandomUid("construbadge-sim.get-uid", aid="F5C501")
    card = constru()
    profile = changed(PROFILES["construbadge-sim"], random_uid=asking)
    assert identify(card, RANDOM, [keyed(profile)]) == found()
    assert card.apdus == 7  # the second authentication goes on with the first one's transaction


@pytest.mark.parametrize("kind", ["ev1", "ev2"])
@pytest.mark.parametrize("mode", ["mac", "full"])
def test_every_authentication_in_every_mode(kind: str, mode: str) -> None:
    profile = changed(PROFILES["construbadge-sim"], kind=kind)
    profile = msgspec.structs.replace(
        profile, file=msgspec.structs.replace(profile.file, mode=mode)
    )
    card = constru()
    card.applications[CONSTRU].mode = mode
    assert identify(card, profiles=[keyed(profile)]) == found()
    assert card.apdus == 4
    assert identify(card, RANDOM, [keyed(profile)]) == found()


@pytest.mark.parametrize(
    ("kind", "assurance"), [("ev1", Assurance.AUTHENTICATED), ("ev2", Assurance.READ)]
)
def test_a_plain_file_is_proved_by_ev1_only(kind: str, assurance: Assurance) -> None:
    profile = changed(PROFILES["construbadge-sim"], kind=kind)
    profile = msgspec.structs.replace(
        profile, file=msgspec.structs.replace(profile.file, mode="plain")
    )
    card = constru()
    card.applications[CONSTRU].mode = "plain"
    assert identify(card, profiles=[keyed(profile)]).assurance is assurance


def open_profile() -> KeyedProfile:
    profile = PROFILES["construbadge-sim"]
    file = msgspec.structs.replace(profile.file, mode="plain")
    return KeyedProfile(
        msgspec.structs.replace(profile, name="open", authentication=None, file=file), {}
    )


def test_a_file_that_anybody_may_read_is_read_in_two_apdus() -> None:
    card = Card(UID, {CONSTRU: Application({}, {1: FILE.ljust(64, b"\0")}, "plain")})
    badge = identify(card, profiles=[open_profile()])
    assert badge == msgspec.structs.replace(found("open"), assurance=Assurance.READ)
    assert card.apdus == 2


def test_a_random_uid_hides_nobody_whose_file_can_be_read() -> None:
    card = Card(UID, {CONSTRU: Application({}, {1: FILE.ljust(64, b"\0")}, "plain")})
    assert identify(card, RANDOM, [open_profile()]).number == "0000001234567890"


def test_an_open_file_that_is_not_there_says_nothing_of_authenticity() -> None:
    counts: Counter[str] = Counter()
    card = Card(UID, {CONSTRU: Application({}, {}, "plain")})
    assert identify(card, profiles=[open_profile()], count=lambda r: counts.update([r])) == BY_UID
    assert not counts


def test_a_file_read_by_read_binary_in_several_parts() -> None:
    base = open_profile().profile
    profile = msgspec.structs.replace(
        base,
        application=msgspec.structs.replace(base.application, df_name="D2760000850101"),
        file=msgspec.structs.replace(base.file, iso_id="E104"),
    )
    script = Script([(b"6F00", 0x9000), (b"", 0x9000), (FILE[:20], 0x9000), (FILE[20:], 0x6282)])
    badge = identify(script, profiles=[KeyedProfile(profile, {})])
    assert badge.assurance is Assurance.READ
    assert badge.number == "0000001234567890"
    assert [apdu.hex().upper() for apdu in script.sent] == [
        "00A4040007D276000085010100",
        "00A4020C02E104",
        "00B000001B",
        "00B0001407",
    ]


@pytest.mark.parametrize("status", [0x6D00, 0x6A82, 0x6E00, 0x6300, 0x9000])
def test_a_card_that_is_no_desfire_is_its_uid_after_one_apdu(status: int) -> None:
    script = Script([(b"", status)])
    assert identify(script) == BY_UID
    assert len(script.sent) == 1


def test_a_desfire_of_no_profile_is_its_uid() -> None:
    card = Card(UID, {PICC: Application({}, {})})
    assert identify(card) == BY_UID
    assert card.apdus == 2


def test_a_random_uid_that_no_profile_resolves_is_nobody() -> None:
    with pytest.raises(NotAnIdentityError) as refused:
        identify(Card(UID, {PICC: Application({}, {})}), RANDOM)
    assert refused.value.reason == "random-uid"


def test_a_random_uid_without_a_key_to_ask_by_is_nobody() -> None:
    profile = changed(PROFILES["construbadge-sim"], random_uid=None)
    with pytest.raises(NotAnIdentityError) as refused:
        identify(constru(), RANDOM, [keyed(profile)])
    assert refused.value.reason == "random-uid"


# -- not genuine ---------------------------------------------------------------------------------


def spoilt(at: int, octet: int = 0) -> Any:
    def spoil(number: int, answer: Answer) -> Answer:
        data, status = answer
        if number != at:
            return answer
        changed = bytearray(data)
        changed[octet] ^= 0x01
        return bytes(changed), status

    return spoil


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (constru(OTHER_KEY), "wrong-key"),
        (constru(spoil=spoilt(2)), "wrong-key"),
        (constru(spoil=spoilt(3, 20)), "wrong-key"),
        (constru(spoil=spoilt(4)), "wrong-mac"),
        (constru(spoil=spoilt(4, -1)), "wrong-mac"),
        (constru(spoil=lambda n, a: (a[0][:-1], a[1]) if n == 4 else a), "malformed"),
        (constru(spoil=lambda n, a: (b"", 0x919D) if n == 4 else a), "refused"),
        (constru(spoil=lambda n, a: (b"", 0x91AD) if n == 2 else a), "refused"),
    ],
)
def test_a_card_that_proves_nothing_is_its_uid_flagged_and_counted(card: Card, reason: str) -> None:
    counts: Counter[str] = Counter()
    assert identify(card, count=lambda word: counts.update([word])) == UNAUTHENTIC
    assert counts == {reason: 1}


def test_a_random_uid_that_proves_nothing_is_nobody_and_counted() -> None:
    counts: Counter[str] = Counter()
    card = constru()
    card.applications[PICC].keys[0] = KEY
    with pytest.raises(NotAnIdentityError) as refused:
        identify(card, RANDOM, count=lambda word: counts.update([word]))
    assert refused.value.reason == "wrong-key"
    assert counts == {"wrong-key": 1}


def test_a_uid_that_the_card_told_stands_when_the_rest_fails() -> None:
    assert identify(constru(OTHER_KEY), RANDOM) == UNAUTHENTIC


def test_answers_of_an_earlier_presentation_prove_nothing() -> None:
    heard: list[Answer] = []

    def listen(_: int, answer: Answer) -> Answer:
        heard.append(answer)
        return answer

    assert identify(constru(spoil=listen)) == found()
    counts: Counter[str] = Counter()
    assert identify(Script([*heard[:4], (b"", 0x91A0)]), count=lambda w: counts.update([w])) == (
        UNAUTHENTIC
    )
    assert counts == {"wrong-key": 1}


def test_an_answer_played_again_within_a_presentation_proves_nothing() -> None:
    heard: dict[int, Answer] = {}

    def replay(number: int, answer: Answer) -> Answer:
        heard[number] = answer
        return heard[4] if number == 8 else answer

    card = constru(spoil=replay)
    twice = [CONSTRU_SIM, CONSTRU_SIM]
    # The file is blank, so that the first reading gives no number and the second one is tried.
    card.applications[CONSTRU].files[1] = bytes(64)
    counts: Counter[str] = Counter()
    assert identify(card, profiles=twice, count=lambda w: counts.update([w])) == UNAUTHENTIC
    assert max(heard) == 8, "what was played again is the second answer to a read"
    assert counts == {"wrong-mac": 1}


def test_a_key_that_was_renewed_is_found_under_the_next_profile() -> None:
    counts: Counter[str] = Counter()
    old = keyed(PROFILES["construbadge-sim"], OTHER_KEY)
    badge = identify(
        constru(), profiles=[old, CONSTRU_SIM], count=lambda word: counts.update([word])
    )
    assert badge == found()
    assert not counts


@pytest.mark.parametrize("uid", [UID, RANDOM])
def test_a_card_pulled_away_at_any_apdu_is_told_as_such(uid: bytes) -> None:
    whole = constru()
    identify(whole, uid)
    for pull_at in range(1, whole.apdus + 1):
        card = constru(pull_at=pull_at)
        with pytest.raises(CardError) as gone:
            identify(card, uid)
        assert gone.value.reason == "pulled-away"
        assert card.apdus == pull_at


# -- what stands on it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "flags"),
    [
        (date(2025, 12, 31), Flag.NOT_YET_VALID),
        (date(2026, 1, 1), Flag(0)),
        (date(2026, 12, 31), Flag(0)),
        (date(2027, 1, 1), Flag.EXPIRED),
        (None, Flag(0)),
    ],
)
def test_validity_is_flagged_to_the_day(today: date | None, flags: Flag) -> None:
    assert identify(constru(), today=lambda: today) == found(flags=flags.value)


def test_a_badge_of_a_profile_not_accepted_here_is_flagged() -> None:
    accept = ("construbadge-sim",)
    other = Flag.OTHER_PROFILE.value
    assert identify(constru(), accept=accept) == found()
    assert identify(metal(), accept=accept) == found("metalbadge-sim", other)
    card = Card(UID, {PICC: Application({}, {})})
    assert identify(card, accept=accept) == msgspec.structs.replace(BY_UID, flags=other)


@pytest.mark.parametrize(
    "content",
    [b"\xab" + FILE[1:], bytes(8) + FILE[8:], FILE[:19] + bytes.fromhex("20261301") + FILE[23:]],
)
def test_a_genuine_card_whose_file_does_not_fit_is_its_uid(
    content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert identify(constru(content=content)) == BY_UID
    assert "construbadge-sim" in caplog.text
    assert "1234567890" not in caplog.text


def test_a_blank_employer_or_worker_is_left_out() -> None:
    badge = identify(constru(content=FILE[:8] + bytes(11) + FILE[19:]))
    assert (badge.employer, badge.worker) == (None, None)


def test_nothing_that_is_logged_names_the_badge_or_a_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for card in (constru(), constru(OTHER_KEY), constru(spoil=spoilt(4)), metal()):
            identify(card)
    logged = caplog.text.upper()
    assert "WRONG-KEY" in logged
    for secret in (UID, KEY, OTHER_KEY, diversify(KEY, UID + CONSTRU + b"construbadge-sim")):
        assert secret.hex().upper() not in logged
    assert "1234567890" not in logged


# -- anything at all -----------------------------------------------------------------------------

STATUSES = st.sampled_from([0x9100, 0x91AF, 0x91A0, 0x91AE, 0x9000, 0x6104, 0x6C10, 0x6300])
LENGTHS = st.sampled_from([0, 1, 7, 8, 16, 24, 27, 32, 40, 48, 59])
ANSWERS = st.tuples(
    st.one_of(st.binary(max_size=64), LENGTHS.flatmap(lambda n: st.binary(min_size=n, max_size=n))),
    st.one_of(STATUSES, st.integers(0, 0xFFFF)),
)


def outcome(card: Any, uid: bytes, profiles: Any = ALL) -> Badge | None:
    try:
        return identify(card, uid, profiles)
    except (CardError, NotAnIdentityError):
        return None


@given(st.lists(ANSWERS, max_size=24), st.sampled_from([UID, RANDOM, b"", UID[:4]]))
def test_any_answers_are_a_badge_or_a_typed_refusal(answers: list[Answer], uid: bytes) -> None:
    badge = outcome(Script(answers), uid)
    assert badge is None or badge.assurance is Assurance.UID


@given(st.sampled_from(["ev1", "ev2"]), st.integers(1, 9), ANSWERS, st.sampled_from([UID, RANDOM]))
def test_no_answer_in_place_of_a_card_s_makes_another_badge_authentic(
    kind: str, at: int, answer: Answer, uid: bytes
) -> None:
    card = constru(spoil=lambda number, own: answer if number == at else own)
    badge = outcome(card, uid, [keyed(changed(PROFILES["construbadge-sim"], kind=kind))])
    if badge is not None and badge.assurance is not Assurance.UID:
        assert badge == found()
