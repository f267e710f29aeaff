"""The rehearsal's page without a browser: who may open it, what it offers step by step, what it refuses."""

import pytest

from schemas.vocabulary import Role
from tests.kit import Kit, person
from tests.pages.client import Site, open_site
from tests.unit.drawer_service.county import (
    AGENCIES,
    CAMPAIGN,
    LEAD,
    NAMES,
    OFFICER,
    PLANNER,
    WITNESS,
    County,
    a_county,
)

HERE = f"/campaigns/{CAMPAIGN}/rehearsal"


@pytest.fixture
def county(kit: Kit) -> County:
    return a_county(kit)


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


def test_it_is_walked_through_by_its_buttons_alone(site: Site, county: County) -> None:
    lead = site.person(LEAD)
    assert HERE in lead.get(f"/campaigns/{CAMPAIGN}/draw").links, "beside the real draw"
    page = lead.get(HERE).form(HERE).submit()
    assert "演练已开始" in page.main
    for name in NAMES.values():
        assert (f"{name}：承诺" in page.main) == (name != "平罗公证处")
    seen = []
    for _ in range(12):
        speak = [one for one in page.forms if one.action == f"{HERE}/speak"]
        wait = [one for one in page.forms if one.action == f"{HERE}/wait"]
        if not speak and not wait:
            break
        page = (speak or wait)[-1].submit()  # the last one: everybody at once
        assert "演练，不是正式抽取" in page.main
        seen.append("speak" if speak else "wait")

    assert seen == ["speak", "wait", "speak", "speak", "speak", "wait", "speak", "wait"]
    assert "抽出 11 户" in page.main
    assert "JT-0" in page.main, "the asker's own agency's officers are named"
    assert not [one for one in ("GA-0", "AJ-0", "SJ-0", "YG-0") if one in page.main], "no other agency's before a draw"
    for name in ("record.json", "frame.tsv", "keys.json"):
        answer = lead.http.get(f"{HERE}/{name}")
        assert f"REHEARSAL-640221-2018-001-{name}" in answer.headers["content-disposition"]
    page = next(one for one in page.forms if one.action == f"{HERE}/drop").submit()
    assert "什么都没有留下" in page.main
    assert lead.http.get(f"{HERE}/record.json").status_code == 404


@pytest.mark.parametrize("actor", [OFFICER["GA"], WITNESS, PLANNER, person("SJ", Role.SUPERVISOR)])
def test_nobody_else_begins_or_sees_one(site: Site, county: County, actor: object) -> None:
    site.person(LEAD).get(HERE).form(HERE).submit()
    other = site.person(actor)  # type: ignore[arg-type]
    answer = other.http.get(HERE)

    assert answer.status_code == 403 or not [one for one in other.get(HERE).forms if one.action.startswith(HERE)]
    assert "REHEARSAL" not in answer.text
    for path in ("/draws", f"/parts/drawer/campaign/{CAMPAIGN}", "/parts/drawer/home/me", f"{HERE}/record.json"):
        assert "REHEARSAL" not in other.http.get(path).text, path


def test_nothing_of_it_is_public(site: Site, county: County) -> None:
    lead = site.person(LEAD)
    page = lead.get(HERE).form(HERE).submit()
    for _ in range(8):
        steps = [one for one in page.forms if one.action in (f"{HERE}/speak", f"{HERE}/wait")]
        speak = [one for one in steps if one.action.endswith("/speak")]
        page = (speak or steps)[-1].submit()
    assert "记录已在演练里公开" in page.main
    anybody = site.anonymous()
    name = "REHEARSAL-640221-2018-001"

    assert name not in anybody.http.get("/public/draws").text
    for path in (
        "",
        "/at-once",
        "/at-once.json",
        "/record.json",
        "/frame.tsv",
        "/keys.json",
        "/archive.zip",
        "/visits",
    ):
        assert anybody.http.get(f"/public/draws/{name}{path}").status_code == 404, path
    for path in (f"/draws/{name}", f"/draws/{name}/live", f"/draws/{name}/targets", f"/draws/{name}/archive.zip"):
        assert lead.http.get(path).status_code == 404, path
    assert len(AGENCIES) == 5
