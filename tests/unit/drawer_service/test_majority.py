"""A draw without a witness: more than half of the agencies seal and sign the dice, and every verifier takes the record."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import OneVisitError
from schemas.events.draws import DrawCompleted, DrawVoided, RevealsSealed
from schemas.vocabulary import Role
from services.drawer import acts, archive, checking, round_acts
from services.drawer.progress import Act, Stage
from services.drawer.queries.attempts import DrawView, dice_photo
from services.drawer.queries.draws import draw_view, tasks_of
from services.drawer.queries.rounds import round_view
from services.drawer.uploads import Document
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    REVEAL_CLOSE,
    SEAL_BY,
    WITNESS,
    County,
    a_county,
    plan,
)
from tests.unit.drawer_service.test_rounds import (
    ASKED_ON,
    DICE_AT,
    REASONS,
    asked_and_approved,
    open_round,
    reveal,
    sign,
    standing,
    visits,
)
from tests.verifier_js import node

ROOT = Path(__file__).parents[3]
WRONG = DIGITS[::-1]
PHOTO = Document("骰子.png", b"\x89PNG\r\n\x1a\n twenty dice\n")


@pytest.fixture
def county(kit: Kit) -> County:
    """A county whose plan names no witness."""
    return a_county(kit, plan(witness=None, replacement_reasons=REASONS))


def seal(county: County, agency: str) -> dict[str, Any]:
    return dict(acts.seal(county.service, OFFICER[agency], DRAW, key=f"seal-{agency}").value)


def throw(county: County, agency: str, digits: str = DIGITS, photo: Document | None = None) -> dict[str, Any]:
    key = f"dice-{agency}-{digits}"
    reply = acts.throw_dice(county.service, OFFICER[agency], DRAW, key=key, digits=digits, again=digits, photo=photo)
    return dict(reply.value)


def seen(county: County, agency: str = "GA") -> DrawView:
    return county.service.ask(OFFICER[agency], draw_view, draw_id=DRAW, now=county.kit.clock.at)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(OneVisitError) as refusal:
        call()
    return refusal.value.code


def until_drawn(county: County) -> None:
    county.until_revealed()
    for agency in ("SJ", "AJ", "JT"):
        seal(county, agency)
    county.at(BEACON_TIME)
    for agency in ("SJ", "GA", "YG"):
        throw(county, agency)


def verified(county: County, folder: Path, edition: str) -> Any:
    files = archive.record(county.service, county.service.system, DRAW, edition=edition)
    (folder / "record.json").write_bytes(files.record)
    (folder / "frame.tsv").write_bytes(files.frame)
    command = [sys.executable, ROOT / "verify_draw.py", folder / "record.json", folder / "frame.tsv"]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert node.named(node.verified(folder)[folder.name]) == (0, None, None)
    checking.verify(files.record, [files.frame])
    return json.loads(files.record)


@pytest.mark.parametrize("edition", ["full", "public"])
def test_more_than_half_seal_and_sign_the_dice_and_all_three_verifiers_take_the_record(
    county: County, edition: str, tmp_path: Path
) -> None:
    until_drawn(county)

    record = verified(county, tmp_path, edition)

    assert record["manifest"]["witness"] is None
    assert list(record["seal"]["agencies"]) == ["AJ", "JT", "SJ"]
    assert list(record["beacons"][0]["proof"]["agencies"]) == ["GA", "SJ", "YG"]
    assert [one.visits for one in said(county.service) if isinstance(one, DrawCompleted)] == [11]


def test_it_is_sealed_by_the_third_of_five_and_not_before(county: County) -> None:
    county.until_revealed()
    assert (seen(county).stage, seen(county).can) == (Stage.SEAL, [Act.SEAL])

    first = seal(county, "SJ")
    county.at(county.kit.clock.at + timedelta(seconds=30))
    second = seal(county, "AJ")

    assert (first["waits_for"], second["waits_for"]) == (2, 1)
    assert first["reveals_digest"] == second["reveals_digest"]
    assert (seen(county).seal, seen(county).stage) == (None, Stage.SEAL)
    assert seen(county, "SJ").can == []
    assert not [one for one in said(county.service) if isinstance(one, RevealsSealed)]
    third = seal(county, "JT")
    assert "waits_for" not in third
    assert seen(county).stage == Stage.DICE
    assert [one.missing for one in said(county.service) if isinstance(one, RevealsSealed)] == [()]
    assert code(lambda: seal(county, "GA")) == "draw.seal_already_set"


def test_a_repeated_signature_gets_its_first_answer_and_a_second_one_is_refused(county: County) -> None:
    county.until_revealed()
    first = seal(county, "SJ")

    assert seal(county, "SJ") == first
    again = code(lambda: acts.seal(county.service, OFFICER["SJ"], DRAW, key="anew"))

    assert again == "draw.already_said"


def test_the_first_signature_ends_the_reveals_and_the_absent_is_named(county: County, tmp_path: Path) -> None:
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "GA", "JT", "SJ")
    assert code(lambda: seal(county, "GA")) == "draw.seal_too_early"
    county.at(REVEAL_CLOSE)
    assert seen(county, "YG").can == [Act.REVEAL]

    seal(county, "GA")

    assert code(lambda: county.reveal("YG")) == "draw.reveal_too_late"
    assert seen(county, "YG").can == [Act.SEAL]
    seal(county, "YG")
    seal(county, "AJ")
    assert [one.missing for one in said(county.service) if isinstance(one, RevealsSealed)] == [("YG",)]
    county.at(BEACON_TIME)
    for agency in ("SJ", "GA", "YG"):
        throw(county, agency)
    assert sorted(verified(county, tmp_path, "public")["reveals"]) == ["AJ", "GA", "JT", "SJ"]


def test_too_few_signatures_in_time_void_the_attempt_and_name_who_did_not_sign(county: County) -> None:
    county.until_revealed()
    seal(county, "SJ")
    seal(county, "AJ")

    county.at(SEAL_BY + timedelta(seconds=1))

    voided = [one for one in said(county.service) if isinstance(one, DrawVoided)]
    assert [(one.reason, one.absent) for one in voided] == [("seal_missing", ("GA", "JT", "YG"))]
    assert code(lambda: seal(county, "JT")) == "draw.attempt_over"


def test_dice_read_differently_stand_when_more_than_half_agree(county: County) -> None:
    county.until_revealed()
    for agency in ("SJ", "AJ", "JT"):
        seal(county, agency)
    assert seen(county).can == []
    county.at(BEACON_TIME)
    assert throw(county, "SJ", WRONG)["waits_for"] == 2
    assert seen(county, "SJ").can == []

    assert throw(county, "GA", photo=PHOTO)["waits_for"] == 2
    assert seen(county, "SJ").can == [Act.DICE]
    assert {one.agency: one.dice for one in seen(county).agencies if one.dice} == {"GA": DIGITS, "SJ": WRONG}
    assert throw(county, "SJ")["waits_for"] == 1
    assert code(lambda: acts.throw_dice(county.service, OFFICER["SJ"], DRAW, key="3", digits=DIGITS, again=DIGITS)) == (
        "draw.already_said"
    )
    assert throw(county, "YG") == {"draw": DRAW, "attempt": 1}

    assert seen(county).stage == Stage.DRAWN
    assert county.service.ask(LEAD, dice_photo, draw_id=DRAW)[0] == PHOTO.name
    assert code(lambda: throw(county, "AJ")) == "draw.beacon_unexpected"


def test_who_is_no_agency_of_the_draw_has_no_say_in_the_seal(county: County) -> None:
    county.until_revealed()

    for actor, refusal in ((person("GA", Role.PLANNER), "draw.officer_only"), (WITNESS, "draw.unknown")):
        assert code(partial(acts.seal, county.service, actor, DRAW, key="s")) == refusal
    assert [one.can for one in county.service.ask(OFFICER["GA"], tasks_of, now=county.kit.clock.at).acts] == [
        [Act.SEAL]
    ]


def test_a_round_is_sealed_by_more_than_half_too(county: County, tmp_path: Path) -> None:
    until_drawn(county)
    county.at(ASKED_ON)
    gone = visits(county)[0]
    asked_and_approved(county, gone.visit, "moved_out", gone.teams[0].agency)
    number = open_round(county)
    sign(county, number)
    reveal(county, number)

    def sealed(agency: str) -> dict[str, Any]:
        return dict(round_acts.seal(county.service, OFFICER[agency], DRAW, number, key=f"s-{agency}").value)

    assert [sealed(agency).get("waits_for") for agency in ("YG", "SJ", "AJ")] == [2, 1, None]
    county.at(DICE_AT)
    for agency, digits in (("GA", DIGITS), ("AJ", WRONG), ("SJ", WRONG), ("YG", WRONG)):
        round_acts.throw_dice(
            county.service, OFFICER[agency], DRAW, number, key=f"d-{agency}", digits=digits, again=digits
        )

    view = county.service.ask(LEAD, round_view, draw_id=DRAW, number=number, now=county.kit.clock.at)
    assert (view.stage, view.digits) == ("closed", WRONG)
    assert len(standing(county)) == 11
    record = verified(county, tmp_path, "full")
    assert list(record["replacements"][0]["seal"]["agencies"]) == ["AJ", "SJ", "YG"]


def test_a_plan_of_one_agency_without_a_witness_is_refused_at_the_opening(kit: Kit) -> None:
    told = plan(witness=None, max_missing=0)
    alone = told.model_copy(update={"agencies": told.agencies[2:3], "items": told.items[2:3]})
    county = a_county(kit, alone)

    assert told.agencies[2].agency == "JT"
    assert code(county.open) == "draw.single_without_witness"


def test_every_agency_is_asked_for_its_seal_in_a_rehearsal_without_dice_too(kit: Kit) -> None:
    county = a_county(kit, plan(witness=None, dice=None))
    county.until_revealed()
    for agency in ("SJ", "AJ", "JT"):
        seal(county, agency)

    assert seen(county).stage == Stage.DRAWN
    assert {one.agency for one in seen(county).agencies if one.sealed_at} == {"AJ", "JT", "SJ"}
    assert tuple(one.agency for one in seen(county).agencies) == AGENCIES
