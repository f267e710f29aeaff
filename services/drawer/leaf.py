"""
One visit's leaf of the visits root: what a visited firm gets with its visit, and with 逐户公开 anybody from then on.

It shows one visit and nothing of any other: who it was, which agencies went for which items, the teams as pids.
A firm has no account; it is known by the leaf's own blinding value, which only the slip made for it carries.
Source: JIDRAW/1 section 13.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from runtime.files.blobs import BlobStore
from runtime.service import Service
from schemas.blobs import BlobRef
from services.drawer.archive import read
from services.drawer.domain import visits
from services.drawer.domain.canonical import parse
from services.drawer.domain.disclosure import check_leaf
from services.drawer.domain.encoding import Hash, is_identifier
from services.drawer.domain.record_reader import Told, ToldRound, read_record
from services.drawer.domain.visits import VisitProof
from services.drawer.queries.visited import DrawnVisits, StandingVisit, drawn_visits
from services.drawer.refusals import VisitNotStanding
from services.drawer.vault import SERVICE

_is_key = re.compile("[0-9a-f]{64}").fullmatch


@dataclass(frozen=True)
class Leaf:
    """The leaf of one visit, and the file in which it is handed out."""

    draw: DrawnVisits
    visit: str
    round: int
    """The closed round whose visits root it lies under; 0: the draw itself."""
    proof: VisitProof
    file: Mapping[str, Any]
    appointed: Mapping[str, int]
    """How many of each agency's team were appointed, not drawn: beside the proof, which says nothing of them."""

    @property
    def is_short(self) -> bool:
        """Whether the draw left a place open."""
        return any(None in team for _, team in self.proof.entry.values())


def leaf(service: Service, draw_id: str, visit_id: str, key: str = "") -> Leaf:
    """
    Give a visit's leaf to anybody who may have it, or to the visited firm.

    Args:
        key: From the firm's slip: the leaf's blinding value, 64 hex; empty of a stranger.

    Raises:
        DrawUnknown, VisitNotStanding, NotVisitedYet, VisitOfAnother: not yet, or not for the asker.
    """
    if not is_identifier(visit_id):
        raise VisitNotStanding(visit=visit_id[:64])
    draw = service.ask(service.system, drawn_visits, draw_id=draw_id)
    one, at = draw.visit(visit_id), int(service.ports.clock.now().timestamp())
    # The key first: what a wrong one is told may not depend on whether the visit was made.
    is_target = bool(_is_key(key)) and _knows(service, draw, one.target, key)
    check_leaf(draw.manifest, draw.completed_at, visit_id, at, visited=one.visited, is_target=is_target)
    return _made(draw, one, _record(service, draw))


def address(service: Service, origin: str, draw_id: str, visit_id: str) -> str:
    """Say where the visited firm, and nobody who has not its slip, reads its leaf once it was visited."""
    draw = service.ask(service.system, drawn_visits, draw_id=draw_id)
    key = _keys(_blinding(service, draw), draw.visit(visit_id).target)[-1]
    return f"{origin}/public/draws/{draw_id}/visits/{visit_id}?{urlencode({'key': key})}"


def _record(service: Service, draw: DrawnVisits) -> Told:
    return read_record(parse(read(service, draw.record)))


@dataclass(frozen=True)
class _Blinding:
    """What the blinding values of a draw's leaves follow from: its hash, and the seeds of the draw and its rounds."""

    h: Hash
    seeds: tuple[bytes, ...]


@lru_cache(maxsize=32)
def _blinding_of(blobs: BlobStore, record: BlobRef) -> _Blinding:
    """Read it once: a key that is made up costs a few hashes, not the reading of a record."""
    told = read_record(parse(blobs.get(record, SERVICE)))
    seeds = (told.seed, *(one.seed for one in told.replacements))
    return _Blinding(told.manifest.h, tuple(bytes.fromhex(one) for one in seeds))


def _blinding(service: Service, draw: DrawnVisits) -> _Blinding:
    return _blinding_of(service.ports.blobs, draw.record)


def _knows(service: Service, draw: DrawnVisits, target: str, key: str) -> bool:
    return any(compare_digest(key, one) for one in _keys(_blinding(service, draw), target))


def _keys(blinding: _Blinding, target: str) -> list[str]:
    # A slip printed before a round keeps its key: a round gives every leaf another blinding value.
    return [visits.blind(blinding.h, seed, target).hex() for seed in blinding.seeds]


def _made(draw: DrawnVisits, visit: StandingVisit, told: Told) -> Leaf:
    newest: Told | ToldRound = told.replacements[-1] if told.replacements else told
    number = newest.number if isinstance(newest, ToldRound) else 0
    entries = visits.entries(newest.work, newest.teams)
    proof = visits.prove_visit(told.manifest.h, bytes.fromhex(newest.seed), entries, visit.target)
    file = {
        "v": "JIDRAW/1",
        "hash": told.manifest.hash,
        "draw": draw.draw,
        "visit": visit.visit,
        "round": number,
        "manifest_digest": told.manifest_digest,
        "visits_root": newest.visits_root,
        "result_digest": newest.result_digest,
        **proof.as_json(),
    }
    return Leaf(draw, visit.visit, number, proof, file, visit.appointed)
