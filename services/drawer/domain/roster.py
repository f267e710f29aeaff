"""
Rosters: the draw's extract of the inspector register, under numbers that name nobody.

An officer is known to the draw by a pid, a salted hash of the staff number; the manifest carries digests of who they
are and, in clear, how many.
Source: JIDRAW/1 section 3.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import DIGEST_BYTES, Hash, tagged_hash
from services.drawer.domain.manifest import RosterSummary
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.shape import array, identifier, mapping, members, number

LARGEST_LOAD = 2**31


class StaffNumberDoubled(DrawRefused):
    """An officer stands twice in one roster: one staff number, one pid."""

    code = "draw.staff_number_doubled"
    says = ("staff_number",)


class SaltReused(DrawRefused):
    """Two officers of a roster have the same salt; each needs a fresh one."""

    code = "draw.salt_reused"
    says = ("staff_number",)


class SecretWrongSize(DrawRefused):
    """A secret value (salt, roster secret, draw secret) is not 32 bytes long."""

    code = "draw.secret_wrong_size"
    says = ("what", "bytes")


class RosterWrong(DrawRefused):
    """A roster breaks a rule of its form: ``reason`` is labels_order, recusals_order or unknown_inspector."""

    code = "draw.roster_wrong"
    says = ("inspector", "reason")


class RosterDiffers(DrawRefused):
    """An opened roster is not the one whose digest stands in the manifest: ``part`` is roster, recusals or counts."""

    code = "draw.roster_differs"
    says = ("part",)


@dataclass(frozen=True)
class Officer:
    """What the draw knows of one inspector: labels ascending, most visits in this draw, visits in earlier records."""

    labels: tuple[str, ...]
    cap: int
    base_load: int


@dataclass(frozen=True)
class Roster:
    """One agency's inspectors by pid, and their recusals (回避): distinct [pid, entity] pairs, ascending."""

    officers: Mapping[str, Officer]
    recused: tuple[tuple[str, str], ...] = ()

    def officers_json(self) -> dict[str, object]:
        """Give roster_a, as it is hashed and recorded."""
        return {pid: [list(one.labels), one.cap, one.base_load] for pid, one in self.officers.items()}

    def recused_json(self) -> list[list[str]]:
        """Give recused_a, as it is hashed and recorded."""
        return [[pid, entity] for pid, entity in self.recused]


@dataclass(frozen=True)
class Enrolled:
    """One officer as the agency names it, with a fresh salt of 32 bytes."""

    staff_number: str
    salt: bytes
    officer: Officer


def pid(h: Hash, salt: bytes, staff_number: str) -> str:
    """Work out the number under which an officer takes part: 64 hex characters."""
    if len(salt) != DIGEST_BYTES:
        raise SecretWrongSize(what="salt", bytes=DIGEST_BYTES)
    return tagged_hash(h, "pid", salt, staff_number).hex()


def enrol(h: Hash, officers: Iterable[Enrolled]) -> tuple[dict[str, Officer], dict[str, Enrolled]]:
    """
    Give every officer a pid.

    Returns:
        The roster by pid, and by the same pids the officers as they came, which stay with the drawer.
    """
    roster: dict[str, Officer] = {}
    openings: dict[str, Enrolled] = {}
    numbers: set[str] = set()
    salts: set[bytes] = set()
    for one in officers:
        if one.staff_number in numbers:
            raise StaffNumberDoubled(staff_number=one.staff_number)
        if one.salt in salts:
            raise SaltReused(staff_number=one.staff_number)
        numbers.add(one.staff_number)
        salts.add(one.salt)
        name = pid(h, one.salt, one.staff_number)
        roster[name], openings[name] = one.officer, one
    return roster, openings


def read_roster(value: object, where: str = "roster") -> Roster:
    """Read {"roster": {pid: [labels, cap, base_load]}, "recused": [[pid, entity] …]} from outside."""
    found = members(value, where, ("roster", "recused"))
    roster = Roster(
        mapping(identifier, _officer)(found["roster"], f"{where}.roster"),
        array(_pair)(found["recused"], f"{where}.recused"),
    )
    check_roster(roster)
    return roster


def check_roster(roster: Roster) -> None:
    """Refuse labels or recusals that are doubled or not ascending: one roster has one digest."""
    for name, officer in roster.officers.items():
        if list(officer.labels) != sorted(set(officer.labels)):
            raise RosterWrong(inspector=name, reason="labels_order")
    for before, pair in pairwise(roster.recused):
        if before >= pair:
            raise RosterWrong(inspector=pair[0], reason="recusals_order")


def summarise(h: Hash, rho: bytes, roster: Roster, openings: Mapping[str, Enrolled]) -> RosterSummary:
    """
    Make what the manifest says of one agency's officers.

    Args:
        rho: ρ_a, 32 secret random bytes; without them nobody can guess at a roster from its digest.
        openings: Staff number and salt of every pid (``enrol``).
    """
    read_roster({"roster": roster.officers_json(), "recused": roster.recused_json()})
    for name, _ in roster.recused:
        if name not in roster.officers:
            raise RosterWrong(inspector=name, reason="unknown_inspector")
    pids = {name: [one.staff_number, one.salt.hex()] for name, one in openings.items()}
    labels = Counter(label for officer in roster.officers.values() for label in officer.labels)
    recusals = Counter(name for name, _ in roster.recused)
    return RosterSummary(
        roster=_digest(h, "roster", rho, roster.officers_json()),
        recusals=_digest(h, "recusals", rho, roster.recused_json()),
        pids=_digest(h, "pids", rho, pids),
        inspectors=len(roster.officers),
        labels=dict(sorted(labels.items())),
        capacity=sum(officer.cap for officer in roster.officers.values()),
        recused=len(roster.recused),
        most_recused=max(recusals.values(), default=0),
    )


def check_opening(h: Hash, summary: RosterSummary, rho: bytes, roster: Roster) -> None:
    """Refuse a roster that is not the one the manifest committed to."""
    if _digest(h, "roster", rho, roster.officers_json()) != summary.roster:
        raise RosterDiffers(part="roster")
    if _digest(h, "recusals", rho, roster.recused_json()) != summary.recusals:
        raise RosterDiffers(part="recusals")


def _digest(h: Hash, tag: str, rho: bytes, value: object) -> str:
    if len(rho) != DIGEST_BYTES:
        raise SecretWrongSize(what="roster_secret", bytes=DIGEST_BYTES)
    return tagged_hash(h, tag, rho, canonical(value)).hex()


def _officer(value: object, where: str) -> Officer:
    first, *rest = _three(value, where)
    labels = array(identifier)(first, f"{where}.0")
    cap, base_load = (number(0, LARGEST_LOAD)(item, where) for item in rest)
    return Officer(labels, cap, base_load)


def _three(value: object, where: str) -> tuple[object, ...]:
    return array(_anything, least=3, most=3)(value, where)


def _anything(value: object, where: str) -> object:
    return value


def _pair(value: object, where: str) -> tuple[str, str]:
    inspector, entity = array(identifier, least=2, most=2)(value, where)
    return inspector, entity
