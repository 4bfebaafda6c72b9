"""A verification in words and in JSON: what was checked, with whose key, where the claim ends."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from protocol.bodies import Kind
from protocol.findings import EpochProof, Finding, Report
from protocol.identity import device_number
from protocol.salvaged import Gap

JOURNAL, EXPORT, DISCLOSURE = "journal", "export", "disclosure"
_KINDS = {kind.value: kind.name.lower() for kind in Kind}


class Basis(msgspec.Struct, frozen=True):
    """What a verification rests on: `file` is what was read, `kind` which kind of file it is."""

    file: str
    kind: str
    key_given: bool
    trust_given: bool
    quick: bool = False


def as_json(report: Report, basis: Basis) -> dict[str, Any]:
    """One JSON object."""
    broken = first_broken(report)
    return {
        "file": basis.file,
        "kind": basis.kind,
        "ok": not report.found,
        "device": device_number(report.terminal),
        "thumbprint": report.terminal.hex(),
        "key": "given" if basis.key_given else _found(basis),
        "trust": None if report.trust is None else "given" if basis.trust_given else _found(basis),
        "trust_documents": report.trust,
        "heads_checked": "newest" if basis.quick else "all",
        "records": report.records,
        "receipts": report.receipts,
        "first_broken": None if broken is None else _finding(broken),
        "found": report.found,
        "findings": [_finding(finding) for finding in report.findings],
        "notices": report.notices,
        "epochs": [_epoch(proof) for proof in report.epochs],
    }


def as_lines(report: Report, basis: Basis) -> Iterator[str]:
    """For people: one thing a line, and the verdict last."""
    yield f"{'file':11}{basis.file}, {_a(basis.kind)}"
    yield f"{'terminal':11}{device_number(report.terminal)}, thumbprint {report.terminal.hex()}"
    yield f"{'key':11}{_key(basis)}"
    yield f"{'trust':11}{_trust(report, basis)}"
    for proof in report.epochs:
        yield f"{f'epoch {proof.state.ordinal}':11}{_epoch_line(proof)}"
        for gap in proof.gaps:
            yield f"{'gap':11}{_gap_line(gap)}"
    if basis.quick:
        yield f"{'heads':11}of each epoch the newest alone was checked, which proves the others"
    for notice in report.notices:
        yield f"{'note':11}{notice}"
    yield from _verdict(report, basis)


def first_broken(report: Report) -> Finding | None:
    """The finding that names the first record; the first of all when none names any."""
    named = [finding for finding in report.findings if finding.first is not None]
    if not named:
        return report.findings[0] if report.findings else None
    return min(named, key=lambda finding: (finding.epoch or 0, finding.first or 0))


def rfc3339(ms: int) -> str:
    """A moment in UTC (RFC 3339); its milliseconds as they are when no calendar has it."""
    try:
        moment = datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms after 1970"
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _verdict(report: Report, basis: Basis) -> Iterator[str]:
    broken = first_broken(report)
    if broken is not None:
        for finding in report.findings:
            yield f"{'WRONG':11}{_finding_line(finding)}"
        if report.found > len(report.findings):
            yield f"{'':11}and {report.found - len(report.findings)} more"
        yield f"{'broken':11}first: {_where(broken) or broken.what.value}"
        return
    proved = "unchanged, in order, none missing between the first and the last shown"
    if any(proof.gaps for proof in report.epochs):
        proved += ", but for the gaps named above"
    if basis.key_given:
        proved = f"these records are the terminal's, {proved}"
    else:
        proved = f"these records are one terminal's, {proved}; that it is this one, its label says"
    yield f"{'proved':11}{proved}"
    yield f"{'ends':11}{_end(report)}"


def _end(report: Report) -> str:
    if not report.epochs:
        return "nowhere: there are no records"
    newest = report.epochs[-1]
    shown = f"epoch {newest.state.ordinal}, record {newest.last}, the last one shown"
    if newest.receipt is None:
        return (
            f"at {shown}. No receipt of this epoch was checked: later records may have been cut"
            " off, and whoever has the terminal's key may have written anew what no receipt named"
            " above covers, unseen"
        )
    if newest.ends == newest.last:
        since = f"at {shown}, which the platform has receipted"
        return f"{since}. Later ones may have been cut off, unseen"
    return (
        f"at epoch {newest.state.ordinal}, record {newest.ends}, the platform's newest receipt."
        f" Records {newest.ends + 1} to {newest.last} are signed; later ones may have been cut off,"
        " and these written anew by whoever has the terminal's key, unseen"
    )


def _found(basis: Basis) -> str:
    return "beside the file" if basis.kind == JOURNAL else "of the file"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _key(basis: Basis) -> str:
    if basis.key_given:
        return "the one given"
    whose = "the terminal's own, beside it" if basis.kind == JOURNAL else "the file's own"
    return f"{whose}: compare the device number with the one printed on the terminal"


def _trust(report: Report, basis: Basis) -> str:
    if report.trust is None:
        return "no document: no receipt was checked"
    if basis.trust_given:
        return f"the document given, and those that follow it up to {report.trust}"
    whose = "those beside it" if basis.kind == JOURNAL else "the file's own documents"
    return (
        f"{whose}, up to {report.trust}: receipts are worth what the first one is;"
        " give yours with --trust"
    )


def _epoch_line(proof: EpochProof) -> str:
    state = proof.state
    if proof.last < state.first:
        return "no records"
    text = f"records {state.first} to {proof.last}"
    text += f" ({', '.join(f'{n} {_name(kind)}' for kind, n in sorted(proof.kinds.items()))})"
    text += f", signed to {proof.signed} ({proof.heads} heads checked)"
    if proof.receipt is not None:
        text += f", receipted to {proof.receipt.seq} at {rfc3339(proof.receipt.at)}"
    if proof.erased:
        text += f", {proof.erased} erased"
    if proof.doubtful:
        text += f", {proof.doubtful} carried over with their link alone proved"
    if proof.unreadable:
        text += f", {proof.unreadable} not understood"
    return text


def _name(kind: int) -> str:
    return _KINDS.get(kind, f"of kind {kind}")


def _gap_line(gap: Gap) -> str:
    last = "nobody knows where" if gap.last is None else str(gap.last)
    return f"records {gap.first} to {last} of epoch {gap.epoch.hex()} are lost: {gap.why}"


def _finding_line(finding: Finding) -> str:
    where = _where(finding)
    return f"{where}: {finding.detail}" if where else finding.detail


def _where(finding: Finding) -> str:
    if finding.epoch is None:
        return ""
    text = f"epoch {finding.epoch}"
    if finding.first is None:
        return text
    if finding.first == finding.last:
        return f"{text}, record {finding.first}"
    return f"{text}, one of records {finding.first} to {finding.last}"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what.value,
        "epoch": finding.epoch,
        "first": finding.first,
        "last": finding.last,
        "detail": finding.detail,
    }


def _epoch(proof: EpochProof) -> dict[str, Any]:
    receipt = proof.receipt
    return {
        "epoch": proof.state.epoch.hex(),
        "ordinal": proof.state.ordinal,
        "first": proof.state.first,
        "last": proof.last,
        "signed": proof.signed,
        "heads": proof.heads,
        "receipt": None
        if receipt is None
        else {
            "seq": receipt.seq,
            "at": rfc3339(receipt.at),
            "generation": receipt.generation,
            "verdict": receipt.verdict.name.lower(),
        },
        "acked": proof.state.acked,
        "kinds": {_name(kind): n for kind, n in sorted(proof.kinds.items())},
        "erased": proof.erased,
        "not_understood": proof.unreadable,
        "doubtful": proof.doubtful,
        "gaps": [
            {"epoch": gap.epoch.hex(), "first": gap.first, "last": gap.last, "why": gap.why}
            for gap in proof.gaps
        ],
        "broken": proof.broken,
    }
