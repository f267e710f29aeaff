"""Replacement rounds (section 11): the samples are followed to their end, and every tampering is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES, Case, sample, sample_of_vectors
from verify_draw import Hasher, jcs

SHA = Hasher("sha256")
Edit = Callable[[Case], Any]
EDITS: list[Any] = []


def two_rounds() -> Case:
    """The sample with two rounds: two targets and one officer, then that officer's target too."""
    return sample("rounds")


def spent() -> Case:
    """The sample whose first round was never sealed."""
    return sample("spent-round")


def public() -> Case:
    """The public edition with a round."""
    return sample("public")


def unwitnessed() -> Case:
    """The sample without a witness, a reveal missing also in its round."""
    return sample("unwitnessed")


def published(case: Case) -> Case:
    """Make the public edition of a full one."""
    case.record["edition"] = "public"
    for team in case.record["teams"].values():
        for name in ("rho", "roster", "recused"):
            del team[name]
    return case


def only_one_line(case: Case) -> None:
    """Hold the draw over a frame in which only SJ has anything to inspect, and ask for one removal."""
    for name, content in case.frames.items():
        rows = [row.rsplit(b"\t", 1)[0] + b"\tSJ-01\n" for row in content.splitlines()]
        case.frames[name] = b"".join(rows)
    forge.reframe(case)
    forge.resize(case)
    forge.anew(case)
    rho = case.record["replacements"][0]["rho"]
    rho.update(dropouts=[], removed=[{**rho["removed"][0], "id": case.record["selected"]["joint"]["D/640222/WH"][0]}])
    case.record["replacements"] = case.record["replacements"][:1]


def tampering(place: str, start: Callable[[], Case] = two_rounds) -> Callable[[Edit], Edit]:
    """Register an edit of a record with rounds, and the place that the verifier must name."""

    def register(edit: Edit) -> Edit:
        EDITS.append(pytest.param(start, edit, place, id=edit.__name__))
        return edit

    return register


@pytest.mark.parametrize(("start", "edit", "place"), EDITS)  # the list fills up below, before collection ends
def test_tampering_with_a_round_is_refused_and_named(
    tmp_path: Path, start: Callable[[], Case], edit: Edit, place: str
) -> None:
    case = start()
    edit(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 1
    assert report.difference is not None
    assert (report.difference.section, place in report.difference.path) == (11, True), report.difference


@pytest.mark.parametrize("name", sorted(folder.name for folder in SAMPLES.iterdir()))
def test_every_sample_is_accepted_with_its_rounds(tmp_path: Path, name: str) -> None:
    case = sample(name)
    last = case.record["replacements"][-1:] or [case.record]

    report = case.verify(tmp_path, head=last[0]["result_digest"])

    assert (report.exit_code, report.difference) == (0, None)
    assert (11 in report.checked) == bool(case.record["replacements"] or case.record["spent"])


@pytest.mark.parametrize("name", ["rounds", "unwitnessed", "single"])
def test_the_public_edition_of_a_full_record_is_accepted(tmp_path: Path, name: str) -> None:
    assert published(sample(name)).verify(tmp_path).exit_code == 0


def test_a_record_cut_short_after_its_first_round_is_true_but_caught_by_head(tmp_path: Path) -> None:
    case = two_rounds()
    newest = case.record["replacements"].pop()["result_digest"]

    assert case.verify(tmp_path).exit_code == 0
    assert case.verify(tmp_path, head=newest).exit_code == 1


def test_rounds_without_the_frame_are_not_checked(tmp_path: Path) -> None:
    case = two_rounds()
    case.frames.clear()

    report = case.verify(tmp_path)

    assert report.exit_code == 3
    assert any("rounds (§11)" in en for _, en in report.unchecked)


def test_a_round_can_be_held_again_with_other_dice(tmp_path: Path) -> None:
    case = two_rounds()
    case.record["replacements"].pop()
    forge.throw_round(case, given=b"9" * 21)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert report.difference.path.startswith("replacements[0].selected")


def test_the_vectors_of_the_rounds() -> None:
    case, given = two_rounds(), sample_of_vectors()
    entry, m = case.record["replacements"][0], forge.manifest_digest(case.manifest)
    d = SHA.th("removal", m, 1, jcs(entry["rho"]))
    rd, dice = bytes.fromhex(entry["seal"]["digest"]), bytes.fromhex(entry["beacons"][0]["value"])

    assert d.hex() == given["D_1"]
    assert SHA.th("removal-msg", d).hex() == given["removal_msg_1"]
    z = bytes.fromhex(entry["reveals"]["AJ"]["value"])
    assert SHA.th("reveal-msg", d, "AJ", z).hex() == given["reveal_msg_1_AJ"]
    assert SHA.th("seal", d, rd, entry["seal"]["at"]).hex() == given["seal_msg_1"]
    assert SHA.th("dice-msg", d, rd, dice).hex() == given["dice_msg_1"]
    assert SHA.key(bytes.fromhex(entry["seed"]), "target") == given["K_target_1"]
    assert case.record["replacements"][-1]["work"] == given["work_after_rounds"]


# --- numbers and request ---------------------------------------------------------------------------------------------


def first(case: Case) -> Any:
    """Give the first round."""
    return case.record["replacements"][0]


@tampering("replacements and spent (rounds)")
def first_round_hidden(case: Case) -> None:
    case.record["replacements"].pop(0)


@tampering("replacements")
def rounds_out_of_order(case: Case) -> None:
    case.record["replacements"].reverse()


@tampering("replacements and spent (rounds)", spent)
def spent_round_renumbered(case: Case) -> None:
    case.record["spent"][0]["round"] = 2


@tampering("round")
def more_rounds_than_the_chain_is_long(case: Case) -> None:
    case.manifest["chain_len"] = 0
    forge.anew(case)
    case.record["replacements"] = case.record["replacements"][:1]


@tampering("rho.removed[0].reason")
def reason_that_the_manifest_does_not_know(case: Case) -> None:
    first(case)["rho"]["removed"][0]["reason"] = "inconvenient"
    forge.sign_round(case)


@tampering("rho.removed[0].id")
def removal_of_somebody_who_was_not_drawn(case: Case) -> None:
    first(case)["rho"]["removed"][0]["id"] = "9164022100000000X"
    forge.sign_round(case)


@tampering("rho.removed")
def removals_out_of_order(case: Case) -> None:
    first(case)["rho"]["removed"].reverse()
    forge.sign_round(case)


@tampering("rho.removed")
def removal_twice(case: Case) -> None:
    first(case)["rho"]["removed"].append(first(case)["rho"]["removed"][-1])
    forge.sign_round(case)


@tampering("rho")
def round_that_asks_for_nothing(case: Case) -> None:
    first(case)["rho"].update(removed=[], dropouts=[])
    forge.sign_round(case)


@tampering("rho.dropouts[0]")
def drop_out_of_an_officer_who_is_not_there(case: Case) -> None:
    first(case)["rho"]["dropouts"][0]["inspector"] = "0" * 64
    forge.sign_round(case)


@tampering("rho.dropouts[0].id")
def drop_out_at_a_target_that_goes(case: Case) -> None:
    gone = first(case)["rho"]["removed"][0]["id"]
    inspector = case.record["teams"]["AJ"]["assigned"][gone][0]
    first(case)["rho"]["dropouts"][0].update(id=gone, inspector=inspector)
    forge.sign_round(case)


@tampering("rho.dropouts", unwitnessed)
def drop_outs_out_of_order(case: Case) -> None:
    first(case)["rho"]["dropouts"].reverse()
    forge.sign_round(case)


@tampering("rho.times.seal_by")
def round_sealed_before_the_draw(case: Case) -> None:
    first(case)["rho"]["times"]["seal_by"] = case.manifest["times"]["beacon_time"] - 1
    forge.sign_round(case)


@tampering("replacements[1].rho.times.seal_by")
def second_round_sealed_before_the_first(case: Case) -> None:
    rho = case.record["replacements"][1]["rho"]
    rho["times"]["seal_by"] = first(case)["rho"]["times"]["beacon_time"] - 1
    forge.sign_round(case, 1)


@tampering("rho.times.beacon_time")
def beacon_too_soon_after_the_seal(case: Case) -> None:
    first(case)["rho"]["times"]["beacon_time"] -= 1
    forge.sign_round(case)


@tampering("rho.beacons")
def live_round_without_a_beacon(case: Case) -> None:
    first(case)["rho"]["beacons"] = []
    forge.sign_round(case)


@tampering("rho.beacons[0].round")
def drand_round_that_is_out_already(case: Case) -> None:
    first(case)["rho"]["times"].update(seal_by=1800000000, beacon_time=1800000600)
    first(case)["rho"]["beacons"] = [{"id": "drand-quicknet", "round": 1}]
    forge.sign_round(case)


@tampering("rho.removed")
def more_removals_than_the_manifest_allows(case: Case) -> None:
    case.manifest["replacement"]["max"] = 1
    forge.commit(case)
    forge.reveal(case)
    forge.seal(case)
    forge.throw(case)
    forge.draw(case)
    rho, drawn = first(case)["rho"], case.record["selected"]["joint"]["D/640222/WH"]
    rho["dropouts"] = []
    rho["removed"] = [{**rho["removed"][0], "id": entity} for entity in sorted(drawn)]
    case.record["replacements"] = case.record["replacements"][:1]
    forge.sign_round(case)


# --- signatures, reveals, seal, beacon, seed -------------------------------------------------------------------------


@tampering("signatures.AJ")
def request_changed_after_it_was_signed(case: Case) -> None:
    first(case)["rho"]["removed"][0]["evidence"] = "0" * 64


@tampering("signatures.witness")
def round_the_witness_did_not_sign(case: Case) -> None:
    del first(case)["signatures"]["witness"]


@tampering("signatures.GA")
def round_an_agency_of_the_removed_did_not_sign(case: Case) -> None:
    forge.sign_round(case, by=["AJ", "JT", "SJ", "witness"])


@tampering("signatures.ZZ")
def round_signed_by_a_stranger(case: Case) -> None:
    forge.sign_round(case, by=["AJ", "GA", "JT", "SJ", "ZZ", "witness"])


@tampering("signatures.GA")
def signature_under_a_round(case: Case) -> None:
    first(case)["signatures"]["GA"] = "0" * 128


@tampering("spent[0].signatures.GA", spent)
def signature_under_a_spent_round(case: Case) -> None:
    case.record["spent"][0]["signatures"]["GA"] = "0" * 128


@tampering("reveals.AJ.value")
def link_of_another_round_revealed(case: Case) -> None:
    forge.reveal_round(case, link=2)


@tampering("reveals.AJ.value")
def first_secret_revealed_again(case: Case) -> None:
    forge.reveal_round(case, link=0)


@tampering("reveals.GA.sig")
def signature_of_a_reveal(case: Case) -> None:
    first(case)["reveals"]["GA"]["sig"] = "0" * 128


@tampering("reveals")
def two_reveals_missing(case: Case) -> None:
    forge.reveal_round(case, without=["AJ", "GA"])
    forge.seal_round(case)


@tampering("seal.digest")
def reveal_omitted_after_the_seal(case: Case) -> None:
    del first(case)["reveals"]["GA"]


@tampering("seal.at")
def seal_too_late(case: Case) -> None:
    forge.seal_round(case, at=first(case)["rho"]["times"]["seal_by"] + 1)


@tampering("seal.witness")
def time_of_the_seal(case: Case) -> None:
    first(case)["seal"]["at"] -= 1


@tampering("seal")
def seal_by_the_agencies_behind_the_witness(case: Case) -> None:
    forge.seal_round(case, by=["AJ", "GA", "JT", "SJ"])


@tampering("seal.agencies", unwitnessed)
def seal_by_half_of_the_agencies(case: Case) -> None:
    forge.seal_round(case, by=["AJ", "GA"])


@tampering("beacons[0].proof.witness")
def dice_changed(case: Case) -> None:
    first(case)["beacons"][0]["value"] = "39" * 21


@tampering("beacons[0].round")
def dice_of_the_draw_used_again(case: Case) -> None:
    first(case)["beacons"] = case.record["beacons"]


@tampering("beacons (number)")
def beacon_left_out(case: Case) -> None:
    first(case)["beacons"] = []


@tampering("replacements[0].seed")
def seed_of_ones_own(case: Case) -> None:
    first(case)["seed"] = "0" * 64


# --- what was drawn --------------------------------------------------------------------------------------------------


@tampering("selected.joint.D/640222/WH[0]")
def replacement_by_a_friend(case: Case) -> None:
    first(case)["selected"]["joint"]["D/640222/WH"] = ["9164022100000010X"]
    forge.redigest_round(case)


@tampering("selected.joint.D/640222/WH")
def replacement_not_taken(case: Case) -> None:
    first(case)["selected"]["joint"]["D/640222/WH"] = []
    forge.redigest_round(case)


@tampering("selected.plus")
def selection_left_out(case: Case) -> None:
    del first(case)["selected"]["plus"]
    forge.redigest_round(case)


@tampering("work.GA")
def removed_target_kept_on_the_work_list(case: Case) -> None:
    gone = first(case)["rho"]["removed"][0]["id"]
    first(case)["work"]["GA"][gone] = ["GA-01"]


@tampering("work.GA")
def target_lost_from_the_work_list(case: Case) -> None:
    first(case)["work"]["GA"].pop("9164022100000350X")


@tampering("teams.AJ.9164022100000350X")
def standing_team_changed(case: Case) -> None:
    first(case)["teams"]["AJ"]["9164022100000350X"].reverse()
    forge.redigest_round(case)


@tampering("teams.AJ.9164022100000571X")
def hand_made_pair_at_a_new_target(case: Case) -> None:
    first(case)["teams"]["AJ"]["9164022100000571X"] = first(case)["teams"]["AJ"]["9164022100000408X"]
    forge.redigest_round(case)


@tampering("teams.AJ.9164022100000114X")
def drop_out_come_back(case: Case) -> None:
    case_team = case.record["teams"]["AJ"]["assigned"]["9164022100000114X"]
    first(case)["teams"]["AJ"]["9164022100000114X"] = case_team
    forge.redigest_round(case)


@tampering("teams.AJ")
def agency_without_teams(case: Case) -> None:
    del first(case)["teams"]["AJ"]


@tampering("teams.AJ.9164022100000066X", public)
def standing_team_changed_in_the_public_edition(case: Case) -> None:
    first(case)["teams"]["AJ"]["9164022100000066X"][0] = "0" * 64
    forge.redigest_round(case)


@tampering("teams.AJ.9164022100000099X", public)
def new_team_too_large_in_the_public_edition(case: Case) -> None:
    first(case)["teams"]["AJ"]["9164022100000099X"].append("0" * 64)
    forge.redigest_round(case)


@tampering("teams.AJ")
def team_left_out(case: Case) -> None:
    first(case)["teams"]["AJ"].pop("9164022100000350X")


@tampering("teams.AJ.9164022100000114X", lambda: published(two_rounds()))
def drop_out_come_back_in_the_public_edition(case: Case) -> None:
    test_team = case.record["teams"]["AJ"]["assigned"]["9164022100000114X"]
    first(case)["teams"]["AJ"]["9164022100000114X"] = test_team
    forge.redigest_round(case)


@tampering("signatures")
def round_signed_by_one_agency_where_two_are_needed(case: Case) -> None:
    only_one_line(case)
    forge.sign_round(case, by=["SJ", "witness"])


@tampering("replacements[1].visits_root")
def root_of_the_visits(case: Case) -> None:
    case.record["replacements"][1]["visits_root"] = "0" * 64


@tampering("replacements[1].result_digest")
def digest_of_the_result(case: Case) -> None:
    case.record["replacements"][1]["result_digest"] = "0" * 64
