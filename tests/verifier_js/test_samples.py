"""Samples and records of other kinds end with the exit code they must have, in the page's verifier as in the Python one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier import forge
from tests.unit.verifier import test_rounds as rounds
from tests.unit.verifier import test_tampering as tampering
from tests.unit.verifier.forge import SAMPLES, Case, sample_of_vectors
from tests.verifier_js.node import named, verified

NAMES = sorted(folder.name for folder in SAMPLES.iterdir())
CHECKED = {
    "full": {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14},
    "public": {2, 4, 5, 6, 7, 8, 9, 10, 13, 14},
}


def written(case: Case, folder: Path, keys: Any = None, head: str | None = None) -> Path:
    """Write a case down as run.mjs reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(case.record), encoding="utf-8")
    for name, content in case.frames.items():
        (folder / name).write_bytes(content)
    if keys is not None:
        (folder / "keys.json").write_text(json.dumps(keys))
    if head is not None:
        (folder / "head.txt").write_text(head)
    return folder


def verdict(case: Case, folder: Path, keys: Any = None, head: str | None = None) -> Any:
    """Verify one case."""
    (report,) = verified(written(case, folder / "case", keys, head)).values()
    return report


def english(pairs: list[dict[str, str]]) -> str:
    """Join what was said in English."""
    return "\n".join(pair["en"] for pair in pairs)


def test_every_sample_is_accepted_with_its_rounds_keys_and_head(tmp_path: Path) -> None:
    for name in NAMES:
        case = forge.sample(name)
        last = case.record["replacements"][-1:] or [case.record]
        written(case, tmp_path / name, tampering.true_keys(case), last[0]["result_digest"])

    reports = verified(tmp_path)

    assert sorted(reports) == NAMES
    for name, report in reports.items():
        record = forge.sample(name).record
        after = {11} if record["replacements"] or record["spent"] else set()
        assert (report["exit"], report["verdict"], report["unchecked"]) == (0, "accepted", []), name
        assert set(report["checked"]) == CHECKED[record["edition"]] | after


def test_the_samples_as_they_are_delivered_are_accepted() -> None:
    assert {name: report["exit"] for name, report in verified(SAMPLES).items()} == dict.fromkeys(NAMES, 0)


def test_the_work_after_the_rounds_is_that_of_the_vectors() -> None:
    last = forge.sample("rounds").record["replacements"][-1]

    assert last["work"] == sample_of_vectors()["work_after_rounds"]  # and the record that says so was accepted above


def test_the_public_edition_of_full_records_is_accepted_and_names_what_it_lacks(tmp_path: Path) -> None:
    for name in ("rounds", "unwitnessed", "single"):
        written(rounds.published(forge.sample(name)), tmp_path / name)

    for report in verified(tmp_path).values():
        assert report["exit"] == 0
        assert 12 not in report["checked"]
        assert "§12" in english(report["notHeld"])


def beside(sources: list[Any], values: list[bytes]) -> Case:
    """Hold the base draw with other beacons."""
    case = forge.base()
    case.manifest["beacons"] = sources
    forge.anew_with(case, values)
    return case


DRAND, LOTTERY = {"id": "drand-quicknet", "round": 1}, {"id": "lottery:ssq", "round": 2018142, "digits": 7}


@pytest.mark.parametrize(
    ("sources", "values", "word"),
    [
        ([DRAND], [b"\x01" * 48], "BLS"),
        ([LOTTERY], [b"1234567"], "lottery"),
        ([tampering.DICE, {"id": "drand-quicknet", "round": 9}], [b"7" * 20, b"\x02" * 48], "BLS"),
    ],
)
def test_beacons_that_cannot_be_checked_here_are_named(
    tmp_path: Path, sources: list[Any], values: list[bytes], word: str
) -> None:
    report = verdict(beside(sources, values), tmp_path)

    assert (report["exit"], report["verdict"], report["difference"]) == (3, "not checked", None)
    assert [word in pair["en"] for pair in report["unchecked"]] == [True]


def test_a_chain_beside_the_dice_is_checked(tmp_path: Path) -> None:
    anchor = forge.base().hasher.chain(b"\x05" * 32, 1000).hex()
    source = {"id": "chain:notary", "round": 0, "anchor": anchor, "index": 1000}

    assert verdict(beside([source, tampering.DICE], [b"\x05" * 32, b"8" * 20]), tmp_path)["exit"] == 0


def test_sm2_signatures_are_not_checked_and_named(tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["agencies"]["GA"].update(alg="sm2", key="04" + "ab" * 64)
    forge.anew(case)

    report = verdict(case, tmp_path)

    assert report["exit"] == 3
    assert report["unchecked"] == [{"zh": "GA 的 SM2 签名", "en": "SM2 signatures of GA"}]


def test_a_frame_that_is_not_given_leaves_the_rest_checked(tmp_path: Path) -> None:
    case = forge.sample("rounds")
    del case.frames["frame-640222.tsv"]

    report = verdict(case, tmp_path)

    assert report["exit"] == 3
    assert [pair["en"] for pair in report["unchecked"]] == [
        "manifest: frame of shard 640222 not given", "rounds (§11), for want of the frame",
    ]  # fmt: skip
    assert {3, 5, 6, 7, 12, 13} <= set(report["checked"])
    assert not {2, 8, 9, 10, 11} & set(report["checked"])


def weakened() -> Case:
    """A record that rests on little."""
    case = forge.without_rounds("unwitnessed")
    for party in case.manifest["agencies"].values():
        party["custody"] = "server"
    case.manifest["times"]["published"] = case.manifest["times"]["commit_close"] - 3600
    case.manifest["selections"][0]["rules"]["D"] = {"full": True}
    case.record["faults"] = [{"what": "late beacon"}]
    forge.resize(case)
    forge.anew(case)
    return case


def test_what_weakens_the_result_is_said_aloud_in_both_languages(tmp_path: Path) -> None:
    report = verdict(weakened(), tmp_path)

    assert report["exit"] == 0
    for words in (
        'custody "server" (operator): AJ, GA, JT, SJ',
        "fewer than two agencies keep their own key",
        "no witness",
        "shorter than 24 hours",
        "named, not drawn: joint D (12/12)",
        "faults on the record: 1",
        "keys: those in the record itself",
    ):
        assert words in english(report["restsOn"])
    chinese = "\n".join(pair["zh"] for pair in report["restsOn"])
    for words in (
        "平台服务器代管",
        "不足两个",
        "没有见证人",
        "不足 24 小时",
        "指定而非抽取",
        "记录中的异常",
        "取自记录本身",
    ):
        assert words in chinese


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("second-attempt", "第 1 次抽取作废：揭示期结束时仍有单位未会签（SJ）"),
        ("spent-round", "第 1 轮替换未成：没有在期限内封存"),
    ],
)
def test_what_came_to_nothing_is_told_with_its_reason_and_the_absent(tmp_path: Path, name: str, said: str) -> None:
    report = verdict(forge.sample(name), tmp_path)

    assert said in [pair["zh"] for pair in report["restsOn"]]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("lost data, round 2", "异常 1：数据丢失（第 2 轮替换）"),
        ("late beacon, round table", "异常 1：late beacon, round table"),
    ],
)
def test_only_what_the_protocol_calls_a_fault_is_translated(tmp_path: Path, what: str, said: str) -> None:
    case = forge.base()
    case.record["faults"] = [{"what": what}]

    assert said in [pair["zh"] for pair in verdict(case, tmp_path)["restsOn"]]


def staged() -> Case:
    """A staged draw that refers to other records."""
    case = forge.base()
    case.manifest["parent"] = {"manifest": "a" * 64, "result": "b" * 64}
    case.manifest["base_from"] = ["c" * 64]
    for selection in case.manifest["selections"]:
        selection["rules"] = {name: {"full": True} for name in selection["rules"]}
    forge.resize(case)
    forge.anew(case)
    return case


def test_records_that_are_referred_to_are_named(tmp_path: Path) -> None:
    report = verdict(staged(), tmp_path)

    assert report["exit"] == 0
    assert ["b" * 64 in report["notHeld"][0]["en"], "c" * 64 in report["notHeld"][1]["en"]] == [True, True]


def odd_identifiers() -> Case:
    """A draw of entities with names that a careless program trips over."""
    case = forge.base()
    names = (b"__proto__", b"-", b".", b"constructor", b"hasOwnProperty", b"toString")
    case.frames["frame-640222.tsv"] = b"".join(sorted(b"%s\tB/640221/KY\tAJ-01,SJ-01\n" % name for name in names))
    case.manifest["selections"][0]["rules"]["B"] = {"full": True}
    forge.reframe(case)
    forge.resize(case)
    forge.anew(case)
    return case


def open_slots() -> Case:
    """A draw with too few officers."""
    case = forge.base()
    for entry in case.record["teams"]["GA"]["roster"].values():
        entry[1] = 1
    forge.enroll(case)
    forge.anew(case)
    return case


def one_reveal_missing() -> Case:
    """A draw in which GA never revealed."""
    case = forge.base()
    forge.commit(case)
    forge.reveal(case, without=["GA"])
    forge.seal(case)
    forge.throw(case)
    forge.draw(case)
    return case


@pytest.mark.parametrize(
    "made", [odd_identifiers, open_slots, one_reveal_missing, tampering.second_with_everything_published]
)
def test_unusual_but_true_records_are_accepted(tmp_path: Path, made: Callable[[], Case]) -> None:
    assert verdict(made(), tmp_path)["exit"] == 0


def test_open_slots_and_missing_reveals_are_said_aloud(tmp_path: Path) -> None:
    assert "appointed, not drawn" in english(verdict(open_slots(), tmp_path)["restsOn"])
    assert "no reveal came from: GA" in english(verdict(one_reveal_missing(), tmp_path)["restsOn"])


# --- keys and head (§14) ---------------------------------------------------------------------------------------------


def test_keys_from_outside_the_record(tmp_path: Path) -> None:
    case = forge.base()
    keys = tampering.true_keys(case)
    for who in keys:
        written(case, tmp_path / who, {**keys, who: forge.public_key("stranger")})
    written(case, tmp_path / "short", {name: key for name, key in keys.items() if name != "GA"})

    reports = verified(tmp_path)

    for who in keys:
        place = "manifest.witness.key" if who == "witness" else f"manifest.agencies.{who}.key"
        assert named(reports[who]) == (1, 14, place)
    assert reports["short"]["exit"] == 3
    assert "GA" in reports["short"]["unchecked"][0]["en"]


def test_a_record_forged_under_new_keys_passes_alone_and_fails_against_the_known_keys(tmp_path: Path) -> None:
    case = forge.base()
    known = tampering.true_keys(case)
    for name, party in case.manifest["agencies"].items():
        party["key"] = forge.public_key(f"forger {name}")
    with pytest.MonkeyPatch.context() as patch:
        true_key = forge.signing_key
        patch.setattr(forge, "signing_key", lambda who: true_key(who if who == "witness" else f"forger {who}"))
        forge.anew(case)

    assert verdict(case, tmp_path)["exit"] == 0
    assert verdict(case, tmp_path, keys=known)["exit"] == 1


@pytest.mark.parametrize("name", ["rounds", "unwitnessed", "public"])
def test_a_record_cut_short_is_caught_by_the_published_head(tmp_path: Path, name: str) -> None:
    newest = forge.sample(name).record["replacements"][-1]["result_digest"]
    case = forge.without_rounds(name)

    assert verdict(case, tmp_path)["exit"] == 0
    assert named(verdict(case, tmp_path, head=newest)) == (1, 14, "--head")


@pytest.mark.parametrize("head", ["yesterday's", "A" * 64, "0" * 63])
def test_a_head_of_another_shape_is_unreadable(tmp_path: Path, head: str) -> None:
    assert verdict(forge.base(), tmp_path, head=head)["exit"] == 2


# --- beacons that were used before (§7: a value must not exist before the beacon time) -------------------------------


def round_with(source: Any, first: Any, brought: bytes) -> Case:
    """Hold the draw with *first* beside the dice, and its first round with *source* beside the dice."""
    case = forge.sample("rounds")
    case.manifest["beacons"] = [tampering.DICE, first]
    forge.anew_with(case, [b"4" * 20, brought])
    case.record["replacements"] = case.record["replacements"][:1]
    rho = case.record["replacements"][0]["rho"]
    drawn = case.record["selected"]["joint"]["D/640222/WH"]
    rho.update(dropouts=[], removed=[{**rho["removed"][0], "id": drawn[0]}], beacons=[tampering.DICE, source])
    forge.sign_round(case)
    return case


def test_a_lottery_issue_or_a_link_that_is_known_already_is_no_beacon_of_a_round(tmp_path: Path) -> None:
    link = {"id": "chain:notary", "round": 0, "anchor": forge.base().hasher.chain(b"\x05" * 32, 3).hex(), "index": 3}
    written(round_with(LOTTERY, LOTTERY, b"1234567"), tmp_path / "issue")
    written(round_with(link, link, b"\x05" * 32), tmp_path / "link")

    reports, unguarded = (
        verified(tmp_path),
        verified(tmp_path, without=[("refuseOpened(source, standing.opened,", "void (source, standing.opened,")]),
    )

    assert named(reports["issue"]) == (1, 11, "replacements[0].rho.beacons[1].round")
    assert named(reports["link"]) == (1, 11, "replacements[0].rho.beacons[1].index")
    assert "rho.beacons" not in str(unguarded["issue"]["difference"]) + str(unguarded["link"]["difference"])


def test_samples_copied_elsewhere_with_other_file_names_are_accepted(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "rounds", tmp_path / "moved")
    for number, frame in enumerate(sorted((tmp_path / "moved").glob("*.tsv"), reverse=True)):
        frame.rename(tmp_path / "moved" / f"{number}.tsv")

    assert verified(tmp_path)["moved"]["exit"] == 0
