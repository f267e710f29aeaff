"""
The slow half of every act, outside any transaction: hashing, opening and sealing secrets, signing, working out.

Each function takes what a ``prepare_…`` read and gives what the command of the same act stores. Nothing here reads or
writes a database.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runtime.files.blobs import BlobStore
from runtime.service import Ports
from schemas.blobs import BlobRef
from schemas.documents import Rosters
from services.drawer.commands.ceremony import Contribution, Contributor, Sealing, Shown, Speaker, Spoken
from services.drawer.commands.opening import Before, Drafted, Ground
from services.drawer.domain import beacons as domain_beacons
from services.drawer.domain import feasibility, manifest_rules, messages, sources, staged
from services.drawer.domain.beacons import BeaconUnexpected, NotSealed
from services.drawer.domain.canonical import canonical
from services.drawer.domain.ceremony import is_of_now
from services.drawer.domain.encoding import Hash, from_hex, hash_named
from services.drawer.domain.manifest import Beacon, Manifest, Parent, Times, as_json
from services.drawer.domain.roster import RosterDiffers, summarise
from services.drawer.domain.sealing import SIGNATURE_BYTES, Act, BeaconShown, Commit, Reveal, Seal
from services.drawer.domain.seed import BeaconValue
from services.drawer.drafts import (
    ANY_TIMES,
    Basis,
    Feasibility,
    Visitors,
    enrolment,
    feasibility_of,
    frame_rows,
    manifest_of,
    rotated,
)
from services.drawer.drand import verify_quicknet
from services.drawer.queries.papers import Papers
from services.drawer.queries.staged import FirstStage
from services.drawer.reading import SaidSealed, attempt_id
from services.drawer.refusals import KeyKeptElsewhere, KeyKeptHere, OwnDiceWrong, SealMomentWrong
from services.drawer.vault import SERVICE, RosterSalts, Vault

JSON = "application/json"
WRAPPED_BYTES = 12 + 32 + 16  # nonce, secret, tag of AES-GCM: what a browser makes of its secret


def basis_of(blobs: BlobStore, ground: Ground, first: FirstStage | None = None) -> Basis:
    """Fetch a campaign's frame and rosters."""
    rosters = Rosters.model_validate_json(blobs.get(ground.rosters, SERVICE))
    parent = None if first is None else Parent(first.manifest.hex(), first.result.hex())
    return Basis(ground.plan, ground.plan_digest, blobs.get(ground.frame_file, SERVICE), rosters, parent)


def examine(
    blobs: BlobStore, ground: Ground, visitors: Visitors, first: FirstStage | None, times: Times = ANY_TIMES
) -> Feasibility:
    """Say whether the draw could be made as planned."""
    basis = rotated(basis_of(blobs, ground, first), visitors)
    found = feasibility_of(basis, times)
    _hold_to_first_stage(basis, found.manifest, first)
    return found


def _hold_to_first_stage(basis: Basis, manifest: Manifest, first: FirstStage | None) -> None:
    if first is not None:
        rows = frame_rows(basis.plan, basis.frame_file)
        staged.check_parent(manifest, rows, first.manifest, first.result, dict.fromkeys(first.targets))


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def draft_attempt(
    ports: Ports,
    before: Before,
    times: Times,
    beacons: tuple[Beacon, ...],
    visitors: Visitors,
    first: FirstStage | None = None,
) -> Drafted:
    """
    Make the manifest of an attempt that has been found possible, with fresh salts and ρ.

    Args:
        beacons: The sources of randomness it announces.
        visitors: Who is not sent where they were sent last; the attempt keeps the rosters that hold it.
        first: The first stage of a staged draw, which the manifest names.

    Raises:
        Every refusal of ``domain.manifest_rules``.
    """
    basis, vault = rotated(basis_of(ports.blobs, before.ground, first), visitors), Vault(ports)
    name = attempt_id(before.draw, before.attempt)
    salts = {
        agency: vault.new_salts(name, agency, [one.officer for one in basis.officers(agency)])
        for agency in basis.agencies
    }
    enrolments = {agency: basis.enrolment(agency, salts[agency]) for agency in basis.agencies}
    manifest = manifest_of(
        basis,
        draw=before.draw,
        attempt=before.attempt,
        prev=before.prev,
        times=times,
        parties=before.parties,
        enrolments=enrolments,
        census=basis.census(),
        beacons=beacons,
    )
    _hold_to_first_stage(basis, manifest, first)
    file = ports.blobs.put(canonical(as_json(manifest)) + b"\n", JSON)
    rosters = ports.blobs.put(basis.rosters.encode(), JSON, (SERVICE,)) if visitors else before.ground.rosters
    return Drafted(before, manifest, file, rosters, {agency: vault.seal_salts(one) for agency, one in salts.items()})


def refuse_if_short(found: Feasibility, names: Mapping[str, str]) -> None:
    """
    Refuse an infeasible draw, with the agencies' names beside their ids.

    Raises:
        DrawInfeasible: an agency could not send its teams; every one is named, with the rule that binds it.
    """
    try:
        feasibility.refuse_if_short(found.shortages)
    except feasibility.DrawInfeasible as refusal:
        short = sorted({str(one.facts["agency"]) for one in found.shortages})
        refusal.facts["names"] = [names.get(agency, agency) for agency in short]
        raise


# ── commit, countersign, reveal ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class OwnCommitment:
    """A commitment made and signed where the agency keeps its key, with the secret wrapped by its browser."""

    c: str
    sig: str
    wrapped: str | None = None


@dataclass(frozen=True)
class OwnSeal:
    """A seal signed where the body that seals keeps its key: over which list of reveals, and for which moment."""

    digest: str
    at: int
    sig: str


def signed_or_given(vault: Vault, speaker: Speaker, message: bytes, given: str | None) -> bytes:
    """Sign for a body that left its key here, or take the signature of one that did not; the command judges it."""
    if speaker.signing_key is None:
        if given is None:
            raise KeyKeptElsewhere(agency=speaker.body)
        return from_hex(given, "signature", SIGNATURE_BYTES)
    if given is not None:
        raise KeyKeptHere(agency=speaker.body)
    return vault.sign(speaker.signing_key, message)


def take_contribution(seen: Contributor, own: OwnCommitment) -> Contribution:
    """Take a commitment that an agency made itself, from files it checked itself."""
    if seen.speaker.signing_key is not None:
        raise KeyKeptHere(agency=seen.speaker.body)
    commit = Commit(from_hex(own.c, "commitment"), from_hex(own.sig, "signature", SIGNATURE_BYTES))
    wrapped = None if own.wrapped is None else from_hex(own.wrapped, "wrapped", WRAPPED_BYTES).hex()
    return Contribution(commit, wrapped=wrapped)


def make_contribution(ports: Ports, seen: Contributor, own_dice: str | None) -> Contribution:
    """
    Check the agency's own files against the manifest, take a fresh secret, commit to it.

    Args:
        own_dice: Digits the agency threw itself, mixed into the server's randomness; None where it trusts that alone.

    Raises:
        FrameDiffers, SizesDiffer, RosterDiffers: the manifest is about other files than those frozen.
    """
    if own_dice is not None and not re.fullmatch(r"[0-9]{1,1000}", own_dice):
        raise OwnDiceWrong()
    vault, speaker = Vault(ports), seen.speaker
    attempt, agency = speaker.attempt, speaker.body
    if speaker.signing_key is None:
        raise KeyKeptElsewhere(agency=agency)
    _check_own_files(ports.blobs, vault, seen)
    secret = vault.new_secret(speaker.said.row.id, agency)
    if own_dice is not None:
        secret = messages.with_dice(attempt.h, secret, own_dice)
    opening = messages.chain(attempt.h, secret, attempt.manifest.chain_len)[0]
    c = messages.commitment(attempt.h, attempt.digest, agency, opening)
    sig = vault.sign(speaker.signing_key, messages.commit_message(attempt.h, attempt.digest, agency, c))
    return Contribution(Commit(c, sig), vault.seal_secret(secret), own_dice is not None)


def _check_own_files(blobs: BlobStore, vault: Vault, seen: Contributor) -> None:
    manifest, agency = seen.speaker.attempt.manifest, seen.speaker.body
    ground = Ground(seen.plan, manifest.plan, seen.frame_file, seen.rosters)
    basis = basis_of(blobs, ground)
    manifest_rules.check(manifest)
    manifest_rules.check_frame(manifest, basis.census())
    own = basis.enrolment(agency, vault.open_salts(seen.roster_secret))
    if summarise(manifest.h, own.rho, own.roster, own.openings) != manifest.rosters[agency]:
        raise RosterDiffers(part="roster")


def make_countersignature(ports: Ports, speaker: Speaker, given: str | None = None) -> bytes:
    """Sign the complete list of commitments; the command judges every one of them again."""
    attempt = speaker.attempt
    message = messages.countersign_message(attempt.h, attempt.digest, attempt.commits_digest(speaker.said.commits()))
    return signed_or_given(Vault(ports), speaker, message, given)


def make_reveal(
    ports: Ports, speaker: Speaker, sealed_secret: bytes | None, given: str | None, sig: str | None = None
) -> Shown:
    """
    Open the agency's secret and sign it.

    Args:
        sealed_secret: x as kept here; None where the agency keeps it itself.
        given: A value the agency hands in itself, as hex, instead of the one kept here.
        sig: Its own signature, where it keeps its key itself.
    """
    vault, attempt = Vault(ports), speaker.attempt
    if given is not None:
        value = from_hex(given, "reveal")
    elif sealed_secret is None:
        raise KeyKeptElsewhere(agency=speaker.body)
    else:
        value = messages.chain(attempt.h, vault.open_secret(sealed_secret), attempt.manifest.chain_len)[0]
    commits = attempt.commits_digest(speaker.said.commits())
    message = messages.reveal_message(attempt.h, attempt.digest, commits, speaker.body, value)
    return Shown(Reveal(value, signed_or_given(vault, speaker, message, sig)), vault.seal_reveal(value))


# ── seal and dice ───────────────────────────────────────────────────────────────────────────────────────────────────


def make_seal(ports: Ports, speaker: Speaker, at: int, own: OwnSeal | None = None) -> Sealing:
    """
    Close the list of reveals at *at* (Unix seconds) and sign it for who seals, or take a seal it made itself (*own*).

    Where agencies seal, the first one's moment is the others'.
    """
    vault, attempt, said = Vault(ports), speaker.attempt, speaker.said
    reveals = open_reveals(vault, said)
    commits, rd = attempt.commits_digest(said.commits()), attempt.reveals_digest(said.commits(), reveals)
    at, rd = seal_of(said, rd, at, own)
    message = messages.seal_message(attempt.h, attempt.digest, commits, rd, at)
    sig = signed_or_given(vault, speaker, message, own.sig if own else None)
    return Sealing(Seal(rd, at, said.signed_by(speaker.body, sig)), reveals)


def seal_of(said: SaidSealed, rd: bytes, now: int, own: OwnSeal | None) -> tuple[int, bytes]:
    """Say which moment and list a seal is for: now, or the first signer's moment; or what the signer says (*own*)."""
    first = said.seal_so_far()
    if own is None:
        return (first.at if first else now), rd
    if first is None and not is_of_now(own.at, now):
        raise SealMomentWrong(at=own.at)
    return own.at, from_hex(own.digest, "seal")


def sign_dice(ports: Ports, speaker: Speaker, digits: str, given: str | None = None) -> bytes:
    """Sign the dice for who read them; the command judges whether it is time for them."""
    attempt, said = speaker.attempt, speaker.said
    sealed = said.sealed()
    if sealed is None:
        raise NotSealed
    commits = attempt.commits_digest(said.commits())
    message = messages.dice_message(attempt.h, attempt.digest, commits, sealed.digest, digits.encode())
    return signed_or_given(Vault(ports), speaker, message, given)


def judge_value(said: SaidSealed, act: Act, beacon: str, typed: str, at: int) -> Spoken:
    """
    Judge the next value of a draw or a round; what it rests on does not change once it is sealed.

    Raises:
        NotSealed, BeaconUnexpected, BeaconValueWrong.
    """
    shown = said.beacons()
    source = said.awaited
    if source is None or source.id != beacon or beacon == domain_beacons.ROOM_DICE:
        raise BeaconUnexpected(beacon=beacon, round=source.round if source else 0)
    value = sources.read_value(source, typed)
    new = BeaconShown(BeaconValue(source.id, source.round, value))
    proved = domain_beacons.judge(act, said.sealed(), shown, new, at, verify_quicknet)
    return Spoken(len(shown), value, proved)


def value_of_draw(speaker: Speaker, beacon: str, typed: str, at: int) -> Spoken:
    """Judge the next value of the draw itself."""
    if speaker.said.seal is None:
        raise NotSealed
    return judge_value(speaker.said, speaker.attempt.act(speaker.said.commits()), beacon, typed, at)


def open_reveals(vault: Vault, said: SaidSealed) -> dict[str, Reveal]:
    """Open every revealed value of an attempt or a round."""
    rows = said.reveals.items()
    return {agency: Reveal(vault.open_reveal(row.sealed), bytes.fromhex(row.sig)) for agency, row in rows}


def papers(ports: Ports, seen: Papers, now: datetime) -> dict[str, Any]:
    """
    Lay out what a body checks and signs (``docs/howto/own-key.md``): of reveals only whose are there, and their digest.

    An agency gets its own officers as they stand in its roster, while it has its commitment to make; nobody gets another's.
    """
    vault, said, row = Vault(ports), seen.said, seen.said.row
    told: dict[str, Any] = {
        "draw": row.draw,
        "attempt": row.number,
        "county": row.county,
        "body": seen.body,
        "custody": said.custody(seen.body),
        "manifest": row.manifest,
        "manifest_digest": row.manifest_digest,
        "commits": {agency: {"c": one.c, "sig": one.sig} for agency, one in said.commitments.items()},
        "countersignatures": {agency: one.sig for agency, one in said.countersignatures.items()},
        "revealed": sorted(said.reveals),
        "seal": seal_shown(said),
        "sealed_rounds": {
            one.row.number: {"digest": one.row.digest, "seal": seal_shown(one)} for one in said.rounds if one.seal
        },
        "wrapped": seen.wrapped,
        "own": None,
        "to_seal": None,
    }
    if seen.own is not None:
        told["own"] = _own_roster(
            ports, hash_named(row.manifest["hash"]), seen.body, seen.own.rosters, vault.open_salts(seen.own.secret)
        )
    if seen.seals and said.seal is None and len(said.countersignatures) == len(said.agencies):
        digest = said.attempt().reveals_digest(said.commits(), open_reveals(vault, said))
        told["to_seal"] = to_seal(said, digest, int(now.timestamp()))
    return told


def seal_shown(said: SaidSealed) -> dict[str, Any] | None:
    """Give a seal with its signatures, ``witness`` or ``agencies``, as it was signed."""
    row = said.seal
    if row is None:
        return None
    return {
        "digest": row.digest,
        "at": row.at,
        **({"agencies": row.agencies} if row.agencies else {"witness": row.sig}),
    }


def to_seal(said: SaidSealed, digest: bytes, now: int) -> dict[str, Any]:
    """Say what is to be sealed, and for which moment."""
    at, _ = seal_of(said, digest, now, None)
    return {"digest": digest.hex(), "at": at}


def _own_roster(ports: Ports, h: Hash, agency: str, file: BlobRef, salts: RosterSalts) -> dict[str, Any]:
    rosters = Rosters.model_validate_json(ports.blobs.get(file, SERVICE))
    own = enrolment(h, rosters.agencies.get(agency, ()), salts)
    return {
        "rho": own.rho.hex(),
        "roster": own.roster.officers_json(),
        "recused": own.roster.recused_json(),
        "pids": {pid: [one.staff_number, one.salt.hex()] for pid, one in own.openings.items()},
    }
