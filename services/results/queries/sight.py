"""Who reads more of a referral than its number, kind, state and clocks (rule: `domain.sight`)."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.results.commands.found import sees
from services.results.domain.sight import may_read_referral
from services.results.queries.visits import disclosed_campaigns
from services.results.tables import FindingRow, Referral, Source, Visit


def readable(session: Session, actor: Actor, legs: Iterable[Referral], sources: Iterable[Source]) -> set[str]:
    """
    Name those referrals whose firm, texts and files *actor* may read.

    Args:
        legs: What the wall shows, at most one leg of each referral.
        sources: The actor's agency's own; they tell of referrals that a later reporter sees no leg of.

    An agency that is no part of the campaign hears nothing of its disclosure: there it stays with those who may act.
    """
    subjects = {leg.referral: (leg.campaign, leg.visit) for leg in legs}
    lone = [source for source in sources if source.referral not in subjects]
    visits = _visits_of(session, [source.findings[0] for source in lone])
    subjects |= {source.referral: (source.campaign, visits[source.findings[0]]) for source in lone}
    rows = select(Visit).where(Visit.id.in_([visit for _, visit in subjects.values()]))
    seen = sees(session, actor, session.scalars(rows))
    disclosed = disclosed_campaigns(session, [campaign for campaign, _ in subjects.values()])
    return {
        referral
        for referral, (campaign, visit) in subjects.items()
        if actor.is_system or may_read_referral(actor.roles, sees_target=seen.get(visit, False) or disclosed[campaign])
    }


def _visits_of(session: Session, findings: list[str]) -> dict[str, str]:
    own = select(FindingRow.id, FindingRow.visit).where(FindingRow.id.in_(findings))
    return {row.id: row.visit for row in session.execute(own)}
