"""附件2 and 附件6 as a file of their own: one page that any browser shows in ten years, written from the record alone."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from services.drawer import qr
from services.drawer.domain.beacons import LOTTERY, ROOM_DICE, kind_of
from services.drawer.drafts import SHANGHAI
from services.drawer.wording import CUSTODY

PAGE = Path(__file__).parent / "documents" / "archive-annexes.html"
PID_SHOWN = 16
"""Characters of a pid on the page: enough to find it in the record, and not a line for each officer."""
HASH_NAMES = {"sha256": "SHA-256", "sm3": "SM3"}


def annexes(record: bytes, draw: str, title: str, names: Mapping[str, str]) -> bytes:
    """
    Write both annexes of a draw as its newest record leaves it; the same record gives the same bytes.

    Args:
        record: Of either edition; of a full one nothing is told that the public one does not hold.
        title: The campaign's number and name.
        names: What agencies are called, by id.
    """
    told = json.loads(record)
    newest = told["replacements"][-1] if told["replacements"] else told
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(PAGE.read_text("utf-8"))
    return page.render(
        draw=draw,
        manifest=told["manifest"],
        facts=list(_facts(told, draw, title, names)),
        shown=PID_SHOWN,
        targets=list(_targets(told, newest, names)),
        remarks=list(_remarks(told, names)),
        picture=qr.code(newest["result_digest"]).picture,
        digest=newest["result_digest"],
    ).encode()


def _facts(
    told: Mapping[str, Any], draw: str, title: str, names: Mapping[str, str]
) -> Iterator[tuple[str, str, str | int]]:
    manifest = told["manifest"]
    witness = manifest["witness"]
    yield "抽查任务", "campaign", title
    yield "抽取编号", "draw", draw
    yield "封存时间（北京时间）", "sealed (Beijing time)", _moment(told["seal"]["at"])
    yield (
        "抽取方式",
        "method",
        f"系统摇号 / by system, {manifest['v']}, {_hash_of(manifest)}，第 {manifest['attempt']} 次 / attempt",
    )
    sources = "；".join(f"{one['id']} {one['round']}：{_value(one)}" for one in told["beacons"])
    yield "随机源", "sources of randomness", sources or "无（仅限演练） / none (rehearsals only)"
    yield "检查对象库总户数", "targets in the frame", manifest["frame"]["n"]
    yield "抽取户数", "targets drawn", len(_selected(told))
    yield "执法人员库人数", "officers on the rosters", sum(one["inspectors"] for one in manifest["rosters"].values())
    yield "牵头单位", "lead", names.get(manifest["lead"], manifest["lead"])
    for agency, own in manifest["agencies"].items():
        keeper = CUSTODY[own["custody"]]
        yield names.get(agency, agency), "key kept by", f"{keeper.zh} / {keeper.en}"
    yield "见证人", "witness", witness["name"] if witness else "无 / none"
    yield f"批准的方案 {_hash_of(manifest)}", "approved plan", manifest["plan"]


def _hash_of(manifest: Mapping[str, Any]) -> str:
    """Name the draw's hash as people do."""
    return HASH_NAMES[manifest["hash"]]


def _value(one: Mapping[str, Any]) -> str:
    """Give a beacon's value as people read it: digits as digits, the rest in hex."""
    plain = bytes.fromhex(one["value"])
    return plain.decode() if kind_of(one["id"]) in (ROOM_DICE, LOTTERY) else str(one["value"])


def _selected(act: Mapping[str, Any]) -> dict[str, str]:
    """Give what was selected: {target: stratum}."""
    found = {}
    for of in act["selected"].values():
        for stratum, targets in of.items():
            found.update(dict.fromkeys(targets, stratum))
    return found


def _targets(told: Mapping[str, Any], newest: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    came = {target: (stratum, 0) for target, stratum in _selected(told).items()}
    for act in told["replacements"]:
        came |= {target: (stratum, act["round"]) for target, stratum in _selected(act).items() if target not in came}
    standing = {target for targets in newest["work"].values() for target in targets}
    for target in sorted(standing, key=lambda one: (came[one][1], one)):
        stratum, number = came[target]
        teams = [
            f"{names.get(agency, agency)}：" + "、".join(pid[:PID_SHOWN] if pid else "空缺" for pid in team)
            for agency, team in _teams(newest, target)
        ]
        yield {"target": target, "stratum": stratum, "round": number, "teams": teams}


def _teams(act: Mapping[str, Any], target: str) -> Iterator[tuple[str, list[str | None]]]:
    for agency, told in sorted(act["teams"].items()):
        assigned = told.get("assigned", told) if "round" not in act else told  # of a round: the teams as they stand
        if target in assigned:
            yield agency, assigned[target]


def _remarks(told: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for one in told["attempts"]:
        number = one["manifest"]["attempt"]
        yield f"第 {number} 次作废：{one['reason']}", f"attempt {number} is void"
    for act in told["replacements"]:
        number = act["round"]
        for gone in act["rho"]["removed"]:
            yield (
                f"第 {number} 轮剔除 {gone['id']}：{gone['reason']}，依据 {_hash_of(told['manifest'])} {gone['evidence']}",
                f"round {number} removed it",
            )
        for out in act["rho"]["dropouts"]:
            agency = names.get(out["agency"], out["agency"])
            yield (
                f"第 {number} 轮更换 {out['id']} 的{agency}人员 {out['inspector'][:PID_SHOWN]}：{out['reason']}",
                f"round {number} replaced this officer",
            )
    for spent in told["spent"]:
        yield f"第 {spent['round']} 轮未成：{spent['reason']}", f"round {spent['round']} came to nothing"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
