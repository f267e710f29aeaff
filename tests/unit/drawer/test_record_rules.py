"""The drawer's own check of a record refuses whatever the stand-alone verifier refuses, by a name of its own."""

import json
from typing import Any

import pytest

from runtime.errors import OneVisitError
from services.drawer import sm2
from services.drawer.checking import RecordDiffers, verify
from services.drawer.domain.canonical import JsonUnreadable
from services.drawer.domain.record_reader import read_record
from services.drawer.domain.shape import ShapeWrong
from tests.unit.verifier import forge, test_rounds, test_tampering
from tests.unit.verifier.forge import Case

EDITS = [*test_tampering.EDITS, *test_rounds.EDITS]


def checked(case: Case) -> Any:
    return verify(json.dumps(case.record).encode(), list(case.frames.values()))


@pytest.mark.parametrize(("start", "change"), [pytest.param(*one.values[:2], id=one.id) for one in EDITS])
def test_tampering_is_refused_by_name(start: Any, change: Any) -> None:
    case = start()
    change(case)

    with pytest.raises(OneVisitError) as caught:
        checked(case)

    assert caught.value.code.startswith("draw.")
    if caught.value.code == "draw.signature_wrong":  # not for something else that merely lost its signature
        assert any(word in change.__name__ for word in ("sign", "seal", "dice", "commitment", "request_changed"))


def test_the_records_that_forgeries_start_from_are_accepted() -> None:
    for start in {edit.values[0] for edit in EDITS}:
        if start().frames:
            assert checked(start()).not_checked == ()


def test_a_party_with_sm2_is_said_not_to_be_checked_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sm2, "installed", lambda: False)
    case = forge.base()
    case.manifest["agencies"]["GA"].update(alg="sm2", key="04" + "ab" * 64)
    forge.anew(case)

    assert checked(case).not_checked == ("signatures sm2",)


def test_a_lottery_is_said_not_to_be_checked() -> None:
    case = forge.base()
    case.manifest["beacons"] = [{"id": "lottery:ssq", "round": 2018142, "digits": 7}]
    forge.anew_with(case, [b"1234567"])

    assert checked(case).not_checked == ("beacon lottery:ssq 2018142",)


def test_the_frame_of_an_earlier_attempt_that_is_not_given_is_said_not_to_be_checked() -> None:
    case = test_tampering.second()
    (first,) = case.record["attempts"]
    other = Case(
        {"manifest": first["manifest"]}, {name: file[file.index(b"\n") + 1 :] for name, file in case.frames.items()}
    )
    forge.reframe(other)
    forge.resize(other)
    case.manifest["prev"] = forge.manifest_digest(first["manifest"]).hex()
    forge.anew(case)

    assert checked(case).not_checked == ("attempts.0.frame",)


def test_faults_stand_in_the_record_as_they_were_told() -> None:
    case = forge.base()
    case.record["faults"] = [{"what": "late beacon"}, {"what": "lost data", "who": "县网信办", "evidence": "e" * 64}]

    told = read_record(case.record)

    assert [(one.what, one.who, one.evidence) for one in told.faults] == [
        ("late beacon", None, None),
        ("lost data", "县网信办", "e" * 64),
    ]
    assert checked(case).not_checked == ()


def test_an_agency_without_work_opens_an_empty_roster_or_is_refused() -> None:
    case = forge.base()
    key = forge.public_key("ZJ")
    case.manifest["agencies"]["ZJ"] = {"alg": "ed25519", "key": key, "custody": "own"}
    case.record["teams"]["ZJ"] = {"assigned": {}, "rho": "0" * 64, "roster": {}, "recused": []}
    forge.anew(case)

    assert checked(case).not_checked == ()

    case.record["teams"]["ZJ"]["roster"] = {"f" * 64: [[], 1, 0]}
    with pytest.raises(RecordDiffers) as caught:
        checked(case)
    assert caught.value.facts == {"where": "teams.ZJ.roster"}


def test_public_teams_are_those_of_the_work_list() -> None:
    case = test_tampering.public()
    case.record["teams"]["GA"]["assigned"].popitem()

    with pytest.raises(RecordDiffers) as caught:
        checked(case)

    assert caught.value.facts == {"where": "teams.GA"}


@pytest.mark.parametrize(("content", "refusal"), [(b"[]", ShapeWrong), (b"{", JsonUnreadable), (b"{}", ShapeWrong)])
def test_what_is_no_record_is_refused(content: bytes, refusal: type[OneVisitError]) -> None:
    with pytest.raises(refusal):
        verify(content, [])


@pytest.mark.parametrize("start", [forge.base, test_tampering.public, test_rounds.two_rounds])
def test_a_record_without_one_of_its_frames_is_checked_as_far_as_it_goes(start: Any) -> None:
    case = start()
    case.frames.popitem()

    told = checked(case)

    rounds = ["replacements"] if case.record["replacements"] else []
    assert told.not_checked == ("manifest.frame", *rounds)
    for part in ("visits_root", "result_digest", "seed"):
        forged = start()
        forged.frames.popitem()
        forged.record[part] = "0" * 64
        with pytest.raises(RecordDiffers) as caught:
            checked(forged)
        assert caught.value.facts == {"where": part}


def test_keys_and_head_from_outside_are_held_against_the_record() -> None:
    case = forge.base()
    keys = {who: told["key"] for who, told in case.manifest["agencies"].items()}
    keys["witness"] = case.manifest["witness"]["key"]
    record, frames = json.dumps(case.record).encode(), list(case.frames.values())

    assert verify(record, frames, keys, case.record["result_digest"]).not_checked == ()
    some = {who: key for who, key in keys.items() if who != "witness"}
    assert verify(record, frames, some).not_checked == ("key witness",)
    for given, head in ((keys | {"GA": "ab" * 32}, None), (None, "0" * 64)):
        with pytest.raises(RecordDiffers, match="--keys" if given else "--head"):
            verify(record, frames, given, head)
