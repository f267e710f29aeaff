"""What a checked draw rests on, in sentences: whose custody, which witness, which beacons, how long the notice."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from onevisit.sentences import sentences
from services.drawer.checking import Report
from services.drawer.domain import faults
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.record import Fault
from services.drawer.wording import CUSTODY

FAULTS = {
    faults.IN_RECORD[faults.Kind.REVEAL_OMITTED]: "有效的揭示没有列入封存",
    faults.IN_RECORD[faults.Kind.SECOND_SEAL]: "同一次抽取出现第二份封存",
    faults.IN_RECORD[faults.Kind.BEACON_LATE]: "随机源迟到",
    faults.IN_RECORD[faults.Kind.DATA_LOST]: "数据丢失",
}
"""What the record calls the faults of section 6, and what people call them."""


def lines(report: Report, keys: Path | None, head: str | None) -> Iterator[str]:
    """Say it aloud, as section 14 of JIDRAW/1 has every verifier end."""
    yield "结果所依 / the result rests on:"
    if report.purpose == "rehearsal":
        yield "  - 演练，不是正式抽取 / a rehearsal, not a live draw"
    yield from _from_manifest(report.manifest)
    words = sentences()
    for remark in report.remarks:
        said = words.of(remark.code, remark.facts)
        yield f"  - {said.zh} / {said.en}"
    yield from _faults(report.faults)
    if keys is None:
        yield "  - 公钥取自记录本身（未用 --keys） / keys: those in the record itself (no --keys given)"
    else:
        yield f"  - 公钥 / keys: {keys}"
    if head is None:
        yield "  - 未用 --head：是否被截短未比对 / no --head given: a record cut short after an earlier round would pass"


def _faults(told: Sequence[Fault]) -> Iterator[str]:
    if told:
        yield f"  - 记录载明异常 {len(told)} 项，抽取仍然有效 / faults on the record: {len(told)}; the draw stands"
    for number, one in enumerate(told[:20], start=1):
        kind, _, of_round = one.what.partition(", round ")
        zh = FAULTS.get(kind, _plain(kind)) + (f"（第 {_plain(of_round)} 轮）" if of_round else "")
        who = f": {_plain(one.who)}" if one.who is not None else ""
        evidence = f", {one.evidence}" if one.evidence else ""
        yield f"  - 异常 {number}：{zh} / fault {number}: {_plain(one.what)}{who}{evidence}"


def _plain(text: str) -> str:
    """Show a record's words without letting them draw on the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:100])


def _from_manifest(manifest: Manifest) -> Iterator[str]:
    for custody, keeper in CUSTODY.items():
        names = ", ".join(sorted(name for name, party in manifest.agencies.items() if party.custody == custody))
        if names:
            yield f"  - 密钥保管 / keys kept by {keeper.zh} / {keeper.en}: {names}"
    if manifest.witness is not None:
        yield f"  - 见证人 / witness: {manifest.witness.name}"
    beacons = ", ".join(f"{one.id} {one.round}" for one in manifest.beacons)
    yield f"  - 信标 / beacon: {beacons or '无 / none'}"
    notice = manifest.times.commit_close - manifest.times.published
    yield f"  - 公告期 / notice: {notice // 3600} h {notice % 3600 // 60} min"
