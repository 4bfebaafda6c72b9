"""The proof of a registration over the API: recomputed from its answer, with both public keys."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cloud.accounts.scopes import OPERATOR_S, Scope
from cloud.audit.tables import audit
from cloud.custody import receipts
from cloud.custody.tables import records
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminals
from cloud.workers import service as workers
from protocol import chain, cose
from protocol.bodies import Body
from protocol.disclosure import Disclosure
from protocol.keyfiles import save_private_key
from protocol.keys import SigningKey
from protocol.receipts import Leaf, sign_receipts, verify_receipt
from protocol.salvaged import carried_body
from tests.cloud.api.conftest import program
from tests.cloud.console.company import Company
from tests.cloud.terminal import FakeTerminal

NUMBER = "0123456789"


class Platform:
    """Custody, with the key that signs receipts."""

    def __init__(self, company: Company, directory: Path) -> None:
        self.company, self.engine, self.directory = company, company.engine, directory
        self.key = SigningKey.generate()
        self.terminal = FakeTerminal()
        (directory / "keys").mkdir(exist_ok=True)
        save_private_key(directory / "keys" / "sealing.key", self.terminal.platform)
        with self.engine.begin() as conn:
            terminals.assign(conn, self.terminal.register(conn), company.quai, 0)
            badge = workers.put_badge(conn, "em4100", NUMBER)
            workers.link_badge(conn, badge, company.worker)

    def takes(self, message: bytes, *, keeping: bool = True) -> list[bytes]:
        """Accept a batch, read it, and keep the receipts given for it."""
        custody = Custody(self.engine, self.directory, generation=1)
        answers = custody.accept([Incoming(self.terminal.device, "records", message)])
        leaves: list[Leaf] = [each.leaf for each in answers if each.leaf is not None]
        signed = sign_receipts(leaves, self.key)
        if keeping:
            with self.engine.begin() as conn:
                receipts.keep(conn, list(zip(leaves, signed, strict=True)))
        Interpreter(self.engine, [self.terminal.platform]).run_to_end()
        return signed

    def number(self) -> int:
        with self.engine.connect() as conn:
            return int(conn.execute(select(registrations.c.id)).scalar_one())

    def tags(self) -> list[str]:
        with self.engine.connect() as conn:
            return list(conn.execute(select(audit.c.tag).order_by(audit.c.id)).scalars())


@pytest.fixture
def platform(company: Company, tmp_path: Path) -> Platform:
    return Platform(company, tmp_path)


def ask(platform: Platform, reader: Engine, query: str = "", **rights: Any) -> Any:
    options = {"directory": platform.directory, **rights}
    client = program(reader, platform.engine, platform.company.ours, **options)
    return client.get(f"/v1/registrations/{platform.number()}/proof{query}")


def recomputed(record: dict[str, Any]) -> bytes:
    """The link at the head, by the answer alone."""
    link = chain.next_link(bytes.fromhex(record["before"]), bytes.fromhex(record["body"]))
    assert link.hex() == record["link"]
    for body_hash in record["following"]:
        link = chain.next_link_by_hash(link, bytes.fromhex(body_hash))
    return link


def test_the_answer_proves_it_up_to_the_receipt(platform: Platform, reader: Engine) -> None:
    terminal = platform.terminal
    seq = terminal.tap(NUMBER)
    terminal.add(1, data={0: "later", 1: 1})
    platform.takes(terminal.batch(), keeping=False)
    terminal.add(1, data={0: "later still", 1: 1})
    (given,) = platform.takes(terminal.batch(first=seq + 2))
    answer = ask(platform, reader)
    assert answer.status_code == 200, answer.text
    assert NUMBER not in answer.text
    found = answer.json()
    record, receipt = found["record"], found["receipt"]
    assert (record["seq"], record["head_seq"], receipt["seq"]) == (seq, seq + 1, seq + 2)
    assert (found["device"], record["first_stood"]) == (terminal.device, None)
    head = chain.verify_head(bytes.fromhex(record["head"]), terminal.key.public)
    link = recomputed(record)
    assert (head.seq, head.link) == (seq + 1, link)
    for body_hash in receipt["following"]:
        link = chain.next_link_by_hash(link, bytes.fromhex(body_hash))
    assert bytes.fromhex(receipt["message"]) == given
    leaf, _ = verify_receipt(given, cose.keyring([platform.key.public]))
    assert (leaf.seq, leaf.link, leaf.epoch.hex()) == (seq + 2, link, record["epoch"])
    assert found["disclosure"] is None
    assert platform.tags()[-1] == "api:registration:prove"


def test_without_a_receipt_it_says_so(platform: Platform, reader: Engine) -> None:
    platform.terminal.tap(NUMBER)
    platform.takes(platform.terminal.batch(), keeping=False)
    found = ask(platform, reader).json()
    assert found["receipt"] is None
    assert recomputed(found["record"]).hex() == found["record"]["link"]


def test_a_carried_record_is_proved_by_the_one_that_carries_it(
    platform: Platform, reader: Engine
) -> None:
    old = platform.terminal
    seq = old.tap(NUMBER)
    new = old.next_epoch()
    for each in range(1, seq + 1):
        new.carry(old, each)
    (given,) = platform.takes(new.batch())
    found = ask(platform, reader).json()
    record = found["record"]
    assert record["first_stood"] == {"epoch": old.epoch.hex(), "seq": seq}
    assert record["epoch"] == new.epoch.hex()
    assert carried_body(Body.decode(bytes.fromhex(record["body"]))).seq == seq
    head = chain.verify_head(bytes.fromhex(record["head"]), old.key.public)
    assert recomputed(record) == head.link
    assert found["receipt"]["message"] == given.hex()
    page = platform.company.browser(reader, "viewer").get(f"/registrations/{platform.number()}")
    assert record["body"] in page.text
    assert given.hex() in page.text
    assert old.epoch.hex() in page.text
    assert "carried this record over" in page.text


def test_opened_is_for_a_token_that_reads_badges_whole(platform: Platform, reader: Engine) -> None:
    platform.terminal.tap(NUMBER)
    platform.takes(platform.terminal.batch())
    before = platform.tags()
    refused = ask(platform, reader, "?opened=true")
    assert refused.status_code == 403
    assert "badge numbers whole" in refused.text
    assert platform.tags() == before
    answer = ask(platform, reader, "?opened=true", whole_badges=True)
    made = Disclosure.decode(bytes.fromhex(answer.json()["disclosure"]))
    _, badge = made.verify(platform.terminal.key.public)
    assert badge is not None
    assert badge.number == NUMBER
    assert platform.tags()[-1] == "api:registration:disclose"
    keyless = ask(platform, reader, "?opened=true", whole_badges=True, directory=None)
    assert (keyless.status_code, "no keys" in keyless.text) == (404, True)
    everything_else = frozenset(Scope) - {Scope.REGISTRATIONS_PROVE} - OPERATOR_S
    assert ask(platform, reader, may=everything_else).status_code == 403


def test_what_custody_has_no_more_has_no_proof(platform: Platform, reader: Engine) -> None:
    platform.terminal.tap(NUMBER)
    platform.takes(platform.terminal.batch())
    with platform.engine.begin() as conn:
        conn.execute(records.delete())
    found = ask(platform, reader).json()
    assert (found["record"], found["receipt"]) == (None, None)
    page = platform.company.browser(reader, "viewer").get(f"/registrations/{platform.number()}")
    assert "not in custody any more" in page.text
