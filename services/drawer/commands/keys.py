"""Signing keys: made by the server at the first draw a body takes part in."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.store import Actor
from services.drawer.reading import party_id
from services.drawer.tables import PublicKey, SigningKey
from services.drawer.vault import ALGORITHM, KeyPair


def bodies_without_key(session: Session, actor: Actor, *, county: str, agencies: Iterable[str]) -> list[str]:
    """Name the bodies that have no key yet."""
    return [agency for agency in sorted(agencies) if session.get(PublicKey, party_id(county, agency)) is None]


def keep_keys(session: Session, actor: Actor, pairs: Sequence[KeyPair], *, at: datetime, county: str) -> None:
    """Store new keys; a body that got one in the meantime keeps that one."""
    for pair in pairs:
        place = party_id(county, pair.agency)
        if session.get(PublicKey, place) is not None:
            continue
        public = PublicKey(id=place, county=county, agency=pair.agency, alg=ALGORITHM, key=pair.public, made_at=at)
        private = SigningKey(id=place, county=county, owner_agency=pair.agency, sealed=pair.sealed)
        session.add_all([public, private])
