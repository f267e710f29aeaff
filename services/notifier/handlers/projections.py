"""Projections: what others said, as far as notices need it. Each is written from its own topic only."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.events.handling import Received, arrived, handles
from runtime.store import share, unshare
from schemas.documents import TeamChange, WorkList
from schemas.events import accounts, campaigns, draws, referrals, registers
from schemas.rulepack import Calendar, RulePack
from services.notifier.duties import change_doers
from services.notifier.tables import AccountRow, Agency, CalendarRow, Campaign, Draw, Pack, Referral, Section

Blobs = Mapping[str, bytes]


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(accounts.AgencyRegistered, replay=True)
def note_agency(event: Received[accounts.AgencyRegistered], blobs: Blobs, session: Session) -> None:
    """Remember an agency's names."""
    said = event.data
    session.merge(
        Agency(
            id=f"{said.county}/{said.agency}",
            county=said.county,
            agency=said.agency,
            kind=said.kind.value,
            name=said.name,
            short_name=said.short_name,
        )
    )


@handles(accounts.AccountOpened, replay=True)
def note_account_opened(event: Received[accounts.AccountOpened], blobs: Blobs, session: Session) -> None:
    """Begin an account's history."""
    _next_state(session, event.data, event.time, tuple(event.data.roles), event.data.officer, is_open=True)


@handles(accounts.AccountChanged, replay=True)
def note_account_changed(event: Received[accounts.AccountChanged], blobs: Blobs, session: Session) -> None:
    """Continue an account's history with other roles or another officer."""
    _next_state(session, event.data, event.time, tuple(event.data.roles), event.data.officer, is_open=True)


@handles(accounts.AccountClosed, replay=True)
def note_account_closed(event: Received[accounts.AccountClosed], blobs: Blobs, session: Session) -> None:
    """End an account's history."""
    _next_state(session, event.data, event.time, (), None, is_open=False)


def _next_state(
    session: Session,
    said: accounts.AccountOpened | accounts.AccountChanged | accounts.AccountClosed,
    since: datetime,
    roles: tuple[str, ...],
    officer: str | None,
    *,
    is_open: bool,
) -> None:
    before = select(func.count()).select_from(AccountRow).where(AccountRow.account == said.account)
    number = session.scalar(before) or 0
    session.add(
        AccountRow(
            id=f"{said.account}@{number}",
            county=said.county,
            owner_agency=said.agency,
            account=said.account,
            number=number,
            since=since,
            is_open=is_open,
            roles=sorted(roles),
            officer=officer,
        )
    )


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(registers.RulepackPublished, blobs=("document",), replay=True)
def note_pack(event: Received[registers.RulepackPublished], blobs: Blobs, session: Session) -> None:
    """Remember a pack's traffic light, reminders and escalation."""
    said, pack = event.data, RulePack.model_validate_json(blobs["document"])
    session.merge(
        Pack(
            id=f"{said.county}/{said.digest}",
            county=said.county,
            pack=said.pack,
            edition=said.edition,
            yellow=pack.reminders.yellow_working_days,
            reminders=list(pack.reminders.ladder_working_days),
            escalation=[[step.to, step.working_days_after] for step in pack.reminders.escalation],
            time_of_day=f"{pack.reminders.time_of_day:%H:%M}",
        )
    )


@handles(registers.CalendarPublished, blobs=("document",), replay=True)
def note_calendar(event: Received[registers.CalendarPublished], blobs: Blobs, session: Session) -> None:
    """Remember a calendar."""
    said, calendar = event.data, Calendar.model_validate_json(blobs["document"])
    years = {
        str(year): [[day.isoformat() for day in off], [day.isoformat() for day in worked]]
        for year, (off, worked) in calendar.plain().items()
    }
    session.merge(
        CalendarRow(
            id=f"{said.county}/{calendar.digest()}",
            county=said.county,
            calendar=said.calendar,
            last_year=said.last_year,
            years=years,
        )
    )


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(campaigns.CampaignProposed, replay=True)
def note_campaign(event: Received[campaigns.CampaignProposed], blobs: Blobs, session: Session) -> None:
    """Begin a campaign; its agencies may see that it is there."""
    said = event.data
    row = session.merge(
        Campaign(
            id=said.campaign,
            county=said.county,
            owner_agency=said.lead,
            title=said.title,
            number=said.number,
            agencies=sorted({said.lead, *said.partners}),
            pack=None,
            calendar=None,
            cancelled_at=None,
        )
    )
    for partner in said.partners:
        share(session, row, partner)


@handles(campaigns.PartnerRemoved, replay=True)
def note_partner_removed(event: Received[campaigns.PartnerRemoved], blobs: Blobs, session: Session) -> None:
    """Take an agency out of a campaign: it is told nothing more of it."""
    row = session.get_one(Campaign, event.data.campaign)
    row.agencies = [agency for agency in row.agencies if agency != event.data.agency]
    unshare(session, row, event.data.agency)


@handles(campaigns.CampaignConfirmed, replay=True)
def note_confirmed_plan(event: Received[campaigns.CampaignConfirmed], blobs: Blobs, session: Session) -> None:
    """Take over agencies, pack and calendar of the confirmed plan."""
    said = event.data
    row = session.get_one(Campaign, said.campaign)
    row.title, row.number, row.agencies = said.title, said.number, list(said.agencies)
    row.pack, row.calendar = said.pack.digest, said.calendar


@handles(campaigns.CampaignCancelled, replay=True)
def note_cancelled(event: Received[campaigns.CampaignCancelled], blobs: Blobs, session: Session) -> None:
    """Remember that a campaign will not be carried out."""
    session.get_one(Campaign, event.data.campaign).cancelled_at = event.time


@handles(campaigns.CampaignResumed, replay=True)
def note_resumed(event: Received[campaigns.CampaignResumed], blobs: Blobs, session: Session) -> None:
    """Remember that a campaign is carried out after all."""
    session.get_one(Campaign, event.data.campaign).cancelled_at = None


# ── draws ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(draws.DrawOpened, replay=True)
def note_draw(event: Received[draws.DrawOpened], blobs: Blobs, session: Session) -> None:
    """Remember who takes part in a draw."""
    _note_draw(session, event.data)


def _note_draw(session: Session, said: draws.DrawOpened | draws.DrawImported) -> None:
    session.merge(
        Draw(
            id=said.draw,
            county=said.county,
            owner_agency=said.lead,
            campaign=said.campaign,
            agencies=list(said.agencies),
            witness=said.witness,
        )
    )


@handles(draws.DrawCompleted, blobs=("work",), replay=True)
def note_teams(event: Received[draws.DrawCompleted], blobs: Blobs, session: Session) -> None:
    """Remember who inspects what: sections and their officers; targets are not even read."""
    said = event.data
    _note_sections(session, said.county, said.campaign, said.lead, WorkList.model_validate_json(blobs["work"]))


@handles(draws.DrawImported, blobs=("work",), replay=True)
def note_import(event: Received[draws.DrawImported], blobs: Blobs, session: Session) -> None:
    """Remember who takes part in a draw that was made elsewhere, and who inspects what."""
    said = event.data
    _note_draw(session, said)
    _note_sections(session, said.county, said.campaign, said.lead, WorkList.model_validate_json(blobs["work"]))


@handles(draws.TargetReplaced, blobs=("work",), replay=True)
def note_new_visit(event: Received[draws.TargetReplaced], blobs: Blobs, session: Session) -> None:
    """Remember who inspects what was drawn instead; the closed visit's teams stay known."""
    said = event.data
    _note_sections(session, said.county, said.campaign, said.lead, WorkList.model_validate_json(blobs["work"]))


def _note_sections(session: Session, county: str, campaign: str, lead: str, work: WorkList) -> None:
    for visit in work.visits:
        for team in visit.teams:
            session.merge(
                Section(
                    id=f"{visit.visit}-{team.agency}",
                    county=county,
                    owner_agency=team.agency,
                    visit=visit.visit,
                    campaign=campaign,
                    lead=lead,
                    officers=[officer for officer in team.officers if officer is not None],
                )
            )
        arrived(session, f"visit:{visit.visit}")


@handles(draws.InspectorSubstituted, blobs=("team",), replay=True)
def note_substitution(event: Received[draws.InspectorSubstituted], blobs: Blobs, session: Session) -> None:
    """Remember who goes now; duties of the team are theirs."""
    _note_team(event.data, blobs, session)


@handles(draws.InspectorAppointed, blobs=("team",), replay=True)
def note_appointed(event: Received[draws.InspectorAppointed], blobs: Blobs, session: Session) -> None:
    """Remember who was appointed to a place that no draw could fill."""
    _note_team(event.data, blobs, session)


@handles(draws.AppointmentEnded, blobs=("team",), replay=True)
def note_ended(event: Received[draws.AppointmentEnded], blobs: Blobs, session: Session) -> None:
    """Remember that who was appointed does not go any more."""
    _note_team(event.data, blobs, session)


def _note_team(
    said: draws.InspectorSubstituted | draws.InspectorAppointed | draws.AppointmentEnded, blobs: Blobs, session: Session
) -> None:
    change = TeamChange.model_validate_json(blobs["team"])
    section = session.get_one(Section, f"{said.visit}-{said.agency}")
    section.officers = [officer for officer in change.team.officers if officer is not None]
    change_doers(session, section.id, section.officers)


# ── referrals ───────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(referrals.ReferralSent, replay=True)
def note_referral(event: Received[referrals.ReferralSent], blobs: Blobs, session: Session) -> None:
    """Remember whether the receiver has accounts here."""
    said = event.data
    row = session.get(Referral, said.referral)
    if row is None:
        row = Referral(id=said.referral, county=said.county, owner_agency=said.sender, reporters=[])
        session.add(row)
    row.external = said.external


@handles(referrals.ReferralSourceAdded, replay=True)
def note_reporter(event: Received[referrals.ReferralSourceAdded], blobs: Blobs, session: Session) -> None:
    """Remember another agency that reported the same."""
    row = session.get_one(Referral, event.data.referral)
    row.reporters = sorted({*row.reporters, event.data.source_agency})


PROJECTIONS = (
    note_agency,
    note_account_opened,
    note_account_changed,
    note_account_closed,
    note_pack,
    note_calendar,
    note_campaign,
    note_partner_removed,
    note_confirmed_plan,
    note_cancelled,
    note_resumed,
    note_draw,
    note_teams,
    note_import,
    note_new_visit,
    note_substitution,
    note_appointed,
    note_ended,
    note_referral,
    note_reporter,
)
