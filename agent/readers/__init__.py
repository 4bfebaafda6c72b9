"""Readers: one module for each family, each telling the gate what was presented."""

from agent.badges.identify import Identifier
from agent.readers.base import Reader
from agent.readers.config import ASKED, PcscConfig, ReaderConfig, SerialConfig

__all__ = ["PcscConfig", "Reader", "ReaderConfig", "SerialConfig", "open_reader"]


def open_reader(config: ReaderConfig, identifier: Identifier | None = None) -> Reader:
    """The reader of a configuration table; nothing is opened before its `run`.

    `identifier` is what a reader asks that can speak to cards; without one a card is its UID. The
    family's library is imported here and nowhere else, so that a terminal with a serial
    reader never pays for PC/SC. Raises ReaderUnavailableError when that library is not installed.
    """
    if isinstance(config, SerialConfig):
        if config.protocol in ASKED:
            from agent.readers.asked import AskedReader

            return AskedReader(config)
        from agent.readers.serial_port import SerialReader

        return SerialReader(config)
    from agent.readers.pcsc import PcscReader

    return PcscReader(config, identifier or Identifier())
