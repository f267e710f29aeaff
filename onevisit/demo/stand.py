"""`make demo`: the whole campaign in a home of its own, with server and player as processes, then the proof of what came of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from onevisit import home as homes
from onevisit.demo.county import demo_settings, follow
from onevisit.demo.papers import ROOT, Papers
from onevisit.system import System, build
from schemas.envelope import CloudEvent
from schemas.topics import FACT_TOPICS
from services.drawer.archive import full_record
from services.drawer.queries import draws_of
from services.planner.queries import campaigns_of
from services.results.queries.summary import campaign_summary

START_SECONDS = 60.0
EXPECTED = {
    "entities": 110,
    "targets": 11,
    "visits": 11,
    "publication_rate": 1.0,
    "late": {"rule": 1, "plan": 1},
    "dead_letters": 0,
    "waiting": 0,
}
EXPECTED_REFERRALS = 3


def found(home: Path) -> None:
    """Make the demonstration's home on a simulated clock."""
    start = datetime.fromisoformat(str(Papers().demo["clock"]["start"]))
    homes.create(home, demo_settings(""), simulated_from=start)


def start_server(home: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the county's server on *home* as a process of its own, on a free port."""
    (home / "address").unlink(missing_ok=True)
    command = [sys.executable, "-m", "onevisit", "up", "--home", str(home), "--port", "0"]
    return subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)


def wait_until_up(home: Path, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server has written its address; False if it ended before."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if (home / "address").exists():
            return True
        if server.poll() is not None:
            return False
        time.sleep(0.02)
    return False


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, and wait."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


def play_whole_campaign(to: Path, out: Console) -> int:
    """Play everything, write summary, record and frame, check the invariants; return the exit code."""
    shutil.rmtree(to, ignore_errors=True)
    home = to / "home"
    found(home)
    server = start_server(home)
    try:
        if not wait_until_up(home, server):
            out.print("[red]系统未能启动 / the county did not start[/red]; see logs/onevisit.log")
            return 1
        played = follow([sys.executable, "-m", "onevisit.demo.play", "--home", str(home)], out)
    finally:
        stop_server(server)
    if played:
        return played
    system = build(homes.open_home(home))
    try:
        summary = summarize(system)
        write_results(system, summary, to)
    finally:
        system.close()
    out.print(_for_people(summary))
    broken = broken_invariants(summary) + verify_offline(to)
    for name in broken:
        out.print(f"[red]不变量被破坏 / invariant broken: {name}[/red]")
    return 1 if broken else 0


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
        for record in system.bus.read([topic.name for topic in FACT_TOPICS], {}, 10_000_000)
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
    if sum(summary["referrals"].values()) != EXPECTED_REFERRALS:
        broken.append(f"referrals: {summary['referrals']}")
    if summary["officer_slots"] != 2 * summary["checklists"]:
        broken.append(f"officer_slots: {summary['officer_slots']} for {summary['checklists']} checklists")
    if not 22 <= summary["checklists"] <= 55:
        broken.append(f"checklists: {summary['checklists']}")
    return broken


def verify_offline(to: Path) -> list[str]:
    """Let the independent verifier check the record, without network or service; name what it says if not accepted."""
    command = [sys.executable, "-I", str(ROOT / "verify_draw.py"), str(to / "draw" / "record.json")]
    done = subprocess.run(
        [*command, str(to / "draw" / "frame.tsv")], capture_output=True, text=True, check=False, timeout=60
    )
    return [] if done.returncode == 0 else [f"verify_draw.py: exit {done.returncode}: {done.stdout[-500:]}"]


def _for_people(summary: Mapping[str, Any]) -> Table:
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
