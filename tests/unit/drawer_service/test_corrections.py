"""An imported draw is put right: another version with its reason, confirmed by a second person, and nothing earlier gone."""

import json
from datetime import date, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from runtime.errors import OneVisitError
from runtime.files.sheets import read_sheets, write_sheet
from runtime.service import Reply
from runtime.store import Actor
from runtime.time.timers import run_due
from schemas.documents import TeamChange, WorkList
from schemas.events.draws import DrawDisclosed, DrawImported, ImportCorrected, InspectorSubstituted, TargetReplaced
from schemas.vocabulary import Purpose, Role
from services.drawer import archiving, import_acts
from services.drawer.commands import importing
from services.drawer.commands.importing import Told
from services.drawer.domain.correcting import name_visits
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.imports import ImportView, import_view, public_import
from services.drawer.tables import DrawnVisit
from services.drawer.uploads import Document
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    CAMPAIGN,
    DRAW,
    LEAD,
    OFFICER,
    OPENED,
    WINDOW_END,
    County,
    a_county,
    entered,
    entities,
    plan,
)
from tests.unit.drawer_service.elsewhere import APPROVER, HEADINGS, TOLD, Row, a_list, confirm, drawn, hand_in

WHY = "第三行企业代码抄错，附件2上是另一家"
PROOF = Document("附件2-清晰件.pdf", b"%PDF-1.4 a better scan")
NEXT_DAY = OPENED + timedelta(hours=1)


@pytest.fixture
def imported(county: County) -> County:
    """A county whose draw was imported, an hour ago."""
    hand_in(county, a_list())
    confirm(county)
    county.at(NEXT_DAY)
    return county


def correct(county: County, rows: list[Row], key: str = "correct", actor: Actor = LEAD, **changes: Any) -> Reply:
    """Hand the whole list in again, as it should have been."""
    sheet = ("附件6.xlsx", write_sheet("附件6", HEADINGS, rows))
    told = Told(**(TOLD.__dict__ | changes))
    return import_acts.correct(county.service, actor, DRAW, WHY, told, key=key, sheet=sheet, evidence=PROOF)


def another_of(target: str) -> str:
    """Find a firm of the same category that the list does not name."""
    category = entities()[target]
    return next(one for one in sorted(entities()) if entities()[one] == category and one not in drawn())


def with_target(gone: str, instead: str) -> list[Row]:
    return [[*row[:1], instead, *row[2:]] if row[1] == gone else row for row in a_list()]


def with_officer(place: int) -> tuple[list[Row], str, str]:
    """Send somebody else in one row, who does not lead: (rows, who is not sent, who is)."""
    rows = a_list()
    row = rows[place]
    agency = row[4].partition("-")[0]
    row[3] = row[5]
    came = next(one for one in (f"{agency}-{number:02d}" for number in range(1, 9)) if one not in row)
    left, row[4] = row[4], came
    return rows, left, came


def visit_of(county: County, target: str) -> str:
    listed = county.service.ask(LEAD, drawn_list, draw_id=DRAW)
    return next(one.visit for one in listed if one.target == target and one.removed_in is None)


def since(county: County, before: int) -> list[Any]:
    return said(county.service)[before:]


def code(call: Any, *args: Any, **facts: Any) -> str:
    with pytest.raises(OneVisitError) as refusal:
        call(*args, **facts)
    return refusal.value.code


# ── the way it goes ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistyped_target_gives_its_place_to_the_right_one_and_the_others_stay(imported: County) -> None:
    gone, instead = drawn()[2], another_of(drawn()[2])
    closed, kept = visit_of(imported, gone), visit_of(imported, drawn()[3])
    before = len(said(imported.service))

    reply = correct(imported, with_target(gone, instead))
    assert reply.value == {"draw": DRAW, "import": f"{DRAW}.i2", "corrects": f"{DRAW}.i1", "state": "asked"}
    assert since(imported, before) == []
    assert visit_of(imported, gone) == closed, "nothing moves before a second person has confirmed"
    confirm(imported, key="second")

    replaced, whole = since(imported, before)
    assert isinstance(replaced, TargetReplaced)
    assert (replaced.visit, replaced.instead, replaced.reason) == (closed, f"V-{DRAW[2:]}-12", "import_corrected")
    assert (replaced.corrected, replaced.round) == (True, 1)
    (new,) = WorkList.model_validate_json(imported.kit.blobs.get(replaced.work, "results")).visits
    assert (new.visit, new.target) == (replaced.instead, instead)
    assert isinstance(whole, ImportCorrected)
    assert (whole.correction, whole.replaced, whole.reseated, whole.visits) == (1, 1, 0, 11)
    assert visit_of(imported, instead) == replaced.instead
    assert visit_of(imported, drawn()[3]) == kept
    listed = {one.visit: one for one in imported.service.ask(LEAD, drawn_list, draw_id=DRAW)}
    assert (listed[closed].target, listed[closed].removed_in) == (gone, 1)
    assert listed[replaced.instead].drawn_in == 1


def test_a_mistyped_officer_is_exchanged_in_that_team_alone(imported: County) -> None:
    rows, left, came = with_officer(0)
    visit = visit_of(imported, rows[0][1])
    before = len(said(imported.service))

    correct(imported, rows)
    confirm(imported, key="second")

    changed, whole = since(imported, before)
    assert isinstance(changed, InspectorSubstituted)
    assert (changed.visit, changed.agency, changed.corrected) == (visit, left.partition("-")[0], True)
    told = TeamChange.model_validate_json(imported.kit.blobs.get(changed.team, "notifier"))
    assert (told.left, told.came, told.team.officers) == ((left,), (came,), (rows[0][5], came))
    assert isinstance(whole, ImportCorrected)
    assert (whole.replaced, whole.reseated) == (0, 1)
    teams = {one.visit: one.teams for one in imported.service.ask(LEAD, drawn_list, draw_id=DRAW)}
    assert [team.officers for team in teams[visit] if team.agency == changed.agency] == [(rows[0][5], came)]


def test_a_wrong_day_is_put_right_though_all_was_inspected(imported: County) -> None:
    visits = [one.visit for one in imported.service.ask(LEAD, drawn_list, draw_id=DRAW)]
    imported.kit.feed(imported.service, *[entered(visit, "JT") for visit in visits])
    before = len(said(imported.service))
    imported.at(OPENED + timedelta(days=1))

    correct(imported, a_list(), drawn_on=date(2018, 12, 4), place="paper")
    confirm(imported, key="second")

    (whole,) = since(imported, before)
    assert (whole.drawn_on, whole.replaced, whole.reseated) == (date(2018, 12, 4), 0, 0)
    view = imported.service.ask(OFFICER["GA"], import_view, draw_id=DRAW)
    assert view is not None
    assert (view.place, view.drawn_on) == ("paper", date(2018, 12, 4))


def test_a_correction_that_was_wrong_is_corrected_and_no_visit_is_named_twice(imported: County) -> None:
    gone, instead = drawn()[2], another_of(drawn()[2])
    closed = visit_of(imported, gone)
    correct(imported, with_target(gone, instead), "1")
    confirm(imported, key="second")
    correct(imported, a_list(), "2")
    confirm(imported, key="third")

    assert visit_of(imported, gone) == f"V-{DRAW[2:]}-13" != closed
    (last,) = [one for one in said(imported.service) if isinstance(one, ImportCorrected)][1:]
    assert last.correction == 2
    with imported.service.db.read(imported.service.system) as session:
        rows = session.scalars(select(DrawnVisit).order_by(DrawnVisit.id)).all()
        moved = [(row.target == gone, row.drawn_in, row.removed_in) for row in rows if row.target in (gone, instead)]
    assert sorted(moved, key=str) == sorted([(True, 0, 1), (False, 1, 2), (True, 2, None)], key=str)


def test_of_an_imported_draw_with_rotation_its_own_officers_are_no_last_visitors(kit: Kit) -> None:
    county = a_county(kit, plan(purpose=Purpose.LIVE, rotation=True))
    hand_in(county, a_list())
    confirm(county)
    gone = drawn()[2]

    assert correct(county, with_target(gone, another_of(gone))).value["state"] == "asked"


# ── nothing earlier disappears ──────────────────────────────────────────────────────────────────────────────────────


def shown(county: County, asker: Actor) -> ImportView:
    """Show the import to somebody who sees it."""
    view = county.service.ask(asker, import_view, draw_id=DRAW)
    assert view is not None
    return view


def test_every_version_stays_with_its_list_its_evidence_and_what_became_of_it(imported: County) -> None:
    service, gone = imported.service, drawn()[2]
    assert shown(imported, LEAD).versions == []
    correct(imported, with_target(gone, another_of(gone)), "1")
    confirm(imported, approve=False, key="refused")
    correct(imported, with_target(gone, another_of(gone)), "2")
    waits = shown(imported, APPROVER)
    assert (waits.state, waits.may_decide, waits.waiting is not None) == ("approved", True, True)
    seen = shown(imported, OFFICER["GA"])
    assert (seen.waiting, seen.may_decide, seen.versions) == (None, False, [])
    confirm(imported, key="second")

    view = shown(imported, LEAD)
    told = [(one.version[-2:], one.state, one.correction) for one in view.versions]
    assert told == [("i3", "approved", WHY), ("i2", "refused", WHY), ("i1", "corrected", None)]
    assert import_acts.evidence(service, LEAD, DRAW, f"{DRAW}.i1")[0] == b"%PDF-1.4 annex 2"
    assert import_acts.evidence(service, LEAD, DRAW)[0] == PROOF.content
    for version, target in ((f"{DRAW}.i1", gone), (None, another_of(gone))):
        rows = read_sheets(import_acts.listed(service, LEAD, DRAW, version), "a.xlsx")[0].rows
        assert target in {row.texts[1] for row in rows}
        assert len(rows) == len(a_list()) + 1
    assert [one.state for one in shown(imported, OFFICER["GA"]).versions] == ["approved", "corrected"]
    assert code(import_acts.listed, service, OFFICER["GA"], DRAW, f"{DRAW}.i1") == "draw.evidence_not_for_you"
    assert code(import_acts.listed, service, LEAD, DRAW, "D-640221-2018-009.i1") == "draw.import_unknown"


def test_the_list_that_stands_is_downloaded_put_right_and_handed_in_again(imported: County) -> None:
    content = import_acts.listed(imported.service, LEAD, DRAW)
    rows = [list(row.texts) for row in read_sheets(content, "a.xlsx")[0].rows[1:]]
    gone = drawn()[2]
    rows = [[row[0], another_of(gone), *row[2:]] if row[1] == gone else row for row in rows]

    correct(imported, rows)
    confirm(imported, key="second")

    (whole,) = [one for one in said(imported.service) if isinstance(one, ImportCorrected)]
    assert (whole.replaced, whole.reseated) == (1, 0), "the rows that were left alone changed nothing"


def test_the_open_statement_and_the_archive_tell_of_both_versions(imported: County) -> None:
    gone = drawn()[2]
    correct(imported, with_target(gone, another_of(gone)))
    confirm(imported, key="second")
    imported.at(WINDOW_END)
    service = imported.service

    (opened,) = [one for one in said(service) if isinstance(one, DrawDisclosed)]
    statement = json.loads(imported.kit.blobs.get(opened.record, "planner"))
    assert another_of(gone) in {one for strata in statement["selected"][CAMPAIGN].values() for one in strata}
    (earlier,) = statement["corrected"]
    assert (earlier["import"], earlier["drawn_on"]) == (f"{DRAW}.i1", "2018-12-03")
    assert gone in {one for strata in earlier["selected"][CAMPAIGN].values() for one in strata}
    assert WHY not in json.dumps(statement, ensure_ascii=False), "nothing that was written freely"
    with archiving.archive(service, service.system, DRAW, "full") as file, ZipFile(file) as held:
        names = set(held.namelist())
        second = json.loads(held.read(f"imports/{DRAW}.i2.json"))
        first_list = json.loads(held.read(f"imports/{DRAW}.i1-list.json"))
    assert {f"imports/{DRAW}.i{n}{end}" for n in (1, 2) for end in (".json", ".pdf", "-list.json")} <= names
    assert (second["corrects"], second["correction"]) == (f"{DRAW}.i1", WHY)
    assert gone in {one["target"] for one in first_list["visits"]}
    with archiving.archive(service, service.system, DRAW, "public") as file, ZipFile(file) as held:
        assert not [name for name in held.namelist() if name.startswith("imports/")]
        assert f"{DRAW}.i1" in json.loads(held.read("moments.json"))["corrected"]


def test_a_draw_that_is_open_from_the_start_is_opened_again_as_corrected(kit: Kit) -> None:
    county = a_county(kit, plan(disclosure="open"))
    hand_in(county, a_list())
    confirm(county)
    county.at(NEXT_DAY)
    gone = drawn()[2]
    correct(county, with_target(gone, another_of(gone)))
    confirm(county, key="second")

    run_due(county.service, county.kit.clock.at)
    run_due(county.service, county.kit.clock.at)

    first, second = [one for one in said(county.service) if isinstance(one, DrawDisclosed)]
    assert first.record.digest != second.record.digest
    found = county.service.ask(county.service.system, public_import, draw_id=DRAW)
    assert found is not None
    assert found.statement.digest == second.record.digest
    assert [one["import"] for one in json.loads(kit.blobs.get(second.record, "planner"))["corrected"]] == [f"{DRAW}.i1"]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_inspected_is_neither_taken_away_nor_given_to_others(imported: County) -> None:
    gone = drawn()[2]
    rows, _, _ = with_officer(0)
    imported.kit.feed(imported.service, entered(visit_of(imported, gone), "JT"))
    imported.kit.feed(imported.service, entered(visit_of(imported, rows[0][1]), "GA"))

    with pytest.raises(OneVisitError) as refusal:
        correct(imported, with_target(gone, another_of(gone)), "1")
    assert refusal.value.code == "draw.import_visits_entered"
    assert refusal.value.facts == {"visits": [visit_of(imported, gone)]}
    assert code(correct, imported, rows, "2") == "draw.import_visits_entered"


def test_what_was_inspected_before_the_second_person_looked_stays(imported: County) -> None:
    gone = drawn()[2]
    visit = visit_of(imported, gone)
    correct(imported, with_target(gone, another_of(gone)))
    imported.kit.feed(imported.service, entered(visit, "JT"))
    before = len(said(imported.service))

    assert code(confirm, imported, key="second") == "draw.import_visits_entered"
    assert since(imported, before) == []
    assert visit_of(imported, gone) == visit
    confirm(imported, approve=False, key="refused")


def test_the_same_once_more_is_no_correction(imported: County) -> None:
    service, sheet = imported.service, ("附件6.xlsx", write_sheet("附件6", HEADINGS, a_list()))
    same = Document("附件2.pdf", b"%PDF-1.4 annex 2")

    again = {"sheet": sheet, "evidence": same}
    assert (
        code(import_acts.correct, service, LEAD, DRAW, WHY, TOLD, key="k", **again) == "draw.import_nothing_corrected"
    )
    assert correct(imported, a_list()).value["state"] == "asked", "a better scan is one"


def test_a_list_that_does_not_fit_is_refused_row_by_row_as_the_first_was(imported: County) -> None:
    rows = a_list()
    rows[0][4] = "JT-99"

    assert code(correct, imported, rows) == "draw.import_refused"


def test_the_lead_corrects_and_somebody_else_of_it_confirms(imported: County) -> None:
    rows = with_target(drawn()[2], another_of(drawn()[2]))
    both = person("JT", Role.DRAW_OFFICER, Role.APPROVER, id="both")
    assert code(correct, imported, rows, "1", OFFICER["GA"]) == "draw.import_unknown"
    assert code(correct, imported, rows, "2", APPROVER) == "draw.lead_only"
    correct(imported, rows, "3", both)

    assert code(confirm, imported, both, key="a") == "draw.import_by_same_person"
    assert code(correct, imported, rows, "4") == "draw.import_waiting"
    imported.service.do(LEAD, importing.withdraw_import, key="take back", draw_id=DRAW)
    assert code(confirm, imported, key="b") == "draw.import_decided"
    correct(imported, rows, "5")
    assert confirm(imported, key="c").value == confirm(imported, key="c").value
    assert len([one for one in said(imported.service) if isinstance(one, ImportCorrected)]) == 1


def test_what_does_not_stand_and_what_is_over_is_not_corrected(county: County) -> None:
    rows = with_target(drawn()[2], another_of(drawn()[2]))
    hand_in(county, a_list())
    assert code(correct, county, rows, "1") == "draw.import_unknown"
    confirm(county)
    assert code(correct, county, rows, "2", drawn_on=date(2018, 12, 9)) == "draw.import_day_wrong"
    correct(county, rows, "3")
    county.at(WINDOW_END)

    assert code(confirm, county, key="late") == "draw.import_after_window"
    county.service.do(LEAD, importing.withdraw_import, key="take back", draw_id=DRAW)
    assert code(correct, county, rows, "4") == "draw.import_after_window"
    assert len([one for one in said(county.service) if isinstance(one, DrawImported)]) == 1


def test_names_of_visits_grow_with_their_number() -> None:
    named = name_visits(["b", "a", "c"], {"a": "V-07"}, stem="V-", taken=98)

    assert named == {"b": "V-099", "a": "V-07", "c": "V-100"}
