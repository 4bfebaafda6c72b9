"""E-mail addresses, by which accounts are known."""

import re

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

# What mail servers take from each other without quoting (RFC 5321 section 4.1.2, Dot-string), and
# internationalised names beside it (RFC 6531). That a message arrives is what proves an address.
_ATOM = r"[^\s@\"(),:;<>\[\]\\.\x00-\x1f\x7f]+"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?=.{{1,253}}$){_ATOM}(?:\.{_ATOM})+")
_MAX = 254


def normalise(text: str) -> str:
    """An address in lower case, without white space around it. Raises InvalidError."""
    address = text.strip().lower()
    if len(address) > _MAX or not _ADDRESS.fullmatch(address):
        raise InvalidError(
            _("%(text)s is not an e-mail address; write one as ann@example.be")
            % {"text": repr(text[:60])}
        )
    return address
