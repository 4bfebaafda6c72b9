"""For whom passkeys are made, and where there are none."""

import pytest

from cloud.accounts.party import Party, party_of
from cloud.errors import InvalidError


@pytest.mark.parametrize(
    ("public_url", "rp_id", "origin"),
    [
        ("https://pointeuse.example.be", "pointeuse.example.be", "https://pointeuse.example.be"),
        ("https://Pointeuse.Example.be/", "pointeuse.example.be", "https://pointeuse.example.be"),
        ("https://pointeuse.example.be:443", "pointeuse.example.be", "https://pointeuse.example.be"),
        ("https://tap.example.be:8443", "tap.example.be", "https://tap.example.be:8443"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("http://localhost:80", "localhost", "http://localhost"),
        ("http://tap.localhost", "tap.localhost", "http://tap.localhost"),
        ("https://xn--strae-oqa.example.be", "xn--strae-oqa.example.be",
         "https://xn--strae-oqa.example.be"),
        ("https://10.example.be", "10.example.be", "https://10.example.be"),
    ],
)  # fmt: skip
def test_the_name_in_the_public_address(public_url: str, rp_id: str, origin: str) -> None:
    assert party_of(public_url) == Party(rp_id, origin)


@pytest.mark.parametrize(
    ("public_url", "why"),
    [
        ("", "was not told its own"),
        ("https://192.0.2.7", "the number 192.0.2.7"),
        ("http://127.0.0.1:8000", "the number 127.0.0.1"),
        ("https://[2001:db8::1]:8443", "the number 2001:db8::1"),
        ("https://127.1", "the number 127.1"),
        ("https://0x7f000001", "the number 0x7f000001"),
        ("http://pointeuse.example.be", "over TLS only"),
        ("http://notlocalhost", "over TLS only"),
        ("https://straße.example.be", "with xn--"),
    ],
)
def test_where_there_are_none_it_says_why(public_url: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        party_of(public_url)
