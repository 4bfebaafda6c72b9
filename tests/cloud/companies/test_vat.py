import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.companies import vat
from cloud.errors import InvalidError

eight = st.integers(min_value=1, max_value=19_999_999)


def number(first_eight: int) -> str:
    return f"{first_eight:08}{97 - first_eight % 97:02}"


@given(eight)
def test_the_right_check_digits_and_no_others(first_eight: int) -> None:
    right = number(first_eight)
    accepted = [
        f"{first_eight:08}{check:02}"
        for check in range(100)
        if _accepts(f"BE{first_eight:08}{check:02}")
    ]
    assert accepted == [right]


@given(eight, st.sampled_from(["BE {}", "be{}", " BE{} ", "{}", "BE-{}"]), st.booleans())
def test_however_a_person_writes_it(first_eight: int, form: str, dotted: bool) -> None:
    right = number(first_eight)
    written = f"{right[:4]}.{right[4:7]}.{right[7:]}" if dotted else right
    assert vat.normalise(form.format(written)) == "BE" + right


@given(eight)
def test_what_is_shown_is_read_back(first_eight: int) -> None:
    normal = vat.normalise(number(first_eight))
    assert vat.normalise(vat.shown(normal)) == normal
    assert vat.from_enterprise_number(normal[2:]) == normal


@given(st.text() | st.from_regex(r"[A-Z]{2}[0-9A-Z+*]{0,14}", fullmatch=True))
def test_anything_is_normal_or_refused(text: str) -> None:
    try:
        normal = vat.normalise(text)
    except InvalidError:
        return
    assert vat.normalise(normal) == normal
    assert normal.isascii()
    assert " " not in normal


@given(st.text())
def test_enterprise_numbers_are_belgian_or_refused(text: str) -> None:
    try:
        normal = vat.from_enterprise_number(text)
    except InvalidError:
        return
    assert normal.startswith("BE")
    assert len(normal) == 12


def test_nine_digits_are_an_old_number() -> None:
    assert vat.normalise("BE 403.019.261") == "BE0403019261"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("0399998997", "0399998900"), ("0051050902", "0051050999"), ("0000009601", "0000009698")],
)
def test_check_digits_are_01_to_97(right: str, wrong: str) -> None:
    assert vat.normalise(right) == "BE" + right
    with pytest.raises(InvalidError, match="check digits do not fit"):
        vat.normalise(wrong)


def test_a_refusal_is_one_line() -> None:
    with pytest.raises(InvalidError) as error:
        vat.normalise("BE\n0403019263")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("NL 004495445B01", "NL004495445B01"),
        ("FR 40 303 265 045", "FR40303265045"),
        ("GR094259216", "EL094259216"),
        ("EL094259216", "EL094259216"),
        ("DE 136 695 976", "DE136695976"),
    ],
)
def test_other_countries(written: str, normal: str) -> None:
    assert vat.normalise(written) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "BE",
        "BE0403019262",
        "2403019261",
        "US123456789",
        "NL123",
        "9" * 400,
        "BE04030\u06619261",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        vat.normalise(text)


def _accepts(text: str) -> bool:
    try:
        vat.normalise(text)
    except InvalidError:
        return False
    return True
