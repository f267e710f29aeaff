"""Who was drawn and who goes there: the one thing said before disclosure, to the lead's planner and draw officer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Purpose, Role
from services.drawer import tables
from services.drawer.domain.appointing import with_appointed
from services.drawer.domain.changes import State, may_ask
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import Chosen, chosen
from services.drawer.drafts import Visitors
from services.drawer.reading import agency_names, appointed_of, draw_row, newest
from services.drawer.refusals import ListNotForYou, NotDrawnYet, SlipNotForYou, VisitNotStanding


@dataclass(frozen=True)
class TeamView:
    """One agency at one target: its items, and its officers by staff number, first the one who leads."""

    agency: str
    name: str
    items: Sequence[str]
    officers: Sequence[str | None]
    appointed: Sequence[str] = ()
    """Those of the officers who were appointed, not drawn."""


@dataclass(frozen=True)
class VisitView:
    """One drawn target."""

    visit: str
    target: str
    stratum: str
    ticket_rank: int
    teams: Sequence[TeamView]
    drawn_in: int = 0
    """Round; 0: the draw itself."""
    removed_in: int | None = None


@dataclass(frozen=True)
class Sheet:
    """What a printed record says beside the draw itself, as the last round left it."""

    standing: Sequence[VisitView]
    removed: Sequence[VisitView]
    officers: int
    """How many stood on all rosters."""
    result_digest: str

    @property
    def appointed(self) -> bool:
        """Whether somebody was appointed to a place that stays open in the record."""
        return any(team.appointed for one in self.standing for team in one.teams)

    @property
    def open(self) -> bool:
        """Whether a place is open still."""
        return any(None in team.officers for one in self.standing for team in one.teams)


def may_see_list(actor: Actor, lead: str) -> bool:
    """Tell whether the asker is the lead's planner or draw officer."""
    return actor.agency == lead and actor.has(Role.PLANNER, Role.DRAW_OFFICER)


def may_read_full(actor: Actor, lead: str) -> bool:
    """Tell whether the asker is the lead's supervisor or draw officer, for whom the full edition is."""
    return actor.agency == lead and actor.has(Role.SUPERVISOR, Role.DRAW_OFFICER)


def drawn_list(session: Session, actor: Actor, *, draw_id: str) -> list[VisitView]:
    """
    Show who was drawn and who goes there, to the lead's planner and draw officer.

    Raises:
        ListNotForYou, NotDrawnYet.
    """
    row = draw_row(session, draw_id)
    if not may_see_list(actor, row.owner_agency):
        raise ListNotForYou(lead=row.owner_agency)
    visit = tables.DrawnVisit
    rows = session.scalars(select(visit).where(visit.draw == draw_id).order_by(visit.id)).all()
    if not rows:
        raise NotDrawnYet(draw=draw_id)
    names = agency_names(session, actor.county)
    appointed = appointed_of(session, [one.id for one in rows])
    return [_visit(one, names, appointed) for one in rows]


def _visit(
    row: tables.DrawnVisit, names: Mapping[str, str], appointed: Mapping[tuple[str, str], Sequence[str]]
) -> VisitView:
    teams = [
        (agency, items, with_appointed(officers, appointed.get((row.id, agency), ())))
        for agency, items, officers in row.teams
    ]
    return VisitView(
        row.id,
        row.target,
        row.stratum,
        row.ticket_rank,
        [
            TeamView(agency, names.get(agency, agency), items, one.officers, one.appointed)
            for agency, items, one in teams
        ],
        row.drawn_in,
        row.removed_in,
    )


@dataclass(frozen=True)
class Slip:
    """What a visited firm is handed (凭证): its visit, and the digest that was fixed on the day of the draw."""

    draw: str
    visit: VisitView
    result_digest: str
    chosen: Chosen
    """Whether chance chose it; who is told "drawn at random" must have been."""


def slip(session: Session, actor: Actor, *, visit_id: str, asker: Actor) -> Slip:
    """
    Show one visit to those who hand its firm the slip (the system's request: the list of visits is the lead's).

    They are the officers drawn for it or appointed to it; the team lead, approver and head of its agencies; the lead's planner and draw
    officer.

    Raises:
        SlipNotForYou: it is not for the asker.
        VisitNotStanding: there is no such visit, or a round has removed it since.
        DrawnElsewhere.
    """
    row = session.get(tables.DrawnVisit, visit_id)
    if row is None or row.county != asker.county:
        raise VisitNotStanding(visit=visit_id)
    found = _visit(row, agency_names(session, row.county), appointed_of(session, [row.id]))
    if not _may_hand_out(asker, row, found):
        raise SlipNotForYou()
    if row.removed_in is not None:
        raise VisitNotStanding(visit=visit_id)
    said = newest(session, row.draw)
    assert said.newest is not None
    how = chosen(read_manifest(said.row.manifest), row.stratum)
    return Slip(row.draw, found, said.newest.result_digest, how)


def _may_hand_out(asker: Actor, row: tables.DrawnVisit, visit: VisitView) -> bool:
    own = [team.officers for team in visit.teams if team.agency == asker.agency]
    is_sent = asker.officer is not None and any(asker.officer in officers for officers in own)
    return is_sent or (bool(own) and may_ask(asker.roles)) or may_see_list(asker, row.owner_agency)


def last_visitors(session: Session, actor: Actor, *, but: str | None = None) -> Visitors:
    """
    Tell for each target that was ever drawn whom each agency sent there last, over all live draws of the county.

    Asked by the system itself: who leads a campaign does not see whom another lead's campaign sent.

    Args:
        but: A draw that is passed over, since its own list is read again.
    """
    visit, ended, imported, campaign = tables.DrawnVisit, tables.OutcomeRow, tables.ImportedDraw, tables.Campaign
    asked = (
        select(visit.id, visit.target, visit.teams)
        .outerjoin(ended, ended.draw == visit.draw)
        .outerjoin(imported, and_(imported.draw == visit.draw, imported.state == State.APPROVED))
        .join(tables.Draw, tables.Draw.id == visit.draw)
        .join(campaign, campaign.id == tables.Draw.campaign)
        .where(visit.removed_in.is_(None), campaign.plan["purpose"].as_string() == Purpose.LIVE.value)
        .order_by(func.coalesce(ended.completed_at, imported.decided_at), visit.id)
    )
    if but is not None:
        asked = asked.where(visit.draw != but)
    found: dict[tuple[str, str], frozenset[str]] = {}
    appointed = appointed_of(session, None)
    for name, target, teams in session.execute(asked):
        for agency, _, officers in teams:
            going = with_appointed(officers, appointed.get((name, agency), ())).officers
            if sent := frozenset(officer for officer in going if officer):
                found[agency, target] = sent
    return found


def drawn_sheet(session: Session, actor: Actor, *, draw_id: str) -> Sheet:
    """
    Gather what is printed of a draw (附件2, 附件6), for those who may see the list.

    Raises:
        ListNotForYou, NotDrawnYet.
    """
    visits = drawn_list(session, actor, draw_id=draw_id)
    said = newest(session, draw_id)
    assert said.newest is not None
    return Sheet(
        [one for one in visits if one.removed_in is None],
        [one for one in visits if one.removed_in is not None],
        sum(told["inspectors"] for told in said.row.manifest["rosters"].values()),
        said.newest.result_digest,
    )
