"""From facts to inboxes, and from due dates to reminders: the whole notifier on its own database."""

import signal
from collections.abc import Callable
from datetime import date, datetime, time

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.service import Service
from runtime.store import Actor
from runtime.store.plumbing import waiting
from runtime.time.lights import Light
from runtime.time.timers import next_due, run_due
from schemas.events.notices import DeadlineApproaching, DeadlineEscalated, DeadlineMissed, NoticeDelivered
from schemas.events.payload import Payload
from schemas.vocabulary import Role
from services.notifier import queries, timers
from services.notifier.app import notifier
from services.notifier.commands import mark_all_read, mark_read
from services.notifier.queries import CursorUnknown, DutyView, NoticeView
from services.notifier.tables import Duty, Notice
from tests.kit import Kit, person, said
from tests.unit.notifier import county
from tests.unit.notifier.county import CAMPAIGN, REFERRAL, VISITS, at


@pytest.fixture
def service(kit: Kit) -> Service:
    """A notifier that knows the county's people, its pack and calendar."""
    built = kit.build(notifier)
    kit.feed(built, *county.everybody(), at=at("2018-11-01"))
    kit.feed(built, county.calendar_published(kit), county.pack_published(kit), at=at("2018-11-02"))
    return built


def inbox(service: Service, account: str, *, unread: bool = False) -> list[NoticeView]:
    actor = person(account.split("-")[0].upper(), Role.VIEWER, id=account)
    return list(service.ask(actor, queries.notices_of, unread=unread, limit=100).notices)


def codes(service: Service, account: str) -> list[str]:
    return [notice.code for notice in reversed(inbox(service, account))]


def duties(service: Service, agency: str, kind: str, *, closed: bool = False) -> list[DutyView]:
    now = service.ports.clock.now()
    found = service.ask(person(agency, Role.VIEWER), queries.duties_of, now=now, limit=100, closed=closed)
    return [duty for duty in found.duties if duty.kind == kind]


def live_until(kit: Kit, service: Service, moment: datetime) -> list[datetime]:
    """Let business time pass from timer to timer; return the moments at which something was done."""
    stops = []
    while (due := next_due(service, kit.clock.now())) is not None and due[0] <= moment:
        kit.clock.at = max(kit.clock.at, due[0])
        assert run_due(service, kit.clock.at) < 100
        stops.append(kit.clock.at)
    kit.clock.at = moment
    return stops


def spoken(service: Service, *kinds: type[Payload]) -> list[Payload]:
    return [payload for payload in said(service) if isinstance(payload, kinds)]


# ── notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_stands_in_the_partners_inbox_and_is_said(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"), again=True)

    (notice,) = inbox(service, "ga-planner")
    assert (notice.code, notice.severity, notice.link) == ("campaign.proposed", "act", f"/campaigns/{CAMPAIGN}")
    assert notice.facts["lead"] == "JT局"
    assert notice.facts["respond_due_on"] == date(2018, 11, 30)
    assert (notice.created_at, notice.read_at) == (at("2018-11-28"), None)
    assert inbox(service, "jt-planner") == []
    delivered = spoken(service, NoticeDelivered)
    assert [(one.agency, one.account, one.rule) for one in delivered if isinstance(one, NoticeDelivered)] == [
        ("GA", "ga-planner", "campaign.proposed"),
        ("SJ", "sj-planner", "campaign.proposed"),
    ]


def test_an_account_that_comes_later_gets_what_is_its_own_and_nothing_older(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.opened("GA", "ga-late", Role.PLANNER), at=at("2018-11-27"))  # its event was on its way
    kit.feed(service, county.opened("GA", "ga-new", Role.PLANNER), at=at("2018-11-29"))

    assert codes(service, "ga-late") == ["campaign.proposed"]
    assert codes(service, "ga-new") == []


def test_a_closing_heard_late_takes_back_what_is_unread(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.closed("GA", "ga-planner"), at=at("2018-11-27"))

    assert codes(service, "ga-planner") == []


def test_what_was_read_stays(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    (notice,) = inbox(service, "ga-planner")
    service.do(person("GA", Role.PLANNER), mark_read, notice=notice.id)
    kit.feed(service, county.closed("GA", "ga-planner"), at=at("2018-11-27"))

    assert codes(service, "ga-planner") == ["campaign.proposed"]


def test_a_role_heard_of_late_changes_which_notice_it_is(kit: Kit, service: Service) -> None:
    around = [county.opened("JT", "jt-x", Role.PLANNER), county.proposed(), county.confirmed(kit)]
    kit.feed(service, *around, at=at("2018-11-20"))
    kit.feed(service, county.frozen(kit), at=at("2018-11-30"))
    assert codes(service, "jt-x") == ["campaign.confirmed"]

    kit.feed(service, county.changed("JT", "jt-x", Role.DRAW_OFFICER), at=at("2018-11-29"))

    assert codes(service, "jt-x") == ["campaign.confirmed", "frame.frozen.lead"]


def test_a_changed_role_rewrites_an_unread_notice(kit: Kit, service: Service) -> None:
    draw = [county.proposed(), county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit)]
    kit.feed(service, county.opened("JT", "jt-x", Role.PLANNER), *draw, at=at("2018-12-04"))
    assert codes(service, "jt-x") == ["draw.completed.lead"]

    kit.feed(service, county.changed("JT", "jt-x", Role.APPROVER), at=at("2018-12-04"))

    assert codes(service, "jt-x") == ["draw.completed"]


def test_officers_hear_of_their_visits_by_number_never_of_a_target(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit))

    (notice,) = [one for one in inbox(service, "ga-officer1") if one.code == "draw.team"]
    assert notice.facts["visits"] == 2
    with service.db.read(service.system) as session:
        assert not [row for row in session.scalars(select(Notice)) if "T-0" in repr(row.facts)]


def test_results_wait_for_the_draw_that_made_their_visit(kit: Kit, service: Service) -> None:
    kit.feed(service, county.scheduled(VISITS[1], "2018-12-13", "GA", "JT"), at=at("2018-12-10"))
    with service.db.read(service.system) as session:
        assert session.connection().execute(select(waiting.c.awaits)).scalar() == f"visit:{VISITS[1]}"

    kit.feed(service, county.proposed(), county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit))

    assert "visit.scheduled" in codes(service, "ga-officer1")
    assert [duty.subject for duty in duties(service, "GA", "enter_section")] == [f"{VISITS[1]}-GA"]


def test_a_read_receipt_is_given_once_and_only_by_its_reader(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    (notice,) = inbox(service, "ga-planner")

    for stranger in (person("GA", Role.PLANNER, id="ga-other"), person("SJ", Role.PLANNER)):
        with pytest.raises(NotFound):
            service.do(stranger, mark_read, notice=notice.id)
    kit.clock.at = at("2018-11-28", "10:00")
    first = service.do(person("GA", Role.PLANNER), mark_read, notice=notice.id)
    kit.clock.at = at("2018-11-28", "11:00")
    second = service.do(person("GA", Role.PLANNER), mark_read, notice=notice.id)

    assert first.value == second.value
    assert inbox(service, "ga-planner")[0].read_at == at("2018-11-28", "10:00")
    assert inbox(service, "ga-planner", unread=True) == []


def test_all_of_ones_own_are_read_at_once(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), county.confirmed(kit), at=at("2018-11-28"))

    assert service.do(person("GA", Role.PLANNER), mark_all_read).value == {"read": 2}
    assert service.ask(person("GA", Role.PLANNER), queries.unread_count) == 0
    assert service.ask(person("SJ", Role.PLANNER), queries.unread_count) == 2


def test_the_inbox_goes_on_where_it_stopped(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.confirmed(kit), county.campaign_closed(), at=at("2018-11-29"))
    actor = person("GA", Role.PLANNER)

    first = service.ask(actor, queries.notices_of, limit=2)
    second = service.ask(actor, queries.notices_of, limit=2, after=first.after)

    found = [notice.id for notice in (*first.notices, *second.notices)]
    assert found == [notice.id for notice in inbox(service, "ga-planner")]
    assert second.after is None
    assert [n.severity for n in service.ask(actor, queries.notices_of, severity="act").notices] == ["act"]


@pytest.mark.parametrize("cursor", ["", "x", "2018-11-28T00:00:00~N-1", "2018-11-28T00:00:00+00:00~", "~"])
def test_a_cursor_nobody_gave_is_refused(service: Service, cursor: str) -> None:
    with pytest.raises(CursorUnknown):
        service.ask(person("GA", Role.PLANNER), queries.notices_of, after=cursor)


# ── duties ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_part_is_owed_until_it_is_confirmed_or_declined(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    assert [duties(service, code, "confirm_part")[0].light for code in county.AGENCIES] == [Light.YELLOW] * 3

    kit.feed(service, county.partner_confirmed("GA"), county.partner_declined("SJ"), at=at("2018-11-29"))

    for code in ("GA", "SJ"):
        assert duties(service, code, "confirm_part") == []
        assert [one.outcome for one in duties(service, code, "confirm_part", closed=True)] == ["fulfilled"]
    assert len(duties(service, "JT", "confirm_part")) == 1


def test_lights_reminders_and_escalation_each_come_once(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(respond="2018-12-14"), at=at("2018-11-28"))
    kit.feed(service, *(county.partner_confirmed(code) for code in ("JT", "SJ")), at=at("2018-11-28"))

    stops = live_until(kit, service, at("2018-12-31"))

    assert stops == [
        at("2018-12-11", "08:30"),
        at("2018-12-12", "08:30"),
        at("2018-12-13", "08:30"),
        at("2018-12-14", "08:30"),
        at("2018-12-15", "00:00"),
        at("2018-12-17", "08:30"),
        at("2018-12-19", "08:30"),
    ]
    told = ["deadline.remind", "deadline.yellow", "deadline.remind", "deadline.remind", "deadline.missed"]
    assert codes(service, "ga-planner") == ["campaign.proposed", *told]
    assert codes(service, "ga-agency_head") == ["deadline.head"]
    assert codes(service, "jt-planner")[-1:] == codes(service, "jt-agency_head") == ["deadline.lead"]
    assert [notice.facts.get("left") for notice in reversed(inbox(service, "ga-planner"))] == [None, 3, 2, 1, 0, 0]
    clocked = spoken(service, DeadlineApproaching, DeadlineMissed, DeadlineEscalated)
    assert [type(payload) for payload in clocked] == [
        DeadlineApproaching,
        DeadlineMissed,
        DeadlineEscalated,
        DeadlineEscalated,
    ]
    assert run_due(service, at("2019-02-01")) == 0


def test_a_county_whose_pack_says_so_is_reminded_at_another_time(kit: Kit, service: Service) -> None:
    kit.feed(service, county.pack_published(kit, date(2018, 12, 1), at_time=time(14, 5)), at=at("2018-12-01"))
    kit.feed(service, county.proposed(respond="2018-12-14"), at=at("2018-12-02"))

    stops = live_until(kit, service, at("2018-12-14", "12:00"))

    assert stops == [at("2018-12-11", "14:05"), at("2018-12-12", "14:05"), at("2018-12-13", "14:05")]


def test_a_fulfilled_duty_reminds_nobody(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(respond="2018-12-14"), at=at("2018-11-28"))
    kit.feed(service, county.confirmed(kit).model_copy(update={"agencies": ()}), at=at("2018-11-28"))

    assert live_until(kit, service, at("2018-12-31")) == []


def test_a_long_standstill_tells_what_is_over_once(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(respond="2018-12-14"), at=at("2018-11-28"))
    kit.feed(service, *(county.partner_confirmed(code) for code in ("JT", "SJ")), at=at("2018-11-28"))
    kit.clock.at = at("2018-12-18")

    assert run_due(service, kit.clock.at) == 1

    assert codes(service, "ga-planner") == ["campaign.proposed", "deadline.missed"]
    assert codes(service, "ga-agency_head") == ["deadline.head"]
    assert spoken(service, DeadlineApproaching)


def test_the_leads_own_duty_is_not_escalated_to_the_lead(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, *(county.partner_confirmed(code) for code in ("GA", "SJ")), at=at("2018-11-28"))

    live_until(kit, service, at("2018-12-31"))

    assert {one.to for one in spoken(service, DeadlineEscalated) if isinstance(one, DeadlineEscalated)} == {
        "agency_head"
    }


@pytest.mark.parametrize("batch", [1, 2, 200])
def test_a_sweep_takes_its_duties_in_batches(kit: Kit, service: Service, batch: int) -> None:
    service.settings = service.settings.model_copy(update={"sweep_batch": batch})
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.clock.at = at("2018-12-01")

    assert run_due(service, kit.clock.at) == 1

    assert len(spoken(service, DeadlineMissed)) == 3


def test_another_pack_may_put_a_step_on_a_moment_that_was_swept_before(kit: Kit, service: Service) -> None:
    """Told to the head on Monday morning; at 09:05 the lead is to be told on that same morning."""
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, *(county.partner_confirmed(code) for code in ("JT", "SJ")), at=at("2018-11-28"))
    live_until(kit, service, at("2018-12-03", "09:05"))
    assert codes(service, "ga-agency_head") == ["deadline.head"]
    assert codes(service, "jt-agency_head") == []

    kit.feed(service, county.pack_published(kit, date(2018, 12, 3), lead_days=0), at=at("2018-12-03", "09:05"))
    run_within(10, lambda: run_due(service, kit.clock.at))

    assert codes(service, "jt-agency_head") == ["deadline.lead"]
    assert codes(service, "ga-agency_head") == ["deadline.head"], "what was told is not told again"
    assert run_due(service, kit.clock.at) == 0


def test_a_sweep_that_takes_nothing_ends_and_says_so(
    kit: Kit, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.clock.at = at("2018-12-01")
    monkeypatch.setattr(timers, "take_steps", do_nothing)

    with pytest.raises(timers.SweepStandsStill):
        run_within(10, lambda: run_due(service, kit.clock.at))


def do_nothing(session: Session, actor: Actor, *, at: datetime, duties: list[str]) -> None:
    """Take no step."""


def run_within(seconds: float, act: Callable[[], object]) -> None:
    """Do it, but not for ever."""

    def too_long(signum: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        act()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_agency_that_was_taken_out_is_reminded_of_nothing(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.partner_removed("GA"), at=at("2018-11-29"))

    live_until(kit, service, at("2018-12-31"))

    assert [one.outcome for one in duties(service, "GA", "confirm_part", closed=True)] == ["ended"]
    assert codes(service, "ga-planner") == ["campaign.proposed", "partner.removed"]
    assert codes(service, "ga-agency_head") == ["partner.removed"]
    assert "deadline.missed" in codes(service, "sj-planner"), "the others are"

    kit.feed(service, county.campaign_cancelled(), at=at("2018-12-31"))
    assert codes(service, "ga-planner")[-1] == "partner.removed", "nor is it told how the campaign goes on"


def test_a_returned_section_is_to_be_entered_again_until_it_is_submitted(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    first, officer = VISITS[0], "ga-officer1"
    kit.feed(service, county.scheduled(first, "2018-12-12", "GA"), at=at("2018-12-10"))
    kit.feed(service, county.submitted(first, "GA", officer), at=at("2018-12-12"))
    kit.feed(service, county.returned(first, "GA", officer), at=at("2018-12-13"))

    (asked,) = duties(service, "GA", "enter_section")
    assert (asked.due, asked.link) == (date(2018, 12, 31), f"/sections/{first}-GA")
    assert asked.light is Light.GREEN
    live_until(kit, service, at("2019-01-08"))
    told = [notice.code for notice in inbox(service, officer) if notice.facts.get("duty") == "enter_section"]
    assert {"deadline.yellow", "deadline.missed"} <= set(told)
    assert "enter_section" in [
        notice.facts["duty"] for notice in inbox(service, "ga-agency_head") if notice.code == "deadline.head"
    ]
    assert [duty.light for duty in duties(service, "GA", "enter_section")] == [Light.RED]

    kit.feed(service, county.submitted(first, "GA", officer, items=4), at=at("2019-01-08"))
    assert duties(service, "GA", "enter_section") == []


def test_a_return_said_by_the_release_before_opens_nothing(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA"), at=at("2018-12-10"))
    kit.feed(service, county.submitted(VISITS[0], "GA", "ga-officer1"), at=at("2018-12-12"))

    kit.feed(service, county.returned(VISITS[0], "GA", "ga-officer1", again=None), at=at("2018-12-13"))

    assert duties(service, "GA", "enter_section") == []
    assert "result.returned" in codes(service, "ga-officer1")


def test_a_cancellation_taken_back_leaves_every_duty_as_it_was(kit: Kit, service: Service) -> None:
    """The draw was sealed before the cancellation was heard of: the campaign goes on."""
    a_draw(kit, service)
    kit.feed(service, county.confirmed(kit), at=at("2018-12-02"))
    kinds = ("commit", "report_to_lead", "complete_draw")
    before = [duties(service, code, kind) for code in county.AGENCIES for kind in kinds]
    assert any(before)
    kit.feed(service, county.campaign_cancelled(), at=at("2018-12-03", "09:10"))
    assert not any(duties(service, code, kind) for code in county.AGENCIES for kind in kinds)

    kit.feed(service, county.campaign_resumed(), at=at("2018-12-03", "09:20"))

    assert [duties(service, code, kind) for code in county.AGENCIES for kind in kinds] == before
    assert "campaign.resumed" in codes(service, "ga-planner")
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA"), at=at("2018-12-10"))
    assert duties(service, "GA", "enter_section"), "what comes later is a duty, too"


def test_a_voided_attempt_ends_its_duties_and_the_next_opens_its_own(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-03")), county.committed("GA", 1), at=at("2018-12-03"))
    kit.feed(service, county.voided("JT"), at=at("2018-12-03", "10:00"))
    assert [duties(service, code, "commit") for code in county.AGENCIES] == [[], [], []]

    kit.feed(service, county.draw_opened(kit, at("2018-12-04"), attempt=2), at=at("2018-12-04"))

    assert [one.outcome for one in duties(service, "GA", "commit", closed=True)] == ["fulfilled"]
    assert [one.outcome for one in duties(service, "JT", "commit", closed=True)] == ["ended"]
    assert [one.due for one in duties(service, "GA", "commit")] == [at("2018-12-04", "09:30")]


def test_a_cancelled_campaign_ends_everything_but_its_referrals(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-03")), county.sent(), at=at("2018-12-03"))
    kit.feed(service, county.campaign_cancelled(), at=at("2018-12-03", "09:10"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-04"), attempt=2), at=at("2018-12-04"))

    with service.db.read(service.system) as session:
        still = {duty.kind for duty in session.scalars(select(Duty).where(Duty.closed_at.is_(None)))}
    assert still == {"confirm_receipt", "answer_referral"}


def a_draw(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), county.confirmed(kit), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-04")), at=at("2018-12-04"))
    kit.feed(
        service, county.sealed(at("2018-12-04", "10:10")), county.draw_completed(kit), at=at("2018-12-04", "11:00")
    )


def test_another_publication_date_takes_the_place_of_the_first(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.feed(service, county.approved(VISITS[0], "GA", rule="2019-01-10"), at=at("2018-12-12"))

    (rule,) = duties(service, "GA", "publish_by_rule")
    assert rule.due == date(2019, 1, 10)
    assert [one.outcome for one in duties(service, "GA", "publish_by_rule", closed=True)] == ["superseded"]
    assert len(duties(service, "GA", "publish_by_plan")) == 1
    assert duties(service, "GA", "publish_by_plan", closed=True) == []


def test_the_report_is_done_with_the_last_publication(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    for visit in VISITS:
        agencies = county.AGENCIES if visit == VISITS[0] else ("GA", "JT")
        kit.feed(service, county.scheduled(visit, "2018-12-12", *agencies), at=at("2018-12-10"))
    kit.feed(service, county.published(VISITS[0], "GA", "2018-12-21"), at=at("2018-12-21"))
    assert len(duties(service, "GA", "report_to_lead")) == 1

    kit.feed(service, county.published(VISITS[1], "GA", "2018-12-24"), at=at("2018-12-24"))

    (done,) = duties(service, "GA", "report_to_lead", closed=True)
    assert (done.outcome, done.closed_at) == ("fulfilled", at("2018-12-24"))
    assert len(duties(service, "SJ", "report_to_lead")) == 1


@pytest.mark.parametrize("order", ["as it happens", "the draw first", "the draw last"])
def test_an_agency_without_a_section_has_nothing_to_report(kit: Kit, service: Service, order: str) -> None:
    proposed = county.proposed().model_copy(update={"partners": ("GA", "NY", "SJ")})
    confirmed = county.confirmed(kit).model_copy(update={"agencies": ("GA", "JT", "NY", "SJ")})
    plan = [(proposed, at("2018-11-28")), (confirmed, at("2018-11-30"))]
    draw = [
        (county.draw_opened(kit, at("2018-12-03")), at("2018-12-03")),
        (county.voided("JT"), at("2018-12-03", "10:00")),
        (county.draw_opened(kit, at("2018-12-04"), attempt=2), at("2018-12-04")),
        (county.draw_completed(kit), at("2018-12-04", "11:00")),
    ]
    visit = [(county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at("2018-12-05"))]
    told = {
        "as it happens": plan + draw + visit,
        "the draw first": draw + plan + visit,
        "the draw last": plan + visit + draw,
    }
    seen = []
    for payload, when in told[order]:
        kit.feed(service, payload, at=when)
        seen.append(len(duties(service, "NY", "report_to_lead")))

    (over,) = duties(service, "NY", "report_to_lead", closed=True)
    assert (over.outcome, over.closed_at) == ("ended", at("2018-12-04", "11:00"))
    assert duties(service, "NY", "report_to_lead") == []
    assert [len(duties(service, code, "report_to_lead")) for code in ("GA", "SJ")] == [1, 1]
    assert max(seen) == (0 if order == "the draw first" else 1), "until the draw nobody knows"
    assert not [name for name, _ in live(service, "NY", "report_to_lead")]


def live(service: Service, agency: str, kind: str) -> list[tuple[str, str]]:
    """Read the steps that are still to come."""
    with service.db.read(service.system) as session:
        found = session.scalars(select(Duty).where(Duty.owner_agency == agency, Duty.kind == kind))
        return [(name, when) for duty in found for name, when in duty.steps]


def test_a_rectification_is_to_be_checked_until_it_is_right(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.feed(service, county.rectify(VISITS[0], "GA"), at=at("2018-12-14"))
    assert [one.due for one in duties(service, "GA", "verify_rectification")] == [date(2019, 1, 15)]

    kit.feed(service, county.verified(VISITS[0], "GA", again="2019-01-29"), at=at("2019-01-15"))

    (again,) = duties(service, "GA", "verify_rectification")
    assert (again.due, again.subject) == (date(2019, 1, 29), "FI-1")
    assert [one.outcome for one in duties(service, "GA", "verify_rectification", closed=True)] == ["fulfilled"]
    for account in ("ga-officer1", "ga-approver", "ga-agency_head"):
        assert codes(service, account)[-1] == "rectification.failed"
    assert inbox(service, "ga-approver")[0].facts["rectify_due_on"] == date(2019, 1, 29)

    kit.feed(service, county.verified(VISITS[0], "GA"), at=at("2019-01-28"))

    assert duties(service, "GA", "verify_rectification") == []
    assert len(duties(service, "GA", "verify_rectification", closed=True)) == 2
    assert codes(service, "ga-approver")[-1] == codes(service, "ga-agency_head")[-1] == "rectification.passed"
    assert "rectification.passed" not in codes(service, "ga-officer1")
    told = len(inbox(service, "ga-approver"))
    live_until(kit, service, at("2019-03-01"))
    about = [one.facts.get("duty") for one in inbox(service, "ga-approver")[: -told or None]]
    assert "verify_rectification" not in about


@pytest.mark.parametrize(
    ("end", "outcome", "code"),
    [(county.acted, "fulfilled", "action.decided"), (county.joined, "ended", "action.joined")],
)
def test_an_own_action_is_a_duty_until_it_is_decided_here_or_in_a_referral(
    kit: Kit, service: Service, end: Callable[[str, str], Payload], outcome: str, code: str
) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))

    kit.feed(service, county.act(VISITS[0], "GA"), at=at("2018-12-12"))

    (duty,) = duties(service, "GA", "act_on_finding")
    assert (duty.due, duty.subject) == (date(2018, 12, 26), "FI-1")
    assert codes(service, "ga-approver")[-1] == codes(service, "ga-agency_head")[-1] == "action.ordered"
    assert inbox(service, "ga-approver")[0].facts["act_due_on"] == date(2018, 12, 26)
    live_until(kit, service, at("2018-12-27", "08:00"))
    assert codes(service, "ga-approver")[-1] == "deadline.missed"

    kit.feed(service, end(VISITS[0], "GA"), at=at("2018-12-27", "09:00"))

    assert duties(service, "GA", "act_on_finding") == []
    assert [one.outcome for one in duties(service, "GA", "act_on_finding", closed=True)] == [outcome]
    assert codes(service, "ga-approver")[-1] == code


def test_a_rectification_nobody_checked_is_red_and_goes_to_the_head(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.feed(service, county.rectify(VISITS[0], "GA"), at=at("2018-12-14"))  # due on Tuesday, 2019-01-15

    def steps(account: str) -> list[str]:
        return [
            one.code for one in reversed(inbox(service, account)) if one.facts.get("duty") == "verify_rectification"
        ]

    live_until(kit, service, at("2019-01-16", "08:00"))

    assert steps("ga-approver")[-1] == steps("ga-officer1")[-1] == "deadline.missed"
    assert steps("ga-agency_head") == []
    assert [one.light for one in duties(service, "GA", "verify_rectification")] == [Light.RED]

    live_until(kit, service, at("2019-02-01"))

    assert steps("ga-agency_head") == ["deadline.head"]
    assert steps("jt-planner") == steps("jt-agency_head") == [], "whether it was put right is the agency's own business"
    (due,) = duties(service, "GA", "verify_rectification")
    assert due.escalated


def about_publication(service: Service, account: str, since: datetime) -> list[tuple[datetime, str]]:
    """Read what *account* was told of publication by the clock, oldest first."""
    found = [one for one in reversed(inbox(service, account)) if one.code.startswith("deadline.")]
    named = {"publish_by_plan", "publish_by_rule"}
    return [
        (one.created_at, one.code)
        for one in found
        if one.created_at > since and named & {*one.facts, one.facts.get("duty")}
    ]


@pytest.mark.parametrize("batch", [1, 200])
def test_rule_and_plan_asking_at_one_moment_are_one_notice_with_both_dates(
    kit: Kit, service: Service, batch: int
) -> None:
    service.settings = service.settings.model_copy(update={"sweep_batch": batch})
    a_draw(kit, service)
    submitted = county.submitted(VISITS[0], "GA", "ga-officer1")
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA", plan="2019-01-04"), at=at("2018-12-10"))
    kit.feed(service, submitted, at=at("2018-12-12"))
    live_until(kit, service, at("2018-12-31"))

    live_until(kit, service, at("2019-01-06"))

    assert about_publication(service, "ga-publisher", at("2018-12-31")) == [
        (at("2019-01-02", "08:30"), "deadline.publication"),  # yellow by both
        (at("2019-01-03", "08:30"), "deadline.remind"),  # the rule alone reminds
        (at("2019-01-04", "08:30"), "deadline.remind"),
        (at("2019-01-05", "00:00"), "deadline.publication"),  # missed by both
    ]
    (missed, yellow) = [one for one in inbox(service, "ga-publisher") if one.code == "deadline.publication"]
    assert (missed.severity, yellow.severity) == ("warn", "act")
    for notice in (missed, yellow):
        assert notice.facts == {
            "subject": f"{VISITS[0]}-GA",
            "agency": "GA局",
            "publish_by_plan": date(2019, 1, 4),
            "publish_by_rule": date(2019, 1, 4),
        }
    assert {one.duty for one in spoken(service, DeadlineMissed) if isinstance(one, DeadlineMissed)} >= {
        "publish_by_plan",
        "publish_by_rule",
    }


def test_after_a_standstill_a_person_is_told_once_of_a_publication_with_both_its_dates(
    kit: Kit, service: Service
) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA"), at=at("2018-12-10"))
    kit.feed(service, county.submitted(VISITS[0], "GA", "ga-officer1"), at=at("2018-12-12"))
    kit.clock.at = at("2019-01-02", "09:00")  # the plan's date has passed, the rule's is near

    run_due(service, kit.clock.at)

    for account in ("ga-publisher", "ga-approver"):
        assert about_publication(service, account, at("2018-12-31")) == [(kit.clock.at, "deadline.publication")]
    (notice,) = [one for one in inbox(service, "ga-publisher") if one.code == "deadline.publication"]
    assert (notice.severity, notice.facts["publish_by_plan"], notice.facts["publish_by_rule"]) == (
        "warn",
        date(2018, 12, 31),
        date(2019, 1, 4),
    )


def test_rule_and_plan_on_days_of_their_own_are_said_each_on_its_own(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA"), at=at("2018-12-10"))

    live_until(kit, service, at("2019-01-06"))

    told = about_publication(service, "ga-publisher", at("2018-12-10"))
    assert "deadline.publication" not in [code for _, code in told]
    assert len({when for when, _ in told}) == len(told) == 7


def test_a_returned_referral_can_be_sent_again_at_the_same_moment(kit: Kit, service: Service) -> None:
    kit.feed(service, county.sent(), county.received(), county.sent_back(), at=at("2018-12-18"))
    assert len(duties(service, "JT", "route_referral")) == 1

    kit.feed(service, county.sent("YJ", receipt="2018-12-20"), at=at("2018-12-18"))

    assert duties(service, "JT", "route_referral") == []
    assert [one.due for one in duties(service, "YJ", "confirm_receipt")] == [date(2018, 12, 20)]
    assert duties(service, "GA", "confirm_receipt") == duties(service, "GA", "answer_referral") == []
    assert REFERRAL in {one.subject for one in duties(service, "YJ", "answer_referral")}


# ── packs and calendars ─────────────────────────────────────────────────────────────────────────────────────────────


def test_until_a_campaign_pins_a_pack_the_newest_counts_and_then_only_the_pinned(kit: Kit, service: Service) -> None:
    def yellow_on() -> date | None:
        with service.db.read(service.system) as session:
            return session.scalar(select(Duty.yellow_on).where(Duty.kind == "confirm_part", Duty.owner_agency == "JT"))

    kit.feed(service, county.proposed(respond="2018-12-14"), at=at("2018-11-28"))
    assert yellow_on() == date(2018, 12, 12)
    newer = county.pack_published(kit, date(2018, 12, 1), yellow=5)
    kit.feed(service, newer, at=at("2018-12-01"))
    assert yellow_on() == date(2018, 12, 7)

    kit.feed(service, county.confirmed(kit), at=at("2018-12-02"))  # pins the older one

    (report,) = duties(service, "GA", "report_to_lead")
    with service.db.read(service.system) as session:
        row = session.get_one(Duty, report.id)
        assert row.yellow_on == date(2018, 12, 28)
        assert [name for name, _ in row.steps][:2] == ["remind-3", "yellow"]


def test_without_pack_and_calendar_days_are_counted_provisionally(kit: Kit) -> None:
    bare = kit.build(notifier)
    kit.feed(bare, county.proposed(respond="2018-12-14"), at=at("2018-11-28"))

    (duty,) = duties(bare, "JT", "confirm_part")
    assert duty.provisional
    kit.feed(bare, county.calendar_published(kit), at=at("2018-11-29"))
    (duty,) = duties(bare, "JT", "confirm_part")
    assert not duty.provisional


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_lead_sees_its_partners_duties_and_a_partner_only_its_own(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    now = kit.clock.now()

    def seen(agency: str) -> list[str]:
        found = service.ask(person(agency, Role.PLANNER), queries.duties_of_campaign, now=now, campaign=CAMPAIGN)
        return sorted(duty.agency for duty in found.duties)

    assert seen("JT") == ["GA", "JT", "SJ"]
    assert seen("GA") == ["GA"]
    assert seen("XX") == []
    led = service.ask(person("JT", Role.PLANNER), queries.duties_of, now=now, whose="led")
    assert sorted(duty.agency_name for duty in led.duties) == ["GA局", "SJ局"]


def test_counts_say_what_the_lists_show(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.clock.at = at("2018-12-13")
    officer = person("GA", Role.INSPECTOR, id="ga-officer1", officer="GA001")

    counts = service.ask(officer, queries.summary, now=kit.clock.at)

    for whose, told in (("agency", counts.agency), ("mine", counts.mine)):
        found = service.ask(officer, queries.duties_of, now=kit.clock.at, whose=whose, limit=100).duties
        assert {name: sum(duty.light == name for duty in found) for name in Light} == told
        assert all(duty.is_mine for duty in found) or whose == "agency"
        for name in Light:
            only = service.ask(officer, queries.duties_of, now=kit.clock.at, whose=whose, lights=[name], limit=100)
            assert {duty.light for duty in only.duties} <= {name}
    assert counts.mine == {"green": 0, "yellow": 0, "red": 1}
    assert counts.unread == len(inbox(service, "ga-officer1"))


def test_duties_come_overdue_first_and_go_on_where_they_stopped(kit: Kit, service: Service) -> None:
    a_draw(kit, service)
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.clock.at = at("2018-12-13")
    actor, now = person("GA", Role.VIEWER), kit.clock.at

    found: list[DutyView] = []
    after = None
    while True:
        page = service.ask(actor, queries.duties_of, now=now, limit=2, after=after)
        found += page.duties
        if (after := page.after) is None:
            break

    assert found == list(service.ask(actor, queries.duties_of, now=now, limit=100).duties)
    reds = [duty.light is Light.RED for duty in found]
    assert reds == sorted(reds, reverse=True)
    assert any(reds)


def count_statements(service: Service, act: Callable[[], object]) -> int:
    seen: list[str] = []
    with service.db.read(service.system) as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    act()
    return len(seen)


def test_the_number_of_queries_does_not_grow_with_the_rows(kit: Kit, service: Service) -> None:
    actor, now = person("GA", Role.PLANNER), at("2018-12-20")

    def look() -> None:
        service.ask(actor, queries.notices_of, limit=100)
        service.ask(actor, queries.duties_of, now=now, limit=100)
        service.ask(actor, queries.duties_of_campaign, now=now, campaign=CAMPAIGN)
        service.ask(actor, queries.summary, now=now)

    kit.feed(service, county.proposed(), at=at("2018-11-28"))
    few = count_statements(service, look)
    a_draw(kit, service)
    for visit in VISITS:
        kit.feed(service, county.scheduled(visit, "2018-12-12", "GA", "JT"), at=at("2018-12-10"))

    assert count_statements(service, look) == few


# ── replacement rounds ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def drawn(kit: Kit, service: Service) -> Service:
    """A notifier that has heard of the draw and of a day for its first visit."""
    kit.feed(service, county.proposed(), county.confirmed(kit), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-03")), county.draw_completed(kit), at=at("2018-12-04"))
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", "GA", "JT", "SJ"), at=at("2018-12-05"))
    return service


def test_whoever_a_replaced_target_concerns_is_told_and_its_duties_end(kit: Kit, drawn: Service) -> None:
    kit.clock.at = at("2018-12-06")
    assert [one.subject for one in duties(drawn, "SJ", "enter_section")] == [f"{VISITS[0]}-SJ"]
    instead = "V-640221-2018-001-03"

    kit.feed(drawn, county.target_replaced(kit, VISITS[0], instead), at=at("2018-12-06"))
    kit.feed(drawn, county.visit_closed(VISITS[0], "GA", "JT", "SJ"), at=at("2018-12-06"))

    assert codes(drawn, "jt-officer1")[-1] == "target.replaced.team"
    assert codes(drawn, "ga-officer1")[-1] == "target.replaced"
    assert codes(drawn, "sj-agency_head")[-1] == "target.replaced"
    assert codes(drawn, "jt-planner")[-1] == "target.replaced.lead"
    assert inbox(drawn, "jt-planner")[0].facts == {"visit": VISITS[0], "instead": instead}
    assert duties(drawn, "SJ", "enter_section") == duties(drawn, "SJ", "publish_by_rule") == []
    kit.feed(drawn, county.scheduled(instead, "2018-12-13", "GA", "JT"), at=at("2018-12-07"))
    assert codes(drawn, "ga-officer2")[-1] == "visit.scheduled"


def test_a_substitute_is_told_and_has_the_duty_and_who_left_has_it_no_more(kit: Kit, drawn: Service) -> None:
    change = county.substituted(kit, VISITS[0], "JT", "JT001", "JT002")

    kit.feed(drawn, change, at=at("2018-12-06"))

    assert codes(drawn, "jt-officer2")[-1] == "inspector.came"
    assert codes(drawn, "jt-officer1")[-1] == "inspector.left"
    assert codes(drawn, "jt-approver")[-1] == "inspector.substituted"
    with drawn.db.read(drawn.system) as session:
        rows = session.scalars(select(Duty).where(Duty.subject == f"{VISITS[0]}-JT", Duty.kind == "enter_section"))
        assert [duty.officers for duty in rows] == [["JT002"]]


def test_whom_a_corrected_import_concerns_is_not_told_of_a_draw(kit: Kit, drawn: Service) -> None:
    instead = "V-640221-2018-001-03"
    change = county.substituted(kit, VISITS[1], "JT", "JT001", "JT002", corrected=True)

    kit.feed(drawn, county.target_replaced(kit, VISITS[0], instead, corrected=True), change, at=at("2018-12-06"))

    assert "import.corrected.team" in codes(drawn, "ga-officer2")
    assert "import.corrected.came" in codes(drawn, "jt-officer2")
    assert "import.corrected.left" in codes(drawn, "jt-officer1")
    assert codes(drawn, "ga-officer1")[-1] == "target.replaced", "not to go there any more"
    told = {code for one in ("ga-officer2", "jt-officer1", "jt-officer2") for code in codes(drawn, one)}
    assert not told & {"target.replaced.team", "inspector.came", "inspector.left"}


def test_the_head_is_called_and_who_is_appointed_has_the_duty_until_it_is_ended(kit: Kit, drawn: Service) -> None:
    kit.feed(drawn, county.named_for_place(VISITS[0], "JT"), at=at("2018-12-05"))
    assert codes(drawn, "jt-agency_head")[-1] == "appointment.asked"

    kit.feed(drawn, county.appointed(kit, VISITS[0], "JT", "JT002"), at=at("2018-12-06"))

    assert codes(drawn, "jt-officer2")[-1] == "inspector.appointed.officer"
    assert codes(drawn, "jt-approver")[-1] == "inspector.appointed"
    assert codes(drawn, "jt-planner")[-1] == "inspector.appointed.lead"
    assert "inspector.appointed" not in codes(drawn, "ga-approver")
    assert _doers(drawn) == [["JT001", "JT002"]]

    kit.feed(drawn, county.appointment_ended(kit, VISITS[0], "JT", "JT002"), at=at("2018-12-07"))

    assert codes(drawn, "jt-officer2")[-1] == "appointment.ended.officer"
    assert codes(drawn, "jt-planner")[-1] == "appointment.ended.lead"
    assert _doers(drawn) == [["JT001"]]


def _doers(drawn: Service) -> list[list[str]]:
    with drawn.db.read(drawn.system) as session:
        rows = session.scalars(select(Duty).where(Duty.subject == f"{VISITS[0]}-JT", Duty.kind == "enter_section"))
        return [duty.officers for duty in rows]
