"""Readers: one module for each family, each telling the gate what was presented."""

from pathlib import Path

from agent.badges.identify import Identifier
from agent.readers.base import Reader
from agent.readers.config import ASKED, PcscConfig, ReaderConfig, SerialConfig
from agent.readers.osdp_config import OsdpConfig
from agent.readers.pn532_config import Pn532Config
from agent.readers.wedge_config import WedgeConfig

__all__ = [
    "OsdpConfig",
    "PcscConfig",
    "Pn532Config",
    "Reader",
    "ReaderConfig",
    "SerialConfig",
    "WedgeConfig",
    "open_reader",
]


def open_reader(
    config: ReaderConfig, identifier: Identifier | None = None, state: Path = Path()
) -> Reader:
    """The reader of a configuration table; nothing is opened before its `run`.

    `state` is the terminal's state directory, where its credential store is.
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
    if isinstance(config, OsdpConfig):
        from agent.badges.credentials import Credentials
        from agent.readers.osdp import OsdpReader

        store = Credentials(state)
        return OsdpReader(config, lambda name: store.key(name).reveal())
    if isinstance(config, WedgeConfig):
        from agent.readers.wedge import WedgeReader

        return WedgeReader(config)
    if isinstance(config, Pn532Config):
        from agent.readers.pn532 import Pn532Reader

        return Pn532Reader(config, identifier or Identifier())
    from agent.readers.pcsc import PcscReader

    return PcscReader(config, identifier or Identifier())
