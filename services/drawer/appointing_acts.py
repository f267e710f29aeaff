"""
Open places as pages and API carry them out: what is open, who could be appointed and what stands against the others.

As in ``acts``: read, work outside the transaction, write; whether an act is allowed is decided by its command.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from runtime.errors import OneVisitError
from runtime.files.blobs import BlobStore
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import RosterOfficer, Rosters, TeamChange, WorkTeam
from services.drawer.commands import appointing as commands
from services.drawer.commands.appointing import Judged, OwnPlaces
from services.drawer.commands.prepared import Prepared, prepared
from services.drawer.domain import appointing
from services.drawer.domain.appointing import (
    Appointee,
    AppointeeUnknown,
    Team,
    check_appointee,
    check_place,
    open_places,
    visits_of_each,
    with_appointed,
)
from services.drawer.domain.canonical import parse
from services.drawer.domain.changes import ChangeNotForYou, fit_words, may_ask
from services.drawer.domain.manifest import Manifest, Slots
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import slots_at
from services.drawer.domain.record_reader import Assigned, read_record
from services.drawer.outcomes import WORK_READERS, going
from services.drawer.queries.attempts import DrawView
from services.drawer.vault import SERVICE
from services.drawer.working import JSON


@dataclass(frozen=True)
class Candidate:
    """An officer of the roster for one open place, and what stands against appointing them."""

    officer: str
    visits: int
    cap: int
    days_away: int
    bars: Sequence[OneVisitError]

    @property
    def free(self) -> bool:
        """Whether nothing stands against it."""
        return not self.bars

    @property
    def surmountable(self) -> bool:
        """Whether only the agency's own measures do, which the head may go beyond."""
        return bool(self.bars) and all(map(appointing.is_surmountable, self.bars))


@dataclass(frozen=True)
class OpenPlace:
    """A place of an agency's team at a visit that nobody holds."""

    visit: str
    place: int
    labels: Sequence[str]
    waiting: bool
    """Somebody has been named for it."""
    candidates: Sequence[Candidate]


def open_of(service: Service, asker: Actor, draw_id: str) -> list[OpenPlace]:
    """
    List the open places of the asker's agency with everybody who could be appointed, to somebody who may know its targets.

    Raises:
        ChangeNotForYou, NotDrawnYet, DrawnElsewhere.
    """
    own = _read(service, asker, draw_id)
    return [
        own.open_place(visit, place)
        for visit in own.told.visits
        if own.is_to_be_made(visit)
        for place in own.open(visit)
    ]


def open_for(service: Service, asker: Actor, draw: DrawView) -> list[OpenPlace]:
    """List the open places to those who may know the visits they are at; to whoever looks on, none."""
    if not may_ask(asker.roles) or asker.agency not in {one.agency for one in draw.agencies}:
        return []
    return open_of(service, asker, draw.draw)


def ask(
    service: Service,
    actor: Actor,
    draw_id: str,
    visit_id: str,
    place: int,
    *,
    key: str,
    officer: str,
    reason: str,
    beyond: bool,
) -> Reply:
    """Name an officer for an open place; *place* as the record numbers it, from 0."""

    def judged() -> Judged:
        own = _read(service, actor, draw_id)
        return Judged(own.judge(visit_id, place, officer, beyond=beyond))

    asked = {"draw_id": draw_id, "visit_id": visit_id, "place": place, "officer": officer}
    work = prepared(judged)
    return service.do(actor, commands.ask_appointment, work, key=key, reason=reason, beyond=beyond, **asked)


def decide(
    service: Service, actor: Actor, draw_id: str, appointment_id: str, *, key: str, approve: bool, words: str
) -> Reply:
    """Appoint whom somebody else named, or refuse; the document that tells whom is made before it is written down."""

    def appointed() -> Judged:
        named = service.ask(actor, commands.entry, draw_id=draw_id, appointment_id=appointment_id)
        appointing.check_deciding(actor.roles, named.state, named.asked_by, actor.id)
        fit_words(words)
        own = _read(service, actor, draw_id)
        state = own.judge(named.visit, named.place, named.officer, beyond=named.beyond)
        taken = {**own.told.taken.get(named.visit, {}), named.place: named.officer}
        return Judged(state, own.file(service, named.visit, taken, came=(named.officer,)))

    work = prepared(appointed) if approve and service.recall(actor, key) is None else NOTHING_MADE
    facts: dict[str, Any] = {"draw_id": draw_id, "appointment_id": appointment_id, "approve": approve, "words": words}
    return service.do(actor, commands.decide_appointment, work, key=key, **facts)


def end(service: Service, actor: Actor, draw_id: str, appointment_id: str, *, key: str, words: str) -> Reply:
    """End an appointment; the place is open again."""

    def ended() -> Judged:
        named = service.ask(actor, commands.entry, draw_id=draw_id, appointment_id=appointment_id)
        appointing.check_ending(actor.roles, named.state)
        fit_words(words)
        own = _read(service, actor, draw_id)
        taken = {place: one for place, one in own.told.taken.get(named.visit, {}).items() if place != named.place}
        return Judged(own.state(named.visit), own.file(service, named.visit, taken, left=(named.officer,)))

    work = prepared(ended) if service.recall(actor, key) is None else NOTHING_MADE
    facts: dict[str, Any] = {"draw_id": draw_id, "appointment_id": appointment_id, "words": words}
    return service.do(actor, commands.end_appointment, work, key=key, **facts)


NOTHING_MADE = Prepared(Judged(""))
"""Where nothing is appointed, or the answer was given before."""


@lru_cache(maxsize=4)
def _teams(blobs: BlobStore, record: BlobRef) -> Mapping[str, Assigned]:
    """Read the teams as the record's last round left them, once for many questions."""
    told = read_record(parse(blobs.get(record, SERVICE)))
    return (told.replacements[-1] if told.replacements else told).teams


@dataclass(frozen=True)
class _Own:
    """The open places of one agency, and everybody of its roster."""

    told: OwnPlaces
    manifest: Manifest
    teams: Assigned
    officers: Sequence[RosterOfficer]
    declared: Mapping[str, frozenset[str]]
    """Who is recused from whom by the register, without the draw's rotation."""
    days: int

    def labels(self, visit: str) -> Slots:
        """Say what the places of the agency's team at a visit ask for."""
        return slots_at(self.manifest, self.told.agency, self.told.visits[visit].stratum)

    def open(self, visit: str) -> tuple[int, ...]:
        """Number the open places at a visit."""
        return open_places(self.teams[self.told.visits[visit].standing.target], self.told.taken.get(visit, ()))

    def is_to_be_made(self, visit: str) -> bool:
        """Tell whether the visit stands and the agency's checklist of it is not in."""
        standing = self.told.visits[visit].standing
        return not standing.over and self.told.agency not in standing.entered

    def going(self, visit: str) -> Team:
        """Say who goes to a visit."""
        return with_appointed(self.told.visits[visit].drawn, self._appointed(self.told.taken.get(visit, {})))

    @staticmethod
    def _appointed(taken: Mapping[int, str]) -> list[str]:
        return [officer for _, officer in sorted(taken.items())]

    @cached_property
    def visits_by_officer(self) -> Mapping[str, int]:
        """Count the standing visits of every officer, by draw and by appointment."""
        visits = self.told.visits
        return visits_of_each({one: [self.going(one)] for one in visits if not visits[one].standing.over})

    def open_place(self, visit: str, place: int) -> OpenPlace:
        """Tell who could be appointed to an open place, and what stands against the others."""
        labels = self.labels(visit)[place]
        candidates = [
            Candidate(one.officer, one.visits, one.cap, one.days_away, list(appointing.bars(labels, one)))
            for one in self.appointees(visit)
        ]
        return OpenPlace(visit, place, labels, (visit, place) in self.told.waiting, candidates)

    def appointees(self, visit: str) -> list[Appointee]:
        """Say of everybody on the roster how they stand for an open place at a visit."""
        told, target = self.told, self.told.visits[visit].standing.target
        here = self.going(visit).officers
        return [
            Appointee(
                officer=one.officer,
                labels=frozenset(one.labels),
                cap=one.cap,
                visits=self.visits_by_officer.get(one.officer, 0),
                in_team=one.officer in here,
                recused=target in self.declared.get(one.officer, ()) or (one.officer, target) in told.granted,
                dropped_out=(one.officer, visit) in told.dropped_out,
                sent_last=target in set(one.recused) - self.declared.get(one.officer, frozenset()),
                days_away=len(one.absent),
                days=self.days,
            )
            for one in self.officers
        ]

    def judge(self, visit: str, place: int, officer: str, *, beyond: bool) -> str:
        """Refuse who or what cannot be; return the state it was judged on."""
        found = self.told.visits.get(visit)
        if found is None:
            raise ChangeNotForYou()
        is_there = not found.standing.over
        check_place(found.standing, self.told.agency, place, self.open(visit) if is_there else ())
        named = next((one for one in self.appointees(visit) if one.officer == officer), None)
        if named is None:
            raise AppointeeUnknown(officer=officer)
        check_appointee(self.labels(visit)[place], named, beyond=beyond)
        return self.state(visit)

    def state(self, visit: str) -> str:
        """Tell the state of the draw and of one team, for the command to compare."""
        return commands.judged_state(self.told.state, self._appointed(self.told.taken.get(visit, {})))

    def file(
        self,
        service: Service,
        visit: str,
        taken: Mapping[int, str],
        *,
        left: tuple[str, ...] = (),
        came: tuple[str, ...] = (),
    ) -> BlobRef:
        """Write down for results and notifier who goes, once *taken* are appointed, by place."""
        own = self.told.visits[visit]
        drawn = WorkTeam(agency=self.told.agency, items=own.items, officers=own.drawn)
        change = TeamChange(
            campaign=self.told.campaign,
            draw=self.told.draw,
            visit=visit,
            team=going(drawn, self._appointed(taken)),
            left=left,
            came=came,
        )
        return service.ports.blobs.put(change.encode(), JSON, WORK_READERS, subject=self.told.draw)


def _read(service: Service, asker: Actor, draw_id: str) -> _Own:
    told = service.ask(service.system, commands.own_places, draw_id=draw_id, asker=asker)
    rosters = _rosters(service, told.rosters)
    declared = rosters if told.declared is None else _rosters(service, told.declared)
    return _Own(
        told,
        read_manifest(told.manifest),
        _teams(service.ports.blobs, told.record).get(told.agency, {}),
        rosters.agencies.get(told.agency, ()),
        {one.officer: frozenset(one.recused) for one in declared.agencies.get(told.agency, ())},
        len(rosters.days),
    )


def _rosters(service: Service, ref: BlobRef) -> Rosters:
    return Rosters.model_validate_json(service.ports.blobs.get(ref, SERVICE))
