"""
Faults after the seal as pages, API and timers carry them out: judged outside the transaction, written, told in records.

As in ``acts``: read, work outside the transaction, write; whether an act is allowed is decided by its command.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from runtime.files.evidence import FileTooLarge, StoredFile
from runtime.service import Reply, Service
from runtime.store import Actor
from services.drawer import outcomes
from services.drawer.commands import faults, rounds
from services.drawer.commands.completing import Inputs
from services.drawer.commands.faults import Evidence, Judged, Telling
from services.drawer.commands.prepared import prepared
from services.drawer.domain import faults as domain
from services.drawer.domain.canonical import canonical, parse
from services.drawer.domain.faults import Kind
from services.drawer.domain.record_reader import read_shown_reveal, read_shown_seal
from services.drawer.domain.rounds import WITNESS
from services.drawer.queries.faults import evidence_file
from services.drawer.queries.faults import public_evidence as public_file
from services.drawer.reading import Said, SaidSealed
from services.drawer.refusals import EvidenceMissing, InputsChanged
from services.drawer.uploads import Document
from services.drawer.vault import SERVICE, Vault
from services.drawer.working import JSON

MAX_SIGNED_BYTES = 64 * 1024
"""Of a signed reveal or seal: 200 signatures would fit."""


@dataclass(frozen=True)
class Report:
    """What somebody says went wrong, and shows for it."""

    kind: Kind
    round: int = 0
    agency: str | None = None
    """Whose reveal was left out; None: the reporter's own."""
    document: Document | None = None
    """A signed reveal or a seal as JSON; or what a body says of its loss, as PDF, JPEG or PNG."""
    words: str = ""
    """When, to whom and how, for the parties' eyes."""


def signed_reveal(value: str, sig: str) -> Document:
    """Make the document of a reveal that was signed in a browser."""
    return Document("reveal.json", canonical({"value": value, "sig": sig}))


def report(service: Service, actor: Actor, draw_id: str, told: Report, *, key: str) -> Reply:
    """Report a fault; what does not hold is refused and leaves no file behind. Every record tells of it from then on."""
    agency = (told.agency or actor.agency) if told.kind == Kind.REVEAL_OMITTED else None
    work = prepared(partial(_judged, service, actor, draw_id, told))
    evidence = work.work.evidence if work.work else None
    stored = StoredFile({})
    if evidence and service.recall(actor, key) is None:
        file = service.ports.blobs.put(evidence.content, evidence.content_type, (SERVICE,), subject=draw_id)
        stored = StoredFile(file.model_dump(mode="json"))
    sent = None if told.document is None else Vault(service.ports).fingerprint(told.document.content.hex())
    facts = {"kind": told.kind.value, "number": told.round, "agency": agency, "sent": sent, "words": told.words.strip()}
    reply = service.do(actor, faults.report_fault, work, key=key, draw_id=draw_id, stored=stored, **facts)
    with suppress(InputsChanged):  # something else was said meanwhile: the timer tells of both
        tell(service, draw_id)
    return reply


def _judged(service: Service, actor: Actor, draw_id: str, told: Report) -> Judged:
    said = service.ask(actor, faults.prepare_fault, draw_id=draw_id)
    one: SaidSealed = said.round(told.round) if told.round else said
    act, seal = said.act_of(told.round), one.sealed()
    if told.kind == Kind.BEACON_LATE:
        now = int(service.ports.clock.now().timestamp())
        return Judged(domain.state_late_beacon(act, seal, _last_said(one), now))
    if told.document is None:
        raise EvidenceMissing(kind=told.kind.value)
    if told.kind == Kind.DATA_LOST:
        who = WITNESS if actor.agency == said.row.witness else actor.agency
        facts, content = told.document.facts(), told.document.content
        return Judged(domain.state_lost_data(act, seal, who, content), Evidence(content, facts["content_type"]))
    shown = parse(_signed(told.document.content))
    if told.kind == Kind.REVEAL_OMITTED:
        reveal = read_shown_reveal(shown)
        fault = domain.prove_omitted_reveal(act, seal, one.reveals, told.agency or actor.agency, reveal)
        return Judged(fault, Evidence(domain.reveal_evidence(reveal), JSON))
    other = read_shown_seal(shown)
    return Judged(domain.prove_second_seal(act, seal, other), Evidence(domain.seal_evidence(other), JSON))


def _signed(content: bytes) -> bytes:
    if len(content) > MAX_SIGNED_BYTES:
        raise FileTooLarge(size=len(content), largest=MAX_SIGNED_BYTES)
    return content


def _last_said(one: SaidSealed) -> int | None:
    """Say when the last value was entered, in Unix seconds; None while one is awaited."""
    if one.awaited is not None:
        return None
    moments = [each.said_at for each in one.values.values()] + ([one.dice.said_at] if one.dice else [])
    return max((int(moment.timestamp()) for moment in moments), default=0)


def tell(service: Service, draw_id: str) -> None:
    """Write the records of a drawn draw anew where a fault is in none of them; nothing otherwise."""
    said = service.ask(service.system, rounds.prepare_attempt, draw_id=draw_id)
    if not said.untold:
        return  # not drawn yet: its first record will tell
    inputs = service.ask(service.system, rounds.prepare_round, draw_id=draw_id).draw
    service.do(service.system, faults.tell_faults, _written(service, said, inputs), key=_key(said), draw_id=draw_id)


def _written(service: Service, said: Said, inputs: Inputs) -> Telling:
    full, public = outcomes.carry(service.ports, inputs).keep_records(service.ports)
    if inputs.said.disclosure is None:
        return Telling(faults.telling_inputs(inputs.said), full, public)
    open_ = partial(outcomes.open_to_everybody, service.ports)
    return Telling(faults.telling_inputs(inputs.said), full, open_(public), open_(inputs.frame_file))


def _key(said: Said) -> str:
    return f"faults:{said.row.draw}:{sum(one.end is not None for one in said.rounds)}:{len(said.faults)}"


def call_for_seal(service: Service, of: str) -> None:
    """Call the agencies of a draw or round without a witness to sign the seal that waits for them."""
    service.do(service.system, faults.call_for_seal, key=f"call:{of}", of=of)


def evidence(service: Service, actor: Actor, draw_id: str, number: int) -> tuple[bytes, str, str]:
    """Fetch the evidence of a fault for a party: its content, of which kind it is and what it is called."""
    name, ref = service.ask(actor, evidence_file, draw_id=draw_id, number=number)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name


def public_evidence(service: Service, draw_id: str, number: int) -> tuple[bytes, str, str]:
    """Fetch the evidence of a fault that proves itself for anybody, once the draw is disclosed."""
    name, ref = service.ask(service.system, public_file, draw_id=draw_id, number=number)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name
