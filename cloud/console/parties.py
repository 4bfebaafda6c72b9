"""For whom this platform's passkeys are made."""

from fastapi import Request

from cloud.accounts.party import Party, party_of
from cloud.errors import InvalidError


def party(request: Request) -> Party:
    """Raises InvalidError saying why this platform has no passkeys."""
    return party_of(request.app.state.public_url)


def party_if_any(request: Request) -> Party | None:
    """None: this platform has no passkeys."""
    try:
        return party(request)
    except InvalidError:
        return None
