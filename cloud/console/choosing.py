"""A password that somebody chooses: judged and hashed before anything is written.

Whoever has a link could have one after the other judged: they take turns with logins, and those
that are refused count as logins that failed.
"""

from collections.abc import Sequence
from contextvars import copy_context

from fastapi import Request
from starlette.exceptions import HTTPException

from cloud.accounts import passwords
from cloud.console.forms import Problems
from cloud.console.login import TOO_MANY, address_of
from cloud.console.proving import judged
from cloud.languages.current import gettext as _

FIELD = "password"


def chosen(request: Request, problems: Problems, password: str, about: Sequence[str]) -> str | None:
    """The encoded hash of a new password; None for one that will not do, which its field says.

    `about` is what others know of its owner. Raises HTTPException: 429 when too many were refused
    from there, 503 when too many are judged.
    """
    throttle, address = request.app.state.throttle, address_of(request)
    if throttle.refuses(address):
        raise HTTPException(429, _(TOO_MANY))
    encoded: str | None = None
    with problems.of(FIELD):
        # In the language of the request, which another thread has not.
        encoded = judged(request, copy_context().run, passwords.made, password, about)
    if encoded is None:
        throttle.count(address)
    return encoded
