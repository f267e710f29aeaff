"""What goes with a referral: the finding, the record sheet of its item, the evidence it names."""

from collections.abc import Sequence
from typing import Any

from services.results.domain.checklists import Item
from services.results.tables import Campaign, Entry, Evidence, FindingRow, Section, Signature, Visit


def package_content(
    campaign: Campaign,
    visit: Visit,
    section: Section,
    entry: Entry,
    items: Sequence[Item],
    findings: Sequence[FindingRow],
    evidence: Sequence[Evidence],
    signatures: Sequence[Signature],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write down what a source hands over about *findings*; returns (content, {evidence: blob})."""
    named = {each for finding in findings for each in finding.evidence}
    files = [each for each in evidence if each.id in named]
    about = visit.about
    content = {
        "campaign": {"id": campaign.id, "title": campaign.title, "number": campaign.number},
        "visit": visit.id,
        "visit_on": visit.visit_on.isoformat() if visit.visit_on else None,
        "agency": section.agency,
        "target": {
            "target": visit.target,
            "name": about["name"],
            "uscc": about["uscc"],
            "address": about["address"],
            "category": visit.category,
            "district": visit.district,
        },
        "findings": [
            {"id": finding.id, "item": finding.item, "kind": finding.kind, "text": finding.text} for finding in findings
        ],
        "record": [_sheet(item, entry) for item in items if item.id in {finding.item for finding in findings}],
        "officers": [
            {"name": member["name"], "credential": member["credential"]}
            | ({"appointed": True} if member.get("appointed") else {})
            for member in section.team
            if member["officer"] in {each.officer for each in signatures}
        ],
        "unit": {key: entry.unit[key] for key in ("how", "reason") if key in entry.unit},
        "evidence": [
            {
                "id": each.id,
                "name": each.name,
                "content_type": each.content_type,
                "size": each.size,
                "sha256": each.sha256,
            }
            for each in files
        ],
    }
    return content, {each.id: each.blob for each in files}


def _sheet(item: Item, entry: Entry) -> dict[str, Any]:
    given = entry.answers.get(item.id, {})
    return {
        "item": item.id,
        "name": item.name,
        "legal_basis": item.legal_basis,
        "outcome": entry.outcomes.get(item.id, ""),
        "answers": [[question.text, given[question.id]] for question in item.asked(given) if question.id in given],
    }
