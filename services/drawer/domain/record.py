"""
The record (抽取记录): everything needed to check a draw again, in one document of a fixed shape.

The full edition opens rosters and recusals to the supervisor, the public one leaves them out; salts enter neither.
Rounds are appended as they close or are spent; nothing earlier changes.
Source: JIDRAW/1 section 14, ``schemas/draw-record.schema.json``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from services.drawer.domain.canonical import canonical
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.manifest import Manifest, as_json
from services.drawer.domain.manifest import digest as manifest_digest
from services.drawer.domain.outcome import Outcome, RosterMissing
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.replacing import Replaced
from services.drawer.domain.requests import Request
from services.drawer.domain.roster import Roster, check_opening
from services.drawer.domain.sealing import BeaconShown, Commit, Reveal, Seal

EDITIONS = ("full", "public")


class AttemptsBroken(DrawRefused):
    """The earlier attempts do not lead from attempt 1 to this one, each naming the manifest before it."""

    code = "draw.attempts_broken"
    says = ("attempt",)


class RoundsBroken(DrawRefused):
    """Closed and spent rounds together are not 1, 2, 3 …: ``round`` is the first that is missing, doubled or misplaced."""

    code = "draw.rounds_broken"
    says = ("round",)


class ReasonMissing(DrawRefused):
    """An ended attempt, a spent round or a fault stands in the record without a word why."""

    code = "draw.reason_missing"
    says = ("what",)


@dataclass(frozen=True)
class Opening:
    """What the supervisor gets to see of one agency: its roster, and the secret ρ that binds it to the manifest."""

    rho: bytes
    roster: Roster


@dataclass(frozen=True)
class EndedAttempt:
    """An earlier attempt: its manifest, why it ended, who was absent, and whatever was published of it."""

    manifest: Manifest
    reason: str
    absent: tuple[str, ...]
    commits: Mapping[str, Commit] = field(default_factory=dict)
    countersignatures: Mapping[str, bytes] = field(default_factory=dict)
    reveals: Mapping[str, Reveal] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Something that went wrong after the seal and is published; the draw stands."""

    what: str
    who: str | None = None
    evidence: str | None = None


@dataclass(frozen=True)
class SpentRound:
    """A replacement round that was not sealed in time: it changes nothing, and its number is used."""

    number: int
    request: Request
    signatures: Mapping[str, bytes]
    reason: str


@dataclass(frozen=True)
class ClosedRound:
    """A replacement round that was sealed: what was said in it, and what it did."""

    number: int
    request: Request
    signatures: Mapping[str, bytes]
    reveals: Mapping[str, Reveal]
    seal: Seal
    beacons: tuple[BeaconShown, ...]
    replaced: Replaced


@dataclass(frozen=True)
class Proceedings:
    """What was said in the ceremony of the attempt that was sealed, and in its rounds."""

    commits: Mapping[str, Commit]
    countersignatures: Mapping[str, bytes]
    reveals: Mapping[str, Reveal]
    seal: Seal
    beacons: tuple[BeaconShown, ...]
    earlier: tuple[EndedAttempt, ...] = ()
    faults: tuple[Fault, ...] = ()
    rounds: tuple[ClosedRound, ...] = ()
    spent: tuple[SpentRound, ...] = ()


def full_record(
    attempt: Attempt, said: Proceedings, outcome: Outcome, openings: Mapping[str, Opening]
) -> dict[str, object]:
    """
    Put together the full edition (supervisor).

    Args:
        openings: Of every agency of the draw.

    Raises:
        RosterMissing, RosterDiffers: an opening is missing, or is not what the manifest committed to.
        AttemptsBroken, ReasonMissing, RoundsBroken: the earlier attempts, faults or rounds cannot stand in a record.
    """
    teams = {}
    for agency, one in sorted(outcome.teams.items()):
        if agency not in openings or agency not in attempt.manifest.rosters:
            raise RosterMissing(agency=agency)
        opening = openings[agency]
        check_opening(attempt.h, attempt.manifest.rosters[agency], opening.rho, opening.roster)
        teams[agency] = {
            "assigned": dict(one.assigned),
            "rho": opening.rho.hex(),
            "roster": opening.roster.officers_json(),
            "recused": opening.roster.recused_json(),
        }
    return _record("full", attempt, said, outcome, teams)


def public_record(attempt: Attempt, said: Proceedings, outcome: Outcome) -> dict[str, object]:
    """Put together the public edition, which names no roster, recusal or salt."""
    teams = {agency: {"assigned": dict(one.assigned)} for agency, one in sorted(outcome.teams.items())}
    return _record("public", attempt, said, outcome, teams)


def to_bytes(record: Mapping[str, object]) -> bytes:
    """Write a record as the one sequence of bytes that is stored, published and digested."""
    return canonical(dict(record)) + b"\n"


def _record(
    edition: str, attempt: Attempt, said: Proceedings, outcome: Outcome, teams: Mapping[str, object]
) -> dict[str, object]:
    _check_earlier(attempt.manifest, said.earlier)
    check_numbers([one.number for one in said.rounds], [one.number for one in said.spent])
    return {
        "v": "JIDRAW/1",
        "edition": edition,
        "manifest": as_json(attempt.manifest),
        "manifest_digest": attempt.digest.hex(),
        "commits": _commits(said.commits),
        "commits_digest": attempt.commits_digest(said.commits).hex(),
        "countersignatures": _signatures(said.countersignatures),
        "reveals": _reveals(said.reveals),
        "seal": _seal(said.seal),
        "beacons": [_beacon(shown) for shown in said.beacons],
        "seed": outcome.seed.hex(),
        "selected": outcome.selected,
        "work": outcome.work,
        "teams": dict(teams),
        "visits_root": outcome.visits_root.hex(),
        "result_digest": outcome.result_digest.hex(),
        "replacements": [_closed(one) for one in said.rounds],
        "attempts": [_ended(one) for one in said.earlier],
        "spent": [_spent(one) for one in said.spent],
        "faults": [_fault(one) for one in said.faults],
    }


def _check_earlier(manifest: Manifest, earlier: Sequence[EndedAttempt]) -> None:
    if len(earlier) != manifest.attempt - 1:
        raise AttemptsBroken(attempt=manifest.attempt)
    previous = None
    for number, one in enumerate((*(ended.manifest for ended in earlier), manifest), start=1):
        if one.attempt != number or one.draw != manifest.draw or one.prev != previous:
            raise AttemptsBroken(attempt=number)
        previous = manifest_digest(one).hex()


def check_numbers(closed: Sequence[int], spent: Sequence[int]) -> None:
    """Refuse rounds whose numbers are not ascending, and together 1, 2, 3 …: one would be hidden, or told twice."""
    for numbers in (closed, spent):
        for before, number in pairwise(numbers):
            if before >= number:
                raise RoundsBroken(round=number)
    for expected, number in enumerate(sorted((*closed, *spent)), start=1):
        if number != expected:
            raise RoundsBroken(round=expected)


def _seal(seal: Seal) -> dict[str, object]:
    return {"digest": seal.digest.hex(), "at": seal.at, **seal.signed.as_json()}


def _closed(one: ClosedRound) -> dict[str, object]:
    replaced = one.replaced
    return {
        "round": one.number,
        "rho": one.request.as_json(),
        "signatures": _signatures(one.signatures),
        "reveals": _reveals(one.reveals),
        "seal": _seal(one.seal),
        "beacons": [_beacon(shown) for shown in one.beacons],
        "seed": replaced.after.seed.hex(),
        "selected": replaced.selected,
        "work": replaced.after.work,
        "teams": {agency: dict(teams) for agency, teams in sorted(replaced.after.assigned.items())},
        "visits_root": replaced.visits_root.hex(),
        "result_digest": replaced.result_digest.hex(),
    }


def _spent(one: SpentRound) -> dict[str, object]:
    if not one.reason:
        raise ReasonMissing(what="spent")
    rho, signatures = one.request.as_json(), _signatures(one.signatures)
    return {"round": one.number, "rho": rho, "signatures": signatures, "reason": one.reason}


def _commits(commits: Mapping[str, Commit]) -> dict[str, object]:
    return {agency: {"c": one.c.hex(), "sig": one.sig.hex()} for agency, one in sorted(commits.items())}


def _reveals(reveals: Mapping[str, Reveal]) -> dict[str, object]:
    return {agency: {"value": one.value.hex(), "sig": one.sig.hex()} for agency, one in sorted(reveals.items())}


def _signatures(given: Mapping[str, bytes]) -> dict[str, object]:
    return {agency: sig.hex() for agency, sig in sorted(given.items())}


def _beacon(shown: BeaconShown) -> dict[str, object]:
    beacon = {"id": shown.beacon.id, "round": shown.beacon.round, "value": shown.beacon.value.hex()}
    return beacon if shown.proof is None else {**beacon, "proof": shown.proof.as_json()}


def _ended(one: EndedAttempt) -> dict[str, object]:
    if not one.reason:
        raise ReasonMissing(what="attempt")
    said = {
        "commits": _commits(one.commits),
        "countersignatures": _signatures(one.countersignatures),
        "reveals": _reveals(one.reveals),
    }
    published = {name: value for name, value in said.items() if value}
    return {"manifest": as_json(one.manifest), "reason": one.reason, "absent": list(one.absent), **published}


def _fault(one: Fault) -> dict[str, object]:
    if not one.what:
        raise ReasonMissing(what="fault")
    known = {"what": one.what, "who": one.who, "evidence": one.evidence}
    return {name: value for name, value in known.items() if value is not None}
