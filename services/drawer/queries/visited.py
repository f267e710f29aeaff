"""
Which visits of a draw have been made, and where the record that proves them lies (disclosure per visit, 逐户公开).

Asked as the system: who may have what of it is ``domain.disclosure``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer import tables
from services.drawer.domain.disclosure import VISIT, is_for_anybody
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.reading import Said, appointed_of, attempts_of, blob_ref
from services.drawer.refusals import DrawUnknown, VisitNotStanding


@dataclass(frozen=True)
class StandingVisit:
    """A visit that stands; ``visited`` once the first agency's checklist of it is in."""

    visit: str
    target: str
    agencies: Sequence[str]
    visited: bool
    appointed: Mapping[str, int]
    """How many of each agency's team were appointed, not drawn; agencies without one left out."""


@dataclass(frozen=True)
class DrawnVisits:
    """A drawn draw with the visits that stand. Not to be shown whole: ``for_anybody`` says what may be."""

    draw: str
    number: str
    title: str
    purpose: str
    agencies: Mapping[str, str]
    """By id: the agencies' names."""
    manifest: Manifest
    manifest_digest: str
    completed_at: int
    """Unix seconds."""
    visits_root: str
    result_digest: str
    visits: Sequence[StandingVisit]
    record: BlobRef
    """The public edition, for the drawer's eyes."""
    custody: Mapping[str, str]
    """Who keeps whose key, by the body's name: own, page or server."""

    def kept_by(self, custody: str) -> list[str]:
        """Name everybody whose key is kept so."""
        return [name for name, kept in self.custody.items() if kept == custody]

    @property
    def by_visit(self) -> bool:
        """Whether a visit's leaf is for anybody from the visit on."""
        return self.manifest.disclosure == VISIT

    def for_anybody(self, at: int) -> list[StandingVisit]:
        """List the visits whose leaf anybody may have at *at* (Unix seconds)."""
        about = (self.manifest, self.completed_at, at)
        return [one for one in self.visits if is_for_anybody(*about, visited=one.visited)]

    def visit(self, visit_id: str) -> StandingVisit:
        """Find a visit that stands."""
        found = next((one for one in self.visits if one.visit == visit_id), None)
        if found is None:
            raise VisitNotStanding(visit=visit_id)
        return found


def drawn_visits(session: Session, actor: Actor, *, draw_id: str) -> DrawnVisits:
    """Read the visits of one draw that has been drawn."""
    found = _read(session, [draw_id])
    if not found:
        raise DrawUnknown(draw=draw_id)
    return found[0]


def draws_by_visit(session: Session, actor: Actor) -> list[DrawnVisits]:
    """Read the draws that are disclosed visit by visit and whose record is still closed, newest first."""
    opened = select(tables.Disclosure.id)
    closed = session.scalars(select(tables.OutcomeRow.draw).where(tables.OutcomeRow.draw.not_in(opened))).all()
    return sorted((one for one in _read(session, closed) if one.by_visit), key=lambda one: one.draw, reverse=True)


def _read(session: Session, draws: Collection[str]) -> list[DrawnVisits]:
    drawn = [said[-1] for said in attempts_of(session, draws).values() if said[-1].outcome is not None]
    ids = [said.row.campaign for said in drawn]
    campaigns = {row.id: row for row in session.scalars(select(tables.Campaign).where(tables.Campaign.id.in_(ids)))}
    names = {(row.county, row.agency): row.name for row in session.scalars(select(tables.Agency)).all()}
    visits = _standing(session, [said.row.draw for said in drawn])
    return [_told(said, campaigns[said.row.campaign], names, visits[said.row.draw]) for said in drawn]


def _standing(session: Session, draws: Collection[str]) -> dict[str, list[StandingVisit]]:
    visit = tables.DrawnVisit
    rows = session.scalars(
        select(visit).where(visit.draw.in_(draws), visit.removed_in.is_(None)).order_by(visit.id)
    ).all()
    entered = select(tables.Entered.visit).where(tables.Entered.visit.in_([row.id for row in rows]))
    made = set(session.scalars(entered).all())
    appointed = appointed_of(session, [row.id for row in rows])
    found: dict[str, list[StandingVisit]] = {draw: [] for draw in draws}
    for row in rows:
        agencies = [team[0] for team in row.teams]
        counted = {one: len(appointed[row.id, one]) for one in agencies if (row.id, one) in appointed}
        found[row.draw].append(StandingVisit(row.id, row.target, agencies, row.id in made, counted))
    return found


def _told(
    said: Said, campaign: tables.Campaign, names: Mapping[tuple[str, str], str], visits: Sequence[StandingVisit]
) -> DrawnVisits:
    row, outcome, newest = said.row, said.outcome, said.newest
    assert outcome is not None
    assert newest is not None
    return DrawnVisits(
        draw=row.draw,
        number=campaign.number,
        title=campaign.title,
        purpose=row.manifest["purpose"],
        agencies={agency: names.get((row.county, agency), agency) for agency in said.agencies},
        manifest=read_manifest(row.manifest),
        manifest_digest=row.manifest_digest,
        completed_at=int(outcome.completed_at.timestamp()),
        visits_root=newest.visits_root,
        result_digest=newest.result_digest,
        visits=visits,
        record=blob_ref(newest.public_record),
        custody={names.get((row.county, body), body): said.custody(body) for body in said.parties},
    )
