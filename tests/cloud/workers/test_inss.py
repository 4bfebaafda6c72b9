import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import InvalidError
from cloud.workers.inss import masked, normalise

# As python-stdnum and the national register give them as examples.
VALID = ["85073003328", "17073003384", "98472899765", "01490700185"]


@pytest.mark.parametrize("number", VALID)
def test_a_valid_number_is_11_digits_however_it_is_written(number: str) -> None:
    written = f" {number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]} "
    assert normalise(written) == normalise(number) == number


@pytest.mark.parametrize("number", VALID)
def test_every_wrong_digit_is_found(number: str) -> None:
    centuries = [century for century in ("", "2") if fits(century, number)]
    for place in range(11):
        for digit in "0123456789":
            wrong = number[:place] + digit + number[place + 1 :]
            # By chance it may be the number of somebody born in the other century.
            if wrong == number or any(fits(c, wrong) for c in {"", "2"}.difference(centuries)):
                continue
            with pytest.raises(InvalidError) as caught:
                normalise(wrong)
            assert wrong not in str(caught.value)


def fits(century: str, digits: str) -> bool:
    """Whether the check digits are those of the register for who was born then."""
    return int(digits[9:]) == 97 - int(century + digits[:9]) % 97


@pytest.mark.parametrize(
    "text", ["", "8507300332", "850730033280", "8507300332x", "\u0668\u066573003328"]
)
def test_what_is_not_11_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is 11 digits"):
        normalise(text)


@given(st.text(alphabet="0123456789 .-", max_size=16))
def test_whatever_is_taken_has_the_check_digits_of_the_register(text: str) -> None:
    try:
        digits = normalise(text)
    except InvalidError:
        return
    assert fits("", digits) or fits("2", digits)


def test_masked_shows_neither_birth_nor_check() -> None:
    assert masked("85073003328") == "••.••.••-033.••"
