"""Five agencies, 110 entities, one notary: the whole ceremony on a real database, and its record checked twice."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from sqlalchemy import select

from runtime.time.timers import next_due, run_due
from schemas.blobs import BlobRef
from schemas.documents import WorkList
from schemas.events.draws import (
    CommitmentReceived,
    DrawCompleted,
    DrawDisclosed,
    DrawOpened,
    DrawsPayload,
    RevealsSealed,
)
from services.drawer import acts, archive, checking
from services.drawer.checking import RecordDiffers
from services.drawer.domain.refusals import DrawRefused
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view
from services.drawer.queries.keys import public_keys
from services.drawer.tables import OutcomeRow
from tests.kit import Kit, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    CAMPAIGN,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    OFFICERS,
    OPENED,
    SEAL_BY,
    TIMES,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    confirmed,
    entities,
    frozen,
    plan,
    rosters,
)

ROOT = Path(__file__).parents[3]
SCHEMAS = (ROOT / "schemas", ROOT.parent / "shared" / "reference")


def _events(county: County) -> list[DrawsPayload]:
    return [one for one in said(county.service) if isinstance(one, DrawsPayload)]


def _schema(name: str) -> dict[str, object]:
    found = [folder / name for folder in SCHEMAS if (folder / name).exists()]
    if not found:
        pytest.skip(f"{name} is not here")
    told: dict[str, object] = json.loads(found[0].read_text("utf-8"))
    return told


def test_a_draw_of_five_agencies_says_each_step_once_and_visits_eleven_targets(drawn: County) -> None:
    told = _events(drawn)

    assert [type(one) for one in told] == [DrawOpened, *[CommitmentReceived] * 5, RevealsSealed, DrawCompleted]
    done = told[-1]
    assert isinstance(done, DrawCompleted)
    assert (done.draw, done.visits, done.agencies, done.disclose_at) == (DRAW, 11, AGENCIES, WINDOW_END)
    received = [one.received for one in told if isinstance(one, CommitmentReceived)]
    assert received == [1, 2, 3, 4, 5]


def test_the_work_list_names_visits_by_draw_number_and_officers_by_staff_number(drawn: County) -> None:
    done = next(one for one in _events(drawn) if isinstance(one, DrawCompleted))
    assert done.work.readers == ("notifier", "results")

    work = WorkList.model_validate_json(drawn.kit.blobs.get(done.work, "results"))

    assert [one.visit for one in work.visits] == [f"V-640221-2018-001-{number:02d}" for number in range(1, 12)]
    assert {one.target for one in work.visits} <= entities().keys()
    assert sum(len(one.teams) for one in work.visits) == done.sections
    for visit in work.visits:
        category = visit.stratum.removeprefix("K1/")
        assert entities()[visit.target] == category
        for team in visit.teams:
            assert len(team.officers) == len(set(team.officers)) == 2
            assert all(one is not None and one.startswith(f"{team.agency}-") for one in team.officers)
            assert not ("YG-02" in team.officers and category == "hazmat")
            assert not ("GA-03" in team.officers and category == "bus")
    for stratum in {one.stratum for one in work.visits}:
        ranks = sorted(one.ticket_rank for one in work.visits if one.stratum == stratum)
        assert ranks == list(range(1, len(ranks) + 1))


def test_visit_numbers_follow_the_blinded_leaves_and_not_the_targets(drawn: County) -> None:
    visits = drawn.service.ask(LEAD, drawn_list, draw_id=DRAW)

    targets = [one.target for one in visits]

    assert targets != sorted(targets)


@pytest.mark.parametrize("edition", ["full", "public"])
def test_the_record_has_the_shape_of_its_schema(drawn: County, edition: str) -> None:
    files = archive.record(drawn.service, drawn.service.system, DRAW, edition=edition)
    manifest = Resource.from_contents(_schema("draw-manifest.schema.json"))
    registry: Registry[Any] = Registry().with_resource("draw-manifest.schema.json", manifest)

    record = json.loads(files.record)

    jsonschema.Draft202012Validator(_schema("draw-record.schema.json"), registry=registry).validate(record)
    assert record["edition"] == edition


@pytest.mark.parametrize("edition", ["full", "public"])
def test_the_stand_alone_verifier_accepts_the_record(drawn: County, edition: str, tmp_path: Path) -> None:
    files = archive.record(drawn.service, drawn.service.system, DRAW, edition=edition)
    record, frame, keys = tmp_path / "record.json", tmp_path / "frame.tsv", tmp_path / "keys.json"
    record.write_bytes(files.record)
    frame.write_bytes(files.frame)
    public = drawn.service.ask(LEAD, public_keys)
    keys.write_text(json.dumps({"witness" if one.agency == "GZ" else one.agency: one.key for one in public}))

    run = subprocess.run(
        [sys.executable, ROOT / "verify_draw.py", record, frame, "--keys", keys], capture_output=True, text=True
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_our_own_core_accepts_the_record_and_says_what_it_did_not_check(drawn: County) -> None:
    full = archive.full_record(drawn.service, DRAW)
    public = archive.record(drawn.service, drawn.service.system, DRAW, edition="public")

    checked, checked_public = checking.verify(full.record, [full.frame]), checking.verify(public.record, [public.frame])

    assert (checked.draw, checked.targets, checked.not_checked) == (DRAW, 11, ())
    assert (checked_public.result_digest, checked_public.not_held) == (checked.result_digest, ("teams",))
    assert [one.code for one in checked.remarks] == ["draw.said.keys_with_operator"]


@pytest.mark.parametrize(
    "part", ["seed", "selected", "work", "visits_root", "result_digest", "manifest_digest", "commits_digest"]
)
@pytest.mark.parametrize("edition", ["full", "public"])
def test_a_record_changed_afterwards_is_found_out(drawn: County, part: str, edition: str) -> None:
    files = archive.record(drawn.service, drawn.service.system, DRAW, edition=edition)
    record = json.loads(files.record)
    record[part] = "0" * 64 if isinstance(record[part], str) else {}

    with pytest.raises(RecordDiffers) as refusal:
        checking.verify(json.dumps(record).encode(), [files.frame])

    assert refusal.value.facts == {"where": part}


@pytest.mark.parametrize("part", ["commits", "countersignatures", "reveals", "seal", "beacons", "teams"])
def test_what_was_said_cannot_be_changed_in_a_record(drawn: County, part: str) -> None:
    files = archive.full_record(drawn.service, DRAW)
    record = json.loads(files.record)
    _spoil(record[part])

    with pytest.raises(DrawRefused):
        checking.verify(json.dumps(record).encode(), [files.frame])


def _spoil(value: Any) -> None:
    """Turn round the first text of 128 or 64 hex characters, or two officers."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for name, item in items:
        if isinstance(item, str) and len(item) in (64, 128):
            value[name] = item[::-1]
            return
        if isinstance(item, dict | list) and item:
            _spoil(item)
            return


def test_another_frame_is_found_out(drawn: County) -> None:
    files = archive.full_record(drawn.service, DRAW)

    with pytest.raises(RecordDiffers):
        checking.verify(files.record, [files.frame.replace(b"bus", b"boat", 1)])


def test_at_the_end_of_the_inspection_stage_record_and_frame_are_opened(county: County) -> None:
    county.until_drawn()
    due = next_due(county.service, county.kit.clock.at)
    assert due is not None
    assert (due[0], due[1].name) == (WINDOW_END, "drawer.disclose")

    county.at(WINDOW_END)

    told = _events(county)[-1]
    assert isinstance(told, DrawDisclosed)
    assert not told.record.restricted
    assert not told.frame.restricted
    record, frame = county.kit.blobs.get(told.record, "anybody"), county.kit.blobs.get(told.frame, "anybody")
    assert checking.verify(record, [frame]).edition == "public"
    assert next_due(county.service, WINDOW_END) is None
    county.at(WINDOW_END)
    assert len([one for one in _events(county) if isinstance(one, DrawDisclosed)]) == 1


def test_a_record_that_cannot_be_opened_keeps_no_other_waiting(county: County) -> None:
    second = replace(county, campaign="C-640221-2018-002", draw="D-640221-2018-002")
    agreed, given = plan(campaign=second.campaign), rosters(campaign=second.campaign)
    county.kit.feed(county.service, confirmed(county.kit, agreed), frozen(county.kit, given))
    for each in (county, second):
        each.open()
        each.commit()
    for each in (county, second):
        each.countersign()
        each.reveal()
        each.seal(key=f"seal {each.draw}")
    county.at(BEACON_TIME)
    for each in (county, second):
        each.dice(key=f"dice {each.draw}")
    with county.service.db.read(county.service.system) as session:
        kept = session.scalars(select(OutcomeRow).where(OutcomeRow.draw == county.draw)).one()
        digest = BlobRef.model_validate(kept.public_record).digest
    next((county.kit.folder / "blobs").rglob(digest)).unlink()
    county.kit.clock.at = WINDOW_END
    told: list[tuple[str, str]] = []

    run_due(county.service, WINDOW_END, tell=lambda timer, error: told.append((timer, type(error).__name__)))

    assert told == [(f"drawer.disclose {county.draw}", "BlobMissing")]
    assert [one.draw for one in _events(county) if isinstance(one, DrawDisclosed)] == [second.draw]


def test_two_runs_of_a_demonstration_end_in_the_same_record(drawn: County, kit: Kit) -> None:
    again = a_county(kit)
    again.until_drawn()

    assert archive.full_record(again.service, DRAW) == archive.full_record(drawn.service, DRAW)


def test_a_rehearsal_without_dice_is_worked_out_at_the_seal(kit: Kit) -> None:
    county = a_county(kit, plan(dice=None))

    county.until_sealed()

    assert isinstance(_events(county)[-1], DrawCompleted)
    files = archive.full_record(county.service, DRAW)
    assert json.loads(files.record)["beacons"] == []
    assert checking.verify(files.record, [files.frame]).targets == 11


def test_a_draw_that_is_open_at_once_is_disclosed_when_it_is_drawn(kit: Kit) -> None:
    county = a_county(kit, plan(disclosure="open"))
    county.until_drawn()

    county.at(BEACON_TIME)

    assert isinstance(_events(county)[-1], DrawDisclosed)


def test_the_outcome_is_worked_out_by_the_clock_where_the_witness_request_died_before(county: County) -> None:
    county.until_sealed()
    county.at(BEACON_TIME)
    complete, acts.complete = acts.complete, lambda service, draw_id: None
    try:
        county.dice()
    finally:
        acts.complete = complete
    assert not any(isinstance(one, DrawCompleted) for one in _events(county))

    county.at(BEACON_TIME)

    assert isinstance(_events(county)[-1], DrawCompleted)


def test_a_missing_reveal_within_the_bound_stays_on_the_record_and_the_draw_goes_on(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "GA", "JT", "SJ")
    county.at(SEAL_BY)
    county.seal()
    sealed = _events(county)[-1]
    assert isinstance(sealed, RevealsSealed)
    assert sealed.missing == ("YG",)

    county.at(BEACON_TIME)
    county.dice()

    files = archive.full_record(county.service, DRAW)
    assert "YG" not in json.loads(files.record)["reveals"]
    assert checking.verify(files.record, [files.frame]).targets == 11


def test_own_dice_are_mixed_into_an_agencys_secret(kit: Kit, drawn: County) -> None:
    county = a_county(kit)
    county.open()

    acts.commit(county.service, OFFICER["AJ"], DRAW, key="c", own_dice="271828")

    mixed = next(one for one in _events(county) if isinstance(one, CommitmentReceived))
    plain = next(one for one in _events(drawn) if isinstance(one, CommitmentReceived))
    assert (mixed.agency, plain.agency) == ("AJ", "AJ")
    assert mixed.commitment != plain.commitment
    county.commit("GA", "JT", "SJ", "YG")
    county.countersign()
    county.reveal()
    county.seal()


def test_a_repeated_request_answers_again_and_does_nothing(county: County) -> None:
    first = acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")
    county.at(COMMIT_CLOSE)  # also when the same request would be refused by now

    again = acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")

    assert again.value == first.value
    assert len([one for one in _events(county) if isinstance(one, DrawOpened)]) == 1


def test_every_repeated_act_answers_again_and_does_nothing(county: County) -> None:
    county.until_sealed()
    county.at(BEACON_TIME)
    county.dice()
    before = _events(county)
    county.kit.clock.at = OPENED
    county.commit("AJ")
    county.kit.clock.at = COMMIT_CLOSE
    county.countersign("AJ")
    county.reveal("AJ")
    county.seal()
    county.dice()

    assert _events(county) == before


def test_witness_names_and_numbers_come_from_what_was_heard(drawn: County) -> None:
    view = drawn.service.ask(WITNESS, draw_view, draw_id=DRAW, now=drawn.kit.clock.at)

    assert view.witness is not None
    assert view.witness.name == "平罗公证处"
    assert (view.frame.entities, view.drawn) == (110, 11)
    assert view.dice is not None
    assert view.dice.digits == DIGITS
    found = acts.feasibility(drawn.service, LEAD, CAMPAIGN)
    assert {name: one.inspectors for name, one in found.manifest.rosters.items()} == OFFICERS
