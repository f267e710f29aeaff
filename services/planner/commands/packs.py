"""Rule packs and calendars are published once and stand for ever."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.errors import Conflict, Forbidden, Rejected
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.events.payload import Payload
from schemas.events.registers import CalendarPublished, RulepackPublished
from schemas.rulepack import Calendar, RulePack
from schemas.vocabulary import Role
from services.planner.tables import CalendarRow, RulepackRow


class NotCountyAdministrator(Forbidden):
    """Only a county administrator publishes rule packs and calendars."""

    code = "rulepack.not_county_administrator"


class RulepackChanged(Conflict):
    """This pack and edition has been published with another content; a change is a new edition."""

    code = "rulepack.edition_taken"


class RulepackOfAnotherCounty(Rejected):
    """The pack names another county than the one it is published in."""

    code = "rulepack.other_county"


class CalendarEmpty(Rejected):
    """A calendar without a single year tells nothing."""

    code = "calendar.empty"


def publish_rulepack(
    session: Session, actor: Actor, *, at: datetime, pack: RulePack, document: BlobRef
) -> Sequence[Payload]:
    """
    Publish a rule pack, whose canonical bytes lie in the blob *document*.

    The same edition with the same content once more changes nothing and says nothing.
    """
    _require_county_admin(actor)
    if pack.county != actor.county:
        raise RulepackOfAnotherCounty(pack=pack.id, county=pack.county, here=actor.county)
    row_id, digest = f"{actor.county}.{pack.id}.{pack.edition.isoformat()}", pack.digest()
    if (row := session.get(RulepackRow, row_id)) is not None:
        if row.digest != digest:
            raise RulepackChanged(pack=pack.id, edition=pack.edition)
        return []
    session.add(
        RulepackRow(
            id=row_id,
            county=actor.county,
            pack=pack.id,
            edition=pack.edition,
            digest=digest,
            title=pack.title,
            document=pack.canonical_bytes().decode(),
            published_at=at,
            published_by=actor.id,
        )
    )
    return [
        RulepackPublished(county=actor.county, pack=pack.id, edition=pack.edition, digest=digest, document=document)
    ]


def publish_calendar(
    session: Session, actor: Actor, *, at: datetime, calendar: Calendar, document: BlobRef
) -> Sequence[Payload]:
    """Publish a working calendar; campaigns already approved keep the one they were counted by."""
    _require_county_admin(actor)
    if not calendar.years:
        raise CalendarEmpty(calendar=calendar.id)
    row_id, digest = f"{actor.county}.{calendar.digest()}", calendar.digest()
    if session.get(CalendarRow, row_id) is not None:
        return []
    first, last = min(calendar.years), max(calendar.years)
    session.add(
        CalendarRow(
            id=row_id,
            county=actor.county,
            calendar=calendar.id,
            digest=digest,
            first_year=first,
            last_year=last,
            document=calendar.canonical_bytes().decode(),
            published_at=at,
            published_by=actor.id,
        )
    )
    return [
        CalendarPublished(
            county=actor.county, calendar=calendar.id, first_year=first, last_year=last, document=document
        )
    ]


def _require_county_admin(actor: Actor) -> None:
    if not actor.has(Role.COUNTY_ADMIN):
        raise NotCountyAdministrator()
