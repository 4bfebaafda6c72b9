"""Whatever is done to an archive up to the newest receipt or head known is found, and where.

The attacker here can write the file anew, links and counts too. Without the terminal's key he
cannot sign; with it he can, and then only what somebody else knows of the chain stands against him.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import archive, chain
from protocol.archive import Header, Receipt, Records
from protocol.bodies import BlobRef, Kind
from protocol.errors import MalformedError, ProtocolError, SignatureError
from protocol.findings import Finding, Report, What
from protocol.hello import EpochState
from protocol.receipts import Verdict
from protocol.trust import Trust
from protocol.verification import verify
from tests.protocol.archives import (
    DOCUMENT,
    Made,
    MadeEpoch,
    body,
    make,
    receipt,
    tap,
    written,
)
from tests.protocol.messages import ME, RECEIPT, ROOT, TERMINAL, TRUST, signing_key

plans = st.lists(
    st.tuples(
        st.lists(st.integers(1, 4), min_size=1, max_size=5),
        st.lists(st.integers(0, 9), max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def check(made: Made, **options: Any) -> Report:
    return verify(made.items(), **options)


def first(report: Report) -> Finding:
    assert report.findings, "nothing was found"
    return report.findings[0]


def names(finding: Finding, epoch: int, seq: int) -> bool:
    """Whether the finding says that record `seq` may be the first broken one."""
    if finding.epoch != epoch or finding.first is None or finding.last is None:
        return False
    return finding.first <= seq <= finding.last


def flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(flipped)


@given(plan=plans, every_head=st.booleans())
def test_what_nobody_touched_is_proved_whole(plan: Any, *, every_head: bool) -> None:
    made = make(plan)
    report = check(made, every_head=every_head)
    assert (report.findings, report.notices) == ([], [])
    assert report.records == sum(len(epoch.rows) for epoch in made.epochs)
    for proof, epoch in zip(report.epochs, made.epochs, strict=True):
        assert (proof.last, proof.signed, proof.ends) == (epoch.last, epoch.last, epoch.acked)
        assert proof.heads == (len(epoch.heads()) if every_head else 1)
        assert proof.kinds == {Kind.START: 1, Kind.TAP: epoch.last - 1}
    again = verify(archive.read(io.BytesIO(made.file())), key=TERMINAL.public, trust=DOCUMENT)
    assert again.findings == []
    assert again.epochs == check(made).epochs


# -- without the terminal's key --------------------------------------------------------------


@given(plan=plans, data=st.data())
def test_an_edited_record_is_named(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    seq = data.draw(st.integers(1, epoch.last))
    part = data.draw(st.sampled_from([0, 1, 2]))
    row = list(epoch.rows[seq - 1])
    original = row[part]
    if original is None:
        return
    assert isinstance(original, bytes)
    row[part] = flip(original, data.draw(st.integers(0, len(original) * 8 - 1)))
    epoch.rows[seq - 1] = tuple(row)  # type: ignore[assignment]
    report = check(made, every_head=data.draw(st.booleans()))
    found = first(report)
    assert (found.epoch, found.first, found.last) == (epoch.ordinal, seq, seq)
    assert report.found == 1


@given(plan=plans, data=st.data())
def test_an_edit_with_new_links_is_found_in_its_commit(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    seq = data.draw(st.integers(2, epoch.last))
    epoch.rows[seq - 1] = (*tap(epoch.epoch, seq, 1), *epoch.rows[seq - 1][2:])
    epoch.relink(seq)
    found = first(check(made))
    assert (found.epoch, found.first, found.last) == (epoch.ordinal, *epoch.group(seq))
    assert names(first(check(made, every_head=False)), epoch.ordinal, seq)


def test_one_finding_for_each_run_of_bad_heads() -> None:
    made = make([([1] * 6, [])])
    epoch = made.epochs[0]
    for seq in (2, 3, 5, 7):
        epoch.rows[seq - 1] = (*epoch.rows[seq - 1][:3], bytes(64))
    found = check(made).findings
    assert [(each.first, each.last) for each in found] == [(2, 2), (5, 5), (7, 7)]
    assert {each.what for each in found} == {What.SIGNATURE}
    assert check(made).epochs[0].signed == 6


@given(plan=plans, data=st.data())
def test_a_damaged_signature_is_found_where_it_stands(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    seq = data.draw(st.sampled_from(epoch.heads()))
    signature = epoch.rows[seq - 1][3]
    assert signature is not None
    bit = data.draw(st.integers(0, 511))
    epoch.rows[seq - 1] = (*epoch.rows[seq - 1][:3], flip(signature, bit))
    found = first(check(made))
    assert (found.what, found.first, found.last) == (What.SIGNATURE, *epoch.group(seq))
    assert check(made).found == 1
    # The newest head alone proves every record: damage to an older one is not looked for then.
    assert bool(check(made, every_head=False).findings) == (seq == epoch.last)


@given(plan=plans, data=st.data())
def test_records_taken_out_are_named(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    a = data.draw(st.integers(1, epoch.last - 1))
    b = data.draw(st.integers(a, epoch.last - 1))
    del epoch.rows[a - 1 : b]
    if data.draw(st.booleans()):
        epoch.relink(a)
    found = first(check(made))
    assert (found.epoch, found.first) == (epoch.ordinal, a)
    assert found.what in {What.MISSING, What.MISPLACED, What.CHANGED}


@given(plan=plans, data=st.data())
def test_pages_taken_out_are_named(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    items = made.items()
    pages = [i for i, item in enumerate(items) if isinstance(item, Records)]
    gone = data.draw(st.sampled_from(pages))
    page = items.pop(gone)
    assert isinstance(page, Records)
    found = first(verify(items))
    assert found.what is What.MISSING
    assert found.first == page.first
    if isinstance(items[gone], Records):  # else the end of an epoch is gone
        assert found.last == page.first + len(page.rows) - 1


@given(plan=plans, data=st.data())
def test_two_records_that_changed_places_are_named(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    a = data.draw(st.integers(1, epoch.last - 1))
    b = data.draw(st.integers(a + 1, epoch.last))
    rows = epoch.rows
    rows[a - 1], rows[b - 1] = rows[b - 1], rows[a - 1]
    if data.draw(st.booleans()):
        epoch.relink(a)
    found = first(check(made))
    assert (found.epoch, found.first) == (epoch.ordinal, a)


@given(plan=plans, data=st.data())
def test_an_edited_receipt_is_found(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    with_receipts = [epoch for epoch in made.epochs if epoch.receipts]
    if not with_receipts:
        return
    epoch = data.draw(st.sampled_from(with_receipts))
    i = data.draw(st.integers(0, len(epoch.receipts) - 1))
    seq, message = epoch.receipts[i]
    epoch.receipts[i] = seq, flip(message, data.draw(st.integers(0, len(message) * 8 - 1)))
    found = first(check(made))
    assert (found.what, found.epoch) == (What.RECEIPT, epoch.ordinal)


@given(plan=plans, data=st.data())
def test_every_changed_or_missing_byte_of_a_file_is_found(plan: Any, data: st.DataObject) -> None:
    file = make(plan).file()
    place = data.draw(st.integers(0, len(file) - 1))
    flipped = flip(file, place * 8 + data.draw(st.integers(0, 7)))
    for damaged in (flipped, file[:place], file + b"\0", file[:place] + file[place + 1 :]):
        try:
            report = verify(archive.read(io.BytesIO(damaged)))
        except ProtocolError:
            continue  # not even whose it is can be read
        assert report.findings


# -- cut off, or with the terminal's key -----------------------------------------------------


@given(plan=plans, data=st.data())
def test_a_cut_is_found_up_to_the_newest_point_known_and_not_beyond(
    plan: Any, data: st.DataObject
) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    newest = epoch is made.epochs[-1]
    end = data.draw(st.sampled_from([h for h in epoch.heads() if h < epoch.last] or [epoch.last]))
    original, receipts, heads = epoch.last, list(epoch.receipts), epoch.heads()
    brought = [epoch.head(h) for h in heads if data.draw(st.booleans())]
    brought_up_to = max((h for h in heads if epoch.head(h) in brought), default=0)
    del epoch.rows[end:]
    tidy = data.draw(st.booleans())
    if tidy:
        epoch.forget_after(end)
    known = max([seq for seq, _ in epoch.receipts] + [brought_up_to] + [0 if newest else original])
    report = check(made, known=brought)
    if known > end:
        found = first(report)
        assert (found.what, found.epoch, found.first) == (What.MISSING, epoch.ordinal, end + 1)
        assert found.last is not None
        assert end < found.last <= original
    else:
        assert report.findings == []
        assert report.epochs[-1].last == end
        assert report.epochs[-1].ends == max((s for s, _ in receipts if s <= end), default=0)


@given(plan=plans, data=st.data())
def test_an_unsigned_end_is_found(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    epoch = made.epochs[-1]
    size = data.draw(st.integers(1, 3))
    start = epoch.last
    epoch.commit(*(tap(epoch.epoch, start + 1 + i) for i in range(size)))
    epoch.rows[-1] = (*epoch.rows[-1][:3], None)
    for every_head in (True, False):
        found = first(check(made, every_head=every_head))
        assert (found.what, found.first, found.last) == (What.SIGNATURE, start + 1, start + size)


@given(plan=plans, data=st.data())
def test_another_history_by_the_same_key_is_found_up_to_the_newest_point_known_and_not_beyond(
    plan: Any, data: st.DataObject
) -> None:
    made = make(plan)
    epoch = data.draw(st.sampled_from(made.epochs))
    newest = epoch is made.epochs[-1]
    seq = data.draw(st.integers(2, epoch.last))
    brought_at = data.draw(st.sampled_from(epoch.heads()))
    brought = [] if data.draw(st.booleans()) else [epoch.head(brought_at)]
    if data.draw(st.booleans()) and brought:
        brought = [receipt(epoch.epoch, brought_at, epoch.link(brought_at))]
    epoch.rows[seq - 1] = (*tap(epoch.epoch, seq, 1), *epoch.rows[seq - 1][2:])
    epoch.relink(seq)
    epoch.resign(seq)
    tidy = data.draw(st.booleans())
    if tidy:
        epoch.forget_after(seq - 1)
    points = [at for at, _ in epoch.receipts] + ([brought_at] if brought else [])
    known = max(points, default=0)
    report = check(made, known=brought)
    if known >= seq:
        found = first(report)
        assert found.what is What.FORK
        assert names(found, epoch.ordinal, seq)
        assert found.first == max([at for at in points if at < seq], default=0) + 1
    elif newest:
        assert report.findings == []
        assert report.epochs[-1].ends < seq, "it was claimed"
    else:
        assert first(report).what is What.FORK
        assert names(first(report), epoch.ordinal, seq)


@given(plan=plans, data=st.data())
def test_an_epoch_taken_out(plan: Any, data: st.DataObject) -> None:
    made = make(plan)
    n = data.draw(st.integers(0, len(made.epochs) - 1))
    gone = made.epochs.pop(n)
    report = check(made)
    if 0 < n < len(made.epochs):
        assert first(report).what is What.EPOCH
    else:
        assert report.findings == [], "pruned, or cut off beyond all that is known"
    if not made.epochs:
        return
    known = check(made, known=[gone.head(gone.last)])
    # What the oldest start names was pruned. Of all others, somebody knew.
    if n == 0:
        assert known.findings == []
    else:
        assert first(known).what is What.EPOCH


# -- what receipts and trust are worth -------------------------------------------------------


def two_commits() -> Made:
    made = make([([3, 2], [])])
    made.epochs[0].acknowledge(4)
    return made


def test_more_said_to_be_held_than_any_receipt_says() -> None:
    made = two_commits()
    made.epochs[0].acked = 6
    assert [finding.what for finding in check(made).findings] == [What.ACKED]
    made.epochs[0].receipts.clear()
    made.epochs[0].acked = 4
    assert [finding.what for finding in check(made).findings] == [What.ACKED]


def test_without_trust_documents_receipts_prove_nothing_but_must_agree() -> None:
    made = two_commits()
    made.trust = ()
    report = check(made)
    assert (report.findings, report.receipts, report.trust) == ([], 0, None)
    assert report.epochs[0].ends == 0
    made.epochs[0].receipts = [(4, receipt(made.epochs[0].epoch, 4, b"?" * 32))]
    assert first(check(made)).what is What.FORK


def document(number: int, **other: Any) -> Trust:
    fields: dict[str, Any] = {name: getattr(TRUST, name) for name in Trust.__slots__}
    return Trust(**(fields | {"number": number} | other))


def test_a_receipt_under_a_revoked_key_is_not_believed() -> None:
    made = two_commits()
    revoking = document(2, receipt_keys=[], revoked=[RECEIPT.public.thumbprint]).sign([ROOT])
    rotating = document(2, receipt_keys=[signing_key(8).public]).sign([ROOT])
    made.trust = (DOCUMENT, rotating)
    assert check(made).findings == []
    assert check(made).trust == 2
    made.trust = (DOCUMENT, revoking)
    report = check(made)
    assert [finding.what for finding in report.findings] == [What.ACKED]
    assert "revoked" in report.notices[0]


def test_trust_begins_where_the_verifier_says() -> None:
    made = two_commits()
    second = document(2).sign([ROOT])
    made.trust = (DOCUMENT, second)
    for pinned in (DOCUMENT, second):
        assert check(made, trust=pinned).findings == []
    stranger = document(1, roots=[signing_key(30).public]).sign([signing_key(30)])
    assert first(check(made, trust=stranger)).what is What.TRUST
    made.trust = (DOCUMENT, stranger)
    assert first(check(made)).what is What.TRUST
    made.trust = ()
    assert check(made, trust=DOCUMENT).epochs[0].ends == 4
    with pytest.raises(ProtocolError):
        check(made, trust=b"?", known=[made.epochs[0].receipts[0][1]])


def test_receipts_of_others_and_of_other_epochs() -> None:
    for wrong, what in (
        (receipt(b"?" * 16, 4, b"l" * 32), What.RECEIPT),
        (receipt(bytes([1]) * 16, 4, b"l" * 32, terminal=b"?" * 32), What.RECEIPT),
    ):
        made = two_commits()
        made.epochs[0].receipts.append((4, wrong))
        assert [finding.what for finding in check(made).findings] == [what]


@pytest.mark.parametrize("verdict", [Verdict.BEHIND, Verdict.UNKNOWN, Verdict.BANNED])
def test_only_a_verdict_that_holds_something_is_a_point(verdict: Verdict) -> None:
    made = two_commits()
    epoch = made.epochs[0]
    epoch.receipts.append((6, receipt(epoch.epoch, 6, b"?" * 32, verdict=verdict)))
    assert check(made).findings == []
    with pytest.raises(MalformedError):
        check(made, known=[epoch.receipts[-1][1]])


def test_a_branch_at_the_platform_is_a_fork() -> None:
    made = two_commits()
    made.epochs[0].acknowledge(6, verdict=Verdict.BRANCH)
    assert [finding.what for finding in check(made).findings] == [What.FORK]


def test_a_receipt_for_an_epoch_that_is_gone() -> None:
    made = two_commits()
    items = made.items()
    items.insert(2, Receipt(receipt(b"?" * 16, 9, b"l" * 32)))
    assert first(verify(items)).what is What.EPOCH


def test_what_a_verifier_brings_must_be_good() -> None:
    made = two_commits()
    for wrong in (b"", b"?", made.epochs[0].receipts[0][1][:-1]):
        with pytest.raises(ProtocolError):
            check(made, known=[wrong])
    others = chain.sign_head(chain.Head(b"?" * 32, bytes([1]) * 16, 4, b"l" * 32), TERMINAL)
    with pytest.raises(SignatureError):
        check(made, known=[others])
    forged = chain.sign_head(chain.Head(ME, bytes([1]) * 16, 4, b"l" * 32), signing_key(9))
    with pytest.raises(SignatureError):
        check(made, known=[forged])


def test_the_key_given_is_compared_with_the_files() -> None:
    found = first(check(two_commits(), key=signing_key(9).public))
    assert found.what is What.KEY
    with pytest.raises(MalformedError, match="give the terminal's key"):
        verify(two_commits().items()[1:])
    assert verify(two_commits().items()[1:], key=TERMINAL.public).findings == []


# -- epochs: pruned, closed, rotated, salvaged -----------------------------------------------


def test_a_pruned_epoch_starts_at_a_receipt() -> None:
    made = make([([3, 2, 4], [])])
    epoch = made.epochs[0]
    for seq in (4, 6):
        epoch.acknowledge(seq)
    epoch.prune(4)
    assert check(made).findings == []
    assert check(made).epochs[0].state.first == 5
    wrong = made.copy()
    wrong.epochs[0].anchor = b"?" * 32
    assert first(check(wrong)).what is What.FORK
    wrong = made.copy()
    wrong.epochs[0].receipts.pop(0)
    found = first(check(wrong))
    assert (found.what, found.first, found.last) == (What.MISSING, 1, 4)
    wrong.trust = ()
    assert check(wrong).findings == []
    assert "records 1 to 4 are not here" in check(wrong).notices[0]


def test_an_epoch_begins_at_its_own_link_with_a_start_that_names_it() -> None:
    made = two_commits()
    epoch = made.epochs[0]
    stray = MadeEpoch(1, epoch.epoch, anchor=b"?" * 32)
    stray.commit((epoch.rows[0][0], None))
    assert first(check(Made([stray]))).first == 1
    bare = MadeEpoch(1, epoch.epoch)
    bare.commit(tap(epoch.epoch, 1))
    assert first(check(Made([bare]))).first == 1
    made.epochs[0].ordinal = 2
    assert first(check(made)).what is What.EPOCH


def test_an_epoch_that_went_on_after_the_next_had_begun() -> None:
    made = make([([1], []), ([1], [])])
    old = made.epochs[0]
    old.commit(tap(old.epoch, old.last + 1))
    found = first(check(made))
    assert (found.what, found.epoch, found.first) == (What.FORK, 1, 3)


def test_an_epoch_twice() -> None:
    made = two_commits()
    made.epochs.append(made.epochs[0])
    assert first(check(made)).what is What.FORK


def rotated(*, close: bool = True) -> tuple[Made, MadeEpoch]:
    epoch = MadeEpoch(1, bytes([1]) * 16)
    epoch.commit((body(epoch.epoch, 1, Kind.START, data={0: "first start", 1: 1}), None))
    new = signing_key(9)
    record = body(epoch.epoch, 2, Kind.KEY, data={0: new.public.to_cose()})
    rest = [] if close else [tap(epoch.epoch, 3)]
    epoch.commit((record, None), *rest)
    epoch.key = new
    epoch.commit(tap(epoch.epoch, epoch.last + 1))
    return Made([epoch]), epoch


@pytest.mark.parametrize("every_head", [True, False])
def test_a_new_key_signs_from_the_next_record_on(every_head: bool) -> None:
    made, epoch = rotated()
    assert check(made, every_head=every_head).findings == []
    epoch.rows[2] = (*epoch.rows[2][:3], MadeEpoch.sign(_with(epoch, TERMINAL), 3))
    assert first(check(made, every_head=every_head)).what is What.SIGNATURE
    made, _ = rotated(close=False)
    assert first(check(made)).what is What.KEY


def test_a_new_key_signs_the_epochs_that_follow() -> None:
    for signer, what in ((signing_key(9), []), (TERMINAL, [What.SIGNATURE])):
        made, epoch = rotated()
        following = MadeEpoch(2, bytes([2]) * 16, key=signer)
        data = {0: "again", 1: 2, 2: epoch.epoch, 3: epoch.last, 4: epoch.link(epoch.last)}
        following.commit((body(following.epoch, 1, Kind.START, data=data), None))
        made.epochs.append(following)
        assert [finding.what for finding in check(made).findings] == what


def test_a_thief_brings_in_no_key_of_his_own() -> None:
    _, epoch = rotated()
    epoch.rows[1] = (*epoch.rows[1][:3], MadeEpoch.sign(epoch, 2))
    report = check(Made([epoch]))
    assert [finding.what for finding in report.findings] == [What.SIGNATURE]
    assert report.epochs[0].signed == 1


def _with(epoch: MadeEpoch, key: Any) -> MadeEpoch:
    return MadeEpoch(1, epoch.epoch, 1, epoch.anchor, epoch.rows, key=key)


def test_a_key_nobody_can_read() -> None:
    epoch = MadeEpoch(1, bytes([1]) * 16)
    epoch.commit((body(epoch.epoch, 1, Kind.START, data={0: "first start", 1: 1}), None))
    epoch.commit((body(epoch.epoch, 2, Kind.KEY, data={0: b"?"}), None))
    assert first(check(Made([epoch]))).what is What.KEY


def closed(carried: Sequence[int], *, kept: int = 2, last: int = 5) -> Made:
    """An epoch of `last` records of which `kept` are in the file, and one that carries some."""
    made = make([([last - 1], []), ([], [])]) if last > 1 else make([([], []), ([], [])])
    old, new = made.epochs
    for seq in carried:
        raw, blob = old.rows[seq - 1][:2]
        new.commit((wrapped(new, old.epoch, seq, raw), blob))
    for i in range(kept - 1, len(old.rows)):
        old.rows[i] = (*old.rows[i][:3], old.sign(i + 1))
    del old.rows[kept:]
    return made


def wrapped(new: MadeEpoch, epoch: bytes, seq: int, raw: bytes) -> bytes:
    from protocol.bodies import Body

    inner = Body.decode(raw)
    return body(
        new.epoch, new.last + 1, Kind.SALVAGED, blob_ref=inner.blob_ref,
        data={0: epoch, 1: seq, 2: raw},
    )  # fmt: skip


def test_what_a_closed_epoch_lacks_was_carried_over_or_is_missing() -> None:
    assert check(closed([3, 4, 5])).findings == []
    assert check(closed([3, 4, 5])).epochs[1].kinds[Kind.SALVAGED] == 3
    for carried, first_missing in (([4, 5], 3), ([3, 5], 4), ([3, 4], 5), ([], 3)):
        found = first(check(closed(carried)))
        assert (found.what, found.epoch, found.first) == (What.MISSING, 1, first_missing)
    whole = closed([1, 2, 3, 4, 5])
    del whole.epochs[0]
    assert check(whole).findings == []


def test_a_carried_record_must_be_what_it_says() -> None:
    made = closed([3, 4, 5])
    old = made.epochs[0].epoch
    new = made.epochs[1]
    raw, blob = tap(old, 9)
    nameless = {0: old, 1: 9, 2: raw}
    other = BlobRef(b"t" * 16, hashlib.sha256(blob).digest())
    for wrong in (
        wrapped(new, old, 8, raw),
        wrapped(new, b"?" * 16, 9, raw),
        body(new.epoch, new.last + 1, Kind.SALVAGED, data=nameless | {1: 8}),
        body(new.epoch, new.last + 1, Kind.SALVAGED, blob_ref=other, data=nameless),
    ):
        bad = made.copy()
        has_blob = 9 in _fields(wrong)
        bad.epochs[1].commit((wrong, blob if has_blob else None))
        found = first(check(bad))
        assert (found.what, found.first) == (What.SALVAGED, bad.epochs[1].last)


def test_a_carried_record_may_have_lost_its_blob_or_its_proof() -> None:
    made = closed([3, 4, 5])
    new, (raw, blob) = made.epochs[1], tap(b"o" * 16, 9)
    data = {0: b"o" * 16, 1: 9, 2: raw}
    new.commit((body(new.epoch, new.last + 1, Kind.SALVAGED, data=data | {3: True}), None))
    assert check(made).findings == []
    assert [proof.doubtful for proof in check(made).epochs] == [0, 1]
    new.commit((body(new.epoch, new.last + 1, Kind.SALVAGED, data=data), blob))
    assert first(check(made)).what is What.BLOB


def test_gaps_and_what_nobody_can_read_stand_for_what_was_carried_over() -> None:
    for gap, wanted in (((4, 4), None), ((3, 5), None), ((4, None), None), ((5, 5), 4)):
        made = closed([3])
        old, new = made.epochs
        data = {0: old.epoch, 1: gap[0], 2: gap[1], 3: "the disk"}
        new.commit((body(new.epoch, new.last + 1, Kind.GAP, data=data), None))
        data = {0: old.epoch, 1: 5, 2: b"of a later version"}
        if wanted is None:
            new.commit((body(new.epoch, new.last + 1, Kind.SALVAGED, data=data), None))
            assert check(made).findings == [], gap
            assert check(made).epochs[1].unreadable == 1
        else:
            assert first(check(made)).first == wanted


def _fields(raw: bytes) -> dict[int, Any]:
    from protocol import cbor

    fields: dict[int, Any] = cbor.decode(raw)
    return fields


def test_gaps_erasures_and_what_is_unknown_are_reported_and_not_broken() -> None:
    made = two_commits()
    epoch = made.epochs[0]
    data = {0: b"o" * 16, 1: 7, 2: None, 3: "a page of the disk is gone"}
    epoch.commit((body(epoch.epoch, 7, Kind.GAP, data=data), None))
    epoch.commit((body(epoch.epoch, 8, 99), None), (b"no CBOR", None))
    epoch.rows[1] = (epoch.rows[1][0], None, *epoch.rows[1][2:])
    report = check(made)
    assert report.findings == []
    (proof,) = report.epochs
    assert (proof.erased, proof.unreadable, proof.kinds[99]) == (1, 2, 1)
    assert [(gap.first, gap.last) for gap in proof.gaps] == [(7, None)]


def test_a_file_must_say_what_it_holds() -> None:
    items = two_commits().items()
    state = items[2]
    assert isinstance(state, EpochState)
    for wrong, what in (
        (replace(state, head_seq=5), What.FILE),
        (replace(state, head_link=b"?" * 32), What.FILE),
        (replace(state, head_seq=7), What.MISSING),
    ):
        found = verify([*items[:2], wrong, *items[3:]]).findings
        assert [each.what for each in found] == [what]


def test_an_archive_begins_with_its_name() -> None:
    file = two_commits().file()
    assert isinstance(next(archive.read(io.BytesIO(file))), Header)
    with pytest.raises(MalformedError, match="begins with"):
        next(archive.read(io.BytesIO(file.replace(b"archive", b"Archive", 1))))


def test_an_archive_that_is_all_epochs_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(archive._MOST, "epochs", 3)
    epochs = [MadeEpoch(n, bytes([n]) * 16) for n in range(1, 6)]
    for epoch in epochs:
        data = {0: "again", 1: epoch.ordinal}
        epoch.commit((body(epoch.epoch, 1, Kind.START, data=data), None))
    read = archive.read(io.BytesIO(Made(epochs).file()))
    report = verify(read)
    assert "more than 3 epochs" in first(report).detail
    assert len(report.epochs) == 3


def test_parts_in_places_they_have_no_place_in() -> None:
    items = two_commits().items()
    state, page = items[2], next(item for item in items if isinstance(item, Records))
    late = next(item for item in items if isinstance(item, Receipt))
    for wrong in ([*items[:2], page, *items[2:]], [*items[:-1], late], [*items, items[1]]):
        assert What.FILE in {finding.what for finding in verify(wrong).findings}
    assert verify([items[0], state]).findings


@given(raw=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_by_a_typed_error(raw: bytes) -> None:
    start = written(two_commits().items()[:1])
    for data in (raw, start + raw):
        try:
            report = verify(archive.read(io.BytesIO(data)))
        except ProtocolError:
            continue
        assert report.findings
