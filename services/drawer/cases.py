"""
A campaign's draw as a case in files: what it is computed from, for whoever runs this machine and may see it.

Before a draw has been opened the manifest is one to try with, marked "rehearsal". The seed is added once the record is
open, and never before: with the frame it is the list of who was drawn.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from services.drawer import archive, tables
from services.drawer.acts import AskedTimes
from services.drawer.commands.opening import Ground, ground_of
from services.drawer.domain.manifest import Times, as_json
from services.drawer.domain.roster import summarise
from services.drawer.drafts import Enrolment, feasibility_of, shard_of, window_end
from services.drawer.reading import attempts_of, blob_ref
from services.drawer.vault import Vault
from services.drawer.working import basis_of

UNOPENED = "CASE"
"""What salts are made for, where no draw has been opened."""
A_MONTH = timedelta(days=30)
"""Long enough for the times of a draw that is only tried, where the plan's window is over."""


@dataclass(frozen=True)
class CaseParts:
    """What of a campaign's draw is stored: the ground, its newest attempt's manifest and salts, its open record."""

    ground: Ground
    manifest: Mapping[str, Any] | None
    salts: Mapping[str, bytes]
    record: BlobRef | None


@dataclass(frozen=True)
class CaseFiles:
    """The files of a case, by name."""

    files: Mapping[str, bytes]
    is_opened: bool
    """Whether the manifest is that of a draw, and not one to try with."""
    has_seed: bool


def case_parts(session: Session, actor: Actor, *, campaign_id: str) -> CaseParts:
    """
    Read what a case is made of (the system's request: nobody else may see all rosters).

    Raises:
        CampaignNotKnown, CampaignIsCancelled, FrameNotFrozen.
    """
    ground = ground_of(session, actor, campaign_id=campaign_id)
    draw = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    attempts = attempts_of(session, [draw.id]).get(draw.id, []) if draw is not None else []
    if not attempts:
        return CaseParts(ground, None, {}, None)
    said = attempts[-1]
    secret = tables.RosterSecret
    salts = {one.agency: one.sealed for one in session.scalars(select(secret).where(secret.attempt == said.row.id))}
    files = replace(ground, frame_file=blob_ref(said.row.frame_file), rosters=blob_ref(said.row.rosters))
    record = None if said.disclosure is None else blob_ref(said.disclosure.record)
    return CaseParts(files, said.row.manifest, salts, record)


def case_of(service: Service, campaign_id: str) -> CaseFiles:
    """
    Make the case of a campaign: manifest.json, frame-<shard>.tsv, rosters.json, and seed.txt once it is public.

    Raises:
        As ``case_parts``; and every refusal of ``domain.manifest_rules``, where the draw has not been opened.
    """
    parts = service.ask(service.system, case_parts, campaign_id=campaign_id)
    basis, vault = basis_of(service.ports.blobs, parts.ground), Vault(service.ports)
    if parts.manifest is None:
        names = {agency: [one.officer for one in basis.officers(agency)] for agency in basis.agencies}
        salts = {agency: vault.new_salts(UNOPENED, agency, officers) for agency, officers in names.items()}
    else:
        salts = {agency: vault.open_salts(sealed) for agency, sealed in parts.salts.items()}
    enrolments = {agency: basis.enrolment(agency, one) for agency, one in sorted(salts.items())}
    manifest = parts.manifest
    if manifest is None:
        tried = feasibility_of(basis, _times(service, basis.plan)).manifest
        own = {agency: summarise(tried.h, one.rho, one.roster, one.openings) for agency, one in enrolments.items()}
        manifest = as_json(replace(tried, draw=campaign_id, purpose="rehearsal", beacons=(), rosters=own))
    files = {
        "manifest.json": _json(manifest),
        f"frame-{shard_of(basis.plan)}.tsv": basis.frame_file,
        "rosters.json": _json({agency: _roster(one) for agency, one in enrolments.items()}),
    }
    if parts.record is not None:
        files["seed.txt"] = (json.loads(archive.read(service, parts.record))["seed"] + "\n").encode()
    return CaseFiles(files, parts.manifest is not None, parts.record is not None)


def _times(service: Service, plan: CampaignPlan) -> Times:
    now = service.ports.clock.now()
    return AskedTimes().times(service.settings.intervals, now, max(window_end(plan), now + A_MONTH))


def _roster(one: Enrolment) -> dict[str, object]:
    return {"roster": one.roster.officers_json(), "recused": one.roster.recused_json()}


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
