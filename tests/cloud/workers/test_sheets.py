import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import InvalidError
from cloud.workers import sheets
from cloud.workers.sheets import Row, rows

LINES = "Numéro;Prénom;Nom;NISS;Autre\n7;André;Maës;85.07.30-033.28;x\n;;;;\n8;Bob;Thys;;\n"
READ = [
    Row(
        2, {"number": "7", "given_name": "André", "family_name": "Maës", "inss": "85.07.30-033.28"}
    ),
    Row(4, {"number": "8", "given_name": "Bob", "family_name": "Thys"}),
]


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        codecs.BOM_UTF8 + LINES.encode(),
        LINES.encode("utf-16"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        LINES.encode("cp1252"),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace(";", ",").encode(),
        LINES.replace(";", "\t").encode(),
    ],
)
def test_every_encoding_and_delimiter_of_spreadsheets_is_read(content: bytes) -> None:
    assert list(rows(content)) == READ


@pytest.mark.parametrize(
    "header",
    [
        "personeelsnummer;voornaam;achternaam",
        "Nummer;Vorname;Nachname",
        "number,GIVEN_NAME,Family Name",
        "\n\n matricule ; Prénom ; NOM DE FAMILLE ",
    ],
)
def test_columns_are_known_in_four_languages_in_any_order(header: str) -> None:
    found = list(rows(f"{header}\n7{';' if ';' in header else ','}".encode() + b"Ann"))
    assert [row.fields for row in found] == [{"number": "7", "given_name": "Ann"}]


def test_a_quoted_field_may_hold_what_parts_fields() -> None:
    content = 'number;given name;family name\n7;"An;n ""Annie""";"Maes\nThys"\n8;B;T\n'
    assert [row.fields["given_name"] for row in rows(content.encode())] == ['An;n "Annie"', "B"]
    assert [row.line for row in rows(content.encode())] == [3, 4]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n \n;;\n", "the file is empty"),
        (b"7;Ann;Maes\n", "no column is named number, given name, family name"),
        (b"number;given name\n", "no column is named family name"),
        (b"number;nummer;given name;family name\n", "two columns mean number"),
        (b"PK\x03\x04...", "is a spreadsheet; save it as CSV"),
        (
            b'number;given name;family name\n7;"Ann;Maes\n',
            "line 2: a quote is opened .* and never closed; close it",
        ),
        (b"number;given name;family name\n7;" + b"x" * 1001, "line 2: a field is longer"),
        (b"\xff\xfea", "is no text in utf-16"),
        (b"\x81\x8d", "looks like CP850"),
        (b"x" * (sheets.MAX_BYTES + 1), "is longer than 8 MiB"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason):
        list(rows(content))


def test_a_file_has_so_many_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    content = b"number;given name;family name\n" + b"7;A;B\n" * 3
    with pytest.raises(InvalidError, match="more than 2 workers"):
        list(rows(content))


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: ("nr;nom\n" + t).encode()))
def test_any_bytes_are_rows_or_refused(content: bytes) -> None:
    try:
        found = list(rows(content))
    except InvalidError:
        return
    assert all(row.line > 1 and set(row.fields) <= set(sheets.COLUMNS) for row in found)
