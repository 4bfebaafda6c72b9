"""The emulated PN532 by nfcpy, which does ISO-DEP itself and changes the speed of the line."""

from pathlib import Path

import nfc
import nfc.clf.pn532
import nfc.clf.transport
import nfc.tag
import pytest

from hwsim.desfire import FREE, AccessRights, Application, DataFile, DesfireCard
from hwsim.pn532 import Pn532Reader

pytestmark = pytest.mark.integration

UID = bytes.fromhex("04A1B2C3D4E5F6")
CONTENT = bytes(range(256)) * 2


def test_nfcpy_activates_a_card_and_speaks_to_it_in_blocks(tmp_path: Path) -> None:
    file = DataFile(bytearray(CONTENT), AccessRights(read=FREE), iso_id=b"\xe1\x04")
    card = DesfireCard(UID, [Application(b"\x01\x00\x00", (bytes(16),), {1: file})])
    with Pn532Reader(tmp_path / "ttyPN532") as reader:
        reader.insert(card)
        frontend = nfc.ContactlessFrontend()
        frontend.device = nfc.clf.pn532.init(nfc.clf.transport.TTY(str(reader.device)))
        try:
            assert reader.counts[0x10] == 1
            target = frontend.sense(nfc.clf.RemoteTarget("106A"))
            assert bytes(target.sdd_res) == UID
            tag = nfc.tag.activate(frontend, target)
            assert tag.type == "Type4Tag"
            assert bytes(tag.transceive(bytes.fromhex("905A00000301000000"))) == b"\x91\x00"
            assert bytes(tag.transceive(bytes.fromhex("00A4020C02E104"))) == b"\x90\x00"
            # 256 octets and a status word: chained, in frames the reader takes.
            answer = bytes(tag.transceive(bytes.fromhex("00B0000000")))
            assert answer == CONTENT[:256] + b"\x90\x00"
            assert tag.is_present
            reader.remove()
            assert not tag.is_present
        finally:
            frontend.close()
        assert reader.counts[0x42] > 5
