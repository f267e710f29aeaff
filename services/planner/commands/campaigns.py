"""A campaign from draft to close: drafted, edited, proposed, approved, closed or cancelled by its lead agency."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound, OneVisitError, Stale
from runtime.service import Reply
from runtime.store import Actor, next_id, share, unshare
from runtime.time.workdays import WorkingCalendar
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from schemas.events.campaigns import (
    CampaignCancelled,
    CampaignClosed,
    CampaignConfirmed,
    CampaignProposed,
    PartnerRemoved,
    PinnedPack,
)
from schemas.events.payload import Payload
from schemas.rulepack import RulePack, codes
from schemas.vocabulary import AgencyKind, Purpose, Role
from services.planner import dues, packs
from services.planner.domain import campaigns as rules
from services.planner.domain import stages
from services.planner.domain.campaigns import DrawTerms, Known, Plan
from services.planner.domain.days import business_day
from services.planner.domain.experts import Asked, check_asked
from services.planner.domain.frames import Line
from services.planner.domain.ratios import ONE_CLASS, read_ratio
from services.planner.domain.register_rows import LONGEST_FIELD
from services.planner.domain.stages import Warned, Window
from services.planner.forms import CampaignForm, ClassBoundsForm, ConditionsForm, ItemForm
from services.planner.progress import draw_completed, draw_sealed, sections_of
from services.planner.tables import (
    AgencyRow,
    CampaignRow,
    ConferenceRow,
    DrawnTargetRow,
    ItemRow,
    PartRow,
    RulepackRow,
)


class CampaignUnknown(NotFound):
    """There is no such campaign, or none that the asker's agency takes part in."""

    code = "campaign.unknown"


class PlanChanged(Stale):
    """Something the plan is made of changed while it was being written; approve it again."""

    code = "campaign.plan_changed"


def get_campaign(session: Session, campaign_id: str) -> CampaignRow:
    """Return a campaign the asker may see."""
    row = session.get(CampaignRow, campaign_id)
    if row is None:
        raise CampaignUnknown(campaign=campaign_id)
    return row


def get_own(session: Session, actor: Actor, campaign_id: str, *roles: Role) -> CampaignRow:
    """Return a campaign that the asker's agency leads, for somebody with one of *roles*."""
    row = get_campaign(session, campaign_id)
    if row.owner_agency != actor.agency or not actor.has(*roles):
        raise rules.NotTheLead(campaign=campaign_id)
    return row


def check_version(row: CampaignRow, asked: str | None) -> None:
    """Refuse a change made on an older version (If-Match)."""
    if asked not in (None, "*", str(row.version)):
        raise Stale(asked=asked, stored=str(row.version))


# ── draft ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_campaign(session: Session, actor: Actor, *, at: datetime, form: CampaignForm) -> Reply:
    """Draft a campaign with the actor's agency as lead; refuses what could never be carried out."""
    if not actor.has(Role.PLANNER):
        raise rules.NotTheLead(campaign="")
    campaign = next_id(session, "C", actor.county, business_day(at).year)
    row = CampaignRow(
        id=campaign,
        county=actor.county,
        owner_agency=actor.agency,
        version=1,
        state=rules.DRAFT,
        created_at=at,
        created_by=actor.id,
    )
    _write(session, actor, row, form)
    session.add(row)
    _keep_conference(session, row, form)
    return Reply(value={"campaign": campaign, "version": row.version})


def edit_campaign(
    session: Session, actor: Actor, *, at: datetime, campaign_id: str, form: CampaignForm, if_match: str | None
) -> Reply:
    """Replace a draft; a change made on an older version is refused."""
    del at
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    check_version(row, if_match)
    rules.require_state(row.id, row.state, rules.DRAFT)
    _write(session, actor, row, form)
    _keep_conference(session, row, form)
    row.version += 1
    return Reply(value={"campaign": row.id, "version": row.version})


def _write(session: Session, actor: Actor, row: CampaignRow, form: CampaignForm) -> None:
    form = _staged(session, actor.county, form)
    pack_row = packs.find_pack(session, actor.county, form.pack, form.edition)
    pack = packs.read_pack(pack_row.document)
    lines = _lines(session, actor.county, form.chosen_items())
    ratio = read_ratio(list(form.ratio) if isinstance(form.ratio, tuple) else form.ratio)
    plan = Plan(
        title=rules.clean_text("title", form.title, 200),
        number=rules.clean_text("number", form.number, 100),
        lead=actor.agency,
        partners=form.partners,
        lines=lines,
        districts=form.conditions.districts,
        ratio=ratio,
        planned=form.planned,
        spread=form.spread,
        terms=DrawTerms(
            form.purpose,
            form.disclosure,
            form.witness,
            form.dice,
            form.chain_len,
            form.max_missing,
            form.beacons,
            form.hash or pack.hashes_offered[0].code,
        ),
    )
    rules.check_plan(plan, known_words(session, actor.county, pack))
    kinds = _kinds(session, actor.county, [line.item for line in lines])
    if form.parent is None:  # else the pack's bounds were the first stage's to keep
        packs.bounds(pack, kinds).check(ratio)
    class_bounds = sorted((_class_bounds(each) for each in form.class_bounds), key=lambda each: str(each["category"]))
    rules.check_class_bounds(plan.spread, class_bounds, plan.categories)
    words = packs.expert_fields(pack)
    written = [(each, rules.clean_text("experts", each.field, LONGEST_FIELD)) for each in form.experts]
    asked = [Asked(each.agency, words.find(field) or field, each.per_visit) for each, field in written]
    experts = check_asked(asked, plan.agencies)
    windows = stages.ordered([Window(each.stage, each.first_on, each.last_on) for each in form.stages])
    calendar = packs.read_calendar(packs.find_calendar(session, actor.county, pack.calendar).document)
    stages.check_inside(windows, calendar)
    stages.refuse_blocking(_dated(windows, calendar, pack, conference=None, needed=False), frozenset())
    row.title, row.number = plan.title, plan.number
    row.plan_id = rules.clean_text("plan_id", form.publication.plan_id, 100, needed=False)
    row.plan_name = rules.clean_text("plan_name", form.publication.plan_name, 200, needed=False)
    row.type_name = rules.clean_text("type_name", form.publication.type_name, 100, needed=False)
    row.partners = sorted(plan.partners)
    row.items = [{"item": line.item, "agency": line.agency, "categories": sorted(line.categories)} for line in lines]
    row.stages = dues.stored(windows)
    row.ratio_p, row.ratio_q = ratio.numerator, ratio.denominator
    row.planned, row.spread = plan.planned, plan.spread
    row.most, row.class_bounds = form.most, class_bounds or None
    row.districts = sorted(set(form.conditions.districts))
    row.target_labels = sorted({rules.clean_text("labels", label, 50) for label in form.conditions.labels})
    row.established_before = form.conditions.established_before
    row.exclude_drawn = form.conditions.exclude_drawn
    row.experts = [asdict(each) for each in experts] or None
    row.parent = form.parent
    row.purpose, row.disclosure = form.purpose.value, form.disclosure
    row.witness, row.dice, row.beacons = form.witness, form.dice, sorted(form.beacons) or None
    row.hash = plan.terms.hash
    row.chain_len, row.max_missing = form.chain_len, form.max_missing
    most = pack.replacement.most(plan.planned)
    row.replacement_max = most if form.replacement_max is None else form.replacement_max
    row.pack, row.edition = pack_row.pack, pack_row.edition


def _class_bounds(form: ClassBoundsForm) -> dict[str, Any]:
    ratio = None if form.ratio is None else read_ratio(form.ratio)
    own = None if ratio is None else [ratio.numerator, ratio.denominator]
    return {"category": form.category, "ratio": own, "least": form.least, "most": form.most}


def _staged(session: Session, county: str, form: CampaignForm) -> CampaignForm:
    """Fill in a staged campaign (分段式): whoever the first stage drew, and everybody of them."""
    if form.parent is None:
        return form
    planned = len(first_stage(session, county, form.parent, form.purpose))
    all_of_them = {"ratio": (1, 1), "planned": planned, "spread": ONE_CLASS, "conditions": ConditionsForm()}
    return form.model_copy(update=all_of_them | {"most": None, "class_bounds": ()})


def first_stage(session: Session, county: str, campaign: str, purpose: str) -> frozenset[str]:
    """
    Name the targets that a campaign's disclosed draw chose, as its last replacement round left them.

    Raises:
        FirstStageUnknown: no such draw of the county and of this purpose is disclosed.
    """
    drawn = DrawnTargetRow
    asked = select(drawn).where(drawn.county == county, drawn.campaign == campaign, drawn.purpose == purpose)
    found = frozenset(row.target for row in session.scalars(asked))
    if not found:
        raise rules.FirstStageUnknown(campaign=campaign)
    return found


def _lines(session: Session, county: str, chosen: Sequence[ItemForm]) -> tuple[Line, ...]:
    rows = session.scalars(
        select(ItemRow).where(
            ItemRow.county == county, ItemRow.valid_to.is_(None), ItemRow.item.in_([each.item for each in chosen])
        )
    )
    known = {row.item: row for row in rows}
    if unknown := sorted({each.item for each in chosen} - set(known)):
        raise rules.ItemUnknown(items=", ".join(unknown))
    lines = {
        each.item: Line(
            each.item,
            known[each.item].agency,
            frozenset(known[each.item].categories if each.categories is None else each.categories),
        )
        for each in chosen
    }
    return tuple(lines[item] for item in sorted(lines))


def _kinds(session: Session, county: str, items: Sequence[str]) -> set[str]:
    rows = session.scalars(
        select(ItemRow).where(ItemRow.county == county, ItemRow.valid_to.is_(None), ItemRow.item.in_(items))
    )
    return {row.kind for row in rows}


def known_words(session: Session, county: str, pack: RulePack) -> Known:
    """Collect what a plan may speak of: registered bodies and the pack's codes."""
    bodies = list(session.scalars(select(AgencyRow).where(AgencyRow.county == county)))
    return Known(
        agencies=frozenset(row.id for row in bodies if row.kind == AgencyKind.AGENCY),
        witnesses=frozenset(row.id for row in bodies if row.kind == AgencyKind.WITNESS_BODY),
        categories=frozenset(codes(pack.categories)),
        districts=frozenset(codes(pack.districts)),
        pack_purpose=pack.purpose,
        beacons=frozenset(one.id for one in pack.sources_of_randomness),
        hashes=frozenset(one.code for one in pack.hashes_offered),
    )


def _keep_conference(session: Session, row: CampaignRow, form: CampaignForm) -> None:
    if form.conference is None:
        return
    record = rules.clean_text("conference", form.conference.record, 20_000)
    kept = session.get(ConferenceRow, row.id)
    if kept is None:
        kept = ConferenceRow(id=row.id, county=row.county, owner_agency=row.owner_agency, salt=None)
        session.add(kept)
    kept.held_on, kept.attendees, kept.record = form.conference.held_on, form.conference.attendees, record


def _dated(
    windows: tuple[Window, ...], calendar: WorkingCalendar, pack: RulePack, *, conference: date | None, needed: bool
) -> tuple[Warned, ...]:
    reversed_ = any(window.first_on > window.last_on for window in windows)
    rule = None if reversed_ else dues.due(pack, "publication_rule", dues.anchors(windows), calendar)
    return stages.warnings(
        windows,
        calendar,
        rule_due_on=None if rule is None else rule.due_on,
        rule_term=pack.deadlines["publication_rule"].term,
        conference_on=conference,
        conference_required=needed,
    )


def warnings_of(
    row: CampaignRow, pack: RulePack, calendar: WorkingCalendar, conference: date | None
) -> tuple[Warned, ...]:
    """Say what is worth saying about a campaign's dates."""
    return _dated(dues.windows_of(row.stages), calendar, pack, conference=conference, needed=pack.conference.required)


# ── proposal ────────────────────────────────────────────────────────────────────────────────────────────────────────


def propose_campaign(session: Session, actor: Actor, *, at: datetime, campaign_id: str, if_match: str | None) -> Reply:
    """Send a draft to its partners: each may read it from now on, and answers for its own part."""
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    check_version(row, if_match)
    rules.require_state(row.id, row.state, rules.DRAFT)
    pack = packs.read_pack(packs.find_pack(session, row.county, row.pack, row.edition).document)
    calendar = packs.read_calendar(packs.find_calendar(session, row.county, pack.calendar).document)
    conference = session.get(ConferenceRow, row.id)
    warned = warnings_of(row, pack, calendar, conference.held_on if conference else None)
    stages.refuse_blocking(warned, packs.blocking(pack))
    respond = dues.due(pack, "partner_response", {"event": business_day(at)}, calendar)
    row.state, row.version = rules.PROPOSED, row.version + 1
    row.proposed_at, row.proposed_by, row.respond = at, actor.id, respond.model_dump(mode="json")
    agencies = sorted({row.owner_agency, *row.partners})
    for agency in agencies:
        session.add(_asked(row, agency))
    session.flush()
    for agency in agencies:
        _open_to(session, row, agency, agencies)
    said = CampaignProposed(
        county=row.county,
        campaign=row.id,
        title=row.title,
        number=row.number,
        lead=row.owner_agency,
        partners=tuple(row.partners),
        stages=dues.spoken(dues.windows_of(row.stages), calendar),
        respond=respond,
    )
    return Reply(events=[said], value={"campaign": row.id, "version": row.version, "respond": row.respond})


def _asked(row: CampaignRow, agency: str) -> PartRow:
    return PartRow(
        id=f"{row.id}.{agency}",
        county=row.county,
        owner_agency=row.owner_agency,
        campaign=row.id,
        agency=agency,
        state=rules.ASKED,
        officers=0,
        checklists=[],
        cover={},
    )


def _open_to(session: Session, row: CampaignRow, agency: str, agencies: Sequence[str]) -> None:
    if agency == row.owner_agency:
        return
    share(session, row, agency)
    for other in agencies:
        part = session.get_one(PartRow, f"{row.id}.{other}")
        share(session, part, agency, write=other == agency)


def experts_asked(row: CampaignRow) -> tuple[Asked, ...]:
    """Read the experts a campaign asks for, by agency and field."""
    return tuple(Asked(**each) for each in row.experts or ())


def parts_of(session: Session, campaign_id: str) -> list[PartRow]:
    """List the parts of a campaign by agency, as far as the asker may see them."""
    return list(session.scalars(select(PartRow).where(PartRow.campaign == campaign_id).order_by(PartRow.agency)))


def remove_partner(session: Session, actor: Actor, *, at: datetime, campaign_id: str, agency: str) -> Reply:
    """Take an agency that declined, or did not answer, out of a proposed campaign, together with its items."""
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    rules.require_state(row.id, row.state, rules.PROPOSED)
    part = session.get(PartRow, f"{row.id}.{agency}")
    if part is None:
        raise rules.NotAPartner(campaign=campaign_id, agency=agency)
    rules.check_removable(agency, row.owner_agency, part.state)
    row.partners = [partner for partner in row.partners if partner != agency]
    row.items = [item for item in row.items if item["agency"] != agency]
    row.experts = [each for each in row.experts or () if each["agency"] != agency] or None
    row.max_missing = min(row.max_missing, (1 + len(row.partners)) // 3)
    row.version += 1
    part.state, part.answered_at = rules.REMOVED, part.answered_at or at
    session.flush()
    unshare(session, row, agency)  # from here on it reads nothing of the campaign, its own part included
    for each in parts_of(session, row.id):
        unshare(session, each, agency)
    said = PartnerRemoved(county=row.county, campaign=row.id, agency=agency, lead=row.owner_agency)
    return Reply(events=[said], value={"campaign": row.id, "version": row.version})


# ── approval ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class PreparedPlan:
    """The plan as written, what it was made from, and where it lies."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    plan: CampaignPlan
    inputs: str
    salt: str
    blob: BlobRef


def names_of(session: Session, county: str) -> dict[str, str]:
    """Return what people call the bodies of a county."""
    return {row.id: row.short_name for row in session.scalars(select(AgencyRow).where(AgencyRow.county == county))}


def check_approval(row: CampaignRow, parts: Sequence[PartRow], actor: Actor, names: Mapping[str, str]) -> None:
    """Hold an approval against its rules: everybody confirmed, and a second person."""
    rules.require_state(row.id, row.state, rules.PROPOSED)
    rules.check_everybody_agreed({part.agency: part.state for part in parts}, names)
    rules.check_approver(row.proposed_by, actor.id)


def approve_campaign(
    session: Session, actor: Actor, *, at: datetime, campaign_id: str, prepared: PreparedPlan | OneVisitError
) -> Reply:
    """Approve a plan that everybody confirmed: from here on it stands, judged by the pack it pins."""
    if isinstance(prepared, OneVisitError):
        raise prepared
    row = get_own(session, actor, campaign_id, Role.APPROVER)
    check_approval(row, parts_of(session, row.id), actor, names_of(session, row.county))
    if prepared.inputs != plan_inputs(session, row):
        raise PlanChanged(campaign=row.id)
    pack_row = packs.find_pack(session, row.county, row.pack, row.edition)
    pack = packs.read_pack(pack_row.document)
    calendar_row = packs.find_calendar(session, row.county, pack.calendar)
    calendar = packs.read_calendar(calendar_row.document)
    windows = dues.windows_of(row.stages)
    days = dues.anchors(windows)
    rule, plan, report = (
        dues.due(pack, name, days, calendar) for name in ("publication_rule", "publication_plan", "report_to_lead")
    )
    row.state, row.version = rules.CONFIRMED, row.version + 1
    row.approved_at, row.approved_by = at, actor.id
    row.pack_digest, row.calendar_digest = pack_row.digest, calendar_row.digest
    row.plan, row.plan_digest = prepared.plan.encode().decode(), prepared.plan.digest()
    row.dues = {
        "publication_rule": rule.model_dump(mode="json"),
        "publication_plan": plan.model_dump(mode="json"),
        "report": report.model_dump(mode="json"),
    }
    conference = session.get(ConferenceRow, row.id)
    if conference is not None:
        conference.salt = prepared.salt
    if row.witness is not None:
        share(session, row, row.witness)
    said = CampaignConfirmed(
        county=row.county,
        campaign=row.id,
        title=row.title,
        number=row.number,
        lead=row.owner_agency,
        agencies=tuple(sorted({row.owner_agency, *row.partners})),
        pack=PinnedPack(pack=row.pack, edition=row.edition, digest=pack_row.digest),
        calendar=calendar_row.digest,
        stages=dues.spoken(windows, calendar),
        purpose=Purpose(row.purpose),
        publication_rule=rule,
        publication_plan=plan,
        report=report,
        plan=prepared.blob,
    )
    return Reply(events=[said], value={"campaign": row.id, "version": row.version, "plan_digest": row.plan_digest})


def plan_inputs(session: Session, row: CampaignRow) -> str:
    """Name the state a plan was written from: the campaign, its parts, the pack and the items it speaks of."""
    parts = [[part.agency, part.state, part.cover] for part in parts_of(session, row.id)]
    items = session.scalars(
        select(ItemRow).where(
            ItemRow.county == row.county,
            ItemRow.valid_to.is_(None),
            ItemRow.item.in_([each["item"] for each in row.items]),
        )
    )
    pack: RulepackRow = packs.find_pack(session, row.county, row.pack, row.edition)
    told: list[Any] = [row.version, parts, sorted(item.id for item in items), pack.digest]
    return repr(told)


# ── end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel_campaign(session: Session, actor: Actor, *, at: datetime, campaign_id: str, reason: str) -> Reply:
    """End a campaign before its draw is sealed; what was done stays on record."""
    row = get_own(session, actor, campaign_id, Role.PLANNER, Role.AGENCY_HEAD)
    sealed, drawn = draw_sealed(session, row.id), draw_completed(session, row.id)
    rules.check_cancellable(row.id, row.state, sealed=sealed, drawn=drawn)
    told = row.state != rules.DRAFT
    row.state, row.version = rules.CANCELLED, row.version + 1
    row.ended_at, row.ended_by = at, actor.id
    row.cancel_reason = rules.clean_text("cancel_reason", reason, 2_000)
    events: list[Payload] = [CampaignCancelled(county=row.county, campaign=row.id)] if told else []
    return Reply(events=events, value={"campaign": row.id, "version": row.version})


def close_campaign(session: Session, actor: Actor, *, at: datetime, campaign_id: str) -> Reply:
    """Close a campaign whose results are all published, as far as is known here."""
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    sections, published = sections_of(session, row.id)
    rules.check_closable(
        row.id, row.state, drawn=draw_completed(session, row.id), sections=sections, published=published
    )
    row.state, row.version = rules.CLOSED, row.version + 1
    row.ended_at, row.ended_by = at, actor.id
    return Reply(
        events=[CampaignClosed(county=row.county, campaign=row.id)],
        value={"campaign": row.id, "version": row.version},
    )
