"""Ids: counted in the owner's transaction, or derived from what caused them."""

import uuid
from collections.abc import Collection
from hashlib import sha1

from sqlalchemy.orm import Session

from runtime.store.plumbing import sequences
from runtime.store.upserts import upsert

NAMESPACE = uuid.UUID("6f6e6576-6973-4974-8000-6a6964726177")  # fixed for ever: ids derived under it must not change


def next_id(session: Session, kind: str, county: str, year: int, width: int = 3) -> str:
    """Mint ``<kind>-<county>-<year>-<sequence>`` in the caller's transaction; gaps appear only where it rolls back."""
    name = f"{kind}-{county}-{year}"
    return f"{name}-{next_number(session, name):0{width}d}"


def next_number(session: Session, name: str) -> int:
    """Count on from 1 under *name*, in the caller's transaction; whoever counts there too waits for its end."""
    return next_numbers(session, [name])[name]


def next_numbers(session: Session, names: Collection[str]) -> dict[str, int]:
    """Count on by one under each of *names*, see ``next_number``."""
    if not names:
        return {}
    rows = [
        {"name": name, "next": 2} for name in sorted(set(names))
    ]  # in one order, so that no two wait for each other
    connection = session.connection()
    statement = (
        upsert(connection, sequences)
        .values(rows)
        .on_conflict_do_update(index_elements=["name"], set_={"next": sequences.c.next + 1})
        .returning(sequences.c.name, sequences.c.next)
    )
    return {name: following - 1 for name, following in connection.execute(statement)}


def derived_id(kind: str, *causes: object) -> str:
    """Derive ``<kind>-<uuid5>`` from the causes (an event's id, an agency …), the same however often it is asked."""
    return f"{kind}-{derived_uuid(kind, *causes)}"


def derived_uuid(*causes: object) -> str:
    """Derive a UUID from the causes, in their order."""
    name = "|".join([str(cause).replace("|", "||") for cause in causes])
    # uuid.uuid5 written out: the ids of an event's way through the system would be a tenth of its cost.
    digest = bytearray(sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # variant of RFC 9562
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
