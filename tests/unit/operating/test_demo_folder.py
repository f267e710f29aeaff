"""`onevisit demo --to DIR` deletes what an earlier demonstration left in DIR, and nothing else, ever."""

from pathlib import Path

import pytest

from onevisit import home as homes
from onevisit.demo import stand
from onevisit.home import HomeBusy, HomeSettings
from tests.unit.operating.conftest import Command


def tree(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def played(to: Path, settings: HomeSettings | None = None) -> Path:
    """Leave in *to* what a demonstration leaves."""
    homes.create(to / "home", settings or HomeSettings(demo=True))
    (to / "draw").mkdir()
    (to / "draw" / "record.json").touch()
    (to / "summary.json").touch()
    return to


def test_an_empty_or_a_new_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for to in (tmp_path / "empty", tmp_path / "new" / "deeper"):
        stand.make_room(to)
        assert tree(to) == {stand.MARK}


def test_an_earlier_demonstration_makes_room(tmp_path: Path) -> None:
    to = played(tmp_path / "demo")

    stand.make_room(to)
    assert tree(to) == {stand.MARK}

    (to / "home").mkdir()  # cut off before it was finished
    stand.make_room(to)
    assert tree(to) == {stand.MARK}


def test_an_earlier_demonstration_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    to = played(tmp_path / "demo")
    running = homes.open_home(to / "home")
    before = tree(to)

    with pytest.raises(HomeBusy):
        stand.make_room(to)
    running.close()

    assert tree(to) == before


def _letters(to: Path) -> None:
    (to / "letters").mkdir(parents=True)
    (to / "letters" / "only-copy.txt").write_text("irreplaceable", encoding="utf-8")


def _beside_a_demonstration(to: Path) -> None:
    played(to)
    (to / "notes.txt").touch()


def _a_real_county(to: Path) -> None:
    played(to, HomeSettings())


def _the_living_county(to: Path) -> None:
    played(to, HomeSettings(demo=True, demo_today="2026-11-21"))


def _a_home_itself(to: Path) -> None:
    homes.create(to, HomeSettings(demo=True))


def _a_summary_of_somebody_else(to: Path) -> None:
    to.mkdir()
    (to / "summary.json").touch()


def _a_marked_folder_with_a_real_county(to: Path) -> None:
    played(to, HomeSettings())
    (to / stand.MARK).touch()


@pytest.mark.parametrize(
    "fill",
    [
        _letters,
        _beside_a_demonstration,
        _a_real_county,
        _the_living_county,
        _a_home_itself,
        _a_summary_of_somebody_else,
        _a_marked_folder_with_a_real_county,
    ],
)
def test_anything_else_is_refused_and_left_as_it_is(fill: object, onevisit: Command, tmp_path: Path) -> None:
    to = tmp_path / "to"
    fill(to)  # type: ignore[operator]
    before = tree(to)

    ran = onevisit("demo", "--to", to)

    assert ran.code == 1
    assert "[demo.folder_not_ours]" in ran.err
    assert "没有删除任何东西" in ran.err
    assert tree(to) == before


def test_a_file_is_no_folder(onevisit: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")

    ran = onevisit("demo", "--to", tmp_path / "file")

    assert (ran.code, (tmp_path / "file").read_text(encoding="utf-8")) == (1, "kept")
