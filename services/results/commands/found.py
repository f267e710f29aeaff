"""Finding the rows that a command works on, or refusing."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Forbidden, NotFound, NotYet, Stale
from runtime.store import Actor, derived_id
from schemas.documents import ChecklistDocument
from schemas.documents import Question as WrittenQuestion
from services.results.domain.checklists import Item, Question
from services.results.domain.findings import Finding
from services.results.domain.sections import Draft, State, check_editable, check_on_team
from services.results.domain.sight import may_see_target
from services.results.rules import Rules, rules_of
from services.results.tables import Campaign, Checklist, DrawFact, Entry, Evidence, Section, Signature, Visit, Writer


class SectionNotYours(Forbidden):
    """A section's content belongs to the agency whose section it is."""

    code = "section.not_yours"


def campaign_of(session: Session, campaign_id: str) -> Campaign:
    """Load a campaign the actor may see."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(campaign=campaign_id)
    return campaign


def campaign_rules(session: Session, campaign: Campaign) -> Rules:
    """Load what a campaign is judged by."""
    return rules_of(session, campaign.pack_digest, campaign.calendar_digest)


def visit_of(session: Session, actor: Actor, visit_id: str) -> Visit:
    """Load a visit whose target the actor may know."""
    visit = session.get(Visit, visit_id)
    if visit is None or not sees(session, actor, [visit])[visit.id]:
        raise NotFound(visit=visit_id)
    return visit


def sees(session: Session, actor: Actor, visits: Iterable[Visit]) -> dict[str, bool]:
    """Tell for each visit whether the actor may know its target; teams and disclosure are read only where they decide."""
    listed = list(visits)
    disclosed = cache(partial(is_disclosed, session))

    def may(visit: Visit, officers: Iterable[str] = (), *, open_to_all: bool = False) -> bool:
        return actor.is_system or may_see_target(
            agency=actor.agency,
            roles=actor.roles,
            officer=actor.officer,
            lead=visit.owner_agency,
            agencies=visit.agencies,
            officers=officers,
            disclosed=open_to_all,
        )

    teams = _teams(session, actor, [visit.id for visit in listed if not may(visit)])
    return {
        visit.id: may(visit, teams.get(visit.id, ())) or may(visit, open_to_all=disclosed(visit.campaign))
        for visit in listed
    }


def _teams(session: Session, actor: Actor, visits: list[str]) -> dict[str, set[str]]:
    """Name the officers of the actor's agency that were drawn for each visit, for an actor who is an officer."""
    if actor.officer is None or not visits:
        return {}
    own = select(Section).where(Section.agency == actor.agency, Section.visit.in_(visits))
    return {
        section.visit: {member["officer"] for member in section.team if member["officer"]}
        for section in session.scalars(own)
    }


def is_disclosed(session: Session, campaign_id: str) -> bool:
    """Tell whether the targets of a campaign may be known to everybody the wall lets through."""
    fact = session.get(DrawFact, campaign_id)
    campaign = session.get(Campaign, campaign_id)
    return (fact is not None and fact.disclosed_at is not None) or (
        campaign is not None and campaign.disclosure == "open"
    )


def section_row(session: Session, actor: Actor, section_id: str) -> Section:
    """Load the row of a section of the actor's own agency, for a step that shows nothing of its target."""
    section = session.get(Section, section_id)
    if section is None:
        raise NotFound(section=section_id)
    if section.agency != actor.agency:
        raise SectionNotYours()
    return section


def own_section(session: Session, actor: Actor, section_id: str) -> Section:
    """Load a section of the actor's own agency; its progress may be shared, its content never is."""
    section = section_row(session, actor, section_id)
    visit_of(session, actor, section.visit)
    return section


def section_in_hand(session: Session, actor: Actor, section_id: str) -> Section:
    """Load a section that the actor, an officer of its team, may still change."""
    section = own_section(session, actor, section_id)
    check_on_team(actor.officer, [member["officer"] for member in section.team])
    check_editable(State(section.state))
    return section


def items_of(session: Session, section: Section) -> tuple[Item, ...]:
    """
    Put together the section's items with the questions of their confirmed checklists.

    Raises:
        NotYet: a checklist has not arrived.
    """
    documents: dict[str, ChecklistDocument] = {}
    found = []
    for item in section.items:
        name = f"{section.agency}.{item['checklist']}.{item['edition']}"
        if name not in documents:
            row = session.get(Checklist, name)
            if row is None:
                raise NotYet(f"checklist:{name}")
            documents[name] = ChecklistDocument.model_validate(row.document)
        asked = [part.questions for part in documents[name].items if part.item == item["item"]]
        questions = tuple(_question(written) for part in asked for written in part)
        found.append(Item(item["item"], item["name"], questions, item["legal_basis"]))
    return tuple(found)


def _question(written: WrittenQuestion) -> Question:
    on = written.condition
    return Question(
        id=written.id,
        text=written.text,
        answer=written.answer,
        choices=written.choices,
        required=written.required,
        asked_if=(on.question, on.answers) if on else None,
        guidance=written.guidance,
        legal_basis=written.legal_basis,
        severity=written.severity,
        bad_answers=written.bad_answers,
        finding_kind=written.finding_kind,
    )


def entry_of(session: Session, section: Section) -> Entry | None:
    """Load what has been written in a section, if anything."""
    return session.get(Entry, section.id)


def entry_for_writing(session: Session, actor: Actor, section: Section, at: datetime) -> Entry:
    """Load a section's entry, or begin it."""
    entry = session.get(Entry, section.id)
    if entry is None:
        entry = Entry(
            id=section.id,
            county=section.county,
            owner_agency=section.agency,
            version=0,
            answers={},
            outcomes={},
            findings=[],
            unit={},
            changed_by=actor.id,
            changed_at=at,
            return_reason="",
            returned_by="",
        )
        session.add(entry)
    return entry


def wrote(session: Session, actor: Actor, section: Section, at: datetime) -> None:
    """Remember for good that the actor had a hand in what a section says: whoever wrote, first or last, may not approve it."""
    name = derived_id("WR", section.id, actor.id)
    if session.get(Writer, name) is None:
        facts = {"county": section.county, "owner_agency": section.agency, "section": section.id}
        session.add(Writer(id=name, account=actor.id, first_at=at, **facts))
        session.flush()  # a command may write twice


def writers_of(session: Session, sections: Iterable[Section]) -> dict[str, set[str]]:
    """Name the accounts that had a hand in what each section says, whoever handed it in included."""
    found = {section.id: {section.entered_by} - {None} for section in sections}
    for row in session.scalars(select(Writer).where(Writer.section.in_(list(found)))):
        found[row.section].add(row.account)
    return {section: {str(account) for account in accounts} for section, accounts in found.items()}


def draft_of(entry: Entry | None) -> Draft:
    """Read what has been written as the domain knows it."""
    if entry is None:
        return Draft({}, {}, ())
    return Draft(entry.answers, entry.outcomes, tuple(finding_from(each) for each in entry.findings))


def finding_from(written: dict[str, Any]) -> Finding:
    """Read one written finding."""
    return Finding(
        item=str(written.get("item", "")),
        question=str(written.get("question", "") or ""),
        kind=str(written.get("kind", "") or ""),
        text=str(written.get("text", "") or ""),
        evidence=tuple(str(each) for each in written.get("evidence", ())),
    )


def evidence_of(session: Session, section: Section) -> list[Evidence]:
    """List a section's evidence in the order of its arrival."""
    mine = select(Evidence).where(Evidence.section == section.id).order_by(Evidence.added_at, Evidence.id)
    return list(session.scalars(mine))


def signatures_of(session: Session, section: Section) -> list[Signature]:
    """List a section's signatures, those under an earlier text included."""
    mine = select(Signature).where(Signature.section == section.id).order_by(Signature.officer)
    return list(session.scalars(mine))


def text_digest(session: Session, section: Section) -> str:
    """Digest the text that officers of a section sign now."""
    return draft_of(entry_of(session, section)).digest(each.sha256 for each in evidence_of(session, section))


def check_text(session: Session, section: Section, digest: str) -> str:
    """
    Refuse to stand for a text other than the one that was shown; returns the digest of both.

    Raises:
        Stale: the text was changed after it was shown, or no shown text is named at all.
    """
    stands = text_digest(session, section)
    if digest != stands:
        raise Stale(asked=digest, stored=stands)
    return stands


def photos_of(evidence: Iterable[Evidence]) -> set[tuple[str, str]]:
    """Name the questions that files answer."""
    return {(each.item, each.question) for each in evidence if each.question}
