"""A place that no draw could fill: somebody named by the agency, appointed by its head, never in the record."""

import json
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from runtime.store import Actor
from schemas.documents import Rosters, TeamChange
from schemas.events.draws import AppointmentAsked, AppointmentEnded, InspectorAppointed, InspectorSubstituted
from schemas.vocabulary import Role
from services.drawer import appointing_acts, archive
from services.drawer.appointing_acts import OpenPlace
from services.drawer.commands import appointing
from services.drawer.passes import passes
from services.drawer.queries.appointments import EntryView, appointments_view
from services.drawer.queries.drawn import VisitView, drawn_sheet, slip
from services.drawer.queries.draws import tasks_of
from services.drawer.queries.visited import drawn_visits
from tests.kit import Kit, person
from tests.unit.drawer_service.county import (
    DRAW,
    LEAD,
    OFFICER,
    County,
    a_county,
    entered,
    entities,
    plan,
    rosters,
)
from tests.unit.drawer_service.test_rounds import (
    ASKED_ON,
    HEAD,
    REASONS,
    TEAM_LEAD,
    ask,
    asked_and_approved,
    code,
    events,
    finish,
    open_round,
    standing,
    team,
    verified,
)

TRY = count()
WHY, WORDS = "名册中只有该同志未派满，且具备资格。", "同意指定。"
SPARE, SENT = "SJ-03", ("SJ-01", "SJ-02")


def short_of_officers(**changes: object) -> Rosters:
    """Give SJ three officers, of whom the third takes no visit: two go everywhere, and a drop-out leaves a place open."""
    given = rosters({"SJ": 4})
    first, second, third, fourth = given.agencies["SJ"]
    spare = third.model_copy(update={"cap": 0} | changes)
    unqualified = fourth.model_copy(update={"labels": (), "cap": 30})
    return given.model_copy(update={"agencies": given.agencies | {"SJ": (first, second, spare, unqualified)}})


def a_short_county(kit: Kit, given: Rosters | None = None) -> County:
    """Let SJ-01 drop out of one visit, where nobody can come instead."""
    county = a_county(kit, plan(replacement_reasons=REASONS), given or short_of_officers())
    county.until_drawn()
    county.at(ASKED_ON)
    asked_and_approved(county, standing(county)[0].visit, "officer_ill", "SJ", "SJ-01")
    finish(county, open_round(county))
    return county


@pytest.fixture
def short(kit: Kit) -> County:
    return a_short_county(kit)


def the_place(county: County, actor: Actor = TEAM_LEAD["SJ"]) -> OpenPlace:
    (place,) = appointing_acts.open_of(county.service, actor, DRAW)
    return place


def name(
    county: County,
    officer: str = SPARE,
    *,
    beyond: bool = True,
    actor: Actor = TEAM_LEAD["SJ"],
    place: int | None = None,
) -> str:
    at = the_place(county)
    reply = appointing_acts.ask(
        county.service,
        actor,
        DRAW,
        at.visit,
        at.place if place is None else place,
        key=f"name-{next(TRY)}",
        officer=officer,
        reason=WHY,
        beyond=beyond,
    )
    return str(reply.value["appointment"])


def decide(county: County, entry: str, *, approve: bool = True, words: str = WORDS, actor: Actor = HEAD["SJ"]) -> None:
    key = f"decide-{next(TRY)}"
    appointing_acts.decide(county.service, actor, DRAW, entry, key=key, approve=approve, words=words)


def end(county: County, entry: str, *, words: str = "该同志另有任务。", actor: Actor = HEAD["SJ"]) -> None:
    appointing_acts.end(county.service, actor, DRAW, entry, key=f"end-{next(TRY)}", words=words)


def appointed(county: County) -> str:
    entry = name(county)
    decide(county, entry)
    return entry


def entries(county: County, actor: Actor = HEAD["SJ"]) -> list[EntryView]:
    return list(county.service.ask(actor, appointments_view, draw_id=DRAW).entries)


def visit(county: County) -> VisitView:
    return standing(county)[0]


def told(county: County, file: object) -> TeamChange:
    return TeamChange.model_validate_json(county.service.ports.blobs.get(file, "results"))  # type: ignore[arg-type]


# ── the open place, and who could take it ───────────────────────────────────────────────────────────────────────────


def test_a_place_that_no_round_could_fill_is_shown_with_what_stands_against_everybody(short: County) -> None:
    place = the_place(short)

    assert (place.visit, place.labels, place.waiting) == (visit(short).visit, ("law",), False)
    bars = {one.officer: [bar.code for bar in one.bars] for one in place.candidates}
    assert bars == {
        "SJ-01": ["draw.appoint_dropped_out"],
        "SJ-02": ["draw.appoint_in_team"],
        "SJ-03": ["draw.appoint_at_cap"],
        "SJ-04": ["draw.appoint_unqualified"],
    }
    assert [one.officer for one in place.candidates if one.surmountable] == [SPARE]
    assert not any(one.free for one in place.candidates)


def test_other_agencies_see_neither_place_nor_entry(short: County) -> None:
    appointed(short)

    assert appointing_acts.open_of(short.service, HEAD["GA"], DRAW) == []
    assert entries(short, HEAD["GA"]) == []
    with_lead = entries(short, LEAD)
    assert [(one.officer, one.reason) for one in with_lead] == [(SPARE, WHY)]
    assert code(lambda: appointing_acts.open_of(short.service, OFFICER["SJ"], DRAW)) == "draw.change_not_for_you"


# ── naming and appointing ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_head_appoints_whom_somebody_else_named_and_the_record_keeps_the_place_open(
    short: County, tmp_path: Path
) -> None:
    before = archive.full_record(short.service, DRAW).record
    entry = name(short)
    assert short.service.ask(HEAD["SJ"], tasks_of, now=short.kit.clock.at).appointments == [(DRAW, 1)]
    assert short.service.ask(TEAM_LEAD["SJ"], tasks_of, now=short.kit.clock.at).appointments == []

    decide(short, entry)

    (one,) = entries(short)
    assert (one.state, one.asked_by, one.decided_by) == ("approved", TEAM_LEAD["SJ"].id, HEAD["SJ"].id)
    assert (one.reason, one.decision, one.beyond) == (WHY, WORDS, True)
    (going,) = [each for each in visit(short).teams if each.agency == "SJ"]
    assert (list(going.officers), list(going.appointed)) == (["SJ-02", SPARE], [SPARE])
    assert archive.full_record(short.service, DRAW).record == before
    assert verified(short, tmp_path, "full") == before.decode()
    assert json.loads(before)["replacements"][0]["teams"]["SJ"][visit(short).target].count(None) == 1
    assert appointing_acts.open_of(short.service, TEAM_LEAD["SJ"], DRAW) == []


def test_the_others_are_told_who_goes_now_and_that_they_were_not_drawn(short: County) -> None:
    appointed(short)

    asked, made = events(short, AppointmentAsked, InspectorAppointed)
    assert isinstance(asked, AppointmentAsked)
    assert isinstance(made, InspectorAppointed)
    assert (asked.agency, asked.visit) == (made.agency, made.visit) == ("SJ", visit(short).visit)
    change = told(short, made.team)
    assert (change.team.officers, change.team.appointed) == (("SJ-02", SPARE), (SPARE,))
    assert (change.came, change.left) == ((SPARE,), ())


@pytest.mark.parametrize(
    ("officer", "refused"),
    [
        ("SJ-01", "draw.appoint_dropped_out"),
        ("SJ-02", "draw.appoint_in_team"),
        ("SJ-04", "draw.appoint_unqualified"),
        ("GA-01", "draw.appoint_not_on_roster"),
    ],
)
def test_what_the_law_asks_is_not_to_be_gone_beyond(short: County, officer: str, refused: str) -> None:
    assert code(partial(name, short, officer, beyond=True)) == refused
    assert entries(short) == []


def test_past_the_agencys_own_cap_only_who_says_so(short: County) -> None:
    assert code(partial(name, short, beyond=False)) == "draw.appoint_at_cap"


def test_who_is_recused_from_the_target_cannot_be_appointed(kit: Kit) -> None:
    county = a_short_county(kit, short_of_officers(recused=tuple(sorted(entities()))))

    assert code(partial(name, county)) == "draw.appoint_recused"


def test_nobody_decides_on_the_own_proposal_nor_without_being_head(short: County) -> None:
    by_head = name(short, actor=HEAD["SJ"])

    assert code(partial(decide, short, by_head)) == "draw.appoint_by_same_person"
    assert code(partial(decide, short, by_head, actor=person("SJ", Role.APPROVER))) == "draw.appoint_head_only"
    assert code(partial(decide, short, by_head, actor=HEAD["GA"])) == "draw.appointment_unknown"
    assert code(partial(decide, short, by_head, approve=False)) == "draw.appoint_by_same_person"


def test_who_may_not_know_the_targets_names_nobody(short: County) -> None:
    assert code(partial(name, short, actor=OFFICER["SJ"])) == "draw.change_not_for_you"
    assert code(partial(name, short, actor=HEAD["GA"])) == "draw.change_not_for_you"


def test_reasons_are_written_down_on_both_sides(short: County) -> None:
    entry = name(short)

    assert code(partial(decide, short, entry, words=" ")) == "draw.change_words_wrong"
    assert code(partial(decide, short, entry, words=" ", approve=False)) == "draw.change_words_wrong"
    assert entries(short)[0].state == "asked"


def test_a_place_is_named_for_once_and_only_where_it_is_open(short: County) -> None:
    assert code(partial(name, short, place=0)) == "draw.appoint_place_not_open"
    first = name(short)
    assert code(partial(name, short)) == "draw.appoint_asked_already"

    short.service.do(TEAM_LEAD["SJ"], appointing.withdraw_appointment, draw_id=DRAW, appointment_id=first)
    second = name(short)
    decide(short, second, approve=False, words="另行安排。")
    third = name(short)
    decide(short, third)

    assert [one.state for one in entries(short)] == ["withdrawn", "refused", "approved"]
    assert code(partial(decide, short, third)) == "draw.appoint_decided"
    assert code(partial(end, short, second)) == "draw.appoint_not_standing"


def test_once_the_checklist_is_in_nobody_is_appointed_and_no_appointment_ends(short: County) -> None:
    waiting = name(short)
    short.kit.feed(short.service, entered(visit(short).visit, "SJ"))

    assert code(partial(decide, short, waiting)) == "draw.change_visit_entered"
    assert appointing_acts.open_of(short.service, TEAM_LEAD["SJ"], DRAW) == []


def test_an_appointment_stands_once_the_checklist_is_in(short: County) -> None:
    entry = appointed(short)
    short.kit.feed(short.service, entered(visit(short).visit, "SJ"))

    assert code(partial(end, short, entry)) == "draw.change_visit_entered"


def test_the_same_request_gets_the_same_answer_and_says_nothing_twice(short: County) -> None:
    entry = name(short)
    answers = [
        appointing_acts.decide(short.service, HEAD["SJ"], DRAW, entry, key="once", approve=True, words=WORDS).value
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert len(events(short, InspectorAppointed)) == 1


# ── ending, and rounds afterwards ───────────────────────────────────────────────────────────────────────────────────


def test_an_appointment_that_is_ended_stays_on_record_and_opens_the_place(short: County) -> None:
    entry = appointed(short)

    end(short, entry)

    (one,) = entries(short)
    assert (one.state, one.ended_by, one.ended_why) == ("ended", HEAD["SJ"].id, "该同志另有任务。")
    assert (one.decision, one.reason) == (WORDS, WHY)
    (said,) = events(short, AppointmentEnded)
    change = told(short, said.team)  # type: ignore[attr-defined]
    assert (change.team.officers, change.team.appointed, change.left) == (("SJ-02", None), (), (SPARE,))
    assert the_place(short).visit == one.visit


def test_an_appointment_that_two_end_at_once_is_ended_once(short: County, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, read = appointed(short), appointing_acts._read

    def meanwhile(*asked: Any) -> Any:
        monkeypatch.setattr(appointing_acts, "_read", read)
        end(short, entry)
        return read(*asked)

    monkeypatch.setattr(appointing_acts, "_read", meanwhile)

    assert code(partial(end, short, entry)) == "draw.appoint_not_standing"
    assert [one.state for one in entries(short)] == ["ended"]


def test_no_round_replaces_who_was_appointed(short: County) -> None:
    appointed(short)

    refused = code(partial(ask, short, TEAM_LEAD["SJ"], visit(short).visit, "officer_ill", SPARE))

    assert refused == "draw.change_officer_appointed"


def test_a_later_round_keeps_who_was_appointed_in_the_team(short: County) -> None:
    appointed(short)
    asked_and_approved(short, visit(short).visit, "officer_ill", "SJ", "SJ-02")

    number = open_round(short, short.kit.clock.at.replace(hour=23), short.kit.clock.at.replace(hour=23, minute=30))
    finish(short, number, short.kit.clock.at.replace(hour=23, minute=30))

    change = told(short, events(short, InspectorSubstituted)[-1].team)  # type: ignore[attr-defined]
    assert (change.team.officers, change.team.appointed) == ((SPARE, None), (SPARE,))
    assert team(visit(short), "SJ") == [SPARE, "None"]


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_papers_and_the_firms_leaf_say_that_somebody_was_not_drawn(short: County) -> None:
    sheet = short.service.ask(LEAD, drawn_sheet, draw_id=DRAW)
    assert (sheet.appointed, sheet.open) == (False, True)

    appointed(short)

    sheet = short.service.ask(LEAD, drawn_sheet, draw_id=DRAW)
    assert (sheet.appointed, sheet.open) == (True, False)
    shown = passes(short.service, HEAD["SJ"], visit(short).visit)
    assert [(one.officer, one.appointed) for one in shown] == [("SJ-02", False), (SPARE, True)]
    leaf = short.service.ask(short.service.system, drawn_visits, draw_id=DRAW).visit(visit(short).visit)
    assert leaf.appointed == {"SJ": 1}


def test_who_was_appointed_is_handed_the_slip_and_counts_as_sent(short: County) -> None:
    going = person("SJ", Role.INSPECTOR, officer=SPARE)
    system, name_of = short.service.system, visit(short).visit
    assert code(lambda: short.service.ask(system, slip, visit_id=name_of, asker=going)) == "draw.slip_not_for_you"

    appointed(short)

    assert short.service.ask(system, slip, visit_id=name_of, asker=going).visit.visit == name_of
    assert [one.officer for one in passes(short.service, going, name_of)] == [SPARE]
