"""
Who does what when: the campaign of reference/domain.md §6, day by day in 2018 dates.

Every beat names a day and a time in Shanghai; the player moves business time there and lets it happen. Beats ask the
county for what they need (ids, states), so that any of them may be played again after a crash.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zlib import crc32

from onevisit.demo import papers
from onevisit.demo.moved import Move
from onevisit.demo.papers import Officer, Papers

if TYPE_CHECKING:
    from onevisit.demo.player import Player

PLANNER, DRAWER, RESULTS, CONSOLE = "/api/planner/v1", "/api/drawer/v1", "/api/results/v1", "/api/console/v1"
LEAD, WITNESS, FIRE = "JT", "GZ", "XF"
VISIT_DAYS = (10, 10, 11, 11, 12, 12, 13, 13, 14, 17, 18)
LAST_OF_AJ_ON = date(2018, 12, 30)
LAST_OF_YG_ON = date(2019, 1, 5)
SCAN = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PHOTO = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc0f01f0005000"
    "1ff56c7f2ed0000000049454e44ae426082"
)

STAFF = {  # login suffix → roles, display name
    "plan": (("planner",), "计划岗"),
    "draw": (("draw_officer",), "抽取岗"),
    "check": (("approver", "publisher"), "审核公示岗"),
    "head": (("agency_head",), "负责人"),
    "super": (("supervisor",), "监督岗"),
}
LEADS_STAFF = {  # beside these, at the lead only
    "view": (("viewer",), "查看岗"),
    "admin": (("agency_admin",), "部门管理员"),
}
TEAM_LEAD_IS = "副科长"
"""The position (职务) of who leads an agency's team, besides inspecting."""


def staff_of(agency: str) -> Mapping[str, tuple[tuple[str, ...], str]]:
    """Return the office of an agency: login suffix → roles, display name."""
    return STAFF | LEADS_STAFF if agency == LEAD else STAFF


def roles_of(officer: Officer) -> tuple[str, ...]:
    """Return the roles of somebody on an agency's list of inspectors."""
    return ("inspector", "team_lead") if officer.position == TEAM_LEAD_IS else ("inspector",)


@dataclass(frozen=True)
class Beat:
    """Something that happens: on a day of 2018, at a time of day, under a name that is told while it plays."""

    day: date
    at: time
    says: str
    act: Callable[[], None]


@dataclass
class Story:
    """The campaign, played through *player*, its dates moved by *move*, judged by *pack*."""

    player: "Player"
    move: Move
    pack_text: bytes
    pack: str

    @cached_property
    def papers(self) -> Papers:
        """The spreadsheets."""
        return Papers()

    def beats(self) -> Iterator[Beat]:
        """Yield every beat in the order of time."""
        yield from self._preparing()
        yield from self._drawing()
        yield from self._inspecting()
        yield from self._publishing()

    # ── 方案 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _preparing(self) -> Iterator[Beat]:
        first = date(2018, 11, 28)
        yield Beat(first, time(8, 40), "登记部门与账号", self.register_everybody)
        yield Beat(first, time(9, 0), "发布规则包与工作日历", self.publish_rules)
        for agency in self.papers.agencies:
            yield Beat(first, time(9, 30), f"{agency} 导入清单、名录与检查表", self._each(self.import_lists, agency))
        yield Beat(first, time(10, 30), "牵头部门发起联合抽查", self.propose)
        for agency, day in zip(["JT", "GA", "AJ", "SJ", "YG"], (28, 29, 29, 30, 30), strict=True):
            yield Beat(date(2018, 11, day), time(14, 0), f"{agency} 确认参加", self._each(self.confirm, agency))
        yield Beat(date(2018, 11, 30), time(16, 0), "牵头部门批准方案", self.approve_plan)

    def _each(self, act: Callable[[str], None], agency: str) -> Callable[[], None]:
        return lambda: act(agency)

    def register_everybody(self) -> None:
        """Register bodies and open accounts: the people of each agency's office, and every officer."""
        admin = self.player.admin
        for body in self.papers.bodies:
            facts = {"agency": body.code, "kind": body.kind, "name": body.name, "short_name": body.short}
            self.player.post(f"agency-{body.code}", admin, f"{CONSOLE}/agencies", facts)
        for agency in self.papers.agencies:
            for suffix, (roles, title) in staff_of(agency).items():
                self._open(agency, f"{agency.lower()}-{suffix}", f"{self.papers.short(agency)}{title}", roles)
        for officer in self.papers.officers:
            self._open(officer.agency, officer.number.lower(), officer.name, roles_of(officer), officer.number)
        self._open(WITNESS, f"{WITNESS.lower()}-witness", "公证员", ("witness",))

    def _open(self, agency: str, login: str, name: str, roles: tuple[str, ...], officer: str | None = None) -> None:
        facts = {
            "agency": agency,
            "login": login,
            "display_name": name,
            "roles": list(roles),
            "password": self.player.password(login),
            "officer": officer,
            "must_change_password": False,
        }
        self.player.post(f"account-{login}", self.player.admin, f"{CONSOLE}/accounts", facts)

    def publish_rules(self) -> None:
        """Publish the calendar and the rule pack."""
        admin = self.player.admin
        self.player.post("calendar", admin, f"{PLANNER}/calendars", raw=papers.CALENDAR.read_bytes())
        self.player.post("rulepack", admin, f"{PLANNER}/rulepacks", raw=self.pack_text)

    def import_lists(self, agency: str) -> None:
        """Upload an agency's spreadsheets."""
        files = self.papers.campaign["files"]
        who = f"{agency.lower()}-plan"
        kinds = {kind: files[kind].get(agency) for kind in ("items", "inspectors", "checklists")}
        if agency == LEAD:
            self._import(who, agency, "targets", files["targets"])
        for kind in ("items", "inspectors", "checklists"):
            self._import(who, agency, kind, kinds[kind])

    def import_recusals(self, agency: str) -> None:
        """Upload the recusals, once the targets they speak of are registered."""
        name = self.papers.campaign["files"]["inspectors"][agency]
        self._import(f"{agency.lower()}-plan", agency, "recusals", name)

    def _import(self, who: str, agency: str, kind: str, name: str) -> None:
        file = papers.upload(name, self.move)
        self.player.post(f"import-{agency}-{kind}", who, f"{PLANNER}/imports/{kind}", file=file)

    def propose(self) -> None:
        """Draft and propose the campaign."""
        self._propose("first", self.papers.campaign)

    def propose_second(self) -> None:
        """Propose one more campaign, to be taken through by hand."""
        self._propose("second", self.papers.second)

    def number(self, paper: Mapping[str, Any]) -> str:
        """Return a campaign's document number, of the year it is moved to."""
        return self.move.words(paper["number"], paper["conference"]["held_on"])

    def _publication(self, paper: Mapping[str, Any]) -> dict[str, str]:
        """Return what the public record calls a campaign, of the year it is moved to."""
        held_on, called = paper["conference"]["held_on"], paper["publication"]
        county, year = paper["county"], self.move.day(held_on).year
        return {
            "plan_id": called["plan_id"].replace(f"{county}{held_on.year}", f"{county}{year}", 1),
            "plan_name": self.move.words(called["plan_name"], held_on),
            "type_name": called["type_name"],
        }

    def _record(self, meeting: Mapping[str, Any]) -> str:
        """Write the record of a joint conference, its days moved."""
        return "\n".join(
            str(self.move.day(value)) if isinstance(value, date) else self.move.words(value, meeting["held_on"])
            for value in meeting.values()
        )

    def _propose(self, which: str, paper: Mapping[str, Any]) -> None:
        stages = [
            {"stage": name, "first_on": str(self.move.day(days["first"])), "last_on": str(self.move.day(days["last"]))}
            for name, days in paper["stages"].items()
        ]
        items = sorted(item for items in paper["items"].values() for item in items)
        meeting, draw = paper["conference"], paper["draw"]
        form = {
            **{field: paper[field] for field in ("title", "partners", "purpose")},
            "number": self.number(paper),
            **{field: draw[field] for field in ("disclosure", "witness", "chain_len", "max_missing")},
            "pack": self.pack,
            "items": [{"item": item, "categories": self._categories(item, paper)} for item in items],
            "stages": stages,
            "ratio": paper["selection"]["rate"],
            "planned": paper["selection"]["planned"],
            "publication": self._publication(paper),
            "dice": len(self.papers.demo["dice"]["digits"]),
            "conference": {
                "held_on": str(self.move.day(meeting["held_on"])),
                "attendees": 2 * (1 + len(paper["partners"])),
                "record": self._record(meeting),
            },
        }
        drafted = self.player.post(f"draft-{which}", "jt-plan", f"{PLANNER}/campaigns", form)
        path = f"{PLANNER}/campaigns/{drafted['campaign']}/propose"
        self.player.post(f"propose-{which}", "jt-plan", path, if_match=str(drafted["version"]))

    def _categories(self, item: str, paper: Mapping[str, Any]) -> list[str]:
        found = self.player.get("jt-plan", f"{PLANNER}/items")["items"]
        own = next(row["categories"] for row in found if row["item"] == item)
        return sorted(set(own) & set(paper["frame"]["categories"]))

    @cached_property
    def campaign_id(self) -> str:
        """Ask the county for the campaign's id."""
        found = self.player.get("jt-plan", f"{PLANNER}/campaigns")["campaigns"]
        number = self.number(self.papers.campaign)
        return next(str(one["campaign"]) for one in found if one["number"] == number)

    def confirm(self, agency: str) -> None:
        """Confirm an agency's part with its officers and checklists."""
        if agency in ("GA", "YG"):
            self.import_recusals(agency)
        officers = [one.number for one in self.papers.officers if one.agency == agency]
        items = self.papers.campaign["items"][agency]
        checklists = self._checklists(agency, items)
        form = {
            "officers": officers,
            "checklists": checklists,
            "contact": {"name": f"{agency}联络员", "phone": f"0000900000{self.papers.agencies.index(agency)}"},
        }
        path = f"{PLANNER}/campaigns/{self.campaign_id}/confirm"
        self.player.post(f"confirm-{agency}", f"{agency.lower()}-plan", path, form)

    def _checklists(self, agency: str, items: list[str]) -> list[dict[str, Any]]:
        rows = self.player.get(f"{agency.lower()}-plan", f"{PLANNER}/checklists")["checklists"]
        return [
            {"checklist": row["checklist"], "edition": row["edition"]} for row in rows if set(row["items"]) & set(items)
        ]

    def approve_plan(self) -> None:
        """Approve the plan: the pack is pinned."""
        self.player.post("approve-plan", "jt-check", f"{PLANNER}/campaigns/{self.campaign_id}/approve")

    # ── 抽取 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _drawing(self) -> Iterator[Beat]:
        third, fourth = date(2018, 12, 3), date(2018, 12, 4)
        yield Beat(third, time(9, 0), "冻结抽样框", self.freeze)
        yield Beat(third, time(9, 30), "公布抽取清单", self.open_draw)
        for agency in self.papers.agencies:
            yield Beat(third, time(14, 0), f"{agency} 作出承诺", self._each(self._act("commit"), agency))
        for agency in self.papers.agencies:
            yield Beat(fourth, time(10, 40), f"{agency} 会签", self._each(self._act("countersign"), agency))
        for agency in self.papers.agencies:
            yield Beat(fourth, time(10, 50), f"{agency} 揭示", self._each(self._act("reveal"), agency))
        yield Beat(fourth, time(11, 5), "见证人封存揭示名单", self.seal)
        yield Beat(fourth, time(11, 30), "现场掷骰，计算结果", self.throw_dice)
        yield Beat(date(2018, 12, 5), time(9, 0), "排定每户一次的到访日期", self.schedule)

    def freeze(self) -> None:
        """Freeze the frame."""
        self.player.post("freeze", "jt-plan", f"{PLANNER}/campaigns/{self.campaign_id}/freeze")

    def open_draw(self) -> None:
        """Publish the manifest with its times."""
        fourth = date(2018, 12, 4)
        times = {
            "commit_close": time(10, 30),
            "reveal_close": time(11, 0),
            "seal_by": time(11, 15),
            "beacon_time": time(11, 25),
        }
        body = {name: self.move.moment(fourth, at).isoformat() for name, at in times.items()}
        self.player.post("open-draw", "jt-draw", f"{DRAWER}/draws", {"campaign": self.campaign_id, **body})

    @cached_property
    def draw_id(self) -> str:
        """Ask the county for the draw's id."""
        found = self.player.get("jt-draw", f"{DRAWER}/draws")["draws"]
        return next(str(one["draw"]) for one in found if one["campaign"] == self.campaign_id)

    def _act(self, act: str) -> Callable[[str], None]:
        def run(agency: str) -> None:
            self.player.post(f"{act}-{agency}", f"{agency.lower()}-draw", f"{DRAWER}/draws/{self.draw_id}/{act}")

        return run

    def seal(self) -> None:
        """The witness seals the list of reveals."""
        self.player.post("seal", "gz-witness", f"{DRAWER}/draws/{self.draw_id}/seal")

    def throw_dice(self) -> None:
        """The witness enters the dice, twice."""
        digits = self.papers.demo["dice"]["digits"]
        body = {"digits": digits, "again": digits}
        self.player.post("dice", "gz-witness", f"{DRAWER}/draws/{self.draw_id}/dice", body)

    def schedule(self) -> None:
        """Give every visit its day."""
        for visit, day in zip(self.visits, VISIT_DAYS, strict=True):
            path = f"{RESULTS}/visits/{visit['visit']}/schedule"
            body = {"day": str(self.move.day(date(2018, 12, day))), "instead_of": visit["visit_on"]}
            if body["day"] != body["instead_of"]:  # played again, it has its day
                self.player.post(f"schedule-{visit['visit']}", "jt-plan", path, body)

    @cached_property
    def visits(self) -> list[Mapping[str, Any]]:
        """
        List the visits in the order of the story: 客运 A, 普货 B, 普货 E, 站场 C, third 普货, 危货 D, then all others.

        A to E are bound by ticket order within their category, so that the story fits every seed (domain.md §6.5).
        """
        lines = self.player.get("jt-plan", f"{RESULTS}/visits?campaign={self.campaign_id}")["visits"]
        ranked = sorted(lines, key=lambda line: (line["target"]["category"], line["target"]["ticket_rank"]))
        by_category: dict[str, list[Mapping[str, Any]]] = {}
        for line in ranked:
            by_category.setdefault(line["target"]["category"], []).append(line)
        freight = by_category["PH"]
        told = [by_category["KY"][0], freight[0], freight[1], by_category["ZC"][0], freight[2], by_category["WH"][0]]
        return told + [line for line in ranked if line not in told]

    # ── 检查 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _inspecting(self) -> Iterator[Beat]:
        days = sorted(set(VISIT_DAYS))
        beats = []
        for day in days:
            on = date(2018, 12, day)
            beats.append(Beat(on, time(15, 0), f"12月{day}日 进门检查、录入", self._day(self.inspect, day)))
            following = self._following(on)
            beats.append(Beat(following, time(10, 0), f"审核12月{day}日的结果", self._day(self.approve_day, day)))
        beats += [
            Beat(date(2018, 12, 12), time(9, 0), "公安局签收移送", self._refer("GA", "receive")),
            Beat(date(2018, 12, 13), time(9, 10), "市场监管局签收移送", self._refer("SJ", "receive")),
            Beat(date(2018, 12, 13), time(11, 0), "牵头部门为待定管辖的线索确定去向", self.route_to_fire_brigade),
            Beat(date(2018, 12, 13), time(16, 0), "公安局受理移送", self._refer("GA", "accept")),
            Beat(date(2018, 12, 14), time(9, 0), "市场监管局受理移送", self._refer("SJ", "accept")),
            Beat(date(2018, 12, 14), time(10, 30), "登记消防救援回执", self.fire_brigade_received),
            Beat(
                date(2018, 12, 20),
                time(10, 0),
                "公安局办结",
                self._decide("GA", "case_opened", "已对驾驶员资格问题立案查处"),
            ),
            Beat(
                date(2018, 12, 20),
                time(10, 30),
                "市场监管局办结",
                self._decide("SJ", "listed_abnormal", "经核实，列入经营异常名录"),
            ),
        ]
        yield from sorted(beats, key=lambda beat: (beat.day, beat.at))

    def _following(self, day: date) -> date:
        following = day + timedelta(days=1)
        return following if following.weekday() < 5 else day + timedelta(days=7 - day.weekday())

    def _day(self, act: Callable[[Mapping[str, Any], int], None], day: int) -> Callable[[], None]:
        def run() -> None:
            for number, (visit, on) in enumerate(zip(self.visits, VISIT_DAYS, strict=True)):
                if on == day:
                    act(visit, number)

        return run

    def inspect(self, visit: Mapping[str, Any], number: int) -> None:
        """Every agency of a visit enters, signs and submits its section."""
        shown = self.player.get("jt-plan", f"{RESULTS}/visits/{visit['visit']}")
        for section in shown["sections"]:
            self._section(section, number)

    def _section(self, section: Mapping[str, Any], number: int) -> None:
        name, agency = section["section"], section["agency"]
        officers = [member["officer"].lower() for member in section["team"]]
        first = officers[0]
        path = f"{RESULTS}/sections/{name}"
        found = self._found(agency, number)
        view = self.player.get(first, path)
        answers = {item["id"]: self._answers(item["id"], name) for item in view["items"]}
        outcomes = {item["id"]: found.get("outcome", "NO_ISSUE") for item in view["items"][:1]} | {
            item["id"]: "NO_ISSUE" if found.get("kind") != "unreachable" else found["outcome"]
            for item in view["items"][1:]
        }
        evidence = []
        if found:
            file = ("photo.png", PHOTO + f"{name}".encode(), "image/png")
            kept = self.player.post(
                f"evidence-{name}", first, f"{path}/evidence", file=file, fields={"item": view["items"][0]["id"]}
            )
            evidence = [kept["evidence"]]
        findings = [
            {
                "item": item["id"],
                "kind": found["kind"],
                "text": found["text"],
                "evidence": evidence if place == 0 else [],
            }
            for place, item in enumerate(view["items"])
            if found and (place == 0 or found["kind"] == "unreachable")
        ]
        saved = self.player.post(
            f"answers-{name}",
            first,
            f"{path}/answers",
            {"answers": answers, "outcomes": outcomes, "findings": findings},
        )
        written = {"digest": saved["digest"]}  # whoever wrote it knows it; the others read it
        shown = {officer: written if officer == first else self._text(officer, path) for officer in officers}
        for officer in officers:
            self.player.post(f"sign-{name}-{officer}", officer, f"{path}/sign", shown[officer])
        unit = self._unit(name, agency, number) | written
        self.player.post(f"unit-{name}", first, f"{path}/unit", unit)
        self.player.post(f"submit-{name}", first, f"{path}/submit")

    def _text(self, who: str, path: str) -> dict[str, str]:
        """Read a section as *who*: the digest of the text that was shown, which is what they then stand for."""
        return {"digest": self.player.get(who, path)["digest"]}

    def _found(self, agency: str, number: int) -> dict[str, str]:
        scripted = {
            (0, "JT"): (
                "PENDING",
                "driver_licence_mismatch",
                "一名驾驶员不能出示从业资格证，驾驶证准驾车型与所驾车辆不符",
            ),
            (1, "SJ"): ("CORRECTED", "address_mismatch", "营业执照登记住所与实际经营场所不一致，已责令改正"),
            (3, "AJ"): ("PENDING", "fire_exit_blocked", "候车厅东侧疏散通道被货物堵塞"),
        }
        if number == 2:
            text = f"{agency}按登记住所两次上门均无人，电话无人接听"
            return {"outcome": "UNREACHABLE", "kind": "unreachable", "text": text}
        outcome, kind, text = scripted.get((number, agency), ("", "", ""))
        return {"outcome": outcome, "kind": kind, "text": text} if outcome else {}

    def _answers(self, item: str, section: str) -> dict[str, str]:
        # What people write tells one section from every other: whoever finds it elsewhere knows whose it is.
        day = date(2090, 1, 1) + timedelta(days=crc32(section.encode()) % 3_000)
        rows = self.papers.questions[item].items()
        return {question: good for question, row in rows if (good := _good(row, f"情况属实〔{section}〕", day))}

    def _unit(self, section: str, agency: str, number: int) -> dict[str, str]:
        if number == 4 and agency == "YG":
            return {"how": "refused", "reason": "no_reason", "witness": f"同行执法人员在场见证〔{section}〕"}
        if number == 2:
            return {"how": "refused", "reason": "absent", "witness": f"社区工作人员在场见证〔{section}〕"}
        return {"how": "signed", "name": f"现场负责人〔{section}〕"}

    def approve_day(self, visit: Mapping[str, Any], number: int) -> None:
        """Every agency's approver approves its section of a visit."""
        for section in self.player.get("jt-plan", f"{RESULTS}/visits/{visit['visit']}")["sections"]:
            who, path = f"{section['agency'].lower()}-check", f"{RESULTS}/sections/{section['section']}"
            self.player.post(f"approve-{section['section']}", who, f"{path}/approve", self._text(who, path))

    # ── 移送 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def referral(self, receiver: str | None) -> str:
        """Find the referral that goes to *receiver*; None: the one nobody is competent for."""
        lists = self.player.get("jt-plan", f"{RESULTS}/referrals")
        rows = [row for rows in lists.values() if isinstance(rows, list) for row in rows]
        return next(str(row["referral"]) for row in rows if row["receiver"] == receiver)

    def _refer(self, receiver: str, act: str) -> Callable[[], None]:
        def run() -> None:
            path = f"{RESULTS}/referrals/{self.referral(receiver)}/{act}"
            self.player.post(f"{act}-{receiver}", f"{receiver.lower()}-check", path)

        return run

    def _decide(self, receiver: str, decision: str, text: str) -> Callable[[], None]:
        def run() -> None:
            path = f"{RESULTS}/referrals/{self.referral(receiver)}"
            who = f"{receiver.lower()}-check"
            self.player.post(f"decide-{receiver}", who, f"{path}/decide", {"decision": decision, "text": text})

        return run

    def close_referrals(self) -> None:
        """The agencies that reported first confirm that they have heard the outcome."""
        for receiver in ("GA", "SJ", FIRE):
            path = f"{RESULTS}/referrals/{self.referral(receiver)}"
            sender = self.player.get("jt-plan", path)["sender"]
            self.player.post(f"close-{receiver}", f"{sender.lower()}-check", f"{path}/close")

    def route_to_fire_brigade(self) -> None:
        """The lead sends the unrouted finding to the fire brigade, which has no account: by letter."""
        path = f"{RESULTS}/referrals/{self.referral(None)}/route"
        self.player.post("route-fire", "jt-plan", path, {"receiver": FIRE})

    def fire_brigade_received(self) -> None:
        """The receipt of the fire brigade is entered with its scan."""
        self._fire("receive", {})

    def fire_brigade_decided(self) -> None:
        """The answer of the fire brigade is entered with its scan."""
        self._fire("decide", {"decision": "settled", "text": "消防救援大队已责令当场清理并复查合格"})

    def _fire(self, act: str, body: dict[str, str]) -> None:
        path = f"{RESULTS}/referrals/{self.referral(FIRE)}"
        file = (f"{act}.pdf", SCAN, "application/pdf")
        self.player.post(f"scan-{act}", "jt-plan", f"{path}/scans", file=file, fields={"act": act})
        self.player.post(f"fire-{act}", "jt-plan", f"{path}/{act}", body)

    # ── 公示 ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _publishing(self) -> Iterator[Beat]:
        yield Beat(date(2018, 12, 21), time(9, 0), "各部门公示结果", self.publish_most)
        yield Beat(date(2018, 12, 24), time(10, 0), "登记消防救援办理结果", self.fire_brigade_decided)
        yield Beat(date(2018, 12, 24), time(15, 0), "移送单位确认办结", self.close_referrals)
        yield Beat(date(2018, 12, 25), time(16, 0), "市场监管局复查整改", self.check_rectification)
        yield Beat(LAST_OF_AJ_ON, time(10, 0), "安监局公示最后一项", lambda: self.publish_last("AJ"))
        yield Beat(LAST_OF_YG_ON, time(10, 0), "运管所公示最后一项（已超期）", lambda: self.publish_last("YG"))
        yield Beat(date(2019, 1, 10), time(10, 0), "牵头部门结束联合抽查", self.close)
        yield Beat(date(2019, 1, 18), time(18, 0), "演练结束", lambda: None)

    def publish_most(self) -> None:
        """Every agency publishes its sections, but for one of 安监 and one of 运管 that come late."""
        late = {self._last("AJ"), self._last("YG")}
        for section, agency in self._sections:
            if section not in late:
                self._publish(section, agency)

    @cached_property
    def _sections(self) -> list[tuple[str, str]]:
        return [
            (section["section"], section["agency"])
            for visit in self.visits
            for section in self.player.get("jt-plan", f"{RESULTS}/visits/{visit['visit']}")["sections"]
        ]

    def _last(self, agency: str) -> str:
        return max(section for section, owner in self._sections if owner == agency)

    def check_rectification(self) -> None:
        """市监 looks, on the day it is due, whether 普货 B has put its licence right (#2): it has."""
        path = f"{RESULTS}/sections/{self.visits[1]['visit']}-SJ"
        for each in self.player.get("sj-check", path)["followed"]:
            if each["follow_up"] == "rectification":
                body = {"finding": each["finding"], "passed": True, "note": "已办理住所变更登记"}
                self.player.post(f"verify-{each['finding']}", "sj-check", f"{path}/verify", body)

    def publish_last(self, agency: str) -> None:
        """Publish the section an agency had left."""
        self._publish(self._last(agency), agency)

    def _publish(self, section: str, agency: str) -> None:
        who = f"{agency.lower()}-check"
        self.player.post(f"publish-{section}", who, f"{RESULTS}/sections/{section}/publish")

    def close(self) -> None:
        """The lead closes the campaign."""
        self.player.post("close", "jt-plan", f"{PLANNER}/campaigns/{self.campaign_id}/close")


def _good(row: Mapping[str, str], text: str, day: date) -> str:
    kind, bad = row["答案类型"], row["不合格答案"]
    if kind == "是否":
        return "yes" if bad == "否" else "no"
    if kind == "单选":
        return next(choice for choice in row["选项"].split("、") if choice not in bad.split("、"))
    if kind == "数字":
        limit = int(bad.strip("<>")) if bad else 0
        return str(limit if bad.startswith("<") else max(0, limit - 1))
    if kind == "日期":
        return day.isoformat()
    return "" if kind == "照片" else text
