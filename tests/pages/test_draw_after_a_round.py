"""What a draw's pages say once a replacement round has changed its result: the digest that stands, and who is meant."""

import json

import pytest

from schemas.events.draws import RoundSpent
from services.drawer import archive
from services.drawer.archiving import VERIFIERS
from services.drawer.domain.disclosure import AT_ONCE, at_once
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.ticket import target_key
from services.drawer.queries.draws import draw_view
from tests.kit import Kit
from tests.pages.client import Site, open_site
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import CAMPAIGN, DRAW, LEAD, WINDOW_END, WITNESS, County, a_county, entities, plan

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

    assert rounds.events(county, RoundSpent)
    assert outcome() == before


KEPT = "的密钥与随机数由本系统服务器代管"


def test_every_page_of_a_draw_says_who_keeps_the_keys(site: Site, county: County) -> None:
    lead, witness, anybody = site.person(LEAD), site.person(WITNESS), site.anonymous()
    rounds.a_round(county)
    visit = rounds.standing(county)[0]
    for path in ("", "/live", "/changes", "/rounds/1", "/sheet", "/targets", f"/targets/{visit.visit}"):
        assert KEPT in lead.get(f"/draws/{DRAW}{path}").main, path
    assert KEPT in lead.part(f"/parts/drawer/live/{DRAW}").text
    assert KEPT in witness.get(f"/draws/{DRAW}/witness").main
    slip = lead.get(f"/draws/{DRAW}/targets/{visit.visit}").main
    assert "没有人能够指定这一点，依赖运行服务器的人和在场的见证" in slip
    county.at(WINDOW_END)

    for path in ("", "/at-once", f"/why?entity={visit.target}", f"/visits/{visit.visit}"):
        assert KEPT in anybody.get(f"/public/draws/{DRAW}{path}").main, path
    page = anybody.get(f"/public/draws/{DRAW}")
    stands = lead.call("GET", API).json()["outcome"]["result_digest"]
    assert f"verify_draw.py record.json frame.tsv --head {stands}" in page.main
    assert "公钥应当直接向各单位和见证人取得" in page.main
    for name, file in VERIFIERS.items():
        assert f"/public/{name}" in page.links
        assert anybody.http.get(f"/public/{name}").content == file.read_bytes()
    why = anybody.get(f"/public/draws/{DRAW}/why?entity={visit.target}").main
    assert "第 1 轮替换：没有参加" in why


def test_what_binds_everybody_is_public_at_once_and_shows_nobody(site: Site, county: County) -> None:
    anybody, at = site.anonymous(), f"/public/draws/{DRAW}/at-once"
    rounds.a_round(county)

    page, told = anybody.get(at).main, anybody.call("GET", f"{at}.json").json()

    record = json.loads(archive.full_record(county.service, DRAW).record)
    assert told == at_once(record), "as section 13 takes it out of the record"
    for digest in (told["manifest_digest"], told["commits_digest"], told["seal"]["digest"], told["result_digest"]):
        assert digest in page
    assert told["replacements"][0]["result_digest"] in page
    assert f"{DRAW}/at-once" in str(anybody.get("/public/draws").links)
    text = page + json.dumps(told)
    hidden = [record["seed"], record["replacements"][0]["seed"], *entities()]
    hidden += [one["value"] for one in record["reveals"].values()]
    hidden += [one["value"] for one in record["replacements"][0]["reveals"].values()]
    hidden += [target_key(SHA256, bytes.fromhex(record["seed"])).decode()]
    hidden += [pid for team in record["teams"].values() for pid in team["roster"]]
    assert [one for one in hidden if one in text] == []


def test_before_the_draw_there_is_the_manifest_and_what_was_said_so_far(kit: Kit) -> None:
    county = a_county(kit)
    anybody, at = open_site(kit, county.service).anonymous(), f"/public/draws/{DRAW}/at-once"
    assert anybody.get(at, 404)
    county.open()
    county.commit("AJ")

    told = anybody.call("GET", f"{at}.json").json()

    assert anybody.get(at)
    assert (list(told["commits"]), told["commits_digest"], told["seal"], told["visits_root"]) == (
        ["AJ"],
        None,
        None,
        None,
    )
    assert set(told) == {*AT_ONCE, "replacements"}
