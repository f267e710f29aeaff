"""Asked again and again why a firm was drawn, the drawer reads record and frame once; and a check walks by the fast path."""

from collections.abc import Mapping
from typing import Any

import pytest

from schemas.blobs import BlobRef
from services.drawer import checking, why
from services.drawer.domain.encoding import Hash
from services.drawer.domain.frame import Kind, Rows
from services.drawer.domain.selection import Kept, Walk, plain_walk
from services.drawer.queries.records import public_draw
from tests.unit.drawer.draws import SAMPLES, sample
from tests.unit.drawer_service.county import DRAW, WINDOW_END, County, entities


def counted(county: County, monkeypatch: pytest.MonkeyPatch) -> list[BlobRef]:
    """Note every document that is fetched."""
    fetched: list[BlobRef] = []
    blobs = county.kit.blobs
    get = blobs.get

    def noting(ref: BlobRef, reader: str) -> bytes:
        fetched.append(ref)
        return get(ref, reader)

    monkeypatch.setattr(blobs, "get", noting)
    return fetched


def answers(county: County) -> list[Any]:
    service = county.service
    draw = service.ask(service.system, public_draw, draw_id=DRAW)
    return [why.why(service, draw, entity).proof for entity in sorted(entities())]


def test_record_and_frame_are_read_once_for_many_questions(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    county.until_drawn()
    county.at(WINDOW_END)
    fetched = counted(county, monkeypatch)

    told = answers(county)

    assert len(fetched) == 2
    assert sum(chance["drawn"] for proof in told for chance in proof["chances"]) == 11


def test_what_is_too_large_is_not_kept(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    county.until_drawn()
    county.at(WINDOW_END)
    kept = answers(county)
    monkeypatch.setattr(why, "KEPT_BYTES", 1000)
    fetched = counted(county, monkeypatch)

    assert answers(county) == kept
    assert len(fetched) == 2 * len(kept)


def test_every_round_of_a_check_is_walked_by_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []

    def walk(h: Hash, key: bytes, frame: Mapping[str, Rows], bounds: Mapping[Kind, bytes]) -> Kept:
        walked.append(key)
        return plain_walk(h, key, frame, bounds)

    def fast(h: Hash) -> Walk:
        return walk

    monkeypatch.setattr(checking, "walk_of", fast)

    for name in ("rounds", "public"):
        walked.clear()
        record = SAMPLES / name / "record.json"
        checking.verify(record.read_bytes(), [one.read_bytes() for one in record.parent.glob("*.tsv")])

        assert len(set(walked)) == 1 + len(sample(name)["replacements"])
