"""Days, moments and numbers, as each language writes them in Belgium."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.console import templating
from cloud.console.moments import moment as for_tables
from cloud.exports import completeness
from cloud.languages import formats
from cloud.languages.current import LANGUAGES, gettext, spoken
from cloud.notifications.kinds import Kind, sentence
from cloud.times import rfc3339
from cloud.visibility import steps

SUMMER = int(datetime(2026, 7, 31, 22, 40, 2, 290_000, UTC).timestamp() * 1000)
"""In Brussels it is August already, twenty to one at night."""
WRITTEN = {
    "en": ("Sat 1 Aug 2026", "1 Aug 2026, 00:40:02 +02:00", "1,234,567"),
    "fr": ("sam. 1 ao\u00fbt 2026", "1 ao\u00fbt 2026, 00:40:02 +02:00", "1\u202f234\u202f567"),
    "nl": ("za 1 aug 2026", "1 aug 2026, 00:40:02 +02:00", "1.234.567"),
    "de": ("Sa. 1 Aug. 2026", "01.08.2026, 00:40:02 +02:00", "1.234.567"),
}


def test_every_language_is_asked() -> None:
    assert set(WRITTEN) == set(LANGUAGES) == set(formats._LOCALES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_as_the_language_writes_it(code: str) -> None:
    day, moment, number = WRITTEN[code]
    with spoken(code):
        assert formats.day(date(2026, 8, 1)) == formats.day("2026-08-01") == day
        assert formats.moment(SUMMER) == formats.moment(rfc3339(SUMMER)) == moment
        assert formats.moment(SUMMER, offset=False) == moment.removesuffix(" +02:00")
        assert formats.moment(0).endswith("01:00:00 +01:00")
        assert formats.number(1_234_567) == number
        assert (formats.number(0), formats.number(-12)) == ("0", "-12")


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_is_kept_in_iso_is_shown_as_the_language_writes_it(code: str) -> None:
    day, moment, number = WRITTEN[code]
    with spoken(code):
        assert formats.shown("2026-08-01") == day
        assert formats.shown(f"{rfc3339(SUMMER)} (UTC 22:40)") == f"{moment} (UTC 22:40)"
        assert formats.shown(rfc3339(SUMMER)[:19]) == moment
        assert formats.shown(1_234_567) == number
    for other in (
        "2026-13-45",
        "9999-12-31T23:59:59-23:59",
        "2026-03-01T99:00:00",
        "Quai 2026-08-01 b",
        "always",
        "ABC",
        None,
        True,
        ("2026-08-01",),
    ):
        assert formats.shown(other) is other or formats.shown(other) == other


@given(st.text())
def test_whatever_stands_in_a_sentence_is_shown(text: str) -> None:
    assert isinstance(formats.shown(text), str)


@pytest.mark.parametrize("code", LANGUAGES)
def test_tables_say_it_in_brussels_in_the_language_and_in_utc_as_logs_do(code: str) -> None:
    with spoken(code):
        told = for_tables(SUMMER)
    assert told is not None
    day, moment, _number = WRITTEN[code]
    assert f"{told['local']} {told['offset']}" == moment
    assert told["day"] == day
    assert told["iso"] == "2026-08-01T00:40:02.290+02:00"
    assert told["utc"] == "2026-07-31 22:40:02"


@pytest.mark.parametrize("code", LANGUAGES)
def test_sentences_of_notifications_and_exports(code: str) -> None:
    day, moment, number = WRITTEN[code]
    kept = (
        f'[{{"device": "1", "why": [["silent since %(when)s", {{"when": "{rfc3339(SUMMER)}"}}]]}}]'
    )
    with spoken(code):
        silent = sentence(Kind.SILENT, {"device": "1", "since": rfc3339(SUMMER)[:19]})
        assert moment in silent
        assert day in sentence(Kind.CERTIFICATE, {"device": "1", "until": "2026-08-01"})
        assert number in sentence(Kind.QUEUE, {"device": "1", "queue": 1_234_567})
        assert moment in completeness.told(kept)[0]["why"]
        # What programs read, and files that say the same to everybody, keep it as it is.
        assert rfc3339(SUMMER) in completeness.told(kept, str)[0]["why"]


@pytest.mark.parametrize("code", LANGUAGES)
def test_steps_of_explain(code: str) -> None:
    day, moment, number = WRITTEN[code]
    step = steps.note(
        "x", "{count} {when} {until} {number} {since}", count=1_234_567, when=rfc3339(SUMMER),
        until="2026-08-01", number=1_234_567, since="always",
    )  # fmt: skip
    with spoken(code):
        found = step.as_json()["found"]
        assert found == f"{number} {moment} {day} 1234567 {gettext('always')}"


@pytest.mark.parametrize("code", LANGUAGES)
def test_pages_write_counts_days_and_moments(code: str) -> None:
    page = templating._templates.from_string(
        '{{ ngettext("%(num)s day", "%(num)s days", n) }}|'
        "{{ n | number }}|{{ d | day }}|{{ m | moment }}"
    )
    day, moment, number = WRITTEN[code]
    with spoken(code):
        counted, *others = page.render(n=1_234_567, d="2026-08-01", m=rfc3339(SUMMER)).split("|")
    assert others == [number, day, moment]
    assert counted.startswith(f"{number} ")
