"""
Every way to tamper with a record is refused with exit 1, and the difference is named by section and place.

Most edits are made self-consistent by signing and computing anew what comes after them, so that only the rule under
test can refuse them: whoever tampers holds the keys.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier import forge, test_rounds
from tests.unit.verifier.forge import Case

Edit = Callable[[Case], Any]
EDITS: list[Any] = []


def tampering(section: int, place: str, start: Callable[[], Case] = forge.base) -> Callable[[Edit], Edit]:
    """Register an edit of a record, with the section and the place that the verifier must name."""

    def register(edit: Edit) -> Edit:
        EDITS.append(pytest.param(start, edit, section, place, id=edit.__name__))
        return edit

    return register


def flip(text: str) -> str:
    """Change the first hex character."""
    return ("1" if text[0] == "0" else "0") + text[1:]


@pytest.mark.parametrize(
    ("start", "edit", "section", "place"), EDITS
)  # the list fills up below, before collection ends
def test_tampering_is_refused_and_named(
    tmp_path: Path, start: Callable[[], Case], edit: Edit, section: int, place: str
) -> None:
    case = start()
    edit(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 1
    assert report.difference is not None
    assert (report.difference.section, place in report.difference.path) == (section, True), report.difference


def test_the_records_that_forgeries_start_from_are_accepted(tmp_path: Path) -> None:
    for number, start in enumerate((forge.base, unwitnessed, second, public, no_beacon)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert start().verify(folder).exit_code == 0


@pytest.mark.parametrize("name", sorted(forge.base().manifest))
def test_no_field_of_the_manifest_can_be_changed_without_its_digest(tmp_path: Path, name: str) -> None:
    case = forge.base()
    other = {
        "v": "JIDRAW/2", "hash": "sm3", "draw": "PL-2018-002", "attempt": 2, "prev": "0" * 64, "purpose": "rehearsal",
        "parent": {"manifest": "0" * 64, "result": "0" * 64}, "lead": "GA", "disclosure": "open", "base_from": ["0" * 64],
    }  # fmt: skip
    value = case.manifest[name]
    if name in other:
        case.manifest[name] = other[name]
    elif isinstance(value, str):
        case.manifest[name] = flip(value)
    elif isinstance(value, int):
        case.manifest[name] = value + 1
    elif isinstance(value, list):
        value.append(value[0])
    else:
        value.pop(sorted(value)[0])

    report = case.verify(tmp_path)

    assert report.difference is not None
    places = (14, "v") if name == "v" else (4, "manifest_digest")
    if name in {"frame", "times", "replacement", "witness"}:  # taking a field away changes the shape
        places = (14, name)
    assert report.difference.section == places[0]
    assert places[1] in report.difference.path


# --- other starting points -------------------------------------------------------------------------------------------


def unwitnessed() -> Case:
    """A record without a witness, a reveal of SJ missing."""
    return forge.without_rounds("unwitnessed")


def second() -> Case:
    """A second attempt, with the first one in the record."""
    return forge.sample("second-attempt")


def no_beacon() -> Case:
    """A rehearsal without a beacon."""
    return forge.sample("rehearsal")


def public() -> Case:
    """A public edition."""
    return forge.without_rounds("public")


# --- section 4: the manifest -----------------------------------------------------------------------------------------


@tampering(4, "manifest_digest")
def manifest_digest_of_another(case: Case) -> None:
    case.record["manifest_digest"] = flip(case.record["manifest_digest"])


@tampering(4, "manifest.prev")
def first_attempt_with_a_prev(case: Case) -> None:
    case.manifest["prev"] = "0" * 64
    forge.anew(case)


@tampering(4, "manifest.prev", second)
def second_attempt_without_a_prev(case: Case) -> None:
    case.manifest["prev"] = None
    forge.anew(case)


@tampering(4, "manifest.lead")
def lead_that_is_no_agency(case: Case) -> None:
    case.manifest["lead"] = "ZZ"
    forge.anew(case)


@tampering(4, "manifest.agencies")
def two_agencies_with_one_key(case: Case) -> None:
    case.manifest["agencies"]["GA"]["key"] = case.manifest["agencies"]["AJ"]["key"]
    forge.anew(case)


@tampering(14, "manifest.agencies.witness")
def agency_called_witness(case: Case) -> None:
    case.manifest["agencies"]["witness"] = case.manifest["agencies"]["AJ"]


@tampering(4, "manifest.witness")
def witness_with_the_key_of_an_agency(case: Case) -> None:
    case.manifest["witness"]["key"] = case.manifest["agencies"]["AJ"]["key"]
    forge.anew(case)


@tampering(4, "manifest.witness")
def witness_that_is_an_agency_by_name(case: Case) -> None:
    case.manifest["witness"]["name"] = "AJ"
    forge.anew(case)


@tampering(4, "manifest.witness", lambda: forge.without_rounds("single"))
def one_agency_and_no_witness(case: Case) -> None:
    case.manifest["witness"] = None
    forge.anew(case)


@tampering(4, "manifest.max_missing")
def too_many_may_be_missing(case: Case) -> None:
    case.manifest["max_missing"] = 2
    forge.anew(case)


@tampering(4, "manifest.beacons")
def live_draw_without_a_beacon(case: Case) -> None:
    case.manifest["beacons"] = []
    forge.anew(case)


@tampering(4, "manifest.slots.GA")
def agency_without_slots(case: Case) -> None:
    del case.manifest["slots"]["GA"]
    forge.commit(case)


@tampering(4, "manifest.rosters.GA")
def agency_without_a_roster(case: Case) -> None:
    del case.manifest["rosters"]["GA"]
    forge.commit(case)


@tampering(4, "manifest.selections")
def selections_out_of_order(case: Case) -> None:
    case.manifest["selections"].reverse()
    forge.anew(case)


@tampering(4, "manifest.selections")
def selection_listed_twice(case: Case) -> None:
    case.manifest["selections"].append(case.manifest["selections"][-1])
    forge.commit(case)


@tampering(4, "manifest.selections.joint.lines")
def selection_with_a_line_of_nobody(case: Case) -> None:
    case.manifest["selections"][0]["lines"].append("ZZ-01")
    forge.commit(case)


@tampering(4, "manifest.lines")
def frame_with_a_line_of_nobody(case: Case) -> None:
    del case.manifest["lines"]["GA-01"]
    case.manifest["selections"][0]["lines"].remove("GA-01")
    forge.commit(case)


@tampering(9, "manifest.selections.joint.rules.A.rate")
def rate_above_one(case: Case) -> None:
    case.manifest["selections"][0]["rules"]["A"] = {"rate": [3, 2]}
    forge.commit(case)


@tampering(9, "manifest.selections.joint.rules.A")
def rate_with_min_above_max(case: Case) -> None:
    case.manifest["selections"][0]["rules"]["A"] = {"rate": [1, 2], "min": 3, "max": 2}
    forge.commit(case)


@tampering(14, "manifest.selections[0].rules.A")
def rule_of_two_forms(case: Case) -> None:
    case.manifest["selections"][0]["rules"]["A"] = {"rate": [1, 2], "count": 3}


@tampering(4, "manifest.selections.joint.rules")
def class_without_a_rule(case: Case) -> None:
    del case.manifest["selections"][0]["rules"]["A"]
    forge.commit(case)


@tampering(4, "manifest.selections.joint.rules.A")
def staged_draw_that_draws_again(case: Case) -> None:
    case.manifest["parent"] = {"manifest": "0" * 64, "result": "1" * 64}
    forge.commit(case)


@tampering(4, "manifest.sizes.joint.B[0]")
def size_of_a_class(case: Case) -> None:
    case.manifest["sizes"]["joint"]["B"][0] += 1
    forge.commit(case)


@tampering(4, "manifest.sizes.joint.B[1]")
def quota_of_a_class(case: Case) -> None:
    case.manifest["sizes"]["joint"]["B"][1] += 1
    forge.commit(case)


@tampering(4, "manifest.sizes.joint.B")
def class_left_out_of_the_sizes(case: Case) -> None:
    del case.manifest["sizes"]["joint"]["B"]
    forge.commit(case)


@tampering(4, "manifest.sizes.plus.Z")
def empty_class_in_the_sizes(case: Case) -> None:
    case.manifest["sizes"]["plus"]["Z"] = [0, 0]
    forge.commit(case)


@tampering(4, "manifest.sizes.ghost")
def sizes_of_a_selection_that_is_not_there(case: Case) -> None:
    case.manifest["sizes"]["ghost"] = {"B": [1, 1]}
    forge.commit(case)


@pytest.mark.parametrize(
    ("name", "time", "named"),
    [
        ("published", 1543886401, "commit_close"),
        ("commit_close", 1543887000, "reveal_close"),
        ("reveal_close", 1543887301, "seal_by"),
        ("seal_by", 1543887301, "beacon_time"),
        ("beacon_time", 1543887899, "beacon_time"),
        ("window_end", 1543887899, "window_end"),
    ],
)
def test_times_out_of_order_are_refused(tmp_path: Path, name: str, time: int, named: str) -> None:
    case = forge.base()
    case.manifest["times"][name] = time
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (4, f"manifest.times.{named}")


# --- section 2: the frame --------------------------------------------------------------------------------------------


def of_frame(case: Case, change: Callable[[list[bytes]], Any], announce: bool = True) -> None:
    """Change the rows of the larger shard, and announce it as it is then."""
    rows = case.frames["frame-640221.tsv"].splitlines(keepends=True)
    change(rows)
    case.frames["frame-640221.tsv"] = b"".join(rows)
    if announce:
        forge.reframe(case)
        forge.commit(case)


@tampering(2, "frame-640221.tsv")
def one_byte_of_a_frame(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].replace(b"HY", b"KY").replace(b"KY", b"KZ")), False)


@tampering(2, "frame-640221.tsv")
def row_left_out_of_a_frame(case: Case) -> None:
    of_frame(case, lambda rows: rows.pop(5), False)


@tampering(2, "frame-640222.tsv")
def frame_of_another_draw(case: Case) -> None:
    case.frames["frame-640222.tsv"] = b"X\tA\tAJ-01\n"


@tampering(2, "spare.tsv")
def frame_that_belongs_nowhere(case: Case) -> None:
    case.frames["spare.tsv"] = b""


@tampering(2, "manifest.frame.n")
def size_of_the_frame(case: Case) -> None:
    case.manifest["frame"]["n"] += 1
    forge.commit(case)


@tampering(2, "manifest.frame.root")
def root_of_the_frame(case: Case) -> None:
    case.manifest["frame"]["root"] = flip(case.manifest["frame"]["root"])
    forge.commit(case)


def announce_shards(case: Case, change: Callable[[Any], Any]) -> None:
    """Change the first shard's announcement and carry it into the frame's size and root."""
    frame, hasher = case.manifest["frame"], case.hasher
    change(frame["shards"][0])
    leaves = [
        hasher.th("shard", s["shard"], s["n"], bytes.fromhex(s["digest"]), bytes.fromhex(s["root"]))
        for s in frame["shards"]
    ]
    frame.update(n=sum(s["n"] for s in frame["shards"]), root=hasher.tree(leaves).hex())
    forge.commit(case)


@tampering(2, "manifest.frame.shards.640221.n")
def size_of_a_shard(case: Case) -> None:
    announce_shards(case, lambda shard: shard.update(n=shard["n"] + 1))


@tampering(2, "manifest.frame.shards.640221.root")
def chunk_root_of_a_shard(case: Case) -> None:
    announce_shards(case, lambda shard: shard.update(root="0" * 64))


@tampering(2, "frame-640221.tsv")
def digest_of_a_shard(case: Case) -> None:
    announce_shards(case, lambda shard: shard.update(digest="0" * 64))


@tampering(2, "manifest.frame.shards")
def shard_listed_twice(case: Case) -> None:
    case.manifest["frame"]["shards"].append(case.manifest["frame"]["shards"][0])
    forge.commit(case)


@tampering(2, "row 2")
def frame_out_of_order(case: Case) -> None:
    of_frame(case, lambda rows: rows.reverse())


@tampering(2, "row 9")
def id_twice_in_a_shard(case: Case) -> None:
    of_frame(case, lambda rows: rows.insert(8, rows[7]))


@tampering(2, "frame")
def id_in_two_shards(case: Case) -> None:
    taken = case.frames["frame-640222.tsv"].splitlines(keepends=True)[0]
    of_frame(case, lambda rows: rows.__setitem__(slice(None), sorted([*rows, taken])))


@tampering(2, "frame-640221.tsv")
def last_row_without_its_line_feed(case: Case) -> None:
    of_frame(case, lambda rows: rows.append(rows.pop().rstrip()))


@tampering(2, "row 1")
def frame_with_windows_line_ends(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(slice(None), [row.replace(b"\n", b"\r\n") for row in rows]))


@tampering(2, "row 1")
def frame_with_a_byte_order_mark(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(0, b"\xef\xbb\xbf" + rows[0]))


@tampering(2, "row 1")
def frame_with_a_header(case: Case) -> None:
    of_frame(case, lambda rows: rows.insert(0, b"\xe7\xbc\x96\xe5\x8f\xb7\tstratum\tlines\n"))


@tampering(2, "row 4")
def frame_with_a_fourth_column(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].replace(b"\n", b"\tname\n")))


@tampering(2, "row 4")
def frame_with_two_columns(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].rpartition(b"\t")[0] + b"\n"))


@tampering(2, "row 4")
def frame_with_an_empty_row(case: Case) -> None:
    of_frame(case, lambda rows: rows.insert(3, b"\n"))


@tampering(2, "row 4")
def frame_with_lines_out_of_order(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].partition(b"\t")[0] + b"\tB/640221/KY\tSJ-01,AJ-01\n"))


@tampering(2, "row 4")
def frame_with_a_line_twice(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].partition(b"\t")[0] + b"\tB/640221/KY\tAJ-01,AJ-01\n"))


@tampering(2, "row 4")
def frame_with_no_lines(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].partition(b"\t")[0] + b"\tB/640221/KY\t\n"))


@tampering(2, "row 4")
def frame_with_a_stratum_that_ends_in_a_slash(case: Case) -> None:
    of_frame(case, lambda rows: rows.__setitem__(3, rows[3].partition(b"\t")[0] + b"\tB/\tAJ-01\n"))


@tampering(2, "row 1")
def frame_with_an_id_of_65_characters(case: Case) -> None:
    of_frame(case, lambda rows: rows.insert(0, b"0" * 65 + b"\tB/640221/KY\tAJ-01\n"))


# --- section 3: rosters ----------------------------------------------------------------------------------------------


def of_roster(case: Case, change: Callable[[Any], Any]) -> None:
    """Change GA's roster or recusals in the record."""
    change(case.record["teams"]["GA"])


def first_officer(team: Any) -> Any:
    """Give the roster entry of the officer with the lowest pid."""
    return team["roster"][min(team["roster"])]


@tampering(3, "manifest.rosters.GA.roster")
def rho_of_another(case: Case) -> None:
    of_roster(case, lambda team: team.update(rho=flip(team["rho"])))


@tampering(3, "manifest.rosters.GA.roster")
def label_added_to_an_officer(case: Case) -> None:
    of_roster(case, lambda team: first_officer(team)[0].append("zzz"))


@tampering(3, "manifest.rosters.GA.roster")
def cap_of_an_officer(case: Case) -> None:
    of_roster(case, lambda team: first_officer(team).__setitem__(1, 99))


@tampering(3, "manifest.rosters.GA.roster")
def base_load_of_an_officer(case: Case) -> None:
    of_roster(case, lambda team: first_officer(team).__setitem__(2, 7))


@tampering(3, "manifest.rosters.GA.roster")
def officer_struck_off(case: Case) -> None:
    of_roster(case, lambda team: team["roster"].pop(min(team["roster"])))


@tampering(3, "teams.GA.roster")
def roster_that_nobody_announced(case: Case) -> None:
    case.manifest["lines"]["GA-01"] = "AJ"
    del case.manifest["rosters"]["GA"]
    del case.manifest["slots"]["GA"]
    forge.commit(case)


@tampering(3, "manifest.rosters.GA.recusals")
def recusal_left_out(case: Case) -> None:
    of_roster(case, lambda team: team.update(recused=[]))


@tampering(3, "teams.GA.recused")
def recusal_twice(case: Case) -> None:
    of_roster(case, lambda team: team["recused"].append(team["recused"][0]))


@tampering(3, "roster")
def labels_out_of_order(case: Case) -> None:
    of_roster(case, lambda team: first_officer(team).__setitem__(0, ["enf", "abc"]))
    forge.enroll(case)
    forge.anew(case)


@pytest.mark.parametrize("count", ["inspectors", "labels", "capacity", "recused", "most_recused"])
def test_counts_of_a_roster_that_are_not_its_own_are_refused(tmp_path: Path, count: str) -> None:
    case = forge.base()
    announced = case.manifest["rosters"]["GA"]
    announced[count] = {**announced["labels"], "haz": 3} if count == "labels" else announced[count] + 1
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert report.difference.section == 3
    assert report.difference.path.startswith(f"manifest.rosters.GA.{count}")


# --- section 5: commitments ------------------------------------------------------------------------------------------


@tampering(5, "commits.GA.sig")
def commitment_changed(case: Case) -> None:
    case.record["commits"]["GA"]["c"] = flip(case.record["commits"]["GA"]["c"])


@tampering(5, "commits.GA.sig")
def signature_of_a_commitment(case: Case) -> None:
    case.record["commits"]["GA"]["sig"] = flip(case.record["commits"]["GA"]["sig"])


@tampering(5, "commits.GA.sig")
def commitment_signed_by_another(case: Case) -> None:
    c = bytes.fromhex(case.record["commits"]["GA"]["c"])
    message = case.hasher.th("commit-msg", forge.manifest_digest(case.manifest), "GA", c)
    case.record["commits"]["GA"]["sig"] = forge.signed("AJ", message)


@tampering(5, "commits")
def two_equal_commitments(case: Case) -> None:
    commits, m = case.record["commits"], forge.manifest_digest(case.manifest)
    c = bytes.fromhex(commits["AJ"]["c"])
    commits["GA"] = {"c": c.hex(), "sig": forge.signed("GA", case.hasher.th("commit-msg", m, "GA", c))}
    forge.countersign(case)


@tampering(5, "commits.GA")
def commitment_missing(case: Case) -> None:
    del case.record["commits"]["GA"]


@tampering(5, "commits.ZZ")
def commitment_of_a_stranger(case: Case) -> None:
    case.record["commits"]["ZZ"] = case.record["commits"]["GA"]


@tampering(5, "commits_digest")
def digest_of_the_commitments(case: Case) -> None:
    case.record["commits_digest"] = flip(case.record["commits_digest"])


@tampering(5, "countersignatures.GA")
def countersignature_changed(case: Case) -> None:
    case.record["countersignatures"]["GA"] = flip(case.record["countersignatures"]["GA"])


@tampering(5, "countersignatures.GA")
def countersignature_missing(case: Case) -> None:
    del case.record["countersignatures"]["GA"]


@tampering(5, "countersignatures.AJ")
def countersignatures_swapped(case: Case) -> None:
    given = case.record["countersignatures"]
    given["AJ"], given["GA"] = given["GA"], given["AJ"]


@tampering(5, "countersignatures.witness")
def countersignature_of_the_witness(case: Case) -> None:
    case.record["countersignatures"]["witness"] = case.record["seal"]["witness"]


# --- section 6: reveals and seal -------------------------------------------------------------------------------------


@tampering(6, "reveals.GA.value")
def reveal_that_opens_nothing(case: Case) -> None:
    case.record["reveals"]["GA"]["value"] = flip(case.record["reveals"]["GA"]["value"])


@tampering(6, "reveals.GA.value")
def commitment_made_after_the_fact(case: Case) -> None:
    commits, m = case.record["commits"], forge.manifest_digest(case.manifest)
    c = case.hasher.th("commit", m, "GA", b"\x07" * 32)
    commits["GA"] = {"c": c.hex(), "sig": forge.signed("GA", case.hasher.th("commit-msg", m, "GA", c))}
    forge.countersign(case)
    forge.reveal(case)
    forge.seal(case)
    forge.throw(case)


@tampering(6, "reveals.GA.sig")
def signature_of_a_reveal(case: Case) -> None:
    case.record["reveals"]["GA"]["sig"] = flip(case.record["reveals"]["GA"]["sig"])


@tampering(6, "reveals.GA.sig")
def reveal_signed_for_other_commitments(case: Case) -> None:
    m, value = forge.manifest_digest(case.manifest), forge.secret(case, "GA")
    message = case.hasher.th("reveal-msg", m, b"\x01" * 32, "GA", value)
    case.record["reveals"]["GA"]["sig"] = forge.signed("GA", message)


@tampering(6, "reveals.ZZ")
def reveal_of_a_stranger(case: Case) -> None:
    case.record["reveals"]["ZZ"] = case.record["reveals"]["GA"]


@tampering(6, "reveals")
def two_reveals_missing(case: Case) -> None:
    forge.reveal(case, without=["GA", "AJ"])
    forge.seal(case)
    forge.throw(case)
    forge.draw(case)


@tampering(6, "seal.digest")
def reveal_omitted_after_the_seal(case: Case) -> None:
    del case.record["reveals"]["GA"]


@tampering(6, "seal.digest")
def digest_of_the_seal(case: Case) -> None:
    case.record["seal"]["digest"] = flip(case.record["seal"]["digest"])


@tampering(6, "seal.witness")
def time_of_the_seal(case: Case) -> None:
    case.record["seal"]["at"] += 1


@tampering(6, "seal.at")
def seal_too_late(case: Case) -> None:
    forge.seal(case, at=case.manifest["times"]["seal_by"] + 1)


@tampering(6, "seal.at")
def seal_before_reveal_close_with_a_reveal_missing(case: Case) -> None:
    forge.reveal(case, without=["GA"])
    forge.seal(case, at=case.manifest["times"]["reveal_close"] - 1)
    forge.throw(case)
    forge.draw(case)


@tampering(6, "seal.witness")
def signature_of_the_seal(case: Case) -> None:
    case.record["seal"]["witness"] = flip(case.record["seal"]["witness"])


@tampering(6, "seal")
def seal_by_the_agencies_behind_the_witness(case: Case) -> None:
    forge.seal(case, by=["AJ", "GA", "JT", "SJ"])


@tampering(6, "seal.agencies", unwitnessed)
def seal_by_half_of_the_agencies(case: Case) -> None:
    forge.seal(case, by=["AJ", "GA"])


@tampering(6, "seal.agencies.ZZ", unwitnessed)
def seal_by_a_stranger_too(case: Case) -> None:
    forge.seal(case, by=["AJ", "GA", "JT", "ZZ"])


@tampering(6, "seal.agencies.GA", unwitnessed)
def seal_with_one_bad_signature(case: Case) -> None:
    case.record["seal"]["agencies"]["GA"] = flip(case.record["seal"]["agencies"]["GA"])


@tampering(6, "seal", unwitnessed)
def seal_by_a_witness_that_is_not_there(case: Case) -> None:
    seal = case.record["seal"]
    case.record["seal"] = {"digest": seal["digest"], "at": seal["at"], "witness": seal["agencies"]["AJ"]}


@tampering(14, "seal.witness", unwitnessed)
def seal_by_witness_and_agencies(case: Case) -> None:
    case.record["seal"]["witness"] = case.record["seal"]["agencies"]["AJ"]


# --- section 7: beacon and seed --------------------------------------------------------------------------------------


@tampering(7, "beacons[0].proof.witness")
def dice_changed(case: Case) -> None:
    case.record["beacons"][0]["value"] = "30" * 20


@tampering(7, "beacons[0].value")
def one_die_too_few(case: Case) -> None:
    forge.throw(case, [b"1" * 19])


@tampering(7, "beacons[0].value")
def dice_that_are_no_digits(case: Case) -> None:
    forge.throw(case, [b"a" * 20])


@tampering(7, "beacons[0].proof")
def dice_nobody_signed(case: Case) -> None:
    del case.record["beacons"][0]["proof"]


@tampering(7, "beacons[0].proof.witness")
def signature_of_the_dice(case: Case) -> None:
    proof = case.record["beacons"][0]["proof"]
    proof["witness"] = flip(proof["witness"])


@tampering(7, "beacons[0].proof")
def dice_signed_by_the_agencies_behind_the_witness(case: Case) -> None:
    forge.throw(case, by=["AJ", "GA", "JT", "SJ"])


@tampering(7, "beacons[0].proof.agencies", unwitnessed)
def dice_signed_by_half_of_the_agencies(case: Case) -> None:
    forge.throw(case, by=["AJ", "GA"])


@tampering(7, "beacons[0].id")
def beacon_of_another_kind(case: Case) -> None:
    case.record["beacons"][0]["id"] = "drand-quicknet"


@tampering(7, "beacons[0].round")
def beacon_of_another_round(case: Case) -> None:
    case.record["beacons"][0]["round"] = 21


@tampering(7, "beacons (number)")
def beacon_left_out(case: Case) -> None:
    case.record["beacons"] = []


@tampering(7, "beacons (number)")
def beacon_added(case: Case) -> None:
    case.record["beacons"].append(case.record["beacons"][0])


@tampering(7, "beacons (number)", no_beacon)
def beacon_added_to_a_rehearsal(case: Case) -> None:
    case.record["beacons"] = forge.base().record["beacons"]


def with_beacons(case: Case, sources: list[Any], brought: list[bytes]) -> None:
    """Hold the draw with other beacons."""
    case.manifest["beacons"] = sources
    forge.commit(case)
    forge.reveal(case)
    forge.seal(case)
    forge.throw(case, brought)
    forge.draw(case)


def chain_source(value: bytes = b"\x05" * 32, holder: str = "notary") -> Any:
    """Announce a chain of three steps that ends in *value*."""
    return {"id": f"chain:{holder}", "round": 0, "anchor": forge.base().hasher.chain(value, 3).hex(), "index": 3}


DICE = {"id": "room-dice", "round": 20}


@tampering(7, "beacons[0].value")
def chain_that_does_not_lead_to_its_anchor(case: Case) -> None:
    with_beacons(case, [chain_source(), DICE], [b"\x06" * 32, b"3" * 20])


@tampering(7, "beacons[0].value")
def chain_value_of_another_length(case: Case) -> None:
    with_beacons(case, [chain_source(), DICE], [b"\x05" * 31, b"3" * 20])


@tampering(7, "manifest.beacons[0]")
def chain_without_another_beacon(case: Case) -> None:
    with_beacons(case, [chain_source()], [b"\x05" * 32])


@tampering(7, "manifest.beacons[0].id")
def chain_held_by_an_agency(case: Case) -> None:
    with_beacons(case, [chain_source(holder="AJ"), DICE], [b"\x05" * 32, b"3" * 20])


@tampering(7, "manifest.beacons[0].round")
def drand_round_that_is_out_before_the_beacon_time(case: Case) -> None:
    case.manifest["times"].update({k: v + 200_000_000 for k, v in case.manifest["times"].items()})
    at = case.manifest["times"]["beacon_time"]
    with_beacons(case, [{"id": "drand-quicknet", "round": (at - 1692803367) // 3}], [b"\x01" * 48])


@tampering(7, "beacons[0].value")
def drand_value_of_another_length(case: Case) -> None:
    with_beacons(case, [{"id": "drand-quicknet", "round": 1000}], [b"\x01" * 47])


@tampering(7, "beacons[0].value")
def lottery_with_a_digit_too_many(case: Case) -> None:
    with_beacons(case, [{"id": "lottery:ssq", "round": 2018142, "digits": 7}], [b"12345678"])


@tampering(7, "seed")
def seed_of_ones_own(case: Case) -> None:
    case.record["seed"] = flip(case.record["seed"])
    forge.draw(case)


# --- sections 9 and 10: selection, work list, visits root ------------------------------------------------------------


def a_stratum(case: Case) -> list[str]:
    """Give the ids drawn in one stratum of the joint selection."""
    strata: dict[str, list[str]] = case.record["selected"]["joint"]
    return strata["D/640222/WH"]


def not_drawn(case: Case) -> str:
    """Give an id of the same stratum that was not drawn."""
    drawn = a_stratum(case)
    return next(entity for entity, at, _ in forge.rows_of(case) if at == "D/640222/WH" and entity not in drawn)


@tampering(10, "selected.joint.D/640222/WH[0]")
def target_replaced_by_a_friend(case: Case) -> None:
    old, new = a_stratum(case)[0], not_drawn(case)
    text = json.dumps({k: case.record[k] for k in ("selected", "work", "teams")}).replace(old, new)
    case.record.update(json.loads(text))
    forge.redigest(case)


@tampering(10, "selected.joint.D/640222/WH[0]")
def order_of_the_drawn(case: Case) -> None:
    a_stratum(case).reverse()
    forge.redigest(case)


@tampering(10, "selected.joint (counts).D/640222/WH")
def target_added(case: Case) -> None:
    a_stratum(case).append(not_drawn(case))
    forge.redigest(case)


@tampering(10, "selected.joint (counts).D/640222/WH")
def target_dropped(case: Case) -> None:
    a_stratum(case).pop()
    forge.redigest(case)


@tampering(10, "selected.joint (counts).D/640222/WH")
def stratum_dropped(case: Case) -> None:
    del case.record["selected"]["joint"]["D/640222/WH"]
    forge.redigest(case)


@tampering(10, "selected.joint (counts).C/640221/ZZ")
def stratum_that_draws_nothing_listed(case: Case) -> None:
    case.record["selected"]["joint"]["C/640221/ZZ"] = []
    forge.redigest(case)


@tampering(10, "selected.plus")
def selection_dropped(case: Case) -> None:
    del case.record["selected"]["plus"]
    forge.redigest(case)


@tampering(10, "selected.extra")
def selection_added(case: Case) -> None:
    case.record["selected"]["extra"] = {}
    forge.redigest(case)


@tampering(10, "work.AJ")
def visit_taken_off_the_work_list(case: Case) -> None:
    case.record["work"]["AJ"].pop(a_stratum(case)[0])


@tampering(10, "work.AJ")
def line_added_to_a_visit(case: Case) -> None:
    case.record["work"]["AJ"][a_stratum(case)[0]].append("AJ-02")


@tampering(10, "work.ZZ")
def work_for_a_stranger(case: Case) -> None:
    case.record["work"]["ZZ"] = {}


@tampering(10, "work.AJ")
def visit_put_on_the_work_list(case: Case) -> None:
    case.record["work"]["AJ"][not_drawn(case)] = ["AJ-01"]


@tampering(10, "visits_root")
def root_of_the_visits(case: Case) -> None:
    case.record["visits_root"] = flip(case.record["visits_root"])


# --- section 12: teams -----------------------------------------------------------------------------------------------


def a_team(case: Case) -> list[str | None]:
    """Give the team of AJ at the first target of the hazardous class."""
    assigned: dict[str, list[str | None]] = case.record["teams"]["AJ"]["assigned"]
    return assigned[a_stratum(case)[0]]


def another_officer(case: Case) -> str:
    """Give an officer of AJ who is not in that team."""
    roster: dict[str, Any] = case.record["teams"]["AJ"]["roster"]
    return next(pid for pid in sorted(roster) if pid not in a_team(case))


@tampering(12, "teams.AJ.assigned")
def officer_replaced_by_a_friend(case: Case) -> None:
    a_team(case)[0] = another_officer(case)
    forge.redigest(case)


@tampering(12, "teams.AJ.assigned")
def officer_left_out(case: Case) -> None:
    a_team(case)[1] = None
    forge.redigest(case)


@tampering(12, "teams.AJ.assigned")
def lead_of_a_team(case: Case) -> None:
    a_team(case).reverse()
    forge.redigest(case)


@tampering(12, "teams.AJ.assigned")
def third_officer(case: Case) -> None:
    a_team(case).append(another_officer(case))
    forge.redigest(case)


@tampering(12, "teams.AJ.assigned")
def one_officer_twice(case: Case) -> None:
    a_team(case)[1] = a_team(case)[0]
    forge.redigest(case)


@tampering(12, "teams.AJ.assigned")
def team_dropped(case: Case) -> None:
    case.record["teams"]["AJ"]["assigned"].pop(a_stratum(case)[0])


@tampering(12, "teams.AJ")
def agency_without_teams(case: Case) -> None:
    del case.record["teams"]["AJ"]


@tampering(12, "teams.ZZ")
def teams_of_a_stranger(case: Case) -> None:
    case.record["teams"]["ZZ"] = case.record["teams"]["AJ"]


@tampering(12, "manifest.slots.AJ")
def stratum_without_slots(case: Case) -> None:
    del case.manifest["slots"]["AJ"][""]
    forge.commit(case)
    forge.reveal(case)
    forge.seal(case)
    forge.throw(case)
    kept = case.manifest["slots"]["AJ"]
    case.manifest["slots"]["AJ"] = {**kept, "": kept["D"]}  # only to compute something; the digest stays
    forge.draw(case)
    case.manifest["slots"]["AJ"] = kept


@tampering(12, "teams.SJ.assigned", public)
def order_in_a_team_of_the_public_edition(case: Case) -> None:
    case.record["teams"]["SJ"]["assigned"][case.record["selected"]["joint"]["B/640221/KY"][0]].reverse()
    forge.redigest(case)


@tampering(14, "teams.AJ.rho")
def full_edition_called_public(case: Case) -> None:
    case.record["edition"] = "public"


@tampering(14, "teams.AJ.rho", public)
def public_edition_called_full(case: Case) -> None:
    case.record["edition"] = "full"


# --- records whose frame is not given: what can still be seen --------------------------------------------------------


def frameless() -> Case:
    """The base record without its frame files."""
    case = forge.base()
    case.frames.clear()
    return case


@tampering(10, "selected.extra", frameless)
def selection_added_without_the_frame(case: Case) -> None:
    case.record["selected"]["extra"] = {}
    forge.redigest(case)


@tampering(10, "selected.joint", frameless)
def id_selected_twice_without_the_frame(case: Case) -> None:
    a_stratum(case).append(a_stratum(case)[0])
    forge.redigest(case)


@tampering(10, "work", frameless)
def work_for_a_stranger_without_the_frame(case: Case) -> None:
    case.record["work"]["ZZ"] = {}


@tampering(10, "work", frameless)
def visit_to_somebody_not_selected_without_the_frame(case: Case) -> None:
    case.record["work"]["AJ"]["9164022100000000X"] = ["AJ-01"]


@tampering(12, "teams.AJ.assigned", frameless)
def officer_replaced_without_the_frame(case: Case) -> None:
    a_team(case)[0] = another_officer(case)
    forge.redigest(case)


# --- section 13 ------------------------------------------------------------------------------------------------------


@tampering(13, "result_digest")
def digest_of_the_result(case: Case) -> None:
    case.record["result_digest"] = flip(case.record["result_digest"])


# --- section 14: attempts --------------------------------------------------------------------------------------------


@tampering(14, "attempts", second)
def first_attempt_hidden(case: Case) -> None:
    case.record["attempts"] = []


@tampering(4, "manifest.prev", second)
def first_attempt_changed(case: Case) -> None:
    case.record["attempts"][0]["manifest"]["max_missing"] = 0


@tampering(14, "attempts", second)
def first_attempt_twice(case: Case) -> None:
    case.record["attempts"] *= 2


@tampering(4, "attempts[0].manifest.draw", second)
def attempt_of_another_draw(case: Case) -> None:
    case.record["attempts"][0]["manifest"]["draw"] = "PL-2018-999"
    case.manifest["prev"] = forge.manifest_digest(case.record["attempts"][0]["manifest"]).hex()
    forge.anew(case)


@tampering(4, "attempts[0].manifest.attempt", second)
def attempt_with_another_number(case: Case) -> None:
    case.record["attempts"][0]["manifest"]["attempt"] = 2
    case.manifest["prev"] = forge.manifest_digest(case.record["attempts"][0]["manifest"]).hex()
    forge.anew(case)


@tampering(4, "attempts[0].manifest.times.beacon_time", second)
def attempt_that_broke_a_bound(case: Case) -> None:
    case.record["attempts"][0]["manifest"]["times"]["beacon_time"] -= 1
    case.manifest["prev"] = forge.manifest_digest(case.record["attempts"][0]["manifest"]).hex()
    forge.anew(case)


@tampering(4, "attempts[0].manifest.sizes.joint.B[0]", second)
def attempt_with_sizes_of_another_frame(case: Case) -> None:
    case.record["attempts"][0]["manifest"]["sizes"]["joint"]["B"][0] += 1
    case.manifest["prev"] = forge.manifest_digest(case.record["attempts"][0]["manifest"]).hex()
    forge.anew(case)


@tampering(14, "attempts[0].absent", second)
def stranger_named_absent(case: Case) -> None:
    case.record["attempts"][0]["absent"] = ["ZZ"]


def published_of_the_first(case: Case) -> Case:
    """Add what was published of the first attempt: commitments, countersignatures, reveals."""
    first = Case({"manifest": case.record["attempts"][0]["manifest"]}, case.frames)
    forge.commit(first)
    forge.reveal(first)
    for part in ("commits", "countersignatures", "reveals"):
        case.record["attempts"][0][part] = first.record[part]
    return case


def second_with_everything_published() -> Case:
    """A second attempt that shows all that came of the first."""
    return published_of_the_first(second())


def test_what_was_published_of_an_attempt_is_checked_and_accepted(tmp_path: Path) -> None:
    assert second_with_everything_published().verify(tmp_path).exit_code == 0


@tampering(5, "attempts[0].commits.GA.sig", second_with_everything_published)
def commitment_of_an_attempt(case: Case) -> None:
    entry = case.record["attempts"][0]["commits"]["GA"]
    entry["sig"] = flip(entry["sig"])


@tampering(5, "attempts[0].countersignatures.GA", second_with_everything_published)
def countersignature_of_an_attempt(case: Case) -> None:
    given = case.record["attempts"][0]["countersignatures"]
    given["GA"] = flip(given["GA"])


@tampering(5, "attempts[0].commits", second_with_everything_published)
def countersignatures_of_incomplete_commitments(case: Case) -> None:
    del case.record["attempts"][0]["commits"]["GA"]


@tampering(6, "attempts[0].reveals.GA.value", second_with_everything_published)
def reveal_of_an_attempt(case: Case) -> None:
    entry = case.record["attempts"][0]["reveals"]["GA"]
    entry["value"] = flip(entry["value"])


@tampering(6, "attempts[0].reveals.GA.sig", second_with_everything_published)
def signature_of_a_reveal_of_an_attempt(case: Case) -> None:
    entry = case.record["attempts"][0]["reveals"]["GA"]
    entry["sig"] = flip(entry["sig"])


@tampering(5, "attempts[0].commits.ZZ", second_with_everything_published)
def commitment_of_a_stranger_in_an_attempt(case: Case) -> None:
    commits = case.record["attempts"][0]["commits"]
    commits["ZZ"] = commits["GA"]


# --- section 14: keys and head ---------------------------------------------------------------------------------------


def true_keys(case: Case) -> dict[str, str]:
    """Give the keys of all parties, as they are known outside the record."""
    return {who: forge.public_key(who) for who in [*case.manifest["agencies"], "witness"]}


@pytest.mark.parametrize("who", ["AJ", "GA", "JT", "SJ", "witness"])
def test_a_key_that_is_not_the_one_known_outside_is_refused_by_name(tmp_path: Path, who: str) -> None:
    case = forge.base()

    report = case.verify(tmp_path, keys={**true_keys(case), who: forge.public_key("stranger")})

    assert report.exit_code == 1
    assert report.difference is not None
    assert who in report.difference.path
    assert "--keys" in report.difference.en


def test_a_record_forged_under_new_keys_passes_alone_and_fails_against_the_known_keys(tmp_path: Path) -> None:
    case = forge.base()
    known = true_keys(case)
    case.manifest["agencies"] = {
        name: {**party, "key": forge.public_key(f"forger {name}")} for name, party in case.manifest["agencies"].items()
    }
    with pytest.MonkeyPatch.context() as patch:
        true_key = forge.signing_key
        patch.setattr(forge, "signing_key", lambda who: true_key(who if who == "witness" else f"forger {who}"))
        forge.anew(case)

    assert case.verify(tmp_path).exit_code == 0
    assert case.verify(tmp_path, keys=known).exit_code == 1


def test_the_right_keys_and_the_right_head_are_accepted(tmp_path: Path) -> None:
    case = forge.base()

    report = case.verify(tmp_path, keys=true_keys(case), head=case.record["result_digest"])

    assert report.exit_code == 0


def test_a_party_without_a_key_outside_is_not_checked(tmp_path: Path) -> None:
    case = forge.base()
    keys = true_keys(case)
    del keys["GA"]

    report = case.verify(tmp_path, keys=keys)

    assert report.exit_code == 3
    assert "GA" in report.unchecked[0][1]


@pytest.mark.parametrize("name", ["rounds", "unwitnessed", "public"])
def test_a_record_cut_short_is_caught_by_the_published_head(tmp_path: Path, name: str) -> None:
    newest = forge.sample(name).record["replacements"][-1]["result_digest"]

    report = forge.without_rounds(name).verify(tmp_path, head=newest)

    assert report.exit_code == 1
    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (14, "--head")


def test_there_are_enough_kinds_of_tampering() -> None:
    kinds = {
        f"{module.__name__}.{param.id}" for module in (sys.modules[__name__], test_rounds) for param in module.EDITS
    }
    print(f"{len(kinds)} kinds of tampering, {len(test_rounds.EDITS)} of them with rounds, each refused and named")

    assert len({param.id for param in EDITS}) == len(EDITS)
    assert len(EDITS) >= 150
    assert len(test_rounds.EDITS) >= 50
    assert len(kinds) == len(EDITS) + len(test_rounds.EDITS)
