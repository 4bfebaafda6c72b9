"""Keys in files: private, whole, never overwritten; and what is wrong with a file is said."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x448, x25519

from protocol.errors import KeyFileError
from protocol.keyfiles import (
    load_public_key,
    load_sealing_key,
    load_signing_key,
    save_private_key,
    save_secret,
)
from protocol.keys import Algorithm, SigningKey
from protocol.seals import MLKEM768_X25519, X25519, SealingKey


def pem(key: ec.EllipticCurvePrivateKey | x448.X448PrivateKey | mlkem.MLKEM768PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signing_key_comes_back(tmp_path: Path, algorithm: Algorithm) -> None:
    key = SigningKey.generate(algorithm)
    path = tmp_path / "identity.key"
    save_private_key(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    found = load_signing_key(path)
    assert found.public == key.public
    key.public.verify(found.sign(b"message"), b"message")
    with pytest.raises(KeyFileError, match="neither an X25519"):
        load_sealing_key(path)


@pytest.mark.parametrize("kem", [X25519, MLKEM768_X25519])
def test_a_sealing_key_comes_back(tmp_path: Path, kem: int) -> None:
    key = SealingKey.generate(kem)
    path = tmp_path / "sealing.key"
    save_private_key(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = load_sealing_key(path)
    assert found.public.kid == key.public.kid
    assert found.decrypt(key.public.encrypt(b"secret", b"info"), b"info") == b"secret"


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = SigningKey.generate()
    save_private_key(path, first)
    with pytest.raises(KeyFileError, match="exists already"):
        save_private_key(path, SigningKey.generate())
    assert load_signing_key(path).public == first.public
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_open_to_others_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "identity.key"
    save_private_key(path, SigningKey.generate())
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        load_signing_key(path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.key", tmp_path):
        with pytest.raises(KeyFileError, match=str(path)):
            load_signing_key(path)
    with pytest.raises(KeyFileError, match="No such file"):
        save_secret(tmp_path / "no" / "directory", b"x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(x448.X448PrivateKey.generate()),
        pem(mlkem.MLKEM768PrivateKey.generate()),
    ],
    ids=["empty", "nonsense", "no key", "P-384", "X448", "ML-KEM alone"],
)
def test_a_file_that_holds_another_thing_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.key"
    save_secret(path, content)
    for load in (load_signing_key, load_sealing_key):
        with pytest.raises(KeyFileError, match=str(path)):
            load(path)


def test_a_sealing_key_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    key = SealingKey.generate(MLKEM768_X25519)
    x_key, mlkem_key = key.parts
    assert isinstance(x_key, x25519.X25519PrivateKey)
    assert mlkem_key is not None
    path = tmp_path / "sealing.key"
    simple = tmp_path / "simple.key"
    save_private_key(simple, SealingKey(x_key))
    save_secret(path, pem(mlkem_key) + simple.read_bytes())
    with pytest.raises(KeyFileError, match="neither an X25519"):
        load_sealing_key(path)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_public_key_is_read_in_each_of_its_forms(tmp_path: Path, algorithm: Algorithm) -> None:
    key = SigningKey.generate(algorithm).public
    text = key.to_cose().hex()
    for content in (
        key.public_pem(),
        key.to_cose(),
        text.encode(),
        text.upper().encode() + b"\n",
        b'{"device": "x", "public_key": "%s"}\n' % text.encode(),
    ):
        (tmp_path / "key").write_bytes(content)
        assert load_public_key(tmp_path / "key") == key


@pytest.mark.parametrize(
    "content",
    [
        b"", b"00", b"?", b"\xff" * 40, b"{", b"{}", b'{"public_key": 5}', b'{"public_key": "zz"}',
        b"-----BEGIN PUBLIC KEY-----\nx",
        x448.X448PrivateKey.generate().public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyFileError, match="holds no public key"):
        load_public_key(tmp_path / "key")
