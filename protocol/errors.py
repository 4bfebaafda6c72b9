"""What can be wrong with a message, a record or a key.

ProtocolError
├── MalformedError    the bytes are not what the CDDL says
├── SignatureError    a signature does not verify, or was made by another key
├── LinkError         a record does not continue the chain it claims to continue
├── SealError         a sealed part cannot be opened, or is not the one its body names
├── TrustError        a trust document does not follow the one before it
└── KeyFileError      a key file is missing, unreadable, or open to others
"""


class ProtocolError(Exception):
    """Something is wrong with a message, a record or a key."""


class MalformedError(ProtocolError):
    """The bytes are not what the CDDL says."""


class SignatureError(ProtocolError):
    """A signature does not verify, or was made by another key than the one expected."""


class LinkError(ProtocolError):
    """A record does not continue the chain it claims to continue."""


class SealError(ProtocolError):
    """A sealed part cannot be opened, or is not the one its body names."""


class TrustError(ProtocolError):
    """A trust document does not follow the one before it."""


class KeyFileError(ProtocolError):
    """A key file is missing, unreadable, or readable by others."""
