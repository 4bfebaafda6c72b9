"""nfcpy's driver of the PN532, or how to install it."""

from agent.readers.base import ReaderUnavailableError

try:
    from nfc.clf import pn532
except ImportError as error:
    raise ReaderUnavailableError(
        "a reader of kind pn532 needs nfcpy: install pointeuse[pn532]"
    ) from error

__all__ = ["pn532"]
