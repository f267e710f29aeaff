"""Views of the planner as JSON, and its sentences: complaints, warnings."""

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from runtime.web.messages import Lang, Messages
from runtime.web.problems import plain
from services.planner.domain.ratios import Sizes
from services.planner.domain.spreadsheets import Complaint
from services.planner.domain.stages import Warned
from services.planner.queries.campaigns import CampaignView
from services.planner.queries.frames import SizesView


def complaint(messages: Messages, sheet: str, one: Complaint) -> dict[str, Any]:
    """Write a complaint about a cell, with its sentence in both languages."""
    sentence = messages.of(one.code, dict(one.facts))
    return {
        "sheet": sheet,
        "row": one.row,
        "cell": one.cell,
        "code": one.code,
        "zh": sentence.zh,
        "en": sentence.en,
        "facts": plain(dict(one.facts)),
    }


def complaints(messages: Messages, found: Sequence[tuple[str, Complaint]]) -> list[dict[str, Any]]:
    """Write complaints in their order."""
    return [complaint(messages, sheet, one) for sheet, one in found]


STAGES = {
    "prepare": ("方案", "Preparation"),
    "draw": ("抽取", "Draw"),
    "inspect": ("检查", "Inspection"),
    "publish": ("公示", "Publication"),
}


def warning(messages: Messages, warned: Warned) -> dict[str, Any]:
    """Write a warning about a campaign's dates, with its sentence in both languages."""
    facts = warned.get()
    stage = STAGES.get(str(facts.get("stage", "")), ("", ""))
    zh = messages.of(f"warning.{warned.code}", {**facts, "stage": stage[0]}).zh
    en = messages.of(f"warning.{warned.code}", {**facts, "stage": stage[1]}).en
    return {"code": warned.code, "zh": zh, "en": en, "facts": plain(facts)}


def said(lang: Lang, written: dict[str, Any]) -> str:
    """Pick the sentence of a warning or complaint in one language."""
    return str(written[lang])


def percent(share: Fraction) -> str:
    """Write a share to a thousandth of a percent, exactly rounded half up: 1/10 is 10.000%."""
    thousandths = (share.numerator * 200_000 + share.denominator) // (2 * share.denominator)
    return f"{thousandths // 1000}.{thousandths % 1000:03d}%"


def campaign(messages: Messages, view: CampaignView) -> dict[str, Any]:
    """Write a campaign for the API."""
    written: dict[str, Any] = plain(asdict(view))
    written["warnings"] = [warning(messages, warned) for warned in view.warnings]
    written["mine_to"] = sorted(view.mine_to)
    return written


def sizes(messages: Messages, view: SizesView) -> dict[str, Any]:
    """Write the preview of sizes, with the sentence which option keeps what."""
    found: Sizes = view.sizes
    options = []
    for option in found.options:
        sentence = messages.of(
            f"sizes.{option.spread}" if option.keeps_ratio else "sizes.below_ratio",
            {"targets": option.targets, "share": percent(option.share), "frame": found.frame},
        )
        options.append(
            {
                "spread": option.spread,
                "targets": option.targets,
                "share": str(option.share),
                "percent": percent(option.share),
                "within_bounds": option.within_bounds,
                "classes": [
                    {"categories": list(cells), "size": size, "targets": targets}
                    for cells, size, targets in option.by_class
                ],
                "zh": sentence.zh,
                "en": sentence.en,
            }
        )
    feasible = messages.of(
        "sizes.feasible" if found.feasible else "sizes.nothing_feasible",
        {"fewest": found.fewest, "most": found.most, "frame": found.frame},
    )
    clashes = []
    for clash in view.weighed.clashes:
        sentence = messages.of(clash.code, dict(clash.facts))
        facts = plain(dict(clash.facts))
        clashes.append(
            {
                "code": clash.code,
                "categories": list(clash.categories),
                "zh": sentence.zh,
                "en": sentence.en,
                "facts": facts,
            }
        )
    nearest = None
    if view.weighed.clashes and view.weighed.nearest is not None:
        nearest = [plain(asdict(each)) for each in view.weighed.nearest]
    return {
        "campaign": view.campaign,
        "on": view.on.isoformat(),
        "frame": found.frame,
        "by_category": dict(found.by_category),
        "planned": found.planned,
        "spread": view.spread,
        "fewest": found.fewest,
        "most": found.most,
        "feasible": found.feasible,
        "zh": feasible.zh,
        "en": feasible.en,
        "options": options,
        "clashes": clashes,
        "nearest": nearest,
        "excluded": dict(view.excluded),
    }
