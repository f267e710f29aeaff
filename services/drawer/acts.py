"""
The acts of a draw as pages, API and timers carry them out: read, work outside the transaction, write.

Every act takes the service, who asks, and the Idempotency-Key of the request, and returns the command's reply. Whether
an act is allowed is decided by its command; what is refused before is refused there too (``commands.prepared``). What the
asker gave and the work swallowed is told to the command as well (secrets by their fingerprint): the service knows a
repeated request by what its command is told, and the same key with other values must not get the first answer.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from runtime.files.evidence import StoredFile
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.documents import CampaignPlan
from services.drawer import outcomes, round_acts, working
from services.drawer.commands import ceremony, completing, ending, keys, opening
from services.drawer.commands.ceremony import Contribution
from services.drawer.commands.opening import Drafted
from services.drawer.commands.prepared import prepared
from services.drawer.domain.manifest import Times
from services.drawer.domain.sources import NONE_TOLD, Told, announce, flat
from services.drawer.drafts import Feasibility, Visitors, sources_of, window_end
from services.drawer.queries.attempts import dice_photo
from services.drawer.queries.drawn import last_visitors
from services.drawer.queries.papers import frame_to_check, read_papers
from services.drawer.queries.staged import FirstStage, first_stage
from services.drawer.refusals import DiceTypedDifferently, NotDrawnYet
from services.drawer.uploads import Document
from services.drawer.vault import SERVICE, Vault
from services.drawer.working import OwnCommitment, OwnSeal, take_contribution


@dataclass(frozen=True)
class AskedTimes:
    """The moments the lead names; what is None follows from the one before it by the service's settings."""

    commit_close: datetime | None = None
    reveal_close: datetime | None = None
    seal_by: datetime | None = None
    beacon_time: datetime | None = None

    def times(self, settings: "Intervals", published: datetime, window_end: datetime) -> Times:
        """Complete the times of a manifest, in whole seconds."""
        commit_close = self.commit_close or published + timedelta(minutes=settings.commit_minutes)
        reveal_close = self.reveal_close or commit_close + timedelta(minutes=settings.reveal_minutes)
        seal_by = self.seal_by or reveal_close + timedelta(minutes=settings.seal_minutes)
        beacon_time = self.beacon_time or seal_by + timedelta(minutes=settings.beacon_minutes)
        moments = (published, commit_close, reveal_close, seal_by, beacon_time, window_end)
        return Times(*(int(moment.timestamp()) for moment in moments))


@dataclass(frozen=True)
class Intervals:
    """How long the steps of a draw take where nobody says otherwise, in minutes."""

    commit_minutes: int
    reveal_minutes: int
    seal_minutes: int
    beacon_minutes: int


def feasibility(service: Service, actor: Actor, campaign_id: str) -> Feasibility:
    """Say whether a campaign's draw could be made as planned."""
    ground = service.ask(actor, opening.ground_of, campaign_id=campaign_id)
    first = _first_stage(service, ground.plan)
    return working.examine(service.ports.blobs, ground, _visitors(service, ground.plan), first)


def open_draw(
    service: Service,
    actor: Actor,
    campaign_id: str,
    asked: AskedTimes,
    *,
    key: str,
    lengths: Intervals | None = None,
    early: bool = False,
    sources: Mapping[str, Told] = NONE_TOLD,
) -> Reply:
    """
    Open the next attempt of a campaign's draw.

    Args:
        lengths: How long its steps take, if not as the settings say.
        early: Whether it is meant to be before the plan's draw stage.
        sources: What is told of the sources of randomness that need it, by name.
    """
    intervals = lengths or service.settings.intervals
    work = prepared(lambda: _drafted(service, actor, campaign_id, asked, intervals, early, sources))
    told = [*astuple(asked), *(astuple(lengths) if lengths else ()), *flat(sources)]
    return service.do(actor, opening.open_draw, work, key=key, campaign_id=campaign_id, asked=told, early=early)


def _drafted(
    service: Service,
    actor: Actor,
    campaign_id: str,
    asked: AskedTimes,
    intervals: Intervals,
    early: bool,
    sources: Mapping[str, Told],
) -> Drafted:
    """Judge the draw, then give it its number and its bodies their keys, then draft the manifest."""
    now = service.ports.clock.now()
    ground, names = service.ask(actor, opening.prepare_trial, campaign_id=campaign_id, now=now, early=early)
    times, visitors = asked.times(intervals, now, window_end(ground.plan)), _visitors(service, ground.plan)
    beacons = announce(sources_of(ground.plan), sources, times.beacon_time)
    first = _first_stage(service, ground.plan)
    working.refuse_if_short(working.examine(service.ports.blobs, ground, visitors, first, times), names)
    _make_missing_keys(service, actor.county, names)
    draw = service.do(actor, opening.number_draw, campaign_id=campaign_id).value["draw"]
    before = service.ask(actor, opening.prepare_opening, campaign_id=campaign_id, draw_id=draw, now=now, early=early)
    return working.draft_attempt(service.ports, before, times, beacons, visitors, first)


def _visitors(service: Service, plan: CampaignPlan) -> Visitors:
    return service.ask(service.system, last_visitors) if plan.rotation else {}


def _first_stage(service: Service, plan: CampaignPlan) -> FirstStage | None:
    # As the system: a disclosed draw is everybody's, also another lead's.
    return service.ask(service.system, first_stage, campaign_id=plan.parent) if plan.parent else None


def _make_missing_keys(service: Service, county: str, bodies: dict[str, str]) -> None:
    missing = service.ask(service.system, keys.bodies_without_key, county=county, agencies=list(bodies))
    if missing:
        pairs = [Vault(service.ports).new_key(county, body) for body in missing]
        service.do(service.system, keys.keep_keys, pairs, county=county)


def leave_key(service: Service, actor: Actor, *, key: str) -> Reply:
    """Leave the asker's body's key to the server: the one it made before, else a new one."""
    vault, sealed = Vault(service.ports), service.ask(actor, keys.own_signing_key)
    pair = vault.pair_of(actor.agency, sealed) if sealed else vault.new_key(actor.county, actor.agency)
    return service.do(actor, keys.leave_key, pair, key=key)


def papers(service: Service, actor: Actor, draw_id: str) -> dict[str, Any]:
    """Give a body that keeps its key itself what it checks and signs; no value that was revealed is among it."""
    now = service.ports.clock.now()
    told = working.papers(service.ports, service.ask(actor, read_papers, draw_id=draw_id, now=now), now)
    return told | {"round": round_acts.papers(service, actor, draw_id)}


def frame(service: Service, actor: Actor, draw_id: str) -> bytes:
    """Give an agency that is about to commit the frame file, to hold it against the manifest."""
    found = service.ask(actor, frame_to_check, draw_id=draw_id, now=service.ports.clock.now())
    return service.ports.blobs.get(found, SERVICE)


def commit(
    service: Service,
    actor: Actor,
    draw_id: str,
    *,
    key: str,
    own_dice: str | None = None,
    own: OwnCommitment | None = None,
) -> Reply:
    """Commit for the asker's agency: made here, or its *own* where it keeps its key itself."""

    def contribution() -> Contribution:
        seen = service.ask(actor, ceremony.prepare_contribution, draw_id=draw_id)
        return working.make_contribution(service.ports, seen, own_dice) if own is None else take_contribution(seen, own)

    work = prepared(contribution)
    given = Vault(service.ports).fingerprint(own_dice if own is None else f"{own.c} {own.sig} {own.wrapped}")
    return service.do(actor, ceremony.contribute, work, key=key, draw_id=draw_id, given=given)


def countersign(service: Service, actor: Actor, draw_id: str, *, key: str, sig: str | None = None) -> Reply:
    """Countersign the list of commitments for the asker's agency; *sig*: made where it keeps its key."""
    work = prepared(
        lambda: working.make_countersignature(
            service.ports, service.ask(actor, ceremony.prepare_countersignature, draw_id=draw_id), sig
        )
    )
    return service.do(actor, ceremony.countersign, work, key=key, draw_id=draw_id, given=sig)


def reveal(
    service: Service, actor: Actor, draw_id: str, *, key: str, value: str | None = None, sig: str | None = None
) -> Reply:
    """Reveal for the asker's agency: the secret kept here, or a *value* it hands in itself (hex), with its own *sig*."""
    work = prepared(
        lambda: working.make_reveal(
            service.ports, *service.ask(actor, ceremony.prepare_reveal, draw_id=draw_id), value, sig
        )
    )
    given = Vault(service.ports).fingerprint(value if sig is None else f"{value} {sig}")
    return service.do(actor, ceremony.reveal, work, key=key, draw_id=draw_id, given=given)


def seal(service: Service, actor: Actor, draw_id: str, *, key: str, own: OwnSeal | None = None) -> Reply:
    """Seal the reveals as who seals, or take its *own* seal; a sealed draw without dice is worked out at once."""
    now = int(service.ports.clock.now().timestamp())
    work = prepared(
        lambda: working.make_seal(service.ports, service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id), now, own)
    )
    given = None if own is None else f"{own.digest} {own.at} {own.sig}"
    reply = service.do(actor, ceremony.seal_reveals, work, key=key, draw_id=draw_id, given=given)
    complete(service, draw_id)
    return reply


def throw_dice(
    service: Service,
    actor: Actor,
    draw_id: str,
    *,
    key: str,
    digits: str,
    again: str,
    sig: str | None = None,
    photo: Document | None = None,
) -> Reply:
    """Enter the dice, typed twice, perhaps with a *photo*; once they stand the draw is worked out."""
    digits, again = "".join(digits.split()), "".join(again.split())
    if digits != again:
        raise DiceTypedDifferently()
    facts, stored = photo.facts() if photo else None, StoredFile({})
    work = prepared(
        lambda: working.sign_dice(
            service.ports, service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id), digits, sig
        )
    )
    if photo and work.refusal is None and service.recall(actor, key) is None:
        stored = photo.keep(service, draw_id)
    told = {"draw_id": draw_id, "digits": digits, "given": sig}
    reply = service.do(actor, ceremony.throw_dice, work, key=key, photo=facts, stored=stored, **told)
    complete(service, draw_id)
    return reply


def enter_value(service: Service, actor: Actor, draw_id: str, *, key: str, beacon: str, typed: str) -> Reply:
    """Enter the awaited value of a source of randomness; after the last one the draw is worked out."""
    now = int(service.ports.clock.now().timestamp())
    work = prepared(
        lambda: working.value_of_draw(service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id), beacon, typed, now)
    )
    reply = service.do(actor, ceremony.take_value, work, key=key, draw_id=draw_id, beacon=beacon, typed=typed)
    complete(service, draw_id)
    return reply


def photo(service: Service, actor: Actor, draw_id: str, number: int | None = None) -> tuple[bytes, str, str]:
    """Fetch the photograph of the dice of a draw, or of a round, for a party: content, kind and name."""
    name, ref = service.ask(actor, dice_photo, draw_id=draw_id, number=number)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name


# ── the system's own ────────────────────────────────────────────────────────────────────────────────────────────────


def complete(service: Service, draw_id: str) -> None:
    """Work out a draw in which the last word has been spoken; nothing where it has not, or was worked out before."""
    try:
        inputs = service.ask(
            service.system, completing.prepare_completion, draw_id=draw_id, now=service.ports.clock.now()
        )
    except NotDrawnYet:
        return
    done = outcomes.work_out(service.ports, inputs)
    service.do(service.system, completing.complete_draw, done, key=f"complete:{inputs.said.row.id}", draw_id=draw_id)


def disclose(service: Service, draw_id: str) -> None:
    """Open a draw's record and frame to everybody."""
    files = service.ask(service.system, completing.prepare_disclosure, draw_id=draw_id)
    record, frame = (outcomes.open_to_everybody(service.ports, file) for file in files)
    service.do(
        service.system,
        completing.disclose_draw,
        key=f"disclose:{draw_id}",
        draw_id=draw_id,
        closed=files[0].digest,
        record=record,
        frame=frame,
    )


def end_attempt(service: Service, draw_id: str, attempt: int) -> None:
    """Void an attempt whose time has run out."""
    key = f"end:{draw_id}.{attempt}"
    service.do(service.system, ending.end_attempt, key=key, draw_id=draw_id, attempt=attempt)
