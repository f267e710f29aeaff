"""A visit from its day to the submission of its sections."""

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from runtime.errors import NotFound, NotYet, OneVisitError, Stale
from runtime.files.evidence import StoredFile
from schemas.events.results import ChecklistSubmitted, ResultReturned, VisitScheduled
from schemas.vocabulary import Role
from services.results.commands.approval import approve_section
from services.results.commands.drafts import attach_evidence, may_attach, remove_evidence, save_draft
from services.results.commands.found import SectionNotYours
from services.results.commands.visits import (
    NotTheLeads,
    record_unit,
    return_section,
    schedule_visit,
    sign_section,
    submit_section,
)
from services.results.domain.checklists import AnswersMissing, AnswerToUnknownQuestion
from services.results.domain.referrals import ReasonUnknown
from services.results.domain.schedule import NotAWorkingDay, OutsideInspectionStage, VisitAlreadyEntered
from services.results.domain.sections import (
    BeforeTheVisit,
    NotOnTheTeam,
    OutcomeMissing,
    OutcomeNeedsFinding,
    OutcomeUnknown,
    SectionNotInState,
    SignaturesMissing,
    UnitNotSigned,
    VisitNotScheduled,
)
from services.results.queries.visits import section_progress, section_view, visit_lines, visit_view
from services.results.tables import Entry, Evidence
from tests.kit import Kit, person, said
from tests.unit.results.world import LEAD, VISIT_ON, World, a_world, section_id, visit_id

A_JT = section_id("A", "JT")
GOOD = {"JT-1": {"reached": "yes", "wrong": "no"}}
FILE: dict[str, Any] = {
    "name": "照片.jpg",
    "content_type": "image/jpeg",
    "size": 3,
    "sha256": "ab" * 32,
    "stored": StoredFile({"digest": "cd" * 32}),
}


def view(world: World, actor: Any, section: str = A_JT) -> dict[str, Any]:
    return world.service.ask(actor, section_view, section_id=section, now=world.kit.clock.now())


def refused(world: World, error: type[OneVisitError], actor: Any, command: Any, **facts: Any) -> OneVisitError:
    with pytest.raises(error) as refusal:
        world.service.do(actor, command, **facts)
    return refusal.value


# ── the day ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lead_sets_one_day_for_all_agencies(world: World) -> None:
    reply = world.schedule("A")

    assert reply.value["visit_on"] == "2018-12-12"
    (event,) = said(world.service)
    assert isinstance(event, VisitScheduled)
    assert (event.visit_on, event.agencies) == (VISIT_ON, ("AJ", "GA", "JT", "SJ", "YG"))
    assert event.publication_rule.due_on == date(2019, 1, 4)


def test_the_day_lies_in_the_inspection_stage_on_a_working_day(world: World) -> None:
    planner = person(LEAD, Role.PLANNER)

    for day, error in (
        (date(2018, 12, 21), OutsideInspectionStage),
        (date(2018, 12, 7), OutsideInspectionStage),
        (date(2018, 12, 15), NotAWorkingDay),
    ):
        refused(world, error, planner, schedule_visit, visit_id=visit_id("A"), day=day, instead_of=None)
    assert said(world.service) == []


def test_a_team_lead_of_the_lead_may_set_it_and_nobody_elses_planner(world: World) -> None:
    day: dict[str, Any] = {"visit_id": visit_id("A"), "day": VISIT_ON, "instead_of": None}

    refused(world, NotTheLeads, person("GA", Role.TEAM_LEAD), schedule_visit, **day)
    refused(world, NotFound, person("NY", Role.PLANNER), schedule_visit, **day)
    refused(world, NotTheLeads, person(LEAD, Role.DRAW_OFFICER), schedule_visit, **day)
    assert world.service.do(person(LEAD, Role.TEAM_LEAD), schedule_visit, **day).value["warnings"] == []


def test_officers_with_two_visits_on_one_day_are_a_warning(world: World) -> None:
    world.schedule("A")

    assert world.schedule("E").value["warnings"] == ["visit.warn_officers_busy"]
    assert world.schedule("B", date(2018, 12, 20)).value["warnings"] == ["visit.warn_last_day"]


def test_a_day_on_which_an_officer_is_away_is_a_warning_that_names_them_to_their_own_agency(world: World) -> None:
    assert world.schedule("A", date(2018, 12, 19)).value["warnings"] == ["visit.warn_officers_absent"]

    def team(agency: str) -> dict[str, Any]:
        view = world.service.ask(person(agency, Role.TEAM_LEAD), visit_view, visit_id=visit_id("A"))
        return next(each for each in view["sections"] if each["agency"] == "GA")

    assert [each.get("away", False) for each in team("GA")["team"]] == [True, False]
    assert not any("away" in each for each in team(LEAD)["team"])
    assert team(LEAD)["away"] == 1
    world.schedule("A", date(2018, 12, 18))
    assert (team("GA")["away"], [each.get("away") for each in team("GA")["team"]]) == (0, [None, None])


def test_a_day_may_be_moved_until_a_section_is_submitted(world: World) -> None:
    world.schedule("A", date(2018, 12, 11))
    world.schedule("A", date(2018, 12, 10))
    world.fill("A", "GA", answers={"reached": "yes", "wrong": "no"})

    moved = {"visit_id": visit_id("A"), "day": VISIT_ON, "instead_of": date(2018, 12, 10)}
    refused(world, VisitAlreadyEntered, person(LEAD, Role.PLANNER), schedule_visit, **moved)


def test_a_day_is_set_over_the_one_that_was_seen_and_no_other(world: World) -> None:
    planner, other = person(LEAD, Role.PLANNER), person(LEAD, Role.TEAM_LEAD)
    moved: dict[str, Any] = {"visit_id": visit_id("A"), "day": date(2018, 12, 11)}
    world.schedule("A", date(2018, 12, 10))

    for unseen in (None, date(2018, 12, 12)):
        refusal = refused(world, Stale, other, schedule_visit, **moved, instead_of=unseen)
        assert refusal.facts == {"asked": str(unseen or ""), "stored": "2018-12-10"}
    refused(world, NotTheLeads, person("GA", Role.TEAM_LEAD), schedule_visit, **moved, instead_of=None)
    assert len(said(world.service)) == 1
    value = world.service.do(planner, schedule_visit, **moved, instead_of=date(2018, 12, 10)).value
    assert value["visit_on"] == "2018-12-11"


# ── the draft ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_questions_appear_as_they_apply_and_a_draft_is_kept(world: World) -> None:
    first, _ = world.officers("A", "JT")

    assert [q["id"] for q in view(world, first)["items"][0]["questions"]] == ["reached"]
    reply = world.service.do(first, save_draft, section_id=A_JT, answers=GOOD, outcomes={"JT-1": "NO_ISSUE"})

    assert (reply.value["section"], reply.value["version"]) == (A_JT, 1)
    assert re.fullmatch("[0-9a-f]{64}", reply.value["digest"]), "whoever saved it can sign what they wrote"
    shown = view(world, first)
    assert [q["id"] for q in shown["items"][0]["questions"]] == ["reached", "wrong", "note", "count", "until", "size"]
    assert (shown["items"][0]["outcome"], shown["version"]) == ("NO_ISSUE", 1)


def test_saving_the_same_again_is_no_new_version(world: World) -> None:
    first, _ = world.officers("A", "JT")
    world.service.do(first, save_draft, section_id=A_JT, answers=GOOD)

    assert world.service.do(first, save_draft, section_id=A_JT, answers=GOOD).value["version"] == 1


def test_a_stale_edit_is_refused_and_loses_nothing(world: World) -> None:
    first, second = world.officers("A", "JT")
    world.service.do(first, save_draft, section_id=A_JT, answers=GOOD, version="0")

    refusal = refused(world, Stale, second, save_draft, section_id=A_JT, answers={"JT-1": {}}, version="0")

    assert refusal.facts == {"asked": "0", "stored": "1"}
    assert view(world, first)["items"][0]["questions"][0]["answer"] == "yes"
    assert (
        world.service.do(second, save_draft, section_id=A_JT, answers={"JT-1": {}}, version="1").value["version"] == 2
    )


def test_only_the_team_writes_and_only_known_things(world: World) -> None:
    first, _ = world.officers("A", "JT")

    refused(world, NotOnTheTeam, person("JT", Role.TEAM_LEAD, officer="JT009"), save_draft, section_id=A_JT)
    refused(world, NotFound, world.officers("A", "GA")[0], save_draft, section_id=A_JT)
    refused(world, SectionNotYours, first, save_draft, section_id=section_id("A", "GA"))
    refused(world, OutcomeUnknown, first, save_draft, section_id=A_JT, outcomes={"JT-1": "8"})
    refused(world, AnswerToUnknownQuestion, first, save_draft, section_id=A_JT, answers={"JT-1": {"q": "1"}})


def section_of_partner(world: World) -> str:
    return section_id("A", "GA")


def test_the_lead_sees_a_partners_progress_and_nothing_it_wrote(world: World) -> None:
    world.schedule("A")
    planner = person(LEAD, Role.PLANNER)

    progress = world.service.ask(planner, section_progress, section_id=section_of_partner(world))

    assert (progress["state"], progress["agency"]) == ("scheduled", "GA")
    with pytest.raises(SectionNotYours):
        view(world, planner, section_of_partner(world))


def test_without_its_checklist_a_section_waits(kit: Kit) -> None:
    world = a_world(kit, heard=False)
    told = world.facts()
    del told["checklist.JT"]
    world.hear(*told.values())
    first, _ = world.officers("A", "JT")

    refusal = refused(world, NotYet, first, save_draft, section_id=A_JT, answers=GOOD)

    assert refusal.facts["awaits"] == "checklist:JT.CL-JT.1"


# ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_evidence_once_and_can_be_taken_back(world: World) -> None:
    first, _ = world.officers("A", "JT")
    bad = {"JT-1": {"reached": "yes", "wrong": "yes"}}
    one = world.service.do(first, attach_evidence, section_id=A_JT, item="JT-1", question="photo", **FILE).value
    again = world.service.do(first, attach_evidence, section_id=A_JT, item="JT-1", question="photo", **FILE).value
    note = {"item": "JT-1", "question": "wrong", "text": "证件不符", "evidence": [one["evidence"]]}
    world.service.do(first, save_draft, section_id=A_JT, answers=bad, findings=[note])

    assert one == again
    assert view(world, first)["findings"][0]["evidence"] == [one["evidence"]]
    world.service.do(first, remove_evidence, section_id=A_JT, evidence_id=one["evidence"])

    shown = view(world, first)
    assert (shown["evidence"], shown["findings"][0]["evidence"], shown["version"]) == ([], [], 2)
    refused(world, NotFound, first, remove_evidence, section_id=A_JT, evidence_id=one["evidence"])


def test_evidence_belongs_to_a_question_of_the_section(world: World) -> None:
    first, _ = world.officers("A", "JT")

    with pytest.raises(AnswerToUnknownQuestion):
        world.service.ask(first, may_attach, section_id=A_JT, item="GA-1", question="photo")
    with pytest.raises(NotOnTheTeam):
        world.service.ask(person("JT", Role.TEAM_LEAD), may_attach, section_id=A_JT, item="", question="")
    assert world.service.ask(first, may_attach, section_id=A_JT, item="", question="") == A_JT


# ── signatures and submission ───────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_signed_or_submitted_before_the_day(world: World) -> None:
    first, _ = world.officers("A", "JT")

    shown = {"section_id": A_JT, "digest": world.text(A_JT)}
    refused(world, VisitNotScheduled, first, sign_section, **shown)
    world.schedule("A")
    refused(world, BeforeTheVisit, first, sign_section, **shown)
    refused(world, BeforeTheVisit, first, record_unit, **shown, how="signed", name="某人")
    refused(world, BeforeTheVisit, first, submit_section, section_id=A_JT)


def test_a_complete_signed_section_is_submitted(world: World) -> None:
    world.schedule("A")
    world.day("2018-12-12", 15)

    world.fill("A", "JT")

    event = said(world.service)[-1]
    assert isinstance(event, ChecklistSubmitted)
    assert (event.items, event.entered_by) == (1, "u-JT005")
    first, _ = world.officers("A", "JT")
    assert view(world, first)["state"] == "submitted"
    refused(world, SectionNotInState, first, save_draft, section_id=A_JT, answers=GOOD)


def test_what_is_missing_is_said_step_by_step(world: World) -> None:
    world.schedule("A")
    world.day("2018-12-12")
    first, second = world.officers("A", "JT")

    def submit(error: type[OneVisitError]) -> None:
        refused(world, error, first, submit_section, section_id=A_JT)

    submit(OutcomeMissing)
    world.service.do(first, save_draft, section_id=A_JT, outcomes={"JT-1": "PENDING"})
    submit(OutcomeNeedsFinding)
    world.service.do(first, save_draft, section_id=A_JT, outcomes={"JT-1": "NO_ISSUE"})
    submit(AnswersMissing)
    world.service.do(first, save_draft, section_id=A_JT, answers=GOOD)
    submit(SignaturesMissing)
    shown = {"section_id": A_JT, "digest": world.text(A_JT)}
    world.service.do(first, sign_section, **shown)
    submit(SignaturesMissing)
    world.service.do(second, sign_section, **shown)
    submit(UnitNotSigned)
    refused(world, ReasonUnknown, first, record_unit, **shown, how="refused", reason="because", witness="某人")
    world.service.do(first, record_unit, **shown, how="refused", reason="absent", witness="某人")
    world.service.do(first, submit_section, section_id=A_JT)


def test_a_change_after_signing_voids_the_signatures(world: World) -> None:
    world.schedule("A")
    world.day("2018-12-12")
    first, second = world.officers("A", "JT")
    world.service.do(first, save_draft, section_id=A_JT, answers=GOOD, outcomes={"JT-1": "NO_ISSUE"})
    for officer in (first, second):
        world.service.do(officer, sign_section, section_id=A_JT, digest=view(world, officer)["digest"])
    world.service.do(first, record_unit, section_id=A_JT, digest=world.text(A_JT), how="signed", name="某人")
    assert view(world, first)["may_submit"]
    earlier = view(world, first)["digest"]

    changed = {"JT-1": GOOD["JT-1"] | {"note": "补充"}}
    world.service.do(first, save_draft, section_id=A_JT, answers=changed)

    shown = view(world, first)
    assert (shown["signed"], shown["unit"]["valid"], shown["may_submit"]) == (0, False, False)
    for unread in (earlier, ""):
        refused(world, Stale, first, sign_section, section_id=A_JT, digest=unread)
        refused(world, Stale, first, record_unit, section_id=A_JT, digest=unread, how="signed", name="某人")
    refused(world, SignaturesMissing, first, submit_section, section_id=A_JT)


def test_a_returned_section_can_be_mended(world: World) -> None:
    world.schedule("A")
    world.day("2018-12-12")
    world.fill("A", "JT")
    approver = person("JT", Role.APPROVER)

    shown = {"section_id": A_JT, "digest": world.text(A_JT)}
    world.service.do(approver, return_section, **shown, reason="请补充说明")

    event = said(world.service)[-1]
    assert isinstance(event, ResultReturned)
    assert event.entered_by == "u-JT005"
    assert "请补充说明" not in event.model_dump_json()
    first, _ = world.officers("A", "JT")
    assert view(world, first)["return_reason"] == "请补充说明"
    refused(world, SectionNotInState, approver, return_section, **shown, reason="再退")
    world.fill("A", "JT", answers={"reached": "yes", "wrong": "no", "note": "已补充"})
    assert view(world, first)["state"] == "submitted"
    refused(world, Stale, approver, return_section, **shown, reason="再退")
    refused(world, Stale, approver, approve_section, **shown)
    refused(world, Stale, approver, approve_section, section_id=A_JT, digest="")
    assert world.approve("A", "JT")["state"] == "approved"


def test_an_event_or_a_replayed_key_holds_nothing_written(world: World) -> None:
    world.schedule("A")
    world.day("2018-12-12")
    first, _ = world.officers("A", "JT")
    facts: dict[str, Any] = {"section_id": A_JT, "answers": {"JT-1": {"reached": "yes", "wrong": "no", "note": "秘密"}}}

    one = world.service.do(first, save_draft, key="k1", **facts)
    two = world.service.do(first, save_draft, key="k1", **facts)

    assert one.value == two.value
    world.fill("A", "JT", answers={"reached": "yes", "wrong": "no", "note": "秘密"})
    assert all("秘密" not in event.model_dump_json() for event in said(world.service))


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_inspector_sees_own_visits_and_a_publisher_no_target_before_disclosure(world: World) -> None:
    first, _ = world.officers("A", "JT")
    publisher, planner = person("JT", Role.PUBLISHER), person("JT", Role.PLANNER)

    own = world.service.ask(first, visit_lines)
    assert [line["visit"] for line in own] == [visit_id("A"), visit_id("E")]
    assert all(line["target"] for line in own)
    sealed = world.service.ask(publisher, visit_lines)
    assert len(sealed) == 6
    assert [line["target"] for line in sealed] == [None] * 6
    with pytest.raises(NotFound):
        world.service.ask(publisher, visit_view, visit_id=visit_id("A"))
    assert all(line["target"] for line in world.service.ask(planner, visit_lines))
    assert world.service.ask(person("NY", Role.PLANNER), visit_lines) == []

    assert "phone" in world.service.ask(planner, visit_view, visit_id=visit_id("A"))["target"]
    world.hear(world.disclosed())
    assert all(line["target"] for line in world.service.ask(publisher, visit_lines))
    assert "phone" not in world.service.ask(publisher, visit_view, visit_id=visit_id("A"))["target"]
    assert "phone" not in world.service.ask(planner, visit_view, visit_id=visit_id("A"))["target"]
    assert "phone" in world.service.ask(first, visit_view, visit_id=visit_id("A"))["target"]


def test_nothing_is_written_by_a_refused_command(world: World) -> None:
    first, _ = world.officers("A", "JT")
    refused(world, OutcomeUnknown, first, save_draft, section_id=A_JT, answers=GOOD, outcomes={"JT-1": "8"})

    with world.service.db.read(world.service.system) as session:
        assert session.scalars(select(Entry)).first() is None
        assert session.scalars(select(Evidence)).first() is None
