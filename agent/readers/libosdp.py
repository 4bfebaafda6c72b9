"""libosdp, or how to install it."""

from agent.readers.base import ReaderUnavailableError

try:
    import osdp_sys
except ImportError as error:
    raise ReaderUnavailableError(
        "a reader of kind osdp needs libosdp: install pointeuse[osdp]"
    ) from error

__all__ = ["osdp_sys"]
