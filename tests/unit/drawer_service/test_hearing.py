"""Facts of others in any order, twice, and again from the beginning: always the same state."""

from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import select

from runtime.events.bus import Message
from runtime.service import Service
from runtime.store.digest import state_digests
from schemas.envelope import CloudEvent
from schemas.events.campaigns import CampaignCancelled
from schemas.events.draws import DrawVoided
from schemas.events.payload import Payload
from services.drawer import acts
from services.drawer.app import drawer
from services.drawer.commands import keys
from services.drawer.queries.draws import tasks_of
from services.drawer.queries.keys import public_keys
from services.drawer.tables import Base, SigningKey
from services.drawer.vault import KeyPair, Vault
from tests.kit import COUNTY, Kit, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    CAMPAIGN,
    LEAD,
    OFFICER,
    OPENED,
    TIMES,
    WITNESS,
    County,
    confirmed,
    frozen,
    plan,
    registered,
    rosters,
)

CANCELLED = CampaignCancelled(county=COUNTY, campaign=CAMPAIGN)


def _facts(kit: Kit) -> list[Payload]:
    return [registered()[2], confirmed(kit, plan()), frozen(kit, rosters()), CANCELLED]


def _state(service: Service) -> dict[str, str]:
    with service.db.read(service.system) as session:
        return state_digests(session.connection(), Base.metadata.sorted_tables)


@pytest.fixture(scope="module")
def as_said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The state after all facts in the order in which they were said."""
    return _heard(tmp_path_factory.mktemp("as-said"), range(4))


def _heard(folder: Path, order: Iterable[int]) -> dict[str, str]:
    kit = Kit(folder)
    service = kit.build(drawer)
    facts = _facts(kit)
    for place in order:
        kit.feed(service, facts[place], again=True)
    backlog = service.backlog()
    assert (backlog.waiting, backlog.parked) == (0, 0)
    state = _state(service)
    kit.close()
    return state


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_any_order_of_facts_ends_in_the_same_state(
    tmp_path: Path, order: tuple[int, ...], as_said: dict[str, str]
) -> None:
    assert _heard(tmp_path, order) == as_said


def test_projections_built_again_from_the_log_are_equal(kit: Kit) -> None:
    service = kit.build(drawer)
    records = [kit.record(fact) for fact in [*registered(), *_facts(kit)]]
    kit.bus.append(
        [Message(one.topic, one.key, CloudEvent.model_validate_json(one.body).id, one.body) for one in records]
    )
    while service.consume():
        pass
    before = _state(service)

    service.replay()

    assert _state(service) == before


def test_a_cancelled_campaign_voids_its_running_attempt_and_no_other_opens(county: County) -> None:
    county.open()
    county.commit("AJ")

    county.kit.feed(county.service, CANCELLED, again=True)

    told = [one for one in said(county.service) if isinstance(one, DrawVoided)]
    assert [(one.reason, one.absent) for one in told] == [("campaign_cancelled", ())]
    assert county.service.ask(LEAD, tasks_of, now=OPENED).acts == []
    for act in (lambda: county.commit("GA"), lambda: acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="x")):
        with pytest.raises(Exception, match=r"draw\.(attempt_over|campaign_cancelled)"):
            act()


def test_a_sealed_draw_of_a_cancelled_campaign_stands(county: County) -> None:
    county.until_sealed()

    county.kit.feed(county.service, CANCELLED)

    assert not any(isinstance(one, DrawVoided) for one in said(county.service))
    county.at(TIMES.beacon_time or OPENED)
    county.dice()


def test_a_cancelled_campaign_that_was_never_opened_is_not_offered(county: County) -> None:
    assert county.service.ask(LEAD, tasks_of, now=OPENED).open != []

    county.kit.feed(county.service, CANCELLED)

    assert county.service.ask(LEAD, tasks_of, now=OPENED).open == []


def test_keys_are_made_once_sealed_and_seen_by_their_own_agency_only(county: County) -> None:
    county.open()
    service = county.service
    public = service.ask(LEAD, public_keys)
    assert [one.agency for one in public] == sorted([*AGENCIES, "GZ"])

    for agency in AGENCIES:
        with service.db.read(OFFICER[agency]) as session:
            rows = session.scalars(select(SigningKey)).all()
        assert [row.owner_agency for row in rows] == [agency]
        pair = Vault(county.kit.ports).new_key(COUNTY, agency)
        assert pair.public == next(one.key for one in public if one.agency == agency)
        assert pair.sealed != rows[0].sealed  # a fresh nonce each time, the same key under it
    with service.db.read(WITNESS) as session:
        assert [row.owner_agency for row in session.scalars(select(SigningKey))] == ["GZ"]


def test_the_first_key_of_a_body_stays(county: County) -> None:
    county.open()
    before = county.service.ask(LEAD, public_keys)
    county.at(TIMES.commit_close or OPENED)

    other = [KeyPair("JT", "00" * 32, b"other")]
    county.service.do(county.service.system, keys.keep_keys, other, county=COUNTY)

    assert county.service.ask(LEAD, public_keys) == before
