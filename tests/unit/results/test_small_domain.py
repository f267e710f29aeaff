"""Days of visits, who sees a target, files, lights, the summary."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction

import pytest

from schemas.vocabulary import Role
from services.results.domain.files import FileKindRefused, FileTooLarge, content_type_of, fit_name
from services.results.domain.lights import light
from services.results.domain.schedule import (
    NotAWorkingDay,
    OutsideInspectionStage,
    Stage,
    VisitAlreadyEntered,
    check_visit_day,
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


@pytest.mark.parametrize(
    ("today", "due", "left", "colour"),
    [(3, 2, -1, "red"), (2, 2, 0, "yellow"), (1, 5, 2, "yellow"), (1, 9, 3, "green"), (1, None, 9, "grey")],
)
def test_a_duty_has_its_colour(today: int, due: int | None, left: int, colour: str) -> None:
    due_on = date(2018, 12, due) if due else None

    assert light(date(2018, 12, today), due_on, left, 2) == colour


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
