"""The Pingluo county for the planner's tests: a real service, its bodies, rule pack, registers, and a campaign step by step."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.events.accounts import AccountOpened, AgencyRegistered
from schemas.vocabulary import AgencyKind, Role
from services.planner import prepared
from services.planner.app import planner
from services.planner.commands import campaigns, parts
from services.planner.forms import CampaignForm, ConfirmationForm
from tests.kit import COUNTY, Kit, person

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/pingluo-2018"
LEAD, PARTNERS = "JT", ("AJ", "GA", "SJ", "YG")
AGENCIES = ("AJ", "GA", "JT", "SJ", "YG")
ITEMS = ("AJ-01", "AJ-02", "GA-01", "JT-01", "SJ-01", "YG-01")
OFFICERS = {"JT": 6, "GA": 5, "AJ": 4, "SJ": 6, "YG": 3}
STAGES = (
    ("prepare", "2018-11-28", "2018-11-30"),
    ("draw", "2018-12-03", "2018-12-08"),
    ("inspect", "2018-12-10", "2018-12-20"),
    ("publish", "2018-12-21", "2018-12-31"),
)
COUNTY_ADMIN = person("JT", Role.COUNTY_ADMIN, id="county-admin")


def planner_of(agency: str) -> Actor:
    """Return the planner of an agency."""
    return person(agency, Role.PLANNER, id=f"{agency.lower()}-plan")


def approver_of(agency: str) -> Actor:
    """Return the approver of an agency."""
    return person(agency, Role.APPROVER, id=f"{agency.lower()}-approve")


def at(day: str, clock: str = "09:00") -> datetime:
    """Return a moment given in Shanghai time."""
    return datetime.fromisoformat(f"{day}T{clock}:00+08:00").astimezone(UTC)


@cache
def example(name: str) -> bytes:
    """Read a spreadsheet of the example."""
    return (EXAMPLE / name).read_bytes()


def file_of(kind: str, agency: str) -> str:
    """Name the example's spreadsheet of a register."""
    if kind == "targets":
        return "targets.xlsx"
    return f"{kind}-{agency}.csv" if (kind, agency) == ("inspectors", "AJ") else f"{kind}-{agency}.xlsx"


class World:
    """A planner in a county; every method is one step somebody takes."""

    def __init__(self, kit: Kit, already: int = 0) -> None:
        self.kit = kit
        self.service: Service = kit.build(planner)
        self._keys = already  # requests made before in this county

    def key(self) -> str:
        """Make an Idempotency-Key nobody used."""
        self._keys += 1
        return f"k{self._keys}"

    def bodies(self) -> "World":
        """Register the agencies, the notary office, and who approves."""
        bodies = [(agency, AgencyKind.AGENCY) for agency in AGENCIES] + [("GZ", AgencyKind.WITNESS_BODY)]
        for agency, kind in bodies:
            self.kit.feed(
                self.service,
                AgencyRegistered(
                    county=COUNTY, agency=agency, kind=kind, name=f"平罗县{agency}", short_name=f"{agency}局"
                ),
                AccountOpened(
                    county=COUNTY, agency=agency, account=f"{agency.lower()}-approve", roles=(Role.APPROVER,)
                ),
            )
        return self

    def rules(self, more: bytes = b"", less: bytes = b"") -> "World":
        """Publish rule pack NX-2018, perhaps with *more* in it or with *less*, and the calendar."""
        pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes().replace(less, b"") + more
        calendar = (ROOT / "rulepacks/calendar/CN.toml").read_bytes()
        prepared.publish_pack_file(self.service, COUNTY_ADMIN, self.key(), pack)
        prepared.publish_calendar_file(self.service, COUNTY_ADMIN, self.key(), calendar)
        return self

    def bring(self, kind: str, agency: str, data: bytes | None = None, name: str | None = None) -> Reply:
        """Import a spreadsheet, the example's unless another is given."""
        file = file_of(kind, agency)
        content = example(file) if data is None else data
        return prepared.import_file(
            self.service, planner_of(agency), self.key(), kind, content, name or ("x.xlsx" if data else file)
        )

    def registers(self) -> "World":
        """Import all registers of the example."""
        self.bring("targets", LEAD)
        for agency in AGENCIES:
            self.bring("items", agency)
            self.bring("inspectors", agency)
            self.bring("checklists", agency)
        return self

    def form(self, **changes: Any) -> CampaignForm:
        """Fill in the form of the Pingluo campaign, with changes."""
        values: dict[str, Any] = {
            "title": "平罗县道路运输行业跨部门联合随机抽查",
            "number": "平交联查〔2018〕1号",
            "partners": PARTNERS,
            "pack": "NX-2018",
            "items": ITEMS,
            "stages": [{"stage": name, "first_on": first, "last_on": last} for name, first, last in STAGES],
            "ratio": "1/10",
            "planned": 11,
            "witness": "GZ",
            "max_missing": 1,
            "conference": {"held_on": "2018-11-28", "attendees": 9, "record": "会议纪要：明确部门、事项和要求。"},
        }
        return CampaignForm.model_validate(values | changes)

    def draft(self, **changes: Any) -> str:
        """Draft the campaign; returns its id."""
        reply = self.service.do(planner_of(LEAD), campaigns.create_campaign, key=self.key(), form=self.form(**changes))
        return str(reply.value["campaign"])

    def propose(self, campaign: str) -> Reply:
        """Send it to the partners."""
        return self.service.do(
            planner_of(LEAD), campaigns.propose_campaign, key=self.key(), campaign_id=campaign, if_match=None
        )

    def confirm(self, campaign: str, agency: str, officers: tuple[str, ...] | None = None) -> Reply:
        """Let an agency confirm with all its officers and the first edition of its checklists."""
        named = officers or tuple(f"{agency}{number:02}" for number in range(1, OFFICERS[agency] + 1))
        checklists = [{"checklist": item, "edition": 1} for item in ITEMS if item.startswith(agency)]
        form = ConfirmationForm.model_validate(
            {"officers": named, "checklists": checklists, "contact": {"name": "联络员", "phone": "0000"}}
        )
        return self.service.do(planner_of(agency), parts.confirm_part, key=self.key(), campaign_id=campaign, form=form)

    def approve(self, campaign: str, actor: Actor | None = None) -> Reply:
        """Approve the plan."""
        return prepared.approve(self.service, actor or approver_of(LEAD), self.key(), campaign)

    def freeze(self, campaign: str, actor: Actor | None = None, key: str | None = None, *, early: bool = True) -> Reply:
        """Freeze the frame, whatever day it is."""
        return prepared.freeze(self.service, actor or planner_of(LEAD), key or self.key(), campaign, early=early)

    def proposed(self, **changes: Any) -> str:
        """Go as far as the proposal."""
        campaign = self.draft(**changes)
        self.propose(campaign)
        return campaign

    def agreed(self, **changes: Any) -> str:
        """Go as far as everybody's confirmation."""
        campaign = self.proposed(**changes)
        for agency in (LEAD, *self.form(**changes).partners):
            self.confirm(campaign, agency)
        return campaign

    def confirmed(self, **changes: Any) -> str:
        """Go as far as the approval."""
        campaign = self.agreed(**changes)
        self.approve(campaign)
        return campaign

    def frozen(self, **changes: Any) -> str:
        """Go as far as the freeze."""
        campaign = self.confirmed(**changes)
        self.freeze(campaign)
        return campaign


def a_world(kit: Kit) -> World:
    """Make a county with its rules and registers."""
    return World(kit).bodies().rules().registers()
