"""Whose receiver is called next."""

from services.notifier.domain.places import Line, Places, read_places, who_is_next
from services.notifier.pushing import PLACES, RULES

SOME = Places(of_all=6, of_slow=2, of_agency=3, slow_seconds=2.0, turn_seconds=2.0)


def line(webhook: str, agency: str, seconds: float = 0.0, county: str = "640221") -> Line:
    return Line(webhook, (county, agency), seconds)


def chosen(waiting: list[Line], called: list[Line] | None = None) -> list[str]:
    return [one.webhook for one in who_is_next(SOME, waiting, called or [])]


def test_whoever_waited_longest_is_called_first_and_no_more_than_there_are_places() -> None:
    waiting = [line(f"w{number}", f"A{number}") for number in range(9)]

    assert chosen(waiting) == ["w0", "w1", "w2", "w3", "w4", "w5"]
    assert chosen(waiting[4:], waiting[:4]) == ["w4", "w5"]
    assert chosen(waiting[6:], waiting[:6]) == []


def test_an_agency_has_its_places_and_no_more_whatever_its_county_is_called_elsewhere() -> None:
    waiting = [line(f"w{number}", "GA") for number in range(5)]

    assert chosen([*waiting, line("x", "JT"), line("y", "GA", county="640222")]) == ["w0", "w1", "w2", "x", "y"]
    assert chosen(waiting[3:], waiting[:3]) == []


def test_the_slow_have_places_of_their_own_and_leave_the_others_alone() -> None:
    slow = [line(f"s{number}", f"S{number}", seconds=2.0) for number in range(8)]

    assert chosen([*slow, line("q", "GA", seconds=1.9)]) == ["s0", "s1", "q"]
    assert chosen([*slow[2:], line("q", "GA")], slow[:2]) == ["q"]


def test_as_written_the_slow_and_one_agency_leave_most_places_to_others() -> None:
    written = {"of_all": 6, "of_slow": 2, "of_agency": 3, "slow_seconds": 2.0, "turn_seconds": 2.0}

    assert read_places(written) == SOME
    assert PLACES.of_slow + PLACES.of_agency < PLACES.of_all
    assert PLACES.slow_seconds < RULES.try_seconds
