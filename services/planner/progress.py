"""How far a campaign is, from what the other services said."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.planner.tables import DrawRow, SectionRow

SEALED, COMPLETED, DISCLOSED = "sealed", "completed", "disclosed"


def attempts_of(session: Session, campaign: str) -> list[DrawRow]:
    """List the attempts at a campaign's draw, oldest first."""
    return list(session.scalars(select(DrawRow).where(DrawRow.campaign == campaign).order_by(DrawRow.attempt)))


def completed_draw(session: Session, campaign: str) -> DrawRow | None:
    """Find the attempt that was completed, if one was."""
    return next((row for row in attempts_of(session, campaign) if row.state in (COMPLETED, DISCLOSED)), None)


def draw_completed(session: Session, campaign: str) -> bool:
    """Tell whether a campaign's draw is completed."""
    return completed_draw(session, campaign) is not None


def draw_sealed(session: Session, campaign: str) -> bool:
    """Tell whether nothing stops a campaign's draw any more, as far as is known here."""
    return any(row.state in (SEALED, COMPLETED, DISCLOSED) for row in attempts_of(session, campaign))


def sections_of(session: Session, campaign: str) -> tuple[int, int]:
    """Count a campaign's sections as the draw said, and those published."""
    draw = completed_draw(session, campaign)
    published = session.scalar(
        select(func.count(SectionRow.id)).where(SectionRow.campaign == campaign, SectionRow.state == "published")
    )
    return (draw.sections if draw else 0), published or 0


def sections_by_state(session: Session, campaign: str) -> dict[str, dict[str, int]]:
    """Count sections by agency and state, as far as the asker may see them."""
    found: dict[str, dict[str, int]] = {}
    for row in session.scalars(select(SectionRow).where(SectionRow.campaign == campaign).order_by(SectionRow.id)):
        states = found.setdefault(row.owner_agency, {})
        states[row.state] = states.get(row.state, 0) + 1
    return found
