"""Findings (发现的问题): where they come from, and what becomes of each."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from runtime.errors import Rejected
from services.results.domain.checklists import Answers, Item, bad_answers, fit_text


class FindingKindUnknown(Rejected):
    """The pinned rule pack does not know this kind of finding."""

    code = "finding.kind_unknown"


class FindingWithoutItem(Rejected):
    """A finding belongs to an item of the section."""

    code = "finding.without_item"


class FindingNamesForeignEvidence(Rejected):
    """A finding names evidence that is not in this section."""

    code = "finding.foreign_evidence"


@dataclass(frozen=True)
class Finding:
    """One problem seen by one agency at one target. *question* is empty for a finding of the officers' own."""

    item: str
    question: str
    kind: str
    text: str
    evidence: tuple[str, ...] = ()


def gather(
    items: Sequence[Item], answers: Answers, written: Iterable[Finding], visit_on: date | None
) -> tuple[Finding, ...]:
    """
    Put together the findings of a section: one per bad answer whose question has a kind, then the officers' own.

    A written finding that names a question supplies the text and evidence of that question's finding; if its answer
    is no longer bad it is dropped. Order: by item, then question as on the checklist, then as written.
    """
    own = list(written)
    said = {(finding.item, finding.question): finding for finding in own if finding.question}
    found: list[Finding] = []
    for item in items:
        for question in bad_answers(item, answers.get(item.id, {}), visit_on):
            if question.finding_kind is not None:
                default = f"{question.text}：{_spoken(answers[item.id][question.id])}"
                note = said.get((item.id, question.id))
                text, evidence = (note.text or default, note.evidence) if note else (default, ())
                found.append(Finding(item.id, question.id, question.finding_kind, text, evidence))
        found += [finding for finding in own if finding.item == item.id and not finding.question]
    return tuple(found)


def _spoken(answer: str) -> str:
    return {"yes": "是", "no": "否"}.get(answer, answer)


def fit_findings(
    items: Sequence[Item], kinds: AbstractSet[str], evidence: AbstractSet[str], written: Iterable[Finding]
) -> tuple[Finding, ...]:
    """Check what officers wrote about findings: item, kind, text, evidence of this section."""
    known = {item.id: {q.id: q for q in item.questions} for item in items}
    return tuple(_fit(finding, known, kinds, evidence) for finding in written)


def _fit(
    finding: Finding, known: Mapping[str, Mapping[str, object]], kinds: AbstractSet[str], evidence: AbstractSet[str]
) -> Finding:
    if finding.item not in known or (finding.question and finding.question not in known[finding.item]):
        raise FindingWithoutItem(item=finding.item, question=finding.question)
    if not finding.question and finding.kind not in kinds:
        raise FindingKindUnknown(kind=finding.kind)
    if foreign := sorted(set(finding.evidence) - evidence):
        raise FindingNamesForeignEvidence(evidence=foreign[0])
    text = fit_text("finding", finding.text, required=not finding.question)
    return Finding(finding.item, finding.question, finding.kind, text, tuple(sorted(set(finding.evidence))))


class FollowUp(StrEnum):
    """What becomes of a finding when its section is approved."""

    RECTIFICATION = "rectification"  # 责令改正: the firm puts it right by a day
    OWN_ACTION = "own_action"  # the finder is itself the agency the table names, and acts once, whoever else reports
    REFERRAL = "referral"  # 移送 / 抄告
    UNROUTED = "unrouted"  # 待定管辖: the lead's queue


@dataclass(frozen=True)
class Route:
    """The row of the pack's routing table that says what becomes of a finding, as the pack returns it."""

    mode: str  # transfer, inform, own, unrouted
    agency: str | None
    deadline: str  # code of the term within which it is to be done
    rule: str  # the row, by its keys and source
    suggest: str | None = None
    action: str = ""
    follow_up: str = ""  # of mode own: rectification, action


@dataclass(frozen=True)
class Consequence:
    """What becomes of one finding."""

    follow_up: FollowUp
    receiver: str | None = None
    external: bool = False
    mode: str = "transfer"

    @property
    def inside_remit(self) -> bool:
        """Whether the finder may act itself."""
        return self.follow_up in (FollowUp.RECTIFICATION, FollowUp.OWN_ACTION)


def consequence(route: Route, bodies: Mapping[str, str]) -> Consequence:
    """
    Decide what becomes of a finding; *bodies* are the kinds of every body known, ``{agency: kind}``.

    Of what stays with the finder the row says whether it is a rectification or the finder acts itself: nobody can order
    an unreachable firm to put something right. A receiver nobody knows must not swallow a finding, so it waits in the
    lead's queue.
    """
    if route.mode == "own":
        return Consequence(FollowUp.OWN_ACTION if route.follow_up == "action" else FollowUp.RECTIFICATION)
    kind = bodies.get(route.agency or "")
    if route.mode == "unrouted" or route.agency is None or kind not in ("agency", "external"):
        return Consequence(FollowUp.UNROUTED)
    return Consequence(FollowUp.REFERRAL, route.agency, kind == "external", route.mode)
