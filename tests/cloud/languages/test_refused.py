"""What people type wrongly is refused in their language, whichever form or file it stands in."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from cloud import text, times
from cloud.accounts import access, addresses, passwords
from cloud.companies import vat
from cloud.console.forms import start_of
from cloud.errors import RefusedError
from cloud.languages.current import spoken
from cloud.registrations import periods
from cloud.settings import Webhooks
from cloud.webhooks.addresses import checked_url
from cloud.workers import inss, sheets
from tests.cloud.languages.english import TRANSLATED, left

TYPED = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|`[^`]*`")
"""What was typed, and what is to be, is said as it is."""
HEADER = b"number;given name;family name\n"


def lists(content: bytes) -> list[sheets.Row]:
    """The rows of a list of workers."""
    return list(sheets.rows(content))


def bad() -> Iterator[Callable[[], object]]:
    """Everything that refuses what is typed, with something to refuse."""
    cases: list[tuple[Callable[[Any], object], list[Any]]] = [
        (vat.normalise, ["", "x", "BE0399998900", "BE1", "FR00000000000", "XX123456789"]),
        (inss.normalise, ["", "8507300332x", "85073003329"]),
        (addresses.normalise, ["", "ann", "ann@x\r\n", "ann@" + "x" * 250 + ".be"]),
        (passwords.check, ["", "x" * 257, "123456789012", "1QAZ2wsx3edc", "aaaaaaaaaaaaaaaa"]),
        (times.parse, ["", "x", "2026-13-45", "0001-01-01", "9999-12-31T23:00:00Z"]),
        (start_of, ["x", "2026-13-45", "9999-12-31"]),
        (periods.read_day, ["", "x", "2026-13-45", "9999-12-31"]),
        (partial(access.check_role, external=False), ["", "owner"]),
        (partial(access.check_role, external=True), ["auditor", "administrator"]),
        (
            partial(checked_url, reach=Webhooks()),
            [
                *("", "https://[::1", "http://localhost/", "https://u:p@x.be/", "https://x.be/#x"),
                *("https://10.0.0.1/", "https://x.be:25/", "https://x.be/" + "x" * 2000),
            ],
        ),
        (
            lists,
            [
                *(b"", b"7;Ann;Maes\n", b"number;nummer;given name;family name\n"),
                *(b"PK\x03\x04", b"\xff\xfea", b"\x81\x8d", b"x" * (sheets.MAX_BYTES + 1)),
                *(HEADER + b'7;"Ann;Maes\n', HEADER + b'7;"Ann"x;Maes\n'),
                *(HEADER + b"7;" + b"x" * 1001, HEADER + b'7;"' + b"x" * 140_000 + b'"\n'),
            ],
        ),
    ]
    for check, inputs in cases:
        yield from (partial(check, each) for each in inputs)
    yield from (partial(text.name, each, "7") for each in ("", "a\0b", "x" * 201))
    today = date(2026, 3, 1)
    yield partial(periods.check_period, today, today - timedelta(1))
    yield partial(periods.check_period, today, today + timedelta(5000))


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("refuse", list(bad()), ids=lambda refuse: repr(refuse.args)[:40])
def test_why_is_said_in_the_language(refuse: Callable[[], object], code: str) -> None:
    with spoken(code), pytest.raises(RefusedError) as caught:
        refuse()
    said = TYPED.sub(" ", str(caught.value))
    assert said.strip()
    assert left(said, code) == set(), said
