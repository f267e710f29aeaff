"""
What a body that keeps its key itself is given to check before it signs, and nothing beyond what its signature stands for.

Whose key lies on the server needs none of it: the server checks and signs. The frame and the own roster with its salts go
to an agency that has its commitment to make (JIDRAW/1 section 5), and to nobody afterwards: no target is drawn then.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.domain.sealing import NotAnAgency
from services.drawer.progress import Act
from services.drawer.reading import Said, blob_ref, newest, said_id
from services.drawer.refusals import DrawOfficerOnly, FrameForCommittingOnly, PapersNotNeeded


@dataclass(frozen=True)
class OwnRoster:
    """Where an agency's officers stand, and what its part of the manifest hides them with, still sealed."""

    rosters: BlobRef
    secret: bytes


@dataclass(frozen=True)
class Papers:
    """The newest attempt as one of its bodies may see it."""

    said: Said
    body: str
    seals: bool
    """Whether it seals: the witness, or any agency where there is none."""
    own: OwnRoster | None
    """None unless the body has its commitment to make."""
    wrapped: str | None


def read_papers(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> Papers:
    """
    Read the papers of the asker's agency's draw officer, or of the witness.

    Raises:
        DrawOfficerOnly, NotAnAgency, PapersNotNeeded.
    """
    said = newest(session, draw_id)
    is_witness = actor.agency == said.row.witness
    if not actor.has(Role.WITNESS if is_witness else Role.DRAW_OFFICER):
        raise DrawOfficerOnly()
    if actor.agency not in said.parties:
        raise NotAnAgency(agency=actor.agency)
    if said.custody(actor.agency) == "server":
        raise PapersNotNeeded()
    place = said_id(said.row.id, actor.agency)
    own = None
    if Act.COMMIT in said.standing.acts_of(actor.agency, actor.roles, now):
        own = OwnRoster(blob_ref(said.row.rosters), session.get_one(tables.RosterSecret, place).sealed)
    wrapped = session.get(tables.WrappedSecret, place)
    seals = is_witness or said.row.witness is None
    return Papers(said, actor.agency, seals, own, wrapped.wrapped if wrapped else None)


def frame_to_check(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> BlobRef:
    """
    Find the frame file for an agency that has its commitment to make.

    Raises:
        FrameForCommittingOnly, and what ``read_papers`` raises.
    """
    seen = read_papers(session, actor, draw_id=draw_id, now=now)
    if seen.own is None:
        raise FrameForCommittingOnly()
    return blob_ref(seen.said.row.frame_file)
