"""
Changes after the draw as pages, API and timers carry them out: requests with their documents, and the acts of a round.

As in ``acts``: read, work outside the transaction, write; whether an act is allowed is decided by its command.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from runtime.files.evidence import StoredFile
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.documents import GrantedRecusal
from schemas.vocabulary import Role
from services.drawer import rounds_working as working
from services.drawer.commands import ceremony, changing, rounds
from services.drawer.commands.ceremony import Speaker
from services.drawer.commands.changing import Seen
from services.drawer.commands.prepared import prepared
from services.drawer.commands.rounds import Opening, RoundInputs
from services.drawer.domain import changes
from services.drawer.domain.rounds import Round
from services.drawer.domain.sources import NONE_TOLD, Told, flat
from services.drawer.queries.rounds import evidence_file
from services.drawer.reading import round_id
from services.drawer.refusals import DiceTypedDifferently
from services.drawer.uploads import Document
from services.drawer.vault import SERVICE, Vault
from services.drawer.working import OwnSeal


def ask_change(
    service: Service,
    actor: Actor,
    draw_id: str,
    visit_id: str,
    *,
    key: str,
    officer: str | None,
    reason: str,
    document: Document,
    firms_words: str | None = None,
) -> Reply:
    """
    Ask for a change, its document kept for the drawer's eyes; what is refused leaves no file behind.

    Args:
        firms_words: Why the visited firm wants the officer recused (当事人申请回避); None: the agency asks itself.
    """
    seen = Seen(service.ask(service.system, changing.visit_standing, draw_id=draw_id, visit_id=visit_id, asker=actor))
    facts = document.facts(service.ask(service.system, changing.hash_of, draw_id=draw_id))
    stored = StoredFile({})
    if service.recall(actor, key) is None:
        reasons = service.ask(actor, changing.known_reasons, draw_id=draw_id)
        changes.check_request(seen.visit, actor.agency, officer, reason, reasons)
        if firms_words is not None:
            changes.check_firms_request(officer, firms_words)
        stored = document.keep(service, draw_id)
    asked = {"draw_id": draw_id, "visit_id": visit_id, "officer": officer, "reason": reason}
    if firms_words is not None:
        asked["firms_words"] = firms_words
    return service.do(actor, changing.ask_change, seen, key=key, evidence=facts, stored=stored, **asked)


def decide_change(
    service: Service, actor: Actor, draw_id: str, change_id: str, *, key: str, approve: bool, words: str = ""
) -> Reply:
    """Decide on a change; a firm's request that is granted is written down for the agency's register of recusals."""
    recusal, asked = changing.NO_FILE, None
    if approve and actor.has(Role.AGENCY_HEAD) and service.recall(actor, key) is None:
        asked = service.ask(actor, changing.firms_request, draw_id=draw_id, change_id=change_id)
    if asked is not None:
        changes.fit_words(words)
        visit, officer = asked
        seen = service.ask(service.system, changing.visit_standing, draw_id=draw_id, visit_id=visit, asker=actor)
        granted = GrantedRecusal(agency=actor.agency, officer=officer, target=seen.target)
        file = service.ports.blobs.put(granted.encode(), "application/json", ("planner",), subject=change_id)
        recusal = StoredFile(file.model_dump(mode="json"))
    facts: dict[str, Any] = {"draw_id": draw_id, "change_id": change_id, "approve": approve, "words": words}
    return service.do(actor, changing.decide_change, key=key, recusal=recusal, **facts)


def evidence(service: Service, actor: Actor, draw_id: str, change_id: str) -> tuple[bytes, str, str]:
    """Fetch the document behind a request: its content, of which kind it is and what it is called."""
    name, ref = service.ask(actor, evidence_file, draw_id=draw_id, change_id=change_id)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name


@dataclass(frozen=True)
class AskedRoundTimes:
    """Until when a round is sealed and when its dice are thrown, as moments or in minutes; else as the settings say."""

    seal_by: datetime | None = None
    beacon_time: datetime | None = None
    seal_minutes: int | None = None  # from now
    beacon_minutes: int | None = None  # from the seal's last moment

    def moments(self, service: Service) -> tuple[datetime, datetime]:
        """Complete the times, in whole seconds."""
        lengths, now = service.settings.intervals, service.ports.clock.now().replace(microsecond=0)
        seal_minutes = self.seal_minutes or lengths.reveal_minutes + lengths.seal_minutes
        seal_by = self.seal_by or now + timedelta(minutes=seal_minutes)
        beacon_minutes = self.beacon_minutes or lengths.beacon_minutes
        return seal_by, self.beacon_time or seal_by + timedelta(minutes=beacon_minutes)


def open_round(
    service: Service,
    actor: Actor,
    draw_id: str,
    asked: AskedRoundTimes,
    *,
    key: str,
    sources: Mapping[str, Told] = NONE_TOLD,
) -> Reply:
    """Open a round for everything that is approved; *sources*: what is told of the sources of randomness, by name."""

    def opening() -> Opening:
        wanted = service.ask(actor, rounds.prepare_request, draw_id=draw_id)
        seal_by, beacon_time = asked.moments(service)
        rounds.check_openable(service.ask(actor, rounds.prepare_attempt, draw_id=draw_id), beacon_time)
        return working.ask(service.ports, _inputs(service, draw_id), wanted, seal_by, beacon_time, sources)

    told = [*astuple(asked), *flat(sources)]
    return service.do(actor, rounds.open_round, prepared(opening), key=key, draw_id=draw_id, asked=told)


def papers(service: Service, actor: Actor, draw_id: str) -> dict[str, Any] | None:
    """
    Give a body that keeps its key itself what it signs in the round under way: D_r, and of reveals only whose are there.

    The lead's draw officer, who may know the list, gets ρ too and can hold it against D_r.
    """
    said = service.ask(actor, rounds.prepare_attempt, draw_id=draw_id)
    if not said.rounds or said.rounds[-1].end is not None:
        return None
    one = said.rounds[-1]
    under_way = _round(service, draw_id, one.row.number)
    now = int(service.ports.clock.now().timestamp())
    return working.papers(service.ports, said, one, under_way, actor, now)


def sign(service: Service, actor: Actor, draw_id: str, number: int, *, key: str, sig: str | None = None) -> Reply:
    """Sign a round's request for the asker's agency, or as the witness; *sig*: made where the body keeps its key."""
    work = prepared(lambda: working.sign(service.ports, *_speaking(service, actor, draw_id, number), sig))
    return service.do(actor, rounds.sign_round, work, key=key, draw_id=draw_id, number=number, given=sig)


def reveal(
    service: Service,
    actor: Actor,
    draw_id: str,
    number: int,
    *,
    key: str,
    value: str | None = None,
    sig: str | None = None,
) -> Reply:
    """Reveal the asker's agency's chain value of a round, or one that it hands in itself."""

    def shown() -> rounds.Revealing:
        speaker, secret = service.ask(actor, ceremony.prepare_reveal, draw_id=draw_id)
        return working.reveal(service.ports, speaker, secret, _round(service, draw_id, number), value, sig)

    given = Vault(service.ports).fingerprint(value if sig is None else f"{value} {sig}")
    work = prepared(shown)
    return service.do(actor, rounds.reveal_in_round, work, key=key, draw_id=draw_id, number=number, given=given)


def seal(service: Service, actor: Actor, draw_id: str, number: int, *, key: str, own: OwnSeal | None = None) -> Reply:
    """Seal a round's reveals as who seals; a sealed round without dice is worked out at once."""
    now = int(service.ports.clock.now().timestamp())

    def sealing() -> rounds.RoundSealing:
        speaker = service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id)
        return working.seal(service.ports, speaker, _round(service, draw_id, number), now, own)

    given = None if own is None else f"{own.digest} {own.at} {own.sig}"
    work = prepared(sealing)
    reply = service.do(actor, rounds.seal_round, work, key=key, draw_id=draw_id, number=number, given=given)
    end(service, draw_id)
    return reply


def throw_dice(
    service: Service,
    actor: Actor,
    draw_id: str,
    number: int,
    *,
    key: str,
    digits: str,
    again: str,
    sig: str | None = None,
    photo: Document | None = None,
) -> Reply:
    """Enter a round's dice, typed twice, perhaps with a *photo*; once they stand the round is worked out."""
    digits, again = "".join(digits.split()), "".join(again.split())
    if digits != again:
        raise DiceTypedDifferently()

    def thrown() -> rounds.Spoken:
        speaker = service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id)
        return working.sign_dice(service.ports, speaker, _round(service, draw_id, number), digits, sig)

    told, stored, work = photo.facts() if photo else None, StoredFile({}), prepared(thrown)
    if photo and work.refusal is None and service.recall(actor, key) is None:
        stored = photo.keep(service, draw_id)
    facts = {"draw_id": draw_id, "number": number, "digits": digits, "given": sig}
    reply = service.do(actor, rounds.throw_round_dice, work, key=key, photo=told, stored=stored, **facts)
    end(service, draw_id)
    return reply


def enter_value(
    service: Service, actor: Actor, draw_id: str, number: int, *, key: str, beacon: str, typed: str
) -> Reply:
    """Enter the value that a round awaits; after the last one it is worked out."""
    now = int(service.ports.clock.now().timestamp())

    def judged() -> ceremony.Spoken:
        speaker = service.ask(actor, ceremony.prepare_sealer, draw_id=draw_id)
        return working.value(speaker, _round(service, draw_id, number), beacon, typed, now)

    sent = {"beacon": beacon, "typed": typed}
    work = prepared(judged)
    reply = service.do(actor, rounds.take_round_value, work, key=key, draw_id=draw_id, number=number, **sent)
    end(service, draw_id)
    return reply


def end(service: Service, draw_id: str) -> None:
    """Write down the end of a round that is drawn or whose time has run out; nothing while it goes on."""
    inputs = _inputs(service, draw_id)
    if not inputs.draw.said.rounds or inputs.draw.said.rounds[-1].end is not None:
        return
    done = working.end(service.ports, inputs, service.ports.clock.now())
    if done is not None:
        key = f"end:{round_id(draw_id, done.number)}"
        service.do(service.system, rounds.end_round, done, key=key, draw_id=draw_id)


def _inputs(service: Service, draw_id: str) -> RoundInputs:
    return service.ask(service.system, rounds.prepare_round, draw_id=draw_id)


def _round(service: Service, draw_id: str, number: int) -> Round:
    return working.round_under_way(service.ports, _inputs(service, draw_id), number)


def _speaking(service: Service, actor: Actor, draw_id: str, number: int) -> tuple[Speaker, Round]:
    witness = service.ask(actor, rounds.prepare_attempt, draw_id=draw_id).row.witness
    prepare: Callable[..., Speaker] = (
        ceremony.prepare_sealer if actor.agency == witness else ceremony.prepare_countersignature
    )
    return service.ask(actor, prepare, draw_id=draw_id), _round(service, draw_id, number)
