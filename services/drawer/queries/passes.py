"""Whose salts somebody may hand out at a visit."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from runtime.store import Actor
from services.drawer import tables
from services.drawer.domain.changes import may_ask
from services.drawer.domain.encoding import Hash, hash_named
from services.drawer.queries.drawn import slip
from services.drawer.reading import newest, said_id
from services.drawer.refusals import SlipNotForYou


@dataclass(frozen=True)
class Team:
    """Officers of one agency at one visit, and where their salts lie, still sealed."""

    officers: tuple[str, ...]
    appointed: frozenset[str]
    """Those of them who were not drawn: their numbers stand in no leaf."""
    sealed: bytes
    hash: Hash


def team_at(session: Session, actor: Actor, *, visit_id: str, asker: Actor) -> Team:
    """
    Find the officers whose salts are for the asker (the system's request: the list of visits is the lead's).

    An officer of the visit has the own; the team lead, approver and head of an agency those of its officers
    there. Nobody has another agency's, not even the lead.

    Raises:
        SlipNotForYou, VisitNotStanding, DrawnElsewhere.
    """
    found = slip(session, actor, visit_id=visit_id, asker=asker)
    own = [one for team in found.visit.teams if team.agency == asker.agency for one in team.officers if one]
    officers = own if may_ask(asker.roles) else [one for one in own if one == asker.officer]
    if not officers:
        raise SlipNotForYou()
    appointed = frozenset(one for team in found.visit.teams if team.agency == asker.agency for one in team.appointed)
    attempt = newest(session, found.draw).row
    secret = session.get_one(tables.RosterSecret, said_id(attempt.id, asker.agency))
    return Team(tuple(officers), appointed, secret.sealed, hash_named(attempt.manifest["hash"]))
