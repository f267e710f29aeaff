"""An agency's own part in a campaign: it confirms with officers and checklists, or declines. The lead does likewise."""

from datetime import datetime

from sqlalchemy.orm import Session

from runtime.errors import Rejected
from runtime.service import Reply
from runtime.store import Actor, share
from schemas.events.campaigns import PartnerConfirmed, PartnerDeclined
from schemas.rulepack import RulePack, codes
from schemas.vocabulary import Role
from services.planner import packs
from services.planner.commands.campaigns import get_campaign
from services.planner.domain import campaigns as rules
from services.planner.domain.checklists import cover
from services.planner.domain.rosters import check_named
from services.planner.forms import ConfirmationForm, DeclineForm
from services.planner.registers import all_checklists, register_on
from services.planner.tables import CampaignRow, ConfirmationRow, InspectorRow, PartRow


class DeclineReasonUnknown(Rejected):
    """The reason is none of the rule pack's."""

    code = "confirmation.decline_reason_unknown"


class LeadCannotDecline(Rejected):
    """The lead agency cannot decline its own campaign; it cancels it."""

    code = "confirmation.lead_cannot_decline"


def confirm_part(session: Session, actor: Actor, *, at: datetime, campaign_id: str, form: ConfirmationForm) -> Reply:
    """
    Take part, with these officers and checklists; may be said again, in another way, until the plan is approved.

    Raises:
        OfficersUnknown, OfficerTwice, OfficersTooFew: the list of officers.
        ChecklistUnknown, ItemInTwoChecklists, ItemsWithoutChecklist: the checklists.
    """
    row, part, pack = _asked(session, actor, campaign_id)
    known = {each.officer for each in register_on(session, InspectorRow, actor.county, actor.agency)}
    officers = check_named(
        form.officers,
        known,
        pack.team.pool_minimum,
        too_few_is_a_warning=packs.pool_too_small_is_a_warning(pack),
    )
    editions = {
        (each.checklist, each.edition): each.items for each in all_checklists(session, actor.county, actor.agency)
    }
    items = [each["item"] for each in row.items if each["agency"] == actor.agency]
    chosen = [(each.checklist, each.edition) for each in form.checklists]
    covered = cover(items, chosen, editions)
    part.state, part.answered_at, part.answered_by = rules.AGREED, at, actor.id
    part.officers = len(officers)
    part.checklists = [list(each) for each in sorted(set(chosen))]
    part.cover = {item: list(name) for item, name in covered.items()}
    part.decline_reason = None
    kept = _confirmation(session, actor, row)
    kept.officers, kept.decline_text = list(officers), ""
    kept.contact = rules.clean_text("contact", form.contact.name, 50, needed=False)
    kept.phone = rules.clean_text("phone", form.contact.phone, 40, needed=False)
    said = PartnerConfirmed(
        county=row.county,
        campaign=row.id,
        agency=actor.agency,
        officers=len(officers),
        checklists=tuple((name, edition) for name, edition in sorted(set(chosen))),
    )
    return Reply(events=[said], value={"campaign": row.id, "agency": actor.agency, "officers": len(officers)})


def decline_part(session: Session, actor: Actor, *, at: datetime, campaign_id: str, form: DeclineForm) -> Reply:
    """Do not take part; the reason goes to the lead only."""
    row, part, pack = _asked(session, actor, campaign_id)
    if actor.agency == row.owner_agency:
        raise LeadCannotDecline(campaign=row.id)
    if form.reason not in codes(pack.decline_reasons):
        raise DeclineReasonUnknown(reason=form.reason)
    part.state, part.answered_at, part.answered_by = rules.DECLINED, at, actor.id
    part.officers, part.checklists, part.cover, part.decline_reason = 0, [], {}, form.reason
    kept = _confirmation(session, actor, row)
    kept.officers, kept.contact, kept.phone = [], "", ""
    kept.decline_text = rules.clean_text("decline_text", form.text, 2_000, needed=False)
    return Reply(
        events=[PartnerDeclined(county=row.county, campaign=row.id, agency=actor.agency)],
        value={"campaign": row.id, "agency": actor.agency},
    )


def _asked(session: Session, actor: Actor, campaign_id: str) -> tuple[CampaignRow, PartRow, RulePack]:
    row = get_campaign(session, campaign_id)
    part = session.get(PartRow, f"{campaign_id}.{actor.agency}")
    if part is None or not actor.has(Role.PLANNER):
        raise rules.NotAPartner(campaign=campaign_id, agency=actor.agency)
    rules.require_state(row.id, row.state, rules.PROPOSED)
    rules.check_answerable(part.state)
    return row, part, packs.read_pack(packs.find_pack(session, row.county, row.pack, row.edition).document)


def _confirmation(session: Session, actor: Actor, row: CampaignRow) -> ConfirmationRow:
    row_id = f"{row.id}.{actor.agency}"
    kept = session.get(ConfirmationRow, row_id)
    if kept is None:
        kept = ConfirmationRow(id=row_id, county=actor.county, owner_agency=actor.agency, campaign=row.id)
        session.add(kept)
        if actor.agency != row.owner_agency:
            share(session, kept, row.owner_agency)
    return kept
