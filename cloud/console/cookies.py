"""Cookies of the console: for this host alone, over TLS alone, and out of reach of scripts.

The prefix `__Host-` makes browsers refuse one from a subdomain, or without TLS (RFC 6265bis,
section 4.1.3.2); they take loopback for as good as TLS.
"""

from fastapi.responses import Response


def give(answer: Response, name: str, value: str, *, kept_s: int | None = None) -> None:
    """Have a browser keep a cookie, until it is closed unless told for how long."""
    answer.set_cookie(
        name, value, max_age=kept_s, secure=True, httponly=True, samesite="lax", path="/"
    )


def take(answer: Response, name: str) -> None:
    """Have a browser forget a cookie."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
