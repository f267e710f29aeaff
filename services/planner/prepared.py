"""
Commands with slow parts, both halves together: prepare in a read-only session, work outside, commit.

A refusal of the first half is handed to the second, so that a repeated Idempotency-Key still gets its first answer.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from runtime.errors import OneVisitError
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.rulepack import DocumentInvalid, DocumentUnreadable, parse_calendar, parse_rulepack
from schemas.vocabulary import Role
from services.planner import freezing, importing, planning
from services.planner.commands.campaigns import PreparedPlan, approve_campaign, get_own
from services.planner.commands.frames import PreparedFrame, freeze_frame
from services.planner.commands.packs import publish_calendar, publish_rulepack
from services.planner.commands.registers import import_register
from services.planner.domain.days import business_day
from services.planner.refusals import RulepackInvalid, RulepackUnreadable

Made = TypeVar("Made")
JSON = "application/json"


def attempt(work: Callable[[], Made]) -> Made | OneVisitError:
    """Do *work*, or return what it refused."""
    try:
        return work()
    except OneVisitError as refused:
        return refused


# ── rule packs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def publish_pack_file(service: Service, actor: Actor, key: str, text: bytes) -> Reply:
    """Publish a rule pack that somebody wrote as TOML."""
    pack = _read(lambda: parse_rulepack(text))
    document = service.ports.blobs.put(pack.canonical_bytes(), JSON)
    service.do(actor, publish_rulepack, key=key, pack=pack, document=document)
    return Reply(value={"pack": pack.id, "edition": pack.edition.isoformat(), "digest": pack.digest()})


def publish_calendar_file(service: Service, actor: Actor, key: str, text: bytes) -> Reply:
    """Publish a working calendar that somebody wrote as TOML."""
    calendar = _read(lambda: parse_calendar(text))
    document = service.ports.blobs.put(calendar.canonical_bytes(), JSON)
    service.do(actor, publish_calendar, key=key, calendar=calendar, document=document)
    years = sorted(calendar.years)
    return Reply(value={"calendar": calendar.id, "digest": calendar.digest(), "years": years})


def _read(parse: Callable[[], Made]) -> Made:
    try:
        return parse()
    except DocumentUnreadable as error:
        raise RulepackUnreadable(line=error.line, reason=error.reason) from error
    except DocumentInvalid as error:
        problems = [{"key": each.key, "line": each.line, "reason": each.reason} for each in error.problems]
        first = "; ".join(str(each) for each in error.problems[:3])
        raise RulepackInvalid(count=len(problems), first=first, problems=problems) from error


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def import_file(service: Service, actor: Actor, key: str, kind: str, data: bytes, filename: str) -> Reply:
    """Import a spreadsheet into a register of the actor's agency: all of it, or a refusal with every complaint."""
    prepared = attempt(lambda: _prepared_import(service, actor, kind, data, filename))
    reply = service.do(
        actor, import_register, key=key, kind=kind, file=hashlib.sha256(data).hexdigest(), prepared=prepared
    )
    remarks = prepared.remarks if isinstance(prepared, importing.PreparedImport) else ()
    return Reply(reply.events, {**reply.value, "remarks": remarks})


def _prepared_import(service: Service, actor: Actor, kind: str, data: bytes, filename: str) -> importing.PreparedImport:
    on = business_day(service.ports.clock.now())
    sheets = importing.open_file(data, filename)
    prepared = service.ask(actor, importing.prepare_import, kind=kind, sheets=sheets, on=on)
    stored = tuple(
        replace(
            each,
            blob=service.ports.blobs.put(
                each.document.encode(),
                JSON,
                ("results",),
                subject=f"{each.document.agency}.{each.document.checklist}.{each.document.edition}",
            ),
        )
        for each in prepared.checklists
    )
    return replace(prepared, checklists=stored)


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


def approve(service: Service, actor: Actor, key: str, campaign_id: str) -> Reply:
    """Approve a campaign: write its plan, keep it as a blob, pin the rule pack."""
    prepared = attempt(lambda: _prepared_plan(service, actor, campaign_id))
    return service.do(actor, approve_campaign, key=key, campaign_id=campaign_id, prepared=prepared)


def _prepared_plan(service: Service, actor: Actor, campaign_id: str) -> PreparedPlan:
    salt = service.ports.entropy.bytes(16, "planner.conference", campaign_id).hex()
    plan, inputs = service.ask(actor, planning.prepare_plan, campaign_id=campaign_id, salt=salt)
    return PreparedPlan(plan, inputs, salt, service.ports.blobs.put(plan.encode(), JSON))


def freeze(service: Service, actor: Actor, key: str, campaign_id: str, *, early: bool = False) -> Reply:
    """Freeze a campaign's frame: gather and make it as the service itself, keep it sealed, fix it as the lead's planner."""
    prepared = attempt(lambda: _prepared_frame(service, actor, campaign_id))
    return service.do(actor, freeze_frame, key=key, campaign_id=campaign_id, prepared=prepared, early=early)


def _prepared_frame(service: Service, actor: Actor, campaign_id: str) -> PreparedFrame:
    service.ask(actor, get_own, campaign_id, Role.PLANNER)
    on = business_day(service.ports.clock.now())
    given = service.ask(service.system, freezing.gather, campaign_id=campaign_id, lead=actor.agency, on=on)
    made = freezing.make(given)
    blobs = service.ports.blobs
    return PreparedFrame(
        inputs=given.inputs,
        on=on,
        frame_digest=made.digest,
        sizes=made.sizes,
        excluded=made.selected.excluded,
        eligible={agency: len(roster.eligible) for agency, roster in made.by_agency.items()},
        officers_excluded=tuple(
            (agency, officer, reason)
            for agency, roster in made.by_agency.items()
            for officer, reason in roster.excluded
        ),
        document=blobs.put(made.file, "text/tab-separated-values", ("drawer",), subject=campaign_id),
        rosters=blobs.put(made.rosters.encode(), JSON, ("drawer",), subject=campaign_id),
        annex=blobs.put(made.annex.encode(), JSON, ("results",), subject=campaign_id),
    )
