"""`pointeuse verify` as a person types it: what it says, and how it ends, whatever it is given."""

import json
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from agent.proof.cli import verify
from agent.proof.export import export
from agent.proof.sources import open_source
from agent.queue.rows import position
from protocol import chain
from protocol.disclosure import Disclosure
from protocol.identity import device_number
from protocol.keys import SigningKey
from tests.agent.proof.station import Station
from tests.protocol.messages import TERMINAL, Chain, carried


def run(*words: Any) -> Result:
    return CliRunner().invoke(verify, [str(word) for word in words])


def say(*words: Any, code: int = 0) -> Any:
    """The JSON it prints."""
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def refused(*words: Any) -> str:
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("pointeuse: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


class Files:
    """What a verifier may have, and what somebody may have made of it."""

    def __init__(self, directory: Path) -> None:
        station = Station(directory / "state")
        self.receipt = directory / "receipt"
        self.receipt.write_bytes(station.acknowledge())
        self.newest = station.terminal.journal.epochs()[-1]
        last = station.terminal.journal.rows(2, self.newest.head, 1)
        head = chain.Head(
            station.key.thumbprint, self.newest.epoch, self.newest.head, self.newest.head_link
        )
        (row,) = last
        assert row.signature is not None
        self.head = directory / "head"
        self.head.write_text(chain.assemble_head(head, station.key, row.signature).hex() + "\n")
        station.close()
        self.station = station
        self.journal = station.state / "journal.sqlite"
        self.export = directory / "export"
        with open_source(station.state, directory) as source:
            export(source, self.export, lambda *_: None)
        self.key = directory / "key.pem"
        self.key.write_bytes(station.key.public_pem())
        self.device = device_number(station.key.thumbprint)


@cache
def _made() -> Files:
    directory = Path(tempfile.mkdtemp(prefix="pointeuse-"))
    return Files(directory)


@pytest.fixture(scope="module", name="files")
def made_files() -> Any:
    yield _made()
    shutil.rmtree(_made().journal.parents[1])
    _made.cache_clear()


def test_an_export_says_what_it_rests_on(files: Files) -> None:
    found = say(files.export)
    assert (found["ok"], found["key"], found["trust"]) == (True, "of the file", "of the file")
    assert (found["device"], found["kind"]) == (files.device, "export")
    given = say(files.export, "--key", files.key, "--trust", files.station.trust)
    assert (given["ok"], given["key"], given["trust"]) == (True, "given", "given")
    assert [epoch["receipt"]["seq"] for epoch in given["epochs"]] == [
        epoch["acked"] for epoch in given["epochs"]
    ]
    alone = run(files.export).stdout
    assert "the file's own: compare the device number with the one printed" in alone
    assert "these records are one terminal's" in alone
    assert "receipts are worth what the first one is" in alone
    assert "these records are the terminal's" not in alone
    sure = run(files.export, "--key", files.key, "--trust", files.station.trust).stdout
    assert "these records are the terminal's, unchanged" in sure
    assert "newest alone" not in sure
    assert "newest alone" in run(files.export, "--quick").stdout
    assert f"record {files.newest.head}, the last one shown, which the platform has rece" in sure


def test_a_journal_stands_beside_its_key_or_needs_one(files: Files, tmp_path: Path) -> None:
    found = say(files.journal)
    assert (found["ok"], found["kind"], found["trust_documents"]) == (True, "journal", 1)
    assert found["epochs"] == say(files.export)["epochs"]
    copy = tmp_path / "journal.sqlite"
    shutil.copy(files.journal, copy)
    assert "give the terminal's with --key" in refused(copy)
    bare = say(copy, "--key", files.key)
    assert (bare["ok"], bare["trust"], bare["receipts"]) == (True, None, 0)
    assert "no receipt was checked" in run(copy, "--key", files.key).stdout
    assert "No receipt of this epoch was checked" in run(copy, "--key", files.key).stdout
    trusted = say(copy, "--key", files.key, "--trust", files.station.trust)
    assert trusted["receipts"] == 3


def test_the_key_of_another_terminal(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "key.pem"
    other.write_bytes(SigningKey.generate().public.public_pem())
    assert say(files.export, "--key", other, code=1)["findings"][0]["what"] == "key"
    assert say(files.journal, "--key", other, code=1)["first_broken"]["first"] == 1


@pytest.mark.parametrize("form", ["cose", "hex", "json"])
def test_keys_in_their_other_forms(files: Files, tmp_path: Path, form: str) -> None:
    raw = files.station.key.to_cose()
    shown = json.dumps({"device": "x", "public_key": raw.hex()}).encode()
    path = tmp_path / "key"
    path.write_bytes({"cose": raw, "hex": raw.hex().encode() + b"\n", "json": shown}[form])
    assert say(files.export, "--key", path)["ok"]


Place = tuple[int, int]
CUT = "DELETE FROM records WHERE position > ?"
EDIT = (
    "UPDATE records SET body = CAST(substr(body, 1, 80) || x'00' || substr(body, 82) AS BLOB)"
    " WHERE position = ?"
)
BLOB = "UPDATE records SET blob = zeroblob(128) WHERE position = ?"
SIGNATURE = "UPDATE records SET signature = zeroblob(64) WHERE position = ?"
DELETE = "DELETE FROM records WHERE position = ?"
EPOCH = "DELETE FROM epochs WHERE ordinal << 40 = ?"
ACKED = "UPDATE epochs SET acked = 7 WHERE ordinal << 40 = ?"
RECEIPT = "UPDATE receipts SET message = zeroblob(300) WHERE position = ?"
# What is done, where by ordinal and seq, what is found, and where: epoch, first, last.
TAMPERINGS: dict[str, tuple[str, Place, str, tuple[int | None, int | None, int | None]]] = {
    "a body": (EDIT, (1, 4), "changed", (1, 4, 4)),
    "a blob": (BLOB, (2, 3), "blob", (2, 3, 3)),
    "a signature": (SIGNATURE, (1, 1), "signature", (1, 1, 1)),
    "taken out": (DELETE, (1, 3), "missing", (1, 3, 3)),
    "a start": (DELETE, (2, 1), "missing", (2, 1, 1)),
    "the end": (CUT, (2, 6), "missing", (2, 7, 10)),
    "an epoch": (EPOCH, (2, 0), "epoch", (None, None, None)),
    "acked": (ACKED, (1, 0), "acked", (1, None, None)),
    "a receipt": (RECEIPT, (1, 6), "receipt", (1, None, None)),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_journal_that_was_tampered_with(files: Files, tmp_path: Path, name: str) -> None:
    state = shutil.copytree(files.journal.parent, tmp_path / "state")
    db = sqlite3.connect(state / "journal.sqlite")
    sql, where, what, wanted = TAMPERINGS[name]
    assert db.execute(sql, (position(*where),)).rowcount > 0
    db.commit()
    db.close()
    journal = state / "journal.sqlite"
    broken = say(journal, code=1)["first_broken"]
    assert (broken["what"], broken["epoch"], broken["first"], broken["last"]) == (what, *wanted)
    result = run(journal)
    assert result.exit_code == 1
    assert "WRONG" in result.stdout
    assert "proved" not in result.stdout
    quick = run(journal, "--quick", "--json")
    assert quick.exit_code == (0 if name == "a signature" else 1)
    if name != "a signature":
        assert json.loads(quick.stdout)["first_broken"] == say(journal, code=1)["first_broken"]
        assert json.loads(quick.stdout)["heads_checked"] == "all"


def test_a_tail_cut_off_is_found_by_what_a_verifier_brings(files: Files, tmp_path: Path) -> None:
    state = shutil.copytree(files.journal.parent, tmp_path / "state")
    db = sqlite3.connect(state / "journal.sqlite")
    db.execute(CUT, (position(2, 6),))
    db.execute("DELETE FROM receipts WHERE position > ?", (position(2, 0),))
    db.execute("UPDATE epochs SET acked = 0 WHERE ordinal = 2")
    db.commit()
    db.close()
    journal = state / "journal.sqlite"
    cut = say(journal)
    assert (cut["epochs"][1]["last"], cut["epochs"][1]["receipt"]) == (6, None)
    assert "later records may have been cut" in run(journal).stdout
    for brought in (files.receipt, files.head):
        broken = say(journal, "--receipt", brought, code=1)["first_broken"]
        assert (broken["what"], broken["first"], broken["last"]) == ("missing", 7, 10)
        assert say(files.journal, "--receipt", brought)["ok"]
    both = ["--receipt", files.head, "--receipt", files.receipt]
    assert say(files.export, *both, "--quick")["ok"]


class TestDisclosure:
    @pytest.fixture
    def key(self, tmp_path: Path) -> Path:
        path = tmp_path / "key.pem"
        path.write_bytes(TERMINAL.public.public_pem())
        return path

    def write(self, path: Path, disclosure: Disclosure) -> Path:
        path.write_bytes(disclosure.encode())
        return path

    def test_one_record(self, tmp_path: Path, key: Path) -> None:
        good = Chain().disclosure()
        path = self.write(tmp_path / "file", good)
        found = say(path, "--key", key)
        assert found["ok"]
        assert found["record"]["kind"] == "tap"
        assert (found["record"]["seq"], found["badge"]["number"]) == (4, "04A1B2C3D4E5F6")
        text = run(path, "--key", key).stdout
        assert "04A1B2C3D4E5F6 (uid" in text
        assert "2026-09-21T14:13:20Z by the terminal's clock, which was synchronised" in text
        assert "give the terminal's with --key" in refused(path)
        for extra in ("--trust", "--receipt"):
            assert "of no use" in refused(path, "--key", key, extra, key)

    def test_one_that_was_carried_over(self, tmp_path: Path, key: Path) -> None:
        path = self.write(tmp_path / "file", carried(Chain()))
        found = say(path, "--key", key)
        assert (found["stands"]["seq"], found["record"]["seq"]) == (2, 4)
        assert found["badge"]["number"] == "04A1B2C3D4E5F6"
        assert "carried over as record 2" in run(path, "--key", key).stdout

    def test_what_is_not_shown(self, tmp_path: Path, key: Path) -> None:
        good = Chain().disclosure()
        for blob, word in ((good.blob, "withheld"), (None, "erased")):
            less = Disclosure(good.body, good.link, good.following, good.head, blob)
            path = self.write(tmp_path / "file", less)
            assert say(path, "--key", key)["badge"] is None
            assert word in run(path, "--key", key).stdout

    def test_one_that_is_not_true(self, tmp_path: Path, key: Path) -> None:
        good = Chain().disclosure()
        wrong = Disclosure(good.body, b"?" * 32, good.following, good.head, good.blob, good.key)
        path = self.write(tmp_path / "file", wrong)
        assert not say(path, "--key", key, code=1)["ok"]
        assert run(path, "--key", key).stdout.startswith("WRONG")


def test_interrupted_is_not_broken(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.proof.cli.verify_items", interrupt)
    assert "interrupted" in refused(files.export)


def test_what_cannot_be_read(files: Files, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert "No such file" in refused(tmp_path / "none")
    assert "give the terminal's" in refused(empty)
    assert "no journal, no export and no disclosure" in refused(empty, "--key", files.key)
    assert "cannot read" in refused(files.export, "--trust", tmp_path / "none")
    assert "cannot read the public key" in refused(files.export, "--key", tmp_path / "none")
    for wrong in ("--key", "--trust", "--receipt"):
        refused(files.export, wrong, empty)
    secret = files.station.state / "identity.key"
    assert "never leaves" in refused(files.export, "--key", secret)
    big = tmp_path / "big"
    big.write_bytes(bytes(300_000))
    assert "longer" in refused(big, "--key", files.key)
    assert CliRunner().invoke(verify, [str(tmp_path)]).exit_code == 2
    other = tmp_path / "other.sqlite"
    db = sqlite3.connect(other)
    db.execute("CREATE VIEW records AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r)"
               " SELECT n FROM r")  # fmt: skip
    db.commit()
    db.close()
    assert "is no journal" in refused(other, "--key", files.key)


@given(raw=st.binary(max_size=200), start=st.sampled_from([b"", b"SQLite format 3\0", b"\xa4"]))
def test_any_bytes_are_one_sentence_and_two(raw: bytes, start: bytes) -> None:
    files = _made()
    path = files.export.with_name("any")
    path.write_bytes(start + raw)
    refused(path, "--key", files.key)


def test_a_schema_that_is_no_text(files: Files, tmp_path: Path) -> None:
    content = files.journal.read_bytes()
    place = content.index(b"_sqlite_migrations")
    path = tmp_path / "journal.sqlite"
    for size in range(1, 12):
        for octet in (b"\x80", b"\n", b"\x1b"):
            path.write_bytes(content[:place] + octet * size + content[place + size :])
            said = refused(path, "--key", files.key)
            assert "\x1b" not in said


@given(data=st.data())
def test_a_decayed_file_is_never_more_than_wrong(data: st.DataObject) -> None:
    files = _made()
    original = data.draw(st.sampled_from([files.export, files.journal]))
    content = bytearray(original.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(1, 60))] = data.draw(st.binary(max_size=60))
    path = files.export.with_name("decayed")
    path.write_bytes(content)
    result = run(path, "--key", files.key)
    assert result.exit_code in {0, 1, 2}
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if bytes(content) != original.read_bytes() and original == files.export:
        assert result.exit_code, "an export that is not as it was written passed"
