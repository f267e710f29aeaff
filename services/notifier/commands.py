"""What people and the clock ask of the notifier."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.service import Reply
from runtime.store import Actor
from runtime.time.lights import end_of_day, local_day
from schemas.events.notices import DeadlineApproaching, DeadlineEscalated, DeadlineMissed
from schemas.events.payload import Payload
from services.notifier.announcing import announce
from services.notifier.domain.accounts import Announcement
from services.notifier.domain.ladder import HEAD, LEAD, MISSED, YELLOW, Move, Step, moves, next_step_at
from services.notifier.domain.together import said_together
from services.notifier.duties import Counting, counting_for, due_together, steps_of, written
from services.notifier.rules import RULES
from services.notifier.tables import Duty, Notice


class NoticeUnknown(NotFound):
    """There is no such notice in the asker's inbox."""

    code = "notice.unknown"


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def mark_read(session: Session, actor: Actor, *, at: datetime, notice: str) -> Reply:
    """
    Give the read receipt (回执) of one of the asker's own notices; the first reading counts.

    Raises:
        NoticeUnknown: it is somebody else's, or is not there.
    """
    row = session.scalar(select(Notice).where(Notice.id == notice, Notice.account == actor.id))
    if row is None:
        raise NoticeUnknown(notice=notice)
    if row.read_at is None:
        row.read_at = at
    return Reply(value={"notice": row.id, "link": row.link, "read_at": row.read_at.isoformat()})


def mark_all_read(session: Session, actor: Actor, *, at: datetime) -> Reply:
    """Give the read receipts of all the asker's unread notices."""
    unread = session.scalars(select(Notice).where(Notice.account == actor.id, Notice.read_at.is_(None))).all()
    for row in unread:
        row.read_at = at
    return Reply(value={"read": len(unread)})


# ── the clock ───────────────────────────────────────────────────────────────────────────────────────────────────────


def take_steps(session: Session, actor: Actor, *, at: datetime, duties: Sequence[str]) -> Reply:
    """
    Take every step of *duties* that is due at *at*: remind, turn yellow, miss, escalate; each once for ever.

    With a duty go those that are told together with it, whatever batch of the sweep they would have come in.
    """
    said: list[Payload] = []
    told: list[Announcement] = []
    known: dict[tuple[str, str | None], Counting] = {}
    for duty in due_together(session, duties, at):
        place = (duty.county, duty.campaign)
        if place not in known:
            known[place] = counting_for(session, *place)
        steps = steps_of(duty)
        for move in moves(steps, duty.taken, at):
            duty.taken = [*duty.taken, move.step]
            said += _say(duty, Step(move.step, at))
            told += _tell(duty, move, at, known[place])
        duty.next_step_at = next_step_at(steps, duty.taken)
    notices = announce(session, said_together(told, RULES.together))
    return Reply([*said, *notices], {"duties": len(duties), "notices": len(notices)})


def _say(duty: Duty, step: Step) -> list[Payload]:
    about = {
        "county": duty.county,
        "notice": duty.id,
        "agency": duty.owner_agency,
        "duty": duty.kind,
        "subject": duty.subject,
        "due_on": duty.due_on,
    }
    match step.kind:
        case kind if kind == YELLOW:
            return [DeadlineApproaching.model_validate(about)]
        case kind if kind == MISSED:
            return [DeadlineMissed.model_validate(about)]
        case kind if kind in (HEAD, LEAD):
            to = "agency_head" if kind == HEAD else "lead"
            return [DeadlineEscalated.model_validate({**about, "to": to})]
    return []


def _tell(duty: Duty, move: Move, at: datetime, counting: Counting) -> list[Announcement]:
    if not move.told:
        return []
    kind = Step(move.step, at).kind
    rule = RULES.steps[kind]
    by_day = duty.due_at == end_of_day(duty.due_on)
    facts = {
        "duty": duty.kind,
        "subject": duty.subject,
        "agency": duty.owner_agency,
        "due": duty.due_on.isoformat() if by_day else written(duty.due_at),
        "left": max(0, counting.calendar.working_days_left(local_day(at), duty.due_on)),
    }
    told = Announcement(
        cause=f"{duty.id}:{move.step}",
        order=0,
        at=at,
        county=duty.county,
        agency=duty.lead if kind == LEAD else duty.owner_agency,
        code=rule.code,
        severity=rule.severity,
        link=duty.link,
        campaign=duty.campaign,
        roles=rule.roles or tuple(duty.roles),
        officers=() if rule.roles else tuple(duty.officers),
        facts=facts,
    )
    return [told]
