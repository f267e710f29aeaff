"""Facts of other services as the planner hears them."""

from datetime import UTC, date, datetime
from typing import Literal

from schemas.blobs import BlobRef
from schemas.events import draws, notices, results
from schemas.events.payload import Due
from schemas.vocabulary import Purpose
from tests.kit import COUNTY, Kit
from tests.unit.planner.world import AGENCIES

MOMENT = datetime(2018, 12, 3, 1, 0, tzinfo=UTC)
BLOB = BlobRef(digest="0" * 64, size=1, content_type="application/json")


def draw_id(campaign: str) -> str:
    """Name the draw of a campaign as the drawer would."""
    return f"D{campaign[1:]}"


def visit_id(campaign: str, number: int) -> str:
    """Name a visit of a campaign's draw."""
    return f"V{campaign[1:]}-{number:02}"


def opened(campaign: str, attempt: int = 1) -> draws.DrawOpened:
    """Open an attempt."""
    times = draws.DrawTimes(
        published=MOMENT,
        commit_close=MOMENT,
        reveal_close=MOMENT,
        seal_by=MOMENT,
        beacon_time=MOMENT,
        window_end=MOMENT,
    )
    return draws.DrawOpened(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=attempt,
        lead="JT",
        agencies=AGENCIES,
        witness="GZ",
        purpose=Purpose.REHEARSAL,
        manifest_digest="0" * 64,
        manifest=BLOB,
        times=times,
    )


def committed(campaign: str, agency: str, received: int = 1) -> draws.CommitmentReceived:
    """Receive a commitment."""
    return draws.CommitmentReceived(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=1,
        agency=agency,
        commitment="1" * 64,
        received=received,
        expected=5,
    )


def sealed(campaign: str) -> draws.RevealsSealed:
    """Seal the reveals."""
    return draws.RevealsSealed(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=1,
        reveals_digest="2" * 64,
        sealed_at=MOMENT,
        missing=(),
    )


def completed(campaign: str, visits: int = 11, sections: int = 40) -> draws.DrawCompleted:
    """Complete the draw."""
    return draws.DrawCompleted(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=1,
        lead="JT",
        agencies=AGENCIES,
        purpose=Purpose.REHEARSAL,
        visits=visits,
        sections=sections,
        visits_root="3" * 64,
        result_digest="4" * 64,
        disclose_at=MOMENT,
        work=BlobRef(digest="0" * 64, size=1, content_type="application/json", readers=("results", "notifier")),
    )


def voided(campaign: str) -> draws.DrawVoided:
    """Void the first attempt."""
    return draws.DrawVoided(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=1,
        reason="commitment_missing",
        absent=("YG",),
    )


def disclosed(kit: Kit, campaign: str, record: bytes) -> draws.DrawDisclosed:
    """Disclose the record."""
    return draws.DrawDisclosed(
        county=COUNTY,
        campaign=campaign,
        draw=draw_id(campaign),
        attempt=1,
        record=kit.blob(record),
        frame=kit.blob(b"frame", content_type="text/tab-separated-values"),
    )


def _due(day: str) -> Due:
    return Due(due_on=date.fromisoformat(day), anchor_on=date(2018, 12, 20), anchor="event", source="S4")


def scheduled(campaign: str, visit: int, *agencies: str) -> results.VisitScheduled:
    """Schedule a visit."""
    return results.VisitScheduled(
        county=COUNTY,
        campaign=campaign,
        visit=visit_id(campaign, visit),
        agencies=agencies,
        visit_on=date(2018, 12, 11),
        publication_rule=_due("2019-01-04"),
        publication_plan=_due("2018-12-31"),
    )


def submitted(campaign: str, visit: int, agency: str) -> results.ChecklistSubmitted:
    """Enter a section."""
    return results.ChecklistSubmitted(
        county=COUNTY,
        campaign=campaign,
        visit=visit_id(campaign, visit),
        agency=agency,
        items=1,
        entered_by="x",
        approval=_due("2018-12-14"),
    )


def returned(campaign: str, visit: int, agency: str) -> results.ResultReturned:
    """Return a section."""
    return results.ResultReturned(
        county=COUNTY, campaign=campaign, visit=visit_id(campaign, visit), agency=agency, entered_by="x"
    )


def approved(campaign: str, visit: int, agency: str) -> results.ResultApproved:
    """Approve a section."""
    return results.ResultApproved(
        county=COUNTY,
        campaign=campaign,
        visit=visit_id(campaign, visit),
        agency=agency,
        publication_rule=_due("2019-01-04"),
        publication_plan=_due("2018-12-31"),
    )


def found(campaign: str, visit: int, agency: str) -> results.FindingRaised:
    """Raise a finding."""
    return results.FindingRaised(
        county=COUNTY,
        campaign=campaign,
        visit=visit_id(campaign, visit),
        agency=agency,
        finding="F-1",
        kind="other",
        inside_remit=False,
    )


def published(campaign: str, visit: int, agency: str) -> results.ResultPublished:
    """Publish a section."""
    return results.ResultPublished(
        county=COUNTY,
        campaign=campaign,
        visit=visit_id(campaign, visit),
        agency=agency,
        published_on=date(2018, 12, 24),
        items=1,
        late_by_rule=False,
        late_by_plan=True,
    )


def light(
    kind: Literal["approaching", "missed", "escalated"], subject: str, agency: str = "GA", duty: str = "W-1"
) -> notices.DutyPayload:
    """Turn a duty's light."""
    facts = {
        "county": COUNTY,
        "notice": duty,
        "agency": agency,
        "duty": "publish_section",
        "subject": subject,
        "due_on": date(2018, 12, 31),
    }
    match kind:
        case "approaching":
            return notices.DeadlineApproaching.model_validate(facts)
        case "missed":
            return notices.DeadlineMissed.model_validate(facts)
    return notices.DeadlineEscalated.model_validate(facts | {"to": "lead"})
