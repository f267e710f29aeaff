"""The record and the public page of a draw, once it is disclosed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer import tables
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import said_aloud
from services.drawer.domain.refusals import Remark
from services.drawer.queries.attempts import frame_of
from services.drawer.queries.beacons import SourceView, sources_of
from services.drawer.queries.drawn import may_read_full
from services.drawer.queries.faults import FaultView, public_faults
from services.drawer.reading import Said, attempts_of, blob_ref, newest, refuse_imported
from services.drawer.refusals import DrawUnknown, EditionUnknown, NotDisclosedYet, NotDrawnYet, RecordNotForYou

EDITIONS = ("public", "full")


@dataclass(frozen=True)
class RecordFiles:
    """Where a record and its frame lie."""

    draw: str
    edition: str
    record: BlobRef
    frame: BlobRef


@dataclass(frozen=True)
class PublicDraw:
    """A disclosed draw, for anybody."""

    draw: str
    number: str
    title: str
    lead_name: str
    agencies: Mapping[str, str]
    """By id: the agencies' names."""
    witness_name: str | None
    entities: int
    visits: int
    purpose: str
    hash: str
    frame_digest: str
    frame_root: str
    manifest_digest: str
    seal_digest: str
    result_digest: str
    visits_root: str
    rounds: int
    sources: Sequence[SourceView]
    """The sources of randomness of the draw itself, with their values."""
    parent: str | None
    """Of a staged draw (分段式): the draw that chose its targets."""
    sealed_at: datetime
    completed_at: datetime
    disclosed_at: datetime
    faults: Sequence[FaultView]
    """What went wrong after the seal."""
    remarks: Sequence[Remark]
    record: BlobRef
    frame: BlobRef
    keys: Mapping[str, str]
    custody: Mapping[str, str]
    """Who keeps whose key, by the body's name: own, page or server."""

    def kept_by(self, custody: str) -> list[str]:
        """Name everybody whose key is kept so."""
        return [name for name, kept in self.custody.items() if kept == custody]


def record_files(session: Session, actor: Actor, *, draw_id: str, edition: str) -> RecordFiles:
    """
    Find a record after the window has closed: the public edition, or the full one for the lead's supervisor.

    The system (command line on the machine itself) gets either as soon as there is one.

    Raises:
        NotDrawnYet, NotDisclosedYet, RecordNotForYou, EditionUnknown.
    """
    if edition not in EDITIONS:
        raise EditionUnknown(edition=edition)
    said = newest(session, draw_id)
    if said.told is None:
        raise NotDrawnYet(draw=draw_id)
    if not actor.is_system:
        _check_record_reader(actor, said, edition)
    told = said.told.full_record if edition == "full" else said.told.public_record
    return RecordFiles(draw_id, edition, blob_ref(told), blob_ref(said.row.frame_file))


def _check_record_reader(actor: Actor, said: Said, edition: str) -> None:
    assert said.outcome is not None
    if said.disclosure is None:
        raise NotDisclosedYet(draw=said.row.draw, until=said.outcome.disclose_at)
    lead = said.row.owner_agency
    if edition == "full" and not may_read_full(actor, lead):
        raise RecordNotForYou(lead=lead)


def public_draw(session: Session, actor: Actor, *, draw_id: str) -> PublicDraw:
    """
    Show a disclosed draw to anybody (asked as the system: anonymous people have no agency).

    Raises:
        NotDisclosedYet: it was drawn here, which everybody may know at once, and its record is closed.
        DrawnElsewhere, DrawUnknown.
    """
    found = [one for one in public_draws(session, actor, only=[draw_id]) if one.draw == draw_id]
    if not found:
        if session.get(tables.Disclosure, draw_id) is not None:  # before that nobody learns what there is
            refuse_imported(session, draw_id)
        made_here = attempts_of(session, [draw_id]).get(draw_id)
        if made_here and (outcome := made_here[-1].outcome) is not None:
            raise NotDisclosedYet(draw=draw_id, until=outcome.disclose_at)
        raise DrawUnknown(draw=draw_id)
    return found[0]


def public_draws(session: Session, actor: Actor, *, only: Collection[str] | None = None) -> list[PublicDraw]:
    """List the disclosed draws, newest first (asked as the system)."""
    opened = select(tables.Disclosure)
    if only is not None:
        opened = opened.where(tables.Disclosure.id.in_(only))
    attempts = attempts_of(session, [row.id for row in session.scalars(opened).all()])
    attempts = {draw: said for draw, said in attempts.items() if said[-1].outcome is not None}  # the rest: elsewhere
    ids = [said[-1].row.campaign for said in attempts.values()]
    campaigns = {row.id: row for row in session.scalars(select(tables.Campaign).where(tables.Campaign.id.in_(ids)))}
    names = {(row.county, row.agency): row.name for row in session.scalars(select(tables.Agency)).all()}
    draws_by_campaign = {row.campaign: row.id for row in session.scalars(select(tables.Draw)).all()}
    draws = [
        _public(said[-1], campaigns[said[-1].row.campaign], names, draws_by_campaign) for said in attempts.values()
    ]
    return sorted(draws, key=lambda one: (one.disclosed_at, one.draw), reverse=True)


def _public(
    said: Said, campaign: tables.Campaign, names: Mapping[tuple[str, str], str], draws: Mapping[str, str]
) -> PublicDraw:
    row, manifest, outcome, opened = said.row, said.row.manifest, said.outcome, said.disclosure
    assert outcome is not None
    assert opened is not None
    assert said.seal is not None
    stands = said.newest or outcome
    last = blob_ref((said.told or outcome).public_record)  # written since the disclosure it is open itself
    keys = {agency: told["key"] for agency, told in manifest["agencies"].items()}
    witness = manifest["witness"]
    called = {body: names.get((row.county, body), body) for body in said.parties}
    return PublicDraw(
        draw=row.draw,
        number=campaign.number,
        title=campaign.title,
        lead_name=names.get((row.county, row.owner_agency), row.owner_agency),
        agencies={agency: called[agency] for agency in said.agencies},
        witness_name=witness["name"] if witness else None,
        entities=manifest["frame"]["n"],
        visits=stands.visits,
        purpose=manifest["purpose"],
        hash=manifest["hash"],
        frame_digest=frame_of(manifest).digest,
        frame_root=frame_of(manifest).root,
        manifest_digest=row.manifest_digest,
        seal_digest=said.seal.digest,
        result_digest=stands.result_digest,
        visits_root=stands.visits_root,
        rounds=len(said.rounds),
        sources=sources_of(said, campaign, said.standing.moments.beacon_time),
        parent=draws.get(campaign.plan.get("parent") or ""),
        sealed_at=said.seal.said_at,
        completed_at=outcome.completed_at,
        disclosed_at=opened.disclosed_at,
        faults=public_faults(said, called),
        remarks=said_aloud(read_manifest(manifest)),
        record=blob_ref(opened.record) if last.restricted else last,
        frame=blob_ref(opened.frame_file),
        keys=keys | ({"witness": witness["key"]} if witness else {}),
        custody={called[body]: said.custody(body) for body in said.parties},
    )
