"""What results hears ends in the same state in whatever order, however often, it comes."""

import random
from typing import Any

import pytest
from sqlalchemy import select

from runtime.errors import NotFound
from runtime.store.digest import state_digests
from schemas.documents import TeamChange, WorkList, WorkTeam, WorkVisit
from schemas.events.draws import (
    AppointmentEnded,
    DrawCompleted,
    HeldChecklist,
    InspectorAppointed,
    InspectorSubstituted,
    RoundClosed,
    RoundOpened,
    RoundSpent,
    TargetReplaced,
)
from schemas.events.payload import Payload
from schemas.events.registers import ChecklistPublished
from schemas.events.results import VisitClosed
from schemas.vocabulary import Role
from services.results.commands.visits import VisitReplaced, submit_section
from services.results.domain.sections import HeldByRound
from services.results.queries.summary import campaign_summary
from services.results.queries.visits import section_view
from services.results.tables import Base, DrawFact, FrameAnnexKept, Pack, Section, Visit
from tests.kit import COUNTY, Kit, person, said
from tests.unit.results.world import (
    AGENCIES,
    CAMPAIGN,
    DIGEST,
    DRAW,
    VISIT_ON,
    World,
    a_world,
    checklist,
    shanghai,
    visit_id,
    work,
)


def digests(world: World) -> dict[str, str]:
    with world.service.db.read(world.service.system) as session:
        return state_digests(session.connection(), Base.metadata.sorted_tables)


def shuffled(told: dict[str, Payload], seed: int) -> list[Payload]:
    """Mix topics and keys, keeping the order within a topic and key, as the log does."""
    queues: dict[tuple[str, str], list[Payload]] = {}
    for payload in told.values():
        queues.setdefault((payload.topic, payload.partition_key), []).append(payload)
    rng, mixed = random.Random(seed), []
    while queues:
        key = rng.choice(sorted(queues))
        mixed.append(queues[key].pop(0))
        if not queues[key]:
            del queues[key]
    return mixed


def test_the_draw_opens_one_visit_per_target_with_a_section_per_agency(world: World) -> None:
    with world.service.db.read(world.service.system) as session:
        visits = {visit.id: visit for visit in session.scalars(select(Visit))}
        sections = list(session.scalars(select(Section).order_by(Section.id)))

    assert sorted(visits) == [visit.visit for visit in work().visits]
    assert [section.id for section in sections] == sorted(
        f"{visit.visit}-{team.agency}" for visit in work().visits for team in visit.teams
    )
    first = next(section for section in sections if section.id.endswith("-01-JT"))
    assert [item["item"] for item in first.items] == ["JT-1"]
    assert [member["officer"] for member in first.team] == ["JT002", "JT005"]
    assert first.owner_agency == "JT"
    assert {visit.owner_agency for visit in visits.values()} == {"JT"}
    assert said(world.service) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_order_across_topics_does_not_show(kit: Kit, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    straight, mixed = a_world(kit), a_world(Kit(tmp_path_factory.mktemp("mixed")), heard=False)
    mixed.day("2018-12-07")

    for payload in shuffled(mixed.facts(), seed):
        mixed.hear(payload)

    assert digests(mixed) == digests(straight)
    assert mixed.service.backlog().waiting == mixed.service.backlog().parked == 0
    mixed.kit.close()


def test_the_draw_waits_for_campaign_and_frame_and_says_which(kit: Kit) -> None:
    world = a_world(kit, heard=False)
    told = world.facts()

    world.hear(told["draw"], world.disclosed())
    assert world.service.backlog().waiting == 2
    world.hear(told["campaign"])
    assert world.service.backlog().waiting == 2
    world.hear(told["frame"])

    assert world.service.backlog().waiting == 0
    with world.service.db.read(world.service.system) as session:
        fact = session.get_one(DrawFact, CAMPAIGN)
        assert (fact.visits, fact.disclosed_at is not None) == (6, True)


def test_the_same_events_again_change_nothing(world: World) -> None:
    before = digests(world)

    world.kit.feed(world.service, *world.facts().values(), again=True)

    assert digests(world) == before


def test_projections_may_be_heard_again_from_the_beginning(world: World) -> None:
    before = digests(world)
    again = world.service.processor.__class__(world.service, consumer="results.replay", muted=True)

    again.process([world.kit.record(payload) for payload in world.facts().values()])

    assert digests(world) == before


def test_a_rehearsal_opens_nothing_outside_a_home_marked_demo(tmp_path_factory: pytest.TempPathFactory) -> None:
    kit = Kit(tmp_path_factory.mktemp("real"), demo=False)
    world = a_world(kit)

    with world.service.db.read(world.service.system) as session:
        assert session.scalars(select(Visit)).first() is None
        fact = session.get_one(DrawFact, CAMPAIGN)
        assert (fact.note, fact.visits) == ("rehearsal", 0)
    assert world.service.backlog().parked == 0
    kit.close()


def test_a_target_outside_the_frame_parks_the_draw_with_its_reason(kit: Kit) -> None:
    world = a_world(kit, heard=False)
    told = world.facts()
    draw = told["draw"]
    assert isinstance(draw, DrawCompleted)
    visits = tuple(visit.model_copy(update={"target": "T-9"}) for visit in work().visits)
    wrong = WorkList(campaign=CAMPAIGN, draw=draw.draw, visits=visits)
    told["draw"] = draw.model_copy(update={"work": kit.blob(wrong.encode(), "results", "notifier")})

    world.hear(*told.values())

    assert world.service.backlog().parked == 1
    with world.service.db.read(world.service.system) as session:
        assert session.scalars(select(Visit)).first() is None


def test_a_later_edition_of_a_checklist_does_not_touch_the_confirmed_one(world: World) -> None:
    document = checklist("JT").model_copy(update={"edition": 2, "items": ()})
    later = ChecklistPublished(
        county=COUNTY,
        agency="JT",
        checklist="CL-JT",
        edition=2,
        questions=0,
        document=world.kit.blob(document.encode(), "results"),
    )

    world.hear(later)
    world.schedule("A")
    world.day("2018-12-12")

    world.fill("A", "JT")


def test_packs_are_kept_by_digest(world: World) -> None:
    with world.service.db.read(world.service.system) as session:
        assert len(list(session.scalars(select(Pack)))) == 1
        assert len(session.get_one(FrameAnnexKept, CAMPAIGN).document["targets"]) == 6
    assert len(AGENCIES) == 5


# ── replacement rounds ──────────────────────────────────────────────────────────────────────────────────────────────


def replaced(world: World, firm: str, instead: WorkVisit | None) -> TargetReplaced:
    """Say that a firm is gone and who was drawn instead."""
    listed = WorkList(campaign=CAMPAIGN, draw=DRAW, visits=(instead,) if instead else ())
    return TargetReplaced(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=1,
        round=1,
        lead="JT",
        visit=visit_id(firm),
        reason="moved_out",
        instead=instead.visit if instead else None,
        agencies=AGENCIES,
        work=world.kit.blob(listed.encode(), "results", "notifier"),
    )


def substituted(world: World, firm: str, agency: str, officers: tuple[str | None, ...]) -> InspectorSubstituted:
    """Say who goes to a firm for an agency now."""
    team = WorkTeam(agency=agency, items=("JT-1",), officers=officers)
    change = TeamChange(campaign=CAMPAIGN, draw=DRAW, visit=visit_id(firm), team=team, left=(), came=())
    return InspectorSubstituted(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=1,
        round=1,
        visit=visit_id(firm),
        agency=agency,
        team=world.kit.blob(change.encode(), "results", "notifier"),
    )


def appointed(world: World, firm: str, agency: str, officers: tuple[str | None, ...], *who: str) -> InspectorAppointed:
    """Say whom the head appointed to an open place at a firm."""
    team = WorkTeam(agency=agency, items=("JT-1",), officers=officers, appointed=who)
    change = TeamChange(campaign=CAMPAIGN, draw=DRAW, visit=visit_id(firm), team=team, left=(), came=who)
    return InspectorAppointed(**_place(firm, agency), team=world.kit.blob(change.encode(), "results", "notifier"))


def _place(firm: str, agency: str) -> dict[str, Any]:
    about = {"county": COUNTY, "campaign": CAMPAIGN, "draw": DRAW, "attempt": 1}
    return {**about, "appointment": "A-640221-2018-001", "agency": agency, "visit": visit_id(firm)}


def a_round(**changes: Any) -> dict[str, Any]:
    return {"county": COUNTY, "campaign": CAMPAIGN, "draw": DRAW, "attempt": 1, "round": 1, **changes}


def round_opened(*held: tuple[str, str]) -> RoundOpened:
    """Say that a round is about these checklists: firm and agency."""
    return RoundOpened(
        **a_round(agencies=AGENCIES, signers=("JT",), witness=None, removals=0, dropouts=1),
        seal_by=shanghai("2018-12-12", 12),
        beacon_time=shanghai("2018-12-12", 13),
        held=tuple(HeldChecklist(visit=visit_id(firm), agency=agency) for firm, agency in held),
    )


def states(world: World, visit: str) -> dict[str, str]:
    with world.service.db.read(world.service.system) as session:
        rows = session.scalars(select(Section).where(Section.visit == visit))
        return {section.agency: section.state for section in rows}


def test_a_replaced_visit_is_closed_with_its_reason_and_the_new_one_opened(world: World) -> None:
    drawn = work().visits[1]
    new = drawn.model_copy(update={"visit": f"{drawn.visit[:-2]}99"})

    world.hear(replaced(world, "B", new))

    with world.service.db.read(world.service.system) as session:
        closed, fresh = session.get_one(Visit, drawn.visit), session.get_one(Visit, new.visit)
        assert (closed.closed_for, closed.instead, closed.closed_at is not None) == ("moved_out", new.visit, True)
        assert (fresh.instead_of, fresh.closed_at) == (drawn.visit, None)
    assert set(states(world, drawn.visit).values()) == {"replaced"}
    assert set(states(world, new.visit).values()) == {"open"}
    (said_of,) = said(world.service)
    assert isinstance(said_of, VisitClosed)
    assert (said_of.visit, said_of.reason, said_of.instead) == (drawn.visit, "moved_out", new.visit)
    with pytest.raises(VisitReplaced):
        world.schedule("B")
    summary = world.service.ask(person("JT", Role.PLANNER), campaign_summary, campaign_id=CAMPAIGN)
    assert (summary["visits"], summary["replaced"]) == (len(work().visits), 1)


def test_what_was_entered_before_the_round_stays(world: World) -> None:
    world.schedule("A")
    world.day(VISIT_ON.isoformat())
    world.fill("A", "JT")

    world.hear(replaced(world, "A", None), substituted(world, "A", "JT", ("JT001", "JT003")))

    found = states(world, visit_id("A"))
    assert found.pop("JT") == "submitted"
    assert set(found.values()) == {"replaced"}
    with world.service.db.read(world.service.system) as session:
        team = session.get_one(Section, f"{visit_id('A')}-JT").team
    assert [member["officer"] for member in team] == ["JT002", "JT005"]


def test_a_substituted_officer_loses_the_section_and_the_new_one_gets_it(world: World) -> None:
    world.schedule("A")
    before, after = (person("JT", Role.INSPECTOR, id=f"u-{one}", officer=one) for one in ("JT005", "JT001"))

    world.hear(substituted(world, "A", "JT", ("JT002", "JT001")))

    section = f"{visit_id('A')}-JT"
    assert world.service.ask(after, section_view, section_id=section, now=world.kit.clock.at)["drawn"]
    with pytest.raises(NotFound):
        world.service.ask(before, section_view, section_id=section, now=world.kit.clock.at)


def test_a_change_stays_behind_its_draw_while_that_waits(kit: Kit) -> None:
    world = a_world(kit, heard=False)
    told = world.facts()
    change = substituted(world, "A", "JT", ("JT002", "JT001"))

    world.hear(told.pop("draw"), replaced(world, "B", None), change)
    assert world.service.backlog().waiting == 3
    world.hear(*told.values())

    assert world.service.backlog().waiting == world.service.backlog().parked == 0
    assert set(states(world, visit_id("B")).values()) == {"replaced"}
    with world.service.db.read(world.service.system) as session:
        team = session.get_one(Section, f"{visit_id('A')}-JT").team
    assert [member["officer"] for member in team] == ["JT002", "JT001"]


def test_who_was_appointed_is_of_the_team_and_marked_until_it_is_ended(world: World) -> None:
    world.hear(substituted(world, "A", "JT", ("JT002", None)), appointed(world, "A", "JT", ("JT002", "JT001"), "JT001"))
    assert _team(world) == [("JT002", False), ("JT001", True)]

    change = TeamChange(
        campaign=CAMPAIGN,
        draw=DRAW,
        visit=visit_id("A"),
        team=WorkTeam(agency="JT", items=("JT-1",), officers=("JT002", None)),
        left=("JT001",),
        came=(),
    )
    ended = AppointmentEnded(**_place("A", "JT"), team=world.kit.blob(change.encode(), "results", "notifier"))
    world.hear(ended)

    assert _team(world) == [("JT002", False), (None, False)]


def test_an_appointment_changes_nothing_in_what_is_handed_in(world: World) -> None:
    world.schedule("A")
    world.day(VISIT_ON.isoformat())
    world.fill("A", "JT")

    world.hear(appointed(world, "A", "JT", ("JT002", "JT001"), "JT001"))

    assert _team(world) == [("JT002", False), ("JT005", False)]


def _team(world: World) -> list[tuple[str | None, bool]]:
    with world.service.db.read(world.service.system) as session:
        team = session.get_one(Section, f"{visit_id('A')}-JT").team
    return [(member["officer"], member.get("appointed", False)) for member in team]


@pytest.mark.parametrize("end", ["closed", "spent"])
def test_while_a_round_runs_the_checklists_it_is_about_are_not_taken(world: World, end: str) -> None:
    world.schedule("A")
    world.day(VISIT_ON.isoformat())
    world.hear(round_opened(("A", "JT")))

    with pytest.raises(HeldByRound) as refusal:
        world.fill("A", "JT")
    assert refusal.value.facts == {"round": 1}
    world.fill("A", "GA")  # another agency's is its own

    figures = {"visits": 6, "sections": 20, "open_slots": 0, "visits_root": DIGEST, "result_digest": DIGEST}
    world.hear(
        RoundClosed(**a_round(**figures))
        if end == "closed"
        else RoundSpent(**a_round(reason="seal_missing", absent=()))
    )
    second = world.officers("A", "JT")[1]
    world.service.do(second, submit_section, section_id=f"{visit_id('A')}-JT")
    assert states(world, visit_id("A"))["JT"] == "submitted"


def test_a_round_about_visits_that_were_never_opened_holds_nothing(world: World) -> None:
    opened = round_opened(("A", "JT"))
    elsewhere = HeldChecklist(visit="V-640221-2018-001-77", agency="JT")

    world.hear(opened.model_copy(update={"held": (elsewhere,)}))

    assert world.service.backlog().parked == 0
