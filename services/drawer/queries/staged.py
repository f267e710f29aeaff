"""Staged draws (分段式): the disclosed draw whose targets another campaign's draw sends officers to."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.drawer import tables
from services.drawer.reading import attempts_of
from services.drawer.refusals import FirstStageNotDisclosed


@dataclass(frozen=True)
class FirstStage:
    """The first draw as its last round left it."""

    manifest: bytes
    """M of the attempt that was drawn."""
    result: bytes
    """Its newest result digest."""
    targets: frozenset[str]


def first_stage(session: Session, actor: Actor, *, campaign_id: str) -> FirstStage:
    """
    Read the draw of the campaign that a staged one follows (asked as the system).

    Raises:
        FirstStageNotDisclosed: who was drawn there is not public, so nobody may build on it yet.
    """
    draw = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    attempts = attempts_of(session, [draw.id]).get(draw.id, []) if draw is not None else []
    if not attempts or attempts[-1].disclosure is None or attempts[-1].newest is None:
        raise FirstStageNotDisclosed(campaign=campaign_id)
    said, newest = attempts[-1], attempts[-1].newest
    visit = tables.DrawnVisit
    standing = session.scalars(select(visit).where(visit.draw == said.row.draw, visit.removed_in.is_(None))).all()
    return FirstStage(
        bytes.fromhex(said.row.manifest_digest),
        bytes.fromhex(newest.result_digest),
        frozenset(one.target for one in standing),
    )
