"""What stands in sentences is in the language of whoever reads them, as the sentences are."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

import agent
from agent.disk import LEVELS
from agent.queue import salvage
from cloud.custody import saying
from cloud.custody.saying import What
from cloud.languages.current import spoken
from cloud.notifications import post
from cloud.notifications.kinds import Kind, sentence
from cloud.registrations import reasons
from cloud.registrations.reasons import Reason
from cloud.terminals import saying as told
from tests.cloud.languages.english import TRANSLATED, left

PLACE = re.compile(r"%\((\w+)\)s")
SOURCE = "".join(path.read_text() for path in Path(agent.__file__).parent.rglob("*.py"))
DETAILS: dict[Kind, dict[str, object]] = {
    Kind.SILENT: {"device": "1", "since": "2026-11-30T23:40:02"},
    Kind.CERTIFICATE: {"device": "1", "until": "2026-12-24"},
    Kind.QUEUE: {"device": "1", "queue": 12345},
    Kind.INVITATION: {"company": "1", "until": "2026-12-24"},
    Kind.PRIVATE: {"vat": "1", "site": "2"},
    Kind.WEBHOOK_ENDED: {"name": "1"},
    Kind.WEBHOOK_MISSED: {"name": "1"},
}


def kept(what: What, why: str = "") -> str:
    """An alarm as it is kept, with a number in each place."""
    names = PLACE.findall(saying.SENTENCES[what])
    return saying.kept(what, {name: why if name == "why" else "7" for name in names})


ALARMS = [
    kept(what, why)
    for what in What
    for why in (sorted(saying.WHY) if "%(why)s" in saying.SENTENCES[what] else [""])
]
NOTIFICATIONS: list[tuple[Kind, Mapping[str, object]]] = [
    *DETAILS.items(),
    *[
        (Kind(what.kind), {"device": "1", "alarm": kept(what, min(saying.WHY))})
        for what in What
        if what.kind in set(Kind)
    ],
]
SAID: list[Callable[[], str]] = [
    *(partial(saying.told, detail) for detail in ALARMS),
    *(partial(saying.kind, name) for name in saying.KINDS),
    *(partial(sentence, kind, detail) for kind, detail in NOTIFICATIONS),
    *(partial(told.reason, code) for code in (*told.REASONS, "of-later")),
    *(partial(told.alarm, name) for name in (*told.ALARMS, "of-later")),
    *(partial(reasons.explain, each.value) for each in Reason),
]


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("say", SAID, ids=lambda say: str(say.args[0]))
def test_nothing_is_left_in_english(say: Callable[[], str], code: str) -> None:
    english = say()
    with spoken(code):
        said = say()
    assert said != english
    assert left(said, code) == set(), said
    assert "%(" not in said


def test_what_is_left_in_english_is_found() -> None:
    assert left("Appareil 7 : records 1 to 3 are gone for good.", "fr") >= {"gone", "are"}
    assert left("Appareil 7 : les records 1 à 3 sont perdus.", "fr") == set()


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("number", range(len(NOTIFICATIONS)))
def test_mails_are_in_the_language_of_whom_they_are_for(number: int, code: str) -> None:
    kind, detail = NOTIFICATIONS[number]
    row = {"language": code, "email": "ann@example.be", "kind": kind, "detail": json.dumps(detail)}
    mail = post.message(row, "gates@example.be")
    assert left(mail["Subject"].removeprefix("Pointeuse: "), code) == set()
    assert left(mail.get_content(), code) == set()


def test_every_kind_of_notification_and_of_alarm_is_looked_at() -> None:
    assert {kind for kind, _detail in NOTIFICATIONS} == set(Kind)
    assert {what.kind for what in What} == set(saying.KINDS)
    assert set(saying.SENTENCES) == set(What)


def test_whatever_a_terminal_tells_is_known() -> None:
    """By what its sources say: a word added there wants a sentence here."""
    refusals = r"\b(?:CardError|NotAnIdentityError|UnauthenticError|Garbled|_spoil|_give_up)\("
    counted = set(re.findall(refusals + r'\s*"([a-z-]+)"', SOURCE))
    counted |= set(re.findall(r'Unreadable\([\w.]+, "([a-z-]+)"', SOURCE))
    assert len(counted) > 15
    assert counted - set(told.REASONS) == set()
    alarms = set(re.findall(r'\.alarm\(\s*"([a-z-]+)"', SOURCE))
    alarms |= set(re.findall(r'\b_ALARM = "([a-z-]+)"', SOURCE))
    alarms |= {f"disk-{level}" for level in LEVELS}
    assert len(alarms) > 10
    assert alarms - set(told.ALARMS) == set()
    assert {salvage._MISSING, salvage._CUT} < saying.WHY


def test_what_was_kept_before_alarms_had_languages_is_shown_as_it_was() -> None:
    for before in ("records 1 to 3 are gone for good", "{not json", "[1]", '{"what": "later"}', ""):
        with spoken("fr"):
            assert saying.told(before) == before
            assert before in sentence(Kind.GAP, {"device": "1", "alarm": before})
    with spoken("fr"):
        assert saying.told('{"what": "gap:gone"}') == '{"what": "gap:gone"}'
        assert saying.kind("of-later") == "of-later"
