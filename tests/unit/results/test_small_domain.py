"""Days of visits, who sees a target, files, lights, the summary."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction

import pytest

from schemas.vocabulary import Role
from services.results.domain.files import FileKindRefused, FileTooLarge, content_type_of, fit_name
from services.results.domain.lights import day_light, day_to_enter, worst
from services.results.domain.schedule import (
    NotAWorkingDay,
    OutsideInspectionStage,
    Stage,
    VisitAlreadyEntered,
    check_visit_day,
    nearest_day,
)
from services.results.domain.sight import may_see_target, mine_only
from services.results.domain.summary import SectionFigures, percent, rows
from tests.unit.results.world import workdays

STAGE = Stage(date(2018, 12, 10), date(2018, 12, 20), date(2018, 12, 20))
WORKED: Callable[[date], bool] = workdays().is_working_day


def check(day: date, **facts: object) -> tuple[str, ...]:
    given = {"today": date(2018, 12, 10), "entered": False} | facts
    return check_visit_day(day, STAGE, WORKED, **given)  # type: ignore[arg-type]


def test_a_visit_is_on_a_working_day_inside_the_stage() -> None:
    assert check(date(2018, 12, 12)) == ()
    for day in (date(2018, 12, 9), date(2018, 12, 21)):
        with pytest.raises(OutsideInspectionStage):
            check(day)
    with pytest.raises(NotAWorkingDay):
        check(date(2018, 12, 15))
    with pytest.raises(VisitAlreadyEntered):
        check(date(2018, 12, 12), entered=True)


def test_what_may_go_wrong_with_a_day_is_said() -> None:
    assert check(date(2018, 12, 20), busy=1, provisional=True) == (
        "visit.warn_last_day",
        "visit.warn_officers_busy",
        "visit.warn_provisional",
    )
    assert check(date(2018, 12, 11), today=date(2018, 12, 12)) == ("visit.warn_past",)
    weekend = Stage(date(2018, 12, 10), date(2018, 12, 14), None)
    assert check_visit_day(date(2018, 12, 14), weekend, WORKED, today=date(2018, 12, 10), entered=False) == (
        "visit.warn_last_day",
    )


@pytest.mark.parametrize(
    ("agency", "roles", "officer", "sees"),
    [
        ("JT", {Role.PLANNER}, None, True),
        ("JT", {Role.DRAW_OFFICER}, None, True),
        ("JT", {Role.PUBLISHER}, None, False),
        ("JT", {Role.VIEWER}, None, False),
        ("JT", {Role.AGENCY_ADMIN}, None, False),
        ("GA", {Role.PLANNER}, None, False),
        ("GA", {Role.APPROVER}, None, True),
        ("GA", {Role.TEAM_LEAD}, None, True),
        ("GA", {Role.INSPECTOR}, "GA01", True),
        ("GA", {Role.INSPECTOR}, "GA02", False),
        ("GA", {Role.PUBLISHER}, None, False),
        ("NY", {Role.APPROVER}, None, False),
    ],
)
def test_a_target_is_known_to_few_until_it_is_disclosed(
    agency: str, roles: set[Role], officer: str | None, sees: bool
) -> None:
    def asked(disclosed: bool) -> bool:
        return may_see_target(
            agency=agency,
            roles=roles,
            officer=officer,
            lead="JT",
            agencies=["GA", "JT"],
            officers=["GA01", None],
            disclosed=disclosed,
        )

    assert asked(False) is sees
    assert asked(True)


def test_a_mere_inspector_sees_own_visits_only() -> None:
    assert mine_only({Role.INSPECTOR})
    assert not mine_only({Role.INSPECTOR, Role.TEAM_LEAD})


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"\xff\xd8\xff\xe0x", "image/jpeg"), (b"\x89PNG\r\n\x1a\nx", "image/png"), (b"%PDF-1.7", "application/pdf")],
)
def test_a_file_is_what_its_bytes_say(content: bytes, kind: str) -> None:
    assert content_type_of(content) == kind


def test_other_and_too_large_files_are_refused() -> None:
    for content in (b"", b"MZ\x90", b"<svg onload=1>", b"PK\x03\x04"):
        with pytest.raises(FileKindRefused):
            content_type_of(content)
    with pytest.raises(FileTooLarge):
        content_type_of(b"\xff\xd8\xff", largest=2)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("照片 1.JPG", "照片 1.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\图\\a.exe", "a.jpg"),
        ("\x00<>.png", "file.jpg"),
        ("", "file.jpg"),
        ("长" * 200, "长" * 70 + ".jpg"),
    ],
)
def test_names_of_files_are_made_harmless(name: str, kept: str) -> None:
    assert fit_name(name, "image/jpeg") == kept


AT_NOON = time(12)
SHANGHAI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("today", "colour"),
    [
        (date(2018, 12, 17), "green"),
        (date(2018, 12, 18), "yellow"),
        (date(2018, 12, 20), "yellow"),
        (date(2018, 12, 21), "red"),
    ],
)
def test_lights_go_yellow_in_time_and_red_after(today: date, colour: str) -> None:
    now = datetime.combine(today, AT_NOON, SHANGHAI)

    assert day_light(now, date(2018, 12, 20), date(2018, 12, 18)) == colour


def test_what_has_no_day_is_grey_and_what_was_not_counted_is_not_yellow() -> None:
    now = datetime.combine(date(2018, 12, 20), AT_NOON, SHANGHAI)

    assert day_light(now, None, None) == "grey"
    assert day_light(now, date(2018, 12, 20), None) == "green"


def test_a_checklist_is_due_on_the_day_of_the_visit_and_a_returned_one_before_publication() -> None:
    days = {"visit_on": date(2018, 12, 13), "publish_on": date(2018, 12, 31)}

    assert day_to_enter(returned=False, **days) == date(2018, 12, 13)
    assert day_to_enter(returned=True, **days) == date(2018, 12, 31)


def test_a_list_has_the_light_of_its_most_urgent_line() -> None:
    assert worst(["green", "red", "yellow"]) == "red"
    assert worst(["done", "grey"]) == "grey"
    assert worst([]) == "grey"


def test_the_visits_to_look_at_first_are_those_whose_day_has_come_last() -> None:
    days = [date(2018, 12, 12), date(2018, 12, 13), date(2018, 12, 17)]

    assert nearest_day(days, date(2018, 12, 13)) == date(2018, 12, 13)
    assert nearest_day(days, date(2018, 12, 15)) == date(2018, 12, 13)
    assert nearest_day(days, date(2018, 12, 11)) == date(2018, 12, 12)
    assert nearest_day([], date(2018, 12, 11)) is None


def test_the_summary_counts_every_agency_even_one_with_nothing() -> None:
    sections = [
        SectionFigures("JT", "published", ("NO_ISSUE",)),
        SectionFigures("JT", "approved", ("PENDING", "NO_ISSUE")),
        SectionFigures("JT", "submitted"),
        SectionFigures("JT", "open"),
    ]

    jt, ny = rows(["NY", "JT"], sections, [("JT", "closed"), ("JT", "sent")])

    assert (jt.should, jt.entered, jt.approved, jt.published) == (4, 3, 2, 1)
    assert jt.outcomes == {"NO_ISSUE": 2, "PENDING": 1}
    assert (jt.completion, jt.settled) == (Fraction(1, 4), Fraction(1, 2))
    assert (ny.agency, ny.should, ny.completion, ny.settled) == ("NY", 0, Fraction(1), Fraction(1))


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(Fraction(1), "100.0 %"), (Fraction(1, 3), "33.3 %"), (Fraction(2, 3), "66.7 %"), (Fraction(0), "0.0 %")],
)
def test_rates_are_shown_with_one_decimal(rate: Fraction, shown: str) -> None:
    assert percent(rate) == shown
