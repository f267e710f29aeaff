"""Who sees which rows, by the wall alone: what the lead and third agencies may not read does not reach their sessions."""

import pytest
from sqlalchemy import inspect, select

from runtime.store import Owned
from schemas.vocabulary import Role
from services.results.tables import (
    Base,
    Checklist,
    Entry,
    Evidence,
    FindingRow,
    ItemResult,
    Package,
    Referral,
    Section,
    Signature,
    Source,
    Visit,
)
from tests.kit import person
from tests.unit.results.world import FIRMS, World, section_id

WRITTEN = (Entry, Evidence, Signature, FindingRow)


@pytest.fixture
def filled(world: World) -> World:
    """GA has entered its section at A; YG's finding at F is referred to GA."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    world.fill("A", "GA", answers={"reached": "yes", "wrong": "no", "note": "只给自己看"})
    world.fill("F", "YG", "PENDING", {"reached": "yes", "wrong": "yes", "note": "运管所的话"})
    return world


def seen(world: World, agency: str, *kinds: type[Owned]) -> dict[str, list[str]]:
    """Read all rows of some kinds in the session of somebody with every role."""
    actor = person(agency, *Role, id=f"all-{agency}")
    with world.service.db.read(actor) as session:
        return {kind.__name__: sorted(row.owner_agency for row in session.scalars(select(kind))) for kind in kinds}


def test_the_lead_sees_progress_of_all_and_nothing_that_was_written(filled: World) -> None:
    lead = seen(filled, "JT", Section, Visit, *WRITTEN, ItemResult, Checklist)

    assert len(lead["Section"]) == 22
    assert len(lead["Visit"]) == 6
    assert lead["Checklist"] == ["JT"]
    assert all(lead[kind.__name__] == [] for kind in (*WRITTEN, ItemResult))


def test_approval_shares_outcomes_with_the_lead_and_only_outcomes(filled: World) -> None:
    filled.approve("A", "GA")
    filled.approve("F", "YG")

    lead = seen(filled, "JT", *WRITTEN, ItemResult, Package, Referral, Source)

    assert lead["ItemResult"] == ["GA", "YG"]
    assert all(lead[kind.__name__] == [] for kind in WRITTEN)
    assert (lead["Referral"], lead["Source"], lead["Package"]) == (["YG"], ["YG"], [])


def test_the_receiver_sees_the_package_and_nothing_else_of_the_sender(filled: World) -> None:
    filled.approve("F", "YG")

    receiver = seen(filled, "GA", Referral, Package, Source, *WRITTEN, ItemResult, Section)

    assert (receiver["Referral"], receiver["Package"], receiver["Source"]) == (["YG"], ["YG"], ["YG"])
    assert receiver["Entry"] == ["GA"]
    assert set(receiver["Section"]) == {"GA"}
    assert (receiver["FindingRow"], receiver["ItemResult"], receiver["Evidence"]) == ([], [], [])


def test_a_third_agency_sees_nothing_of_it(filled: World) -> None:
    filled.approve("F", "YG")

    for third in ("SJ", "AJ"):
        rows = seen(filled, third, Referral, Package, Source, *WRITTEN, ItemResult)
        assert all(not owners for owners in rows.values()), third
    kinds = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Owned)]
    assert all(not owners for owners in seen(filled, "NY", *kinds).values())


def test_an_agency_outside_the_visit_does_not_see_it(filled: World) -> None:
    assert seen(filled, "GA", Visit)["Visit"] == ["JT"]  # only A is a passenger firm
    assert len(seen(filled, "YG", Visit)["Visit"]) == 4


def test_what_was_written_is_in_no_shared_row(filled: World) -> None:
    filled.approve("A", "GA")
    with filled.service.db.read(person("JT", *Role, id="all-JT")) as session:
        kinds = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Owned)]
        everything = [
            str(getattr(row, column.key))
            for kind in kinds
            for row in session.scalars(select(kind))
            for column in inspect(kind).columns
        ]

    assert "只给自己看" not in "".join(everything)
    assert section_id("A", "GA") in everything
