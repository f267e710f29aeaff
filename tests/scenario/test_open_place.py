"""
A place that no draw could fill, from the round that left it open to the published result: drawer and results together.

Every fact that results hears of the draw is one that the drawer said, documents included.
"""

from datetime import date, timedelta
from typing import Any

import pytest

from runtime.errors import OneVisitError
from runtime.service import Service
from runtime.store import Actor
from schemas.documents import AnnexTarget, CampaignPlan, FrameAnnex
from schemas.events.campaigns import CampaignConfirmed, FrameFrozen
from schemas.vocabulary import Role
from services.drawer import round_acts
from services.results.app import results
from services.results.commands.approval import approve_section
from services.results.commands.drafts import save_draft
from services.results.commands.publication import publish_section
from services.results.commands.visits import record_unit, schedule_visit, sign_section, submit_section
from services.results.queries.visits import section_view, visit_view
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import DRAW, WINDOW_END, WITNESS, County, a_county, entities, plan
from tests.unit.drawer_service.test_appointments import SPARE, appointed, short_of_officers
from tests.unit.drawer_service.test_rounds import (
    ASKED_ON,
    REASONS,
    asked_and_approved,
    finish,
    open_round,
    reveal,
    sign,
    standing,
)
from tests.unit.results.world import DIGEST, World, calendar, pinned, shanghai

VISIT_ON = date(2018, 12, 12)
DRAWN = person("SJ", Role.INSPECTOR, id="u-SJ-02", officer="SJ-02")
NOT_DRAWN = person("SJ", Role.INSPECTOR, id=f"u-{SPARE}", officer=SPARE)


class Both:
    """A drawer and a results service on one bus, and hands for a section of SJ."""

    def __init__(self, kit: Kit) -> None:
        agreed = plan(replacement_reasons=REASONS, pack=pinned())
        items = [item.model_copy(update={"checklist": f"CL-{item.agency}", "labels": ()}) for item in agreed.items]
        self.kit, self.agreed = kit, agreed.model_copy(update={"items": tuple(items)})
        self.county: County = a_county(kit, self.agreed, short_of_officers())
        self.service: Service = kit.build(results)
        self.told = 0
        world = World(kit, self.service).facts()
        known = [fact for name, fact in world.items() if name.startswith(("agency", "pack", "calendar", "checklist"))]
        kit.feed(self.service, *known, self.confirmed(world["campaign"]), self.frozen(world["frame"]))

    def confirmed(self, like: Any) -> CampaignConfirmed:
        assert isinstance(like, CampaignConfirmed)
        document = CampaignPlan.model_validate(self.agreed.model_dump()).encode()
        return like.model_copy(update={"plan": self.kit.blob(document, "results"), "calendar": calendar().digest()})

    def frozen(self, like: Any) -> FrameFrozen:
        assert isinstance(like, FrameFrozen)
        targets = [
            AnnexTarget(
                target=target,
                uscc=target,
                name="平罗虚构运输有限公司",
                category=category,
                district="PL01",
                address="虚构路1号",
                legal_representative="某人",
                contact="某联系人",
                phone="00000000000",
            )
            for target, category in sorted(entities().items())
        ]
        officers = tuple((one, "SJ", f"检查员{one}", f"ZF-{one}") for one in ("SJ-01", "SJ-02", SPARE))
        annex = FrameAnnex(campaign=like.campaign, frame_digest=DIGEST, targets=tuple(targets), officers=officers)
        return like.model_copy(update={"annex": self.kit.blob(annex.encode(), "results")})

    def hear(self) -> None:
        """Let results hear what the drawer has said since."""
        facts = said(self.county.service)
        self.kit.feed(self.service, *facts[self.told :])
        self.told = len(facts)

    def do(self, actor: Actor, command: Any, **facts: Any) -> Any:
        return self.service.do(actor, command, **facts)

    def shown(self, actor: Actor, visit: str) -> dict[str, Any]:
        view: dict[str, Any] = self.service.ask(actor, section_view, section_id=f"{visit}-SJ", now=self.kit.clock.at)
        return view

    def signed(self, actor: Actor, visit: str) -> None:
        """Let an officer sign what the section says."""
        self.do(actor, sign_section, section_id=f"{visit}-SJ", digest=self.shown(DRAWN, visit)["digest"])

    def filled(self, visit: str) -> None:
        """Let the one drawn officer answer everything and sign, and the firm too."""
        planner, section = person("JT", Role.PLANNER), f"{visit}-SJ"
        self.do(planner, schedule_visit, visit_id=visit, day=VISIT_ON, instead_of=None)
        self.kit.clock.at = shanghai(VISIT_ON.isoformat())
        self.do(
            DRAWN,
            save_draft,
            section_id=section,
            answers={"SJ-1": {"reached": "yes", "wrong": "no"}},
            outcomes={"SJ-1": "NO_ISSUE"},
            findings=[],
        )
        self.signed(DRAWN, visit)
        digest = self.shown(DRAWN, visit)["digest"]
        self.do(DRAWN, record_unit, section_id=section, digest=digest, how="signed", name="某负责人")


def refused(both: Both, actor: Actor, command: Any, **facts: Any) -> str:
    with pytest.raises(OneVisitError) as refusal:
        both.do(actor, command, **facts)
    return refusal.value.code


def test_a_visit_with_an_open_place_is_made_signed_and_published_by_whom_the_head_appointed(kit: Kit) -> None:
    both = Both(kit)
    county = both.county
    county.until_drawn()
    county.at(ASKED_ON)
    visit = standing(county)[0].visit
    asked_and_approved(county, visit, "officer_ill", "SJ", "SJ-01")
    finish(county, open_round(county))
    both.hear()
    section = f"{visit}-SJ"
    both.filled(visit)
    before = both.shown(DRAWN, visit)
    assert (before["is_short"], [one["officer"] for one in before["team"]]) == (True, ["SJ-02", None])
    assert refused(both, DRAWN, submit_section, section_id=section) == "section.signatures_missing"

    kit.clock.at = shanghai("2018-12-12", 10)
    appointed(county)
    both.hear()

    after = both.shown(NOT_DRAWN, visit)
    assert [(one["officer"], one.get("appointed", False)) for one in after["team"]] == [("SJ-02", False), (SPARE, True)]
    assert after["drawn"], "who was appointed writes and signs like the drawn"
    lines = both.service.ask(person("JT", Role.PLANNER), visit_view, visit_id=visit)["sections"]
    (line,) = [one for one in lines if one["agency"] == "SJ"]
    assert [one.get("appointed", False) for one in line["team"]] == [False, True]
    both.signed(NOT_DRAWN, visit)
    both.do(NOT_DRAWN, submit_section, section_id=section)
    approver = person("SJ", Role.APPROVER)
    both.do(approver, approve_section, section_id=section, digest=both.shown(approver, visit)["digest"])
    county.at(WINDOW_END)
    both.hear()
    both.do(person("SJ", Role.PUBLISHER), publish_section, section_id=section)
    assert both.shown(approver, visit)["state"] == "published"


def test_no_checklist_is_handed_in_while_a_round_may_still_change_the_team(kit: Kit) -> None:
    both = Both(kit)
    county = both.county
    county.until_drawn()
    county.at(ASKED_ON)
    visit = standing(county)[0].visit
    both.hear()
    both.do(person("JT", Role.PLANNER), schedule_visit, visit_id=visit, day=VISIT_ON, instead_of=None)
    county.at(shanghai("2018-12-12", 8))
    asked_and_approved(county, visit, "officer_ill", "SJ", "SJ-01")
    opened_at = kit.clock.at
    number = open_round(county, opened_at + timedelta(hours=1), opened_at + timedelta(hours=2))
    both.hear()
    ill = person("SJ", Role.INSPECTOR, id="u-SJ-01", officer="SJ-01")

    assert refused(both, ill, submit_section, section_id=f"{visit}-SJ") == "section.held_by_round"
    assert both.shown(DRAWN, visit)["held_in"] == number

    sign(county, number)
    reveal(county, number)
    round_acts.seal(county.service, WITNESS, DRAW, number, key="seal-round")
    county.at(opened_at + timedelta(hours=2))
    round_acts.throw_dice(county.service, WITNESS, DRAW, number, key="dice-round", digits="1" * 20, again="1" * 20)
    both.hear()
    assert both.shown(DRAWN, visit)["held_in"] is None
    assert refused(both, DRAWN, submit_section, section_id=f"{visit}-SJ") != "section.held_by_round"
