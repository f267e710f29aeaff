"""
Read a record from outside: its shape, part by part, as ``schemas/draw-record.schema.json`` gives it.

What comes out is what the record says; whether it is true is ``record_rules``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.drawer.domain.encoding import from_hex
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.record import EDITIONS, EndedAttempt, Fault, Opening, SpentRound
from services.drawer.domain.requests import Request, read_request
from services.drawer.domain.roster import read_roster
from services.drawer.domain.sealing import SIGNATURE_BYTES, BeaconShown, Commit, Reveal, Seal, Signatures
from services.drawer.domain.seed import BeaconValue
from services.drawer.domain.shape import (
    Reader,
    ShapeWrong,
    array,
    choice,
    digest,
    distinct,
    identifier,
    mapping,
    members,
    number,
    optional,
    stratum,
    text,
    words,
)
from services.drawer.domain.teams import Team

MOST_ROUNDS = 1000
PARTS = (
    *("v", "edition", "manifest", "manifest_digest", "commits", "commits_digest", "countersignatures", "reveals"),
    *("seal", "beacons", "seed", "selected", "work", "teams", "visits_root", "result_digest", "replacements"),
    *("attempts", "spent", "faults"),
)
_ROUND = (
    *("round", "rho", "signatures", "reveals", "seal", "beacons", "seed", "selected", "work", "teams"),
    *("visits_root", "result_digest"),
)

Selected = dict[str, dict[str, tuple[str, ...]]]
Work = dict[str, dict[str, tuple[str, ...]]]
Assigned = dict[str, Team]


@dataclass(frozen=True)
class ToldRound:
    """A closed round as the record tells it."""

    number: int
    request: Request
    signatures: Mapping[str, bytes]
    reveals: Mapping[str, Reveal]
    seal: Seal
    beacons: tuple[BeaconShown, ...]
    seed: str
    selected: Selected
    work: Work
    teams: Mapping[str, Assigned]
    visits_root: str
    result_digest: str


@dataclass(frozen=True)
class Told:
    """A record as it tells itself; digests in hex."""

    edition: str
    manifest: Manifest
    manifest_digest: str
    commits: Mapping[str, Commit]
    commits_digest: str
    countersignatures: Mapping[str, bytes]
    reveals: Mapping[str, Reveal]
    seal: Seal
    beacons: tuple[BeaconShown, ...]
    seed: str
    selected: Selected
    work: Work
    teams: Mapping[str, Assigned]
    openings: Mapping[str, Opening]
    """Of every agency in the full edition, of none in the public one."""
    visits_root: str
    result_digest: str
    replacements: tuple[ToldRound, ...]
    attempts: tuple[EndedAttempt, ...]
    spent: tuple[SpentRound, ...]
    faults: tuple[Fault, ...]


def read_record(value: object) -> Told:
    """Turn parsed JSON into what a record tells; refuse what has not a record's shape."""
    told = members(value, "record", PARTS)
    choice("JIDRAW/1")(told["v"], "v")
    edition = choice(*EDITIONS)(told["edition"], "edition")
    teams, openings = _teams(told["teams"], edition == "full")
    return Told(
        edition=edition,
        manifest=read_manifest(told["manifest"]),
        manifest_digest=digest(told["manifest_digest"], "manifest_digest"),
        commits=_commits(told["commits"], "commits"),
        commits_digest=digest(told["commits_digest"], "commits_digest"),
        countersignatures=_signed(told["countersignatures"], "countersignatures"),
        reveals=_reveals(told["reveals"], "reveals"),
        seal=_seal(told["seal"], "seal"),
        beacons=_beacons(told["beacons"], "beacons"),
        seed=digest(told["seed"], "seed"),
        selected=_selected(told["selected"], "selected"),
        work=_work(told["work"], "work"),
        teams=teams,
        openings=openings,
        visits_root=digest(told["visits_root"], "visits_root"),
        result_digest=digest(told["result_digest"], "result_digest"),
        replacements=array(_round)(told["replacements"], "replacements"),
        attempts=array(_ended)(told["attempts"], "attempts"),
        spent=array(_spent)(told["spent"], "spent"),
        faults=array(_fault)(told["faults"], "faults"),
    )


def _signature(value: object, where: str) -> bytes:
    return from_hex(value, where, SIGNATURE_BYTES)


def _any_text(value: object, where: str) -> str:
    return text("string", lambda found: True)(value, where)


_inspector = text("inspector", re.compile(r"[0-9a-f]{64}").fullmatch)
_lines: Reader[tuple[str, ...]] = distinct(array(identifier, least=1))
_signed: Reader[dict[str, bytes]] = mapping(identifier, _signature)
_selected: Reader[Selected] = mapping(identifier, mapping(stratum, array(identifier)))
_work: Reader[Work] = mapping(identifier, mapping(identifier, _lines))
_assigned: Reader[Assigned] = mapping(identifier, array(optional(_inspector)))


def _commit(value: object, where: str) -> Commit:
    told = members(value, where, ("c", "sig"))
    return Commit(from_hex(told["c"], f"{where}.c"), _signature(told["sig"], f"{where}.sig"))


def _reveal(value: object, where: str) -> Reveal:
    told = members(value, where, ("value", "sig"))
    return Reveal(from_hex(told["value"], f"{where}.value"), _signature(told["sig"], f"{where}.sig"))


_commits: Reader[dict[str, Commit]] = mapping(identifier, _commit)
_reveals: Reader[dict[str, Reveal]] = mapping(identifier, _reveal)


def _signatures(told: dict[str, object], where: str) -> Signatures:
    """Read the signature of the witness or those of agencies: one of the two."""
    if ("witness" in told) == ("agencies" in told):
        raise ShapeWrong(where=where, reason="witness_or_agencies")
    if "witness" in told:
        return Signatures(_signature(told["witness"], f"{where}.witness"))
    return Signatures(None, _signed(told["agencies"], f"{where}.agencies"))


def _seal(value: object, where: str) -> Seal:
    told = members(value, where, ("digest", "at"), ("witness", "agencies"))
    at = number()(told["at"], f"{where}.at")
    return Seal(from_hex(told["digest"], f"{where}.digest"), at, _signatures(told, where))


def _beacon(value: object, where: str) -> BeaconShown:
    told = members(value, where, ("id", "round", "value"), ("proof",))
    hex_text = text("hex", re.compile(r"(?:[0-9a-f]{2})*").fullmatch)(told["value"], f"{where}.value")
    shown = BeaconValue(
        _any_text(told["id"], f"{where}.id"), number()(told["round"], f"{where}.round"), bytes.fromhex(hex_text)
    )
    if "proof" not in told:
        return BeaconShown(shown)
    proof = members(told["proof"], f"{where}.proof", (), ("witness", "agencies"))
    return BeaconShown(shown, _signatures(proof, f"{where}.proof"))


_beacons: Reader[tuple[BeaconShown, ...]] = array(_beacon, most=2)


def _teams(value: object, full: bool) -> tuple[dict[str, Assigned], dict[str, Opening]]:
    needed = ("assigned", "rho", "roster", "recused") if full else ("assigned",)
    told = mapping(identifier, lambda item, place: members(item, place, needed))(value, "teams")
    teams = {agency: _assigned(one["assigned"], f"teams.{agency}.assigned") for agency, one in told.items()}
    return teams, {agency: _opening(one, f"teams.{agency}") for agency, one in told.items()} if full else {}


def _opening(told: dict[str, object], where: str) -> Opening:
    roster = read_roster({"roster": told["roster"], "recused": told["recused"]}, where)
    mapping(_inspector, lambda item, place: item)(told["roster"], f"{where}.roster")
    for position, (inspector, _) in enumerate(roster.recused):
        _inspector(inspector, f"{where}.recused.{position}.0")
    return Opening(from_hex(told["rho"], f"{where}.rho"), roster)


def _round(value: object, where: str) -> ToldRound:
    told = members(value, where, _ROUND)
    return ToldRound(
        number(1, MOST_ROUNDS)(told["round"], f"{where}.round"),
        read_request(told["rho"], f"{where}.rho"),
        _signed(told["signatures"], f"{where}.signatures"),
        _reveals(told["reveals"], f"{where}.reveals"),
        _seal(told["seal"], f"{where}.seal"),
        _beacons(told["beacons"], f"{where}.beacons"),
        digest(told["seed"], f"{where}.seed"),
        _selected(told["selected"], f"{where}.selected"),
        _work(told["work"], f"{where}.work"),
        mapping(identifier, _assigned)(told["teams"], f"{where}.teams"),
        digest(told["visits_root"], f"{where}.visits_root"),
        digest(told["result_digest"], f"{where}.result_digest"),
    )


def _spent(value: object, where: str) -> SpentRound:
    told = members(value, where, ("round", "rho", "signatures", "reason"))
    return SpentRound(
        number(1, MOST_ROUNDS)(told["round"], f"{where}.round"),
        read_request(told["rho"], f"{where}.rho"),
        _signed(told["signatures"], f"{where}.signatures"),
        words(told["reason"], f"{where}.reason"),
    )


def _ended(value: object, where: str) -> EndedAttempt:
    told = members(value, where, ("manifest", "reason"), ("absent", "commits", "countersignatures", "reveals"))
    return EndedAttempt(
        read_manifest(told["manifest"]),
        words(told["reason"], f"{where}.reason"),
        array(identifier)(told.get("absent", []), f"{where}.absent"),
        _commits(told.get("commits", {}), f"{where}.commits"),
        _signed(told.get("countersignatures", {}), f"{where}.countersignatures"),
        _reveals(told.get("reveals", {}), f"{where}.reveals"),
    )


def read_shown_reveal(value: object) -> Reveal:
    """Read a reveal that is shown as evidence: ``value`` and ``sig``."""
    return _reveal(value, "evidence")


def read_shown_seal(value: object) -> Seal:
    """Read a seal that is shown as evidence, in the shape of a record's."""
    return _seal(value, "evidence")


def _fault(value: object, where: str) -> Fault:
    told = members(value, where, ("what",), ("who", "evidence"))
    return Fault(
        words(told["what"], f"{where}.what"),
        _any_text(told["who"], f"{where}.who") if "who" in told else None,
        digest(told["evidence"], f"{where}.evidence") if "evidence" in told else None,
    )
