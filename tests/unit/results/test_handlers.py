"""What results hears ends in the same state in whatever order, however often, it comes."""

import random

import pytest
from sqlalchemy import select

from runtime.store.digest import state_digests
from schemas.documents import WorkList
from schemas.events.draws import DrawCompleted
from schemas.events.payload import Payload
from schemas.events.registers import ChecklistPublished
from services.results.tables import Base, DrawFact, FrameAnnexKept, Pack, Section, Visit
from tests.kit import COUNTY, Kit, said
from tests.unit.results.world import AGENCIES, CAMPAIGN, World, a_world, checklist, work


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
