"""Input made to harm: each of these once did something worse than raise its typed error."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from protocol import batches, blobs, bodies, cbor, chain, cose, seals, trust
from protocol.badges import Assurance, Badge
from protocol.batches import Batch
from protocol.bodies import Body, Kind, peek_blob_hash
from protocol.commands import Command
from protocol.configuration import Configuration
from protocol.disclosure import Disclosure
from protocol.errors import (
    LinkError,
    MalformedError,
    ProtocolError,
    SealError,
    SignatureError,
    TrustError,
)
from protocol.hello import Hello
from protocol.keys import Algorithm, VerifyKey
from protocol.receipts import Leaf, sign_receipts, verify_receipt
from protocol.seals import ContentKey, SealingKey, SealingPublicKey
from protocol.trust import Trust
from tests.protocol.messages import (
    BADGE,
    CONFIG,
    EPOCH,
    ME,
    MINE,
    NONCE,
    PLATFORM,
    RECEIPT,
    RECOVERY,
    ROOT,
    TERMINAL,
    TIME,
    TRUST,
    Chain,
    hello,
    leaves,
    signing_key,
)

CHAIN = Chain()
ES256 = signing_key(41, Algorithm.ES256)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# -- CBOR ----------------------------------------------------------------------------------------


def laughter(levels: int, width: int) -> bytes:
    """Arrays of shared references to the array before: `width ** levels` items in a few octets."""
    arrays = [b"\xd8\x1c" + bytes([0x80 + width]) + b"\0" * width]
    for level in range(1, levels):
        reference = b"\xd8\x1d" + bytes([level - 1])
        arrays.append(b"\xd8\x1c" + bytes([0x80 + width]) + reference * width)
    return bytes([0x80 + levels]) + b"".join(arrays)


BOMBS = {
    "shared references": laughter(7, 23),
    "a list in itself": bytes.fromhex("d81c81d81d00"),
    "a regular expression": cbor2.dumps(cbor2.CBORTag(35, "(?i)" + "[\u0100-\U0010ffff]" * 3000)),
    "a huge decimal": bytes.fromhex("c4821b7fffffffffffffff01"),
    "a rational with no denominator": bytes.fromhex("d81e820100"),
    "a MIME message": bytes.fromhex("d82478056162636465"),
    "a bignum as a key": bytes.fromhex("a1c24901000000000000000002"),
    "true as a key": bytes.fromhex("a1f500"),
    "a stop code": b"\xff",
    "100,000 levels": b"\x81" * 100_000 + b"\0",
    "100,000 tags": b"\xc1" * 100_000 + b"\0",
    "an array of 2**63 items": bytes.fromhex("9b7fffffffffffffff"),
    "more octets than anything takes": cbor.encode(bytes(cbor.MAX_MESSAGE)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_cbor_is_refused_where_it_stands(name: str) -> None:
    with pytest.raises(MalformedError):
        cbor.decode(BOMBS[name])
    assert peek_blob_hash(BOMBS[name]) is None
    for spoilt in (b"\xd2" + BOMBS[name], b"\xd2\x84\x40\xa0\x40" + BOMBS[name]):
        with pytest.raises(MalformedError):
            cose.verify1(spoilt, cose.keyring([]), b"")


def test_as_many_small_items_as_fit_are_read_to_the_end() -> None:
    count = cbor.MAX_MESSAGE - 5
    assert cbor.decode(b"\x9a" + count.to_bytes(4, "big") + b"\x80" * count) == [[]] * count


def test_eight_levels_are_read_and_nine_refused() -> None:
    assert cbor.decode(b"\x81" * 8 + b"\0") == [[[[[[[[0]]]]]]]]
    with pytest.raises(MalformedError, match="8 levels"):
        cbor.decode(b"\x81" * 9 + b"\0")
    with pytest.raises(MalformedError, match="8 levels"):
        cbor.decode(b"\xa1\0" * 9 + b"\0")


# -- fields --------------------------------------------------------------------------------------


def changed(message: bytes, key: int, value: Any) -> bytes:
    return cbor2.dumps(dict(sorted((cbor2.loads(message) | {key: value}).items())))


BODY = CHAIN.records[2][0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (0, 2), (0, True), (0, None), (1, b"t" * 31), (2, "e" * 16), (3, -1), (3, 2**63),
        (4, True), (4, None), (5, []), (5, {0: 0}), (6, "x" * 65), (6, "a\nb"), (6, "a\0"),
        (6, b"in"), (7, None), (7, 2**63), (8, "1"), (9, [b"s" * 16]), (9, [b"s" * 16, b"h"]),
        (10, b"h" * 31),
    ],
)  # fmt: skip
def test_a_body_with_a_wrong_field_is_refused(key: int, value: Any) -> None:
    with pytest.raises(MalformedError):
        Body.decode(changed(BODY, key, value))


def test_a_body_with_unknown_kind_direction_and_fields_is_read() -> None:
    body = changed(changed(changed(BODY, 4, 99), 7, 98), 12, ["later"])
    found = Body.decode(body)
    assert (found.kind, found.direction) == (99, 98)
    assert peek_blob_hash(body) == peek_blob_hash(BODY) is not None


def test_bodies_and_batches_are_measured_before_they_are_read() -> None:
    with pytest.raises(MalformedError, match="4096"):
        Body.decode(b"?" * 4097)
    with pytest.raises(MalformedError, match="4096"):
        Body(ME, EPOCH, 1, Kind.START, TIME, data={0: "x" * 4096, 1: 1}).encode()
    fields = cbor2.loads(CHAIN.batch().encode())
    for records in ([[b"?" * 4097, None]], [[b"", b"?" * 193]], [[b""]], [b""], [[1, None]]):
        with pytest.raises(MalformedError):
            Batch.decode(cbor2.dumps(fields | {5: records}))
    with pytest.raises(MalformedError, match=str(batches.MAX_BATCH)):
        Batch.decode(b"?" * (batches.MAX_BATCH + 1))
    many = [[b"", None]] * (batches.MAX_RECORDS + 1)
    with pytest.raises(MalformedError, match="4097 records"):
        Batch.decode(cbor2.dumps(fields | {5: many}))


def test_a_size_is_never_less_than_a_record_takes() -> None:
    """Room in a packet is reckoned with it."""
    for body, blob in [*CHAIN.records, (b"", None), (b"?" * 4096, b"?" * 192)]:
        assert batches.record_size(body, blob) >= len(cbor2.dumps([body, blob]))
    made = CHAIN.batch()
    sizes = sum(batches.record_size(body, blob) for body, blob in made.records)
    assert len(made.encode()) <= sizes + batches.OVERHEAD


# -- keys and signatures -------------------------------------------------------------------------


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


# -- who speaks for whom -------------------------------------------------------------------------


def head_for(terminal: bytes, link: bytes) -> bytes:
    return chain.sign_head(chain.Head(terminal, EPOCH, 5, link), signing_key(42))


def test_nobody_speaks_for_another_terminal() -> None:
    other = signing_key(42)
    with pytest.raises(SignatureError, match="another terminal"):
        Hello.verify(hello().sign(other), other.public)
    made = CHAIN.disclosure()
    made = Disclosure(
        made.body, made.link, made.following, head_for(ME, CHAIN.links[-1]), made.blob, made.key
    )
    with pytest.raises(SignatureError, match="another terminal"):
        made.verify(other.public)
    # The same head, once a key record has named that key: the terminal is then said beside it.
    assert made.verify(other.public, ME)[1] == BADGE


def test_a_disclosure_shows_what_it_says_it_shows() -> None:
    good = CHAIN.disclosure()

    def remade(**parts: Any) -> Disclosure:
        fields = {
            "body": good.body, "link": good.link, "following": good.following,
            "head": good.head, "blob": good.blob, "key": good.key,
        }  # fmt: skip
        return Disclosure(**(fields | parts))

    neighbour = CHAIN.records[4]
    wrong: list[tuple[type[ProtocolError], dict[str, Any]]] = [
        (SealError, {"blob": None}),
        (SealError, {"blob": neighbour[1]}),
        (SealError, {"key": b"?" * 32}),
        (LinkError, {"following": []}),
        (LinkError, {"following": [*good.following, b"?" * 32]}),
        (LinkError, {"following": [b"?" * 32]}),
        (LinkError, {"link": b"?" * 32}),
        (LinkError, {"body": CHAIN.records[2][0]}),
        (LinkError, {"head": chain.sign_head(
            chain.Head(ME, b"?" * 16, 5, CHAIN.links[5]), TERMINAL)}),
    ]  # fmt: skip
    for error, parts in wrong:
        with pytest.raises(error):
            remade(**parts).verify(TERMINAL.public)
    assert remade(blob=None, key=None).verify(TERMINAL.public)[1] is None
    assert remade(key=None).verify(TERMINAL.public)[1] is None
    assert Disclosure.decode(good.encode()) == good
    seal = CHAIN.records[1][0]
    following = [cbor.digest(body) for body, _ in CHAIN.records[2:]]
    for blob in (None, good.blob):
        shown = remade(body=seal, link=CHAIN.links[1], following=following, key=None, blob=blob)
        if blob is None:
            assert shown.verify(TERMINAL.public)[0].kind == Kind.SEAL
        else:
            with pytest.raises(SealError):
                shown.verify(TERMINAL.public)


def test_a_batch_may_begin_anywhere_but_the_first_record_begins_its_epoch() -> None:
    later = Batch(NONCE, EPOCH, 3, CHAIN.links[2], CHAIN.records[2:], CHAIN.head())
    assert later.prove(TERMINAL.public, ME) == CHAIN.links[3:]
    stray, body = b"?" * 32, CHAIN.records[0][0]
    head = chain.sign_head(chain.Head(ME, EPOCH, 1, chain.next_link(stray, body)), TERMINAL)
    with pytest.raises(LinkError, match="epoch's own link"):
        Batch(NONCE, EPOCH, 1, stray, [(body, None)], head).prove(TERMINAL.public, ME)


def test_a_body_nobody_can_read_does_not_hold_back_a_batch() -> None:
    for body in (b"", b"\xff", cbor2.dumps({0: 9, 3: "later"}), cbor2.dumps({9: "?"})):
        link = chain.next_link(chain.epoch_link(ME, EPOCH), body)
        head = chain.sign_head(chain.Head(ME, EPOCH, 1, link), TERMINAL)
        batch = Batch(NONCE, EPOCH, 1, chain.epoch_link(ME, EPOCH), [(body, None)], head)
        assert Batch.decode(batch.encode()).prove(TERMINAL.public, ME) == [link]


# -- seals and blobs -----------------------------------------------------------------------------


def test_a_sealer_seals_once() -> None:
    sealer = blobs.TapSealer(CHAIN.content, CHAIN.place(9))
    assert blobs.open_blob(sealer.seal(BADGE), CHAIN.content, CHAIN.place(9)) == BADGE
    with pytest.raises(RuntimeError):
        sealer.seal(BADGE)


def sealed(padded: bytes) -> bytes:
    """A blob whose plaintext, padding and all, is `padded`."""
    salt, place = b"s" * 16, CHAIN.place(9)
    key = blobs.tap_key(CHAIN.content, salt, place)
    ciphertext = AESGCM(key).encrypt(bytes(12), padded, place.aad())
    return salt + ciphertext + cbor.digest(b"pointeuse/1/kc" + key)


def padded(*fields: Any) -> bytes:
    return (cbor2.dumps(list(fields)) + b"\x80").ljust(64, b"\0")


RANDOM = b"r" * 16


def test_a_blob_made_by_hand_opens() -> None:
    badge = blobs.open_blob(
        sealed(padded(RANDOM, "12", "uid", 2, 1, None, "7")), CHAIN.content, CHAIN.place(9)
    )
    assert badge == Badge("12", "uid", Assurance.UID, 1, None, "7")


@pytest.mark.parametrize(
    "plaintext",
    [
        bytes(64),
        b"\x80" + bytes(63),
        padded(RANDOM, "12", "uid", 2, 0, None, None).replace(b"\x80", b"\x81"),
        padded(RANDOM, "12", "uid", 2, 0, None),
        padded(RANDOM, "12", "uid", 9, 0, None, None),
        padded(RANDOM, "12", "uid", 2, 2**16, None, None),
        padded(RANDOM, "1\n", "uid", 2, 0, None, None),
        padded(RANDOM, "\u00e9", "uid", 2, 0, None, None),
        padded(RANDOM, "12", "uid", 2, 0, "08800000345", None),
        padded(RANDOM, 12, "uid", 2, 0, None, None),
        padded(b"r" * 15, "12", "uid", 2, 0, None, None),
    ],
)
def test_a_badge_that_is_none_is_refused(plaintext: bytes) -> None:
    with pytest.raises(MalformedError):
        blobs.open_blob(sealed(plaintext), CHAIN.content, CHAIN.place(9))


@pytest.mark.parametrize(
    "badge",
    [
        Badge("1" * 49, "uid", Assurance.UID),
        Badge("1", "u" * 25, Assurance.UID),
        Badge("1", "uid", Assurance.UID, 0, "1" * 11),
        Badge("1", "uid", Assurance.UID, 0, None, "1" * 17),
        Badge("1\0", "uid", Assurance.UID),
        Badge("\udc80", "uid", Assurance.UID),
        Badge("\u00e9", "uid", Assurance.UID),
    ],
)
def test_a_badge_that_no_blob_holds_is_refused_without_its_number(badge: Badge) -> None:
    with pytest.raises(MalformedError) as caught:
        blobs.seal_badge(badge, CHAIN.content, CHAIN.place(9))
    assert "11" not in str(caught.value)


def open_seal(data: Any, *keys: SealingKey, seq: int = 2) -> ContentKey:
    return seals.open_seal(data, keys, terminal=ME, epoch=EPOCH, seq=seq)


def test_a_seal_opens_for_its_recipients_at_its_place_and_nowhere_else() -> None:
    data = Body.decode(CHAIN.records[1][0]).data
    assert open_seal(data, PLATFORM) == open_seal(data, RECOVERY) == CHAIN.content
    assert open_seal(data, MINE, RECOVERY) == CHAIN.content
    with pytest.raises(SealError, match="at hand"):
        open_seal(data, MINE)
    with pytest.raises(SealError):
        open_seal(data, PLATFORM, seq=3)
    kid, suite, wrapped = data[1][0]
    for other in ([*suite[:2], 1], [0x647A, 1, 2], [0x20, 2, 2], [0x20, 1]):
        with pytest.raises(SealError, match="suite"):
            open_seal({0: data[0], 1: [[kid, other, wrapped]]}, PLATFORM)
    for spoilt in (wrapped[:-1], wrapped[:31], b"", wrapped[:40] + b"?" + wrapped[41:], bytes(80)):
        with pytest.raises(SealError):
            open_seal({0: data[0], 1: [[kid, suite, spoilt]]}, PLATFORM)
    for shapeless in (None, {}, {0: b"s" * 16}, {0: b"s" * 16, 1: [[kid, suite]]},
                      {0: b"s" * 15, 1: data[1]}, {0: b"s" * 16, 1: [[kid[:31], suite, wrapped]]},
                      {0: b"s" * 16, 1: [[[], suite, wrapped]]},
                      {0: b"s" * 16, 1: [[kid, suite, None]]}):  # fmt: skip
        with pytest.raises(MalformedError):
            open_seal(shapeless, PLATFORM)


def test_a_content_key_has_32_octets() -> None:
    short = seals.make_seal(
        ContentKey(b"s" * 16, b"k" * 31), [PLATFORM.public], terminal=ME, epoch=EPOCH, seq=2
    )
    with pytest.raises(MalformedError, match="32 bytes"):
        open_seal(short, PLATFORM)


@pytest.mark.parametrize(
    ("kem", "raw"),
    [
        (0x20, bytes(32)), (0x20, b"\1" + bytes(31)), (0x20, b"x" * 31), (0x20, b""),
        (0x647A, b"\xff" * 1216), (0x647A, bytes(1216)), (0x647A, b"x" * 1215), (0x647A, b""),
        (0x21, b"x" * 56), (0, b"x" * 32),
    ],
)  # fmt: skip
def test_a_key_that_nothing_can_be_sealed_to_is_refused(kem: int, raw: bytes) -> None:
    with pytest.raises(MalformedError):
        SealingPublicKey(kem, raw)


# -- trust and receipts --------------------------------------------------------------------------


def document(number: int, roots: list[Any], threshold: int = 1, **parts: Any) -> Trust:
    fields: dict[str, Any] = {
        "receipt_keys": [RECEIPT.public],
        "config_keys": [CONFIG.public],
        "seal_to": [PLATFORM.public],
    }
    public = [key.public for key in roots]
    return Trust(number, TIME.wall_ms, public, threshold, **(fields | parts))


SECOND, THIRD = signing_key(51), signing_key(52, Algorithm.ES256)


def test_a_root_key_counts_once() -> None:
    with pytest.raises(TrustError, match="threshold"):
        trust.pin(document(1, [ROOT, ROOT], 2).sign([ROOT, ROOT]))
    with pytest.raises(SignatureError):
        trust.pin(document(1, [ROOT, SECOND], 2).sign([ROOT, ROOT]))
    assert trust.pin(document(1, [ROOT, THIRD], 2).sign([ROOT, THIRD])).threshold == 2


def test_a_revoked_root_key_counts_for_nothing() -> None:
    revoking: dict[str, Any] = {"revoked": [SECOND.public.thumbprint]}
    first = trust.pin(document(1, [ROOT, SECOND], **revoking).sign([ROOT]))
    with pytest.raises(SignatureError):
        trust.follow(first, document(2, [SECOND]).sign([SECOND]))
    with pytest.raises(SignatureError):
        trust.pin(document(1, [ROOT, SECOND], 2, **revoking).sign([ROOT, SECOND]))


def test_keys_of_a_trust_document_that_are_revoked_sign_nothing() -> None:
    thumbprints = [RECEIPT.public.thumbprint, CONFIG.public.thumbprint]
    found = document(1, [ROOT], revoked=thumbprints)
    with pytest.raises(SignatureError):
        verify_receipt(sign_receipts(leaves(1), RECEIPT)[0], found.receipt_lookup)
    command = Command(ME, NONCE, 1, "report").sign(CONFIG)
    with pytest.raises(SignatureError):
        Command.verify(command, found.config_lookup, terminal=ME, nonce=NONCE, after=0)


def test_a_trust_document_nobody_could_live_with_is_refused() -> None:
    for number, wrong in ((1, {"threshold": 0}), (1, {"seal_to": []}), (1, {"threshold": 2})):
        made = document(number, [ROOT], **wrong)
        with pytest.raises(TrustError):
            trust.pin(made.sign([ROOT]))
    with pytest.raises(TrustError, match="3 cannot follow 1"):
        trust.follow(trust.pin(document(1, [ROOT]).sign([ROOT])), document(3, [ROOT]).sign([ROOT]))


def test_a_signature_by_a_stranger_is_passed_over_and_a_wrong_one_is_not() -> None:
    made = document(1, [ROOT])
    assert trust.pin(made.sign([signing_key(53), ROOT])).number == 1
    message = made.sign([ROOT, SECOND])
    tagged = cbor2.loads(message)
    protected, unprotected, payload, signatures = tagged.value
    spoilt = [[signatures[0][0], {}, bytes(64)], signatures[1]]
    for parts in (
        [protected, unprotected, payload, spoilt],
        [protected, unprotected, payload, []],
    ):
        with pytest.raises(SignatureError):
            trust.pin(cbor2.dumps(cbor2.CBORTag(98, parts)))
    for parts in (
        [b"\xa0", {}, payload, signatures],
        [b"", {4: b"kid"}, payload, signatures],
        [b"", {}, None, signatures],
        [b"", {}, payload, [[signatures[0][0], {4: b"kid"}, signatures[0][2]]]],
        [b"", {}, payload, [signatures[0][:2]]],
        [b"", {}, payload],
    ):
        with pytest.raises(MalformedError):
            trust.pin(cbor2.dumps(cbor2.CBORTag(98, parts)))


@pytest.mark.parametrize(
    ("key", "value"),
    [(0, 2), (1, b"t"), (3, 2**63), (5, -1), (7, b""), (8, 0), (8, 8), (8, True), (9, "1")],
)
def test_a_leaf_with_a_wrong_field_is_refused(key: int, value: Any) -> None:
    with pytest.raises(MalformedError):
        Leaf.decode(changed(leaves(1)[0].encode(), key, value))


@given(size=st.integers(1, 70), data=st.data())
def test_one_receipt_never_serves_another_leaf(size: int, data: st.DataObject) -> None:
    messages = sign_receipts(leaves(size), RECEIPT)
    index = data.draw(st.integers(0, size - 1))
    assert verify_receipt(messages[index], TRUST.receipt_lookup)[0] == leaves(size)[index]
    leaf, _, path, root = cbor2.loads(messages[index])
    other = data.draw(st.integers(0, size + 1))
    if other != index:
        with pytest.raises(ProtocolError):
            verify_receipt(cbor2.dumps([leaf, other, path, root]), TRUST.receipt_lookup)
    with pytest.raises(ProtocolError):
        verify_receipt(cbor2.dumps([leaf, index, [*path, b"?" * 32], root]), TRUST.receipt_lookup)


def test_bodies_say_which_receipt_they_follow() -> None:
    leaf = leaves(1)[0]
    assert (
        cbor.digest(leaf.encode())
        == verify_receipt(sign_receipts([leaf], RECEIPT)[0], TRUST.receipt_lookup)[1]
    )
    assert bodies.MAX_BODY == 4096
