"""Draws and what needs somebody in them; no more than `attempts` says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands.changing import rounded
from services.drawer.domain import changes
from services.drawer.domain.appointing import State as Appointed
from services.drawer.domain.changes import State
from services.drawer.progress import Act, Stage
from services.drawer.queries.attempts import DrawView, acts_now, cancelled_campaigns, view_of
from services.drawer.reading import Said, agency_names, attempts_of, campaign_row, newest
from services.drawer.round_progress import RoundAct


@dataclass(frozen=True)
class DrawLine:
    """A line of the list of draws."""

    draw: str
    campaign: str
    title: str
    attempt: int
    stage: Stage
    deadline: datetime | None
    can: Sequence[Act]


def draw_view(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> DrawView:
    """Show one draw to somebody who takes part in it."""
    newest(session, draw_id)
    attempts = attempts_of(session, [draw_id])[draw_id]
    campaign = campaign_row(session, attempts[-1].row.campaign)
    return view_of(actor, attempts, campaign, agency_names(session, actor.county), now, cancelled_campaigns(session))


def draws_of(session: Session, actor: Actor, *, now: datetime) -> list[DrawLine]:
    """List the draws the asker takes part in, newest first."""
    attempts = _drawn_here(session)
    titles = {row.id: row.title for row in session.scalars(select(tables.Campaign)).all()}
    cancelled = cancelled_campaigns(session)
    lines = []
    for draw in sorted(attempts, reverse=True):
        said = attempts[draw][-1]
        standing = said.standing
        lines.append(
            DrawLine(
                draw=draw,
                campaign=said.row.campaign,
                title=titles[said.row.campaign],
                attempt=said.row.number,
                stage=standing.stage(now),
                deadline=standing.deadline(now),
                can=acts_now(actor, said, cancelled, now),
            )
        )
    return lines


def _drawn_here(session: Session) -> dict[str, list[Said]]:
    """Read the draws that are made here: what came to nothing before a draw was imported is shown with that one."""
    imported = tables.ImportedDraw
    elsewhere = set(session.scalars(select(imported.draw).where(imported.state.in_((State.ASKED, State.APPROVED)))))
    return attempts_of(session, [row.id for row in session.scalars(select(tables.Draw)) if row.id not in elsewhere])


def ready_to_open(session: Session, actor: Actor) -> list[tuple[str, str]]:
    """List the asker's own campaigns, (id, title), whose frame is frozen and whose draw has no attempt yet."""
    if not actor.has(Role.DRAW_OFFICER):
        return []
    campaign = tables.Campaign
    mine = select(campaign).where(campaign.owner_agency == actor.agency).order_by(campaign.id)
    frozen = set(session.scalars(select(tables.Frame.id)).all())
    begun = set(session.scalars(select(tables.Attempt.campaign)).all()) | cancelled_campaigns(session)
    imported = tables.ImportedDraw
    begun |= set(session.scalars(select(imported.campaign).where(imported.state.in_((State.ASKED, State.APPROVED)))))
    return [(row.id, row.title) for row in session.scalars(mine).all() if row.id in frozen - begun]


@dataclass(frozen=True)
class RoundLine:
    """A replacement round in which the asker has something to do."""

    draw: str
    round: int
    can: Sequence[RoundAct]
    title: str
    deadline: datetime | None


@dataclass(frozen=True)
class Tasks:
    """What needs the asker: draws and rounds in which to speak, draws to be opened, requests for changes."""

    acts: Sequence[DrawLine]
    open: Sequence[tuple[str, str]]  # (campaign, title)
    rounds: Sequence[RoundLine]
    changes: Sequence[tuple[str, int]]  # (draw, how many requests to decide, or to open a round for)
    appointments: Sequence[tuple[str, int]]  # (draw, how many officers named for open places, for the head)

    @property
    def count(self) -> int:
        """Count them."""
        return len(self.acts) + len(self.open) + len(self.rounds) + len(self.changes) + len(self.appointments)


def tasks_of(session: Session, actor: Actor, *, now: datetime) -> Tasks:
    """List what needs the asker in draws."""
    acts = [line for line in draws_of(session, actor, now=now) if line.can]
    attempts = _drawn_here(session)
    titles = {row.id: row.title for row in session.scalars(select(tables.Campaign)).all()}
    rounds = [line for said in attempts.values() for line in _round_lines(actor, said[-1], titles, now)]
    return Tasks(
        acts, ready_to_open(session, actor), rounds, _changes(session, actor, attempts), _named(session, actor)
    )


def _round_lines(actor: Actor, said: Said, titles: Mapping[str, str], now: datetime) -> list[RoundLine]:
    standings = [(one.row.number, said.round_standing(one)) for one in said.rounds]
    return [
        RoundLine(said.row.draw, number, can, titles[said.row.campaign], standing.deadline(now))
        for number, standing in standings
        if (can := standing.acts_of(actor.agency, actor.roles, now))
    ]


def _changes(session: Session, actor: Actor, attempts: Mapping[str, Sequence[Said]]) -> list[tuple[str, int]]:
    """Count by draw the requests to decide for an approver of their agency, the approved ones for the lead."""
    found: dict[str, int] = {}
    for row in session.scalars(select(tables.Change).order_by(tables.Change.id)).all():
        said = attempts[row.draw][-1]
        decides = row.agency == actor.agency and actor.has(*changes.DECIDING) and row.asked_by != actor.id
        leads = said.row.owner_agency == actor.agency and actor.has(Role.DRAW_OFFICER)
        waits = row.state == State.APPROVED and leads and row.id not in rounded(said)
        if (row.state == State.ASKED and decides) or waits:
            found[row.draw] = found.get(row.draw, 0) + 1
    return sorted(found.items())


def _named(session: Session, actor: Actor) -> list[tuple[str, int]]:
    """Count by draw the officers whom somebody else named for an open place, for the head of their agency."""
    found: dict[str, int] = {}
    row = tables.SlotAppointment
    asked = select(row.draw).where(row.agency == actor.agency, row.state == Appointed.ASKED, row.asked_by != actor.id)
    for draw in session.scalars(asked).all() if actor.has(Role.AGENCY_HEAD) else ():
        found[draw] = found.get(draw, 0) + 1
    return sorted(found.items())
