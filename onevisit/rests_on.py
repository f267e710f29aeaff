"""What a checked draw rests on, in sentences: whose custody, which witness, which beacons, how long the notice."""

from collections.abc import Iterator
from pathlib import Path

from onevisit.sentences import sentences
from services.drawer.checking import Report
from services.drawer.domain.manifest import Manifest

CUSTODY = {
    "own": ("本单位系统", "the body's own system"),
    "page": ("经办人浏览器", "the officer's browser"),
    "server": ("平台服务器", "the operator's server"),
}


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
    if report.faults:
        yield f"  - 记录载明异常 {report.faults} 项 / faults on the record: {report.faults}"
    if keys is None:
        yield "  - 公钥取自记录本身（未用 --keys） / keys: those in the record itself (no --keys given)"
    else:
        yield f"  - 公钥 / keys: {keys}"
    if head is None:
        yield "  - 未用 --head：是否被截短未比对 / no --head given: a record cut short after an earlier round would pass"


def _from_manifest(manifest: Manifest) -> Iterator[str]:
    for custody, (zh, en) in CUSTODY.items():
        names = ", ".join(sorted(name for name, party in manifest.agencies.items() if party.custody == custody))
        if names:
            yield f"  - 密钥保管 / keys kept by {zh} / {en}: {names}"
    if manifest.witness is not None:
        yield f"  - 见证人 / witness: {manifest.witness.name}"
    beacons = ", ".join(f"{one.id} {one.round}" for one in manifest.beacons)
    yield f"  - 信标 / beacon: {beacons or '无 / none'}"
    notice = manifest.times.commit_close - manifest.times.published
    yield f"  - 公告期 / notice: {notice // 3600} h {notice % 3600 // 60} min"
