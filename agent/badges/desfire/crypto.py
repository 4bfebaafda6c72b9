"""AES-128 as DESFire uses it."""

import zlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
ZEROS = bytes(BLOCK)
_DIVERSIFIED = 32
"""Octets a diversification input is padded to (AN10922, 2.2)."""


def encrypt(key: bytes, plaintext: bytes, iv: bytes = ZEROS) -> bytes:
    """AES-CBC of whole blocks."""
    encryptor = Cipher(AES128(key), CBC(iv)).encryptor()
    return encryptor.update(plaintext) + encryptor.finalize()


def decrypt(key: bytes, ciphertext: bytes, iv: bytes = ZEROS) -> bytes:
    """AES-CBC of whole blocks, the other way."""
    decryptor = Cipher(AES128(key), CBC(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (NIST SP 800-38B), 16 octets."""
    mac = CMAC(AES128(key))
    mac.update(message)
    return mac.finalize()


def chained_cmac(key: bytes, message: bytes, iv: bytes) -> bytes:
    """AES-CMAC that begins from `iv` instead of zeros, 16 octets."""
    return _cmac_of_blocks(key, message, BLOCK, iv)


def diversify(master_key: bytes, diversification_input: bytes) -> bytes:
    """The card's own AES-128 key (AN10922, 2.2.1), from an input of 1 to 31 octets.

    It differs from a plain CMAC for inputs under 16 octets, which are padded to two blocks.
    """
    if not 1 <= len(diversification_input) < _DIVERSIFIED:
        raise ValueError("a diversification input has 1 to 31 octets")
    return _cmac_of_blocks(master_key, b"\x01" + diversification_input, _DIVERSIFIED, ZEROS)


def crc32(data: bytes) -> bytes:
    """The CRC of EV1's encrypted answers, 4 octets: CRC-32 without its last inversion."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def rotated(data: bytes) -> bytes:
    """`data` rotated left by one octet."""
    return data[1:] + data[:1]


def truncated(mac: bytes) -> bytes:
    """The 8 octets of a CMAC that EV2 sends: every second one (AN12196, 5.3)."""
    return mac[1::2]


def padded_length(length: int) -> int:
    """`length` rounded up to whole blocks."""
    return -(-length // BLOCK) * BLOCK


def _cmac_of_blocks(key: bytes, message: bytes, least: int, iv: bytes) -> bytes:
    size = max(least, padded_length(len(message)))
    subkey = _doubled(encrypt(key, ZEROS))
    if len(message) < size:
        subkey = _doubled(subkey)
        message = (message + b"\x80").ljust(size, b"\0")
    last = bytes(a ^ b for a, b in zip(message[-BLOCK:], subkey, strict=True))
    return encrypt(key, message[:-BLOCK] + last, iv)[-BLOCK:]


def _doubled(block: bytes) -> bytes:
    """`block` times x in GF(2^128) (NIST SP 800-38B, 6.1)."""
    value = int.from_bytes(block, "big") << 1
    if value >> 128:
        value = (value ^ 0x87) & (1 << 128) - 1
    return value.to_bytes(BLOCK, "big")
