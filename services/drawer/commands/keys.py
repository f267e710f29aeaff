"""Signing keys: made by the server at the first draw a body takes part in, or by the body itself, which then keeps it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer.domain import messages
from services.drawer.domain.encoding import SHA256, from_hex
from services.drawer.domain.manifest_rules import KEY_BYTES, check_key
from services.drawer.domain.sealing import SIGNATURE_BYTES, SignatureWrong
from services.drawer.reading import party_id
from services.drawer.refusals import AlgorithmNotHere, DrawOfficerOnly, KeyTaken
from services.drawer.tables import FormerKey, PublicKey, SigningKey
from services.drawer.vault import ALGORITHM, KeyPair, algorithms_known, verify_signature


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


def register_key(session: Session, actor: Actor, *, at: datetime, told: Mapping[str, str]) -> Reply:
    """
    Take a public key whose private half the asker's body keeps itself; it counts from the next opening of a draw on.

    What the key signs to be taken is always hashed with SHA-256: a key is its body's and of no campaign, so no plan has
    chosen a hash for it yet, and one registered for one draw serves the next under the other hash. No record holds this
    signature and no verifier judges it; it only shows the server, once, that whoever registers holds the key.

    Args:
        told: ``custody`` (own or page), ``key`` as hex, ``sig`` over ``domain.messages.key_message`` by that very key; for a
            key other than Ed25519 its ``alg``.

    Raises:
        DrawOfficerOnly, AlgorithmNotHere, HexWrong, KeyWeak, SignatureWrong, KeyTaken.
    """
    if not actor.has(Role.DRAW_OFFICER, Role.WITNESS):
        raise DrawOfficerOnly()
    custody, key, sig, alg = told["custody"], told["key"], told["sig"], told.get("alg", ALGORITHM)
    if alg not in algorithms_known():
        raise AlgorithmNotHere(alg=alg)
    raw = from_hex(key, "key", KEY_BYTES[alg])
    check_key(actor.agency, alg, key)
    message = messages.key_message(SHA256, actor.county, actor.agency, raw)
    if not verify_signature(alg, key, message, from_hex(sig, "signature", SIGNATURE_BYTES)):
        raise SignatureWrong(who=actor.agency, what="key")
    taken = session.scalar(select(PublicKey).where(PublicKey.key == key))
    if taken is not None or session.get(FormerKey, key) is not None:
        raise KeyTaken()
    _replace(session, actor, custody, key, at, alg)
    return Reply((), {"agency": actor.agency, "custody": custody, "key": key})


def own_signing_key(session: Session, actor: Actor) -> bytes | None:
    """Find the sealed key that the server made for the asker's body, if it ever did."""
    row = session.get(SigningKey, party_id(actor.county, actor.agency))
    return row.sealed if row else None


def leave_key(session: Session, actor: Actor, pair: KeyPair, *, at: datetime) -> Reply:
    """Leave signing to the server from the next opening of a draw on (custody "server")."""
    if not actor.has(Role.DRAW_OFFICER, Role.WITNESS):
        raise DrawOfficerOnly()
    place = party_id(actor.county, actor.agency)
    if session.get(SigningKey, place) is None:
        session.add(SigningKey(id=place, county=actor.county, owner_agency=actor.agency, sealed=pair.sealed))
    _replace(session, actor, "server", pair.public, at)
    return Reply((), {"agency": actor.agency, "custody": "server", "key": pair.public})


def _replace(session: Session, actor: Actor, custody: str, key: str, at: datetime, alg: str = ALGORITHM) -> None:
    place = party_id(actor.county, actor.agency)
    before = session.get(PublicKey, place)
    if before is None:
        before = PublicKey(id=place, county=actor.county, agency=actor.agency)
        session.add(before)
    elif before.key != key:
        former = {name: getattr(before, name) for name in ("county", "agency", "alg", "custody", "made_at")}
        session.merge(FormerKey(id=before.key, replaced_at=at, **former))
    before.alg, before.key, before.custody, before.made_at = alg, key, custody, at
