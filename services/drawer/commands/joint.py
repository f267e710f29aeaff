"""
The seal and the dice written down: the witness's at once; without a witness one agency's signature after another.

An agency's signature is kept beside the others', and the seal or the dice follow with the one that makes more than half.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runtime.files.evidence import StoredFile
from runtime.store import Actor
from services.drawer import tables
from services.drawer.commands.published import publish
from services.drawer.domain import joint
from services.drawer.domain.sealing import BeaconShown, Seal, Signatures
from services.drawer.reading import Said, SaidSealed, said_id

NO_FILE = StoredFile({})


@dataclass(frozen=True)
class Photo:
    """A photograph of the dice: name, content_type, size, sha256; and where it lies."""

    facts: Mapping[str, Any] | None = None
    stored: StoredFile = field(default=NO_FILE)

    def columns(self) -> dict[str, Any]:
        """Give the columns it fills."""
        return {"photo": dict(self.facts), "photo_file": self.stored.blob} if self.facts else {}


def keep_seal(session: Session, said: Said, of: str, seal: Seal, *, at: datetime, actor: Actor) -> int:
    """Write down an accepted seal of an attempt or a round; tell how many signatures it still waits for."""
    waits = 0
    if said.row.witness is None:
        sig = seal.signed.agencies[actor.agency].hex()
        _sign(session, said, of, "seal", actor, at, digest=seal.digest.hex(), at=seal.at, sig=sig)
        waits = _waits(said, seal.signed)
    if not waits:
        row = tables.SealRow(
            id=of, digest=seal.digest.hex(), at=seal.at, said_at=at, **_who(seal.signed), **_own(actor)
        )
        publish(session, said, row)
    return waits


def keep_dice(
    session: Session,
    said: Said,
    one: SaidSealed,
    of: str,
    shown: BeaconShown,
    *,
    at: datetime,
    actor: Actor,
    photo: Photo,
) -> int:
    """Write down accepted dice of an attempt or a round; tell how many signatures they still wait for."""
    digits, signed = shown.beacon.value.decode(), shown.proof or Signatures()
    kept, waits = photo.columns(), 0
    if said.row.witness is None:
        number = sum(each.agency == actor.agency and each.digits is not None for each in one.joint) + 1
        sig = signed.agencies[actor.agency].hex()
        _sign(session, said, of, f"dice-{number}", actor, at, digits=digits, sig=sig, **kept)
        waits = _waits(said, signed)
        kept = next((_photo(each) for each in [*one.readings.values()] if each.photo and each.digits == digits), kept)
    if not waits:
        row = tables.DiceRow(id=of, digits=digits, said_at=at, **_who(signed), **kept, **_own(actor))
        publish(session, said, row)
    return waits


def _sign(session: Session, said: Said, of: str, what: str, actor: Actor, said_at: datetime, **told: Any) -> None:
    place = f"{said_id(of, actor.agency)}/{what}"
    row = tables.JointSignature(id=place, attempt=of, agency=actor.agency, said_at=said_at, **told, **_own(actor))
    publish(session, said, row)


def _waits(said: Said, signed: Signatures) -> int:
    return max(0, joint.needed(len(said.agencies)) - len(signed.agencies))


def _photo(row: tables.JointSignature) -> dict[str, Any]:
    return {"photo": row.photo, "photo_file": row.photo_file}


def _who(signed: Signatures) -> dict[str, Any]:
    if signed.witness is not None:
        return {"sig": signed.witness.hex()}
    return {"sig": "", "agencies": {agency: sig.hex() for agency, sig in sorted(signed.agencies.items())}}


def _own(actor: Actor) -> dict[str, str]:
    return {"county": actor.county, "owner_agency": actor.agency}
