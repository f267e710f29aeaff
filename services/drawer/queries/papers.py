"""What a body that keeps its key itself is given to check before it signs."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.domain.sealing import NotAnAgency
from services.drawer.reading import Said, blob_ref, campaign_row, newest, plan_of, said_id
from services.drawer.refusals import DrawOfficerOnly


@dataclass(frozen=True)
class Papers:
    """The newest attempt as one of its bodies may see it, its own roster still sealed."""

    said: Said
    body: str
    is_witness: bool
    plan: CampaignPlan
    rosters: BlobRef
    roster_secret: bytes | None
    wrapped: str | None


def read_papers(session: Session, actor: Actor, *, draw_id: str) -> Papers:
    """
    Read the papers of the asker's agency's draw officer, or of the witness.

    Raises:
        DrawOfficerOnly, NotAnAgency.
    """
    said = newest(session, draw_id)
    is_witness = actor.agency == said.row.witness
    if not actor.has(Role.WITNESS if is_witness else Role.DRAW_OFFICER):
        raise DrawOfficerOnly()
    if actor.agency not in said.parties:
        raise NotAnAgency(agency=actor.agency)
    place = said_id(said.row.id, actor.agency)
    secret, wrapped = session.get(tables.RosterSecret, place), session.get(tables.WrappedSecret, place)
    return Papers(
        said,
        actor.agency,
        is_witness,
        plan_of(campaign_row(session, said.row.campaign)),
        blob_ref(said.row.rosters),
        secret.sealed if secret and not is_witness else None,
        wrapped.wrapped if wrapped else None,
    )
