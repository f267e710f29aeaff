"""
Changes and rounds as each party may see them: an agency its own entries, by visit; the witness reasons and counts.

No target is named here; who of an agency may know its targets finds them at the visit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands.changing import rounded
from services.drawer.commands.rounds import overtaken_by
from services.drawer.domain import changes
from services.drawer.domain.changes import State
from services.drawer.progress import Moments
from services.drawer.queries.beacons import SourceView, awaited_of, sources_of
from services.drawer.reading import Said, SaidRound, agency_names, blob_ref, campaign_row, change_reasons, newest
from services.drawer.refusals import ChangeUnknown, EvidenceNotForYou, NotDrawnYet
from services.drawer.round_progress import CLOSED, SPENT, RoundAct, RoundStage


@dataclass(frozen=True)
class ChangeView:
    """One request: by whom, about which visit, why, and how far it is."""

    change: str
    visit: str
    agency: str
    agency_name: str
    officer: str | None
    reason: str
    evidence_name: str
    evidence_digest: str
    asked_by: str
    asked_at: datetime
    state: str  # asked | approved | refused | withdrawn | in_round | done
    round: int | None
    decided_by: str | None
    own: bool
    may_decide: bool
    may_withdraw: bool
    may_read: bool
    by_firm: bool
    firms_words: str | None  # for those who may read the document
    decision: str | None


@dataclass(frozen=True)
class BodyView:
    """One body in a round: whether it is to sign, and when it said what."""

    body: str
    name: str
    is_witness: bool
    signs: bool
    signed_at: datetime | None
    revealed_at: datetime | None
    sealed_at: datetime | None = None
    """When an agency signed the seal, where there is no witness."""
    dice: str | None = None
    """The dice as it signed them last, where there is no witness."""


@dataclass(frozen=True)
class RoundView:
    """One replacement round as its parties see it."""

    draw: str
    round: int
    digest: str
    stage: RoundStage
    deadline: datetime | None
    opened_at: datetime
    seal_by: datetime
    beacon_time: datetime
    dice_wanted: int | None
    sources: Sequence[SourceView]
    awaited: SourceView | None
    removals: int
    dropouts: int
    reasons: Mapping[str, int]
    bodies: Sequence[BodyView]
    unsigned: Sequence[str]
    unrevealed: Sequence[str]
    seal_digest: str | None
    sealed_at: datetime | None
    digits: str | None
    photo_digest: str | None
    """SHA-256 of the photograph of the dice."""
    end_reason: str | None
    absent: Sequence[str]
    result_digest: str | None
    visits_root: str | None
    ended_at: datetime | None
    entries: Sequence[ChangeView]
    can: Sequence[RoundAct]
    overtaken: Sequence[str]
    """Visits it is about whose checklist came in before its seal: it goes no further and will be spent."""


@dataclass(frozen=True)
class ChangesView:
    """Everything about changes after a draw: requests the asker may see, and all rounds, newest first."""

    draw: str
    changes: Sequence[ChangeView]
    rounds: Sequence[RoundView]
    waiting: int
    """How many approved requests wait for a round, as far as the asker sees."""
    may_open: bool
    removals_left: int
    rounds_left: int
    window_end: datetime
    target_reasons: Sequence[str]
    officer_reasons: Sequence[str]


def changes_view(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> ChangesView:
    """Show the changes of a draw and its rounds."""
    said = newest(session, draw_id)
    if said.outcome is None:
        raise NotDrawnYet(draw=draw_id)
    names, campaign = agency_names(session, actor.county), campaign_row(session, said.row.campaign)
    entries = _changes(session, actor, said, names)
    closed = [one for one in said.rounds if one.end is not None and one.end.how == CLOSED]
    replacement, reasons = said.row.manifest["replacement"], change_reasons(session, said)
    window_end = Moments.of(said.row.manifest["times"]).window_end
    running = any(one.end is None for one in said.rounds)
    waiting = [one for one in entries if one.state == State.APPROVED]
    leads = actor.agency == said.row.owner_agency and actor.has(Role.DRAW_OFFICER)
    rounds_left = said.row.manifest["chain_len"] - len(said.rounds)
    return ChangesView(
        draw=draw_id,
        changes=entries,
        rounds=[_round(actor, said, one, campaign, names, entries, now) for one in reversed(said.rounds)],
        waiting=len(waiting),
        may_open=leads and bool(waiting) and not running and rounds_left > 0 and now < window_end,
        removals_left=replacement["max"] - sum(one.row.removals for one in closed),
        rounds_left=rounds_left,
        window_end=window_end,
        target_reasons=reasons.targets,
        officer_reasons=reasons.officers,
    )


def round_view(session: Session, actor: Actor, *, draw_id: str, number: int, now: datetime) -> RoundView:
    """Show one round."""
    said, names = newest(session, draw_id), agency_names(session, actor.county)
    entries, campaign = _changes(session, actor, said, names), campaign_row(session, said.row.campaign)
    one = said.round(number)
    overtaken = overtaken_by(session, one) if one.end is None and one.seal is None else ()
    return _round(actor, said, one, campaign, names, entries, now, overtaken)


def evidence_file(session: Session, actor: Actor, *, draw_id: str, change_id: str) -> tuple[str, BlobRef]:
    """
    Find the document behind a request, by name, for those who may know the visit's target.

    Raises:
        ChangeUnknown, EvidenceNotForYou.
    """
    row = session.get(tables.Change, change_id)
    if row is None or row.draw != draw_id:
        raise ChangeUnknown(change=change_id)
    said = newest(session, draw_id)
    if not _may_read(actor, said.row.owner_agency, row):
        raise EvidenceNotForYou()
    return row.evidence["name"], blob_ref(row.file)


def _may_read(actor: Actor, lead: str, row: tables.Change) -> bool:
    # A row is the agency's own, shared with the other agencies of the visit, or with the lead, which may not be one.
    leads = actor.agency == lead
    if leads and actor.has(Role.PLANNER, Role.DRAW_OFFICER):
        return True
    return changes.may_ask(actor.roles) and (row.agency == actor.agency or not leads)


def _changes(session: Session, actor: Actor, said: Said, names: Mapping[str, str]) -> list[ChangeView]:
    change, taken = tables.Change, rounded(said)
    rows = session.scalars(select(change).where(change.draw == said.row.draw).order_by(change.id)).all()
    in_round = {one: each for each in said.rounds for one in each.row.changes if one in taken}
    return [_change(actor, said, row, names, in_round.get(row.id)) for row in rows]


def _change(
    actor: Actor, said: Said, row: tables.Change, names: Mapping[str, str], in_round: SaidRound | None
) -> ChangeView:
    own = row.agency == actor.agency
    state = row.state if in_round is None else "done" if in_round.end is not None else "in_round"
    by_firm = row.firms_words is not None
    deciding = frozenset({Role.AGENCY_HEAD}) if by_firm else changes.DECIDING
    decides = own and not deciding.isdisjoint(actor.roles) and row.asked_by != actor.id
    may_read = _may_read(actor, said.row.owner_agency, row)
    open_ = state in (State.ASKED, State.APPROVED)
    return ChangeView(
        change=row.id,
        visit=row.visit,
        agency=row.agency,
        agency_name=names.get(row.agency, row.agency),
        officer=row.officer,
        reason=row.reason,
        evidence_name=row.evidence["name"],
        evidence_digest=row.evidence[said.row.manifest["hash"]],
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        state=state,
        round=in_round.row.number if in_round else None,
        decided_by=row.decided_by,
        own=own,
        may_decide=decides and state == State.ASKED,
        may_withdraw=own and open_ and not by_firm and changes.may_ask(actor.roles),
        may_read=may_read,
        by_firm=by_firm,
        firms_words=row.firms_words if may_read else None,
        decision=row.decision if may_read else None,
    )


def _round(
    actor: Actor,
    said: Said,
    one: SaidRound,
    campaign: tables.Campaign,
    names: Mapping[str, str],
    entries: Sequence[ChangeView],
    now: datetime,
    overtaken: Sequence[str] = (),
) -> RoundView:
    row, standing, end = one.row, said.round_standing(one), one.end

    def named(bodies: Iterable[str]) -> list[str]:
        return [names.get(body, body) for body in bodies]

    closed = end if end is not None and end.how == CLOSED else None
    sources = sources_of(one, campaign, row.beacon_time)
    return RoundView(
        draw=row.draw,
        round=row.number,
        digest=row.digest,
        stage=standing.stage(now),
        deadline=standing.deadline(now),
        opened_at=row.opened_at,
        seal_by=row.seal_by,
        beacon_time=row.beacon_time,
        dice_wanted=one.dice_wanted,
        sources=sources,
        awaited=awaited_of(sources),
        removals=row.removals,
        dropouts=row.dropouts,
        reasons=row.reasons,
        bodies=[_body(said, one, body, names) for body in said.parties],
        unsigned=named(standing.unsigned),
        unrevealed=named(standing.unrevealed),
        seal_digest=one.seal.digest if one.seal else None,
        sealed_at=one.seal.said_at if one.seal else None,
        digits=one.dice.digits if one.dice else None,
        photo_digest=one.dice.photo["sha256"] if one.dice and one.dice.photo else None,
        end_reason=end.reason if end is not None and end.how == SPENT else None,
        absent=named(end.absent) if end else (),
        result_digest=closed.result_digest if closed else None,
        visits_root=closed.visits_root if closed else None,
        ended_at=end.ended_at if end else None,
        entries=[each for each in entries if each.change in row.changes],
        can=() if overtaken else standing.acts_of(actor.agency, actor.roles, now),
        overtaken=overtaken,
    )


def _body(said: Said, one: SaidRound, body: str, names: Mapping[str, str]) -> BodyView:
    signature, reveal = one.countersignatures.get(body), one.reveals.get(body)
    seal, dice = one.seal_signers.get(body), one.readings.get(body)
    return BodyView(
        body,
        names.get(body, body),
        body == said.row.witness,
        body in one.row.signers,
        signature.said_at if signature else None,
        reveal.said_at if reveal else None,
        seal.said_at if seal else None,
        dice.digits if dice else None,
    )
