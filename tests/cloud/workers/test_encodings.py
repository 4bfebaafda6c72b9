"""Files in other encodings are refused by name, and no name comes out with wrong letters."""

import pytest

from cloud.errors import InvalidError
from cloud.workers.encodings import text

NAMES = (
    "André", "Hélène", "Benoît", "Maës", "Jörg", "Müller", "Côté", "François", "Noël", "Léa", "Zoë",
    "Émile", "Göran", "Bélanger", "Château", "Görtz", "Anaïs", "Inès", "Jérôme",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_excel_calls_ms_dos_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidError, match=r"looks like CP850.*save it as CSV \(UTF-8\)"):
        text(f"nr;prénom;nom\n7;{name};Thys\n".encode("cp850"))
    with pytest.raises(InvalidError, match="looks like CP850"):
        text(f"nr;voornaam;naam\n7;{name};Thys\n".encode("cp850"))


@pytest.mark.parametrize(
    "name",
    [
        *NAMES, "ŠIMIC", "Šimon", "Œuvrard", "D\u2019Hondt",
        "An \u201cAnnie\u201d Maes", "Maes \u2013 Thys", "Maes\u2026",
        "Žižek", "Lœb", "\u20ac 5", "\u201eAnnie\u201c",
    ],
)  # fmt: skip
def test_windows_1252_is_read_as_it_is(name: str) -> None:
    line = f"nr;prénom;nom\n7;{name};Thys\n"
    assert text(line.encode("cp1252")) == line


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(InvalidError, match="looks like UTF-16 without its mark"):
        text("number;given name;family name\n7;Ann;Maes\n".encode(encoding))


@pytest.mark.parametrize("sign", ["Andr\u251c\u00ae", "Andr\u0082", "Andr\ufffd"])
def test_what_was_misread_before_is_refused_with_its_line(sign: str) -> None:
    with pytest.raises(InvalidError, match="line 2: its letters were misread") as caught:
        text(f"nr;prénom;nom\n7;{sign};Thys\n".encode())
    assert str(caught.value).isascii()
