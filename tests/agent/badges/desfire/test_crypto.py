"""The primitives, against published known answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.desfire import crypto
from tests.agent.badges.desfire.script import vector


def test_diversification_as_an10922_gives_it() -> None:
    found = crypto.diversify(
        vector("an10922_aes128", "master_key"), vector("an10922_aes128", "diversification_input")
    )
    assert found == vector("an10922_aes128", "diversified_key")


@pytest.mark.parametrize("length", [0, 32])
def test_an_input_that_an10922_has_no_room_for(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 31"):
        crypto.diversify(bytes(16), bytes(length))


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=31))
def test_a_long_input_is_diversified_by_a_plain_cmac(key: bytes, data: bytes) -> None:
    assert crypto.diversify(key, data) == crypto.cmac(key, b"\x01" + data)


def test_the_truncated_mac_of_an12196() -> None:
    mac = crypto.cmac(vector("an12196_mact", "session_mac_key"), vector("an12196_mact", "message"))
    assert crypto.truncated(mac) == vector("an12196_mact", "mact")


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=70))
def test_a_chain_from_zeros_is_the_library_s_cmac(key: bytes, message: bytes) -> None:
    assert crypto.chained_cmac(key, message, crypto.ZEROS) == crypto.cmac(key, message)


def test_the_crc_of_a_real_card() -> None:
    assert crypto.crc32(vector("ev1_crc", "message")) == vector("ev1_crc", "crc")
