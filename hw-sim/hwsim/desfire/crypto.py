"""AES-128 as a DESFire chip has it: CBC, CMAC with a running vector, CRC32, diversification."""

import zlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 16
ZEROS = bytes(BLOCK)
_R128 = 0x87
"""The constant of subkey generation (NIST SP 800-38B, 5.3)."""
_TOP = 1 << 127
_ALL = (1 << 128) - 1


def xor(one: bytes, other: bytes) -> bytes:
    """Octet by octet; both have one length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def rotated(data: bytes) -> bytes:
    """`data` with its first octet last."""
    return data[1:] + data[:1]


def cbc_encrypt(key: bytes, data: bytes, vector: bytes = ZEROS) -> bytes:
    """`data`, of whole blocks, enciphered."""
    encryptor = Cipher(AES128(key), CBC(vector)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def cbc_decrypt(key: bytes, data: bytes, vector: bytes = ZEROS) -> bytes:
    """`data`, of whole blocks, deciphered."""
    decryptor = Cipher(AES128(key), CBC(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def subkeys(key: bytes) -> tuple[bytes, bytes]:
    """K1 and K2 (NIST SP 800-38B, 6.1)."""
    first = _doubled(cbc_encrypt(key, ZEROS))
    return first, _doubled(first)


def cmac(key: bytes, message: bytes, vector: bytes = ZEROS) -> bytes:
    """The 16 octets of a CMAC (NIST SP 800-38B, 6.2) begun from `vector`."""
    whole, padded = subkeys(key)
    if message and len(message) % BLOCK == 0:
        mask, data = whole, message
    else:
        mask, data = padded, method_2(message)
    last = xor(data[-BLOCK:], mask)
    return cbc_encrypt(key, data[:-BLOCK] + last, vector)[-BLOCK:]


def method_2(data: bytes) -> bytes:
    """`data` padded with 80 00 .. to whole blocks (ISO/IEC 9797-1, 6.3.3), one more if whole."""
    return filled(data + b"\x80")


def filled(data: bytes) -> bytes:
    """`data` filled up with zeros to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def crc32(data: bytes) -> bytes:
    """The CRC32 of EV1: not complemented at its end, last octet first."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def diversified(key: bytes, *parts: bytes) -> bytes:
    """The key of one card, AES-128 (AN10922, 2.2.1); `parts` have 31 octets at most together."""
    data = b"\x01" + b"".join(parts)
    if len(data) > 2 * BLOCK:
        raise ValueError(f"a diversification input of {len(data) - 1} octets; 31 at most")
    whole, padded = subkeys(key)
    if len(data) == 2 * BLOCK:
        mask = whole
    else:
        mask, data = padded, (data + b"\x80").ljust(2 * BLOCK, b"\x00")
    return cbc_encrypt(key, data[:BLOCK] + xor(data[BLOCK:], mask))[-BLOCK:]


def _doubled(block: bytes) -> bytes:
    value = int.from_bytes(block, "big")
    return ((value << 1 & _ALL) ^ (_R128 if value & _TOP else 0)).to_bytes(BLOCK, "big")
