"""Writing announcements and the notices that follow from them (rule: `domain.accounts`)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import Session

from runtime.store import derived_id
from schemas.events.notices import NoticeDelivered
from schemas.events.payload import Payload
from services.notifier.domain.accounts import AccountState, Announcement, must_change, told_by
from services.notifier.tables import AccountRow, AnnouncementRow, Notice


def announce(session: Session, announcements: Sequence[Announcement]) -> list[Payload]:
    """Keep *announcements* and give every account they reach its one notice of each cause."""
    if not announcements:
        return []
    for told in announcements:
        session.add(_row(told))
    said: list[Payload] = []
    histories = _histories(session, {(told.county, told.agency) for told in announcements})
    for causes in _by_cause(announcements).values():
        of_agency = defaultdict[tuple[str, str], list[Announcement]](list)
        for told in causes:
            of_agency[told.county, told.agency].append(told)
        for place, tolds in sorted(of_agency.items()):
            for history in histories.get(place, ()):
                if (chosen := told_by(tolds, history)) is not None:
                    said.append(_give(session, chosen, history[0].account))
    return said


def reconsider(session: Session, account: str, county: str, agency: str, since: datetime) -> list[Payload]:
    """Give *account* what it misses of the facts at or after *since*, and take back unread what is not its own."""
    history = next(
        (
            found
            for found in _histories(session, {(county, agency)}).get((county, agency), ())
            if found[0].account == account
        ),
        [],
    )
    rows = session.scalars(
        select(AnnouncementRow)
        .where(AnnouncementRow.county == county, AnnouncementRow.owner_agency == agency, AnnouncementRow.at >= since)
        .order_by(AnnouncementRow.at, AnnouncementRow.id)
    )
    given = {
        notice.cause: notice
        for notice in session.scalars(select(Notice).where(Notice.account == account, Notice.created_at >= since))
    }
    said: list[Payload] = []
    for cause, tolds in _by_cause(_told(row) for row in rows).items():
        said += _settle(session, account, told_by(tolds, history), given.get(cause))
    return said


def _settle(session: Session, account: str, wanted: Announcement | None, given: Notice | None) -> list[Payload]:
    if given is None:
        return [] if wanted is None else [_give(session, wanted, account)]
    as_given = (given.code, given.severity, given.link, given.facts)
    as_wanted = None if wanted is None else (wanted.code, wanted.severity, wanted.link, dict(wanted.facts))
    if must_change(as_wanted, as_given, read=given.read_at is not None):
        if wanted is None:
            session.delete(given)
        else:
            given.code, given.severity, given.link, given.facts = (
                wanted.code,
                wanted.severity,
                wanted.link,
                dict(wanted.facts),
            )
    return []


def _give(session: Session, told: Announcement, account: str) -> NoticeDelivered:
    notice = Notice(
        id=derived_id("N", told.cause, account),
        county=told.county,
        owner_agency=told.agency,
        cause=told.cause,
        account=account,
        code=told.code,
        severity=told.severity,
        link=told.link,
        campaign=told.campaign,
        facts=dict(told.facts),
        created_at=told.at,
        read_at=None,
    )
    session.add(notice)
    return NoticeDelivered(county=told.county, notice=notice.id, agency=told.agency, account=account, rule=told.code)


def _histories(session: Session, places: set[tuple[str, str]]) -> dict[tuple[str, str], list[list[AccountState]]]:
    """Read the accounts of (county, agency) places: their histories, accounts ascending."""
    accounts = defaultdict[str, list[AccountState]](list)
    for account, county, agency, since, is_open, roles, officer in session.execute(
        _ACCOUNTS, {"places": sorted(places)}
    ):
        accounts[account].append(AccountState(account, county, agency, since, is_open, frozenset(roles), officer))
    found = defaultdict[tuple[str, str], list[list[AccountState]]](list)
    for history in accounts.values():
        found[history[0].county, history[0].agency].append(history)
    return found


# Asked by every announcement: columns cost a third of what rows would, and the statement is built once.
_ACCOUNTS = (
    select(
        AccountRow.account,
        AccountRow.county,
        AccountRow.owner_agency,
        AccountRow.since,
        AccountRow.is_open,
        AccountRow.roles,
        AccountRow.officer,
    )
    .where(tuple_(AccountRow.county, AccountRow.owner_agency).in_(bindparam("places", expanding=True)))
    .order_by(AccountRow.account, AccountRow.number)
)


def _by_cause(announcements: Iterable[Announcement]) -> dict[str, list[Announcement]]:
    causes = defaultdict[str, list[Announcement]](list)
    for told in announcements:
        causes[told.cause].append(told)
    return causes


def _row(told: Announcement) -> AnnouncementRow:
    return AnnouncementRow(
        id=derived_id("A", told.cause, told.order, told.agency, *told.officers),
        county=told.county,
        owner_agency=told.agency,
        cause=told.cause,
        place=told.order,
        at=told.at,
        code=told.code,
        severity=told.severity,
        link=told.link,
        campaign=told.campaign,
        roles=list(told.roles),
        officers=list(told.officers),
        account=told.account,
        facts=dict(told.facts),
    )


def _told(row: AnnouncementRow) -> Announcement:
    return Announcement(
        cause=row.cause,
        order=row.place,
        at=row.at,
        county=row.county,
        agency=row.owner_agency,
        code=row.code,
        severity=row.severity,
        link=row.link,
        campaign=row.campaign,
        roles=tuple(row.roles),
        officers=tuple(row.officers),
        account=row.account,
        facts=row.facts,
    )
