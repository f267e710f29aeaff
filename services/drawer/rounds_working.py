"""The slow half of a replacement round, outside any transaction: asking, signing, revealing, sealing, working out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runtime.service import Ports
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import TeamChange, WorkList, WorkVisit
from services.drawer.commands.ceremony import Shown, Speaker
from services.drawer.commands.ceremony import Spoken as SpokenValue
from services.drawer.commands.ending import REASONS
from services.drawer.commands.rounds import (
    Opening,
    Replaced,
    Revealing,
    RoundEnding,
    RoundInputs,
    RoundSealing,
    Spoken,
    Substituted,
    Wanted,
    ending_of,
    round_inputs,
)
from services.drawer.domain import messages, replacing, requests, sources
from services.drawer.domain.beacons import NotSealed
from services.drawer.domain.encoding import from_hex
from services.drawer.domain.requests import DropOut, Removal, Request, RoundTimes
from services.drawer.domain.rounds import Round
from services.drawer.domain.sealing import Reveal, Seal
from services.drawer.domain.sources import Told
from services.drawer.outcomes import WORK_READERS, Carried, by_leaf, carry, going, open_to_everybody, visit_stem
from services.drawer.queries.drawn import may_see_list
from services.drawer.reading import Said, SaidRound
from services.drawer.refusals import KeyKeptElsewhere, NothingToChange
from services.drawer.round_progress import CLOSED, SPENT
from services.drawer.vault import Vault
from services.drawer.working import (
    JSON,
    OwnSeal,
    judge_value,
    open_reveals,
    seal_of,
    seal_shown,
    signed_or_given,
    to_seal,
)


def ask(
    ports: Ports,
    inputs: RoundInputs,
    wanted: Sequence[Wanted],
    seal_by: datetime,
    beacon_time: datetime,
    told: Mapping[str, Told],
) -> Opening:
    """
    Put the approved requests into one round.

    Args:
        told: What was told of the sources of randomness.

    Raises:
        NothingToChange, TooManyRemovals, RoundsUsedUp, RoundTimesWrong, RequestWrong, SourceNotTold, BeaconWrong.
    """
    if not wanted:
        raise NothingToChange()
    carried, vault = carry(ports, inputs.draw), Vault(ports)
    manifest, closed = carried.attempt.manifest, carried.proceedings.rounds
    before = closed[-1].request.beacons if closed else manifest.beacons
    request = Request(
        sources.announce_again(before, told, int(beacon_time.timestamp())),
        tuple(
            sorted(
                DropOut(one.agency, carried.pids[one.agency][one.officer], one.target, one.reason, one.evidence)
                for one in wanted
                if one.officer is not None
            )
        ),
        tuple(sorted(Removal(one.target, one.reason, one.evidence) for one in wanted if one.officer is None)),
        RoundTimes(int(seal_by.timestamp()), int(beacon_time.timestamp())),
    )
    one = carried.ask(len(carried.said.rounds) + 1, request)
    requests.check_removals(manifest, carried.standing, request)
    return Opening(one, tuple(each.change for each in wanted), vault.seal_request(request))


def round_under_way(ports: Ports, inputs: RoundInputs, number: int) -> Round:
    """Give a round as the domain judges it."""
    carried = carry(ports, inputs.draw)
    return carried.round(carried.said.round(number), Vault(ports))


def sign(ports: Ports, speaker: Speaker, one: Round, given: str | None) -> Spoken:
    """Sign a round's request, or take the signature of a body that keeps its key."""
    return Spoken(one, signed_or_given(Vault(ports), speaker, messages.removal_message(one.h, one.digest), given))


def reveal(
    ports: Ports, speaker: Speaker, sealed_secret: bytes | None, one: Round, value: str | None, sig: str | None
) -> Revealing:
    """Open the agency's chain value of this round and sign it; *value* and *sig* as in the draw itself."""
    vault, attempt = Vault(ports), speaker.attempt
    if value is not None:
        shown = from_hex(value, "reveal")
    elif sealed_secret is None:
        raise KeyKeptElsewhere(agency=speaker.body)
    else:
        shown = messages.chain(attempt.h, vault.open_secret(sealed_secret), attempt.manifest.chain_len)[one.number]
    message = messages.said_of_reveal(one.h, one.act.opening, speaker.body, shown)
    return Revealing(one, Shown(Reveal(shown, signed_or_given(vault, speaker, message, sig)), vault.seal_reveal(shown)))


def seal(ports: Ports, speaker: Speaker, one: Round, at: int, own: OwnSeal | None = None) -> RoundSealing:
    """Close a round's list of reveals at *at* (Unix seconds) and sign it for who seals, as of the draw itself."""
    vault, said = Vault(ports), speaker.said.round(one.number)
    reveals = open_reveals(vault, said)
    at, rd = seal_of(said, one.act.reveals_digest(reveals), at, own)
    message = messages.said_of_seal(one.h, one.act.opening, rd, at)
    sig = signed_or_given(vault, speaker, message, own.sig if own else None)
    return RoundSealing(one, Seal(rd, at, speaker.said.signed_by(speaker.body, sig)), reveals)


def sign_dice(ports: Ports, speaker: Speaker, one: Round, digits: str, given: str | None) -> Spoken:
    """Sign a round's dice for who read them; the command judges whether it is time for them."""
    sealed = speaker.said.round(one.number).sealed()
    if sealed is None:
        raise NotSealed
    message = messages.said_of_dice(one.h, one.act.opening, sealed.digest, digits.encode())
    return Spoken(one, signed_or_given(Vault(ports), speaker, message, given))


def value(speaker: Speaker, one: Round, beacon: str, typed: str, at: int) -> SpokenValue:
    """Judge the next value of a round."""
    return judge_value(speaker.said.round(one.number), one.act, beacon, typed, at)


def papers(ports: Ports, said: Said, one: SaidRound, judged: Round, actor: Actor, now: int) -> dict[str, Any]:
    """Lay out what a body signs in a round that is under way."""
    vault, seals = Vault(ports), said.row.witness in (None, actor.agency)
    sealed = None
    if seals and one.seal is None and not said.round_standing(one).unsigned:
        sealed = to_seal(one, judged.act.reveals_digest(open_reveals(vault, one)), now)
    return {
        "round": judged.number,
        "digest": one.row.digest,
        "rho": judged.request.as_json() if may_see_list(actor, said.row.owner_agency) else None,
        "signers": one.row.signers,
        "signatures": {body: row.sig for body, row in one.countersignatures.items()},
        "revealed": sorted(one.reveals),
        "seal": seal_shown(one),
        "to_seal": sealed,
    }


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def end(ports: Ports, inputs: RoundInputs, at: datetime) -> RoundEnding | None:
    """Work out the last round if it is over by *at*: drawn, or spent; None while it goes on."""
    said = inputs.draw.said
    one = said.rounds[-1]
    if one.is_drawn:
        return _closed(ports, inputs)
    before = carry(ports, inputs.draw)
    found = ending_of(said, one, before.round(one, Vault(ports)), at)
    if found is None:
        return None
    reason = REASONS[found.reason]
    absent = tuple(said.row.witness or body if body == "witness" else body for body in found.absent)
    return _written(ports, inputs, carry(ports, inputs.draw, spent_for=reason), reason=reason, absent=absent)


def _closed(ports: Ports, inputs: RoundInputs) -> RoundEnding:
    carried = carry(ports, inputs.draw)
    effects = _Effects(ports, inputs, carried)
    return _written(ports, inputs, carried, replaced=effects.replaced(), substituted=effects.substituted())


def _written(
    ports: Ports,
    inputs: RoundInputs,
    carried: Carried,
    *,
    reason: str | None = None,
    absent: tuple[str, ...] = (),
    replaced: tuple[Replaced, ...] = (),
    substituted: tuple[Substituted, ...] = (),
) -> RoundEnding:
    said, last = carried.said, carried.last or carried.outcome
    full, public = carried.keep_records(ports)
    disclosed = said.disclosure is not None
    return RoundEnding(
        number=said.rounds[-1].row.number,
        inputs=round_inputs(said, said.rounds[-1]),
        how=CLOSED if reason is None else SPENT,
        visits_root=last.visits_root.hex(),
        result_digest=last.result_digest.hex(),
        full_record=full,
        public_record=open_to_everybody(ports, public) if disclosed else public,
        reason=reason,
        absent=absent,
        replaced=replaced,
        substituted=substituted,
        appointed=inputs.appointed,
        frame=open_to_everybody(ports, inputs.draw.frame_file) if disclosed else None,
    )


@dataclass(frozen=True)
class _Effects:
    """What the last closed round did, in visits and staff numbers, with the documents that tell results and notifier."""

    ports: Ports
    inputs: RoundInputs
    carried: Carried

    @property
    def _visit_of(self) -> dict[str, str]:
        return {target: visit for visit, target in self.inputs.visits.items()}

    def replaced(self) -> tuple[Replaced, ...]:
        """Pair who is gone with who was drawn; every new visit is told of once, whatever the number of selections."""
        closed, visits = self.carried.proceedings.rounds[-1], self._visit_of
        earlier = self.carried.proceedings.rounds[:-1]
        before = earlier[-1].replaced.after.selected if earlier else self.carried.outcome.selected
        pairs = replacing.instead_of(before, closed.request, closed.replaced.selected)
        new = {visit.target: visit for visit in self._new_visits()}
        known, found = visits | {target: visit.visit for target, visit in new.items()}, []
        for gone in closed.request.removed:
            opened = tuple(new.pop(one) for one in pairs[gone.id] if one in new)
            instead = next((known[one] for one in pairs[gone.id]), None)
            found.append(Replaced(visits[gone.id], gone.reason, instead, opened, self._work(opened)))
        return tuple(found)

    def _new_visits(self) -> list[WorkVisit]:
        """Number the new visits on, in the order of their leaves."""
        carried, said = self.carried, self.carried.said
        done = carried.proceedings.rounds[-1].replaced
        known = set(self.inputs.visits.values())
        entries = {entity: entry for entity, entry in done.visits.items() if entity not in known}
        ranks = {
            entity: (stratum, rank)
            for strata in done.selected.values()
            for stratum, ids in strata.items()
            for rank, entity in enumerate(ids, start=1)
        }
        width = len(next(iter(self.inputs.visits)).rpartition("-")[2])
        return [
            carried.visit(f"{visit_stem(said.row.draw)}{number:0{width}d}", entity, entries[entity], *ranks[entity])
            for number, entity in enumerate(
                by_leaf(carried.attempt, done.after.seed, entries), start=len(self.inputs.visits) + 1
            )
        ]

    def _work(self, visits: Sequence[WorkVisit]) -> BlobRef:
        draw = self.carried.said.row.draw
        work = WorkList(campaign=self.carried.plan.campaign, draw=draw, visits=tuple(visits))
        return self.ports.blobs.put(work.encode(), JSON, WORK_READERS, subject=draw)

    def substituted(self) -> tuple[Substituted, ...]:
        """Say of every team that lost somebody who left, who came, and how it stands."""
        carried, visits = self.carried, self._visit_of
        closed = carried.proceedings.rounds[-1]
        left: dict[tuple[str, str], set[str]] = {}
        for one in closed.request.dropouts:
            left.setdefault((one.id, one.agency), set()).add(one.inspector)
        found = []
        for (target, agency), gone in sorted(left.items()):
            lines, team = closed.replaced.visits[target][agency]
            staff = carried.enrolments[agency].staff_numbers
            before = self._team_before(agency, target)
            now = carried.team(agency, lines, team)
            appointed = self.inputs.appointed.get((visits[target], agency), ())
            change = TeamChange(
                campaign=carried.plan.campaign,
                draw=carried.said.row.draw,
                visit=visits[target],
                team=going(now, appointed),
                left=tuple(sorted(staff[pid] for pid in gone)),
                came=tuple(sorted(staff[pid] for pid in team if pid is not None and pid not in before)),
            )
            file = self.ports.blobs.put(change.encode(), JSON, WORK_READERS, subject=change.draw)
            found.append(Substituted(change.visit, now, file))
        return tuple(found)

    def _team_before(self, agency: str, target: str) -> Mapping[str, None]:
        earlier = self.carried.proceedings.rounds[:-1]
        assigned = earlier[-1].replaced.after.assigned if earlier else self.carried.outcome.assigned
        return dict.fromkeys(pid for pid in assigned[agency][target] if pid is not None)
