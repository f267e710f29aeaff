"""What follows from one fact by the rule table."""

from datetime import date
from typing import Any

import pytest

from runtime.time.lights import end_of_day
from schemas.events.draws import FaultPublished, RevealsSealed, SealAwaited
from schemas.events.payload import Payload
from schemas.vocabulary import ReferralMode
from services.notifier.domain.duties import Outcome
from services.notifier.domain.hearing import Around, Closing, Fact, Heard, hear
from services.notifier.handlers.notices import short
from services.notifier.rules import RULES
from tests.kit import Kit
from tests.unit.notifier import county
from tests.unit.notifier.county import AGENCIES, REFERRAL, VISITS, at

NOW = at("2018-12-03")
DRAW = Around({"lead": "JT", "agencies": AGENCIES, "witness": "GZ"})
VISIT = Around({"lead": "JT", "agencies": AGENCIES}, teams={"GA": ("GA001", "GA002")})
THREAD = Around({"external": False, "reporters": ("JT",)})


def heard(payload: Payload, around: Around | None = None) -> Heard:
    return hear(RULES, Fact("e1", short(type(payload)), NOW, payload.model_dump()), around or Around())


def told(found: Heard) -> list[tuple[str, str]]:
    return [(line.code, line.agency) for line in found.announcements]


def test_an_event_without_a_rule_has_no_consequence() -> None:
    assert heard(county.closed("GA", "x")) == Heard()


def test_a_proposal_asks_the_partners_and_opens_everybodys_part() -> None:
    found = heard(county.proposed())

    assert told(found) == [("campaign.proposed", "GA"), ("campaign.proposed", "SJ")]
    assert found.announcements[0].facts == {
        "number": "平交联查〔2018〕1号",
        "title": "道路运输行业联合抽查",
        "lead": "JT",
        "respond_due_on": "2018-11-30",
    }
    assert [(each.duty, each.agency, each.due_on) for each in found.openings] == [
        ("confirm_part", code, date(2018, 11, 30)) for code in AGENCIES
    ]
    assert found.openings[0].due_at == end_of_day(date(2018, 11, 30))
    assert found.openings[0].source == "NX-2018"


def test_the_agency_that_did_it_is_not_told_of_it() -> None:
    around = Around({"lead": "JT", "agencies": AGENCIES})

    assert told(heard(county.partner_confirmed("GA"), around)) == [("partner.confirmed", "JT")]
    assert told(heard(county.partner_confirmed("JT"), around)) == []


def test_a_report_is_owed_by_the_partners_only(kit: Kit) -> None:
    found = heard(county.confirmed(kit))

    assert [(each.duty, each.agency) for each in found.openings] == [("report_to_lead", "GA"), ("report_to_lead", "SJ")]
    assert found.closings == (Closing(county.CAMPAIGN, "confirm_part", None, Outcome.ENDED),)


def test_a_cancellation_says_so() -> None:
    assert heard(county.campaign_cancelled(), Around({"lead": "JT", "agencies": AGENCIES})).cancels
    assert not heard(county.campaign_closed(), Around({"lead": "JT", "agencies": AGENCIES})).cancels


def test_times_of_a_draw_are_moments_and_its_completion_a_day(kit: Kit) -> None:
    found = {(each.duty, each.agency): each for each in heard(county.draw_opened(kit, at("2018-12-03"))).openings}

    assert found["commit", "GA"].due_at == at("2018-12-03", "09:30")
    assert found["seal", "GZ"].due_at == at("2018-12-03", "10:30")
    assert found["complete_draw", "JT"].due_at == end_of_day(date(2018, 12, 3))
    assert set(found) == {(d, a) for d in ("commit", "reveal") for a in AGENCIES} | {
        ("seal", "GZ"),
        ("complete_draw", "JT"),
    }


def test_without_a_witness_nobody_seals(kit: Kit) -> None:
    opened = county.draw_opened(kit, at("2018-12-03")).model_copy(update={"witness": None})

    assert "seal" not in {each.duty for each in heard(opened).openings}


def test_countersignatures_are_asked_for_with_the_last_commitment_only() -> None:
    assert told(heard(county.committed("GA", 2), DRAW)) == []
    assert told(heard(county.committed("GA", 3), DRAW)) == [("commitments.complete", code) for code in AGENCIES]


def test_who_did_not_reveal_is_told_so_and_has_not_fulfilled_it() -> None:
    found = heard(county.sealed(NOW, "SJ"), DRAW)

    assert ("reveal.missing", "SJ") in told(found)
    assert found.closings[:2] == (
        Closing(county.DRAW, "reveal", ("SJ",), Outcome.ENDED),
        Closing(county.DRAW, "reveal", None, Outcome.FULFILLED),
    )


def test_every_officer_drawn_is_told_how_many_visits(kit: Kit) -> None:
    around = Around(DRAW.names, work={"JT002": ("JT", 2), "GA001": ("GA", 1)})

    found = [line for line in heard(county.draw_completed(kit), around).announcements if line.code == "draw.team"]

    assert [(line.agency, line.officers, line.facts["visits"]) for line in found] == [
        ("GA", ("GA001",), 1),
        ("JT", ("JT002",), 2),
    ]


def test_a_visit_is_told_to_its_teams_and_owed_per_section() -> None:
    found = heard(county.scheduled(VISITS[0], "2018-12-12", "GA", "JT"), VISIT)

    assert [(line.agency, line.officers, line.link) for line in found.announcements] == [
        ("GA", ("GA001", "GA002"), f"/sections/{VISITS[0]}-GA"),
        ("JT", (), f"/sections/{VISITS[0]}-JT"),
    ]
    subjects = {(each.duty, each.subject, each.due_on) for each in found.openings if each.agency == "GA"}
    assert subjects == {
        ("enter_section", f"{VISITS[0]}-GA", date(2018, 12, 12)),
        ("publish_by_plan", f"{VISITS[0]}-GA", date(2018, 12, 31)),
        ("publish_by_rule", f"{VISITS[0]}-GA", date(2019, 1, 4)),
    }
    assert {each.officers for each in found.openings if each.duty == "enter_section"} == {("GA001", "GA002"), ()}


def test_a_returned_section_goes_to_whoever_entered_it() -> None:
    (line,) = heard(county.returned(VISITS[0], "GA", "ga-o1"), VISIT).announcements

    assert (line.account, line.officers) == ("ga-o1", ("GA001", "GA002"))


@pytest.mark.parametrize(
    ("late", "codes"), [(True, ["result.published_late", "result.published"]), (False, ["result.published"])]
)
def test_the_lead_hears_of_late_publication_only(late: bool, codes: list[str]) -> None:
    found = heard(county.published(VISITS[0], "GA", "2018-12-21", late=late), VISIT)

    assert [code for code, _ in told(found)] == codes
    assert found.closings == tuple(
        Closing(f"{VISITS[0]}-GA", duty, ("GA",), Outcome.FULFILLED) for duty in ("publish_by_plan", "publish_by_rule")
    )


def duties(found: Heard) -> set[tuple[str, str]]:
    return {(each.duty, each.agency) for each in found.openings}


@pytest.mark.parametrize(
    ("how", "owed", "codes"),
    [
        ({}, {("confirm_receipt", "GA"), ("answer_referral", "GA")}, {"referral.sent", "referral.sent.sender"}),
        ({"mode": ReferralMode.INFORM}, {("confirm_receipt", "GA")}, {"referral.inform", "referral.sent.sender"}),
        ({"external": True}, {("confirm_receipt", "SJ"), ("answer_referral", "SJ")}, {"referral.letter"}),
    ],
)
def test_who_owes_what_of_a_referral(how: dict[str, Any], owed: set[tuple[str, str]], codes: set[str]) -> None:
    found = heard(county.sent(**how), THREAD)

    assert duties(found) == owed
    assert {code for code, _ in told(found)} == codes
    assert found.closings == (Closing(REFERRAL, "route_referral", None, Outcome.FULFILLED),)


def test_an_external_receivers_decision_is_entered_by_the_sender() -> None:
    assert duties(heard(county.accepted(), Around({"external": True, "reporters": ()}))) == {("decide_referral", "SJ")}
    assert duties(heard(county.accepted(), THREAD)) == {("decide_referral", "GA")}


def test_all_who_reported_hear_the_decision() -> None:
    assert told(heard(county.decided(), THREAD)) == [("referral.decided", "JT"), ("referral.decided", "SJ")]
    assert told(heard(county.decided(), Around({"external": False, "reporters": ()}))) == [
        ("referral.decided", "SJ"),
        ("referral.decided.lead", "JT"),
    ]


def test_an_unknown_field_is_an_error_not_an_empty_audience() -> None:
    with pytest.raises(KeyError):
        heard(county.partner_confirmed("GA"), Around())


def test_agencies_whose_signature_a_seal_without_a_witness_waits_for_are_told_and_have_a_duty() -> None:
    facts: dict[str, Any] = {"county": "640221", "campaign": "C-1", "draw": "D-1", "attempt": 1}
    waits = SealAwaited(**facts, round=0, agencies=("GA", "SJ"), needed=2, seal_by=at("2018-12-04"))
    found = heard(waits, DRAW)

    assert [line for line in told(found) if line[0] == "seal.awaited"] == [
        ("seal.awaited", "GA"),
        ("seal.awaited", "SJ"),
    ]
    assert [(one.duty, one.agency, one.roles) for one in found.openings] == [
        ("seal_together", "GA", ("draw_officer",)),
        ("seal_together", "SJ", ("draw_officer",)),
    ]
    in_round = heard(waits.model_copy(update={"round": 1}), DRAW)
    assert told(in_round) == [("seal.awaited.round", "GA"), ("seal.awaited.round", "SJ")]
    assert in_round.openings == ()
    sealed = RevealsSealed(**facts, reveals_digest="ab" * 32, sealed_at=at("2018-12-04"), missing=())
    assert Closing("D-1", "seal_together", None, Outcome.FULFILLED) in heard(sealed, DRAW).closings


@pytest.mark.parametrize("kind", ["reveal_omitted", "second_seal", "beacon_late", "data_lost"])
def test_of_a_fault_after_the_seal_every_party_is_told_and_nothing_ends(kind: Any) -> None:
    facts: dict[str, Any] = {"county": "640221", "campaign": "C-1", "draw": "D-1", "attempt": 1}

    found = heard(FaultPublished(**facts, fault=1, round=0, kind=kind, who="GA", proof=None, reported_by="GA"), DRAW)

    assert told(found) == [(f"fault.published.{kind}", body) for body in sorted({*AGENCIES, "GZ"})]
    assert (found.closings, found.openings) == ((), ())
