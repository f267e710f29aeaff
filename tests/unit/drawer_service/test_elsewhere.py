"""A draw made elsewhere: held against frame and rosters, confirmed by a second person, and never taken for one of ours."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from runtime.errors import OneVisitError
from runtime.time.timers import run_due
from schemas.documents import RosterOfficer, WorkList
from schemas.events.campaigns import CampaignCancelled
from schemas.events.draws import DrawDisclosed, DrawImported
from schemas.vocabulary import Purpose, Role
from services.drawer import acts, archive, import_acts, round_acts
from services.drawer.commands import importing
from services.drawer.commands.importing import Told
from services.drawer.domain.elsewhere import headings
from services.drawer.queries.drawn import drawn_list, last_visitors
from services.drawer.queries.draws import draws_of, ready_to_open
from services.drawer.queries.imports import import_view, imports_of, public_import
from services.drawer.queries.records import public_draw, public_draws
from services.drawer.queries.rounds import changes_view
from services.drawer.refusals import ImportRefused
from services.drawer.uploads import Document
from tests.kit import COUNTY, Kit, person, said
from tests.unit.drawer_service.county import (
    CAMPAIGN,
    DRAW,
    LEAD,
    OFFICER,
    WINDOW_END,
    County,
    a_county,
    entities,
    plan,
    rosters,
)
from tests.unit.drawer_service.elsewhere import APPROVER, HEADINGS, Row, a_list, confirm, drawn, hand_in


def refused(county: County, rows: list[Row]) -> list[tuple[int, str, str]]:
    """Hand a list in that does not fit: what is said, by row and column."""
    with pytest.raises(ImportRefused) as refusal:
        hand_in(county, rows)
    return [(one.row, one.column, one.what.code.removeprefix("draw.import.")) for one in refusal.value.complaints]


def row_of(rows: list[Row], agency: str, category: str) -> int:
    """Find the first row of an agency at a firm of a category."""
    return next(at for at, row in enumerate(rows) if row[2] == agency and entities()[row[1]] == category)


def code(call: Any, *args: Any, **facts: Any) -> str:
    with pytest.raises(OneVisitError) as refusal:
        call(*args, **facts)
    return refusal.value.code


# ── the way it goes ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_handed_in_and_confirmed_it_says_what_a_draw_says_and_that_it_was_imported(county: County) -> None:
    before = len(said(county.service))
    reply = hand_in(county, a_list())

    assert reply.value == {"draw": DRAW, "import": f"{DRAW}.i1", "state": "asked"}
    assert said(county.service)[before:] == []
    confirm(county)

    (told,) = said(county.service)[before:]
    assert isinstance(told, DrawImported)
    assert (told.place, told.drawn_on, told.visits, told.sections) == ("platform", date(2018, 12, 3), 11, len(a_list()))
    assert told.disclose_at == WINDOW_END
    work = WorkList.model_validate_json(county.kit.blobs.get(told.work, "results"))
    assert sorted(one.target for one in work.visits) == drawn()
    assert [one.visit for one in work.visits] == [f"V-640221-2018-001-{number:02d}" for number in range(1, 12)]
    teams = {(one.target, team.agency): team for one in work.visits for team in one.teams}
    for row in a_list():
        agency = next(team for (target, _), team in teams.items() if target == row[1] and team.officers[1] == row[4])
        assert agency.officers == (row[5], row[4])  # who leads comes first
    assert {team.items for team in teams.values()} == {(f"{agency}-1",) for agency in ("AJ", "GA", "JT", "SJ", "YG")}


def test_the_visits_stand_in_an_order_that_tells_nothing_of_the_list(county: County) -> None:
    hand_in(county, a_list())
    confirm(county)

    listed = [one.target for one in county.service.ask(LEAD, drawn_list, draw_id=DRAW)]
    assert sorted(listed) == drawn()
    assert listed != drawn()


def test_it_is_seen_by_all_parties_once_it_is_confirmed_and_by_the_lead_before(county: County) -> None:
    partner, service = OFFICER["GA"], county.service
    hand_in(county, a_list())
    assert service.ask(partner, imports_of) == []
    assert [one.may_decide for one in service.ask(APPROVER, imports_of)] == [True]
    assert service.ask(LEAD, ready_to_open) == []

    confirm(county)

    (seen,) = service.ask(partner, imports_of)
    assert (seen.draw, seen.state, seen.visits, seen.sees_list) == (DRAW, "approved", 11, False)
    assert code(import_acts.evidence, service, partner, DRAW) == "draw.evidence_not_for_you"
    assert import_acts.evidence(service, LEAD, DRAW)[0] == b"%PDF-1.4 annex 2"
    assert service.ask(LEAD, draws_of, now=county.kit.clock.at) == []


def test_when_the_window_closes_list_and_frame_are_opened_and_nothing_claims_to_be_a_record(county: County) -> None:
    hand_in(county, a_list())
    confirm(county)
    service = county.service
    assert service.ask(service.system, public_import, draw_id=DRAW) is None
    assert code(service.ask, service.system, public_draw, draw_id=DRAW) == "draw.unknown"

    county.at(WINDOW_END)
    run_due(service, WINDOW_END)

    (opened,) = [one for one in said(service) if isinstance(one, DrawDisclosed)]
    statement = json.loads(county.kit.blobs.get(opened.record, "planner"))
    assert statement["verifiable"] is False
    assert sorted(one for strata in statement["selected"][CAMPAIGN].values() for one in strata) == drawn()
    assert not {"witnessed_by", "reason", "platform"} & statement.keys()
    found = service.ask(service.system, public_import, draw_id=DRAW)
    assert found is not None
    assert (found.visits, found.entities, found.lead_name) == (11, 110, "交通运输局")
    assert service.ask(service.system, public_draws) == []
    assert code(service.ask, service.system, public_draw, draw_id=DRAW) == "draw.drawn_elsewhere"


def test_a_platform_that_draws_what_was_begun_here_takes_the_number_of_the_draw(county: County) -> None:
    county.open()
    assert code(hand_in, county, a_list()) == "draw.attempt_running"
    county.at(county.kit.clock.at + timedelta(hours=25))  # nobody committed: the attempt is void

    hand_in(county, a_list(), drawn_on=date(2018, 12, 4))
    confirm(county)

    (told,) = [one for one in said(county.service) if isinstance(one, DrawImported)]
    assert (told.draw, told.attempt) == (DRAW, 2)


def test_whoever_was_sent_by_a_draw_made_elsewhere_counts_for_rotation(kit: Kit) -> None:
    county = a_county(kit, plan(purpose=Purpose.LIVE))
    hand_in(county, a_list())
    confirm(county)

    sent = county.service.ask(county.service.system, last_visitors)

    row = a_list()[0]
    assert sent[row[4].partition("-")[0], row[1]] == {row[4], row[5]}


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lead_hands_in_and_somebody_else_of_it_confirms(county: County) -> None:
    both = person("JT", Role.DRAW_OFFICER, Role.APPROVER, id="both")
    assert code(hand_in, county, a_list(), actor=OFFICER["GA"]) == "draw.lead_only"
    hand_in(county, a_list(), actor=both)

    assert code(confirm, county, both) == "draw.import_by_same_person"
    assert code(confirm, county, LEAD) == "draw.import_not_for_you"
    assert code(confirm, county, person("GA", Role.APPROVER)) == "draw.import_unknown"
    confirm(county)
    assert code(confirm, county, key="again") == "draw.import_decided"


def test_a_refused_or_withdrawn_import_leaves_the_way_open(county: County) -> None:
    hand_in(county, a_list(), key="1")
    assert code(hand_in, county, a_list(), key="2") == "draw.import_waiting"
    assert code(county.open) == "draw.import_waiting"
    confirm(county, approve=False)

    hand_in(county, a_list(), key="3")
    county.service.do(LEAD, importing.withdraw_import, key="take back", draw_id=DRAW)

    assert [one for one in said(county.service) if isinstance(one, DrawImported)] == []
    assert county.service.ask(LEAD, import_view, draw_id=DRAW) is None
    assert county.open() == DRAW


def test_confirmed_twice_with_one_key_it_stands_once(county: County) -> None:
    hand_in(county, a_list())

    assert confirm(county).value == confirm(county).value
    assert len([one for one in said(county.service) if isinstance(one, DrawImported)]) == 1


def test_of_a_cancelled_campaign_nothing_is_confirmed(county: County) -> None:
    hand_in(county, a_list())
    county.kit.feed(county.service, CampaignCancelled(county=COUNTY, campaign=CAMPAIGN))

    assert code(confirm, county) == "draw.campaign_cancelled"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"drawn_on": date(2018, 12, 4)}, "draw.import_day_wrong"),
        ({"drawn_on": date(2018, 11, 30)}, "draw.before_stage"),
    ],
)
def test_the_day_of_the_draw_has_come_and_is_not_before_its_stage(
    county: County, changes: dict[str, Any], expected: str
) -> None:
    assert code(hand_in, county, a_list(), **changes) == expected


def test_after_the_window_nothing_is_imported_nor_confirmed(county: County) -> None:
    hand_in(county, a_list())
    county.at(WINDOW_END)

    assert code(confirm, county) == "draw.import_after_window"


def test_evidence_that_is_no_scan_is_refused(county: County) -> None:
    told = Told("paper", "县政务大厅", date(2018, 12, 3), "公证处", "停电")
    refusal = code(
        import_acts.hand_in,
        county.service, LEAD, CAMPAIGN, told, key="k", sheet=("a.xlsx", b""), evidence=Document("a.pdf", b"MZ"),
    )  # fmt: skip

    assert refusal == "evidence.kind_refused"


# ── row by row ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_firm_and_the_number_against_the_plan(county: County) -> None:
    rows = [row for row in a_list() if row[1] != drawn()[10]]
    rows.append(["别家", "91640221MAXXXXXXXX", "交通运输局", "", "JT-01", "JT-02"])

    assert refused(county, rows) == [
        (1, "", "number_differs"),
        (len(rows) + 1, "统一社会信用代码", "target_unknown"),
    ]


def test_a_cell_that_has_to_be_filled_and_is_not(county: County) -> None:
    rows = a_list()
    rows += [["某公司", "", rows[0][2], "", "X-1", "X-2"], ["某公司", rows[0][1], "", "", "X-1", "X-2"]]

    assert refused(county, rows) == [
        (len(rows), "统一社会信用代码", "cell_empty"),
        (len(rows) + 1, "部门", "cell_empty"),
    ]


def test_the_template_has_the_columns_of_a_list() -> None:
    assert headings(2) == HEADINGS


def test_a_missing_agency_a_doubled_row_and_an_agency_that_has_nothing_to_do_there(county: County) -> None:
    rows = a_list()
    gone = rows.pop(1)
    rows += [list(rows[-1]), ["某公司", gone[1], "没有这个部门", "", "X-1", "X-2"]]
    station = next((row[1] for row in rows if entities()[row[1]] in ("freight", "station", "repair")), None)
    assert station is not None
    rows.append(["某公司", station, "公安局", "", "GA-01", "GA-02"])

    last = len(rows) + 1
    assert refused(county, rows) == [
        (next(at for at, row in enumerate(rows, start=2) if row[1] == gone[1]), "部门", "agency_missing"),
        (last - 2, "部门", "row_doubled"),
        (last - 1, "部门", "agency_unknown"),
        (last, "部门", "agency_without_items"),
    ]


def test_officers_that_may_not_go_are_named_in_their_rows(kit: Kit) -> None:
    given = rosters()
    cap = RosterOfficer(officer="JT-06", labels=("law",), cap=0, base_load=0, recused=())
    unlabelled = RosterOfficer(officer="JT-05", labels=(), cap=30, base_load=0, recused=())
    agencies = dict(given.agencies) | {"JT": (*given.agencies["JT"][:4], unlabelled, cap)}
    left_out = {"SJ": (("SJ-09", "credential_expired"),)}
    county = a_county(kit, given=given.model_copy(update={"agencies": agencies, "excluded": left_out}))
    targets = [*(one for one, kind in sorted(entities().items()) if kind == "bus")][:6]
    targets += [one for one, kind in sorted(entities().items()) if kind == "freight"][:5]
    rows = a_list(targets)
    for row in rows:
        if row[2] == "交通运输局":
            row[3:] = ["", "JT-01", "JT-02"]
    jt = [at for at, row in enumerate(rows) if row[2] == "交通运输局"]
    sj = [at for at, row in enumerate(rows) if row[2] == "市场监管局"]
    ga = row_of(rows, "公安局", "bus")
    rows[jt[0]][4:] = ["JT-01", "JT-99"]
    rows[jt[1]][4:] = ["JT-01", "JT-01"]
    rows[jt[2]][4:] = ["JT-01", ""]
    rows[jt[3]][4:] = ["JT-01", "JT-05"]
    rows[jt[4]][3:] = ["JT-03", "JT-01", "JT-02"]
    rows[jt[5]][4:] = ["JT-01", "JT-06"]
    rows[sj[0]][3:] = ["", "SJ-01", "SJ-09"]
    rows[ga][3:] = ["", "GA-01", "GA-03"]

    assert refused(county, rows) == sorted(
        [
            (1, "", "officer_over_cap"),
            (jt[0] + 2, "执法人员2", "officer_unknown"),
            (jt[1] + 2, "执法人员2", "officer_twice"),
            (jt[2] + 2, "", "officers_too_few"),
            (jt[3] + 2, "", "labels_missing"),
            (jt[4] + 2, "组长", "leader_not_in_team"),
            (sj[0] + 2, "执法人员2", "officer_left_out"),
            (ga + 2, "执法人员2", "officer_recused"),
        ]
    )
    assert [one for one in said(county.service) if isinstance(one, DrawImported)] == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("企业名称", "部门", "执法人员1"), [(1, "统一社会信用代码", "column_missing")]),
        (("统一社会信用代码", "部门", "执法人员1"), [(1, "", "no_rows"), (1, "", "number_differs")]),
    ],
)
def test_a_list_without_columns_or_rows(county: County, written: tuple[str, ...], expected: list[Any]) -> None:
    told = Told("paper", "县政务大厅", date(2018, 12, 3), "公证处", "停电")
    sheet = ("a.csv", (",".join(written) + "\n").encode())
    with pytest.raises(ImportRefused) as refusal:
        import_acts.hand_in(
            county.service, LEAD, CAMPAIGN, told, key="k", sheet=sheet, evidence=Document("a.pdf", b"%PDF-1.4")
        )

    found = [(one.row, one.column, one.what.code.removeprefix("draw.import.")) for one in refusal.value.complaints]
    assert found == expected


# ── what is not done here ───────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_it_is_drawn_again_or_verified_here(county: County) -> None:
    hand_in(county, a_list())
    confirm(county)
    service, now = county.service, county.kit.clock.at
    head = person("GA", Role.AGENCY_HEAD)

    refusals = {
        code(county.open),
        code(county.commit, "JT"),
        code(service.ask, LEAD, changes_view, draw_id=DRAW, now=now),
        code(archive.full_record, service, DRAW),
        code(
            round_acts.ask_change, service, head, DRAW, f"V-{DRAW[2:]}-01",
            key="c", officer=None, reason="closed", document=Document("a.pdf", b"%PDF-1.4"),
        ),
        code(acts.papers, service, LEAD, DRAW),
    }  # fmt: skip

    assert refusals <= {"draw.drawn_elsewhere", "draw.change_not_for_you"}
    assert "draw.drawn_elsewhere" in refusals
