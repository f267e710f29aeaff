"""
The attacks of the protocol's first section, each beside a control that shows it working once its guard is taken out.

The simulated county has 110 firms in one cell, of which 10 % are drawn; somebody wants one of them on the list.
"""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verify_draw
from services.drawer.domain import ceremony, faults
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.faults import PreviousStands, ShownAttempt
from services.drawer.domain.manifest import digest
from services.drawer.domain.roster import Officer
from services.drawer.domain.sealing import SealAlreadySet
from services.drawer.domain.seed import BeaconValue, seed
from services.drawer.domain.teams import match
from services.drawer.domain.ticket import target_key, ticket
from tests.property.literal_teams import LiteralTeams
from tests.unit.drawer.draws import AGENCIES, TIMES, a_manifest, a_played_room, a_room, refused, secret
from tests.unit.verifier import forge

FIRMS = [f"E{number:03}" for number in range(110)]
WANTED = FIRMS[0]
DRAWN = 11
DRAWS = 1200
M, CD = secret("manifest"), secret("commits")


def is_drawn(values: dict[str, bytes | None], beacon: bytes | None) -> bool:
    """Tell whether the wanted firm is among the eleven smallest tickets."""
    shown = [] if beacon is None else [BeaconValue("room-dice", 20, beacon)]
    key = target_key(SHA256, seed(SHA256, M, CD, values, shown))
    own = ticket(SHA256, key, WANTED)
    return sum(ticket(SHA256, key, firm) < own for firm in FIRMS) < DRAWN


def share_drawn(play: Callable[[random.Random, dict[str, bytes | None]], bool]) -> float:
    """Play many draws in which five agencies reveal; give the share in which the wanted firm was drawn."""
    chance = random.Random(110)
    found = 0
    for _ in range(DRAWS):
        values: dict[str, bytes | None] = {agency: chance.randbytes(32) for agency in ("AJ", "GA", "JT", "SJ", "ZJ")}
        found += play(chance, values)
    return found / DRAWS


def dice(chance: random.Random) -> bytes:
    return "".join(str(chance.randrange(10)) for _ in range(20)).encode()


HONEST = (0.074, 0.126)  # 10 % ± three standard deviations


def withheld(values: dict[str, bytes | None], agency: str = "ZJ") -> dict[str, bytes | None]:
    return {**values, agency: None}


# ── the last revealer ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_revealer_gains_nothing_because_the_beacon_comes_after_the_seal() -> None:
    def play(chance: random.Random, values: dict[str, bytes | None]) -> bool:
        chosen = values if is_drawn(values, None) else withheld(values)  # all it knows when it has to choose
        return is_drawn(chosen, dice(chance))

    assert HONEST[0] < share_drawn(play) < HONEST[1]


def test_control_without_a_beacon_the_last_revealer_chooses() -> None:
    def play(chance: random.Random, values: dict[str, bytes | None]) -> bool:
        return is_drawn(values, None) or is_drawn(withheld(values), None)

    assert share_drawn(play) > 0.16


def test_nothing_voids_a_sealed_attempt() -> None:
    room = a_played_room()

    for at in (0, TIMES.seal_by + 1, TIMES.window_end + 10**9):
        said = (room.attempt, room.commits, room.countersignatures, room.reveals)
        assert ceremony.ending(*said, True, at) is None
        assert ceremony.ending(room.attempt, {}, {}, {}, True, at) is None


def test_control_whoever_may_void_a_sealed_attempt_four_times_gets_its_firm_drawn() -> None:
    def play(chance: random.Random, values: dict[str, bytes | None]) -> bool:
        return any(is_drawn({**values, "ZJ": chance.randbytes(32)}, dice(chance)) for _ in range(5))

    assert share_drawn(play) > 0.35


# ── an omitted reveal ───────────────────────────────────────────────────────────────────────────────────────────────


def without_the_reveal_of_ga() -> forge.Case:
    """Take GA's reveal out of a sealed and drawn record, and compute everything anew that needs no key of others."""
    case = forge.base()
    del case.record["reveals"]["GA"]
    beacon = case.record["beacons"][0]
    m, cd = forge.manifest_digest(case.manifest), forge.commits_digest(case)
    parts = [beacon["id"], beacon["round"], bytes.fromhex(beacon["value"])]
    case.record["seed"] = case.hasher.th("seed", m, cd, *forge.values(case), *parts).hex()
    forge.draw(case)
    return case


def test_a_reveal_omitted_after_the_seal_is_found_out(tmp_path: Path) -> None:
    report = without_the_reveal_of_ga().verify(tmp_path)

    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (6, "seal.digest")


def test_control_without_the_seal_another_list_would_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw.Ceremony, "seal", lambda self, act, reveals, seal: bytes.fromhex(seal["digest"]))
    case = without_the_reveal_of_ga()

    assert case.verify(tmp_path).exit_code == 0
    assert case.record["selected"] != forge.base().record["selected"]


def test_a_reveal_omitted_before_the_seal_is_published_and_steers_nothing() -> None:
    room = a_room().play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals("AJ", "JT")
    shown = room.reveal("GA")
    room.play_seal("witness")

    fault = faults.omitted_reveal(room.attempt.act(room.commits), room.reveals, "GA", shown)

    assert fault is not None
    assert fault.who == "GA"

    def play(chance: random.Random, values: dict[str, bytes | None]) -> bool:
        chosen = values if is_drawn(values, None) else withheld(values, "GA")
        return is_drawn(chosen, dice(chance))

    assert HONEST[0] < share_drawn(play) < HONEST[1]


# ── a second seal ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_seal_is_refused_and_is_evidence_against_its_signer() -> None:
    room = a_played_room()
    first = room.seal
    assert first is not None
    room.reveals = {agency: room.reveals[agency] for agency in ("AJ", "JT")}
    second = room.sealed(TIMES.seal_by, "witness")

    with refused(SealAlreadySet):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, second, first)
    fault = faults.second_seal(room.attempt.act(room.commits), first, second)
    assert fault is not None
    assert fault.who == "witness"


def test_control_if_a_second_seal_were_taken_the_witness_could_choose() -> None:
    room = a_played_room()
    whole = room.seed()
    room.reveals = {agency: room.reveals[agency] for agency in ("AJ", "JT")}
    second = room.sealed(TIMES.seal_by, "witness")

    ceremony.accept_seal(room.attempt, room.commits, room.reveals, second, None)  # the guard: knowing of the first

    assert room.seed() != whole

    def play(chance: random.Random, values: dict[str, bytes | None]) -> bool:
        beacon = dice(chance)
        return is_drawn(values, beacon) or is_drawn(withheld(values), beacon)

    assert share_drawn(play) > 0.16


# ── a forged attempt ────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_attempt_follows_one_that_was_sealed() -> None:
    first = a_manifest()
    second = a_manifest(attempt=2, prev=digest(first).hex())

    with refused(PreviousStands, draw=first.draw, attempt=2):
        faults.accept_manifest({1: ShownAttempt(digest(first), ended=False)}, second)


def test_control_a_witness_who_takes_the_leads_word_lets_it_draw_again() -> None:
    first = a_manifest()
    second = a_manifest(attempt=2, prev=digest(first).hex())

    assert faults.accept_manifest({1: ShownAttempt(digest(first), ended=True)}, second) == digest(second)


def hidden() -> forge.Case:
    """Leave the first attempt out of the record."""
    case = forge.sample("second-attempt")
    case.record["attempts"] = []
    return case


def told_as_the_first() -> forge.Case:
    """Tell the second attempt as the first, with nobody's signature but one's own."""
    case = forge.sample("second-attempt")
    case.record["attempts"] = []
    case.manifest.update(attempt=1, prev=None)
    case.record["manifest_digest"] = forge.manifest_digest(case.manifest).hex()
    return case


def made_up() -> forge.Case:
    """Say that the attempt before was another one than it was."""
    case = forge.sample("second-attempt")
    case.record["attempts"][0]["manifest"]["plan"] = "0" * 64
    return case


@pytest.mark.parametrize(
    ("start", "place"), [(hidden, "attempts"), (told_as_the_first, "commits.AJ.sig"), (made_up, "manifest.prev")]
)
def test_a_hidden_or_forged_attempt_is_found_out(tmp_path: Path, start: Callable[[], Any], place: str) -> None:
    report = start().verify(tmp_path)

    assert report.difference is not None
    assert report.difference.path == place


@pytest.mark.parametrize("start", [hidden, made_up])
def test_control_without_the_chain_of_attempts_they_would_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[], Any]
) -> None:
    monkeypatch.setattr(verify_draw.Verification, "attempts", lambda self: None)

    assert start().verify(tmp_path).exit_code == 0


def test_control_whoever_holds_every_key_can_tell_it_as_the_first(tmp_path: Path) -> None:
    case = told_as_the_first()
    forge.anew(case)

    assert case.verify(tmp_path).exit_code == 0  # section 16: then trust stays with the people in the room


# ── a missing round ─────────────────────────────────────────────────────────────────────────────────────────────────


def without_the_spent_round() -> forge.Case:
    case = forge.sample("spent-round")
    case.record["spent"] = []
    return case


def without_the_first_round() -> forge.Case:
    case = forge.sample("rounds")
    case.record["replacements"].pop(0)
    return case


@pytest.mark.parametrize("start", [without_the_spent_round, without_the_first_round])
def test_a_missing_round_is_found_out(tmp_path: Path, start: Callable[[], Any]) -> None:
    report = start().verify(tmp_path)

    assert report.difference is not None
    assert (report.difference.section, report.difference.path[:22]) == (11, "replacements and spent")


def test_control_without_the_count_of_rounds_a_spent_one_could_be_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = verify_draw.same

    def same_but_for_numbers(section: int, path: str, recorded: Any, computed: Any) -> None:
        if not path.startswith("replacements and spent"):
            compare(section, path, recorded, computed)

    monkeypatch.setattr(verify_draw, "same", same_but_for_numbers)

    assert without_the_spent_round().verify(tmp_path).exit_code == 0


def test_the_last_round_hidden_is_found_out_by_the_newest_digest_alone(tmp_path: Path) -> None:
    case = forge.sample("rounds")
    newest = case.record["replacements"].pop()["result_digest"]

    assert case.verify(tmp_path).exit_code == 0  # a true record of an earlier moment
    report = case.verify(tmp_path, head=newest)
    assert report.difference is not None
    assert report.difference.path == "--head"


# ── a hand-made pair of newcomers ───────────────────────────────────────────────────────────────────────────────────

SIX_TARGETS: dict[str, list[tuple[str, ...]]] = {f"t{number}": [(), ()] for number in range(6)}
NEWCOMERS = {f"i{number}": ((), 99, 0 if number < 2 else 10) for number in range(8)}


class WithHistoryInFull(LiteralTeams):
    """Section 12 without its guard: earlier visits count as they are."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        least = min(entry[2] for entry in self.roster.values())
        self.start = {name: entry[2] - least for name, entry in self.roster.items()}


def visits_of_the_pair(assigned: Any) -> int:
    visits = Counter(name for team in assigned.values() for name in team)
    return visits["i0"] + visits["i1"]


def test_a_pair_of_newcomers_cannot_be_sent_everywhere() -> None:
    officers = {name: Officer(*entry) for name, entry in NEWCOMERS.items()}
    for number in range(50):
        key = f"{number:032x}"
        teams = match(SHA256, key.encode(), SIX_TARGETS, officers)
        assert visits_of_the_pair(teams.assigned) <= 6  # of twelve; an even share would be three


def test_control_with_history_in_full_the_pair_goes_to_all_six() -> None:
    for number in range(50):
        assigned = WithHistoryInFull(f"{number:032x}", SIX_TARGETS, NEWCOMERS, ()).assign()
        assert visits_of_the_pair(assigned) == 12
