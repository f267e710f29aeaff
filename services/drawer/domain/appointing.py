"""
Who may be appointed to a place in a team that no draw could fill, and by whom (指定，非抽取).

Team lead, approver or head of the agency names an officer of its roster, with a reason; the head, another person, appoints
in words. What the law asks stays: who is recused, lacks what the place needs, or is away on every day cannot be appointed.
What the agency set itself, most visits and rotation, the head may go beyond, knowingly. The record keeps the place open.
Source: JIDRAW/1 sections 12 and 15; ADR 17.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runtime.errors import Conflict, Forbidden, OneVisitError, Rejected
from schemas.vocabulary import Role
from services.drawer.domain.changes import VisitEntered, VisitOver, VisitStanding


class State(StrEnum):
    """How far the appointment to an open place is."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    """The head ended it, or a round drew the officer for that team."""


class HeadAppoints(Forbidden):
    """To an open place the head of the agency appoints (JIDRAW/1 section 15)."""

    code = "draw.appoint_head_only"


class AppointedBySamePerson(Forbidden):
    """Whoever names an officer for an open place does not appoint."""

    code = "draw.appoint_by_same_person"


class AppointmentDecided(Conflict):
    """The proposal has been decided on, taken back or ended."""

    code = "draw.appoint_decided"


class AppointmentAskedAlready(Conflict):
    """Somebody has been named for this place and waits, or is appointed."""

    code = "draw.appoint_asked_already"


class NotAppointed(Conflict):
    """Nobody is appointed by this entry, or not any more."""

    code = "draw.appoint_not_standing"


class PlaceNotOpen(Conflict):
    """The agency's team at this visit has no such open place."""

    code = "draw.appoint_place_not_open"


class AppointeeUnknown(Rejected):
    """The officer does not stand on the roster of the draw: no valid credential at the freeze, or of another agency."""

    code = "draw.appoint_not_on_roster"


class AppointeeInTeam(Rejected):
    """The officer goes to this visit already."""

    code = "draw.appoint_in_team"


class AppointeeRecused(Rejected):
    """The officer is recused (回避) from the target, by the register or at the firm's request."""

    code = "draw.appoint_recused"


class AppointeeDroppedOut(Rejected):
    """The officer was of this team and dropped out of it in a round."""

    code = "draw.appoint_dropped_out"


class AppointeeUnqualified(Rejected):
    """The officer lacks a label that the place asks for."""

    code = "draw.appoint_unqualified"


class AppointeeAway(Rejected):
    """The officer is away on every day on which the visit can be made."""

    code = "draw.appoint_away"


class AppointeeAtCap(Rejected):
    """The officer has as many visits as the agency lets them have; the head may go beyond that knowingly."""

    code = "draw.appoint_at_cap"


class AppointeeSentLast(Rejected):
    """The officer was sent to this target last (轮换); the head may go beyond that knowingly."""

    code = "draw.appoint_sent_last"


@dataclass(frozen=True)
class Appointee:
    """An officer of the roster, and everything known of them that matters for one open place."""

    officer: str
    labels: frozenset[str]
    cap: int
    visits: int
    """In this draw, those appointed to included."""
    in_team: bool = False
    recused: bool = False
    dropped_out: bool = False
    sent_last: bool = False
    days_away: int = 0
    days: int = 0
    """On which a visit can be made; 0 where nobody is away."""


def bars(wanted: Collection[str], one: Appointee) -> Iterator[OneVisitError]:
    """Name what stands against appointing *one* to a place that asks for the labels *wanted*, weightiest first."""
    if one.in_team:
        yield AppointeeInTeam(officer=one.officer)
    if one.recused:
        yield AppointeeRecused(officer=one.officer)
    if one.dropped_out:
        yield AppointeeDroppedOut(officer=one.officer)
    if missing := sorted(set(wanted) - one.labels):
        yield AppointeeUnqualified(officer=one.officer, labels=missing)
    if one.days and one.days_away >= one.days:
        yield AppointeeAway(officer=one.officer, days=one.days)
    if one.sent_last:
        yield AppointeeSentLast(officer=one.officer)
    if one.visits >= one.cap:
        yield AppointeeAtCap(officer=one.officer, visits=one.visits, cap=one.cap)


def is_surmountable(bar: OneVisitError) -> bool:
    """Tell whether the head may go beyond what stands against an appointment: the agency's own measure, no law."""
    return isinstance(bar, AppointeeSentLast | AppointeeAtCap)


def check_appointee(wanted: Collection[str], one: Appointee, *, beyond: bool) -> None:
    """
    Refuse whoever cannot be appointed.

    Args:
        wanted: Labels that the place asks for.
        beyond: Going beyond the agency's own measures (most visits, rotation) is meant.
    """
    for bar in bars(wanted, one):
        if not (beyond and is_surmountable(bar)):
            raise bar


def check_place(visit: VisitStanding, agency: str, place: int, open_places: Collection[int]) -> None:
    """Refuse a place that nobody can be appointed to: the visit is over or inspected, or the place is not open."""
    if visit.over:
        raise VisitOver(visit=visit.visit)
    if agency in visit.entered:
        raise VisitEntered(visit=visit.visit)
    if place not in open_places:
        raise PlaceNotOpen(visit=visit.visit, place=place + 1)


def check_deciding(roles: Collection[Role], state: State, asked_by: str, decided_by: str) -> None:
    """Let the head alone decide, on what waits, and not on what the same person asked for."""
    if Role.AGENCY_HEAD not in roles:
        raise HeadAppoints()
    if state != State.ASKED:
        raise AppointmentDecided()
    if asked_by == decided_by:
        raise AppointedBySamePerson()


def check_ending(roles: Collection[Role], state: State) -> None:
    """Let the head alone end an appointment that stands."""
    if Role.AGENCY_HEAD not in roles:
        raise HeadAppoints()
    if state != State.APPROVED:
        raise NotAppointed()


@dataclass(frozen=True)
class Team:
    """An agency's officers at a visit as they go there, the drawn first, open places last; *appointed*: who was not drawn."""

    officers: tuple[str | None, ...]
    appointed: tuple[str, ...] = ()


def with_appointed(drawn: Sequence[str | None], appointed: Sequence[str]) -> Team:
    """
    Seat the appointed on the places that the draw left open.

    Whoever a later round drew for the same team is drawn, and no longer appointed.
    """
    there = [one for one in drawn if one is not None]
    seated = tuple(one for one in appointed if one not in there)[: len(drawn) - len(there)]
    empty = len(drawn) - len(there) - len(seated)
    return Team((*there, *seated, *[None] * empty), seated)


def open_places(drawn: Sequence[object], taken: Collection[int]) -> tuple[int, ...]:
    """Number the places of a team as the draw left it (from 0) that are open and to which nobody is appointed."""
    return tuple(place for place, name in enumerate(drawn) if name is None and place not in taken)


def visits_of_each(teams: Mapping[str, Sequence[Team]]) -> dict[str, int]:
    """Count how many visits each officer goes to: *teams* by visit."""
    found: dict[str, int] = {}
    for going in teams.values():
        for team in going:
            for officer in team.officers:
                if officer is not None:
                    found[officer] = found.get(officer, 0) + 1
    return found
