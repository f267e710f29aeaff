"""
Sections: one agency's part of a visit, from the first answer to its approval.

``open → submitted → returned → submitted → approved → published``; the day is the visit's, one for all agencies. A section
nobody has entered yet ends as ``replaced`` when the draw replaces its target.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from runtime.errors import Conflict, Forbidden, Rejected
from services.results.domain.checklists import Answers, AnswersMissing, Item, open_questions
from services.results.domain.findings import Finding, FollowUp

APPROVAL = "result_approval"
"""The pack's term within which a submitted section is approved or returned."""


class State(StrEnum):
    """Where a section stands."""

    OPEN = "open"
    SUBMITTED = "submitted"  # 待审核
    RETURNED = "returned"  # 审核退回
    APPROVED = "approved"
    PUBLISHED = "published"
    REPLACED = "replaced"  # 已替换: the target is gone, the visit will not be made


EDITABLE = (State.OPEN, State.RETURNED)
PASSED = (State.APPROVED, State.PUBLISHED)


class SectionNotInState(Conflict):
    """The section is in a state in which this cannot be done."""

    code = "section.not_in_state"


class NotOnTheTeam(Forbidden):
    """Only officers drawn for this section, or appointed to it, may enter or sign it."""

    code = "section.not_on_team"


class EnteredAndApprovedBySame(Forbidden):
    """Who entered or signed a result may not approve it (职责分离)."""

    code = "section.entered_and_approved_by_same"


class HeldByRound(Conflict):
    """A replacement round is under way that may change the target of this visit or who goes there."""

    code = "section.held_by_round"


class VisitNotScheduled(Conflict):
    """The visit has no day yet."""

    code = "visit.not_scheduled"


class BeforeTheVisit(Conflict):
    """The visit is still to come."""

    code = "section.before_visit"


class SignaturesMissing(Rejected):
    """Fewer inspectors of the team signed than the rule asks for (执法人员不得少于两人)."""

    code = "section.signatures_missing"


class UnitNotSigned(Rejected):
    """The inspected unit has neither signed, nor is its refusal on record."""

    code = "section.unit_not_signed"


class OutcomeMissing(Rejected):
    """An item has no outcome."""

    code = "outcome.missing"


class OutcomeUnknown(Rejected):
    """The pinned rule pack does not know this outcome; it may know others."""

    code = "outcome.unknown"


class OutcomeOfForeignItem(Rejected):
    """The section has no such item."""

    code = "outcome.foreign_item"


class OutcomeNeedsFinding(Rejected):
    """This outcome says that something was found, but no finding says what."""

    code = "outcome.needs_finding"


class OutcomeHidesFinding(Rejected):
    """This outcome says that nothing is left to do, but there is a finding."""

    code = "outcome.hides_finding"


class OutcomeNeedsRectification(Rejected):
    """This outcome says that the firm was ordered to put something right, but no finding of the item becomes that."""

    code = "outcome.needs_rectification"


class OutcomeNeedsAgency(Rejected):
    """This outcome says that an agency has still to act, but every finding of the item is left to the firm to put right."""

    code = "outcome.needs_agency"


@dataclass(frozen=True)
class Outcome:
    """One code of the pack's vocabulary (检查结果) and what it asks for."""

    code: str
    needs_finding: bool = False
    dated: bool = False  # a rectification date: a finding by which the firm is ordered to put something right
    acted_on: bool = False  # an agency: a finding on which one acts, the finder itself or whoever it goes to
    closes: bool = False
    updates_register: bool = False


@dataclass(frozen=True)
class Draft:
    """What officers have entered so far."""

    answers: Answers
    outcomes: Mapping[str, str]  # item → code
    findings: tuple[Finding, ...]

    def digest(self, evidence: Iterable[str]) -> str:
        """
        Digest what a signature stands under: answers, outcomes, findings and the evidence's digests.

        Whoever signs, signs this; a later change leaves the signature without its text, and it no longer counts.
        """
        text = [self.answers, self.outcomes, [vars(finding) for finding in self.findings], sorted(evidence)]
        plain = json.dumps(text, sort_keys=True, ensure_ascii=False, default=list, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


def check_editable(state: State) -> None:
    """Refuse changes to a section that waits for approval or is past it."""
    if state not in EDITABLE:
        raise SectionNotInState(state=state.value)


def check_not_held(held_in: int | None) -> None:
    """Refuse to hand in what a replacement round may still take away from the team."""
    if held_in is not None:
        raise HeldByRound(round=held_in)


def check_on_team(officer: str | None, team: Iterable[str | None]) -> str:
    """Return the officer's number if it is on the section's team."""
    if officer is None or officer not in [member for member in team if member is not None]:
        raise NotOnTheTeam(officer=officer or "")
    return officer


def check_day(visit_on: date | None, today: date) -> date:
    """Refuse to sign or submit before the visit's day."""
    if visit_on is None:
        raise VisitNotScheduled()
    if today < visit_on:
        raise BeforeTheVisit(visit_on=visit_on.isoformat())
    return visit_on


def fit_outcomes(items: Iterable[Item], vocabulary: Mapping[str, Outcome], given: Mapping[str, str]) -> dict[str, str]:
    """Check outcomes of a draft: items of the section, codes of the pack; an empty code means: not yet."""
    known = [item.id for item in items]
    for item, code in given.items():
        if item not in known:
            raise OutcomeOfForeignItem(item=item)
        if code and code not in vocabulary:
            raise OutcomeUnknown(outcome=code, known=", ".join(sorted(vocabulary)))
    return {item: given[item] for item in known if given.get(item)}


def check_complete(
    items: Sequence[Item],
    draft: Draft,
    vocabulary: Mapping[str, Outcome],
    photos: AbstractSet[tuple[str, str]],
    follow_ups: Mapping[str, FollowUp],
) -> None:
    """
    Check that a section says everything it must before it is submitted.

    Required answers, an outcome per item that fits its findings and what will become of them by the routing table
    (*follow_ups*: kind → what). Where the outcome says that the unit is no longer
    what the register says (迁出、注销 …), the questions about it need no answer.

    Raises:
        AnswersMissing, OutcomeMissing, OutcomeUnknown, OutcomeNeedsFinding, OutcomeHidesFinding,
        OutcomeNeedsRectification, OutcomeNeedsAgency.
    """
    for item in items:
        code = draft.outcomes.get(item.id)
        if not code:
            raise OutcomeMissing(item=item.id, name=item.name)
        if code not in vocabulary:
            raise OutcomeUnknown(outcome=code, known=", ".join(sorted(vocabulary)))
        outcome = vocabulary[code]
        found = [follow_ups[finding.kind] for finding in draft.findings if finding.item == item.id]
        if outcome.needs_finding and not found:
            raise OutcomeNeedsFinding(item=item.id, name=item.name, outcome=code)
        if outcome.closes and found:
            raise OutcomeHidesFinding(item=item.id, name=item.name, outcome=code)
        if outcome.dated and FollowUp.RECTIFICATION not in found:
            raise OutcomeNeedsRectification(item=item.id, name=item.name, outcome=code)
        if outcome.acted_on and set(found) <= {FollowUp.RECTIFICATION}:
            raise OutcomeNeedsAgency(item=item.id, name=item.name, outcome=code)
        missing = () if outcome.updates_register else open_questions(item, draft.answers.get(item.id, {}), photos)
        if missing:
            raise AnswersMissing(count=len(missing), question=missing[0].text, item=item.name)


def check_signed(signers: AbstractSet[str], team: Iterable[str | None], needed: int, *, unit: bool) -> None:
    """Check that enough officers of the team signed the present text, and that the unit signed or refused on record."""
    members = {member for member in team if member is not None}
    signed = len(signers & members)
    if signed < needed:
        raise SignaturesMissing(signed=signed, needed=needed)
    if not unit:
        raise UnitNotSigned()


def may_approve(account: str, officer: str | None, *, entered_by: AbstractSet[str], signers: AbstractSet[str]) -> bool:
    """Tell whether somebody neither entered (*entered_by*, accounts) nor signed (*signers*, accounts and officers) it."""
    return account not in entered_by | signers and (officer is None or officer not in signers)


def check_other_person(
    account: str, officer: str | None, *, entered_by: AbstractSet[str], signers: AbstractSet[str]
) -> None:
    """Refuse an approver who entered or signed the section (`may_approve`)."""
    if not may_approve(account, officer, entered_by=entered_by, signers=signers):
        raise EnteredAndApprovedBySame()
