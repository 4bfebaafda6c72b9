"""Device numbers: what is wrong with a mistyped one is said, and none of ours needs a symbol."""

import pytest

from protocol.identity import compact, device_number, generate_identity, parse_device_number
from protocol.keys import Algorithm


@pytest.mark.parametrize("check", "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U")
@pytest.mark.parametrize("stranger", "U!é*")
def test_a_character_that_is_in_no_number_is_named(stranger: str, check: str) -> None:
    """Whatever the check character: one in 37 would fit by chance."""
    with pytest.raises(
        ValueError, match=f"{stranger.upper()!r} is never in one".replace("*", r"\*")
    ):
        parse_device_number(f"7ZK3{stranger}9Q2WD{check}")


@pytest.mark.parametrize("text", ["", "7ZK3M-9Q2WD", "7ZK3M-9Q2WD-XX", "-----------"])
def test_a_wrong_length_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="characters, not 11"):
        parse_device_number(text)


@pytest.mark.parametrize(
    ("thumbprint", "number"),
    [
        (bytes(32), "00000-00000-0"),
        (b"\xff" * 32, "ZZZZZ-ZZZZZ-X"),
        (bytes(6) + b"\x40" + bytes(25), "00000-00001-1"),
        (bytes(6) + b"\x3f" + b"\xff" * 25, "00000-00000-0"),
    ],
)
def test_the_first_50_bits_make_the_number(thumbprint: bytes, number: str) -> None:
    assert device_number(thumbprint) == number
    assert parse_device_number(number) == compact(number)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_generated_identities_have_letters_and_digits_alone(algorithm: Algorithm) -> None:
    for _ in range(100):
        key = generate_identity(algorithm)
        assert key.public.algorithm is algorithm
        assert compact(device_number(key.public.thumbprint)).isalnum()
