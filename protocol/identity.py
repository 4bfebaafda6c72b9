"""Device numbers: a terminal's thumbprint as people read it from a label.

50 bits of the thumbprint in Crockford's base 32 (10 characters) and his check symbol (modulo 37),
grouped `XXXXX-XXXXX-C`. Lower case, `O` for 0, `I` and `L` for 1 and missing or extra hyphens are
forgiven. The number names a terminal; it proves nothing: security compares thumbprints.
"""

from protocol.keys import Algorithm, SigningKey

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK = _ALPHABET + "*~$=U"
_LENGTH = 10
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def device_number(thumbprint: bytes) -> str:
    """The grouped device number of an identity key's 32-byte thumbprint."""
    number = int.from_bytes(thumbprint[:7], "big") >> 6
    digits = "".join(_ALPHABET[number >> shift & 31] for shift in range(45, -1, -5))
    return group(digits + _CHECK[number % 37])


def compact(device: str) -> str:
    """The device number without hyphens: its form in topics, certificates and tables."""
    return device.replace("-", "")


def group(device: str) -> str:
    """The device number as printed, from its compact form."""
    return f"{device[:5]}-{device[5:10]}-{device[10:]}"


def parse_device_number(text: str) -> str:
    """Read a device number as typed by a person, to its compact form.

    Raises ValueError naming what is wrong.
    """
    typed = text.strip().upper().translate(_FORGIVEN)
    if len(typed) != _LENGTH + 1:
        raise ValueError(
            f"{text!r} is not a device number: it has {len(typed)} characters, not {_LENGTH + 1}"
        )
    number = 0
    for character in typed[:_LENGTH]:
        value = _ALPHABET.find(character)
        if value < 0:
            raise ValueError(f"{text!r} is not a device number: {character!r} is never in one")
        number = number << 5 | value
    if _CHECK[number % 37] != typed[_LENGTH]:
        raise ValueError(
            f"{text!r} is not a device number: the check character does not fit,"
            " so a character is mistyped"
        )
    return typed


def generate_identity(algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    """Make an identity key whose device number is letters and digits only.

    Four of Crockford's 37 check symbols (`*~$=`) are a nuisance in shells, file names and on the
    telephone: one key in nine is thrown away to be rid of them. Such numbers parse all the same.
    """
    while True:
        key = SigningKey.generate(algorithm)
        if device_number(key.public.thumbprint)[-1].isalnum():
            return key
