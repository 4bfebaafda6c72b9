import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.accounts.addresses import normalise
from cloud.errors import InvalidError


def test_an_address_is_in_lower_case_without_white_space() -> None:
    assert normalise("  Ann.Maes+site@Example.BE\n") == "ann.maes+site@example.be"
    assert normalise("andré@chantier.example") == "andré@chantier.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.be",
        "ann@localhost",
        "ann@@example.be",
        "ann maes@example.be",
        "ann@exam ple.be",
        "ann@example.be\r\nBcc: all@example.be",
        "ann@example.be, bob@example.be",
        "Ann <ann@example.be>",
        ".ann@example.be",
        "ann@example..be",
        "ann@" + "x" * 250 + ".be",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is not an e-mail address"):
        normalise(text)


@given(st.text(max_size=300))
def test_whatever_is_taken_is_one_line_and_stays_as_it_is(text: str) -> None:
    try:
        address = normalise(text)
    except InvalidError:
        return
    assert len(address.split()) == 1
    assert address.count("@") == 1
    assert normalise(address) == address
