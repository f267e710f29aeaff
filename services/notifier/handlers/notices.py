"""Judging facts by the rule table: one handler for every event class the table speaks of, made from the table itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet
from runtime.events.handling import Received, handles
from schemas.documents import TeamChange, WorkList
from schemas.events import accounts, campaigns, draws, registers
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS
from services.notifier.announcing import announce, reconsider
from services.notifier.domain.hearing import Around, Fact, hear
from services.notifier.duties import cancel_campaign, close_duties, open_duties, replan, resume_campaign
from services.notifier.rules import RULES
from services.notifier.tables import Campaign, Draw, Referral, Section

TEAM_CHANGES = (draws.InspectorSubstituted, draws.InspectorAppointed, draws.AppointmentEnded)
"""Facts that name in a document who goes now, who came and who left."""

Blobs = Mapping[str, bytes]
Handling = Callable[[Received[Any], Blobs, Session], Sequence[Payload] | None]


def short(kind: type[Payload]) -> str:
    """Name a fact as the rule table does: ``onevisit.draw.opened.v1`` is ``draw.opened``."""
    return ".".join(kind.type.split(".")[1:3])


def judge(event: Received[Any], blobs: Blobs, session: Session) -> list[Payload]:
    """Do what the rule table says about one fact."""
    fact = Fact(event.id, short(type(event.data)), event.time, event.data.model_dump())
    heard = hear(RULES, fact, _around(event.data, blobs, session))
    close_duties(session, heard.closings, event.time)
    open_duties(session, heard.openings, event.id)
    if heard.cancels:
        cancel_campaign(session, str(fact.campaign), event.time)
    return announce(session, heard.announcements)


# ── what surrounds a fact ───────────────────────────────────────────────────────────────────────────────────────────


def surroundings(said: Any, session: Session) -> Mapping[str, Any]:
    """
    Name the agencies around an event that it does not name itself: lead, agencies, witness, reporters.

    Raises:
        NotYet: see ``_around``.
    """
    return _AROUND[said.topic](said, session).names if said.topic in _AROUND else {}


def _around(said: Any, blobs: Blobs, session: Session) -> Around:
    """
    Look up what the event does not say.

    Raises:
        NotYet: the draw that made this visit has not been heard of; results and draws are different topics.
    """
    found = _AROUND[said.topic](said, session)
    if isinstance(said, draws.DrawCompleted | draws.DrawImported | draws.TargetReplaced):
        return Around(found.names, found.teams, work=_work(WorkList.model_validate_json(blobs["work"])))
    if isinstance(said, TEAM_CHANGES):
        change = TeamChange.model_validate_json(blobs["team"])
        came = dict.fromkeys(change.came, (said.agency, 1))
        return Around(found.names, {said.agency: change.left}, work=came)
    return found


def _of_campaign(said: Any, session: Session) -> Around:
    row = session.get_one(Campaign, said.campaign)
    return Around({"lead": row.owner_agency, "agencies": tuple(row.agencies)})


def _of_draw(said: Any, session: Session) -> Around:
    row = session.get_one(Draw, said.draw)
    teams = _teams(session, said.visit) if isinstance(said, draws.TargetReplaced) else {}
    names = {"lead": row.owner_agency, "agencies": tuple(row.agencies), "witness": row.witness}
    return Around(names | {"corrected": getattr(said, "corrected", False)}, teams)


def _teams(session: Session, visit: str) -> dict[str, tuple[str, ...]]:
    sections = session.scalars(select(Section).where(Section.visit == visit).order_by(Section.id))
    return {section.owner_agency: tuple(section.officers) for section in sections}


def _of_visit(said: Any, session: Session) -> Around:
    sections = session.scalars(select(Section).where(Section.visit == said.visit).order_by(Section.id)).all()
    if not sections:
        raise NotYet(f"visit:{said.visit}")
    teams = {section.owner_agency: tuple(section.officers) for section in sections}
    return Around({"lead": sections[0].lead, "agencies": tuple(sorted(teams))}, teams)


def _of_referral(said: Any, session: Session) -> Around:
    row = session.get(Referral, said.referral)
    return Around({"external": bool(row and row.external), "reporters": tuple(row.reporters) if row else ()})


_AROUND: Mapping[str, Callable[[Any, Session], Around]] = {
    "campaigns": _of_campaign,
    "draws": _of_draw,
    "results": _of_visit,
    "referrals": _of_referral,
}


def _work(work: WorkList) -> dict[str, tuple[str, int]]:
    visits: dict[str, tuple[str, int]] = {}
    for visit in work.visits:
        for team in visit.teams:
            for officer in team.officers:
                if officer is not None:
                    visits[officer] = (team.agency, visits.get(officer, (team.agency, 0))[1] + 1)
    return visits


# ── what concerns accounts, packs and calendars rather than the table ───────────────────────────────────────────────


@handles(accounts.AccountOpened)
def give_missed(event: Received[accounts.AccountOpened], blobs: Blobs, session: Session) -> list[Payload]:
    """Give an account what was said since it was opened, if the facts came first."""
    return reconsider(session, event.data.account, event.data.county, event.data.agency, event.time)


@handles(accounts.AccountChanged)
def give_and_take(event: Received[accounts.AccountChanged], blobs: Blobs, session: Session) -> list[Payload]:
    """Look again at what was said since an account's roles changed."""
    return reconsider(session, event.data.account, event.data.county, event.data.agency, event.time)


@handles(accounts.AccountClosed)
def take_back(event: Received[accounts.AccountClosed], blobs: Blobs, session: Session) -> list[Payload]:
    """Take back what was said to an account after it was closed."""
    return reconsider(session, event.data.account, event.data.county, event.data.agency, event.time)


@handles(registers.RulepackPublished)
def count_by_pack(event: Received[registers.RulepackPublished], blobs: Blobs, session: Session) -> None:
    """Work out the ladders of the county again."""
    replan(session, event.data.county)


@handles(registers.CalendarPublished)
def count_by_calendar(event: Received[registers.CalendarPublished], blobs: Blobs, session: Session) -> None:
    """Work out the ladders of the county again."""
    replan(session, event.data.county)


@handles(campaigns.CampaignConfirmed)
def count_by_pinned(event: Received[campaigns.CampaignConfirmed], blobs: Blobs, session: Session) -> None:
    """Work out the campaign's ladders by the pack it pinned."""
    replan(session, event.data.county, event.data.campaign)


@handles(campaigns.CampaignResumed)
def resume_duties(event: Received[campaigns.CampaignResumed], blobs: Blobs, session: Session) -> None:
    """Give a campaign that is carried out after all its duties back."""
    resume_campaign(session, event.data.campaign)


def _judging(kind: type[Payload]) -> Handling:
    def handling(event: Received[Any], blobs: Blobs, session: Session) -> list[Payload]:
        return judge(event, blobs, session)

    handling.__name__ = f"judge_{short(kind).replace('.', '_')}"
    return handles(kind, blobs=_BLOBS.get(kind, ()))(handling)


_BLOBS: Mapping[type[Payload], tuple[str, ...]] = {
    draws.DrawCompleted: ("work",),
    draws.DrawImported: ("work",),
    draws.TargetReplaced: ("work",),
    **dict.fromkeys(TEAM_CHANGES, ("team",)),
}


NOTICES: tuple[Handling, ...] = (
    *(_judging(kind) for kind in PAYLOADS.values() if short(kind) in RULES.on),
    give_missed,
    give_and_take,
    take_back,
    count_by_pack,
    count_by_calendar,
    count_by_pinned,
    resume_duties,
)
