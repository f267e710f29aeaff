"""An agency's and a witness's own systems go through a draw by API keys (custody "own"); what is theirs and what is not."""

import html
import json

import pytest

from schemas.vocabulary import Scope
from services.drawer import archive, checking
from services.drawer.commands.keys import register_key
from services.drawer.domain import messages
from services.drawer.domain.encoding import SHA256, SM3, Hash
from services.drawer.domain.ticket import target_key
from tests.kit import Kit
from tests.pages.client import ConsoleClient, Site, open_site
from tests.unit.drawer_service.county import BEACON_TIME, DIGITS, DRAW, WINDOW_END, WITNESS, County, a_county, plan
from tests.unit.drawer_service.test_custody import SECRET, ChineseSystem, System, system

API = "/api/drawer/v1"
ONE = f"{API}/draws/{DRAW}"


@pytest.fixture
def county(kit: Kit, request: pytest.FixtureRequest) -> County:
    return a_county(kit, plan(hash=getattr(request, "param", "sha256")))


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


@pytest.mark.parametrize(
    ("kind", "county", "h"),
    [(System, "sha256", SHA256), (ChineseSystem, "sha256", SHA256), (ChineseSystem, "sm3", SM3)],
    indirect=["county"],
    ids=["ed25519-sha256", "sm2-sha256", "sm2-sm3"],
)
def test_a_draw_goes_through_with_two_bodies_that_speak_by_key(
    site: Site, county: County, kind: type[System], h: Hash
) -> None:
    ga, gz = system("GA", kind), system("GZ", kind)
    agency, witness = site.client("GA", Scope.DRAWS_SPEAK), site.client("GZ", Scope.DRAWS_SPEAK)
    agency.api("POST", f"{API}/keys", ga.registration())
    county.service.do(WITNESS, register_key, key="gz", told=gz.registration() | {"custody": "page"})
    county.open()
    assert [one["draw"] for one in agency.api("GET", f"{API}/draws")["draws"]] == [DRAW]

    told = agency.api("GET", f"{ONE}/papers")
    m = bytes.fromhex(told["manifest_digest"])
    assert h(agency.call("GET", f"{ONE}/frame").content).hex() == told["manifest"]["frame"]["shards"][0]["digest"]
    opening = messages.chain(h, SECRET, told["manifest"]["chain_len"])[0]
    c = messages.commitment(h, m, "GA", opening)
    committing = {"c": c.hex(), "sig": ga.signs(messages.commit_message(h, m, "GA", c))}
    agency.api("POST", f"{ONE}/commit", committing)
    county.commit("AJ", "JT", "SJ", "YG")
    county.countersign("AJ", "JT", "SJ", "YG")
    commits = {one: bytes.fromhex(each["c"]) for one, each in agency.api("GET", f"{ONE}/papers")["commits"].items()}
    cd = messages.commits_digest(h, m, commits)
    agency.api("POST", f"{ONE}/countersign", {"sig": ga.signs(messages.countersign_message(h, m, cd))})
    county.reveal("AJ", "JT", "SJ", "YG")
    shown = ga.signs(messages.reveal_message(h, m, cd, "GA", opening))
    agency.api("POST", f"{ONE}/reveal", {"value": opening.hex(), "sig": shown})

    asked = witness.api("GET", f"{ONE}/papers")["to_seal"]
    rd, at = bytes.fromhex(asked["digest"]), asked["at"]
    sealing = {"digest": rd.hex(), "at": at, "sig": gz.signs(messages.seal_message(h, m, cd, rd, at))}
    witness.api("POST", f"{ONE}/seal", sealing)
    county.at(BEACON_TIME)
    thrown = gz.signs(messages.dice_message(h, m, cd, rd, DIGITS.encode()))
    witness.api("POST", f"{ONE}/dice", {"digits": DIGITS, "again": DIGITS, "sig": thrown})

    files = archive.full_record(county.service, DRAW)
    assert checking.verify(files.record, [files.frame]).targets == 11
    county.at(WINDOW_END)
    public = site.anonymous().get(f"/public/draws/{DRAW}").main
    assert "公安局的密钥与随机数在自有系统里" in public
    assert "平罗公证处的密钥与随机数由办理人的浏览器产生和保管" in public
    assert "安监局、交通运输局、市场监管局、运管所的密钥与随机数由本系统服务器代管" in public
    assert ("国密 SM3（GB/T 32905-2016）" in public) == (h is SM3)
    told = json.loads(files.record)
    key, drawn = target_key(h, bytes.fromhex(told["seed"])).decode(), next(iter(told["work"]["JT"]))
    why = site.anonymous().get(f"/public/draws/{DRAW}/why?entity={drawn}").main
    command = {"sha256": "sha256sum", "sm3": "openssl dgst -sm3"}[h.name]
    assert f"printf '%s' \"{key}|{drawn}\" | {command}" in html.unescape(why)
    assert h(f"{key}|{drawn}".encode()).hex() in why


def refusal(client: ConsoleClient, method: str, path: str, content: object = None) -> str:
    return str(client.api(method, path, content, status=403)["code"])


def test_a_key_without_the_scope_has_no_say_and_one_with_it_no_other(site: Site, county: County) -> None:
    county.open()
    reader, speaker = site.client("GA", Scope.FEED_READ), site.client("GA", Scope.DRAWS_SPEAK)
    leading = site.client("JT", Scope.DRAWS_SPEAK)

    assert refusal(reader, "POST", f"{ONE}/commit", {}) == "web.scope_missing"
    assert refusal(reader, "GET", f"{ONE}/papers") == "web.scope_missing"
    for method, path in (
        ("POST", f"{API}/draws"),
        ("GET", f"{ONE}/targets"),
        ("GET", f"{ONE}/record"),
        ("POST", f"{ONE}/changes"),
        ("POST", f"{ONE}/rounds"),
    ):
        assert refusal(leading, method, path, {} if method == "POST" else None) == "web.route_not_for_clients"
    assert refusal(speaker, "POST", f"{ONE}/seal", {}) == "draw.witness_only"
