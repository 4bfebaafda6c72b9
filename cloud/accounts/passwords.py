"""Passwords: which are good enough, and how they are kept.

Kept as argon2id (RFC 9106, the second recommended option: 64 MiB, three passes). Judged as NIST
SP 800-63B section 3.1.1 asks: by length and by whether they are known or easily guessed, never by
which characters they mix. The known ones are in `cloud.accounts.leaked`; zxcvbn guesses.
"""

import string
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from cloud.accounts import leaked
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

MIN = 12
MAX = 256
_GUESSES = 10**8
"""Fewer guesses than this, and an attack over the network succeeds in a year."""
_LEFT = 8
"""Characters a password has at least beside what others know of its owner."""
_TELLING = 3
"""Shorter parts of a name say nothing."""
_ADDED = string.digits + string.punctuation + " "
_JUDGED = 32
"""zxcvbn takes time with the square of the length (a second for 48 signs that stand for letters);
what is longer is strong by its length."""


def check(password: str, *, about: Sequence[str] = ()) -> None:
    """Refuse a password too weak to guard anything. `about`: what others know of its owner.

    Raises InvalidError with the reason and what to do.
    """
    if len(password) < MIN:
        raise InvalidError(
            _(
                "the password has %(count)s characters; %(least)s is the least:"
                " four or five words do well"
            )
            % {"count": len(password), "least": MIN}
        )
    if len(password) > MAX:
        raise InvalidError(
            _("the password has %(count)s characters; %(most)s is the most")
            % {"count": len(password), "most": MAX}
        )
    if _leaked(password):
        raise InvalidError(
            _(
                "the password is on a list of stolen ones, as it is or with signs at its end;"
                " choose another"
            )
        )
    if _guessable(password, about):
        raise InvalidError(
            _("the password is easily guessed; choose another: four or five words do well")
        )


def made(password: str, about: Sequence[str]) -> str:
    """The encoded hash of a password that is good enough. Raises InvalidError as `check` does.

    It takes a processor for long: nothing of a database is to wait for it.
    """
    check(password, about=about)
    return hashed(password)


def hashed(password: str) -> str:
    """The encoded argon2id hash of a password."""
    return _hasher().hash(password)


def matches(password: str, encoded: str | None) -> bool:
    """Whether a password is the one that was hashed.

    Without a hash the answer is no, and takes as long: nobody learns which accounts exist.
    """
    try:
        _hasher().verify(encoded or _nobody(), password[: MAX + 1])
    except (VerificationError, InvalidHashError):
        return False
    return encoded is not None


def outdated(encoded: str) -> bool:
    """Whether a hash was made with parameters that are no longer ours."""
    return _hasher().check_needs_rehash(encoded)


def _guessable(password: str, about: Sequence[str]) -> bool:
    from zxcvbn import zxcvbn

    known = {part for text in about for part in (text, *text.replace("@", " ").split())}
    rest = password.lower()
    for part in sorted(known, key=len, reverse=True):
        rest = rest.replace(part.lower(), "") if len(part) >= _TELLING else rest
    if len(rest) < _LEFT:
        return True
    found = zxcvbn(password[:_JUDGED], user_inputs=sorted(known))
    return bool(found["guesses"] < _GUESSES)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _nobody() -> str:
    return _hasher().hash("the password of no account")


def _leaked(password: str) -> bool:
    """Whether it is on the list, whole or without the signs at its end."""
    bare = password.rstrip(_ADDED)
    return leaked.known(password) or (len(bare) >= leaked.LEAST and leaked.known(bare))
