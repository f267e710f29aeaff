"""Why one entity was drawn or not: its proof, made from a record and its frame files, and put into sentences."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from onevisit.files import check_regular, read_rows, write_whole
from onevisit.refusals import FileUnreadable
from onevisit.trouble import file_unusable
from services.drawer.domain import entity_proof, manifest_rules
from services.drawer.domain.encoding import Hash
from services.drawer.domain.entity_proof import Chance, Drawing, EntityProof, Fate
from services.drawer.domain.frame import survey
from services.drawer.domain.manifest_rules import FrameDiffers
from services.drawer.domain.record_reader import Told

BLOCK = 1 << 20
"""Bytes read at a time."""


def prove(told: Told, frames: Sequence[Path], entity: str) -> EntityProof:
    """Make the proof of one entity from a record and its frame files, matched to the shards by their digests."""
    manifest = told.manifest
    by_digest = {_digest(manifest.h, file): file for file in frames}
    for shard in manifest.frame.shards:
        if shard.digest not in by_digest:
            raise FrameDiffers(shard=shard.shard, what="digest")
    frame = {shard.shard: read_rows(by_digest[shard.digest]) for shard in manifest.frame.shards}
    manifest_rules.check_frame(manifest, survey(manifest.h, frame))
    return entity_proof.prove_entity(manifest, frame, _drawings(told), entity)


def _drawings(told: Told) -> list[Drawing]:
    first = Drawing(0, bytes.fromhex(told.seed), told.selected)
    return [first, *(Drawing(one.number, bytes.fromhex(one.seed), one.selected) for one in told.replacements)]


def _digest(h: Hash, file: Path) -> str:
    running = h.begin(b"")
    try:
        check_regular(file)
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                running.update(block)
    except OSError as error:
        raise FileUnreadable(**file_unusable(error).facts | {"path": str(file)}) from error
    return running.digest().hex()


def write(proof: EntityProof, to: Path) -> None:
    """Write a proof as JSON."""
    write_whole(to, json.dumps(proof.as_json(), indent=1, sort_keys=True) + "\n")


def explained(told: Told, proof: EntityProof) -> Iterator[str]:
    """Put a proof into sentences, Chinese first, having checked it as the entity would."""
    kind = entity_proof.check(told.manifest, proof)
    yield f"{proof.entity}：抽样框 {proof.shard} 第 {proof.row} 行 / row {proof.row} of frame {proof.shard}"
    yield f"  层 / stratum {kind.stratum}，事项 / lines {', '.join(kind.lines)}"
    removed = {closed.number: closed.request.gone for closed in told.replacements}
    for one in proof.chances:
        yield _fared(one, entity_proof.fate(one, proof.entity, _drawings(told), removed))
    if not proof.chances:
        yield "  不在任何一项抽取之列 / in no selection of this draw"
    if any(proof.entity in ids for ids in removed.values()):
        yield "  抽中后移出 / drawn and removed since"
    work = told.replacements[-1].work if told.replacements else told.work
    for agency, lines in _visits(work, proof.entity):
        yield f"  {agency} 检查 / inspects: {', '.join(lines)}"


def _fared(one: Chance, fate: Fate) -> str:
    where = f"{one.selection}" if one.round == 0 else f"{one.selection}（第 {one.round} 轮替换 / round {one.round}）"
    ticket, cutoff = one.ticket[:16], (one.cutoff or "")[:16]
    said = {
        Fate.DRAWN: f"抽中，抽签号 {ticket}… ≤ 界值 {cutoff}… / drawn, its ticket is not above the cutoff",
        Fate.REMOVED_BEFORE: "未参加本轮抽取：已移出 / took no part: it was removed",
        Fate.DRAWN_BEFORE: "未参加本轮抽取：此前已经抽中 / took no part: it had been drawn before",
        Fate.NOBODY: "本层未抽取 / nobody was drawn in this stratum",
        Fate.ABOVE: f"未抽中，抽签号 {ticket}… > 界值 {cutoff}… / not drawn, its ticket is above the cutoff",
        Fate.OVERLOOKED: f"应抽中而未抽中，记录有误：抽签号 {ticket}… ≤ 界值 {cutoff}… / "
        "not drawn although its ticket is not above the cutoff: this record is not true",
    }
    return f"  {where}：{said[fate]}"


def _visits(work: Mapping[str, Mapping[str, tuple[str, ...]]], entity: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for agency, targets in sorted(work.items()):
        if entity in targets:
            yield agency, targets[entity]
