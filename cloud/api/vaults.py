"""The vault that numbers of people, and secrets, are sealed with."""

from contextlib import suppress

from fastapi import Request

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.workers.vault import Vault, VaultError


def vault_of(request: Request, without: str = "") -> Vault:
    """The platform's vault. Raises InvalidError, saying `without`, when there is no key for it."""
    directory = request.app.state.directory
    if directory is not None:
        with suppress(VaultError):
            return Vault.open(directory)
    raise InvalidError(
        without
        or _("This platform has no key to keep an INSS with; ask who runs it, or leave it empty.")
    )


def vault_for_secrets(request: Request) -> Vault:
    """The platform's vault, for the secrets of webhooks. Raises InvalidError likewise."""
    return vault_of(request, _("This platform has no key to keep a secret with; ask who runs it."))
