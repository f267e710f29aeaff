"""
One visit's leaf of the visits root: what a visited firm gets with its visit, and with 逐户公开 anybody from then on.

It shows one visit and nothing of any other: who it was, which agencies went for which items, the teams as pids.
A firm has no account; it is known by the leaf's own blinding value, which only the slip made for it carries.
Source: JIDRAW/1 section 13.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from runtime.service import Service
from services.drawer.archive import read
from services.drawer.domain import visits
from services.drawer.domain.canonical import parse
from services.drawer.domain.disclosure import check_leaf
from services.drawer.domain.encoding import is_identifier
from services.drawer.domain.record_reader import Told, ToldRound, read_record
from services.drawer.domain.visits import VisitProof
from services.drawer.queries.visited import DrawnVisits, drawn_visits
from services.drawer.refusals import VisitNotStanding


@dataclass(frozen=True)
class Leaf:
    """The leaf of one visit, and the file in which it is handed out."""

    draw: DrawnVisits
    visit: str
    round: int
    """The closed round whose visits root it lies under; 0: the draw itself."""
    proof: VisitProof
    file: Mapping[str, Any]


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

    def check(*, is_target: bool) -> None:
        check_leaf(draw.manifest, draw.completed_at, visit_id, at, visited=one.visited, is_target=is_target)

    check(is_target=bool(key))  # before the record is read for somebody who may not have it anyhow
    told = _record(service, draw)
    check(is_target=key in _keys(told, one.target))
    return _made(draw, visit_id, one.target, told)


def address(service: Service, origin: str, draw_id: str, visit_id: str) -> str:
    """Say where the visited firm, and nobody who has not its slip, reads its leaf once it was visited."""
    draw = service.ask(service.system, drawn_visits, draw_id=draw_id)
    key = _keys(_record(service, draw), draw.visit(visit_id).target)[-1]
    return f"{origin}/public/draws/{draw_id}/visits/{visit_id}?{urlencode({'key': key})}"


def _record(service: Service, draw: DrawnVisits) -> Told:
    return read_record(parse(read(service, draw.record)))


def _keys(told: Told, target: str) -> list[str]:
    # A slip printed before a round keeps its key: a round gives every leaf another blinding value.
    seeds = [told.seed, *(one.seed for one in told.replacements)]
    return [visits.blind(told.manifest.h, bytes.fromhex(seed), target).hex() for seed in seeds]


def _made(draw: DrawnVisits, visit_id: str, target: str, told: Told) -> Leaf:
    newest: Told | ToldRound = told.replacements[-1] if told.replacements else told
    number = newest.number if isinstance(newest, ToldRound) else 0
    entries = visits.entries(newest.work, newest.teams)
    proof = visits.prove_visit(told.manifest.h, bytes.fromhex(newest.seed), entries, target)
    file = {
        "v": "JIDRAW/1",
        "hash": told.manifest.hash,
        "draw": draw.draw,
        "visit": visit_id,
        "round": number,
        "manifest_digest": told.manifest_digest,
        "visits_root": newest.visits_root,
        "result_digest": newest.result_digest,
        **proof.as_json(),
    }
    return Leaf(draw, visit_id, number, proof, file)
