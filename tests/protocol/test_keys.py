"""Keys and signatures that almost are, and every bit the platform signs."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from protocol import chain
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.errors import MalformedError, ProtocolError, SignatureError
from protocol.keys import Algorithm, VerifyKey
from protocol.receipts import sign_receipts, verify_receipt
from protocol.seals import ContentKey
from tests.protocol.messages import (
    CONFIG,
    ME,
    MINE,
    NONCE,
    RECEIPT,
    TERMINAL,
    TRUST,
    Chain,
    leaves,
    signing_key,
)

ES256 = signing_key(41, Algorithm.ES256)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def torsion() -> list[bytes]:
    """Encodings of Edwards25519's eight points of small order, by the curve's own arithmetic."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    root = pow(2, (p - 1) // 4, p)

    def xs(y: int) -> list[int]:
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if (x * x - square) % p:
            x = x * root % p
        return [x, p - x] if (x * x - square) % p == 0 else []

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        product = d * a[0] * b[0] * a[1] * b[1] % p
        return (
            (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, p) % p,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, p) % p,
        )

    order = 2**252 + 27742317777372353535851937790883648493
    y = 2
    while True:
        for x in xs(y):
            point, total, bits = (x, y), (0, 1), order
            while bits:
                if bits & 1:
                    total = add(total, point)
                point, bits = add(point, point), bits >> 1
            multiples = [(0, 1)]
            while (following := add(multiples[-1], total)) != (0, 1):
                multiples.append(following)
            if len(multiples) == 8:
                return [(y | (x & 1) << 255).to_bytes(32, "little") for x, y in multiples]
        y += 1


def test_ed25519_keys_of_small_order_or_with_two_encodings_are_refused() -> None:
    points = torsion()
    assert len(set(points)) == 8
    p = 2**255 - 19
    doubled = [(y + p | sign << 255).to_bytes(32, "little") for y in range(19) for sign in (0, 1)]
    signed_zero = [(1 | 1 << 255).to_bytes(32, "little"), (p - 1 | 1 << 255).to_bytes(32, "little")]
    for point in points + doubled + signed_zero:
        with pytest.raises(MalformedError, match="small order"):
            VerifyKey.from_cose(cbor2.dumps({1: 1, -1: 6, -2: point}))


@pytest.mark.parametrize(
    "members",
    [
        {1: 1, -1: 6}, {1: 1, -1: 6, -2: b"x" * 31}, {1: 1, -1: 7, -2: b"x" * 32},
        {1: 1, -1: 6, -2: b"x" * 32, 2: b"kid"}, {-1: 6, 1: 1, -2: b"x" * 32},
        {1: 2, -1: 1, -2: b"x" * 32, -3: b"y" * 32}, {1: 2, -1: 1, -2: b"x" * 32, -3: True},
        {1: 2, -1: 2, -2: b"x" * 32, -3: b"y" * 32}, {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)},
        {}, [],
    ],
)  # fmt: skip
def test_a_cose_key_is_in_its_thumbprint_form_or_none(members: Any) -> None:
    with pytest.raises(MalformedError):
        VerifyKey.from_cose(cbor2.dumps(members))


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(MalformedError, match="secp384r1"):
        VerifyKey(ec.generate_private_key(ec.SECP384R1()).public_key())


def test_no_second_signature_can_be_made_of_one() -> None:
    message = b"message"
    signature = TERMINAL.sign(message)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    good = ES256.sign(message)
    r, other_s = int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big")
    pairs = [(r, P256_ORDER - other_s), (0, other_s), (r, 0), (P256_ORDER, other_s),
             (r, P256_ORDER), (r + 1, other_s), (0, 0)]  # fmt: skip
    forged = [(TERMINAL, signature[:32] + s.to_bytes(32, "little")), (TERMINAL, bytes(64))]
    forged += [(ES256, a.to_bytes(32, "big") + b.to_bytes(32, "big")) for a, b in pairs]
    forged += [(ES256, good[:63]), (ES256, good + b"\0"), (TERMINAL, signature[:63])]
    ES256.public.verify(good, message)
    for key, bad in forged:
        with pytest.raises(SignatureError):
            key.public.verify(bad, message)


def test_secrets_are_not_shown() -> None:
    content = ContentKey(b"i" * 16, b"k" * 32)
    assert "kkkk" not in repr(content)
    assert MINE.parts[0].private_bytes_raw().hex() not in repr(MINE)
    assert repr(TERMINAL.public) in repr(TERMINAL)


SIGNED: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "ES256 head": (
        Chain(ES256).head(),
        lambda raw: chain.verify_head(raw, ES256.public),
    ),
    "receipt": (
        sign_receipts(leaves(5), RECEIPT)[3],
        lambda raw: verify_receipt(raw, TRUST.receipt_lookup),
    ),
    "receipt that moved up": (
        sign_receipts(leaves(5), RECEIPT)[4],
        lambda raw: verify_receipt(raw, TRUST.receipt_lookup),
    ),
    "configuration": (
        Configuration(ME, 8, b"[gate]").sign(CONFIG, MINE.public),
        lambda raw: Configuration.verify(
            raw, TRUST.config_lookup, terminal=ME, newer_than=0, sealing_key=MINE
        ),
    ),
    "command": (
        Command(ME, NONCE, 1, "report", ("now",)).sign(CONFIG),
        lambda raw: Command.verify(raw, TRUST.config_lookup, terminal=ME, nonce=NONCE, after=0),
    ),
}


@pytest.mark.parametrize("name", sorted(SIGNED))
@given(data=st.data())
def test_every_flipped_bit_of_what_the_platform_signs_is_found(
    name: str, data: st.DataObject
) -> None:
    message, read = SIGNED[name]
    read(message)
    bit = data.draw(st.integers(0, len(message) * 8 - 1))
    flipped = bytearray(message)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        read(bytes(flipped))
