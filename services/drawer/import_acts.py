"""
A draw made elsewhere, as pages and timers carry it: the list is read and held against plan, frame and rosters outside.

As in ``acts``: read, work, write; whether it is allowed is decided by the command.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from runtime.files.sheets import Table, read_sheets, write_workbook
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan, TeamChange, WorkList, WorkTeam, WorkVisit
from services.drawer import outcomes
from services.drawer.commands import correcting, importing, opening
from services.drawer.commands.correcting import Base, Corrected, Moves
from services.drawer.commands.importing import HandedIn, Opened, Told, Waiting
from services.drawer.commands.opening import Ground
from services.drawer.commands.prepared import prepared
from services.drawer.domain import elsewhere
from services.drawer.domain.correcting import Listed, Reseated, check_correction, differ, name_visits
from services.drawer.domain.elsewhere import Agreed, Available
from services.drawer.domain.frame import Census
from services.drawer.domain.manifest_rules import sizes
from services.drawer.drafts import Basis, places_of, rotated, selection_of
from services.drawer.queries.drawn import last_visitors
from services.drawer.queries.imports import evidence_file, list_of, list_waiting, words_for_agencies
from services.drawer.refusals import ImportRefused
from services.drawer.uploads import Document
from services.drawer.vault import SERVICE
from services.drawer.working import JSON, basis_of

STATEMENT = "onevisit-import/1"
"""What the opened statement calls itself: no verifier takes it for a record."""
NOTHING_KEPT: Mapping[str, str] = {}
NOTES = {
    elsewhere.NAME: "选填，方便核对；系统不读取",
    elsewhere.CODE: "必填，与冻结的抽样框一致；同一企业有几个部门就填几行",
    elsewhere.AGENCY: "必填，部门名称、简称或代码",
    elsewhere.LEADER: "选填，组长工号，须是本行执法人员之一；不填时以执法人员1为组长",
    elsewhere.OFFICER: "工号（人员名录库中的编号），不填姓名；每个部门至少派方案规定的人数",
}


def template(plan: CampaignPlan) -> bytes:
    """Write the list to be filled in (附件6), with a sheet that explains its columns."""
    headings = elsewhere.headings(max(2, *(len(places_of(one)) for one in plan.agencies)))
    notes = [(heading, NOTES[heading.rstrip("0123456789")]) for heading in headings]
    return write_workbook(
        [Table("附件6", headings, []), Table("填写说明", ["列", "说明"], notes, widths={"列": 20, "说明": 60})]
    )


def hand_in(
    service: Service,
    actor: Actor,
    campaign_id: str,
    told: Told,
    *,
    key: str,
    sheet: tuple[str, bytes],
    evidence: Document,
    early: bool = False,
) -> Reply:
    """Hand in a draw made elsewhere: *sheet* is the list's name and content."""
    facts = evidence.facts()
    work = prepared(lambda: _handed_in(service, actor, campaign_id, told, sheet, evidence, early))
    asked = {
        "campaign_id": campaign_id,
        "told": asdict(told),
        "evidence": facts,
        "sheet": _about(sheet),
        "early": early,
    }
    return service.do(actor, importing.hand_in, work, key=key, **asked)


def _handed_in(
    service: Service,
    actor: Actor,
    campaign_id: str,
    told: Told,
    sheet: tuple[str, bytes],
    evidence: Document,
    early: bool,
) -> HandedIn:
    now = service.ports.clock.now()
    ground = service.ask(actor, importing.prepare_import, campaign_id=campaign_id, now=now, told=told, early=early)
    teams, census = _read(service, actor, ground, sheet)
    draw = service.do(actor, opening.number_draw, campaign_id=campaign_id).value["draw"]
    return _kept(service, ground, _work_list(service, ground, draw, teams, census), evidence, census)


def correct(
    service: Service,
    actor: Actor,
    draw_id: str,
    why: str,
    told: Told,
    *,
    key: str,
    sheet: tuple[str, bytes],
    evidence: Document,
    early: bool = False,
) -> Reply:
    """Hand in another version of an imported draw that stands: the whole list again, as it should have been, and why."""
    facts = evidence.facts()
    work = prepared(lambda: _corrected(service, actor, draw_id, told, sheet, evidence, early))
    asked = {"why": why, "told": asdict(told), "evidence": facts, "sheet": _about(sheet), "early": early}
    return service.do(actor, correcting.correct, work, key=key, draw_id=draw_id, **asked)


def _corrected(
    service: Service,
    actor: Actor,
    draw_id: str,
    told: Told,
    sheet: tuple[str, bytes],
    evidence: Document,
    early: bool,
) -> Corrected:
    now = service.ports.clock.now()
    asked: dict[str, Any] = {"draw_id": draw_id, "now": now, "told": told, "early": early}
    base: Base = service.ask(actor, correcting.prepare_correction, **asked)
    teams, census = _read(service, actor, base.ground, sheet, but=draw_id)
    kept = {one.target: one.visit for one in base.visits}
    work = _work_list(service, base.ground, draw_id, teams, census, kept=kept, taken=base.taken)
    same = (told, evidence.facts()["sha256"]) == base.says
    check_correction(differ(base.visits, _listed(work)), base.entered, says_the_same=same)
    return Corrected(base, _kept(service, base.ground, work, evidence, census))


def _read(
    service: Service, actor: Actor, ground: Ground, sheet: tuple[str, bytes], *, but: str | None = None
) -> tuple[Mapping[str, Sequence[elsewhere.Team]], Census]:
    """Read a list and hold it against plan, frame and rosters; *but*: a draw whose own visits bar nobody by rotation."""
    rows = [(row.number, row.texts) for row in read_sheets(sheet[1], sheet[0])[0].rows]
    visitors = service.ask(service.system, last_visitors, but=but) if ground.plan.rotation else {}
    basis = rotated(basis_of(service.ports.blobs, ground), visitors)
    census = basis.census(elsewhere.codes_in(rows))
    names = service.ask(actor, words_for_agencies, agencies=list(basis.agencies))
    found = elsewhere.read(rows, _agreed(basis, census, names))
    if found.complaints:
        raise ImportRefused(found.complaints)
    return found.teams, census


def _kept(service: Service, ground: Ground, work: WorkList, evidence: Document, census: Census) -> HandedIn:
    blobs = service.ports.blobs
    return HandedIn(
        ground,
        work.draw,
        blobs.put(work.encode(), JSON, (SERVICE, *outcomes.WORK_READERS), subject=work.draw),
        blobs.put(evidence.content, evidence.facts()["content_type"], (SERVICE,), subject=work.draw),
        census.frame.n,
        len(work.visits),
        sum(len(one.teams) for one in work.visits),
    )


def _about(sheet: tuple[str, bytes]) -> dict[str, Any]:
    name, content = sheet
    return {"name": name[-80:], "size": len(content), "sha256": sha256(content).hexdigest()}


def _agreed(basis: Basis, census: Census, names: Mapping[str, str]) -> Agreed:
    plan = basis.plan
    (planned,) = sizes((selection_of(plan),), census.counts).values()
    return Agreed(
        lines={item.item: item.agency for item in plan.items},
        names=names,
        slots={one.agency: [frozenset(labels) for labels in places_of(one)] for one in plan.agencies},
        planned={entity_class: drawn for entity_class, (_, drawn) in planned.items()},
        kinds=census.watched,
        rosters={
            agency: {
                one.officer: Available(frozenset(one.labels), one.cap, frozenset(one.recused))
                for one in basis.officers(agency)
            }
            for agency in basis.agencies
        },
        left_out={agency: dict(pairs) for agency, pairs in basis.rosters.excluded.items()},
    )


def _work_list(
    service: Service,
    ground: Ground,
    draw: str,
    teams: Mapping[str, Sequence[elsewhere.Team]],
    census: Census,
    *,
    kept: Mapping[str, str] = NOTHING_KEPT,
    taken: int = 0,
) -> WorkList:
    """
    Name the visits. A visit's number tells nothing of its target: they stand in an order of fresh randomness.

    There are no tickets: a target's rank is its place in the list among those of its stratum.
    """
    blind = service.ports.entropy.bytes(32, "draw.import", draw)
    shuffled = sorted(teams, key=lambda target: sha256(blind + target.encode()).digest())
    names = name_visits(shuffled, kept, stem=outcomes.visit_stem(draw), taken=taken)
    ranks: dict[str, int] = {}
    of_stratum: dict[str, int] = {}
    for target in teams:
        stratum = census.watched[target].stratum
        ranks[target] = of_stratum[stratum] = of_stratum.get(stratum, 0) + 1
    visits = [
        WorkVisit(
            visit=names[target],
            target=target,
            stratum=census.watched[target].stratum,
            ticket_rank=ranks[target],
            teams=tuple(
                WorkTeam(agency=one.agency, items=one.lines, officers=one.officers)
                for one in sorted(teams[target], key=lambda one: one.agency)
            ),
        )
        for target in sorted(shuffled, key=names.__getitem__)
    ]
    return WorkList(campaign=ground.plan.campaign, draw=draw, visits=tuple(visits))


def decide(service: Service, actor: Actor, draw_id: str, *, key: str, approve: bool) -> Reply:
    """Confirm or refuse an import, or the correction of one, as a second person."""
    before = service.recall(actor, key)
    if before is not None:
        return before
    found: Waiting = service.ask(actor, importing.prepare_decision, draw_id=draw_id)
    work = WorkList.model_validate_json(service.ports.blobs.get(found.work, SERVICE))
    decided = {"draw_id": draw_id, "approve": approve}
    if not found.corrects:
        return service.do(actor, importing.decide_import, Opened(work), key=key, **decided)
    moves = prepared(lambda: _moves(service, actor, work))
    return service.do(actor, correcting.decide_correction, moves, key=key, **decided)


def _moves(service: Service, actor: Actor, work: WorkList) -> Moves:
    """Work out what a correction does to the visits, and write down for results and notifier who goes where now."""
    visits = service.ask(actor, correcting.standing_visits, draw_id=work.draw)
    after, difference = {one.visit: one for one in work.visits}, differ(visits, _listed(work))
    blobs, draw, readers = service.ports.blobs, work.draw, outcomes.WORK_READERS
    works = {
        instead: WorkList(campaign=work.campaign, draw=draw, visits=(after[instead],))
        for _, instead in difference.replaced
    }
    teams = {(one.visit, one.agency): _team_change(work, after[one.visit], one) for one in difference.reseated}
    return Moves(
        visits,
        after,
        difference,
        {visit: blobs.put(one.encode(), JSON, (SERVICE, *readers), subject=draw) for visit, one in works.items()},
        {about: blobs.put(one.encode(), JSON, readers, subject=draw) for about, one in teams.items()},
    )


def _team_change(work: WorkList, visit: WorkVisit, one: Reseated) -> TeamChange:
    (team,) = [team for team in visit.teams if team.agency == one.agency]
    return TeamChange(
        campaign=work.campaign, draw=work.draw, visit=visit.visit, team=team, left=one.left, came=one.came
    )


def _listed(work: WorkList) -> list[Listed]:
    return [
        Listed(one.visit, one.target, one.stratum, {team.agency: team.officers for team in one.teams})
        for one in work.visits
    ]


@dataclass(frozen=True)
class MovesShown:
    """What a correction that waits would do, for whoever decides it: with targets, and teams before and after."""

    replaced: Sequence[tuple[str, str]]
    reseated: Sequence[Reseated]
    targets: Mapping[str, str]
    teams: Mapping[tuple[str, str], tuple[Sequence[str | None], Sequence[str | None]]]


@dataclass(frozen=True)
class ToConfirm:
    """The list that waits for a second person, and against which one that stands it is to be compared, if any."""

    waiting: WorkList | None = None
    moves: MovesShown | None = None


def to_confirm(service: Service, actor: Actor, draw_id: str) -> ToConfirm:
    """Fetch the list that waits for a second person, for those of the lead who may know it."""
    ref = service.ask(actor, list_waiting, draw_id=draw_id)
    if ref is None:
        return ToConfirm()
    work = WorkList.model_validate_json(service.ports.blobs.get(ref, SERVICE))
    before = {one.visit: one for one in service.ask(actor, correcting.standing_visits, draw_id=draw_id)}
    if not before:
        return ToConfirm(work)
    after = {one.visit: one for one in _listed(work)}
    found = differ(list(before.values()), list(after.values()))
    teams = {
        (one.visit, one.agency): (before[one.visit].teams[one.agency], after[one.visit].teams[one.agency])
        for one in found.reseated
    }
    targets = {one.visit: one.target for one in (*before.values(), *after.values())}
    return ToConfirm(work, MovesShown(found.replaced, found.reseated, targets, teams))


def listed(service: Service, actor: Actor, draw_id: str, version: str | None = None) -> bytes:
    """
    Write the list of an import as it was confirmed (附件6), to be read, or put right and handed in again.

    Args:
        version: Of an import by its id; None: of the one that stands.
    """
    found = service.ask(actor, list_of, draw_id=draw_id, version=version)
    work = WorkList.model_validate_json(service.ports.blobs.get(found.work, SERVICE))
    places = max(2, *(len(team.officers) for one in work.visits for team in one.teams))
    rows = [
        ["", one.target, found.names.get(team.agency, team.agency), team.officers[0] or "", *_padded(team, places)]
        for one in work.visits
        for team in one.teams
    ]
    return write_workbook([Table("附件6", elsewhere.headings(places), rows)])


def _padded(team: WorkTeam, places: int) -> list[str]:
    return [*(officer or "" for officer in team.officers), *[""] * (places - len(team.officers))]


def evidence(service: Service, actor: Actor, draw_id: str, version: str | None = None) -> tuple[bytes, str, str]:
    """Fetch the scanned 附件2 or the export, of one version: its content, of which kind it is and what it is called."""
    name, ref = service.ask(actor, evidence_file, draw_id=draw_id, version=version)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name


def disclose(service: Service, draw_id: str) -> None:
    """Open what there is of an imported draw, a statement and the frame, to everybody: no record, nothing to verify."""
    seen = service.ask(service.system, importing.prepare_statement, draw_id=draw_id)
    statement: dict[str, Any] = {"v": STATEMENT, "verifiable": False, **seen.facts, **_selected(service, seen.work)}
    if seen.earlier:
        statement["corrected"] = [{**one.facts, **_selected(service, one.work)} for one in seen.earlier]
    content = (json.dumps(statement, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    record = service.ports.blobs.put(content, JSON)
    frame = outcomes.open_to_everybody(service.ports, seen.frame)
    told = {"draw_id": draw_id, "version": seen.version, "record": record, "frame": frame}
    service.do(service.system, importing.disclose_import, key=f"disclose:{seen.version}", **told)


def _selected(service: Service, ref: BlobRef) -> dict[str, Any]:
    work = WorkList.model_validate_json(service.ports.blobs.get(ref, SERVICE))
    strata: dict[str, list[str]] = {}
    for one in sorted(work.visits, key=lambda one: (one.stratum, one.ticket_rank)):
        strata.setdefault(one.stratum, []).append(one.target)
    return {"selected": {work.campaign: strata}}
