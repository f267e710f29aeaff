"""The drawer's pages and API: a draw by hand in five browsers, and nothing undisclosed on any of them."""

import json
import re
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import zxingcpp
from _pytest.logging import LogCaptureFixture
from sqlalchemy import Engine, select
from sqlalchemy.event import listen, remove

from runtime.store import Actor
from runtime.time.timers import run_due
from schemas.documents import WorkList
from schemas.events.draws import DrawCompleted
from schemas.vocabulary import Role
from services.drawer import acts, archive
from services.drawer.acts import AskedTimes
from services.drawer.app import ACCESS
from services.drawer.domain import roster, ticket
from services.drawer.domain.encoding import SHA256
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draws_of
from services.drawer.tables import RosterSecret
from services.drawer.vault import Vault
from tests.kit import Kit, messages, person, said
from tests.pages.client import ADDRESS, HOSTILE, ConsoleClient, Element, Page, Site, open_site
from tests.unit.drawer_service import test_staged_draws as staged_draws
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    CAMPAIGN,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    OPENED,
    PLANNER,
    REVEAL_CLOSE,
    SEAL_BY,
    SUPERVISOR,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    confirmed,
    entered,
    entities,
    frozen,
    plan,
    rosters,
)

API = "/api/drawer/v1"
TIMES = {
    "commit_close": COMMIT_CLOSE,
    "reveal_close": REVEAL_CLOSE,
    "seal_by": SEAL_BY,
    "beacon_time": BEACON_TIME,
}
VISIT = "V-640221-2018-001-01"
LISTS = {
    f"/draws/{DRAW}/targets": {"target", "officer"},
    f"{API}/draws/{DRAW}/targets": {"target", "officer"},
    f"/draws/{DRAW}/sheet": {"target", "officer"},
    f"/draws/{DRAW}/targets/{VISIT}": {"target"},
}
"""Who was drawn, for the lead's planner and draw officer: on paper too."""
EVERYBODY = (*OFFICER.values(), WITNESS, PLANNER, SUPERVISOR, person("GA", Role.PLANNER), person("YG", Role.VIEWER))


@pytest.fixture
def county(kit: Kit) -> County:
    """A drawer that has heard of everything."""
    return a_county(kit)


@pytest.fixture
def site(county: County) -> Site:
    """The drawer behind console's frame."""
    return open_site(county.kit, county.service)


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draw_before_its_stage_is_opened_only_by_who_says_so(site: Site, county: County) -> None:
    county.kit.clock.at = OPENED - timedelta(days=3)
    at, lead = f"/campaigns/{CAMPAIGN}/draw", site.person(LEAD)

    page = lead.get(at)
    assert "抽取阶段自 2018年12月3日开始；现在开启早于方案" in page.main
    assert "请自 2018年12月3日起开启" in page.form(at).submit(409).text
    assert lead.get(at).form(at).submit(early="yes").path == f"/draws/{DRAW}"


def test_a_draw_is_taken_through_by_hand_from_opening_to_the_public_page(site: Site, county: County) -> None:
    lead, witness = site.person(LEAD), site.person(WITNESS)
    officers = {agency: lead if actor == LEAD else site.person(actor) for agency, actor in OFFICER.items()}
    assert f"/campaigns/{CAMPAIGN}/draw" in lead.part("/parts/drawer/home/me").links

    page = lead.get(f"/campaigns/{CAMPAIGN}/draw")
    assert "没有发现派不出检查组的单位" in page.main
    assert "按真实时钟" in page.main
    page = page.form(f"/campaigns/{CAMPAIGN}/draw").submit(
        commit_minutes="60", reveal_minutes="30", seal_minutes="10", beacon_minutes="10"
    )
    assert page.path == f"/draws/{DRAW}"
    assert "清单已公布" in page.main
    assert "还有 1 小时" in page.main

    for browser in officers.values():
        page = browser.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/commit").submit(dice="1 2 3 4")
        assert "本单位的承诺已提交" in page.main
    assert "承诺已到齐" in page.main
    assert not [form for form in page.forms if form.action.startswith("/draws/")]

    county.at(OPENED + timedelta(hours=1))
    for step in ("countersign", "reveal"):
        for browser in officers.values():
            page = browser.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/{step}").submit()
    assert "本单位已揭示" in page.main
    page = witness.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/seal").submit()
    assert "已封存" in page.main
    assert not [form for form in page.forms if form.action.endswith("/dice")]

    county.at(OPENED + timedelta(minutes=110))
    form = witness.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/dice")
    assert "不一致" in form.submit(422, digits=DIGITS, again=DIGITS[::-1]).main
    page = witness.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/dice").submit(digits=DIGITS, again=" ".join(DIGITS))
    assert "抽取完成" in page.main
    assert "11 户（共 110 户）" in page.main
    assert f"/draws/{DRAW}/targets" not in page.links
    assert "11 户（共 110 户）" in site.person(OFFICER["GA"]).part(f"/parts/drawer/campaign/{CAMPAIGN}").text

    page = lead.get(f"/draws/{DRAW}")
    assert f"/draws/{DRAW}/targets" in page.links
    assert "V-640221-2018-001-11" in lead.get(f"/draws/{DRAW}/targets").main
    closed = site.anonymous().get(f"/public/draws/{DRAW}", 409)
    assert "抽取记录将于 2018-12-21 00:00 公开" in closed.main
    assert "联合抽取记录" in closed.main
    assert "记录在 2018-12-21 00:00 公开" in site.anonymous().get(f"/public/draws/{DRAW}/at-once").main

    county.at(WINDOW_END)
    assert f"/public/draws/{DRAW}" in site.anonymous().get(f"/public/draws/{DRAW}/at-once").links
    page = site.anonymous().get(f"/public/draws/{DRAW}")
    assert "python3 verify_draw.py record.json frame.tsv" in page.main
    assert site.anonymous().get("/public/draws").links.count(f"/public/draws/{DRAW}") == 1
    assert f"/public/draws/{DRAW}" in lead.get(f"/draws/{DRAW}").links


def test_every_page_reads_in_english_too(site: Site, county: County) -> None:
    county.until_drawn()
    county.at(WINDOW_END)
    lead = site.person(LEAD)
    lead.http.cookies.set("lang", "en")

    for path in ("/draws", f"/draws/{DRAW}", f"/draws/{DRAW}/targets", "/draw-keys", f"/public/draws/{DRAW}"):
        page = lead.get(path)
        own = re.sub(r"[\u4e00-\u9fff〔〕]+", "", page.main)
        assert len(own) > len(page.main) * 0.8, f"{path} is mostly Chinese"
    assert "What the result rests on" in lead.get(f"/draws/{DRAW}").main
    assert "held by this server" in lead.get(f"/draws/{DRAW}").main


def test_custody_and_what_is_said_aloud_stand_on_the_page(site: Site, county: County) -> None:
    county.open(commit_close=OPENED + timedelta(hours=1))

    page = site.person(OFFICER["GA"]).get(f"/draws/{DRAW}")

    assert "本系统服务器代管" in page.main
    assert "不足 24 小时" in page.main
    assert "自行保管密钥的单位不足两家" in page.main
    assert "平罗公证处" in page.main


def test_an_infeasible_agency_stands_on_the_page_and_there_is_no_form(kit: Kit) -> None:
    county = a_county(kit, given=rosters({"AJ": 1}))
    site = open_site(kit, county.service)
    lead = site.person(LEAD)

    page = lead.get(f"/campaigns/{CAMPAIGN}/draw")

    assert "安监局：每户需要 2 人，可派只有 1 人" in page.main
    assert [form.action for form in page.forms if "draw" in form.action] == []
    part = lead.part(f"/parts/drawer/campaign/{CAMPAIGN}")
    assert "安监局：每户需要 2 人" in part.text
    other = site.person(OFFICER["GA"]).part(f"/parts/drawer/campaign/{CAMPAIGN}")
    assert "安监局：每户" not in other.text
    assert "其他单位的人员不足" in other.text
    answer = lead.api("POST", f"{API}/draws", {"campaign": CAMPAIGN}, 422)
    assert (answer["code"], answer["facts"]["agencies"]) == ("draw.infeasible", ["AJ"])
    assert "安监局" in answer["title"]


def test_a_void_attempt_names_the_absent_and_offers_the_lead_the_next(site: Site, county: County) -> None:
    county.open()
    county.commit("AJ", "GA", "JT")
    county.at(COMMIT_CLOSE + timedelta(seconds=1))

    page = site.person(OFFICER["GA"]).get(f"/draws/{DRAW}")
    assert "第 1 次抽取作废" in page.main
    assert "市场监管局、运管所" in page.main
    page = site.person(LEAD).get(f"/draws/{DRAW}")
    assert f"/campaigns/{CAMPAIGN}/draw" in page.links

    page = (
        site.person(LEAD)
        .get(f"/campaigns/{CAMPAIGN}/draw")
        .form(f"/campaigns/{CAMPAIGN}/draw")
        .submit(commit_minutes="60")
    )
    assert "此前作废的各次" in page.main


def test_the_parts_say_how_far_it_is_before_there_is_a_draw(kit: Kit) -> None:
    county = a_county(kit)
    site = open_site(kit, county.service)
    officer = site.person(OFFICER["GA"])

    assert "没有发现派不出检查组的单位" in officer.part(f"/parts/drawer/campaign/{CAMPAIGN}").text
    assert officer.part("/parts/drawer/home/me").text == ""
    assert "还没有抽取" in officer.get("/draws").main
    assert "第一次抽取时生成" in officer.get("/draw-keys").main
    leave = "/draw-keys/server"
    assert "由服务器代管的确认" in officer.get("/draw-keys").form(leave).submit(422).text
    assert "本系统服务器代管" in officer.get("/draw-keys").form(leave).submit(agreed="yes").root.one("table").text
    assert "开启抽取" in site.person(LEAD).get("/draws").main


def test_names_that_others_gave_are_escaped(kit: Kit) -> None:
    county = a_county(kit, plan(title=HOSTILE, number=HOSTILE))
    site = open_site(kit, county.service)
    county.until_drawn()
    county.at(WINDOW_END)

    for path in ("/draws", f"/draws/{DRAW}", f"/campaigns/{CAMPAIGN}/draw"):
        assert "恶意" in site.person(LEAD).get(path).text
    assert "恶意" in site.anonymous().get(f"/public/draws/{DRAW}").text


# ── API ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_whole_ceremony_by_api(site: Site, county: County) -> None:
    lead, witness = site.person(LEAD), site.person(WITNESS)
    officers = {agency: lead if actor == LEAD else site.person(actor) for agency, actor in OFFICER.items()}
    feasible = lead.api("GET", f"{API}/campaigns/{CAMPAIGN}/feasibility")
    assert feasible["feasible"] is True
    assert feasible["sizes"] == [{"class": "K1", "entities": 110, "drawn": 11}]

    opened = lead.api("POST", f"{API}/draws", {"campaign": CAMPAIGN, **TIMES}, 201)
    assert (opened["draw"], opened["attempt"]) == (DRAW, 1)
    for browser in officers.values():
        assert len(browser.api("POST", f"{API}/draws/{DRAW}/commit")["commitment"]) == 64
    county.at(COMMIT_CLOSE)
    for browser in officers.values():
        browser.api("POST", f"{API}/draws/{DRAW}/countersign")
    wrong = officers["SJ"].api("POST", f"{API}/draws/{DRAW}/reveal", {"value": "00" * 32}, 422)
    assert wrong["code"] == "draw.reveal_wrong"
    for browser in officers.values():
        browser.api("POST", f"{API}/draws/{DRAW}/reveal", {})
    witness.api("POST", f"{API}/draws/{DRAW}/seal")
    early = witness.api("POST", f"{API}/draws/{DRAW}/dice", {"digits": DIGITS, "again": DIGITS}, 422)
    assert early["code"] == "draw.dice_too_early"
    county.at(BEACON_TIME)
    done = witness.api("POST", f"{API}/draws/{DRAW}/dice", {"digits": DIGITS, "again": DIGITS})
    assert done == {"draw": DRAW, "attempt": 1}

    told = officers["GA"].api("GET", f"{API}/draws/{DRAW}")
    assert (told["stage"], told["outcome"]["visits"], told["can"]) == ("drawn", 11, [])
    assert [one["draw"] for one in witness.api("GET", f"{API}/draws")["draws"]] == [DRAW]
    targets = lead.api("GET", f"{API}/draws/{DRAW}/targets")
    assert len(targets["visits"]) == 11
    assert targets["visits"][0]["teams"][0]["officers"]
    closed = lead.api("GET", f"{API}/draws/{DRAW}/record?edition=full", status=409)
    assert closed["code"] == "draw.not_disclosed_yet"

    county.at(WINDOW_END)
    full = site.person(SUPERVISOR).call("GET", f"{API}/draws/{DRAW}/record?edition=full")
    assert full.content == archive.full_record(county.service, DRAW).record
    public = site.anonymous()
    assert public.call("GET", f"/public/draws/{DRAW}/record.json").json()["edition"] == "public"
    assert public.call("GET", f"/public/draws/{DRAW}/frame.tsv").content.count(b"\n") == 110
    assert set(public.call("GET", f"/public/draws/{DRAW}/keys.json").json()) == {*AGENCIES, "witness"}


def test_a_request_sent_twice_answers_the_same(site: Site, county: County) -> None:
    lead = site.person(LEAD)

    first = lead.api("POST", f"{API}/draws", {"campaign": CAMPAIGN, **TIMES}, 201, key="k")
    county.at(COMMIT_CLOSE)

    assert lead.api("POST", f"{API}/draws", {"campaign": CAMPAIGN, **TIMES}, 201, key="k") == first


@pytest.mark.parametrize(
    ("actor", "method", "path", "status", "code"),
    [
        (PLANNER, "POST", "/draws/{draw}/commit", 403, "web.role_missing"),
        (WITNESS, "POST", "/draws/{draw}/commit", 403, "web.role_missing"),
        (PLANNER, "POST", "/draws/{draw}/seal", 403, "web.role_missing"),
        (LEAD, "POST", "/draws/{draw}/seal", 403, "draw.witness_only"),
        (person("JT", Role.WITNESS), "POST", "/draws/{draw}/seal", 403, "draw.witness_only"),
        (person("XF", Role.DRAW_OFFICER), "POST", "/draws/{draw}/commit", 404, "draw.unknown"),
        (person("XF", Role.DRAW_OFFICER), "GET", "/draws/{draw}", 404, "draw.unknown"),
        (person("GA", Role.PLANNER), "GET", "/draws/{draw}/targets", 403, "draw.list_not_for_you"),
        (OFFICER["GA"], "POST", "/draws", 403, "draw.lead_only"),
    ],
)
def test_the_wrong_role_and_the_wrong_agency_are_refused(
    site: Site, county: County, actor: Actor, method: str, path: str, status: int, code: str
) -> None:
    county.open()
    content = {"campaign": CAMPAIGN} if path == "/draws" else None

    answer = site.person(actor).api(method, API + path.format(draw=DRAW), content, status)

    assert answer["code"] == code


def test_unknown_fields_and_naive_moments_are_refused(site: Site) -> None:
    for body in ({"campaign": CAMPAIGN, "seed": "1"}, {"campaign": CAMPAIGN, "commit_close": "2018-12-04T09:00:00"}):
        answer = site.person(LEAD).api("POST", f"{API}/draws", body, 422)
        assert answer["code"] == "web.input_invalid"


# ── disclosure ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _everything_read(client: ConsoleClient) -> dict[str, str]:
    """Fetch every GET route of the drawer as one person, whatever it answers."""
    found = {}
    for line in ACCESS:
        verb, path = line.split(" ", 1)
        address = path.format(
            draw_id=DRAW,
            campaign_id=CAMPAIGN,
            number=1,
            change_id="X-640221-2018-001",
            appointment_id="A-640221-2018-001",
            visit_id=VISIT,
            file="record",
        )
        if verb == "GET":
            for full in (address, f"{address}?edition=full") if address.endswith("/record") else (address,):
                found[full] = client.call("GET", full).text
    return found


def _secrets(county: County) -> dict[str, list[str]]:
    record = json.loads(archive.full_record(county.service, DRAW).record)
    done = next(one for one in said(county.service) if isinstance(one, DrawCompleted))
    work = WorkList.model_validate_json(county.kit.blobs.get(done.work, "results"))
    targets = [one.target for one in work.visits]
    key = ticket.target_key(SHA256, bytes.fromhex(record["seed"]))
    return {
        "target": targets,
        "seed": [record["seed"]],
        "key": [key.decode()],
        "ticket": [ticket.ticket(SHA256, key, one).hex() for one in entities()],
        "reveal": [one["value"] for one in record["reveals"].values()],
        "rho": [one["rho"] for one in record["teams"].values()],
        "pid": [pid for one in record["teams"].values() for pid in one["roster"]],
        "salt": _salts(county),
        "officer": sorted({who for one in work.visits for team in one.teams for who in team.officers if who}),
    }


def _salts(county: County) -> list[str]:
    with county.service.db.read(county.service.system) as session:
        rows = session.scalars(select(RosterSecret)).all()
    opened = [Vault(county.service.ports).open_salts(row.sealed) for row in rows]
    return [salt.hex() for one in opened for salt in one.salts.values()]


def test_a_search_for_leaks_finds_each_kind_that_is_put_in(site: Site, county: County) -> None:
    county.until_drawn()
    secrets = _secrets(county)
    page = site.person(OFFICER["GA"]).call("GET", f"/draws/{DRAW}").text
    assert _leaks(secrets, page) == set()

    for kind, values in secrets.items():
        assert kind in _leaks(secrets, page.replace("</main>", f"{values[-1]}</main>"))


def _leaks(secrets: dict[str, list[str]], text: str) -> set[str]:
    return {name for name, values in secrets.items() if any(value in text for value in values)}


def test_before_the_window_closes_no_body_shows_anything_undisclosed(
    site: Site, county: County, caplog: LogCaptureFixture
) -> None:
    county.until_sealed()
    county.at(BEACON_TIME)
    answered = site.person(WITNESS).call("POST", f"{API}/draws/{DRAW}/dice", {"digits": DIGITS, "again": DIGITS})
    assert answered.status_code == 200
    county.at(WINDOW_END - timedelta(seconds=1))
    secrets = _secrets(county)
    assert _leaks(secrets, answered.text) == set()

    for actor in EVERYBODY:
        for path, text in _everything_read(site.person(actor)).items():
            allowed = LISTS.get(path, set()) if actor in (LEAD, PLANNER) else set()
            leaks = _leaks(secrets, text)
            assert leaks == allowed, f"{actor.id} {path} shows {leaks}"
    for path, text in _everything_read(site.anonymous()).items():
        assert _leaks(secrets, text) == set(), path
    for message in messages(county.service):
        assert _leaks(secrets, message.body.decode()) == set()
    assert _leaks(secrets, caplog.text) == set()


def _on_lists(path: str, actor: Actor | None) -> set[str]:
    """Name what stands on a list of who was drawn, beside the visit that everybody knows of by now."""
    slip = path.endswith(f"/targets/{VISIT}")
    return LISTS.get(path, set()) if actor in (LEAD, PLANNER) and not slip else set()


def test_visit_by_visit_what_was_visited_is_disclosed_and_nothing_else(kit: Kit) -> None:
    county = a_county(kit, plan(disclosure="visit"))
    site = open_site(kit, county.service)
    county.until_drawn()
    secrets = _secrets(county)
    for path, text in _everything_read(site.anonymous()).items():
        assert _leaks(secrets, text) == set(), path

    kit.feed(county.service, entered(VISIT))

    told = site.anonymous().get(f"/public/draws/{DRAW}/visits/{VISIT}").text
    own = {name: [value for value in values if value in told] for name, values in secrets.items()}
    assert {name for name, values in own.items() if values} == {"target", "pid"}
    assert len(own["target"]) == 1
    assert 2 <= len(own["pid"]) <= 10  # the visit's teams
    rest = {name: [value for value in values if value not in own[name]] for name, values in secrets.items()}
    for actor in (None, *EVERYBODY):
        client = site.anonymous() if actor is None else site.person(actor)
        for path, text in _everything_read(client).items():
            allowed = _on_lists(path, actor)
            assert _leaks(rest, text) == allowed, f"{actor and actor.id} {path}"


def test_stored_secrets_are_sealed_and_restricted_blobs_are_ciphertext(county: County) -> None:
    county.until_drawn()
    secrets = {name: values for name, values in _secrets(county).items() if name not in ("target", "officer", "pid")}
    folder = county.kit.folder
    raw = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    for name, values in secrets.items():
        if name != "ticket":
            assert not any(value.encode() in raw or bytes.fromhex(value) in raw for value in values), name


def test_after_the_window_the_public_record_shows_seed_and_reveals_but_no_roster(site: Site, county: County) -> None:
    county.until_drawn()
    secrets = _secrets(county)
    county.at(WINDOW_END)
    run_due(county.service, WINDOW_END)

    text = site.anonymous().call("GET", f"/public/draws/{DRAW}/record.json").text

    leaks = _leaks(secrets, text)
    assert {"seed", "reveal", "target"} <= leaks
    assert "rho" not in leaks
    assert "officer" not in leaks


def test_feasibility_tells_others_nothing_of_an_agencys_recusals(kit: Kit) -> None:
    county = a_county(kit, given=rosters({"YG": 2}))  # YG-02 is recused from every hazmat firm, so one is left there
    site = open_site(kit, county.service)

    mine = site.person(OFFICER["YG"]).api("GET", f"{API}/campaigns/{CAMPAIGN}/feasibility")
    lead = site.person(LEAD).api("GET", f"{API}/campaigns/{CAMPAIGN}/feasibility")
    foreign = site.person(OFFICER["GA"]).api("GET", f"{API}/campaigns/{CAMPAIGN}/feasibility")

    assert "draw.short.recusals" in {one["code"] for one in mine["shortages"]}
    assert lead["shortages"] == mine["shortages"]
    assert not any("entity" in one for one in lead["shortages"])
    assert foreign["shortages"] == []
    assert foreign["feasible"] is False


def test_feasibility_names_the_day_on_which_the_fewest_are_there_to_whom_it_concerns(kit: Kit) -> None:
    days = tuple(date(2018, 12, day) for day in (10, 11, 12))
    given = rosters()
    away = {"YG-01": (days[1],), "YG-02": days[1:]}
    agencies = {
        agency: tuple(one.model_copy(update={"absent": away.get(one.officer, ())}) for one in officers)
        for agency, officers in given.agencies.items()
    }
    county = a_county(kit, given=given.model_copy(update={"agencies": agencies, "days": days}))
    site = open_site(kit, county.service)

    page = site.person(OFFICER["YG"]).get(f"/campaigns/{CAMPAIGN}/draw")
    foreign = site.person(OFFICER["GA"]).api("GET", f"{API}/campaigns/{CAMPAIGN}/feasibility")

    says = "运管所：2018年12月11日在岗最少，3 人中有 1 人；3 个工作日最多检查 9 户，其中 1 天凑不齐一个检查组。"
    assert says in page.text
    assert foreign["notes"] == []
    county.open()  # tight, and no reason to refuse


def test_the_list_of_draws_costs_the_same_however_many_there_are(county: County) -> None:
    def cost() -> int:
        counted: list[str] = []

        def count(*told: Any) -> None:
            counted.append(told[2])

        listen(Engine, "before_cursor_execute", count)
        county.service.ask(LEAD, draws_of, now=county.kit.clock.at)
        remove(Engine, "before_cursor_execute", count)
        return len(counted)

    county.open()
    with_one = cost()
    for campaign in ("C-640221-2018-002", "C-640221-2018-003"):
        agreed, given = plan(campaign=campaign), rosters(campaign=campaign)
        county.kit.feed(county.service, confirmed(county.kit, agreed), frozen(county.kit, given))
        acts.open_draw(county.service, LEAD, campaign, AskedTimes(**TIMES), key=campaign)

    assert len(county.service.ask(LEAD, draws_of, now=county.kit.clock.at)) == 3
    assert cost() == with_one


# ── papers and QR codes ─────────────────────────────────────────────────────────────────────────────────────────────


def qr_codes(page: Page) -> dict[str, Element]:
    """Read every QR code of a page as a telephone would: {what it says: the element of the picture}."""
    return {scanned(one.one("svg")): one for one in page.root.all("span") if one.get("class") == "ov-qr-picture"}


def scanned(svg: Element) -> str:
    """Paint the modules of a picture and let a reader of QR codes read them."""
    size = int(svg.get("viewbox").split()[-1])
    field = np.full((size, size), 255, np.uint8)
    modules = next(one for one in svg.all("path") if one.get("stroke") == "#000")
    x = y = 0.0
    for what, rest in re.findall(r"([Mmh])([-0-9. ]+)", modules.get("d")):
        numbers = [float(one) for one in rest.split()]
        if what == "h":
            field[int(y), int(x) : int(x + numbers[0])] = 0
            x += numbers[0]
        else:
            x, y = (numbers[0], numbers[1]) if what == "M" else (x + numbers[0], y + numbers[1])
    (found,) = zxingcpp.read_barcodes(field.repeat(8, axis=0).repeat(8, axis=1))
    return str(found.text)


def test_the_printed_record_carries_its_digest_and_its_address_as_qr_codes(site: Site, county: County) -> None:
    county.until_drawn()
    lead = site.person(LEAD)
    digest = json.loads(archive.full_record(county.service, DRAW).record)["result_digest"]

    assert f"/draws/{DRAW}/sheet" in lead.get(f"/draws/{DRAW}/targets").links
    sheet = lead.get(f"/draws/{DRAW}/sheet")
    codes = qr_codes(sheet)

    assert set(codes) == {digest, f"{ADDRESS}/public/draws/{DRAW}"}
    for text, picture in codes.items():
        assert picture.get("role") == "img"
        assert text in picture.get("aria-label")
        assert text in sheet.main
    targets = [one.target for one in county.service.ask(LEAD, drawn_list, draw_id=DRAW)]
    assert all(target in sheet.main for target in targets)
    assert "请勿外传" in sheet.main
    assert "专家：协助，指派而非抽取" in sheet.main
    assert sheet.parts == [f"/parts/results/experts/{CAMPAIGN}"], (
        "the column is filled by results: the draw has no experts"
    )
    places = {element.get("id") for element in sheet.root.all("div")}
    assert {f"experts-{one.visit}" for one in county.service.ask(LEAD, drawn_list, draw_id=DRAW)} <= places
    county.at(WINDOW_END)
    assert set(qr_codes(site.anonymous().get(f"/public/draws/{DRAW}"))) == set(codes)
    assert "请勿外传" not in lead.get(f"/draws/{DRAW}/sheet").main


def test_a_visited_firms_slip_leads_to_its_own_proof_once_the_record_is_open(site: Site, county: County) -> None:
    county.until_drawn()
    lead, anybody = site.person(LEAD), site.anonymous()
    visit, other = county.service.ask(LEAD, drawn_list, draw_id=DRAW)[:2]
    at = f"/draws/{DRAW}/targets/{visit.visit}"

    assert at in lead.get(f"/draws/{DRAW}/targets").links
    slip = lead.get(at)
    (address,) = (one for one in qr_codes(slip) if one.startswith(ADDRESS) and "/why?" in one)
    before = anybody.get(address.removeprefix(ADDRESS), 409)

    assert other.target not in slip.text
    assert address in slip.main
    assert qr_codes(before) == {}
    assert before.text.replace(visit.target, "") == anybody.get(
        f"/public/draws/{DRAW}/why?entity={other.target}", 409
    ).text.replace(other.target, "")
    county.at(WINDOW_END)
    page = anybody.get(address.removeprefix(ADDRESS))
    assert "抽取：抽中" in page.main
    assert visit.target in page.main
    assert set(qr_codes(page)) == {address}


def test_an_officer_sent_shows_a_salt_that_the_own_desk_and_nobody_else_sees(site: Site, county: County) -> None:
    county.until_drawn()
    visits = county.service.ask(LEAD, drawn_list, draw_id=DRAW)
    own, team = next((one, team) for one in visits for team in one.teams if team.agency == "GA")
    sent, beside = team.officers[0], team.officers[1]
    assert sent is not None
    assert beside is not None
    path, card = f"/parts/drawer/visit/{own.visit}", f"/draws/{DRAW}/targets/{own.visit}/card"
    salts = _salts(county)

    def shown(actor: Actor) -> tuple[set[str], set[str]]:
        client = site.person(actor)
        found = [client.call("GET", at).text for at in (path, card)]
        first, second = ({salt for salt in salts if salt in text} for text in found)
        return first, second

    part, page = shown(person("GA", Role.INSPECTOR, id="sent", officer=sent))
    assert part == page
    (salt,) = page
    with_colleague, _ = shown(person("GA", Role.TEAM_LEAD))
    assert len(with_colleague) == 2
    assert salt in with_colleague
    absent = next(f"GA-{n:02}" for n in range(1, 6) if f"GA-{n:02}" not in (sent, beside))
    for stranger in (
        LEAD,
        PLANNER,
        OFFICER["GA"],
        SUPERVISOR,
        person("GA", Role.INSPECTOR, id="absent", officer=absent),
        person("AJ", Role.INSPECTOR, id="namesake", officer=sent),
    ):
        assert shown(stranger) == (set(), set()), stranger.id
    county.at(WINDOW_END)
    record = json.loads(archive.full_record(county.service, DRAW).record)
    assert roster.pid(SHA256, bytes.fromhex(salt), sent) in record["teams"]["GA"]["assigned"][own.target]


def test_whoever_is_sent_gets_the_slip_of_the_own_visit_and_of_no_other(site: Site, county: County) -> None:
    county.until_drawn()
    visits = county.service.ask(LEAD, drawn_list, draw_id=DRAW)
    own, sent = next((one, team.officers[1]) for one in visits for team in one.teams if team.agency == "GA")
    other = next(one for one in visits if all(sent not in team.officers for team in one.teams))
    without = next(one for one in visits if all(team.agency != "GA" for team in one.teams))
    officer = site.person(person("GA", Role.INSPECTOR, id="sent", officer=sent))
    leader = site.person(person("GA", Role.TEAM_LEAD))

    for client in (officer, leader):
        at = f"/draws/{DRAW}/targets/{own.visit}"
        assert at in client.part(f"/parts/drawer/visit/{own.visit}").links
        slip = client.get(at)
        assert own.target in slip.main
        assert f"/visits/{own.visit}" in slip.links
    for client, visit in ((officer, other), (leader, without), (site.person(OFFICER["GA"]), own)):
        assert client.part(f"/parts/drawer/visit/{visit.visit}").links == []
        assert client.call("GET", f"/draws/{DRAW}/targets/{visit.visit}").status_code == 403
    for namesake in (
        person("AJ", Role.INSPECTOR, officer=sent),
        person("GA", Role.INSPECTOR, officer=sent, county="1"),
    ):
        assert site.person(namesake).part(f"/parts/drawer/visit/{own.visit}").links == []


def test_papers_are_for_who_may_see_the_list(site: Site, county: County) -> None:
    county.until_drawn()
    visit = county.service.ask(LEAD, drawn_list, draw_id=DRAW)[0].visit

    for path in ("sheet", f"targets/{visit}"):
        assert site.person(PLANNER).get(f"/draws/{DRAW}/{path}")
        for actor in (OFFICER["GA"], WITNESS, SUPERVISOR, person("GA", Role.PLANNER)):
            assert site.person(actor).call("GET", f"/draws/{DRAW}/{path}").status_code == 403
    assert site.person(LEAD).call("GET", f"/draws/{DRAW}/targets/V-640221-2018-001-99").status_code == 404


def test_the_archive_is_downloaded_by_who_may_have_its_edition(site: Site, county: County) -> None:
    county.until_drawn()
    full, public = f"/draws/{DRAW}/archive.zip", f"/public/draws/{DRAW}/archive.zip"
    anybody, supervisor = site.anonymous(), site.person(SUPERVISOR)
    assert full not in supervisor.get(f"/draws/{DRAW}").links
    assert supervisor.call("GET", full).status_code == 409
    assert anybody.call("GET", public).status_code == 409
    county.at(WINDOW_END)

    assert full in supervisor.get(f"/draws/{DRAW}").links
    assert full not in site.person(OFFICER["GA"]).get(f"/draws/{DRAW}").links
    assert site.person(OFFICER["GA"]).call("GET", full).status_code == 403
    assert anybody.http.get(full, follow_redirects=False).status_code == 303
    assert public in anybody.get(f"/public/draws/{DRAW}").links
    for client, path, more in ((supervisor, full, {"log/events.jsonl"}), (anybody, public, set())):
        answer = client.call("GET", path)
        assert answer.headers["content-type"] == "application/zip"
        with ZipFile(BytesIO(answer.content)) as held:
            assert held.testzip() is None
            assert {"record.json", "frame.tsv", "verify_draw.py", "digests.txt", "annexes.html"} < set(held.namelist())
            assert set(held.namelist()) & {"log/events.jsonl"} == more


def test_a_staged_draw_says_on_its_pages_which_draw_chose_its_targets(kit: Kit) -> None:
    county = staged_draws.one_agency_alone(kit)
    drawn = staged_draws.targets(county)
    second = staged_draws.followed(county, staged_draws.rows_of(staged_draws.EVERYBODY, drawn))
    second.draw()
    site, at = open_site(kit, county.service), second.second.draw

    page = site.person(OFFICER["GA"]).get(f"/draws/{at}")

    assert "分段式：本次为第二段" in page.main
    assert f"检查对象是任务 {CAMPAIGN} 已公开的抽取所抽中的全部 {len(drawn)} 户" in page.main
    assert "分段式" not in site.person(LEAD).get(f"/draws/{DRAW}").main
    county.at(WINDOW_END)
    public = site.anonymous().get(f"/public/draws/{at}")
    assert "分段式：本次为第二段" in public.main
    assert f"/public/draws/{DRAW}" in public.links
