"""Faults after the seal: shown with what proves them, told to everybody, in every record from then on; the draw stands."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from onevisit import rests_on
from runtime.errors import OneVisitError
from runtime.store import Actor
from schemas.events.draws import DrawDisclosed, DrawVoided, FaultPublished, SealAwaited
from schemas.vocabulary import Purpose, Role
from services.drawer import acts, archive, archiving, checking, fault_acts, outcomes, round_acts, timers
from services.drawer.commands import completing
from services.drawer.domain import messages
from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.faults import Kind
from services.drawer.fault_acts import Report
from services.drawer.queries.archived import kept
from services.drawer.queries.at_once import at_once_of
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.draws import draw_view
from services.drawer.queries.records import public_draw
from services.drawer.queries.rounds import round_view
from services.drawer.tables import Attempt
from services.drawer.uploads import Document
from services.drawer.working import OwnSeal
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    BEACON_TIME,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    OFFICER,
    REVEAL_CLOSE,
    SEAL_BY,
    TIMES,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    plan,
)
from tests.unit.drawer_service.test_custody import GA, SECRET, System, commitment_of, registers, system
from tests.unit.drawer_service.test_rounds import (
    ASKED_ON,
    DICE_AT,
    REASONS,
    asked_and_approved,
    open_round,
    reveal,
    sign,
    standing,
    team,
)
from tests.verifier_js import node

ROOT = Path(__file__).parents[3]
AJ = OFFICER["AJ"]
PDF = Document("情况说明.pdf", b"%PDF-1.4 our disk broke\n")


def seen(county: County, actor: Actor = AJ) -> DrawView:
    return county.service.ask(actor, draw_view, draw_id=DRAW, now=county.kit.clock.at)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(OneVisitError) as refusal:
        call()
    return refusal.value.code


def shown(value: bytes, sig: str) -> Document:
    return Document("reveal.json", json.dumps({"value": value.hex(), "sig": sig}).encode())


def reports(county: County, actor: Actor, told: Report, key: str = "fault") -> dict[str, Any]:
    return dict(fault_acts.report(county.service, actor, DRAW, told, key=f"{key}-{actor.id}-{told.kind}").value)


def published(county: County) -> list[FaultPublished]:
    return [one for one in said(county.service) if isinstance(one, FaultPublished)]


def record_of(county: County, edition: str) -> dict[str, Any]:
    files = archive.record(county.service, county.service.system, DRAW, edition=edition)
    return dict(json.loads(files.record))


def omitted(county: County) -> Document:
    """Go up to the seal of a draw in which GA's own system had its reveal ready, and the witness sealed without it."""
    ga = system("GA")
    registers(county, GA, ga.registration())
    county.open()
    county.commit("AJ", "JT", "SJ", "YG")
    m, opening, own = commitment_of(county, ga)
    acts.commit(county.service, GA, DRAW, key="commit-GA", own=own)
    county.at(COMMIT_CLOSE)
    county.countersign("AJ", "JT", "SJ", "YG")
    cd = bytes.fromhex(seen(county).commits_digest or "")
    acts.countersign(county.service, GA, DRAW, key="sign-GA", sig=ga.signs(messages.countersign_message(SHA256, m, cd)))
    county.reveal("AJ", "JT", "SJ", "YG")
    county.at(REVEAL_CLOSE)
    county.seal()
    return shown(opening, ga.signs(messages.reveal_message(SHA256, m, cd, "GA", opening)))


def drawn(county: County) -> None:
    county.at(BEACON_TIME)
    county.dice()


# ── a reveal that the witness left out ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("edition", ["full", "public"])
def test_the_witness_seals_without_a_reveal_the_agency_proves_it_and_every_verifier_says_so(
    county: County, edition: str, tmp_path: Path
) -> None:
    document = omitted(county)

    told = reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document, words="当场交给见证人"))
    drawn(county)

    evidence = hashlib.sha256(canonical(json.loads(document.content))).hexdigest()
    fault = {"what": "valid reveal not in the seal", "who": "GA", "evidence": evidence}
    assert (told["fault"], told["evidence"]) == (1, evidence)
    files = archive.record(county.service, county.service.system, DRAW, edition=edition)
    assert json.loads(files.record)["faults"] == [fault]
    assert "GA" not in json.loads(files.record)["reveals"]
    (tmp_path / "record.json").write_bytes(files.record)
    (tmp_path / "frame.tsv").write_bytes(files.frame)
    command = [sys.executable, str(ROOT / "verify_draw.py"), str(tmp_path / "record.json"), str(tmp_path / "frame.tsv")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"fault 1: valid reveal not in the seal: GA, evidence {evidence}" in run.stdout
    assert "有效的揭示没有列入封存：GA" in run.stdout
    verdict = node.verified(tmp_path)[tmp_path.name]
    assert node.named(verdict) == (0, None, None)
    assert any(evidence in pair["en"] and "fault 1" in pair["en"] for pair in verdict["restsOn"])
    report = checking.verify(files.record, [files.frame])
    said_aloud = "\n".join(rests_on.lines(report, None, None))
    assert "valid reveal not in the seal: GA" in said_aloud
    assert "有效的揭示没有列入封存" in said_aloud


def test_a_fault_is_told_to_everybody_at_once_and_voids_nothing(county: County) -> None:
    document = omitted(county)

    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document, words="当场交给见证人"))

    (heard,) = published(county)
    assert (heard.kind, heard.who, heard.round, heard.reported_by) == ("reveal_omitted", "GA", 0, "GA")
    assert not [one for one in said(county.service) if isinstance(one, DrawVoided)]
    for actor in (AJ, WITNESS):
        (one,) = seen(county, actor).faults
        assert (one.kind, one.who_name, one.reported_by, one.words) == (
            "reveal_omitted",
            "公安局",
            "公安局",
            "当场交给见证人",
        )
        assert (one.in_record, one.may_read) == (False, False)
    at_once = county.service.ask(county.service.system, at_once_of, draw_id=DRAW)
    assert at_once.told["faults"][0]["evidence"] == heard.proof
    assert json.loads(document.content)["value"] not in json.dumps(at_once.told)
    drawn(county)
    assert seen(county).faults[0].in_record
    assert seen(county).outcome is not None


def test_its_evidence_is_the_reporters_until_the_record_opens_and_then_anybodys(county: County) -> None:
    document = omitted(county)
    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document))
    drawn(county)
    service = county.service
    assert code(lambda: fault_acts.evidence(service, AJ, DRAW, 1)) == "draw.fault_no_evidence"
    assert code(lambda: fault_acts.evidence(service, AJ, DRAW, 2)) == "draw.fault_unknown"
    assert code(lambda: fault_acts.public_evidence(service, DRAW, 1)) == "draw.unknown"
    own, kind, name = fault_acts.evidence(service, GA, DRAW, 1)
    assert (kind, name) == ("application/json", "fault-1.json")

    county.at(WINDOW_END)

    content, _, _ = fault_acts.public_evidence(service, DRAW, 1)
    assert content == own == fault_acts.evidence(service, AJ, DRAW, 1)[0]
    (one,) = service.ask(service.system, public_draw, draw_id=DRAW).faults
    assert hashlib.sha256(content).hexdigest() == one.evidence
    assert (one.words, one.may_read, one.in_record) == ("", True, True)
    archived = service.ask(service.system, kept, draw_id=DRAW, edition="public")
    members = dict(archiving.members(service, archived))
    assert members["faults/1-evidence.json"] == content
    full = dict(archiving.members(service, service.ask(service.system, kept, draw_id=DRAW, edition="full")))
    assert json.loads(full["faults/1.json"])["reported_by"] == "GA"


def test_what_does_not_hold_is_refused_and_publishes_nothing(county: County) -> None:
    document = omitted(county)
    value, sig = bytes.fromhex(json.loads(document.content)["value"]), json.loads(document.content)["sig"]
    omission = Kind.REVEAL_OMITTED

    def refused(actor: Actor, told: Report) -> str:
        return code(lambda: reports(county, actor, told, key=str(told)))

    assert refused(GA, Report(omission)) == "draw.fault_evidence_missing"
    assert refused(GA, Report(omission, document=shown(b"\1" * 32, sig))) == "draw.fault_no_reveal"
    assert refused(GA, Report(omission, document=shown(value, "00" * 64))) == "draw.fault_no_reveal"
    assert refused(AJ, Report(omission, document=document)) == "draw.fault_reveal_in_seal"
    assert refused(GA, Report(omission, round=1, document=document)) == "draw.round_unknown"
    assert refused(GA, Report(omission, document=Document("x", b"{"))) == "draw.json_unreadable"
    assert refused(GA, Report(omission, document=Document("x", b"[]"))) == "draw.shape_wrong"
    assert refused(GA, Report(omission, document=Document("x", b" " * 70_000))) == "evidence.too_large"
    assert refused(GA, Report(Kind.DATA_LOST, document=document)) == "evidence.kind_refused"
    assert refused(person("GA", Role.PLANNER), Report(omission, document=document)) == "draw.parties_only"
    assert refused(person("GA", Role.WITNESS), Report(omission, document=document)) == "draw.parties_only"
    assert (published(county), seen(county).faults) == ([], [])
    assert not seen(county, person("GA", Role.PLANNER)).may_report

    reports(county, GA, Report(omission, document=document))
    assert reports(county, GA, Report(omission, document=document))["fault"] == 1  # the first answer again
    assert refused(WITNESS, Report(omission, agency="GA", document=document)) == "draw.fault_known"


def test_before_the_seal_there_is_no_fault_to_report(county: County) -> None:
    county.until_revealed()

    for kind in (Kind.BEACON_LATE, Kind.DATA_LOST):
        assert code(partial(reports, county, AJ, Report(kind, document=PDF))) == "draw.fault_before_seal"
    assert not seen(county).may_report


# ── a second seal, lost data, a late beacon ─────────────────────────────────────────────────────────────────────────


def test_a_witness_that_sealed_twice_is_found_out_by_whoever_holds_the_other_seal(county: County) -> None:
    gz = system("GZ")
    registers(county, WITNESS, gz.registration())
    county.until_revealed()
    to_seal = acts.papers(county.service, WITNESS, DRAW)["to_seal"]
    m, cd = (bytes.fromhex(one or "") for one in (seen(county).manifest_digest, seen(county).commits_digest))

    def sealed(digest: str, at: int, by: System = gz) -> dict[str, Any]:
        sig = by.signs(messages.seal_message(SHA256, m, cd, bytes.fromhex(digest), at))
        return {"digest": digest, "at": at, "witness": sig}

    first = sealed(to_seal["digest"], to_seal["at"])
    acts.seal(county.service, WITNESS, DRAW, key="s", own=OwnSeal(first["digest"], first["at"], first["witness"]))
    other = sealed("ab" * 32, to_seal["at"])

    def file(seal: dict[str, Any]) -> Document:
        return Document("seal.json", json.dumps(seal).encode())

    for wrong in (first, sealed("ab" * 32, to_seal["at"], system("YG")), {**other, "at": other["at"] + 1}):
        with pytest.raises(OneVisitError, match=r"draw\.fault_no_second_seal"):
            reports(county, AJ, Report(Kind.SECOND_SEAL, document=file(wrong)), key=str(wrong["at"]) + wrong["witness"])
    reports(county, AJ, Report(Kind.SECOND_SEAL, document=file(other)))

    (heard,) = published(county)
    assert (heard.kind, heard.who) == ("second_seal", "GZ")  # told by its id, while the record says witness
    assert fault_acts.evidence(county.service, OFFICER["SJ"], DRAW, 1)[0] == canonical(other)
    told = at_once_faults(county)
    assert told == [{"what": "second seal", "who": "witness", "evidence": heard.proof}]


def at_once_faults(county: County) -> Any:
    return county.service.ask(county.service.system, at_once_of, draw_id=DRAW).told["faults"]


def test_a_beacon_is_late_by_the_clock_and_the_draw_waits_for_it(county: County) -> None:
    county.until_sealed()
    late = Report(Kind.BEACON_LATE, words="停电")

    county.at(BEACON_TIME + timedelta(minutes=10))
    assert code(lambda: reports(county, AJ, late, key="early")) == "draw.fault_beacon_in_time"
    county.at(BEACON_TIME + timedelta(minutes=10, seconds=1))
    reports(county, AJ, late)
    assert code(lambda: reports(county, WITNESS, late)) == "draw.fault_known"
    county.dice()

    assert record_of(county, "public")["faults"] == [{"what": "late beacon"}]
    assert seen(county).outcome is not None


def test_a_beacon_that_came_in_time_is_never_late(county: County) -> None:
    county.until_drawn()
    county.at(BEACON_TIME + timedelta(days=1))

    assert code(lambda: reports(county, AJ, Report(Kind.BEACON_LATE))) == "draw.fault_beacon_in_time"


def test_a_body_says_itself_what_it_lost_with_a_document_whose_digest_is_recorded(county: County) -> None:
    county.until_sealed()

    reports(county, AJ, Report(Kind.DATA_LOST, document=PDF, words="备份码和电脑都丢了"))
    reports(county, WITNESS, Report(Kind.DATA_LOST, document=PDF))
    drawn(county)

    digest = hashlib.sha256(PDF.content).hexdigest()
    assert record_of(county, "full")["faults"] == [
        {"what": "lost data", "who": "AJ", "evidence": digest},
        {"what": "lost data", "who": "witness", "evidence": digest},
    ]
    assert [one.who for one in published(county)] == ["AJ", "GZ"]
    assert fault_acts.evidence(county.service, GA, DRAW, 1) == (PDF.content, "application/pdf", "fault-1.pdf")
    county.at(WINDOW_END)
    assert code(lambda: fault_acts.public_evidence(county.service, DRAW, 1)) == "draw.fault_no_evidence"
    public = county.service.ask(county.service.system, kept, draw_id=DRAW, edition="public")
    assert not [name for name in public.documents if name.startswith("faults/")]


# ── records written before and after ────────────────────────────────────────────────────────────────────────────────


def test_a_fault_after_the_outcome_writes_the_records_anew_and_the_result_stays(county: County) -> None:
    document = omitted(county)
    drawn(county)
    before = record_of(county, "full")
    assert before["faults"] == []

    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document))

    after = record_of(county, "full")
    assert {name for name in after if after[name] != before[name]} == {"faults"}
    assert record_of(county, "public")["faults"] == after["faults"] != []
    archived = county.service.ask(county.service.system, kept, draw_id=DRAW, edition="full")
    assert {"records/0-draw.json", "records/0-round-1-faults.json"} <= archived.documents.keys()
    members = dict(archiving.members(county.service, archived))
    assert json.loads(members["records/0-draw.json"])["faults"] == []
    assert members["record.json"] == members["records/0-round-1-faults.json"]


def test_a_fault_after_the_disclosure_is_published_with_the_record(county: County) -> None:
    document = omitted(county)
    drawn(county)
    county.at(WINDOW_END)
    service = county.service
    opened = service.ask(service.system, public_draw, draw_id=DRAW).record

    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document))

    public = service.ask(service.system, public_draw, draw_id=DRAW)
    assert public.record != opened
    assert not public.record.restricted
    assert [one.who for one in public.faults] == ["GA"]
    assert json.loads(archive.read(service, public.record))["faults"][0]["who"] == "GA"
    assert [one.record for one in said(service) if isinstance(one, DrawDisclosed)] == [opened, public.record]


def test_a_record_that_was_not_written_anew_in_time_is_written_by_the_clock(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = omitted(county)
    drawn(county)
    with monkeypatch.context() as dying:
        dying.setattr(fault_acts, "tell", lambda service, draw_id: None)
        reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document))
    assert record_of(county, "full")["faults"] == []
    with county.service.db.read(county.service.system) as session:
        assert timers.next_telling(session, county.kit.clock.at) == county.kit.clock.at

    county.at(county.kit.clock.at)

    assert record_of(county, "full")["faults"] != []
    with county.service.db.read(county.service.system) as session:
        assert timers.next_telling(session, county.kit.clock.at) is None


def test_an_outcome_worked_out_before_a_fault_was_told_is_not_written_down(county: County) -> None:
    document = omitted(county)
    county.at(BEACON_TIME)
    service = county.service
    with pytest.MonkeyPatch.context() as waiting:
        waiting.setattr(acts, "complete", lambda service, draw_id: None)
        county.dice()
    inputs = service.ask(service.system, completing.prepare_completion, draw_id=DRAW, now=county.kit.clock.at)
    done = outcomes.work_out(service.ports, inputs)
    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=document))

    with pytest.raises(OneVisitError, match=r"draw\.inputs_changed"):
        service.do(service.system, completing.complete_draw, done, key="late", draw_id=DRAW)

    county.at(county.kit.clock.at)
    assert record_of(county, "full")["faults"] != []


def test_a_fault_of_a_round_names_it_and_its_records_tell_of_all(kit: Kit, tmp_path: Path) -> None:
    county = a_county(kit, plan(replacement_reasons=REASONS))
    of_draw = omitted(county)
    drawn(county)
    reports(county, GA, Report(Kind.REVEAL_OMITTED, document=of_draw))
    county.at(ASKED_ON)
    visit = next(one for one in standing(county) if team(one, "SJ"))
    asked_and_approved(county, visit.visit, "officer_ill", "SJ", team(visit, "SJ")[0])
    number = open_round(county)
    sign(county, number)
    reveal(county, number, "AJ", "JT", "SJ", "YG")
    of_round = Report(Kind.REVEAL_OMITTED, round=number, document=shown_in_round(county, number))
    assert code(lambda: reports(county, GA, of_round, key="early")) == "draw.fault_before_seal"
    round_acts.seal(county.service, WITNESS, DRAW, number, key="seal-round")

    reports(county, GA, of_round, key="round")
    told_while_it_goes_on = [one["what"] for one in record_of(county, "full")["faults"]]
    county.at(DICE_AT)
    round_acts.throw_dice(county.service, WITNESS, DRAW, number, key="d", digits=DIGITS, again=DIGITS)

    both = ["valid reveal not in the seal", "valid reveal not in the seal, round 1"]
    assert told_while_it_goes_on == both
    assert [(one.round, one.who) for one in published(county)] == [(0, "GA"), (1, "GA")]
    files = archive.record(county.service, county.service.system, DRAW, edition="full")
    record = json.loads(files.record)
    assert ([one["what"] for one in record["faults"]], len(record["replacements"])) == (both, 1)
    (tmp_path / "record.json").write_bytes(files.record)
    (tmp_path / "frame.tsv").write_bytes(files.frame)
    verdict = node.verified(tmp_path)[tmp_path.name]
    assert node.named(verdict) == (0, None, None)
    assert any("有效的揭示没有列入封存（第 1 轮替换）：GA" in pair["zh"] for pair in verdict["restsOn"])
    members = county.service.ask(county.service.system, kept, draw_id=DRAW, edition="full").documents
    assert {"records/0-round-1-faults.json", "records/0-round-2-faults.json", "records/1-round.json"} <= members.keys()


def shown_in_round(county: County, number: int) -> Document:
    """Show what GA's own system would have revealed in a round."""
    digest = county.service.ask(AJ, round_view, draw_id=DRAW, number=number, now=county.kit.clock.at).digest
    length = acts.papers(county.service, GA, DRAW)["manifest"]["chain_len"]
    value = messages.chain(SHA256, SECRET, length)[number]
    message = messages.said_of_reveal(SHA256, (bytes.fromhex(digest),), "GA", value)
    return shown(value, system("GA").signs(message))


def test_no_live_attempt_opens_after_one_that_the_witness_was_not_shown(kit: Kit) -> None:
    county = a_county(kit, plan(purpose=Purpose.LIVE))
    county.open()
    county.at(COMMIT_CLOSE + timedelta(seconds=1))
    with county.service.db.write(county.service.system) as session:
        row = session.get_one(Attempt, f"{DRAW}.1")
        row.manifest = {**row.manifest, "purpose": "rehearsal"}
    later = {name: moment + timedelta(days=1, hours=1) for name, moment in TIMES.__dict__.items()}

    assert code(partial(county.open, **later)) == "draw.previous_not_shown"


# ── a seal without a witness waits ──────────────────────────────────────────────────────────────────────────────────


def awaited(county: County) -> list[SealAwaited]:
    return [one for one in said(county.service) if isinstance(one, SealAwaited)]


def test_agencies_are_called_once_when_their_seal_waits_for_them(kit: Kit) -> None:
    county = a_county(kit, plan(witness=None, replacement_reasons=REASONS))
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "JT", "SJ")
    county.at(county.kit.clock.at)
    assert awaited(county) == []
    county.reveal("GA", "YG")
    acts.seal(county.service, OFFICER["SJ"], DRAW, key="first")

    county.at(county.kit.clock.at)
    county.at(county.kit.clock.at + timedelta(minutes=1))

    (call,) = awaited(county)
    assert (call.agencies, call.needed, call.round) == (("AJ", "GA", "JT", "YG"), 3, 0)


def test_with_a_reveal_missing_they_are_called_when_the_reveals_close(kit: Kit) -> None:
    county = a_county(kit, plan(witness=None))
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "JT", "SJ", "YG")
    with county.service.db.read(county.service.system) as session:
        assert timers.next_call(session, county.kit.clock.at) == REVEAL_CLOSE

    county.at(REVEAL_CLOSE)

    assert [one.seal_by for one in awaited(county)] == [SEAL_BY]


def test_nobody_is_called_where_a_witness_seals(county: County) -> None:
    county.until_revealed()

    county.at(REVEAL_CLOSE)

    assert awaited(county) == []


def test_they_are_called_in_a_round_too(kit: Kit) -> None:
    county = a_county(kit, plan(witness=None, replacement_reasons=REASONS))
    county.until_revealed()
    for agency in ("SJ", "AJ", "JT"):
        acts.seal(county.service, OFFICER[agency], DRAW, key=f"seal-{agency}")
    county.at(BEACON_TIME)
    for agency in ("SJ", "GA", "YG"):
        acts.throw_dice(county.service, OFFICER[agency], DRAW, key=f"d-{agency}", digits=DIGITS, again=DIGITS)
    county.at(ASKED_ON)
    visit = next(one for one in standing(county) if team(one, "SJ"))
    asked_and_approved(county, visit.visit, "officer_ill", "SJ", team(visit, "SJ")[0])
    number = open_round(county)
    sign(county, number)
    reveal(county, number)

    county.at(county.kit.clock.at)

    assert [(one.round, one.needed, len(one.agencies)) for one in awaited(county)] == [(1, 3, 5)]
