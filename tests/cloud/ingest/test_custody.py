"""Custody: what is stored, what is answered, what is refused; on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from cloud.custody import saying
from cloud.custody.tables import alarms, epochs, heads, records, rejected
from cloud.ingest import rejects
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.terminals.tables import terminals
from protocol import chain
from protocol.batches import Batch
from protocol.keys import SigningKey
from protocol.receipts import Leaf, Verdict
from tests.cloud.terminal import NOW_MS, FakeTerminal


class Platform:
    """Custody over one database, spoken to as the broker would."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.custody = Custody(engine, directory, generation=3)

    def register(self, terminal: FakeTerminal, status: str = "active") -> None:
        with self.engine.begin() as conn:
            terminal.register(conn, status)

    def send(self, terminal: FakeTerminal, payload: bytes, name: str = "records") -> Leaf:
        (answer,) = self.custody.accept([Incoming(terminal.device, name, payload)])
        assert answer.device == terminal.device
        assert answer.leaf is not None
        return answer.leaf

    def rows(self, table: Any) -> list[Any]:
        with self.engine.begin() as conn:
            return list(conn.execute(select(table)).mappings())

    def held(self, terminal: FakeTerminal, branch: int = 0) -> list[tuple[int, bytes, bytes]]:
        """Seq, body and link of each record of a chain in custody."""
        with self.engine.begin() as conn:
            return [
                tuple(row)
                for row in conn.execute(
                    select(records.c.seq, records.c.body, records.c.link)
                    .join(epochs, epochs.c.id == records.c.epoch_id)
                    .where(epochs.c.epoch == terminal.epoch, epochs.c.branch == branch)
                    .order_by(records.c.seq)
                )
            ]


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform(engine, tmp_path)


@pytest.fixture
def terminal(platform: Platform) -> FakeTerminal:
    terminal = FakeTerminal()
    platform.register(terminal)
    for number in range(4):
        terminal.tap(str(number))
    return terminal


def whole(terminal: FakeTerminal) -> list[tuple[int, bytes, bytes]]:
    return [
        (seq, body, terminal.links[seq]) for seq, (body, _) in enumerate(terminal.records, start=1)
    ]


def test_a_batch_is_stored_as_it_came_and_receipted(
    platform: Platform, terminal: FakeTerminal
) -> None:
    leaf = platform.send(terminal, terminal.batch())
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, 6, terminal.links[6])
    assert (leaf.nonce, leaf.generation, leaf.epoch) == (b"n" * 16, 3, terminal.epoch)
    assert platform.held(terminal) == whole(terminal)
    (head,) = platform.rows(heads)
    assert chain.verify_head(head["head"], terminal.key.public).seq == 6


def test_a_resend_is_held_once_and_receipted_again(
    platform: Platform, terminal: FakeTerminal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pointeuse.ingest")
    first = platform.send(terminal, terminal.batch())
    again = platform.send(terminal, terminal.batch(3, 5))
    assert (again.verdict, again.seq, again.link) == (first.verdict, 5, terminal.links[5])
    terminal.tap("more")
    longer = platform.send(terminal, terminal.batch(2))
    assert (longer.verdict, longer.seq) == (Verdict.STORED, 7)
    assert platform.held(terminal) == whole(terminal)
    said = [record.message for record in caplog.records]
    assert said == ["3 records are known already", "5 records are known already"]


def test_batches_of_one_terminal_in_one_group_continue_each_other(
    platform: Platform, terminal: FakeTerminal
) -> None:
    parts = [terminal.batch(1, 2), terminal.batch(3, 4), terminal.batch(5, 6), terminal.batch(2, 5)]
    group = [Incoming(terminal.device, "records", part) for part in parts]
    answers = platform.custody.accept(group)
    assert [a.leaf.seq for a in answers if a.leaf] == [2, 4, 6, 5]
    assert platform.held(terminal) == whole(terminal)


def test_a_gap_is_answered_with_resume(platform: Platform, terminal: FakeTerminal) -> None:
    platform.send(terminal, terminal.batch(1, 2))
    leaf = platform.send(terminal, terminal.batch(5, 6))
    assert (leaf.verdict, leaf.seq, leaf.resume) == (Verdict.RESUME, 2, 3)
    assert leaf.link == terminal.links[2]
    assert len(platform.held(terminal)) == 2


def test_what_a_terminal_no_longer_has_is_a_visible_gap(
    platform: Platform, terminal: FakeTerminal
) -> None:
    platform.send(terminal, terminal.hello(acked=4, first=4), "hello")
    leaf = platform.send(terminal, terminal.batch(4, 6))
    assert (leaf.verdict, leaf.seq) == (Verdict.STORED, 6)
    assert [seq for seq, _, _ in platform.held(terminal)] == [4, 5, 6]
    (alarm,) = platform.rows(alarms)
    assert (alarm["kind"], saying.told(alarm["detail"])) == (
        "gap",
        "records 1 to 3 are gone for good",
    )


def test_the_hello_may_have_gone_to_another_process(
    platform: Platform, terminal: FakeTerminal, tmp_path: Path
) -> None:
    platform.send(terminal, terminal.hello(acked=4, first=4), "hello")
    platform.custody = Custody(platform.engine, tmp_path, generation=3)
    assert platform.send(terminal, terminal.batch(4, 6)).verdict is Verdict.STORED


def test_a_fork_is_kept_as_a_branch_and_alarmed_once(
    platform: Platform, terminal: FakeTerminal
) -> None:
    clone = terminal.clone()
    clone.tap("theirs")
    terminal.tap("mine")
    platform.send(terminal, terminal.batch())
    leaf = platform.send(clone, clone.batch(7))
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.BRANCH, 7, clone.links[7])
    again = platform.send(clone, clone.batch(7))
    assert (again.verdict, again.seq) == (Verdict.BRANCH, 7)
    clone.tap("more")
    assert platform.send(clone, clone.batch(8)).seq == 8
    assert platform.held(terminal) == whole(terminal)
    assert [row[1:] for row in platform.held(clone, 1)] == [row[1:] for row in whole(clone)[6:]]
    assert [alarm["kind"] for alarm in platform.rows(alarms)] == ["fork"]
    terminal.tap("mine goes on")
    assert platform.send(terminal, terminal.batch(8)).verdict == Verdict.STORED


def test_a_branch_that_is_ahead_goes_on(platform: Platform, terminal: FakeTerminal) -> None:
    clone = terminal.clone()
    platform.send(terminal, terminal.batch())
    terminal.tap("mine")
    platform.send(terminal, terminal.batch(7))
    for n in range(3):
        clone.tap(f"theirs {n}")
    assert platform.send(clone, clone.batch(7)).verdict == Verdict.BRANCH
    clone.tap("more")
    leaf = platform.send(clone, clone.batch(10))
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.BRANCH, 10, clone.links[10])


def test_a_batch_sent_again_is_receipted_at_its_own_end(
    platform: Platform, terminal: FakeTerminal
) -> None:
    platform.send(terminal, terminal.batch())
    leaf = platform.send(terminal, terminal.batch(2, 4))
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, 4, terminal.links[4])


def test_a_bad_signature_is_rejected_once_and_counted(
    platform: Platform, terminal: FakeTerminal
) -> None:
    thief = terminal.clone()
    thief.key = SigningKey.generate()
    for _ in range(3):
        leaf = platform.send(terminal, thief.batch())
        assert leaf.verdict == Verdict.BAD_SIGNATURE
    (row,) = platform.rows(rejected)
    assert (row["reason"], row["count"], row["device"]) == ("bad-signature", 3, terminal.device)
    assert platform.held(terminal) == []


@pytest.mark.parametrize("what", ["body", "blob", "no-blob", "order", "missing", "head", "epoch"])
def test_every_tampering_is_rejected(platform: Platform, terminal: FakeTerminal, what: str) -> None:
    batch = Batch.decode(terminal.batch())
    found = list(batch.records)
    head = batch.head
    if what == "body":
        found[3] = (found[3][0][:-1] + bytes([found[3][0][-1] ^ 1]), found[3][1])
    elif what == "blob":
        found[3] = (found[3][0], found[4][1])
    elif what == "no-blob":
        # The broker, or anybody on the way, took away who tapped: the terminal must keep it.
        found[3] = (found[3][0], None)
    elif what == "order":
        found[3], found[4] = found[4], found[3]
    elif what == "missing":
        del found[3]
    elif what == "head":
        head = terminal.head_message(5)
    epoch = b"x" * 16 if what == "epoch" else batch.epoch
    forged = Batch(batch.nonce, epoch, batch.first, batch.link, found, head).encode()
    assert platform.send(terminal, forged).verdict == Verdict.BAD_SIGNATURE
    assert platform.rows(records) == []
    assert [row["reason"] for row in platform.rows(rejected)] == ["bad-signature"]


def test_garbage_and_strangers_stop_nobody(platform: Platform, terminal: FakeTerminal) -> None:
    stranger = FakeTerminal()
    group = [
        Incoming(terminal.device, "records", b"\xff\x00garbage"),
        Incoming(stranger.device, "records", stranger.batch()),
        Incoming(stranger.device, "hello", stranger.hello()),
        Incoming(stranger.device, "hello", b"nonsense"),
        Incoming(terminal.device, "hello", stranger.hello()),
        Incoming(terminal.device, "status", b"[1, 2]"),
        Incoming(terminal.device, "telemetry", b"{" + b" " * 20_000 + b"}"),
        Incoming(terminal.device, "records", terminal.batch()),
    ]
    answers = platform.custody.accept(group)
    verdicts = sorted(a.leaf.verdict for a in answers if a.leaf)
    assert verdicts == [Verdict.STORED, Verdict.UNKNOWN]
    reasons = sorted(row["reason"] for row in platform.rows(rejected))
    assert reasons == [
        "bad-signature", "malformed", "malformed", "too-large",
        "unknown-device", "unknown-device", "unknown-device",
    ]  # fmt: skip
    assert platform.held(terminal) == whole(terminal)


def test_a_stranger_is_given_no_receipt_made_out_to_another(platform: Platform) -> None:
    stranger, other = FakeTerminal(), FakeTerminal()
    group = [
        Incoming(stranger.device, "hello", other.hello()),
        Incoming(stranger.device, "hello", stranger.hello()),
    ]
    (answer,) = platform.custody.accept(group)
    assert answer.leaf is not None
    assert (answer.device, answer.leaf.terminal) == (stranger.device, stranger.thumbprint)


def test_rejected_messages_are_capped_for_each_device(
    platform: Platform, terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejects, "CAP", 5)
    garbage = [Incoming(terminal.device, "records", bytes([n])) for n in range(9)]
    platform.custody.accept(garbage)
    other = FakeTerminal()
    platform.custody.accept([Incoming(other.device, "records", b"x")])
    with platform.engine.begin() as conn:
        query = select(rejected.c.device, func.count()).group_by(rejected.c.device)
        counts = {row[0]: row[1] for row in conn.execute(query)}
    assert counts == {terminal.device: 5, other.device: 1}


def test_an_undecodable_body_under_a_good_head_is_in_custody(
    platform: Platform, terminal: FakeTerminal
) -> None:
    terminal.add_raw(b"this is no CBOR at all")
    terminal.add(99, data={0: "a kind of the future"})
    leaf = platform.send(terminal, terminal.batch())
    assert (leaf.verdict, leaf.seq) == (Verdict.STORED, 8)
    assert platform.held(terminal) == whole(terminal)


def test_a_banned_terminal_is_refused_and_a_revoked_one_receipted(
    platform: Platform, terminal: FakeTerminal
) -> None:
    with platform.engine.begin() as conn:
        conn.execute(update(terminals).values(status="banned"))
    assert platform.send(terminal, terminal.batch()).verdict == Verdict.BANNED
    assert platform.send(terminal, terminal.hello(), "hello").verdict == Verdict.BANNED
    assert platform.held(terminal) == []
    with platform.engine.begin() as conn:
        conn.execute(update(terminals).values(status="revoked"))
    assert platform.send(terminal, terminal.batch()).verdict == Verdict.STORED


def test_hello_is_answered_by_where_custody_stands(
    platform: Platform, terminal: FakeTerminal
) -> None:
    leaf = platform.send(terminal, terminal.hello(), "hello")
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, 0, terminal.links[0])
    platform.send(terminal, terminal.batch(1, 4))
    leaf = platform.send(terminal, terminal.hello(acked=2), "hello")
    assert (leaf.verdict, leaf.seq, leaf.link) == (Verdict.STORED, 4, terminal.links[4])
    leaf = platform.send(terminal, terminal.hello(acked=5), "hello")
    assert (leaf.verdict, leaf.seq, leaf.resume) == (Verdict.RESUME, 4, 5)


def test_a_terminal_set_back_to_an_older_card_is_behind(
    platform: Platform, terminal: FakeTerminal
) -> None:
    older = terminal.clone()
    terminal.tap("later")
    platform.send(terminal, terminal.batch())
    assert platform.send(older, older.hello(), "hello").verdict == Verdict.BEHIND
    older.tap("other")
    assert platform.send(older, older.hello(), "hello").verdict == Verdict.BEHIND


def test_status_and_telemetry_are_kept_together(platform: Platform, terminal: FakeTerminal) -> None:
    platform.custody.accept(
        [
            Incoming(terminal.device, "status", b'{"state": "online"}'),
            Incoming(terminal.device, "telemetry", b'{"queue": 3, "odd": "\\u0000"}'),
        ]
    )
    (row,) = platform.rows(terminals)
    assert '"state":"online"' in row["last_status"]
    assert '"queue":3' in row["last_status"]
    assert row["last_seen_ms"] > 0


@pytest.mark.parametrize(
    ("before_ms", "after_ms"),
    [
        (None, NOW_MS),
        (NOW_MS - 4_999, NOW_MS - 4_999),
        (NOW_MS - 5_000, NOW_MS),
        (NOW_MS + 1, NOW_MS),
    ],
)
def test_when_a_terminal_was_seen_is_kept_to_a_few_seconds(
    platform: Platform,
    terminal: FakeTerminal,
    monkeypatch: pytest.MonkeyPatch,
    before_ms: int | None,
    after_ms: int,
) -> None:
    monkeypatch.setattr("cloud.ingest.custody.now_ms", lambda: NOW_MS)
    with platform.engine.begin() as conn:
        conn.execute(update(terminals).values(last_seen_ms=before_ms))
    platform.send(terminal, terminal.batch())
    (row,) = platform.rows(terminals)
    assert row["last_seen_ms"] == after_ms


@pytest.mark.parametrize("said", [r"\\u0000", r"\u0000", r"\\\u0000", r"a\u0000\u0000\\u0000\\"])
def test_no_nul_spoils_what_is_kept(platform: Platform, terminal: FakeTerminal, said: str) -> None:
    message = Incoming(terminal.device, "telemetry", b'{"odd": "%s"}' % said.encode())
    for _ in range(2):
        platform.custody.accept([message])
    (row,) = platform.rows(terminals)
    expected = json.loads(message.payload)["odd"].replace("\0", "")
    assert json.loads(row["last_status"]) == {"telemetry": {"odd": expected}}


def test_a_terminal_is_sent_the_trust_documents_it_lacks(
    platform: Platform, terminal: FakeTerminal, tmp_path: Path
) -> None:
    (tmp_path / "trust").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "trust" / f"{number}.cbor").write_bytes(b"document %d" % number)
    answers = platform.custody.accept([Incoming(terminal.device, "hello", terminal.hello())])
    assert [a.trust for a in answers if a.trust] == [b"document 2", b"document 3"]
