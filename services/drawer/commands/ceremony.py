"""
The ceremony itself: commit, countersign, reveal by each agency's draw officer; seal and dice by the witness.

In a draw without a witness more than half of the agencies seal and sign the dice, one after another (``commands.joint``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from runtime.errors import Forbidden
from runtime.files.evidence import StoredFile
from runtime.service import Reply
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from schemas.events.draws import CommitmentReceived, RevealsSealed
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands import joint
from services.drawer.commands.ending import require_running
from services.drawer.commands.joint import NO_FILE
from services.drawer.commands.prepared import Prepared
from services.drawer.commands.published import publish
from services.drawer.commands.told import told
from services.drawer.domain import ceremony
from services.drawer.domain.beacons import BeaconUnexpected
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.joint import add_to_dice
from services.drawer.domain.sealing import Commit, NotAnAgency, Reveal, Seal, SealDiffers
from services.drawer.reading import (
    Said,
    SaidSealed,
    blob_ref,
    campaign_row,
    dice_shown,
    newest,
    party_id,
    plan_of,
    said_id,
)
from services.drawer.refusals import (
    AttemptOver,
    CommitWindowOpen,
    CountersignatureMissing,
    DrawOfficerOnly,
    NothingToReveal,
    WitnessOnly,
)


@dataclass(frozen=True)
class Speaker:
    """Somebody about to speak in an attempt: the attempt as it stands, and the sealed signing key, if it is here."""

    said: Said
    attempt: Attempt
    body: str
    signing_key: bytes | None
    """None where the body keeps its key itself (custody "own" or "page")."""


@dataclass(frozen=True)
class Contributor:
    """An agency about to commit: what it checks first."""

    speaker: Speaker
    plan: CampaignPlan
    frame_file: BlobRef
    rosters: BlobRef
    roster_secret: bytes


@dataclass(frozen=True)
class Contribution:
    """An agency's commitment, with the secret behind it: sealed here, or wrapped by the agency's own browser."""

    commit: Commit
    sealed: bytes | None = None
    with_dice: bool = False
    wrapped: str | None = None


@dataclass(frozen=True)
class Shown:
    """A reveal, and the value sealed for keeping."""

    reveal: Reveal
    sealed: bytes


@dataclass(frozen=True)
class Spoken:
    """The value of a source of randomness, judged: the place of the source, and whether it is proved to be its source's."""

    position: int
    value: bytes
    proved: bool


@dataclass(frozen=True)
class Sealing:
    """A seal, and the reveals it is over, opened."""

    seal: Seal
    reveals: Mapping[str, Reveal]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def prepare_countersignature(session: Session, actor: Actor, *, draw_id: str) -> Speaker:
    """Read the newest attempt and the asker's agency's own signing key."""
    said = _as_officer(session, actor, draw_id)
    if actor.agency not in said.agencies:
        raise NotAnAgency(agency=actor.agency)
    return _speaker(session, actor, said)


def prepare_sealer(session: Session, actor: Actor, *, draw_id: str) -> Speaker:
    """Read the newest attempt and the signing key of the body that seals: the witness, or an agency where there is none."""
    return _speaker(session, actor, _as_sealer(session, actor, draw_id))


def _speaker(session: Session, actor: Actor, said: Said) -> Speaker:
    if said.custody(actor.agency) != "server":
        return Speaker(said, said.attempt(), actor.agency, None)
    key = session.get_one(tables.SigningKey, party_id(actor.county, actor.agency))
    return Speaker(said, said.attempt(), actor.agency, key.sealed)


def prepare_contribution(session: Session, actor: Actor, *, draw_id: str) -> Contributor:
    """Read what an agency checks and signs when it commits."""
    speaker = prepare_countersignature(session, actor, draw_id=draw_id)
    row = speaker.said.row
    secret = session.get(tables.RosterSecret, said_id(row.id, actor.agency))
    if secret is None:
        raise NotAnAgency(agency=actor.agency)
    plan = plan_of(campaign_row(session, row.campaign))
    return Contributor(speaker, plan, blob_ref(row.frame_file), blob_ref(row.rosters), secret.sealed)


def prepare_reveal(session: Session, actor: Actor, *, draw_id: str) -> tuple[Speaker, bytes | None]:
    """Read the asker's own sealed secret; None where the agency keeps it itself."""
    speaker = prepare_countersignature(session, actor, draw_id=draw_id)
    if speaker.signing_key is None and actor.agency in speaker.said.commitments:
        return speaker, None
    secret = session.get(tables.DrawSecret, said_id(speaker.said.row.id, actor.agency))
    if secret is None:
        raise NothingToReveal(draw=draw_id, agency=actor.agency)
    return speaker, secret.sealed


# ── agencies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def contribute(
    session: Session,
    actor: Actor,
    work: Prepared[Contribution],
    *,
    at: datetime,
    draw_id: str,
    given: str | None = None,
) -> Reply:
    """
    Take an agency's commitment (承诺).

    *given*: fingerprint of its own dice, or of what it signed itself, which tells one request from another.
    """
    del given
    with told(session, actor.county):
        made = work.get()
    said = _as_officer(session, actor, draw_id)
    if said.voided is not None:
        raise AttemptOver(draw=draw_id, attempt=said.row.number, reason=said.voided.reason)
    with told(session, actor.county):
        ceremony.accept_commit(said.attempt(), said.commits(), actor.agency, made.commit, _seconds(at))
    place, owner = said_id(said.row.id, actor.agency), owned_by(actor)
    if made.sealed is not None:
        kept = {"attempt": said.row.id, "with_dice": made.with_dice, "sealed": made.sealed}
        session.add(tables.DrawSecret(id=place, **kept, **owner))
    if made.wrapped is not None:
        session.add(tables.WrappedSecret(id=place, wrapped=made.wrapped, **owner))
    row = tables.Commitment(
        id=place,
        attempt=said.row.id,
        agency=actor.agency,
        c=made.commit.c.hex(),
        sig=made.commit.sig.hex(),
        said_at=at,
        **owner,
    )
    publish(session, said, row)
    received, expected = len(said.commitments) + 1, len(said.agencies)
    heard = CommitmentReceived(
        **_about(said), agency=actor.agency, commitment=row.c, received=received, expected=expected
    )
    return Reply([heard], {"draw": draw_id, "attempt": said.row.number, "commitment": row.c})


def countersign(
    session: Session, actor: Actor, work: Prepared[bytes], *, at: datetime, draw_id: str, given: str | None = None
) -> Reply:
    """Take an agency's signature under all commitments; *given*: the one it made itself."""
    del given
    with told(session, actor.county):
        sig = work.get()
    said = _as_officer(session, actor, draw_id)
    attempt = said.attempt()
    require_running(said, attempt, at)
    if _seconds(at) < (closes := attempt.manifest.times.commit_close):
        raise CommitWindowOpen(commit_close=datetime.fromtimestamp(closes, UTC))
    with told(session, actor.county):
        ceremony.accept_countersignature(attempt, said.commits(), said.signed(), actor.agency, sig)
    row = tables.Countersignature(
        id=said_id(said.row.id, actor.agency),
        attempt=said.row.id,
        agency=actor.agency,
        sig=sig.hex(),
        said_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    return Reply((), {"draw": draw_id, "attempt": said.row.number})


def reveal(
    session: Session, actor: Actor, work: Prepared[Shown], *, at: datetime, draw_id: str, given: str | None = None
) -> Reply:
    """
    Take an agency's reveal (揭示), if it opens the agency's commitment.

    *given*: fingerprint of a value the agency handed in itself, which tells one request from another.
    """
    del given
    with told(session, actor.county):
        shown = work.get()
    said = _as_officer(session, actor, draw_id)
    attempt = said.attempt()
    require_running(said, attempt, at)
    with told(session, actor.county):
        if absent := attempt.absent(said.signed()):
            raise CountersignatureMissing(agencies=absent)
        ceremony.accept_reveal(
            attempt,
            said.commits(),
            said.signed(),
            dict.fromkeys(said.reveals, shown.reveal),
            actor.agency,
            shown.reveal,
            _seconds(at),
            sealed=said.seal is not None or said.seal_so_far() is not None,
        )
    row = tables.RevealRow(
        id=said_id(said.row.id, actor.agency),
        attempt=said.row.id,
        agency=actor.agency,
        sealed=shown.sealed,
        sig=shown.reveal.sig.hex(),
        said_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    return Reply((), {"draw": draw_id, "attempt": said.row.number})


# ── seal and dice ───────────────────────────────────────────────────────────────────────────────────────────────────


def seal_reveals(
    session: Session, actor: Actor, work: Prepared[Sealing], *, at: datetime, draw_id: str, given: str | None = None
) -> Reply:
    """
    Take the witness's seal, or an agency's signature under one without a witness; *given*: the one it made itself.

    Once it stands nothing voids the attempt.
    """
    del given
    with told(session, actor.county):
        sealing = work.get()
    said = _as_sealer(session, actor, draw_id)
    attempt = said.attempt()
    require_running(said, attempt, at)
    stored = {agency: row.sig for agency, row in said.reveals.items()}
    if said.seal is None and stored != {agency: one.sig.hex() for agency, one in sealing.reveals.items()}:
        raise SealDiffers
    with told(session, actor.county):
        seal = _accepted(said, attempt, sealing, actor.agency)
    waits = joint.keep_seal(session, said, said.row.id, seal, at=at, actor=actor)
    value = {"draw": draw_id, "attempt": said.row.number, "reveals_digest": seal.digest.hex()}
    if waits:
        return Reply((), {**value, "waits_for": waits})
    missing = attempt.absent(sealing.reveals)
    heard = RevealsSealed(**_about(said), reveals_digest=seal.digest.hex(), sealed_at=at, missing=missing)
    return Reply([heard], value)


def _accepted(said: Said, attempt: Attempt, sealing: Sealing, agency: str) -> Seal:
    commits, reveals, seal = said.commits(), sealing.reveals, sealing.seal
    if said.row.witness is None:
        so_far = said.seal_so_far()
        return ceremony.accept_joint_seal(attempt, commits, reveals, so_far, agency, seal, said.sealed())
    ceremony.accept_seal(attempt, commits, reveals, seal, said.sealed())
    return seal


def throw_dice(
    session: Session,
    actor: Actor,
    work: Prepared[bytes],
    *,
    at: datetime,
    draw_id: str,
    digits: str,
    given: str | None = None,
    photo: Mapping[str, Any] | None = None,
    stored: StoredFile = NO_FILE,
) -> Reply:
    """
    Take the dice thrown in the room, as the witness read them, or without one as an agency did.

    Args:
        given: The signature it made itself.
        photo: A photograph of them: name, content_type, size, sha256; *stored*: where it lies.
    """
    del given
    with told(session, actor.county):
        sig = work.get()
    said = _as_sealer(session, actor, draw_id)
    wanted, sealed, moment = said.dice_wanted or 0, said.sealed(), _seconds(at)
    shown, before = dice_shown(digits, said.signed_by(actor.agency, sig), wanted), said.beacons()
    with told(session, actor.county):
        if said.row.witness is None:
            act, read = said.attempt().act(said.commits()), said.read(wanted)
            shown = add_to_dice(act, sealed, before, read, actor.agency, shown, moment)
        else:
            ceremony.accept_dice(said.attempt(), said.commits(), sealed, before, shown, moment)
    kept = joint.Photo(photo, stored)
    waits = joint.keep_dice(session, said, said, said.row.id, shown, at=at, actor=actor, photo=kept)
    return Reply((), {"draw": draw_id, "attempt": said.row.number} | ({"waits_for": waits} if waits else {}))


def take_value(
    session: Session,
    actor: Actor,
    work: Prepared[Spoken],
    *,
    at: datetime,
    draw_id: str,
    beacon: str,
    typed: str,
) -> Reply:
    """
    Take the value of the source of randomness that is awaited, as the witness, or one of the agencies where there is none, copied it.

    *beacon* and *typed*: what was sent; they tell one request from another.
    """
    with told(session, actor.county):
        spoken = work.get()
    said = _as_sealer(session, actor, draw_id)
    publish(session, said, value_row(said, said.row.id, spoken, beacon, at, actor))
    return Reply((), {"draw": draw_id, "attempt": said.row.number, "beacon": beacon, "proved": spoken.proved})


def value_row(
    said: SaidSealed, of: str, spoken: Spoken, beacon: str, at: datetime, actor: Actor
) -> tables.BeaconValueRow:
    """Write down a value of an attempt or a round; refuse one that somebody else entered while it was judged."""
    if len(said.beacons()) != spoken.position:
        raise BeaconUnexpected(beacon=beacon, round=said.sources[spoken.position].round)
    return tables.BeaconValueRow(
        id=f"{of}/{spoken.position}",
        attempt=of,
        position=spoken.position,
        value=spoken.value.hex(),
        said_at=at,
        **owned_by(actor),
    )


# ── who, and to whom it is shown ────────────────────────────────────────────────────────────────────────────────────


def require_officer(actor: Actor) -> None:
    """Refuse everybody but a draw officer."""
    if not actor.has(Role.DRAW_OFFICER):
        raise DrawOfficerOnly()


def _as_officer(session: Session, actor: Actor, draw_id: str) -> Said:
    require_officer(actor)
    return newest(session, draw_id)


def _as_sealer(session: Session, actor: Actor, draw_id: str) -> Said:
    said = newest(session, draw_id)
    require_sealer(actor, said)
    return said


def require_sealer(actor: Actor, said: Said) -> None:
    """Refuse everybody but the witness of this draw; where it has none, everybody but its agencies' draw officers."""
    if said.row.witness is not None:
        require_witness(actor, said)
        return
    require_officer(actor)


def require_witness(actor: Actor, said: Said) -> None:
    """Refuse everybody but the witness of this very draw."""
    refusal: Forbidden = WitnessOnly(witness=said.row.witness)
    if actor.agency != said.row.witness or not actor.has(Role.WITNESS):
        raise refusal


def owned_by(actor: Actor) -> dict[str, str]:
    """Say whose a row is that the actor writes."""
    return {"county": actor.county, "owner_agency": actor.agency}


def _about(said: Said) -> dict[str, Any]:
    row = said.row
    return {"county": row.county, "campaign": row.campaign, "draw": row.draw, "attempt": row.number}


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
