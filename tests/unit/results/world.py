"""A small county for tests of results: five agencies, one campaign, six firms, one drawn visit each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from runtime.service import Reply, Service
from runtime.store.actor import Actor
from runtime.time.workdays import WorkingCalendar
from schemas.documents import (
    AnnexTarget,
    CampaignPlan,
    ChecklistDocument,
    ChecklistItem,
    Condition,
    FrameAnnex,
    PlanAgency,
    PlanClass,
    PlanItem,
    PublicNames,
    Question,
    WorkList,
    WorkTeam,
    WorkVisit,
)
from schemas.events.accounts import AgencyRegistered
from schemas.events.campaigns import CampaignConfirmed, FrameFrozen, PinnedPack, StageWindow
from schemas.events.draws import DrawCompleted, DrawDisclosed
from schemas.events.payload import Due, Payload
from schemas.events.registers import CalendarPublished, ChecklistPublished, RulepackPublished
from schemas.rulepack import Calendar, RulePack, parse_calendar, parse_rulepack
from schemas.vocabulary import AgencyKind, Purpose, Role, Stage
from services.results.app import results
from services.results.commands.approval import approve_section
from services.results.commands.drafts import save_draft
from services.results.commands.found import text_digest
from services.results.commands.publication import publish_section
from services.results.commands.visits import (
    record_unit,
    schedule_visit,
    sign_section,
    submit_section,
)
from services.results.tables import Section, Visit
from tests.kit import COUNTY, Kit, person

ROOT = Path(__file__).parents[3]
CAMPAIGN, DRAW = "C-640221-2018-001", "D-640221-2018-001"
LEAD = "JT"
AGENCIES = ("AJ", "GA", "JT", "SJ", "YG")
APPLIES = {"KY": AGENCIES, "PH": ("AJ", "JT", "SJ", "YG"), "ZC": ("AJ", "JT", "SJ"), "WX": ("AJ", "SJ")}
FIRMS = (("A", "KY"), ("B", "PH"), ("C", "ZC"), ("E", "PH"), ("F", "PH"), ("W", "WX"))
VISIT_ON = date(2018, 12, 12)
DIGEST = "0" * 64

SECRET_NAME = "暗号东风"  # a legal representative nobody outside a visit may read


@lru_cache
def rule_pack() -> RulePack:
    """Read the pack of the scenario."""
    return parse_rulepack((ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes())


@lru_cache
def calendar() -> Calendar:
    """Read the State Council's calendar."""
    return parse_calendar((ROOT / "rulepacks/calendar/CN.toml").read_bytes())


def workdays() -> WorkingCalendar:
    """Return the calendar as one counts on it."""
    return WorkingCalendar.of(calendar().plain())


def shanghai(day: str, hour: int = 9) -> datetime:
    """Return a moment of a day in Shanghai."""
    on = date.fromisoformat(day)
    return datetime(on.year, on.month, on.day, hour - 8, tzinfo=UTC)


def checklist(agency: str) -> ChecklistDocument:
    """Write an agency's checklist: can it be reached, is anything wrong, a note, a photo, a number, a date, a choice."""
    kinds = {"JT": "driver_licence_mismatch", "AJ": "fire_exit_blocked", "SJ": "address_mismatch"}
    bad = kinds.get(agency, "driver_licence_mismatch")
    reached = Condition(question="reached", answers=("yes",))
    questions = (
        Question(
            id="reached",
            text="能否联系到企业",
            answer="yes_no",
            bad_answers=("no",),
            finding_kind="unreachable",
            severity="key",
        ),
        Question(
            id="wrong",
            text=f"{agency}是否发现问题",
            answer="yes_no",
            condition=reached,
            bad_answers=("yes",),
            finding_kind=bad,
            legal_basis="《示例条例》第一条",
            severity="key",
        ),
        Question(id="note", text="说明", answer="text", required=False, condition=reached),
        Question(id="count", text="车辆数", answer="number", required=False, condition=reached),
        Question(id="until", text="许可有效期", answer="date", required=False, condition=reached),
        Question(
            id="size", text="规模", answer="choice", choices=("大", "中", "小"), required=False, condition=reached
        ),
        Question(
            id="photo",
            text="问题照片",
            answer="photo",
            required=False,
            condition=Condition(question="wrong", answers=("yes",)),
        ),
    )
    item = ChecklistItem(item=f"{agency}-1", name=f"{agency}检查事项", questions=questions)
    return ChecklistDocument(checklist=f"CL-{agency}", agency=agency, edition=1, title=f"{agency}检查表", items=(item,))


def officer(agency: str, number: int) -> str:
    """Name an officer."""
    return f"{agency}{number:03d}"


def team_of(agency: str, visit_number: int) -> tuple[str, str]:
    """Two officers of an agency at a visit."""
    return officer(agency, 1 + visit_number % 3), officer(agency, 4 + visit_number % 2)


def visit_id(firm: str) -> str:
    """Name the visit of a firm of the world by its letter."""
    number = [letter for letter, _ in FIRMS].index(firm) + 1
    return f"V-640221-2018-001-{number:02d}"


def section_id(firm: str, agency: str) -> str:
    """Name an agency's section at a firm."""
    return f"{visit_id(firm)}-{agency}"


def due(day: str) -> Due:
    """Write a due day."""
    return Due(due_on=date.fromisoformat(day), anchor_on=date(2018, 12, 20), anchor="inspection_stage_end", source="S4")


def plan() -> CampaignPlan:
    """Write the plan of the campaign."""
    items = tuple(
        PlanItem(
            item=f"{agency}-1",
            agency=agency,
            name=f"{agency}检查事项",
            kind="general",
            legal_basis="《示例条例》",
            method="ONSITE",
            labels=(),
            categories=tuple(category for category, agencies in APPLIES.items() if agency in agencies),
            checklist=f"CL-{agency}",
            checklist_edition=1,
        )
        for agency in AGENCIES
    )
    return CampaignPlan(
        campaign=CAMPAIGN,
        county=COUNTY,
        number="平交联查〔2018〕1号",
        title="平罗县道路运输行业跨部门联合随机抽查",
        lead=LEAD,
        agencies=tuple(PlanAgency(agency=a, officers_per_target=2, slot_labels=((), ())) for a in AGENCIES),
        pack=pinned(),
        stages=stages(),
        items=items,
        classes=(PlanClass(code="ALL", categories=tuple(APPLIES), rate=(1, 10)),),
        planned_targets=6,
        purpose=Purpose.REHEARSAL,
        disclosure="window",
        chain_len=3,
        max_missing=0,
        witness="GZ",
        dice=None,
        replacement_max=0,
        replacement_reasons=(),
        publication=PublicNames(
            plan_id="64022120181001",
            plan_name="2018年度平罗县跨部门联合双随机抽查计划",
            task_id="平交联查〔2018〕1号",
            task_name="平罗县道路运输行业跨部门联合随机抽查",
            type_name="跨部门联合定向抽查",
        ),
        conference_digest=DIGEST,
    )


def pinned() -> PinnedPack:
    """Pin the pack."""
    return PinnedPack(pack="NX-2018", edition=rule_pack().edition, digest=rule_pack().digest())


def stages() -> tuple[StageWindow, ...]:
    """The four stages of the scenario (domain.md §6.4)."""
    days = (
        (Stage.PREPARE, "2018-11-28", "2018-11-30", "2018-11-30"),
        (Stage.DRAW, "2018-12-03", "2018-12-08", "2018-12-07"),
        (Stage.INSPECT, "2018-12-10", "2018-12-20", "2018-12-20"),
        (Stage.PUBLISH, "2018-12-21", "2018-12-31", "2018-12-29"),
    )
    return tuple(
        StageWindow(
            stage=stage,
            first_on=date.fromisoformat(first),
            last_on=date.fromisoformat(last),
            last_working_on=date.fromisoformat(usable),
        )
        for stage, first, last, usable in days
    )


def annex() -> FrameAnnex:
    """Write the frame's annex."""
    targets = tuple(
        AnnexTarget(
            target=f"9164022100000000{letter}{letter}",
            uscc=f"9164022100000000{letter}{letter}",
            name=f"平罗虚构{letter}运输有限公司",
            category=category,
            district="PL01",
            address=f"虚构路{letter}号",
            legal_representative=SECRET_NAME,
            contact="某联系人",
            phone="00000000000",
        )
        for letter, category in FIRMS
    )
    officers = tuple(
        (officer(agency, n), agency, f"{agency}检查员{n}", f"ZF-{agency}-{n}")
        for agency in AGENCIES
        for n in range(1, 7)
    )
    away: dict[str, tuple[date, ...]] = {officer("GA", 2): (date(2018, 12, 19),)}  # drawn for firm A
    return FrameAnnex(campaign=CAMPAIGN, frame_digest=DIGEST, targets=targets, officers=officers, absences=away)


def work() -> WorkList:
    """Write the drawn work list."""
    targets = {target.name[4]: target.target for target in annex().targets}
    visits = tuple(
        WorkVisit(
            visit=visit_id(letter),
            target=targets[letter],
            stratum=f"ALL.{category}",
            ticket_rank=number,
            teams=tuple(
                WorkTeam(agency=agency, items=(f"{agency}-1",), officers=team_of(agency, number))
                for agency in APPLIES[category]
            ),
        )
        for number, (letter, category) in enumerate(FIRMS, start=1)
    )
    return WorkList(campaign=CAMPAIGN, draw=DRAW, visits=visits)


@dataclass
class World:
    """A results service that has heard everything up to the draw, and hands for its people."""

    kit: Kit
    service: Service
    heard: list[Payload] = field(default_factory=list)

    def day(self, on: str, hour: int = 9) -> None:
        """Let it be that day."""
        self.kit.clock.at = shanghai(on, hour)

    def facts(self) -> dict[str, Payload]:
        """Write every event up to the draw, by a short name."""
        kit = self.kit
        bodies = {
            "JT": "平罗县交通运输局",
            "GA": "平罗县公安局",
            "AJ": "平罗县安监局",
            "SJ": "平罗县市场监督管理局",
            "YG": "平罗县道路运输管理所",
        }
        told: dict[str, Payload] = {
            f"agency.{code}": AgencyRegistered(
                county=COUNTY, agency=code, kind=AgencyKind.AGENCY, name=name, short_name=name[3:]
            )
            for code, name in bodies.items()
        }
        told["agency.XF"] = AgencyRegistered(
            county=COUNTY, agency="XF", kind=AgencyKind.EXTERNAL, name="平罗县消防救援大队", short_name="消防救援"
        )
        told["agency.NY"] = AgencyRegistered(
            county=COUNTY, agency="NY", kind=AgencyKind.AGENCY, name="平罗县农业局", short_name="农业局"
        )
        told["pack"] = RulepackPublished(
            county=COUNTY,
            pack="NX-2018",
            edition=rule_pack().edition,
            digest=rule_pack().digest(),
            document=kit.blob(rule_pack().canonical_bytes()),
        )
        told["calendar"] = CalendarPublished(
            county=COUNTY,
            calendar="CN",
            first_year=2004,
            last_year=2026,
            document=kit.blob(calendar().canonical_bytes()),
        )
        for agency in AGENCIES:
            document = checklist(agency)
            told[f"checklist.{agency}"] = ChecklistPublished(
                county=COUNTY,
                agency=agency,
                checklist=document.checklist,
                edition=1,
                questions=7,
                document=kit.blob(document.encode(), "results"),
            )
        told["campaign"] = CampaignConfirmed(
            county=COUNTY,
            campaign=CAMPAIGN,
            title=plan().title,
            number=plan().number,
            lead=LEAD,
            agencies=AGENCIES,
            pack=pinned(),
            calendar=calendar().digest(),
            stages=stages(),
            purpose=Purpose.REHEARSAL,
            publication_rule=due("2019-01-04"),
            publication_plan=due("2018-12-31"),
            report=due("2019-01-02"),
            plan=kit.blob(plan().encode(), "planner", "drawer", "results"),
        )
        told["frame"] = FrameFrozen(
            county=COUNTY,
            campaign=CAMPAIGN,
            frame="F-640221-2018-001",
            lead=LEAD,
            agencies=AGENCIES,
            entities=len(FIRMS),
            frame_digest=DIGEST,
            document=kit.blob(b"frame", "drawer", content_type="text/plain"),
            rosters=kit.blob(b"{}", "drawer"),
            annex=kit.blob(annex().encode(), "results"),
        )
        told["draw"] = DrawCompleted(
            county=COUNTY,
            campaign=CAMPAIGN,
            draw=DRAW,
            attempt=1,
            lead=LEAD,
            agencies=AGENCIES,
            purpose=Purpose.REHEARSAL,
            visits=len(FIRMS),
            sections=sum(len(APPLIES[category]) for _, category in FIRMS),
            visits_root=DIGEST,
            result_digest=DIGEST,
            disclose_at=shanghai("2018-12-21"),
            work=kit.blob(work().encode(), "results", "notifier"),
        )
        return told

    def disclosed(self) -> Payload:
        """Write the event of the disclosure."""
        open_blob = self.kit.blob(b"{}")
        return DrawDisclosed(county=COUNTY, campaign=CAMPAIGN, draw=DRAW, attempt=1, record=open_blob, frame=open_blob)

    def hear(self, *payloads: Payload) -> None:
        """Feed events."""
        self.kit.feed(self.service, *payloads)

    # ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def officers(self, firm: str, agency: str) -> list[Actor]:
        """The two people of an agency's team at a firm."""
        number = [letter for letter, _ in FIRMS].index(firm) + 1
        return [person(agency, Role.INSPECTOR, id=f"u-{o}", officer=o) for o in team_of(agency, number)]

    def text(self, section: str) -> str:
        """Digest what a section says now: what whoever opens its page is shown."""
        with self.service.db.read(self.service.system) as session:
            return text_digest(session, session.get_one(Section, section))

    def schedule(self, firm: str, day: date = VISIT_ON) -> Reply:
        """Set a firm's day, as the lead's planner who sees the present one."""
        with self.service.db.read(self.service.system) as session:
            shown = session.get_one(Visit, visit_id(firm)).visit_on
        planner = person(LEAD, Role.PLANNER)
        return self.service.do(planner, schedule_visit, visit_id=visit_id(firm), day=day, instead_of=shown)

    def fill(
        self,
        firm: str,
        agency: str,
        outcome: str = "NO_ISSUE",
        answers: dict[str, str] | None = None,
        findings: Sequence[dict[str, Any]] = (),
        refused: bool = False,
    ) -> None:
        """Answer, sign and submit a section."""
        section = section_id(firm, agency)
        first, second = self.officers(firm, agency)
        given = {"reached": "yes", "wrong": "no"} if answers is None else answers
        self.service.do(
            first,
            save_draft,
            section_id=section,
            answers={f"{agency}-1": given},
            outcomes={f"{agency}-1": outcome},
            findings=list(findings),
        )
        shown = {"section_id": section, "digest": self.text(section)}
        self.service.do(first, sign_section, **shown)
        self.service.do(second, sign_section, **shown)
        if refused:
            why = {"how": "refused", "reason": "no_reason", "witness": "居委会工作人员在场"}
            self.service.do(first, record_unit, **shown, **why)
        else:
            self.service.do(first, record_unit, **shown, how="signed", name="某负责人")
        self.service.do(second, submit_section, section_id=section)

    def approve(self, firm: str, agency: str) -> Any:
        """Approve a section, as the agency's approver."""
        section = section_id(firm, agency)
        approver = person(agency, Role.APPROVER)
        return self.service.do(approver, approve_section, section_id=section, digest=self.text(section)).value

    def publish(self, firm: str, agency: str) -> Any:
        """Publish a section, as the agency's publisher."""
        return self.service.do(
            person(agency, Role.PUBLISHER), publish_section, section_id=section_id(firm, agency)
        ).value


def a_world(kit: Kit, *, heard: bool = True) -> World:
    """Build the service and let it hear everything up to the draw."""
    world = World(kit, kit.build(results))
    world.day("2018-12-07")
    if heard:
        world.hear(*world.facts().values())
    world.day("2018-12-10")
    return world


def worlds(kit: Kit) -> Iterator[World]:
    """For fixtures."""
    yield a_world(kit)
