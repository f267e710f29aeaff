"""A county for the drawer: five agencies, a notary, 110 invented entities, 22 eligible officers, as planner would say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from runtime.service import Service
from runtime.store import Actor
from runtime.time.timers import run_due
from schemas.documents import CampaignPlan, PlanAgency, PlanClass, PlanItem, PublicNames, RosterOfficer, Rosters
from schemas.events.accounts import AgencyRegistered
from schemas.events.campaigns import CampaignConfirmed, FrameFrozen, PinnedPack, StageWindow
from schemas.events.payload import Due, Payload
from schemas.events.results import ChecklistSubmitted
from schemas.vocabulary import AgencyKind, Purpose, Role, Stage
from services.drawer import acts
from services.drawer.acts import AskedTimes
from services.drawer.app import drawer
from tests.kit import COUNTY, Kit, person

CAMPAIGN = "C-640221-2018-001"
DRAW = "D-640221-2018-001"
AGENCIES = ("AJ", "GA", "JT", "SJ", "YG")
NAMES = {"AJ": "安监局", "GA": "公安局", "JT": "交通运输局", "SJ": "市场监管局", "YG": "运管所", "GZ": "平罗公证处"}
CATEGORIES = {"bus": 22, "hazmat": 11, "freight": 55, "station": 11, "repair": 11}
APPLIES = {
    "JT": ("bus", "hazmat", "freight", "station"),
    "GA": ("bus", "hazmat"),
    "AJ": ("bus", "hazmat", "freight", "station", "repair"),
    "SJ": ("bus", "hazmat", "freight", "station", "repair"),
    "YG": ("bus", "hazmat", "freight"),
}
OFFICERS = {"JT": 6, "GA": 5, "AJ": 3, "SJ": 5, "YG": 3}
DIGITS = "31415926535897932384"
OPENED = datetime(2018, 12, 3, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
COMMIT_CLOSE = OPENED + timedelta(hours=24)
REVEAL_CLOSE = OPENED + timedelta(hours=26)
SEAL_BY = OPENED + timedelta(hours=27)
BEACON_TIME = OPENED + timedelta(hours=28)
TIMES = AskedTimes(COMMIT_CLOSE, REVEAL_CLOSE, SEAL_BY, BEACON_TIME)
WINDOW_END = datetime(2018, 12, 20, 16, 0, tzinfo=UTC)

WITNESS = person("GZ", Role.WITNESS)
OFFICER = {agency: person(agency, Role.DRAW_OFFICER) for agency in AGENCIES}
LEAD = OFFICER["JT"]
PLANNER = person("JT", Role.PLANNER)
SUPERVISOR = person("JT", Role.SUPERVISOR)


def entities() -> dict[str, str]:
    """Invent the entities: {id: category}."""
    found = {}
    for number, category in enumerate(one for one, size in CATEGORIES.items() for _ in range(size)):
        found[f"91640221MA{sha256(str(number).encode()).hexdigest()[:7].upper()}X"] = category
    return found


def frame_file() -> bytes:
    """Write the frame as planner does."""
    rows = []
    for entity, category in sorted(entities().items()):
        lines = ",".join(sorted(f"{agency}-1" for agency, applies in APPLIES.items() if category in applies))
        rows.append(f"{entity}\tK1/{category}\t{lines}\n")
    return "".join(rows).encode()


def rosters(sizes: Mapping[str, int] | None = None, campaign: str = CAMPAIGN) -> Rosters:
    """Invent the officers; one of YG is recused from all hazmat firms, one of GA from all bus firms."""
    of = {
        category: tuple(one for one, kind in sorted(entities().items()) if kind == category) for category in CATEGORIES
    }
    away = {"YG-02": of["hazmat"], "GA-03": of["bus"]}
    agencies = {
        agency: tuple(
            RosterOfficer(
                officer=f"{agency}-{number:02d}",
                labels=("law",),
                cap=30,
                base_load=number % 2,
                recused=away.get(f"{agency}-{number:02d}", ()),
            )
            for number in range(1, size + 1)
        )
        for agency, size in (OFFICERS | dict(sizes or {})).items()
    }
    return Rosters(campaign=campaign, agencies=agencies, excluded={}, base_from=())


def plan(**changes: Any) -> CampaignPlan:
    """Write the approved plan."""
    items = [
        PlanItem(
            item=f"{agency}-1",
            agency=agency,
            name="检查",
            kind="general",
            legal_basis="道路运输条例",
            method="on_site",
            labels=("law",),
            categories=APPLIES[agency],
            checklist=f"L-{agency}",
            checklist_edition=1,
        )
        for agency in AGENCIES
    ]
    told: dict[str, Any] = {
        "campaign": CAMPAIGN,
        "county": COUNTY,
        "number": "平交联查〔2018〕1号",
        "title": "道路运输行业跨部门联合随机抽查",
        "lead": "JT",
        "agencies": [
            PlanAgency(agency=agency, officers_per_target=2, slot_labels=(("law",), ("law",))) for agency in AGENCIES
        ],
        "pack": PinnedPack(pack="NX-2018", edition=date(2018, 11, 1), digest="0" * 64),
        "stages": stages(),
        "items": items,
        "classes": [PlanClass(code="K1", categories=tuple(CATEGORIES), rate=(1, 10))],
        "planned_targets": 11,
        "purpose": Purpose.REHEARSAL,
        "disclosure": "window",
        "chain_len": 3,
        "max_missing": 1,
        "witness": "GZ",
        "dice": 20,
        "replacement_max": 3,
        "replacement_reasons": ("closed", "moved_out"),
        "publication": PublicNames(plan_id="1", plan_name="计划", task_id="1", task_name="任务", type_name="联合"),
        "conference_digest": "0" * 64,
    }
    return CampaignPlan.model_validate(told | changes)


def stages() -> tuple[StageWindow, ...]:
    """Name the four stages of the county's campaign."""
    days = {
        Stage.PREPARE: (date(2018, 11, 28), date(2018, 11, 30), date(2018, 11, 30)),
        Stage.DRAW: (date(2018, 12, 3), date(2018, 12, 8), date(2018, 12, 7)),
        Stage.INSPECT: (date(2018, 12, 10), date(2018, 12, 20), date(2018, 12, 20)),
        Stage.PUBLISH: (date(2018, 12, 21), date(2018, 12, 31), date(2018, 12, 29)),
    }
    return tuple(
        StageWindow(stage=stage, first_on=first, last_on=last, last_working_on=working)
        for stage, (first, last, working) in days.items()
    )


def registered() -> list[Payload]:
    """Say what console says of the bodies."""
    return [
        AgencyRegistered(
            county=COUNTY,
            agency=agency,
            kind=AgencyKind.WITNESS_BODY if agency == "GZ" else AgencyKind.AGENCY,
            name=name,
            short_name=name,
        )
        for agency, name in NAMES.items()
    ]


def due() -> Due:
    """Give a due date, where one must stand."""
    return Due(due_on=date(2019, 1, 4), anchor_on=date(2018, 12, 20), anchor="inspection_stage_end", source="NX-2018")


def confirmed(kit: Kit, agreed: CampaignPlan) -> CampaignConfirmed:
    """Say what planner says when a campaign is approved."""
    return CampaignConfirmed(
        county=COUNTY,
        campaign=agreed.campaign,
        title=agreed.title,
        number=agreed.number,
        lead=agreed.lead,
        agencies=tuple(sorted(one.agency for one in agreed.agencies)),
        pack=agreed.pack,
        calendar="0" * 64,
        stages=agreed.stages,
        purpose=agreed.purpose,
        publication_rule=due(),
        publication_plan=due(),
        report=due(),
        plan=kit.blob(agreed.encode()),
    )


def frozen(kit: Kit, given: Rosters, file: bytes | None = None) -> FrameFrozen:
    """Say what planner says when the frame is frozen."""
    content = frame_file() if file is None else file
    return FrameFrozen(
        county=COUNTY,
        campaign=given.campaign,
        frame="F-640221-2018-001",
        lead="JT",
        agencies=AGENCIES,
        entities=content.count(b"\n"),
        frame_digest=sha256(content).hexdigest(),
        document=kit.blob(content, "drawer", content_type="text/tab-separated-values"),
        rosters=kit.blob(given.encode(), "drawer"),
        annex=kit.blob(b"{}", "results"),
    )


def entered(visit: str, agency: str = "JT") -> ChecklistSubmitted:
    """Say what results says when an agency's checklist of a visit is in."""
    return ChecklistSubmitted(
        county=COUNTY, campaign=CAMPAIGN, visit=visit, agency=agency, items=1, entered_by="U-1", approval=due()
    )


@dataclass
class County:
    """A drawer that has heard of the campaign, at the moment the draw may be opened."""

    kit: Kit
    service: Service
    campaign: str = CAMPAIGN
    draw: str = DRAW

    def at(self, moment: datetime) -> None:
        """Move the clock, and let the timers do what is due."""
        self.kit.clock.at = moment
        run_due(self.service, moment)

    def open(self, **times: Any) -> str:
        """Open the draw; return its id."""
        asked = AskedTimes(**(TIMES.__dict__ | times))
        reply = acts.open_draw(
            self.service, LEAD, self.campaign, asked, key=f"open-{self.campaign}-{self.kit.clock.at.isoformat()}"
        )
        return str(reply.value["draw"])

    def commit(self, *agencies: str) -> None:
        """Let agencies commit (all of them if none is named)."""
        self._all(agencies, "commit", acts.commit)

    def countersign(self, *agencies: str) -> None:
        """Let agencies countersign, when the commitment window has closed."""
        self.at(max(self.kit.clock.at, COMMIT_CLOSE))
        self._all(agencies, "countersign", acts.countersign)

    def reveal(self, *agencies: str) -> None:
        """Let agencies reveal."""
        self._all(agencies, "reveal", acts.reveal)

    def _all(self, agencies: tuple[str, ...], name: str, act: Any) -> None:
        for agency in agencies or AGENCIES:
            key = f"{name}-{agency}-{self.draw}-{self.kit.clock.at.isoformat()}"
            act(self.service, OFFICER[agency], self.draw, key=key)

    def seal(self, key: str = "seal") -> None:
        """Let the witness seal."""
        acts.seal(self.service, WITNESS, self.draw, key=key)

    def dice(self, digits: str = DIGITS, key: str = "dice", again: str | None = None, actor: Actor = WITNESS) -> None:
        """Let the witness enter the dice."""
        acts.throw_dice(self.service, actor, self.draw, key=key, digits=digits, again=again or digits)

    def until_revealed(self) -> None:
        """Open, commit, countersign and reveal."""
        self.open()
        self.commit()
        self.countersign()
        self.reveal()

    def until_sealed(self) -> None:
        """Go on to the seal."""
        self.until_revealed()
        self.seal()

    def until_drawn(self) -> None:
        """Go on to the dice."""
        self.until_sealed()
        self.at(BEACON_TIME)
        self.dice()


def a_county(kit: Kit, agreed: CampaignPlan | None = None, given: Rosters | None = None) -> County:
    """Build a drawer and let it hear of the bodies, the campaign and the frame."""
    service = kit.build(drawer)
    agreed = agreed or plan()
    kit.feed(service, *registered(), confirmed(kit, agreed), frozen(kit, given or rosters()))
    kit.clock.at = OPENED
    return County(kit, service)
