"""What officers of a team write in a section before it is signed: answers, outcomes, findings, and the files that show them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runtime.errors import NotFound, Stale
from runtime.service import Reply
from runtime.store import Actor, derived_id
from services.results.commands.found import (
    campaign_of,
    campaign_rules,
    draft_of,
    entry_for_writing,
    entry_of,
    evidence_of,
    finding_from,
    items_of,
    section_in_hand,
    text_digest,
    wrote,
)
from services.results.domain.checklists import AnswerToUnknownQuestion, fit_answers, fit_text
from services.results.domain.files import StoredFile
from services.results.domain.findings import fit_findings
from services.results.domain.sections import Draft, fit_outcomes
from services.results.tables import Entry, Evidence, Section

Place = tuple[str, str]  # item, question; empty: the section, or the item, as a whole


# ── the draft ───────────────────────────────────────────────────────────────────────────────────────────────────────


def save_draft(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    answers: Mapping[str, Mapping[str, str]] | None = None,
    outcomes: Mapping[str, str] | None = None,
    findings: Sequence[Mapping[str, Any]] | None = None,
    version: str | None = None,
    files: Sequence[Mapping[str, Any]] = (),
) -> Reply:
    """
    Keep what an officer of the team has entered so far, with the files sent along; what is None stays as it is.

    Args:
        files: each with what `attach_evidence` asks for; all of them are kept with the draft, or nothing is.

    Raises:
        Stale: somebody of the team saved after *version*; nothing is lost, the page shows both.
    """
    section = section_in_hand(session, actor, section_id)
    before, after = _drafted(session, section, answers, outcomes, findings, version)
    entry = entry_for_writing(session, actor, section, at)
    if after != before:
        _write(entry, after)
        entry.version, entry.changed_by, entry.changed_at = entry.version + 1, actor.id, at
        wrote(session, actor, section, at)
    for file in files:
        attach_evidence(session, actor, at=at, section_id=section_id, **file)
    return Reply((), {"section": section.id, "version": entry.version, "digest": text_digest(session, section)})


def may_save(
    session: Session,
    actor: Actor,
    *,
    section_id: str,
    answers: Mapping[str, Mapping[str, str]],
    outcomes: Mapping[str, str],
    findings: Sequence[Mapping[str, Any]],
    version: str | None,
    places: Sequence[Place],
) -> None:
    """Refuse, before any file is stored, what `save_draft` would refuse with files at *places*."""
    section = section_in_hand(session, actor, section_id)
    _drafted(session, section, answers, outcomes, findings, version)
    for item, question in places:
        _check_place(session, section, item, question)


def _drafted(
    session: Session,
    section: Section,
    answers: Mapping[str, Mapping[str, str]] | None,
    outcomes: Mapping[str, str] | None,
    findings: Sequence[Mapping[str, Any]] | None,
    version: str | None,
) -> tuple[Draft, Draft]:
    """Work out the draft that stands and the one it would become."""
    entry = entry_of(session, section)
    stored = str(entry.version) if entry else "0"
    if version not in (None, "*", stored):
        raise Stale(asked=version, stored=stored)
    items = items_of(session, section)
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    before = draft_of(entry)
    kept = {each.id for each in evidence_of(session, section)}
    written = before.findings if findings is None else [finding_from(dict(each)) for each in findings]
    after = Draft(
        before.answers if answers is None else fit_answers(items, answers),
        before.outcomes if outcomes is None else fit_outcomes(items, rules.outcomes, outcomes),
        fit_findings(items, rules.kinds.keys(), kept, written),
    )
    return before, after


def _write(entry: Entry, draft: Draft) -> None:
    entry.answers = {item: dict(given) for item, given in draft.answers.items()}
    entry.outcomes = dict(draft.outcomes)
    entry.findings = [vars(each) | {"evidence": list(each.evidence)} for each in draft.findings]


# ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def may_attach(session: Session, actor: Actor, *, section_id: str, item: str, question: str) -> str:
    """Say, before a file is stored, whether the actor may add one here; returns the section."""
    section = section_in_hand(session, actor, section_id)
    _check_place(session, section, item, question)
    return section.id


def _check_place(session: Session, section: Section, item: str, question: str) -> None:
    if item and not any(
        each.id == item and (not question or any(q.id == question for q in each.questions))
        for each in items_of(session, section)
    ):
        raise AnswerToUnknownQuestion(item=item, question=question)


def attach_evidence(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    name: str,
    content_type: str,
    size: int,
    sha256: str,
    stored: StoredFile,
    item: str = "",
    question: str = "",
) -> Reply:
    """Name a stored file as evidence of a section; the same file at the same place is one piece of evidence."""
    section = section_in_hand(session, actor, section_id)
    _check_place(session, section, item, question)
    evidence_id = derived_id("E", section.id, item, question, sha256)
    if session.get(Evidence, evidence_id) is None:
        session.add(
            Evidence(
                id=evidence_id,
                county=section.county,
                owner_agency=section.agency,
                section=section.id,
                item=item,
                question=question,
                name=fit_text("name", name, longest=120),
                content_type=content_type,
                size=size,
                sha256=sha256,
                blob=stored.blob,
                added_by=actor.id,
                added_at=at,
            )
        )
        wrote(session, actor, section, at)
    return Reply((), {"evidence": evidence_id, "sha256": sha256, "size": size, "name": name})


def remove_evidence(session: Session, actor: Actor, *, at: datetime, section_id: str, evidence_id: str) -> Reply:
    """Take a file out of a section that is still being written; findings that named it name it no more."""
    section = section_in_hand(session, actor, section_id)
    evidence = session.get(Evidence, evidence_id)
    if evidence is None or evidence.section != section.id:
        raise NotFound(evidence=evidence_id)
    session.delete(evidence)
    wrote(session, actor, section, at)
    entry = entry_of(session, section)
    if entry is not None and any(evidence_id in each["evidence"] for each in entry.findings):
        entry.findings = [
            each | {"evidence": [e for e in each["evidence"] if e != evidence_id]} for each in entry.findings
        ]
        entry.version, entry.changed_by, entry.changed_at = entry.version + 1, actor.id, at
    return Reply((), {"evidence": evidence_id})
