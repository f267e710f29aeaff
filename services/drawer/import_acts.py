"""
A draw made elsewhere, as pages and timers carry it: the list is read and held against plan, frame and rosters outside.

As in ``acts``: read, work, write; whether it is allowed is decided by the command.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from runtime.files.sheets import Table, read_sheets, write_workbook
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.documents import CampaignPlan, WorkList, WorkTeam, WorkVisit
from services.drawer import outcomes
from services.drawer.commands import importing, opening
from services.drawer.commands.importing import HandedIn, Opened, Told
from services.drawer.commands.opening import Ground
from services.drawer.commands.prepared import prepared
from services.drawer.domain import elsewhere
from services.drawer.domain.elsewhere import Agreed, Available
from services.drawer.domain.frame import Census
from services.drawer.domain.manifest_rules import sizes
from services.drawer.drafts import Basis, places_of, rotated, selection_of
from services.drawer.queries.drawn import last_visitors
from services.drawer.queries.imports import evidence_file, list_waiting, words_for_agencies
from services.drawer.refusals import ImportRefused
from services.drawer.uploads import Document
from services.drawer.vault import SERVICE
from services.drawer.working import JSON, basis_of

STATEMENT = "onevisit-import/1"
"""What the opened statement calls itself: no verifier takes it for a record."""
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
    name, content = sheet
    listed = {"name": name[-80:], "size": len(content), "sha256": sha256(content).hexdigest()}
    asked = {"campaign_id": campaign_id, "told": asdict(told), "evidence": facts, "sheet": listed, "early": early}
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
    now, blobs = service.ports.clock.now(), service.ports.blobs
    ground = service.ask(actor, importing.prepare_import, campaign_id=campaign_id, now=now, told=told, early=early)
    rows = [(row.number, row.texts) for row in read_sheets(sheet[1], sheet[0])[0].rows]
    visitors = service.ask(service.system, last_visitors) if ground.plan.rotation else {}
    basis = rotated(basis_of(blobs, ground), visitors)
    census = basis.census(elsewhere.codes_in(rows))
    names = service.ask(actor, words_for_agencies, agencies=list(basis.agencies))
    found = elsewhere.read(rows, _agreed(basis, census, names))
    if found.complaints:
        raise ImportRefused(found.complaints)
    draw = service.do(actor, opening.number_draw, campaign_id=campaign_id).value["draw"]
    work = _work_list(service, ground, draw, found.teams, census)
    return HandedIn(
        ground,
        draw,
        blobs.put(work.encode(), JSON, (SERVICE, *outcomes.WORK_READERS), subject=draw),
        blobs.put(evidence.content, evidence.facts()["content_type"], (SERVICE,), subject=draw),
        census.frame.n,
        len(work.visits),
        sum(len(one.teams) for one in work.visits),
    )


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
    service: Service, ground: Ground, draw: str, teams: Mapping[str, Sequence[elsewhere.Team]], census: Census
) -> WorkList:
    """
    Name the visits. A visit's number tells nothing of its target: they stand in an order of fresh randomness.

    There are no tickets: a target's rank is its place in the list among those of its stratum.
    """
    blind = service.ports.entropy.bytes(32, "draw.import", draw)
    shuffled = sorted(teams, key=lambda target: sha256(blind + target.encode()).digest())
    width = max(2, len(str(len(shuffled))))
    ranks: dict[str, int] = {}
    of_stratum: dict[str, int] = {}
    for target in teams:
        stratum = census.watched[target].stratum
        ranks[target] = of_stratum[stratum] = of_stratum.get(stratum, 0) + 1
    visits = [
        WorkVisit(
            visit=f"{outcomes.visit_stem(draw)}{number:0{width}d}",
            target=target,
            stratum=census.watched[target].stratum,
            ticket_rank=ranks[target],
            teams=tuple(
                WorkTeam(agency=one.agency, items=one.lines, officers=one.officers)
                for one in sorted(teams[target], key=lambda one: one.agency)
            ),
        )
        for number, target in enumerate(shuffled, start=1)
    ]
    return WorkList(campaign=ground.plan.campaign, draw=draw, visits=tuple(visits))


def decide(service: Service, actor: Actor, draw_id: str, *, key: str, approve: bool) -> Reply:
    """Confirm or refuse an import as a second person."""
    before = service.recall(actor, key)
    if before is not None:
        return before
    ref = service.ask(actor, importing.prepare_decision, draw_id=draw_id)
    opened = Opened(WorkList.model_validate_json(service.ports.blobs.get(ref, SERVICE)))
    return service.do(actor, importing.decide_import, opened, key=key, draw_id=draw_id, approve=approve)


def list_to_confirm(service: Service, actor: Actor, draw_id: str) -> WorkList | None:
    """Fetch the list that waits for a second person, for those of the lead who may know it."""
    ref = service.ask(actor, list_waiting, draw_id=draw_id)
    return WorkList.model_validate_json(service.ports.blobs.get(ref, SERVICE)) if ref is not None else None


def evidence(service: Service, actor: Actor, draw_id: str) -> tuple[bytes, str, str]:
    """Fetch the scanned 附件2 or the export: its content, of which kind it is and what it is called."""
    name, ref = service.ask(actor, evidence_file, draw_id=draw_id)
    return service.ports.blobs.get(ref, SERVICE), ref.content_type, name


def disclose(service: Service, draw_id: str) -> None:
    """Open what there is of an imported draw, a statement and the frame, to everybody: no record, nothing to verify."""
    seen = service.ask(service.system, importing.prepare_statement, draw_id=draw_id)
    work = WorkList.model_validate_json(service.ports.blobs.get(seen.work, SERVICE))
    strata: dict[str, list[str]] = {}
    for one in sorted(work.visits, key=lambda one: (one.stratum, one.ticket_rank)):
        strata.setdefault(one.stratum, []).append(one.target)
    statement: dict[str, Any] = {"v": STATEMENT, "verifiable": False, **seen.facts, "selected": {work.campaign: strata}}
    content = (json.dumps(statement, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    record = service.ports.blobs.put(content, JSON)
    frame = outcomes.open_to_everybody(service.ports, seen.frame)
    told = {"draw_id": draw_id, "record": record, "frame": frame}
    service.do(service.system, importing.disclose_import, key=f"disclose:{draw_id}", **told)
