"""What a draw's pages say once a replacement round has changed its result: the digest that stands, and who is meant."""

import pytest

from services.drawer.queries.draws import draw_view
from tests.kit import Kit
from tests.pages.client import Site, open_site
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import CAMPAIGN, DRAW, LEAD, WITNESS, County, a_county, plan

API = f"/api/drawer/v1/draws/{DRAW}"


@pytest.fixture
def county(kit: Kit) -> County:
    """The county the day after its draw."""
    county = a_county(kit, plan(replacement_reasons=rounds.REASONS))
    county.until_drawn()
    county.at(rounds.ASKED_ON)
    return county


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


def test_after_a_round_every_page_shows_the_digest_that_stands(site: Site, county: County) -> None:
    lead, witness = site.person(LEAD), site.person(WITNESS)
    first = lead.call("GET", API).json()["outcome"]
    assert (first["round"], first["drawn_digest"]) == (0, first["result_digest"])

    rounds.a_round(county)

    told = lead.call("GET", API).json()["outcome"]
    (one,) = lead.call("GET", f"{API}/changes").json()["changes"]["rounds"]
    assert told["result_digest"] == one["result_digest"] != first["result_digest"]
    assert told["visits_root"] == one["visits_root"] != first["visits_root"]
    assert (told["round"], told["drawn_digest"], told["drawn"]) == (1, first["result_digest"], 11)
    stands = told["result_digest"]
    page = lead.get(f"/draws/{DRAW}").main
    assert "结果摘要（第 1 轮替换后）" in page
    assert stands in page
    assert f"首次抽取的结果摘要 {first['result_digest'][:12]}" in page
    board = site.person(LEAD).part(f"/parts/drawer/live/{DRAW}").text
    assert "第 1 轮替换后：现行 11 户" in board
    assert (stands in board, first["result_digest"] in board) == (True, False)
    assert stands in witness.get(f"/draws/{DRAW}/witness").main
    part = lead.part(f"/parts/drawer/campaign/{CAMPAIGN}").text
    assert (stands in part, first["result_digest"] in part) == (True, False)
    assert "结果摘要（第 1 轮替换后）" in lead.get(f"/draws/{DRAW}/sheet").main


def test_a_spent_round_leaves_the_digest_and_its_number_as_they_stood(county: County) -> None:
    def outcome() -> object:
        return county.service.ask(LEAD, draw_view, draw_id=DRAW, now=county.kit.clock.at).outcome

    before = outcome()
    gone = rounds.standing(county)[0]
    rounds.asked_and_approved(county, gone.visit, "closed", gone.teams[0].agency)
    rounds.open_round(county)
    county.at(rounds.SEAL_BY.replace(second=1))

    assert rounds.events(county, rounds.RoundSpent)
    assert outcome() == before
