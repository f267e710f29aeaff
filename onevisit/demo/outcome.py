"""What came of the campaign: summary, record and frame, each expectation of the story, and the independent verifier's word."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.table import Table

from onevisit.demo.papers import PACK, ROOT, Papers
from onevisit.system import System
from onevisit.tail import onwards
from runtime.store.actor import Actor
from schemas.envelope import CloudEvent
from schemas.rulepack import parse_rulepack
from schemas.summary import DemoSummary
from schemas.topics import FACT_TOPICS
from schemas.vocabulary import Role
from services.drawer.archive import full_record
from services.drawer.queries.draws import draws_of
from services.planner.queries.campaigns import campaigns_of
from services.results.queries.summary import campaign_summary
from services.results.queries.visits import visit_lines

EXPECTED = {
    "entities": 110,
    "targets": 11,
    "visits": 11,
    "publication_rate": 1.0,
    "late": {"rule": 1, "plan": 1},
    "dead_letters": 0,
    "waiting": 0,
    "referrals": {"closed": 3},  # #1, #3 and #5, all settled
}
FOUND = {"PENDING": 2, "CORRECTED": 1, "UNREACHABLE": 4}  # outcomes of findings #1 and #3, #2, and #5 (four agencies)
FAULTLESS = "NO_ISSUE"  # every other item


def summarize(system: System) -> dict[str, Any]:
    """Read, through queries, what came of the campaign (schemas/demo-summary.schema.json)."""
    services = system.services
    planner, drawer, results = services["planner"], services["drawer"], services["results"]
    (campaign,) = planner.ask(planner.system, campaigns_of, year=None)
    (draw,) = drawer.ask(drawer.system, draws_of, now=system.ports.clock.now())
    told = results.ask(results.system, campaign_summary, campaign_id=campaign.campaign)
    manifest = json.loads(full_record(drawer, draw.draw).record)["manifest"]
    events = Counter(
        CloudEvent.model_validate_json(record.body).type
        for record in onwards(system.bus, [topic.name for topic in FACT_TOPICS], {})
    )
    backlogs = [service.backlog() for service in services.values()]
    return {
        "entities": manifest["frame"]["n"],
        "targets": sum(n for _, n in manifest["sizes"][manifest["selections"][0]["id"]].values()),
        "visits": told["visits"],
        "checklists": told["checklists"],
        "officer_slots": told["officer_slots"],
        "results": told["results"],
        "publication_rate": told["publication_rate"],
        "late": told["late"],
        "referrals": told["referrals"],
        "notices": events["onevisit.notice.delivered.v1"],
        "events": dict(sorted(events.items())),
        "dead_letters": sum(one.parked for one in backlogs),
        "waiting": sum(one.waiting for one in backlogs),
        "state_digest": system.state_digest(),
    }


def write_results(system: System, summary: Mapping[str, Any], to: Path) -> None:
    """Write summary.json, draw/record.json (full edition) and draw/frame.tsv."""
    drawer = system.services["drawer"]
    (draw,) = drawer.ask(drawer.system, draws_of, now=system.ports.clock.now())
    files = full_record(drawer, draw.draw)
    (to / "draw").mkdir(parents=True, exist_ok=True)
    (to / "draw" / "record.json").write_bytes(files.record)
    (to / "draw" / "frame.tsv").write_bytes(files.frame)
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    (to / "summary.json").write_text(text + "\n", encoding="utf-8")


def broken_invariants(summary: Mapping[str, Any]) -> list[str]:
    """Name every expectation that the summary does not meet."""
    broken = [f"{name}: {summary[name]} ≠ {value}" for name, value in EXPECTED.items() if summary[name] != value]
    found = {code: count for code, count in summary["results"].items() if code != FAULTLESS}
    if found != FOUND:
        broken.append(f"results: {found} ≠ {FOUND}, and {FAULTLESS}")
    if summary["officer_slots"] != 2 * summary["checklists"]:
        broken.append(f"officer_slots: {summary['officer_slots']} for {summary['checklists']} checklists")
    if summary.get("notices") == 0:
        broken.append("notices: nobody was told of anything")
    if not 22 <= summary["checklists"] <= 55:
        broken.append(f"checklists: {summary['checklists']}")
    try:
        DemoSummary.model_validate(summary)
    except ValidationError as error:
        broken.append(f"schema: {'; '.join('.'.join(map(str, one['loc'])) for one in error.errors())}")
    return broken


def broken_visits(system: System, summary: Mapping[str, Any], applying: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """
    Name every visit that has not one section of each agency whose items apply to its target, and no other.

    The results must be as many as the items that apply.

    Args:
        applying: what the spreadsheets say, see ``items_by_category``.
    """
    results = system.services["results"]
    lead = Papers().campaign["lead"]
    planner = Actor(f"{lead.lower()}-plan", lead, system.home.settings.county, frozenset({Role.PLANNER}), None)
    visits = results.ask(planner, visit_lines)
    broken, items = list[str](), 0
    if len(visits) != summary["visits"]:
        broken.append(f"visits: the lead sees {len(visits)} of {summary['visits']}")
    for visit in visits:
        due = applying[visit["target"]["category"]]
        there = sorted(section["agency"] for section in visit["sections"])
        if there != sorted(due):
            broken.append(f"sections: {visit['visit']}: {there} ≠ {sorted(due)}")
        items += sum(len(each) for each in due.values())
    if sum(summary["results"].values()) != items:
        broken.append(f"results: {sum(summary['results'].values())} of {items} items")
    return broken


def items_by_category() -> dict[str, dict[str, list[str]]]:
    """Read which items of the campaign apply to a category of targets: {category: {agency: items}}."""
    papers = Papers()
    codes = {each.zh: each.code for each in parse_rulepack(PACK.read_bytes()).categories}
    found: dict[str, dict[str, list[str]]] = {}
    for agency in papers.agencies:
        for item in papers.items(agency):
            if item["事项编号"] in papers.campaign["items"][agency]:
                for category in item["适用类别"].split("、"):
                    found.setdefault(codes[category], {}).setdefault(agency, []).append(item["事项编号"])
    return found


def verify_offline(to: Path) -> list[str]:
    """Let the independent verifier check the record, without network or service; name what it says if not accepted."""
    command = [sys.executable, "-I", str(ROOT / "verify_draw.py"), str(to / "draw" / "record.json")]
    done = subprocess.run(
        [*command, str(to / "draw" / "frame.tsv")], capture_output=True, text=True, check=False, timeout=60
    )
    return [] if done.returncode == 0 else [f"verify_draw.py: exit {done.returncode}: {done.stdout[-500:]}"]


def for_people(summary: Mapping[str, Any]) -> Table:
    """Lay the summary out as a table."""
    table = Table(title="平罗县 2018 年联合抽查 · Pingluo 2018", show_header=False)
    labels = {
        "entities": "检查对象 entities",
        "targets": "抽中 targets",
        "visits": "进门次数 visits",
        "checklists": "各部门检查表 checklists",
        "officer_slots": "派出人次 officer slots",
        "results": "检查结果 results",
        "publication_rate": "公示率 publication rate",
        "late": "超期 late",
        "referrals": "移送 referrals",
        "notices": "通知 notices",
        "dead_letters": "搁置 dead letters",
        "waiting": "等待 waiting",
        "state_digest": "状态摘要 state digest",
    }
    for key, label in labels.items():
        value = summary[key]
        shown = ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(label, shown)
    table.add_row("事件 events", str(sum(summary["events"].values())))
    return table
