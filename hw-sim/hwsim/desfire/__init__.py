"""A MIFARE DESFire card, from its chip's side: EV1, EV2 and EV3 with AES keys.

Written from NXP's AN12196 (EV2 secure messaging), AN10922 (key diversification), and libfreefare's
and libnfc's use of EV1. It shares no code with the terminal's side, so that each checks the other.
"""

from hwsim.desfire.applications import Application
from hwsim.desfire.card import DesfireCard
from hwsim.desfire.files import FREE, NEVER, AccessRights, DataFile, Mode

__all__ = ["FREE", "NEVER", "AccessRights", "Application", "DataFile", "DesfireCard", "Mode"]
