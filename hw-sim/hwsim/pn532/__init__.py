"""A PN532 on its high-speed UART (NXP UM0701-02), with cards in its field, behind a pty."""

from hwsim.pn532.reader import Pn532Reader

__all__ = ["Pn532Reader"]
