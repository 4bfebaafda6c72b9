"""The trust documents of a terminal."""

import dataclasses
from pathlib import Path

import pytest

from agent.trust_store import TrustStore
from protocol.errors import KeyFileError, SignatureError, TrustError
from protocol.keys import SigningKey
from protocol.seals import SealingKey
from protocol.trust import Trust

ROOTS = [SigningKey.generate() for _ in range(3)]
SEALING = SealingKey.generate()


def document(number: int, root: SigningKey) -> Trust:
    return Trust(
        number=number,
        issued_ms=0,
        roots=[root.public],
        threshold=1,
        receipt_keys=[root.public],
        config_keys=[root.public],
        seal_to=[SEALING.public],
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "1.cbor").write_bytes(document(1, ROOTS[0]).sign([ROOTS[0]]))
    return tmp_path


def test_roots_rotate_step_by_step_and_across_restarts(state: Path) -> None:
    store = TrustStore(state, SEALING)
    store.follow(document(2, ROOTS[1]).sign([ROOTS[0], ROOTS[1]]))
    store.follow(document(3, ROOTS[2]).sign([ROOTS[1], ROOTS[2]]))
    again = TrustStore(state, SEALING)
    assert again.current.number == 3
    assert again.current.roots == [ROOTS[2].public]


def test_a_document_not_signed_by_the_one_before_changes_nothing(state: Path) -> None:
    store = TrustStore(state, SEALING)
    with pytest.raises(SignatureError):
        store.follow(document(2, ROOTS[1]).sign([ROOTS[1]]))
    with pytest.raises(TrustError):
        store.follow(document(3, ROOTS[1]).sign([ROOTS[0], ROOTS[1]]))
    assert store.current.number == 1
    assert TrustStore(state, SEALING).current.number == 1


def test_an_edited_or_missing_first_document_is_named(state: Path) -> None:
    first = state / "trust" / "1.cbor"
    edited = bytearray(first.read_bytes())
    edited[-1] ^= 1
    first.write_bytes(edited)
    with pytest.raises(KeyFileError, match=r"1\.cbor cannot be believed"):
        TrustStore(state, SEALING)
    first.unlink()
    with pytest.raises(KeyFileError, match="enrol"):
        TrustStore(state, SEALING)


def test_a_document_sent_again_changes_nothing(state: Path) -> None:
    store = TrustStore(state, SEALING)
    second = document(2, ROOTS[1]).sign([ROOTS[0], ROOTS[1]])
    store.follow(second)
    assert store.follow(second).number == 2
    assert TrustStore(state, SEALING).follow(second).number == 2


def test_a_document_that_cannot_be_stored_is_not_adopted(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TrustStore(state, SEALING)
    second = document(2, ROOTS[1]).sign([ROOTS[0], ROOTS[1]])

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            store.follow(second)
    assert store.current.number == 1
    assert store.follow(second).number == 2


def test_receipts_of_long_ago_are_believed_unless_their_key_was_revoked(state: Path) -> None:
    store = TrustStore(state, SEALING)
    store.follow(document(2, ROOTS[1]).sign([ROOTS[0], ROOTS[1]]))
    both = [ROOTS[0].public, ROOTS[1].public]
    assert store.receipt_keys == both
    assert TrustStore(state, SEALING).receipt_keys == both
    last = document(3, ROOTS[2])
    last = dataclasses.replace(last, revoked=[ROOTS[0].public.thumbprint])
    store.follow(last.sign([ROOTS[1], ROOTS[2]]))
    assert store.receipt_keys == [ROOTS[1].public, ROOTS[2].public]
