"""
A replacement round (JIDRAW/1 section 11): opened by the lead for what agencies approved, signed by those it concerns,
revealed, sealed and thrown like the draw itself; its end changes visits and teams, and nothing earlier disappears.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.files.evidence import StoredFile
from runtime.service import Reply
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import WorkTeam, WorkVisit
from schemas.events.draws import (
    DrawDisclosed,
    HeldChecklist,
    InspectorSubstituted,
    RoundClosed,
    RoundOpened,
    RoundSpent,
    TargetReplaced,
)
from schemas.events.payload import Payload
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands import joint
from services.drawer.commands.ceremony import (
    Shown,
    owned_by,
    require_officer,
    require_sealer,
    require_witness,
    value_row,
)
from services.drawer.commands.ceremony import Spoken as SpokenValue
from services.drawer.commands.changing import entered_of, rounded, standing_of
from services.drawer.commands.completing import Inputs, drawn_visit, inputs_of, team_json
from services.drawer.commands.joint import NO_FILE
from services.drawer.commands.opening import require_lead
from services.drawer.commands.prepared import Prepared
from services.drawer.commands.published import publish
from services.drawer.commands.told import told
from services.drawer.domain import rounds
from services.drawer.domain.appointing import State as Appointed
from services.drawer.domain.beacons import ROOM_DICE
from services.drawer.domain.changes import State, is_entered
from services.drawer.domain.joint import add_to_dice
from services.drawer.domain.manifest import members
from services.drawer.domain.rounds import WITNESS, Round
from services.drawer.domain.sealing import Reveal, Seal
from services.drawer.progress import Moments
from services.drawer.reading import (
    Said,
    SaidRound,
    appointed_of,
    appointments_of,
    attempts_of,
    dice_shown,
    draw_row,
    newest,
    round_id,
    said_id,
)
from services.drawer.refusals import (
    DrawOfficerOnly,
    InputsChanged,
    NotDrawnYet,
    RoundAfterWindow,
    RoundOver,
    RoundOvertaken,
    RoundRunning,
)
from services.drawer.round_progress import SPENT


@dataclass(frozen=True)
class Wanted:
    """An approved request that a round is to carry out, with the target behind its visit."""

    change: str
    target: str
    agency: str
    officer: str | None
    reason: str
    evidence: str
    """The document's digest under the draw's hash (JIDRAW/1 section 11: H of the document)."""


@dataclass(frozen=True)
class RoundInputs:
    """Everything a round is worked out from, and which target stands behind which visit."""

    draw: Inputs
    visits: Mapping[str, str]
    """{visit: target}, of every visit there ever was."""
    appointed: Mapping[tuple[str, str], tuple[str, ...]]
    """Who stands appointed to open places: {(visit, agency): officers}."""


@dataclass(frozen=True)
class Opening:
    """A round ready to be asked for, its request sealed."""

    round: Round
    changes: tuple[str, ...]
    sealed: bytes


@dataclass(frozen=True)
class Spoken:
    """Something said in a round: the round as the domain judges it, and the signature."""

    round: Round
    sig: bytes


@dataclass(frozen=True)
class Revealing:
    """A chain value shown in a round."""

    round: Round
    shown: Shown


@dataclass(frozen=True)
class RoundSealing:
    """A round's seal, and the reveals it is over, opened."""

    round: Round
    seal: Seal
    reveals: Mapping[str, Reveal]


@dataclass(frozen=True)
class Replaced:
    """One closed visit, and what was drawn instead."""

    visit: str
    reason: str
    instead: str | None
    """The visit to whoever was drawn; where several selections lost the target, the first of them."""
    opened: tuple[WorkVisit, ...]
    """The visits that come of it: none where nobody was left, or another removal of the round opened it."""
    work: BlobRef


@dataclass(frozen=True)
class Substituted:
    """One agency's team at one visit as it stands now."""

    visit: str
    team: WorkTeam
    """As drawn: whoever was appointed stands in the document alone."""
    file: BlobRef


@dataclass(frozen=True)
class RoundEnding:
    """What a round came to, worked out, with the records that tell of it."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    number: int
    inputs: str
    how: str
    visits_root: str
    result_digest: str
    full_record: BlobRef
    public_record: BlobRef
    appointed: Mapping[tuple[str, str], tuple[str, ...]]
    """Who stood appointed when it was worked out."""
    reason: str | None = None
    absent: tuple[str, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    substituted: tuple[Substituted, ...] = ()
    frame: BlobRef | None = None
    """The open frame, where the draw is disclosed already and the record is published anew."""


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def prepare_attempt(session: Session, actor: Actor, *, draw_id: str) -> Said:
    """Read the newest attempt of a draw the asker takes part in, with its rounds."""
    return newest(session, draw_id)


def prepare_round(session: Session, actor: Actor, *, draw_id: str) -> RoundInputs:
    """Read everything a draw's rounds are worked out from (the system's request)."""
    draw_row(session, draw_id)
    attempts = attempts_of(session, [draw_id]).get(draw_id, [])
    if not attempts or attempts[-1].outcome is None:
        raise NotDrawnYet(draw=draw_id)
    visits = session.scalars(select(tables.DrawnVisit).where(tables.DrawnVisit.draw == draw_id)).all()
    targets = {one.id: one.target for one in visits}
    return RoundInputs(inputs_of(session, attempts), targets, appointed_of(session, targets))


def prepare_request(session: Session, actor: Actor, *, draw_id: str) -> list[Wanted]:
    """
    Read what a new round would carry out: every approved request that is still to the point (the lead's request).

    A visit closed or entered since, and an officer substituted since, are none; nor an officer where the target goes.
    """
    said = newest(session, draw_id)
    require_lead(actor, said.row.owner_agency)
    change, taken = tables.Change, rounded(said)
    rows = session.scalars(
        select(change).where(change.draw == draw_id, change.state == State.APPROVED).order_by(change.id)
    ).all()
    waiting = [row for row in rows if row.id not in taken]
    names = {row.visit for row in waiting}
    visits = {one.id: one for one in session.scalars(select(tables.DrawnVisit).where(tables.DrawnVisit.id.in_(names)))}
    entered = entered_of(session, names)
    found: dict[tuple[str, str | None], Wanted] = {}
    for row in waiting:
        stands = standing_of(visits[row.visit], row.agency, entered)
        gone = row.officer is not None and row.officer not in stands.officers
        if stands.over or gone or is_entered(stands, row.agency, row.officer):
            continue
        evidence = row.evidence[said.row.manifest["hash"]]
        wanted = Wanted(row.id, stands.target, row.agency, row.officer, row.reason, evidence)
        found.setdefault((stands.target, row.officer), wanted)
    removed = {target for target, officer in found if officer is None}
    return [one for (target, officer), one in found.items() if officer is None or target not in removed]


# ── opening, signing ────────────────────────────────────────────────────────────────────────────────────────────────


def check_openable(said: Said, beacon_time: datetime) -> None:
    """Refuse a round beside another one, or one that would be drawn when visits can no longer be made."""
    running = [one for one in said.rounds if one.end is None]
    if running:
        raise RoundRunning(draw=said.row.draw, round=running[0].row.number)
    window_end = Moments.of(said.row.manifest["times"]).window_end
    if beacon_time > window_end:
        raise RoundAfterWindow(window_end=window_end)


def open_round(
    session: Session,
    actor: Actor,
    work: Prepared[Opening],
    *,
    at: datetime,
    draw_id: str,
    asked: Sequence[datetime | int | str | None] = (),
) -> Reply:
    """
    Ask for a round over everything approved: those it concerns sign, then every agency reveals.

    *asked*: the times it was asked for with, and what was told of its sources; they tell one request from another.
    """
    del asked
    with told(session, actor.county):
        opening = work.get()
    said, one = newest(session, draw_id), opening.round
    require_lead(actor, said.row.owner_agency)
    seal_by, beacon_time = (datetime.fromtimestamp(one, UTC) for one in astuple(one.request.times))
    check_openable(said, beacon_time)
    still = {wanted.change for wanted in prepare_request(session, actor, draw_id=draw_id)}
    if len(said.rounds) + 1 != one.number or not still.issuperset(opening.changes):
        raise InputsChanged(draw=draw_id)
    removed, dropouts = one.request.removed, one.request.dropouts
    held = _held(session, opening.changes)
    reasons = sorted([*(each.reason for each in removed), *(each.reason for each in dropouts)])
    row = tables.Round(
        id=round_id(draw_id, one.number),
        draw=draw_id,
        number=one.number,
        digest=one.digest.hex(),
        seal_by=seal_by,
        beacon_time=beacon_time,
        dice=next((each.round for each in one.request.beacons if each.id == ROOM_DICE), None),
        beacons=[members(each) for each in one.request.beacons],
        signers=_signers(said, one),
        removals=len(removed),
        dropouts=len(dropouts),
        reasons={reason: reasons.count(reason) for reason in reasons},
        changes=sorted(opening.changes),
        held=[list(pair) for pair in held],
        sealed=opening.sealed,
        opened_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    witness = said.row.witness
    heard = RoundOpened(
        **_about(said, one.number),
        agencies=said.agencies,
        signers=tuple(body for body in row.signers if body != witness),
        witness=witness,
        removals=row.removals,
        dropouts=row.dropouts,
        seal_by=row.seal_by,
        beacon_time=row.beacon_time,
        held=tuple(HeldChecklist(visit=visit, agency=agency) for visit, agency in held),
    )
    return Reply([heard], {"draw": draw_id, "round": row.number, "digest": row.digest, "signers": row.signers})


def _held(session: Session, carried_out: Collection[str]) -> list[tuple[str, str]]:
    """Name the checklists (visit, agency) that a round may make void: all of a target's, of an officer's the agency's."""
    change, visit = tables.Change, tables.DrawnVisit
    rows = session.scalars(select(change).where(change.id.in_(carried_out))).all()
    visits = {one.id: one for one in session.scalars(select(visit).where(visit.id.in_({row.visit for row in rows})))}
    found = set()
    for row in rows:
        agencies = [team[0] for team in visits[row.visit].teams] if row.officer is None else [row.agency]
        found |= {(row.visit, agency) for agency in agencies}
    return sorted(found)


def _signers(said: Said, one: Round) -> list[str]:
    """Name the bodies asked to sign: those the protocol asks for, the lead or another agency where they are too few."""
    needed = [body for body in one.unsigned({}) if body != WITNESS]
    others = [said.row.owner_agency, *said.agencies]
    for agency in others:
        if len(needed) >= min(2, len(said.agencies)):
            break
        needed += [agency] if agency not in needed else []
    return [*sorted(needed), *([said.row.witness] if said.row.witness else [])]


def sign_round(
    session: Session,
    actor: Actor,
    work: Prepared[Spoken],
    *,
    at: datetime,
    draw_id: str,
    number: int,
    given: str | None,
) -> Reply:
    """Take a signature under a round's request, of an agency or the witness; *given*: the one it made itself."""
    del given
    with told(session, actor.county):
        spoken = work.get()
    said, one = _running(session, actor, draw_id, number, spoken.round, at)
    witness = said.row.witness
    who = WITNESS if actor.agency == witness else actor.agency
    (require_witness(actor, said) if who == WITNESS else require_officer(actor))
    with told(session, actor.county):
        rounds.accept_signature(spoken.round, one.signed(witness), who, spoken.sig)
    row = tables.Countersignature(
        id=said_id(one.row.id, actor.agency),
        attempt=one.row.id,
        agency=actor.agency,
        sig=spoken.sig.hex(),
        said_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    return Reply((), {"draw": draw_id, "round": number})


def reveal_in_round(
    session: Session,
    actor: Actor,
    work: Prepared[Revealing],
    *,
    at: datetime,
    draw_id: str,
    number: int,
    given: str | None,
) -> Reply:
    """Take an agency's chain value of this round; *given*: fingerprint of what it handed in itself."""
    del given
    with told(session, actor.county):
        revealing = work.get()
    require_officer(actor)
    shown = revealing.shown
    said, one = _running(session, actor, draw_id, number, revealing.round, at)
    before = dict.fromkeys(one.reveals, shown.reveal)
    with told(session, actor.county):
        rounds.accept_reveal(
            revealing.round,
            one.signed(said.row.witness),
            before,
            actor.agency,
            shown.reveal,
            int(at.timestamp()),
            sealed=one.seal is not None or one.seal_so_far() is not None,
        )
    row = tables.RevealRow(
        id=said_id(one.row.id, actor.agency),
        attempt=one.row.id,
        agency=actor.agency,
        sealed=shown.sealed,
        sig=shown.reveal.sig.hex(),
        said_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    return Reply((), {"draw": draw_id, "round": number})


def seal_round(
    session: Session,
    actor: Actor,
    work: Prepared[RoundSealing],
    *,
    at: datetime,
    draw_id: str,
    number: int,
    given: str | None,
) -> Reply:
    """Take the witness's seal under a round, or an agency's signature under one without a witness; *given* as there."""
    del given
    with told(session, actor.county):
        sealing = work.get()
    said, one = _running(session, actor, draw_id, number, sealing.round, at)
    require_sealer(actor, said)
    stored = {agency: row.sig for agency, row in one.reveals.items()}
    if one.seal is None and stored != {agency: shown.sig.hex() for agency, shown in sealing.reveals.items()}:
        raise InputsChanged(draw=draw_id)
    with told(session, actor.county):
        seal = _accepted(said, one, sealing, actor.agency)
    waits = joint.keep_seal(session, said, one.row.id, seal, at=at, actor=actor)
    value = {"draw": draw_id, "round": number, "reveals_digest": seal.digest.hex()}
    return Reply((), value | ({"waits_for": waits} if waits else {}))


def _accepted(said: Said, one: SaidRound, sealing: RoundSealing, agency: str) -> Seal:
    signed, reveals, seal = one.signed(said.row.witness), sealing.reveals, sealing.seal
    if said.row.witness is None:
        so_far = one.seal_so_far()
        return rounds.accept_joint_seal(sealing.round, signed, reveals, so_far, agency, seal, one.sealed())
    rounds.accept_seal(sealing.round, signed, reveals, seal, one.sealed())
    return seal


def throw_round_dice(
    session: Session,
    actor: Actor,
    work: Prepared[Spoken],
    *,
    at: datetime,
    draw_id: str,
    number: int,
    digits: str,
    given: str | None,
    photo: Mapping[str, Any] | None = None,
    stored: StoredFile = NO_FILE,
) -> Reply:
    """Take the dice of a round, as of the draw itself, with *given*, *photo* and *stored* as there."""
    del given
    with told(session, actor.county):
        spoken = work.get()
    said = newest(session, draw_id)
    require_sealer(actor, said)
    one = said.round(number)
    wanted, sealed, moment = one.dice_wanted or 0, one.sealed(), int(at.timestamp())
    shown, before = dice_shown(digits, said.signed_by(actor.agency, spoken.sig), wanted), one.beacons()
    with told(session, actor.county):
        if said.row.witness is None:
            shown = add_to_dice(spoken.round.act, sealed, before, one.read(wanted), actor.agency, shown, moment)
        else:
            rounds.accept_beacon(spoken.round, sealed, before, shown, moment)
    kept = joint.Photo(photo, stored)
    waits = joint.keep_dice(session, said, one, one.row.id, shown, at=at, actor=actor, photo=kept)
    return Reply((), {"draw": draw_id, "round": number} | ({"waits_for": waits} if waits else {}))


def take_round_value(
    session: Session,
    actor: Actor,
    work: Prepared[SpokenValue],
    *,
    at: datetime,
    draw_id: str,
    number: int,
    beacon: str,
    typed: str,
) -> Reply:
    """Take the value of the source that a round awaits, as of the draw itself; *beacon* and *typed*: what was sent."""
    with told(session, actor.county):
        spoken = work.get()
    said = newest(session, draw_id)
    require_sealer(actor, said)
    one = said.round(number)
    publish(session, said, value_row(one, one.row.id, spoken, beacon, at, actor))
    return Reply((), {"draw": draw_id, "round": number, "beacon": beacon, "proved": spoken.proved})


def _running(
    session: Session, actor: Actor, draw_id: str, number: int, judged: Round, at: datetime
) -> tuple[Said, SaidRound]:
    """Find a round that goes on, also by the clock, and is the one that was judged."""
    if not actor.has(Role.DRAW_OFFICER, Role.WITNESS):
        raise DrawOfficerOnly()
    said = newest(session, draw_id)
    one = said.round(number)
    if one.row.digest != judged.digest.hex():
        raise InputsChanged(draw=draw_id)
    if one.end is not None or ending_of(said, one, judged, at) is not None:
        raise RoundOver(draw=draw_id, round=number)
    if overtaken := overtaken_by(session, one):
        raise RoundOvertaken(round=number, visits=overtaken)
    return said, one


def overtaken_by(session: Session, one: SaidRound) -> list[str]:
    """
    Name the visits of a round whose checklist came in although it may take them away; from its seal a round stands.

    Results takes none from when it hears of the round; this is what was on its way then.
    """
    held = {(visit, agency) for visit, agency in one.row.held or ()}
    entered = entered_of(session, {visit for visit, _ in held})
    return sorted({visit for visit, agency in held if agency in entered.get(visit, ())})


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def ending_of(said: Said, one: SaidRound, judged: Round, at: datetime) -> rounds.Ending | None:
    """Say why a round is spent by *at*, or that it goes on; who revealed what does not matter here, only who did."""
    reveals: dict[str, Any] = dict.fromkeys(one.reveals)
    signed, sealed, moment = one.signed(said.row.witness), one.seal is not None, int(at.timestamp())
    return rounds.ending(judged, signed, reveals, sealed, moment, one.seal_signers)


def round_inputs(said: Said, one: SaidRound) -> str:
    """Tell one set of inputs of a round's end from another."""
    seal = one.seal.digest if one.seal else ""
    return f"{one.row.digest} {seal} {one.spoken()} {len(said.faults)} {said.disclosure is not None}"


def end_round(session: Session, actor: Actor, done: RoundEnding, *, at: datetime, draw_id: str) -> list[Payload]:
    """Write down how a round ended, once (the system's request), and say what it changed."""
    said = newest(session, draw_id)
    one, row = said.round(done.number), said.row
    if one.end is not None:
        return []
    changed = {one.visit for one in done.substituted}
    appointed = {of: officers for of, officers in done.appointed.items() if of[0] in changed}
    if done.inputs != round_inputs(said, one) or appointed != appointed_of(session, changed):
        raise InputsChanged(draw=draw_id)
    events: list[Payload] = []
    for gone in done.replaced:
        events.append(_replace(session, said, one, gone))
    for other in done.substituted:
        events.append(_substitute(session, said, one, other, at))
    session.flush()
    visit = tables.DrawnVisit
    standing = session.scalars(select(visit).where(visit.draw == draw_id, visit.removed_in.is_(None))).all()
    teams = [team for each in standing for team in each.teams]
    end = tables.RoundEnd(
        id=one.row.id,
        draw=draw_id,
        how=done.how,
        reason=done.reason,
        absent=list(done.absent),
        visits=len(standing),
        sections=len(teams),
        open_slots=sum(officer is None for team in teams for officer in team[2]),
        visits_root=done.visits_root,
        result_digest=done.result_digest,
        full_record=done.full_record.model_dump(mode="json"),
        public_record=done.public_record.model_dump(mode="json"),
        ended_at=at,
        faults=len(said.faults),
        county=row.county,
        owner_agency=row.owner_agency,
    )
    publish(session, said, end)
    about = _about(said, done.number)
    if done.how == SPENT:
        events.append(RoundSpent(**about, reason=done.reason or "", absent=done.absent))
    else:
        told_of = ("visits", "sections", "open_slots", "visits_root", "result_digest")
        events.append(RoundClosed(**about, **{name: getattr(end, name) for name in told_of}))
    if done.frame is not None:
        events.append(
            DrawDisclosed(
                county=row.county,
                campaign=row.campaign,
                draw=draw_id,
                attempt=row.number,
                record=done.public_record,
                frame=done.frame,
            )
        )
    return events


def _replace(session: Session, said: Said, one: SaidRound, gone: Replaced) -> TargetReplaced:
    closed = session.get_one(tables.DrawnVisit, gone.visit)
    closed.removed_in = one.row.number
    agencies = {team[0] for team in closed.teams}
    for new in gone.opened:
        session.add(drawn_visit(said, new, one.row.number))
        agencies |= {team.agency for team in new.teams}
    return TargetReplaced(
        **_about(said, one.row.number),
        lead=said.row.owner_agency,
        visit=gone.visit,
        reason=gone.reason,
        instead=gone.instead,
        agencies=tuple(sorted(agencies)),
        work=gone.work,
    )


def _substitute(
    session: Session, said: Said, one: SaidRound, changed: Substituted, at: datetime
) -> InspectorSubstituted:
    visit, agency = session.get_one(tables.DrawnVisit, changed.visit), changed.team.agency
    visit.teams = [team_json(changed.team) if team[0] == agency else team for team in visit.teams]
    for row in appointments_of(session, [visit.id]).get((visit.id, agency), ()):
        if row.officer in changed.team.officers:  # drawn for this team now, and no longer appointed to it
            row.state, row.ended_at = Appointed.ENDED, at
    about = _about(said, one.row.number)
    return InspectorSubstituted(**about, visit=changed.visit, agency=agency, team=changed.file)


def _about(said: Said, number: int) -> dict[str, Any]:
    row = said.row
    about = {"county": row.county, "campaign": row.campaign, "draw": row.draw, "attempt": row.number}
    return {**about, "round": number}
