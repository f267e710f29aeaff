"""
Referrals as sender, receiver and lead see them, and the letter.

Whoever of a party may not know the target (`queries.sight`) sees a sealed referral: number, kind, state, clocks and who
has to do with it, but no firm, no text and no file.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.store import Actor
from services.results.commands.referrals import standing
from services.results.commands.referring import told_of
from services.results.domain.referrals import QUEUED, Act, State, who_may
from services.results.domain.sight import ANSWERING, ROUTING
from services.results.queries.sight import readable
from services.results.queries.words import Words, campaign_words, names, words_of
from services.results.rules import day_of, light_of
from services.results.tables import Agency, Campaign, Package, Referral, Scan, Source

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AWAITED = {State.SENT: "answer", State.RECEIVED: "answer", State.ACCEPTED: "decide"}
_NOTHING_TOLD: dict[str, Any] = {
    "sealed": True,
    "action": "",
    "decision": "",
    "decision_label": ("", ""),
    "decision_text": "",
    "suggest": None,
    "suggest_name": None,
}
"""What stands in a sealed line in place of what was said."""
_NOTHING_SHOWN: dict[str, Any] = {
    "rule": "",
    "rule_label": ("", ""),
    "returned": [],
    "packages": [],
    "sources": [],
    "scans": [],
    "may": [],
    "return_reasons": [],
    "decisions": [],
    "bodies": [],
}
"""And on the page of a sealed referral."""


def referral_lists(session: Session, actor: Actor, *, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """List referrals: the inbox of what was handed to us, the outbox of what we reported, the lead's queue."""
    legs: dict[str, Referral] = {}
    for leg in session.scalars(select(Referral).order_by(Referral.referral, Referral.leg)):
        legs[leg.referral] = leg
    own = select(Source).where(Source.agency == actor.agency).order_by(Source.referral)
    sources = {source.referral: source for source in session.scalars(own)}
    short, shown = names(session), readable(session, actor, legs.values(), sources.values())
    lines = {key: _line(session, leg, short, now) for key, leg in legs.items()}
    told = {
        key: _told_line(session, key, source.told, source, short, now)
        for key, source in sources.items()
        if key not in lines
    }
    for key, line in (lines | told).items():
        line.update({} if key in shown else _NOTHING_TOLD)
    mine = [line for key, line in (lines | told).items() if key in sources]
    return {
        "inbox": [line for line in lines.values() if line["receiver"] == actor.agency],
        "outbox": sorted(mine, key=lambda line: str(line["referral"])),
        "queue": [
            line
            for line in lines.values()
            if line["lead"] == actor.agency and line["current"] and line["state"] in QUEUED
        ],
        "led": [line for line in lines.values() if line["lead"] == actor.agency and line["current"]],
    }


def _line(session: Session, leg: Referral, short: Mapping[str, str], now: datetime) -> dict[str, Any]:
    words = words_of(session, leg.pack_digest, leg.calendar_digest)
    return _standing_line(leg.referral, told_of(leg), short, words, now) | {
        "campaign": leg.campaign,
        "campaign_title": leg.campaign_title,
        "current": leg.current,
        "suggest": leg.suggest,
        "suggest_name": short.get(leg.suggest or ""),
    }


def _told_line(
    session: Session,
    referral: str,
    told: Mapping[str, Any],
    source: Source | None,
    short: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """Show a referral to who cannot read the leg: as a source was told, in the words of that source's campaign."""
    campaign = session.get(Campaign, source.campaign) if source else None
    line = _standing_line(referral, told, short, campaign_words(session, campaign), now)
    title = campaign.title if campaign else ""
    return line | {"campaign": source.campaign if source else "", "campaign_title": title}


def _standing_line(
    referral: str, told: Mapping[str, Any], short: Mapping[str, str], words: Words, now: datetime
) -> dict[str, Any]:
    due_on = _due_on(told)
    return {
        "referral": referral,
        "campaign": "",
        "campaign_title": "",
        "state": told["state"],
        "mode": told["mode"],
        "external": told["external"],
        "kind": told["kind"],
        "kind_label": words.kind(told["kind"]),
        "action": told["action"],
        "sender": told["sender"],
        "sender_name": short.get(told["sender"], told["sender"]),
        "receiver": told["receiver"],
        "receiver_name": short.get(told["receiver"] or "", told["receiver"]),
        "lead": told["lead"],
        "lead_name": short.get(told["lead"], told["lead"]),
        "dues": told["dues"],
        "decision": told["decision"],
        "decision_label": words.decision(told["decision"]),
        "decision_text": told["decision_text"],
        "due_on": due_on,
        "light": _light(State(told["state"]), due_on, words, now),
        "current": True,
        "sealed": False,
        "suggest": None,
        "suggest_name": None,
    }


def _due_on(told: Mapping[str, Any]) -> date | None:
    state = State(told["state"])
    due = told["dues"].get("route" if state in QUEUED else _AWAITED.get(state, ""))
    return date.fromisoformat(due["due_on"]) if due else None


def _light(state: State, due_on: date | None, words: Words, now: datetime) -> str:
    if state in (State.DECIDED, State.CLOSED):
        return "done"
    return light_of(words.rules, now, due_on)


def _source_words(session: Session, source: Source | None) -> Words:
    return campaign_words(session, session.get(Campaign, source.campaign)) if source else Words(None)


def referral_view(session: Session, actor: Actor, *, referral_id: str, now: datetime) -> dict[str, Any]:
    """Show a referral to one of its parties; the package to whoever's desk it lies on, and to each source its own."""
    legs = select(Referral).where(Referral.referral == referral_id).order_by(Referral.leg.desc())
    leg = session.scalars(legs).first()
    own = session.get(Source, f"{referral_id}-{actor.agency}")
    short = names(session)
    told = standing(session, referral_id, own)
    words = words_of(session, leg.pack_digest, leg.calendar_digest) if leg else _source_words(session, own)
    view = _line(session, leg, short, now) if leg else _told_line(session, referral_id, told, own, short, now)
    view |= {
        "history": [_history_line(each, short) for each in leg.history] if leg else [],
        "own_source": own is not None,
        "heard": own is not None and own.heard_at is not None,
    }
    if referral_id not in readable(session, actor, [leg] if leg else [], [own] if own else []):
        return view | _NOTHING_TOLD | _NOTHING_SHOWN
    packages = _packages(session, referral_id, words, short)
    sources = list(session.scalars(select(Source).where(Source.referral == referral_id).order_by(Source.id)))
    view |= {
        "rule": leg.rule if leg else "",
        "rule_label": words.rule(leg.rule) if leg else ("", ""),
        "returned": [_returned_line(each, words, short) for each in leg.returned_by] if leg else [],
        "packages": packages,
        "sources": sorted(
            {short.get(each.agency, each.agency) for each in sources} | {p["agency_name"] for p in packages}
        ),
        "scans": [
            {"scan": scan.id, "act": scan.act, "name": scan.name, "sha256": scan.sha256, "size": scan.size}
            for scan in session.scalars(select(Scan).where(Scan.referral == referral_id).order_by(Scan.added_at))
        ],
        "may": _may(actor, view, leg, own),
        "return_reasons": [(each.code, each.zh, each.en) for each in words.rules.pack.return_reasons]
        if words.rules
        else [],
        "decisions": [(each.code, each.zh, each.en) for each in words.rules.pack.decisions] if words.rules else [],
        "bodies": _bodies(session, view, sources),
    }
    return view


def _packages(session: Session, referral_id: str, words: Words, short: Mapping[str, str]) -> list[dict[str, Any]]:
    newest: dict[str, Package] = {}
    found = select(Package).where(Package.referral == referral_id).order_by(Package.hop, Package.id)
    for package in session.scalars(found):
        newest[package.source] = package
    return [_package_view(package, words, short) for package in newest.values()]


def _package_view(package: Package, words: Words, short: Mapping[str, str]) -> dict[str, Any]:
    content = package.content
    return content | {
        "package": package.id,
        "agency_name": short.get(package.source, package.source),
        "visit_on": date.fromisoformat(content["visit_on"]) if content["visit_on"] else None,
        "category_label": words.category(content["target"]["category"]),
        "findings": [each | {"kind_label": words.kind(each["kind"])} for each in content["findings"]],
        "record": [_sheet_view(each, words) for each in content["record"]],
        "unit_reason": words.reason(content["unit"].get("reason", "")) if content["unit"].get("reason") else None,
    }


def _sheet_view(sheet: Mapping[str, Any], words: Words) -> dict[str, Any]:
    answers = [
        (question, date.fromisoformat(said) if _DAY.fullmatch(said) else said) for question, said in sheet["answers"]
    ]
    return {**sheet, "outcome_label": words.outcome(sheet["outcome"]), "answers": answers}


def _history_line(each: Mapping[str, str], short: Mapping[str, str]) -> dict[str, Any]:
    return {
        "act": each["act"],
        "agency_name": short.get(each["agency"], each["agency"]),
        "at": datetime.fromisoformat(each["at"]),
    }


def _returned_line(each: Mapping[str, str], words: Words, short: Mapping[str, str]) -> dict[str, Any]:
    return {
        "agency_name": short.get(each["agency"], each["agency"]),
        "reason_label": words.reason(each["reason"]),
        "note": each["note"],
        "at": datetime.fromisoformat(each["at"]),
    }


def _may(actor: Actor, view: Mapping[str, Any], leg: Referral | None, own: Source | None) -> list[str]:
    """Name what this person can do for the agency now, for the page's buttons."""
    if actor.roles.isdisjoint(ANSWERING):
        return []
    if leg is None:
        return ["close"] if own is not None and own.heard_at is None and view["state"] == State.DECIDED else []
    if not leg.current:
        return []
    state = State(leg.state)
    parts = {
        act: actor.agency
        in who_may(act, sender=leg.sender, receiver=leg.receiver, lead=leg.lead, external=leg.external, sources=())
        for act in Act
    }
    informs = leg.mode == "inform"
    fits = {
        Act.ROUTE: state in QUEUED,
        Act.RECEIVE: state is State.SENT,
        Act.ACCEPT: state in (State.SENT, State.RECEIVED) and not informs,
        Act.RETURN: state in (State.SENT, State.RECEIVED),
        Act.DECIDE: state is State.ACCEPTED or (leg.external and state is State.RECEIVED),
        Act.CLOSE: state is State.DECIDED,
    }
    if own is not None and own.heard_at is None and state is State.DECIDED:
        parts[Act.CLOSE] = True
    parts[Act.ROUTE] = parts[Act.ROUTE] and not actor.roles.isdisjoint(ROUTING)
    return [act.value for act in Act if parts[act] and fits[act]]


def _bodies(session: Session, view: Mapping[str, Any], sources: Sequence[Source]) -> list[tuple[str, str, bool]]:
    """List whom the lead may route to: (id, name, external)."""
    taken = {source.agency for source in sources}
    rows = session.scalars(select(Agency).where(Agency.kind.in_(("agency", "external"))).order_by(Agency.id))
    return [(row.id, row.name, row.kind == "external") for row in rows if row.id not in taken]


def letter_view(session: Session, actor: Actor, *, referral_id: str) -> dict[str, Any]:
    """Collect what stands in the referral letter (移送函): number, receiver, facts, enclosures with digests, date."""
    legs = select(Referral).where(Referral.referral == referral_id).order_by(Referral.leg.desc())
    leg = session.scalars(legs).first()
    if leg is None or leg.receiver is None or actor.agency not in {leg.sender, leg.lead, leg.receiver}:
        raise NotFound(referral=referral_id)
    if not readable(session, actor, [leg], []):
        raise NotFound(referral=referral_id)
    full = {body.id: body.name for body in session.scalars(select(Agency))}
    words = words_of(session, leg.pack_digest, leg.calendar_digest)
    packages = _packages(session, referral_id, words, names(session))
    if not packages:
        raise NotFound(referral=referral_id)
    sent = next((each for each in reversed(leg.history) if each["act"] in ("sent", "route")), leg.history[0])
    return {
        "referral": referral_id,
        "mode": leg.mode,
        "sender_name": full.get(leg.sender, leg.sender),
        "receiver_name": full.get(leg.receiver, leg.receiver),
        "lead_name": full.get(leg.lead, leg.lead),
        "campaign_title": leg.campaign_title,
        "campaign_number": leg.campaign_number,
        "kind_label": words.kind(leg.kind),
        "action": leg.action,
        "rule": leg.rule,
        "target": packages[0]["target"],
        "packages": packages,
        "enclosures": [each for package in packages for each in package["evidence"]],
        "answer": leg.dues.get("answer"),
        "sent_on": day_of(datetime.fromisoformat(sent["at"])),
    }


def package_file(session: Session, actor: Actor, *, referral_id: str, evidence_id: str) -> dict[str, Any]:
    """Find a file that was handed over with a referral, for whoever may read a package naming it."""
    if not _may_read(session, actor, referral_id):
        raise NotFound(evidence=evidence_id)
    for package in session.scalars(select(Package).where(Package.referral == referral_id)):
        for each in package.content["evidence"]:
            if each["id"] == evidence_id:
                return {
                    "name": each["name"],
                    "content_type": each["content_type"],
                    "blob": package.blobs[evidence_id],
                }
    raise NotFound(evidence=evidence_id)


def scan_file(session: Session, actor: Actor, *, referral_id: str, scan_id: str) -> dict[str, Any]:
    """Find a scanned receipt or answer."""
    scan = session.get(Scan, scan_id)
    if scan is None or scan.referral != referral_id or not _may_read(session, actor, referral_id):
        raise NotFound(scan=scan_id)
    return {"name": scan.name, "content_type": scan.content_type, "blob": scan.blob}


def _may_read(session: Session, actor: Actor, referral_id: str) -> bool:
    legs = select(Referral).where(Referral.referral == referral_id).order_by(Referral.leg.desc()).limit(1)
    own = session.get(Source, f"{referral_id}-{actor.agency}")
    return bool(readable(session, actor, session.scalars(legs).all(), [own] if own else []))
