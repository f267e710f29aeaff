"""Rosters: pids, digests, what is public, and an opening that must be the one committed to."""

from dataclasses import replace

import pytest

from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import SHA256, tagged_hash
from services.drawer.domain.roster import (
    Enrolled,
    Officer,
    Roster,
    RosterDiffers,
    RosterWrong,
    SaltReused,
    SecretWrongSize,
    StaffNumberDoubled,
    check_opening,
    enrol,
    pid,
    read_roster,
    summarise,
)
from services.drawer.domain.shape import ShapeWrong
from tests.unit.drawer.draws import refused, rho, secret

ZHANG = Enrolled("GA01", secret("salt1"), Officer(("enf", "haz"), 3, 1))
LI = Enrolled("GA02", secret("salt2"), Officer(("enf",), 5, 0))
NAMES = [pid(SHA256, one.salt, one.staff_number) for one in (ZHANG, LI)]


def test_enrolled_officers_are_known_by_their_pids() -> None:
    roster, openings = enrol(SHA256, [ZHANG, LI])

    assert roster == dict(zip(NAMES, [ZHANG.officer, LI.officer], strict=True))
    assert openings == dict(zip(NAMES, [ZHANG, LI], strict=True))


def test_an_officer_stands_in_a_roster_once() -> None:
    with refused(StaffNumberDoubled, staff_number="GA01"):
        enrol(SHA256, [ZHANG, LI, replace(ZHANG, salt=secret("other"))])


def test_two_officers_do_not_share_a_salt() -> None:
    with refused(SaltReused, staff_number="GA02"):
        enrol(SHA256, [ZHANG, replace(LI, salt=ZHANG.salt)])


def test_a_short_salt_is_refused() -> None:
    with refused(SecretWrongSize, what="salt", bytes=32):
        pid(SHA256, b"short", "GA01")


def test_a_short_roster_secret_is_refused() -> None:
    with refused(SecretWrongSize, what="roster_secret", bytes=32):
        summarise(SHA256, b"short", Roster({}), {})


def test_the_manifest_says_how_many_and_hides_who() -> None:
    officers, openings = enrol(SHA256, [ZHANG, LI])
    recused = tuple(sorted([(NAMES[0], "E1"), (NAMES[0], "E2"), (NAMES[1], "E1")]))
    pids = {name: [one.staff_number, one.salt.hex()] for name, one in zip(NAMES, [ZHANG, LI], strict=True)}

    found = summarise(SHA256, rho("GA"), Roster(officers, recused), openings)

    assert (found.inspectors, found.capacity, found.recused, found.most_recused) == (2, 8, 3, 2)
    assert found.labels == {"enf": 2, "haz": 1}
    roster = {NAMES[0]: [["enf", "haz"], 3, 1], NAMES[1]: [["enf"], 5, 0]}
    assert found.roster == tagged_hash(SHA256, "roster", rho("GA"), canonical(roster)).hex()
    assert found.recusals == tagged_hash(SHA256, "recusals", rho("GA"), canonical(recused)).hex()
    assert found.pids == tagged_hash(SHA256, "pids", rho("GA"), canonical(pids)).hex()


def test_an_empty_roster_has_a_summary_too() -> None:
    found = summarise(SHA256, rho("GA"), Roster({}), {})

    assert (found.inspectors, found.labels, found.capacity, found.most_recused) == (0, {}, 0, 0)


def test_a_recusal_of_somebody_unknown_is_refused() -> None:
    with refused(RosterWrong, inspector="nobody", reason="unknown_inspector"):
        summarise(SHA256, rho("GA"), Roster({}, (("nobody", "E1"),)), {})


def test_an_opening_must_be_the_roster_committed_to() -> None:
    officers, openings = enrol(SHA256, [ZHANG, LI])
    roster = Roster(officers, ((NAMES[0], "E1"),))
    summary = summarise(SHA256, rho("GA"), roster, openings)

    check_opening(SHA256, summary, rho("GA"), roster)
    with refused(RosterDiffers, part="roster"):
        check_opening(SHA256, summary, rho("JT"), roster)
    with refused(RosterDiffers, part="roster"):
        check_opening(
            SHA256, summary, rho("GA"), Roster({**officers, NAMES[1]: Officer(("enf",), 6, 0)}, roster.recused)
        )
    with refused(RosterDiffers, part="recusals"):
        check_opening(SHA256, summary, rho("GA"), Roster(officers))


def test_a_roster_from_outside_is_read() -> None:
    value = {"roster": {"__proto__": [["enf"], 0, 2**31]}, "recused": [["__proto__", "E1"], ["x", "E0"]]}

    assert read_roster(value) == Roster({"__proto__": Officer(("enf",), 0, 2**31)}, (("__proto__", "E1"), ("x", "E0")))


@pytest.mark.parametrize(
    ("officers", "recused", "where", "reason"),
    [
        ([], [], "roster.roster", "object:0.."),
        ({"a b": [[], 1, 0]}, [], "roster.roster(key)", "identifier"),
        ({"a": [[], 1]}, [], "roster.roster.a", "list:3..3"),
        ({"a": ["x", 1, 0]}, [], "roster.roster.a.0", "list:0..9007199254740991"),
        ({"a": [["项"], 1, 0]}, [], "roster.roster.a.0.0", "identifier"),
        ({"a": [[], True, 0]}, [], "roster.roster.a", "integer:0..2147483648"),
        ({"a": [[], 1, 2**31 + 1]}, [], "roster.roster.a", "integer:0..2147483648"),
        ({}, {}, "roster.recused", "list:0..9007199254740991"),
        ({}, [["a"]], "roster.recused.0", "list:2..2"),
        ({}, [["a", 1]], "roster.recused.0.1", "identifier"),
    ],
)
def test_a_roster_of_another_shape_is_refused(officers: object, recused: object, where: str, reason: str) -> None:
    with refused(ShapeWrong, where=where, reason=reason):
        read_roster({"roster": officers, "recused": recused})


@pytest.mark.parametrize("labels", [["b", "a"], ["a", "a"]])
def test_labels_out_of_order_are_refused(labels: list[str]) -> None:
    with refused(RosterWrong, inspector="i", reason="labels_order"):
        read_roster({"roster": {"i": [labels, 1, 0]}, "recused": []})


@pytest.mark.parametrize("second", [["i", "E2"], ["i", "E1"], ["h", "E3"]])
def test_recusals_out_of_order_are_refused(second: list[str]) -> None:
    with refused(RosterWrong, inspector=second[0], reason="recusals_order"):
        read_roster({"roster": {}, "recused": [["i", "E2"], second]})
