"""Writing duties: opened, closed, re-dated, and their ladder worked out by the pack that counts (rule: `domain.duties`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.store import derived_id, share
from runtime.time.workdays import WorkingCalendar
from services.notifier.domain.duties import (
    CAMPAIGN,
    FACT,
    PARTS,
    Close,
    Outcome,
    cancelled,
    closed_by,
    doers_text,
    nothing_to_sum_up,
    summed_up,
)
from services.notifier.domain.hearing import Closing, Opening
from services.notifier.domain.ladder import HEAD, LEAD, MISSED, Ladder, Step, next_step_at, schedule
from services.notifier.rules import RULES
from services.notifier.tables import CalendarRow, Campaign, Duty, Pack, Section


@dataclass(frozen=True)
class Counting:
    """By what the days of a duty are counted."""

    ladder: Ladder
    calendar: WorkingCalendar


# ── opening and closing ─────────────────────────────────────────────────────────────────────────────────────────────


def open_duties(session: Session, openings: Sequence[Opening], cause: str) -> None:
    """Open the duties of one fact; one open with the same due date stays, one with another is superseded."""
    counting: Counting | None = None
    for opening in openings:
        standing = _standing(session, opening.subject, opening.duty, (opening.agency,))
        if any(duty.due_at == opening.due_at for duty in standing):
            continue
        for duty in standing:
            _fill(duty, FACT, Close(opening.opened_at, Outcome.SUPERSEDED))
        counting = counting or counting_for(session, opening.county, opening.campaign)
        _open(session, opening, cause, counting)


def _open(session: Session, opening: Opening, cause: str, counting: Counting) -> None:
    kind = RULES.duties[opening.duty]
    duty = _row(opening, derived_id("W", cause, opening.duty, opening.subject, opening.agency))
    duty.late_at = opening.due_at if MISSED in kind.steps else None
    session.add(duty)
    if opening.lead != opening.agency:
        share(session, duty, opening.lead)
    campaign = session.get(Campaign, opening.campaign) if opening.campaign else None
    if campaign is not None and campaign.cancelled_at is not None and not kind.survives:
        _fill(duty, CAMPAIGN, cancelled(opening.opened_at, campaign.cancelled_at))
    if kind.parts:
        _sum_up(session, duty, kind.parts)
    plan_steps(duty, counting)


def _row(opening: Opening, duty_id: str) -> Duty:
    return Duty(
        id=duty_id,
        county=opening.county,
        owner_agency=opening.agency,
        kind=opening.duty,
        subject=opening.subject,
        campaign=opening.campaign,
        lead=opening.lead,
        roles=list(opening.roles),
        officers=list(opening.officers),
        doers=doers_text(opening.roles, opening.officers),
        link=opening.link,
        opened_at=opening.opened_at,
        due_on=opening.due_on,
        due_at=opening.due_at,
        source=opening.source,
        due_provisional=opening.provisional,
        slots={},
        steps=[],
        steps_provisional=False,
        taken=[],
    )


def close_duties(session: Session, closings: Sequence[Closing], at: datetime) -> None:
    """Close what is open on the closings' subjects, and what is summed up by it."""
    for closing in closings:
        for duty in _standing(session, closing.subject, closing.duty, closing.agencies):
            _fill(duty, FACT, Close(at, closing.outcome))
            _sum_up_above(session, duty)
            _count_parts(session, duty)


def cancel_campaign(session: Session, campaign: str, at: datetime) -> None:
    """End the duties of a cancelled campaign, save those that outlive it."""
    for duty in session.scalars(select(Duty).where(Duty.campaign == campaign).order_by(Duty.id)):
        if not RULES.duties[duty.kind].survives:
            _fill(duty, CAMPAIGN, cancelled(duty.opened_at, at))


def resume_campaign(session: Session, campaign: str) -> None:
    """Take back what the campaign's cancellation did to its duties: each is as it would be without it."""
    found = session.scalars(select(Duty).where(Duty.campaign == campaign).order_by(Duty.id)).all()
    for duty in found:
        if CAMPAIGN not in duty.slots:
            continue
        duty.slots = {slot: close for slot, close in duty.slots.items() if slot != CAMPAIGN}
        counts = closed_by(_slots(duty))
        duty.closed_at, duty.outcome = (counts.at, counts.outcome.value) if counts else (None, None)
    session.flush()
    for county in {duty.county for duty in found}:
        replan(session, county, campaign)


def _standing(session: Session, subject: str, kind: str | None, agencies: tuple[str, ...] | None) -> list[Duty]:
    """Find the duties on *subject* that no fact of their own key has closed."""
    found = select(Duty).where(Duty.subject == subject).order_by(Duty.id)
    if kind is not None:
        found = found.where(Duty.kind == kind)
    if agencies is not None:
        found = found.where(Duty.owner_agency.in_(agencies))
    return [duty for duty in session.scalars(found) if FACT not in duty.slots]


def _fill(duty: Duty, slot: str, close: Close) -> None:
    filled = {**duty.slots, slot: [written(close.at), close.outcome.value]}
    duty.slots = dict(sorted(filled.items()))
    counts = closed_by(_slots(duty))
    assert counts is not None
    duty.closed_at, duty.outcome = counts.at, counts.outcome.value
    duty.steps, duty.yellow_on, duty.steps_provisional, duty.next_step_at = [], None, False, None


def _slots(duty: Duty) -> dict[str, Close]:
    return {slot: Close(datetime.fromisoformat(at), Outcome(how)) for slot, (at, how) in duty.slots.items()}


def _sum_up_above(session: Session, part: Duty) -> None:
    kinds = {name: kind.parts for name, kind in RULES.duties.items() if kind.parts == part.kind}
    if not kinds or part.campaign is None:
        return
    above = select(Duty).where(
        Duty.campaign == part.campaign, Duty.owner_agency == part.owner_agency, Duty.kind.in_(kinds)
    )
    for duty in session.scalars(above.order_by(Duty.id)):
        _sum_up(session, duty, part.kind)


def _count_parts(session: Session, counting: Duty) -> None:
    """Look again at what is summed up by parts whose number is known now, whichever agency's."""
    kinds = {name: kind.parts for name, kind in RULES.duties.items() if kind.counted_by == counting.kind}
    if not kinds or counting.campaign is None:
        return
    found = select(Duty).where(Duty.campaign == counting.campaign, Duty.kind.in_(kinds))
    for duty in session.scalars(found.order_by(Duty.id)):
        _sum_up(session, duty, str(kinds[duty.kind]))


def _counted_at(session: Session, duty: Duty) -> datetime | None:
    """Tell since when it is known which parts *duty* has: the day the draw was done, whatever came first here."""
    kind = RULES.duties[duty.kind].counted_by
    counting = select(Duty).where(Duty.campaign == duty.campaign, Duty.kind == kind)
    closes = [_slots(each).get(FACT) for each in session.scalars(counting)]
    return min((close.at for close in closes if close and close.outcome is Outcome.FULFILLED), default=None)


def _sum_up(session: Session, duty: Duty, parts: str) -> None:
    expected = session.scalar(
        select(func.count())
        .select_from(Section)
        .where(Section.campaign == duty.campaign, Section.owner_agency == duty.owner_agency)
    )
    if not expected:
        if (close := nothing_to_sum_up(duty.opened_at, _counted_at(session, duty))) is not None:
            _fill(duty, PARTS, close)
        return
    done: dict[str, datetime] = {}
    for part in session.scalars(
        select(Duty)
        .where(Duty.campaign == duty.campaign, Duty.owner_agency == duty.owner_agency, Duty.kind == parts)
        .order_by(Duty.id)
    ):
        close = _slots(part).get(FACT)
        if close is not None and close.outcome is Outcome.FULFILLED:
            done[part.subject] = min(close.at, done.get(part.subject, close.at))
    if (close := summed_up(duty.opened_at, expected, done)) is not None:
        _fill(duty, PARTS, close)


# ── ladders ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def plan_steps(duty: Duty, counting: Counting) -> None:
    """Work out light and ladder of an open duty; a closed one has none."""
    if duty.closed_at is not None:
        duty.steps, duty.yellow_on, duty.steps_provisional, duty.next_step_at = [], None, False, None
        return
    kinds = [kind for kind in RULES.duties[duty.kind].steps if kind != LEAD or duty.lead != duty.owner_agency]
    planned = schedule(duty.due_at, duty.opened_at, counting.ladder, counting.calendar, kinds)
    duty.yellow_on = planned.yellow_on
    duty.steps = [[step.name, written(step.at)] for step in planned.steps]
    duty.steps_provisional = planned.provisional
    duty.next_step_at = next_step_at(planned.steps, duty.taken)


def written(moment: datetime) -> str:
    """Write a moment in one way only (UTC), whether it was just worked out or read back from a row."""
    return moment.astimezone(UTC).isoformat()


def steps_of(duty: Duty) -> list[Step]:
    """Read a duty's ladder."""
    return [Step(name, datetime.fromisoformat(at)) for name, at in duty.steps]


def due_together(session: Session, duties: Sequence[str], at: datetime) -> list[Duty]:
    """Load *duties*, and with each what is told together with it and has a step due at *at*."""
    rows = {duty.id: duty for duty in session.scalars(select(Duty).where(Duty.id.in_(duties)))}
    for rule in RULES.together:
        subjects = {duty.subject for duty in rows.values() if duty.kind in rule.duties}
        others = select(Duty).where(Duty.subject.in_(subjects), Duty.kind.in_(rule.duties), Duty.next_step_at <= at)
        rows |= {duty.id: duty for duty in session.scalars(others)}
    return [rows[name] for name in sorted(rows)]


def replan(session: Session, county: str, campaign: str | None = None) -> None:
    """Work out the ladders of open duties again: a pack, a calendar or a campaign's choice of them has become known."""
    found = select(Duty).where(Duty.county == county, Duty.closed_at.is_(None)).order_by(Duty.id)
    if campaign is not None:
        found = found.where(Duty.campaign == campaign)
    known: dict[str | None, Counting] = {}
    for duty in session.scalars(found):
        if duty.campaign not in known:
            known[duty.campaign] = counting_for(session, county, duty.campaign)
        plan_steps(duty, known[duty.campaign])


def counting_for(session: Session, county: str, campaign: str | None) -> Counting:
    """
    Choose pack and calendar: those the campaign pinned, once they are known here; else the county's newest.

    Without any: the rule table's fallback, and weekdays (暂定).
    """
    plan = session.get(Campaign, campaign) if campaign else None
    pack = session.get(Pack, f"{county}/{plan.pack}") if plan and plan.pack else None
    calendar = session.get(CalendarRow, f"{county}/{plan.calendar}") if plan and plan.calendar else None
    pack = pack or session.scalar(
        select(Pack).where(Pack.county == county).order_by(Pack.edition.desc(), Pack.pack, Pack.id).limit(1)
    )
    calendar = calendar or session.scalar(
        select(CalendarRow)
        .where(CalendarRow.county == county)
        .order_by(CalendarRow.last_year.desc(), CalendarRow.calendar, CalendarRow.id)
        .limit(1)
    )
    return Counting(_ladder(pack), calendar_of(calendar))


def _ladder(pack: Pack | None) -> Ladder:
    if pack is None:
        return RULES.fallback
    to = {"agency_head": HEAD, "lead": LEAD}
    escalation = tuple((to[who], days) for who, days in pack.escalation)
    return Ladder(pack.yellow, tuple(pack.reminders), escalation, time.fromisoformat(pack.time_of_day))


def calendar_of(row: CalendarRow | None) -> WorkingCalendar:
    """Read a calendar; without one, only weekdays are known (暂定)."""

    def days(texts: Sequence[Any]) -> tuple[date, ...]:
        return tuple(date.fromisoformat(text) for text in texts)

    years = row.years if row is not None else {}
    return WorkingCalendar.of({int(year): (days(off), days(worked)) for year, (off, worked) in years.items()})
