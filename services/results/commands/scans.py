"""Scanned receipts and answers of bodies without an account (reference: Agencies without an account)."""

from datetime import datetime

from sqlalchemy.orm import Session

from runtime.files.evidence import StoredFile
from runtime.service import Reply
from runtime.store import Actor, derived_id
from services.results.commands.referring import referral_of, share_with
from services.results.domain.checklists import fit_text
from services.results.domain.referrals import Act, check_part
from services.results.tables import Referral, Scan


def attach_scan(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    referral_id: str,
    act: str,
    name: str,
    content_type: str,
    size: int,
    sha256: str,
    stored: StoredFile,
) -> Reply:
    """Keep the scanned receipt or answer of a body without an account."""
    referral = _may_scan(session, actor, referral_id)
    scan_id = derived_id("S", referral.referral, act, sha256)
    if session.get(Scan, scan_id) is None:
        scan = Scan(
            id=scan_id,
            county=referral.county,
            owner_agency=actor.agency,
            referral=referral.referral,
            act=act,
            name=fit_text("name", name, longest=120),
            content_type=content_type,
            size=size,
            sha256=sha256,
            blob=stored.blob,
            added_by=actor.id,
            added_at=at,
        )
        session.add(scan)
        for agency in sorted({referral.sender, referral.lead}):
            share_with(session, scan, actor, agency)
    return Reply((), {"scan": scan_id, "sha256": sha256})


def may_scan(session: Session, actor: Actor, *, referral_id: str) -> str:
    """Say, before a file is stored, whether the actor enters what this referral's receiver answers."""
    return _may_scan(session, actor, referral_id).referral


def _may_scan(session: Session, actor: Actor, referral_id: str) -> Referral:
    referral = referral_of(session, referral_id)
    parts = {referral.sender, referral.lead} if referral.external else set()
    check_part(Act.RECEIVE, actor.agency, parts)
    return referral
