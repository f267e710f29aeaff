"""Follow-up checks (整改复查) of what a firm was ordered to put right."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.service import Reply
from runtime.store import Actor
from schemas.events.payload import Due
from schemas.events.results import RectificationVerified
from services.results.commands.found import campaign_of, campaign_rules, own_section, visit_of
from services.results.domain.checklists import fit_text
from services.results.domain.findings import FollowUp
from services.results.domain.rectification import check_checker, check_still_open
from services.results.rules import day_of
from services.results.tables import FindingRow, FollowUpCheck, Section


def verify_rectification(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    finding: str,
    passed: bool,
    note: str = "",
) -> Reply:
    """
    Record whether the firm has put a finding right; if not, why, and it is ordered anew by the pack's term.

    Raises:
        RectificationNotYours: the actor neither was of the team nor approves for the agency.
        RectificationPassed: an earlier check was passed.
        TextUnfit: it was not passed, and nothing says why.
    """
    section = own_section(session, actor, section_id)
    ordered = _ordered(session, section, finding)
    check_checker(actor.roles, actor.officer, [member["officer"] for member in section.team])
    earlier = list(session.scalars(select(FollowUpCheck).where(FollowUpCheck.finding == ordered.id)))
    check_still_open([check.passed for check in earlier])
    again = None if passed else _anew(session, actor, section, ordered, at)
    session.add(
        FollowUpCheck(
            id=f"{ordered.id}-{len(earlier) + 1}",
            county=section.county,
            owner_agency=section.agency,
            section=section.id,
            finding=ordered.id,
            number=len(earlier) + 1,
            passed=passed,
            note=fit_text("note", note, required=not passed, longest=1000),
            due=again.model_dump(mode="json") if again else {},
            checked_by=actor.id,
            checked_at=at,
        )
    )
    said = RectificationVerified(
        county=section.county,
        campaign=section.campaign,
        visit=section.visit,
        agency=section.agency,
        finding=ordered.id,
        passed=passed,
        rectify=again,
    )
    value = {"finding": ordered.id, "passed": passed, "due_on": again.due_on.isoformat() if again else None}
    return Reply([said], value)


def _ordered(session: Session, section: Section, finding_id: str) -> FindingRow:
    finding = session.get(FindingRow, finding_id)
    if finding is None or finding.section != section.id or finding.follow_up != FollowUp.RECTIFICATION:
        raise NotFound(finding=finding_id)
    return finding


def _anew(session: Session, actor: Actor, section: Section, finding: FindingRow, at: datetime) -> Due:
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    visit = visit_of(session, actor, section.visit)
    return rules.due(rules.route(finding.kind, section.agency, visit.category, visit.district).deadline, day_of(at))
