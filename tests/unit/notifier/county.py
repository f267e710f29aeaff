"""An invented county for the notifier's tests: facts as the other services would say them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from runtime.events.bus import Record
from schemas.documents import TeamChange, WorkList, WorkTeam, WorkVisit
from schemas.events import accounts, campaigns, draws, referrals, registers, results
from schemas.events.payload import Due, Payload
from schemas.rulepack import Calendar, RulePack, parse_calendar, parse_rulepack
from schemas.vocabulary import AgencyKind, Purpose, ReferralMode, Role, Stage
from tests.kit import COUNTY, Kit

ROOT = Path(__file__).parents[3]
CAMPAIGN, DRAW, REFERRAL = "C-640221-2018-001", "D-640221-2018-001", "R-640221-2018-001"
VISITS = ("V-640221-2018-001-01", "V-640221-2018-001-02")
LEAD, PARTNERS = "JT", ("GA", "SJ")
AGENCIES = ("GA", "JT", "SJ")
DIGEST = "0" * 64


def at(day: str, clock: str = "09:00") -> datetime:
    """Return a moment given in Shanghai time, such as ``at("2018-12-03", "08:30")``."""
    return datetime.fromisoformat(f"{day}T{clock}:00+08:00").astimezone(UTC)


@cache
def pack() -> RulePack:
    """Read pack NX-2018."""
    return parse_rulepack((ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes())


@cache
def calendar() -> Calendar:
    """Read the State Council's calendar."""
    return parse_calendar((ROOT / "rulepacks/calendar/CN.toml").read_bytes())


def due(day: str, source: str = "NX-2018") -> Due:
    """Make a due date."""
    return Due(due_on=date.fromisoformat(day), anchor_on=date(2018, 12, 20), anchor="event", source=source)


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def agency(code: str, kind: AgencyKind = AgencyKind.AGENCY) -> Payload:
    """Register an agency."""
    return accounts.AgencyRegistered(
        county=COUNTY, agency=code, kind=kind, name=f"{code} bureau", short_name=f"{code}局"
    )


def opened(code: str, name: str, *roles: Role, officer: str | None = None) -> Payload:
    """Open an account."""
    return accounts.AccountOpened(county=COUNTY, agency=code, account=name, roles=roles, officer=officer)


def changed(code: str, name: str, *roles: Role, officer: str | None = None) -> Payload:
    """Change an account."""
    return accounts.AccountChanged(county=COUNTY, agency=code, account=name, roles=roles, officer=officer)


def closed(code: str, name: str) -> Payload:
    """Close an account."""
    return accounts.AccountClosed(county=COUNTY, agency=code, account=name)


def everybody() -> list[Payload]:
    """Register every agency with one account per role, and two inspectors each."""
    said: list[Payload] = [agency("GZ", AgencyKind.WITNESS_BODY), opened("GZ", "gz-witness", Role.WITNESS)]
    wanted = (Role.PLANNER, Role.DRAW_OFFICER, Role.APPROVER, Role.PUBLISHER, Role.AGENCY_HEAD)
    for code in AGENCIES:
        said.append(agency(code))
        said += [opened(code, f"{code.lower()}-{role.value}", role) for role in wanted]
        said += [opened(code, f"{code.lower()}-officer{n}", Role.INSPECTOR, officer=f"{code}00{n}") for n in (1, 2)]
    return said


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pack_published(
    kit: Kit,
    edition: date | None = None,
    yellow: int | None = None,
    at_time: time | None = None,
    lead_days: int | None = None,
) -> registers.RulepackPublished:
    """Publish the pack, perhaps another edition: other thresholds, another time of day, another day for the lead."""
    document = pack().model_copy(update={"edition": edition or pack().edition})
    wanted = {"yellow_working_days": yellow, "time_of_day": at_time}
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if lead_days is not None:
        changes["escalation"] = tuple(
            step.model_copy(update={"working_days_after": lead_days}) if step.to == "lead" else step
            for step in document.reminders.escalation
        )
    document = document.model_copy(update={"reminders": document.reminders.model_copy(update=changes)})
    return registers.RulepackPublished(
        county=COUNTY,
        pack=document.id,
        edition=document.edition,
        digest=document.digest(),
        document=kit.blob(document.canonical_bytes()),
    )


def calendar_published(kit: Kit) -> registers.CalendarPublished:
    """Publish the calendar."""
    years = sorted(calendar().years)
    return registers.CalendarPublished(
        county=COUNTY,
        calendar=calendar().id,
        first_year=years[0],
        last_year=years[-1],
        document=kit.blob(calendar().canonical_bytes()),
    )


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


def stages() -> tuple[campaigns.StageWindow, ...]:
    """Return the inspection stage only; the notifier reads no stage."""
    first, last = date(2018, 12, 10), date(2018, 12, 20)
    return (campaigns.StageWindow(stage=Stage.INSPECT, first_on=first, last_on=last, last_working_on=last),)


def proposed(respond: str = "2018-11-30") -> Payload:
    """Propose the campaign."""
    return campaigns.CampaignProposed(
        county=COUNTY,
        campaign=CAMPAIGN,
        title="道路运输行业联合抽查",
        number="平交联查〔2018〕1号",
        lead=LEAD,
        partners=PARTNERS,
        stages=stages(),
        respond=due(respond),
    )


def partner_confirmed(code: str) -> Payload:
    """Confirm an agency's part."""
    return campaigns.PartnerConfirmed(county=COUNTY, campaign=CAMPAIGN, agency=code, officers=5, checklists=())


def partner_removed(code: str) -> Payload:
    """Take an agency out."""
    return campaigns.PartnerRemoved(county=COUNTY, campaign=CAMPAIGN, agency=code, lead=LEAD)


def partner_declined(code: str) -> Payload:
    """Decline an agency's part."""
    return campaigns.PartnerDeclined(county=COUNTY, campaign=CAMPAIGN, agency=code)


def confirmed(kit: Kit, pinned: str | None = None) -> Payload:
    """Confirm the campaign under the pack with digest *pinned* (NX-2018 unless said)."""
    return campaigns.CampaignConfirmed(
        county=COUNTY,
        campaign=CAMPAIGN,
        title="道路运输行业联合抽查",
        number="平交联查〔2018〕1号",
        lead=LEAD,
        agencies=AGENCIES,
        pack=campaigns.PinnedPack(pack=pack().id, edition=pack().edition, digest=pinned or pack().digest()),
        calendar=calendar().digest(),
        stages=stages(),
        purpose=Purpose.REHEARSAL,
        publication_rule=due("2019-01-04"),
        publication_plan=due("2018-12-31"),
        report=due("2019-01-02"),
        plan=kit.blob(b"{}"),
    )


def frozen(kit: Kit) -> Payload:
    """Freeze the frame."""
    blob = kit.blob(b"frame")
    return campaigns.FrameFrozen(
        county=COUNTY,
        campaign=CAMPAIGN,
        frame="F1",
        lead=LEAD,
        agencies=AGENCIES,
        entities=110,
        frame_digest=DIGEST,
        document=blob,
        rosters=blob,
        annex=blob,
    )


def campaign_closed() -> Payload:
    """Close the campaign."""
    return campaigns.CampaignClosed(county=COUNTY, campaign=CAMPAIGN)


def campaign_resumed() -> Payload:
    """Take a cancellation back."""
    return campaigns.CampaignResumed(county=COUNTY, campaign=CAMPAIGN, lead=LEAD)


def campaign_cancelled() -> Payload:
    """Cancel the campaign."""
    return campaigns.CampaignCancelled(county=COUNTY, campaign=CAMPAIGN)


# ── draws ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def draw_opened(kit: Kit, start: datetime, attempt: int = 1) -> Payload:
    """Open the draw at *start*, half an hour per step."""
    times = [start + timedelta(minutes=30 * n) for n in range(6)]
    return draws.DrawOpened(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=attempt,
        lead=LEAD,
        agencies=AGENCIES,
        witness="GZ",
        purpose=Purpose.REHEARSAL,
        manifest_digest=DIGEST,
        manifest=kit.blob(b"{}"),
        times=draws.DrawTimes(**dict(zip(draws.DrawTimes.model_fields, times, strict=True))),
    )


def committed(code: str, received: int, attempt: int = 1) -> Payload:
    """Receive an agency's commitment."""
    return draws.CommitmentReceived(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=attempt,
        agency=code,
        commitment=DIGEST,
        received=received,
        expected=3,
    )


def sealed(when: datetime, *missing: str) -> Payload:
    """Seal the reveals."""
    return draws.RevealsSealed(
        county=COUNTY, campaign=CAMPAIGN, draw=DRAW, attempt=1, reveals_digest=DIGEST, sealed_at=when, missing=missing
    )


def voided(*absent: str, attempt: int = 1) -> Payload:
    """Void an attempt."""
    return draws.DrawVoided(
        county=COUNTY, campaign=CAMPAIGN, draw=DRAW, attempt=attempt, reason="commitment_missing", absent=absent
    )


def work() -> WorkList:
    """Draw the teams: all agencies in the first visit, JT and GA in the second."""

    def team(code: str, *numbers: int) -> WorkTeam:  # 0: an open slot
        return WorkTeam(agency=code, items=("x",), officers=tuple(f"{code}00{n}" if n else None for n in numbers))

    def visit(name: str, *teams: WorkTeam) -> WorkVisit:
        return WorkVisit(visit=name, target=f"T-{name[-2:]}", stratum="A", ticket_rank=1, teams=teams)

    return WorkList(
        campaign=CAMPAIGN,
        draw=DRAW,
        visits=(
            visit(VISITS[0], team("GA", 1, 2), team("JT", 1, 2), team("SJ", 1, 2, 0)),
            visit(VISITS[1], team("GA", 1, 2), team("JT", 2, 1)),
        ),
    )


def draw_completed(kit: Kit) -> Payload:
    """Complete the draw."""
    return draws.DrawCompleted(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=1,
        lead=LEAD,
        agencies=AGENCIES,
        purpose=Purpose.REHEARSAL,
        visits=2,
        sections=5,
        visits_root=DIGEST,
        result_digest=DIGEST,
        disclose_at=at("2018-12-21", "00:00"),
        work=kit.blob(work().encode(), "results", "notifier"),
    )


def target_replaced(kit: Kit, visit: str, instead: str | None, *, corrected: bool = False) -> Payload:
    """Say that a visit's target is gone; JT's first officer and GA's second go to the new one."""
    teams = [WorkTeam(agency=code, items=("x",), officers=(f"{code}00{n}",)) for code, n in (("GA", 2), ("JT", 1))]
    new = [WorkVisit(visit=instead, target="T-9", stratum="A", ticket_rank=1, teams=tuple(teams))] if instead else []
    work = WorkList(campaign=CAMPAIGN, draw=DRAW, visits=tuple(new))
    return draws.TargetReplaced(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=1,
        round=1,
        lead=LEAD,
        visit=visit,
        reason="moved_out",
        instead=instead,
        agencies=("GA", "JT", "SJ"),
        work=kit.blob(work.encode(), "results", "notifier"),
        corrected=corrected,
    )


def substituted(kit: Kit, visit: str, code: str, left: str, came: str, *, corrected: bool = False) -> Payload:
    """Say that somebody goes in a colleague's place."""
    team = WorkTeam(agency=code, items=("x",), officers=(came,))
    change = TeamChange(campaign=CAMPAIGN, draw=DRAW, visit=visit, team=team, left=(left,), came=(came,))
    blob = kit.blob(change.encode(), "results", "notifier")
    return draws.InspectorSubstituted(
        county=COUNTY,
        campaign=CAMPAIGN,
        draw=DRAW,
        attempt=1,
        round=1,
        visit=visit,
        agency=code,
        team=blob,
        corrected=corrected,
    )


def appointed(kit: Kit, visit: str, code: str, came: str) -> Payload:
    """Say that the head appointed somebody to an open place, beside a colleague who was drawn."""
    team = WorkTeam(agency=code, items=("x",), officers=(f"{code}001", came), appointed=(came,))
    change = TeamChange(campaign=CAMPAIGN, draw=DRAW, visit=visit, team=team, left=(), came=(came,))
    return draws.InspectorAppointed(**_place(visit, code), team=kit.blob(change.encode(), "results", "notifier"))


def appointment_ended(kit: Kit, visit: str, code: str, left: str) -> Payload:
    """Say that the head ended that appointment."""
    team = WorkTeam(agency=code, items=("x",), officers=(f"{code}001", None))
    change = TeamChange(campaign=CAMPAIGN, draw=DRAW, visit=visit, team=team, left=(left,), came=())
    return draws.AppointmentEnded(**_place(visit, code), team=kit.blob(change.encode(), "results", "notifier"))


def named_for_place(visit: str, code: str) -> Payload:
    """Say that somebody was named for an open place."""
    return draws.AppointmentAsked(**_place(visit, code))


def _place(visit: str, code: str) -> dict[str, Any]:
    about = {"county": COUNTY, "campaign": CAMPAIGN, "draw": DRAW, "attempt": 1}
    return {**about, "appointment": "A-640221-2018-001", "agency": code, "visit": visit}


def disclosed(kit: Kit) -> Payload:
    """Disclose the draw."""
    blob = kit.blob(b"record")
    return draws.DrawDisclosed(county=COUNTY, campaign=CAMPAIGN, draw=DRAW, attempt=1, record=blob, frame=blob)


# ── results ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of(visit: str, **more: Any) -> dict[str, Any]:
    return {"county": COUNTY, "campaign": CAMPAIGN, "visit": visit, **more}


def scheduled(visit: str, on: str, *agencies: str, plan: str = "2018-12-31") -> Payload:
    """Schedule a visit, its results to be published by 4 January by the rule, and by *plan*."""
    return results.VisitScheduled(
        **_of(visit, agencies=agencies, visit_on=date.fromisoformat(on)),
        publication_rule=due("2019-01-04"),
        publication_plan=due(plan),
    )


def visit_closed(visit: str, *agencies: str) -> Payload:
    """Close a visit whose target was replaced."""
    return results.VisitClosed(**_of(visit, agencies=agencies, reason="moved_out", instead=None))


def submitted(visit: str, code: str, by: str, items: int = 3) -> Payload:
    """Enter a section."""
    return results.ChecklistSubmitted(**_of(visit, agency=code, items=items, entered_by=by), approval=due("2018-12-14"))


def returned(visit: str, code: str, by: str, again: str | None = "2018-12-31") -> Payload:
    """Return a section, to be submitted *again* by a day (None: as the release before said it)."""
    return results.ResultReturned(**_of(visit, agency=code, entered_by=by), again=due(again) if again else None)


def approved(visit: str, code: str, rule: str = "2019-01-04") -> Payload:
    """Approve a section."""
    return results.ResultApproved(
        **_of(visit, agency=code), publication_rule=due(rule), publication_plan=due("2018-12-31")
    )


def published(visit: str, code: str, on: str, *, late: bool = False) -> Payload:
    """Publish a section."""
    day = date.fromisoformat(on)
    return results.ResultPublished(
        **_of(visit, agency=code, published_on=day, items=3, late_by_rule=late, late_by_plan=late)
    )


def found(visit: str, code: str) -> Payload:
    """Raise a finding."""
    return results.FindingRaised(**_of(visit, agency=code, finding="FI-1", kind="k", inside_remit=True))


def rectify(visit: str, code: str) -> Payload:
    """Order a rectification."""
    return results.RectificationOrdered(**_of(visit, agency=code, finding="FI-1", rectify=due("2019-01-15")))


def verified(visit: str, code: str, *, again: str | None = None) -> Payload:
    """Check a rectification; *again*: it was not passed, and this is the new day."""
    return results.RectificationVerified(
        **_of(visit, agency=code, finding="FI-1"), passed=again is None, rectify=due(again) if again else None
    )


def act(visit: str, code: str) -> Payload:
    """Give an agency a finding of its own to act on."""
    return results.ActionOrdered(**_of(visit, agency=code, finding="FI-1", kind="unreachable", act=due("2018-12-26")))


def acted(visit: str, code: str) -> Payload:
    """Let an agency decide on its own finding."""
    return results.ActionDecided(**_of(visit, agency=code, finding="FI-1", decision="listed_abnormal"))


def joined(visit: str, code: str) -> Payload:
    """Let others report the same matter to the agency."""
    return results.ActionJoined(**_of(visit, agency=code, finding="FI-1", referral=REFERRAL))


# ── referrals ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _between(receiver: str = "GA") -> dict[str, Any]:
    return {
        "county": COUNTY,
        "referral": REFERRAL,
        "campaign": CAMPAIGN,
        "sender": "SJ",
        "lead": LEAD,
        "receiver": receiver,
    }


def unrouted() -> Payload:
    """Find nobody competent."""
    facts = {name: value for name, value in _between().items() if name != "receiver"}
    return referrals.ReferralUnrouted(**facts, kind="k", route=due("2018-12-19"))


def sent(
    receiver: str = "GA",
    *,
    external: bool = False,
    mode: ReferralMode = ReferralMode.TRANSFER,
    receipt: str = "2018-12-19",
) -> Payload:
    """Send a referral."""
    return referrals.ReferralSent(
        **_between(receiver),
        external=external,
        mode=mode,
        kind="k",
        rule="r1",
        receipt=due(receipt),
        answer=due("2018-12-21"),
    )


def source_added(code: str) -> Payload:
    """Add a reporter."""
    return referrals.ReferralSourceAdded(**_between(), source_agency=code, sources=2)


def received(receiver: str = "GA") -> Payload:
    """Confirm a receipt."""
    return referrals.ReferralReceived(**_between(receiver))


def accepted(receiver: str = "GA") -> Payload:
    """Accept a referral."""
    return referrals.ReferralAccepted(**_between(receiver), decide=due("2018-12-25"))


def sent_back(receiver: str = "GA") -> Payload:
    """Return a referral."""
    return referrals.ReferralReturned(**_between(receiver), route=due("2018-12-24"))


def decided(receiver: str = "GA") -> Payload:
    """Decide a referral."""
    return referrals.ReferralDecided(**_between(receiver), decision="done")


def referral_closed(receiver: str = "GA") -> Payload:
    """Close a referral."""
    return referrals.ReferralClosed(**_between(receiver))


# ── a whole story, stream by stream ─────────────────────────────────────────────────────────────────────────────────

Stream = list[tuple[Payload, datetime]]


def story(kit: Kit) -> dict[str, Stream]:
    """
    Tell a campaign, one stream per topic and key, each in its own order.

    Accounts are opened, change roles and are closed in the middle of it; an attempt of the draw is voided; the lead
    routes a referral twice.
    """
    start, again = at("2018-12-03"), at("2018-12-04")
    ga: Stream = [
        (agency("GA"), at("2018-11-01")),
        (opened("GA", "ga-all", Role.PLANNER, Role.APPROVER), at("2018-11-01")),
        (opened("GA", "ga-o1", Role.INSPECTOR, officer="GA001"), at("2018-11-01")),
        (opened("GA", "ga-head", Role.AGENCY_HEAD), at("2018-11-28", "09:00")),  # the moment of the proposal
        (opened("GA", "ga-draw", Role.DRAW_OFFICER), at("2018-12-03", "12:00")),  # between the attempts
        (changed("GA", "ga-all", Role.DRAW_OFFICER), at("2018-12-04", "09:10")),
        (closed("GA", "ga-o1"), at("2018-12-11")),
        (changed("GA", "ga-all", Role.APPROVER), at("2018-12-14")),
        (opened("GA", "ga-o1b", Role.INSPECTOR, officer="GA001"), at("2018-12-17")),
    ]
    jt: Stream = [(payload, at("2018-11-02")) for payload in everybody() if getattr(payload, "agency", "") == "JT"]
    sj: Stream = [(payload, at("2018-11-02")) for payload in everybody() if getattr(payload, "agency", "") == "SJ"]
    sj.append((closed("SJ", "sj-planner"), at("2018-12-20")))
    gz: Stream = [(agency("GZ"), at("2018-11-03")), (opened("GZ", "gz-w", Role.WITNESS), at("2018-12-03", "09:30"))]
    first = [(draw_opened(kit, start), start), (committed("GA", 1), at("2018-12-03", "09:05"))]
    second = [(committed(code, n, 2), at("2018-12-04", f"09:0{n}")) for n, code in enumerate(AGENCIES, 1)]
    return {
        "accounts/GA": ga,
        "accounts/JT": jt,
        "accounts/SJ": sj,
        "accounts/GZ": gz,
        "registers": [
            (calendar_published(kit), at("2018-11-01")),
            (pack_published(kit), at("2018-11-28", "08:00")),
            (pack_published(kit, date(2018, 12, 1), yellow=5), at("2018-12-01")),
        ],
        "campaigns": [
            (proposed(), at("2018-11-28")),
            *((partner_confirmed(code), at("2018-11-29", f"1{n}:00")) for n, code in enumerate(AGENCIES)),
            (confirmed(kit), at("2018-11-30")),
            (frozen(kit), at("2018-11-30", "15:00")),
            (campaign_closed(), at("2019-01-10")),
        ],
        "draws": [
            *first,
            (voided("JT", "SJ"), at("2018-12-03", "11:00")),
            (draw_opened(kit, again, 2), again),
            *second,
            (sealed(at("2018-12-04", "10:10"), "SJ"), at("2018-12-04", "10:10")),
            (draw_completed(kit), at("2018-12-04", "11:00")),
            (disclosed(kit), at("2018-12-21", "00:00")),
        ],
        "results/1": [
            (scheduled(VISITS[0], "2018-12-12", *AGENCIES), at("2018-12-10")),
            (submitted(VISITS[0], "GA", "ga-o1"), at("2018-12-12")),
            (returned(VISITS[0], "GA", "ga-o1"), at("2018-12-13")),
            (submitted(VISITS[0], "GA", "ga-o1", items=4), at("2018-12-13", "15:00")),
            (approved(VISITS[0], "GA", "2019-01-05"), at("2018-12-14")),
            (found(VISITS[0], "GA"), at("2018-12-14")),
            (rectify(VISITS[0], "GA"), at("2018-12-14")),
            (published(VISITS[0], "GA", "2018-12-21"), at("2018-12-21")),
            (published(VISITS[0], "SJ", "2019-01-05", late=True), at("2019-01-05")),
            (verified(VISITS[0], "GA", again="2019-01-29"), at("2019-01-15")),
            (verified(VISITS[0], "GA"), at("2019-01-29")),
        ],
        "results/2": [
            (scheduled(VISITS[1], "2018-12-13", "GA", "JT"), at("2018-12-11")),
            (submitted(VISITS[1], "GA", "ga-o1b"), at("2018-12-17", "16:00")),
            (published(VISITS[1], "GA", "2018-12-24"), at("2018-12-24")),
        ],
        "referrals": [
            (unrouted(), at("2018-12-14")),
            (sent(), at("2018-12-17")),
            (source_added("JT"), at("2018-12-17", "10:00")),
            (received(), at("2018-12-17", "11:00")),
            (sent_back(), at("2018-12-18")),
            (sent("GA", receipt="2018-12-24"), at("2018-12-18")),
            (accepted(), at("2018-12-18")),
            (decided(), at("2018-12-20")),
            (referral_closed(), at("2018-12-20")),
        ],
    }


def records(kit: Kit, told: Sequence[tuple[Payload, datetime]]) -> list[Record]:
    """Write facts as records of the log, in this order."""
    return [kit.record(payload, when) for payload, when in told]
