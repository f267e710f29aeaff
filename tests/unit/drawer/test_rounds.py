"""Replacement rounds: asked for with reasons, signed by those they concern, drawn afresh, and nobody else is moved."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.drawer.checking import verify as verify_record
from services.drawer.domain import frame, record, replacing, requests, rounds
from services.drawer.domain.beacons import BeaconUnexpected
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.manifest_rules import BeaconWrong
from services.drawer.domain.outcome import RosterMissing
from services.drawer.domain.record import RoundsBroken
from services.drawer.domain.requests import Removal, Request, RequestWrong, RoundTimes, RoundTimesWrong, TooManyRemovals
from services.drawer.domain.roster import Roster
from services.drawer.domain.rounds import Ending, RoundNotSigned, RoundNumberWrong, RoundsUsedUp
from services.drawer.domain.sealing import (
    AlreadySaid,
    NotAnAgency,
    RevealTooLate,
    RevealWrong,
    SealAlreadySet,
    SealDiffers,
    SealTooLate,
    SignatureWrong,
    TooManyMissing,
    WrongSigners,
)
from services.drawer.domain.selection import Selected
from services.drawer.domain.standing import Standing
from services.drawer.domain.ticket import target_key, ticket
from tests.unit.drawer.draws import (
    AGENCIES,
    TIMES,
    a_played_room,
    a_room,
    as_plain,
    entities,
    frame_of,
    openings,
    refused,
    rosters,
)
from tests.unit.drawer.replaced import (
    DICE,
    EVIDENCE,
    ROUND_TIMES,
    RoundRoom,
    a_dropout,
    a_played_round,
    a_removal,
    a_request,
    a_round,
    a_signed_round,
    a_target,
    outcome_of,
    proceedings,
    standing_of,
)
from verify_draw import verify as verify_alone

ROOM = a_played_room()
STANDING = standing_of(ROOM)


# ── what may be asked ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "where", "reason"),
    [
        ({"removed": (), "dropouts": ()}, "rho", "empty"),
        ({"removed": (a_removal(STANDING),) * 2}, "removed", "not_ascending"),
        ({"dropouts": (a_dropout(STANDING),) * 2}, "dropouts", "not_ascending"),
        ({"removed": (a_removal(STANDING, reason="boring"),)}, "removed.0", "unknown_reason"),
        ({"dropouts": (a_dropout(STANDING, reason="boring"),)}, "dropouts.0", "unknown_reason"),
        ({"removed": (a_removal(STANDING, id="E999"),)}, "removed.0", "not_selected"),
        ({"dropouts": (a_dropout(STANDING, inspector="0" * 64),)}, "dropouts.0", "not_assigned"),
        ({"dropouts": (a_dropout(STANDING, agency="SJ"),)}, "dropouts.0", "not_assigned"),
        ({"removed": (a_removal(STANDING, id=a_dropout(STANDING).id),)}, "dropouts.0", "target_removed"),
        ({"beacons": ()}, "beacons", "no_beacon"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_asks_for_what_it_can_have(changes: Any, where: str, reason: str) -> None:
    with refused(RequestWrong, where=where, reason=reason):
        a_round(ROOM, **changes)


@pytest.mark.parametrize(
    ("times", "facts"),
    [
        (RoundTimes(TIMES.beacon_time - 1, ROUND_TIMES.beacon_time), ("beacon_time", "seal_by", 0)),
        (RoundTimes(TIMES.beacon_time, TIMES.beacon_time + 599), ("seal_by", "beacon_time", 600)),
    ],
)
def test_a_round_keeps_to_the_order_of_times(times: RoundTimes, facts: tuple[str, str, int]) -> None:
    with refused(RoundTimesWrong, earlier=facts[0], later=facts[1], gap=facts[2]):
        a_round(ROOM, times=times)


def test_a_round_may_seal_at_the_very_moment_of_the_beacon_before() -> None:
    assert a_round(ROOM, times=RoundTimes(TIMES.beacon_time, TIMES.beacon_time + 600)).one.number == 1


@pytest.mark.parametrize(
    ("beacons", "reason"),
    [
        ((Beacon("drand-quicknet", 1),), "too_early"),
        ((DICE, Beacon("chain:JT", 0, anchor="a" * 64, index=1)), "holder_is_agency"),
        ((DICE, Beacon("chain:bank", 0, anchor="a" * 64, index=1_000_001)), "too_long"),
    ],
)
def test_a_rounds_beacons_are_judged_like_the_draws(beacons: Any, reason: str) -> None:
    times = RoundTimes(1_800_000_000, 1_800_000_600)
    with refused(BeaconWrong, beacon=beacons[-1].id, reason=reason):
        a_round(ROOM, beacons=beacons, times=times)


def test_rounds_are_numbered_one_two_three_and_end_with_the_chain() -> None:
    with refused(RoundNumberWrong, round=2, expected=1):
        rounds.open_round(ROOM.attempt, ROOM.commits, STANDING, 2, a_request(STANDING), 0)
    with refused(RoundsUsedUp, round=4, chain_len=3):
        rounds.open_round(ROOM.attempt, ROOM.commits, STANDING, 4, a_request(STANDING), 3)


def test_more_removals_than_the_manifest_allows_cannot_be_sealed() -> None:
    room = a_played_room(replacement=replace(ROOM.attempt.manifest.replacement, max=0))
    one = a_round(room).play_signatures(*AGENCIES, "witness").play_reveals(*AGENCIES)

    with refused(TooManyRemovals, asked=1, allowed=0):
        one.play_seal("witness")


def test_a_request_is_read_back_as_it_was_written() -> None:
    beacons = (Beacon("lottery:3d", 7, digits=3), Beacon("chain:bank", 0, anchor="e" * 64, index=9))
    for asked in (a_request(STANDING), a_request(STANDING, beacons=beacons), a_request(STANDING, beacons=())):
        assert requests.read_request(as_plain(asked.as_json())) == asked


# ── who signs, reveals, seals ───────────────────────────────────────────────────────────────────────────────────────


def test_a_round_is_signed_by_everybody_it_concerns_and_by_two_agencies() -> None:
    gone = a_request(STANDING, dropouts=())
    one = a_round(ROOM, dropouts=())
    needed = {ROOM.attempt.manifest.lines[line] for line in STANDING.kinds[a_target(STANDING)].lines}

    assert set(one.one.unsigned({})) == {*needed, "witness"}
    assert requests.signers(ROOM.attempt.manifest, STANDING, gone) == needed
    only_jt = a_round(ROOM, removed=())
    assert only_jt.one.unsigned({}) == ("JT", "witness")
    only_jt.play_signatures("JT", "witness")
    with refused(RoundNotSigned, absent=(), agencies_needed=2):
        only_jt.play_reveals("JT")
    only_jt.play_signatures("GA").play_reveals("JT")


def test_without_the_witness_nothing_is_replaced() -> None:
    with refused(RoundNotSigned, absent=("witness",), agencies_needed=2):
        a_round(ROOM).play_signatures(*AGENCIES).play_reveals("AJ")
    with refused(RoundNotSigned, absent=("AJ", "GA", "JT", "witness"), agencies_needed=2):
        rounds.accept_seal(a_round(ROOM).one, {}, {}, a_round(ROOM).sealed(1, "witness"))


def test_a_signature_under_a_request_is_that_of_its_signer() -> None:
    one = a_round(ROOM)

    with refused(SignatureWrong, who="AJ", what="removal"):
        rounds.accept_signature(one.one, {}, "AJ", one.signature("GA"))
    with refused(SignatureWrong, who="witness", what="removal"):
        rounds.accept_signature(one.one, {}, "witness", one.signature("GA"))
    with refused(NotAnAgency, agency="SJ"):
        rounds.accept_signature(one.one, {}, "SJ", one.signature("SJ"))
    with refused(AlreadySaid, agency="AJ", what="removal"):
        one.play_signatures("AJ", "AJ")
    other = a_round(ROOM, removed=(a_removal(STANDING, evidence="f" * 64),))
    with refused(SignatureWrong, who="AJ", what="removal"):
        rounds.accept_signature(one.one, {}, "AJ", other.signature("AJ"))


def test_without_a_witness_nobody_signs_as_one() -> None:
    room = a_room(witness=None).play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals(*AGENCIES)
    room.play_seal("AJ", "JT").play_dice("AJ", "JT")
    one = a_round(room)

    with refused(WrongSigners, what="removal", needed="agencies", there=["witness"]):
        one.play_signatures("witness")
    one.play_signatures(*AGENCIES).play_reveals(*AGENCIES).play_seal("AJ", "GA").play_dice("GA", "JT")
    assert one.replaced().after.removed == {a_target(standing_of(room))}


@pytest.mark.parametrize("link", [0, 2, 3])
def test_only_this_rounds_link_of_the_chain_opens_it(link: int) -> None:
    one = a_signed_round()

    with refused(RevealWrong, agency="AJ"):
        new = one.reveal("AJ", one.chain_value("AJ", link))
        rounds.accept_reveal(one.one, one.signatures, {}, "AJ", new, 0)


def test_a_chain_value_opens_also_where_the_secret_never_came() -> None:
    room = a_room().play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals("AJ", "JT")
    room.play_seal("witness").play_dice("witness")

    one = a_round(room).play_signatures(*AGENCIES, "witness").play_reveals(*AGENCIES)

    assert set(one.reveals) == set(AGENCIES)


def test_reveals_and_seal_of_a_round_keep_their_time_and_list() -> None:
    one = a_signed_round().play_reveals("AJ", "JT")
    seal_by = ROUND_TIMES.seal_by

    with refused(RevealTooLate, agency="GA", at=seal_by, seal_by=seal_by, sealed=False):
        rounds.accept_reveal(one.one, one.signatures, one.reveals, "GA", one.reveal("GA"), seal_by)
    with refused(SealTooLate, at=seal_by + 1, seal_by=seal_by):
        rounds.accept_seal(one.one, one.signatures, one.reveals, one.sealed(seal_by + 1, "witness"))
    with refused(SealDiffers):
        rounds.accept_seal(one.one, one.signatures, {**one.reveals, "GA": one.reveal("GA")}, one.sealed(5, "witness"))
    with refused(SignatureWrong, who="witness", what="seal"):
        rounds.accept_seal(one.one, one.signatures, one.reveals, replace(one.sealed(5, "witness"), at=6))
    one.play_seal("witness")  # one missing is allowed, and a round has no reveal_close to wait for
    with refused(SealAlreadySet):
        rounds.accept_seal(one.one, one.signatures, one.reveals, one.sealed(5, "witness"), one.seal)
    with refused(RevealTooLate, agency="GA", at=5, seal_by=seal_by, sealed=True):
        rounds.accept_reveal(one.one, one.signatures, one.reveals, "GA", one.reveal("GA"), 5, sealed=True)


def test_too_few_reveals_close_no_round() -> None:
    one = a_signed_round().play_reveals("AJ")

    with refused(TooManyMissing, absent=("GA", "JT"), max_missing=1):
        one.play_seal("witness")


def test_the_dice_of_the_draw_are_not_the_dice_of_the_round() -> None:
    one = a_signed_round().play_reveals(*AGENCIES).play_seal("witness")

    with refused(SignatureWrong, who="witness", what="dice"):
        rounds.accept_beacon(one.one, one.seal, (), ROOM.beacons[0], ROUND_TIMES.beacon_time)
    with refused(BeaconUnexpected, beacon="room-dice", round=20):
        one.one.seed(one.reveals, ())


def test_when_a_round_is_spent_and_who_was_absent() -> None:
    one, late = a_round(ROOM), ROUND_TIMES.seal_by + 1

    def ended(at: int = late, sealed: bool = False) -> Ending | None:
        return rounds.ending(one.one, one.signatures, one.reveals, sealed, at)

    assert ended(late - 1) is None
    assert ended(sealed=True) is None
    assert ended() == Ending("signature missing", ("AJ", "GA", "JT", "witness"))
    one.play_signatures(*AGENCIES, "witness").play_reveals("AJ")
    assert ended() == Ending("too many reveals missing", ("GA", "JT"))
    one.play_reveals("GA")
    assert ended() == Ending("no seal in time", ("witness",))


def test_a_round_without_a_witness_that_too_few_agencies_sealed_names_the_others() -> None:
    room = a_room(witness=None).play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals(*AGENCIES)
    one = a_round(room.play_seal("AJ", "GA").play_dice("AJ", "GA")).play_signatures(*AGENCIES).play_reveals(*AGENCIES)

    ended = rounds.ending(one.one, one.signatures, one.reveals, False, ROUND_TIMES.seal_by + 1, signed_seal=["GA"])

    assert ended == Ending("no seal in time", ("AJ", "JT"))


# ── what it does ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_removed_target_is_replaced_by_the_smallest_new_ticket_of_its_stratum() -> None:
    one = a_played_round(ROOM)
    done, gone = one.replaced(), a_target(STANDING)
    key = target_key(SHA256, done.after.seed)
    ever = STANDING.ever["joint"] | {gone}
    left = [name for name, kind in entities().items() if kind.stratum == "A/x" and name not in ever]
    expected = min(left, key=lambda name: ticket(SHA256, key, name))

    assert done.selected["joint"]["A/x"] == [expected]
    assert gone not in done.after.strata
    assert done.after.strata.keys() == STANDING.strata.keys() - {gone} | {expected} | set(
        done.selected.get("more", {}).get("A/x", [])
    )
    assert done.after.removed == {gone}


def test_nobody_who_stands_is_moved_and_who_dropped_out_does_not_come_back() -> None:
    done, drop = a_played_round(ROOM).replaced(), a_dropout(STANDING)

    for agency, teams in STANDING.assigned.items():
        for target, team in teams.items():
            if target == a_target(STANDING):
                assert target not in done.after.assigned[agency]
            elif (agency, target) != ("JT", drop.id):
                assert done.after.assigned[agency][target] == team
    team = done.after.assigned["JT"][drop.id]
    assert team[1:] == STANDING.assigned["JT"][drop.id][1:]
    assert team[0] not in (None, drop.inspector)
    assert (drop.inspector, drop.id) in done.after.recused["JT"]


def test_where_nobody_is_left_fewer_are_drawn() -> None:
    few = {name: kind for name, kind in entities().items() if kind.stratum != "B" or name in ("E040", "E041")}
    census = frame.survey(SHA256, frame_of(few))
    standing = replace(
        STANDING,
        selected={"joint": {"B": ["E040", "E041"]}, "more": {"B": ["E040", "E041"]}},
        ever={"joint": frozenset(("E040", "E041")), "more": frozenset(("E040", "E041"))},
        kinds=few,
    )
    request = a_request(STANDING, dropouts=(), removed=(a_removal(STANDING, id="E040"),))

    selected, after = replacing.draw_targets(ROOM.attempt.manifest, frame_of(few), census, standing, request, bytes(32))

    assert selected == {"joint": {"B": []}, "more": {"B": []}}
    assert after.selected == {"joint": {"B": ["E041"]}, "more": {"B": ["E041"]}}


def test_a_slot_that_nobody_can_take_stays_open_in_a_round() -> None:
    one = a_played_round(ROOM)
    nobody = {
        agency: Roster({name: replace(it, cap=0) for name, it in found.officers.items()})
        for agency, found in rosters().items()
    }
    request, drop = one.one.request, a_dropout(STANDING)

    done = replacing.replace(
        ROOM.attempt.manifest, frame_of(entities()), outcome_of(ROOM).census, STANDING, request, bytes(32), nobody
    )

    assert done.after.assigned["JT"][drop.id][0] is None
    new = done.selected["joint"]["A/x"][0]
    assert done.after.assigned["JT"][new] == (None, None)


def test_a_round_without_a_roster_is_refused_where_there_is_work() -> None:
    request = a_request(STANDING)

    with refused(RosterMissing, agency="AJ"):
        replacing.replace(
            ROOM.attempt.manifest, frame_of(entities()), outcome_of(ROOM).census, STANDING, request, bytes(32), {}
        )


# ── in the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def three_rounds() -> tuple[Any, Any]:
    """Play a first round, spend a second, play a third; give both editions."""
    one = a_played_round(ROOM)
    first = one.replaced().after
    later = RoundTimes(ROUND_TIMES.beacon_time, ROUND_TIMES.beacon_time + 600)
    asked = {"times": later, "dropouts": (), "removed": (a_removal_after(first),)}
    second = a_round(ROOM, 2, first, **asked).play_signatures("AJ", "JT")
    third: RoundRoom = a_round(ROOM, 3, first, **asked).play_signatures(*AGENCIES, "witness")
    third.play_reveals("AJ", "JT").play_seal("witness").play_dice("witness", digits=b"14142135623730950488")
    said = proceedings(ROOM, one.closed(), third.closed(), spent=(second.spent(),))
    found = outcome_of(ROOM)
    return (
        record.full_record(ROOM.attempt, said, found, openings()),
        record.public_record(ROOM.attempt, said, found),
    )


def a_removal_after(standing: Standing) -> requests.Removal:
    return requests.Removal(sorted(standing.strata)[0], "moved_out", EVIDENCE)


def test_a_record_with_rounds_is_accepted_by_both_checks_in_both_editions(tmp_path: Any) -> None:
    content = frame.serialise("s1", entities())
    (tmp_path / "frame.tsv").write_bytes(content)

    for edition in three_rounds():
        written = record.to_bytes(edition)
        (tmp_path / "record.json").write_bytes(written)
        own = verify_record(written, [content])
        alone = verify_alone(str(tmp_path / "record.json"), [str(tmp_path / "frame.tsv")])

        assert (own.rounds, own.not_checked) == (2, ())
        assert own.result_digest == edition["replacements"][1]["result_digest"]
        assert (alone.exit_code, alone.difference) == (0, None)


def test_a_records_rounds_are_one_two_three() -> None:
    one = a_played_round(ROOM)
    for rounds_, spent, number in (
        ((replace(one.closed(), number=2),), (), 1),
        ((one.closed(), one.closed()), (), 1),
        ((one.closed(),), (one.spent(),), 2),
        ((one.closed(),), (replace(one.spent(), number=3),), 2),
    ):
        with refused(RoundsBroken, round=number):
            record.full_record(ROOM.attempt, proceedings(ROOM, *rounds_, spent=spent), outcome_of(ROOM), openings())


def test_a_spent_round_says_why() -> None:
    with refused(record.ReasonMissing, what="spent"):
        said = proceedings(ROOM, spent=(a_round(ROOM).spent(""),))
        record.full_record(ROOM.attempt, said, outcome_of(ROOM), openings())


def test_a_round_says_nothing_of_the_rosters() -> None:
    public = json.dumps(as_plain(three_rounds()[1]))

    assert "roster" not in json.loads(public)["replacements"][0]
    assert '"rho": "' not in public


def test_whom_every_selection_drew_instead_is_paired_with_who_is_gone() -> None:
    before = {"a": {"A/x": ["t1", "t2"], "B/x": ["t3"]}, "b": {"A/x": ["t2", "t9"]}}
    drawn: Selected = {"a": {"A/x": ["n2", "n1"], "B/x": []}, "b": {"A/x": ["n3"]}}
    gone = tuple(Removal(one, "moved_out", EVIDENCE) for one in ("t1", "t2", "t3"))

    pairs = replacing.instead_of(before, Request((), (), gone, ROUND_TIMES), drawn)

    # In selection a t1 and t2 are gone, in b t2 alone: with one visit for each removal n3 would have been lost.
    assert pairs == {"t1": ("n2",), "t2": ("n1", "n3"), "t3": ()}
