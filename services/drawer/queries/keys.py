"""The public keys of a county's bodies."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.drawer import tables
from services.drawer.reading import agency_names


@dataclass(frozen=True)
class KeyView:
    """A body's public key."""

    agency: str
    name: str
    alg: str
    key: str
    custody: str
    made_at: datetime


def public_keys(session: Session, actor: Actor) -> list[KeyView]:
    """List the public keys of the asker's county."""
    names = agency_names(session, actor.county)
    key = tables.PublicKey
    rows = session.scalars(select(key).where(key.county == actor.county).order_by(key.agency)).all()
    return [
        KeyView(row.agency, names.get(row.agency, row.agency), row.alg, row.key, row.custody, row.made_at)
        for row in rows
    ]
