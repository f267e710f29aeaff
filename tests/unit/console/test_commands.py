"""Agencies and accounts: what administrators may do, and what the other services hear of it."""

from typing import Any, cast

import pytest

from runtime.errors import Forbidden, NotFound, Rejected, Stale
from runtime.store import Actor
from schemas.events.accounts import AccountChanged, AccountClosed, AccountOpened, AgencyRegistered
from schemas.vocabulary import AgencyKind, Role
from services.console import commands
from services.console.app import Console, console, ensure_county_admin
from services.console.domain.remit import CountyAdminOnly, LastCountyAdmin, NotYourAgency, OwnAccount
from services.console.domain.roles import PlannerAndApprover, RoleNotYoursToGive
from services.console.passwords import PasswordHash
from services.console.queries import account_view, accounts_of, administered, agencies_of
from tests.kit import COUNTY, Kit, person, said

HASH = PasswordHash("$argon2id$not-a-real-one")


@pytest.fixture
def service(kit: Kit) -> Console:
    return cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))


@pytest.fixture
def admin(service: Console) -> Actor:
    account = ensure_county_admin(service, "county.admin", "first-password-1")
    assert account is not None
    actor = person("LXH", Role.COUNTY_ADMIN, id=account)
    for agency, kind in (("JT", AgencyKind.AGENCY), ("YJ", AgencyKind.AGENCY), ("GZ", AgencyKind.WITNESS_BODY)):
        service.do(
            actor, commands.register_agency, agency=agency, kind=kind, name=f"平罗县{agency}局", short_name=agency
        )
    return actor


def opened(
    service: Console, by: Actor, login: str, *roles: Role, agency: str = "JT", officer: str | None = None
) -> str:
    facts: dict[str, Any] = {
        "agency": agency,
        "login": login,
        "display_name": "某某",
        "roles": roles,
        "officer": officer,
    }
    return str(service.do(by, commands.open_account, password=HASH, **facts).value["account"])


def test_the_first_administrator_is_opened_once(service: Console) -> None:
    first = ensure_county_admin(service, "county.admin", "first-password-1")

    assert first == "U-640221-2018-001"
    assert ensure_county_admin(service, "another.admin", "first-password-2") is None
    assert [type(event) for event in said(service)] == [AgencyRegistered, AccountOpened]


def test_events_carry_ids_and_roles_and_no_person(service: Console, admin: Actor) -> None:
    opened(service, admin, "jt.insp", Role.INSPECTOR, officer="JT-007")

    event = said(service)[-1]
    assert isinstance(event, AccountOpened)
    assert (event.agency, event.roles, event.officer) == ("JT", (Role.INSPECTOR,), "JT-007")
    assert "某某" not in event.model_dump_json()
    assert "jt.insp" not in event.model_dump_json()


def test_only_county_administrators_register_agencies(service: Console, admin: Actor) -> None:
    with pytest.raises(CountyAdminOnly):
        service.do(
            person("JT", Role.AGENCY_ADMIN),
            commands.register_agency,
            agency="SW",
            kind=AgencyKind.AGENCY,
            name="税务局",
            short_name="税务",
        )
    with pytest.raises(commands.AgencyTaken):
        service.do(admin, commands.register_agency, agency="JT", kind=AgencyKind.AGENCY, name="x", short_name="x")


def test_an_agency_administrator_opens_accounts_of_the_own_agency_only(service: Console, admin: Actor) -> None:
    own = person("JT", Role.AGENCY_ADMIN)

    assert opened(service, own, "jt.plan", Role.PLANNER)
    with pytest.raises(NotYourAgency):
        opened(service, own, "yj.plan", Role.PLANNER, agency="YJ")
    with pytest.raises(RoleNotYoursToGive):
        opened(service, own, "jt.boss", Role.COUNTY_ADMIN)
    with pytest.raises(NotYourAgency):
        opened(service, person("JT", Role.PLANNER), "jt.more", Role.PLANNER)


def test_another_countys_administrator_finds_nothing(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.plan", Role.PLANNER)
    foreign = person("LXH", Role.COUNTY_ADMIN, county="640181")

    assert service.ask(foreign, agencies_of) == ()
    assert service.ask(foreign, accounts_of) == ()
    for act in (commands.close_account, commands.change_account):
        with pytest.raises(NotFound):
            service.do(foreign, act, account=account)
    with pytest.raises(NotFound):
        opened(service, foreign, "jt.spy", Role.PLANNER)


def test_planner_and_approver_are_refused_when_opened_and_when_changed(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.plan", Role.PLANNER)

    with pytest.raises(PlannerAndApprover):
        opened(service, admin, "jt.both", Role.PLANNER, Role.APPROVER)
    with pytest.raises(PlannerAndApprover):
        service.do(admin, commands.change_account, account=account, roles=[Role.PLANNER, Role.APPROVER])


def test_a_login_is_used_once_even_by_the_closed(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.plan", Role.PLANNER)
    service.do(admin, commands.close_account, account=account)

    with pytest.raises(commands.LoginTaken):
        opened(service, admin, " JT.PLAN ", Role.PLANNER)
    with pytest.raises(commands.AccountIsClosed):
        service.do(admin, commands.change_account, account=account, display_name="x")


def test_an_officer_is_one_open_account_of_an_agency(service: Console, admin: Actor) -> None:
    first = opened(service, admin, "jt.insp", Role.INSPECTOR, officer="007")
    opened(service, admin, "yj.insp", Role.INSPECTOR, officer="007", agency="YJ")

    with pytest.raises(commands.OfficerTaken):
        opened(service, admin, "jt.insp2", Role.INSPECTOR, officer="007")
    service.do(admin, commands.close_account, account=first)
    assert opened(service, admin, "jt.insp2", Role.INSPECTOR, officer="007")


def test_a_change_is_said_only_where_roles_or_officer_differ(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.insp", Role.INSPECTOR, officer="007")
    before = len(said(service))

    service.do(
        admin, commands.change_account, account=account, display_name="新名", roles=[Role.INSPECTOR], officer="007"
    )
    assert len(said(service)) == before
    service.do(admin, commands.change_account, account=account, roles=[Role.INSPECTOR, Role.TEAM_LEAD], officer="008")
    event = said(service)[-1]
    assert isinstance(event, AccountChanged)
    assert (event.roles, event.officer) == ((Role.INSPECTOR, Role.TEAM_LEAD), "008")


def test_a_change_on_an_old_version_is_refused(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.plan", Role.PLANNER)
    service.do(admin, commands.change_account, account=account, display_name="甲", version="1")

    with pytest.raises(Stale):
        service.do(admin, commands.change_account, account=account, display_name="乙", version="1")
    assert service.ask(admin, account_view, account=account).display_name == "甲"


def test_the_last_administrator_stays_and_nobody_closes_oneself(service: Console, admin: Actor) -> None:
    with pytest.raises(OwnAccount):
        service.do(admin, commands.close_account, account=admin.id)
    with pytest.raises(LastCountyAdmin):
        service.do(admin, commands.change_account, account=admin.id, roles=[Role.VIEWER])
    second = opened(service, admin, "lxh.two", Role.COUNTY_ADMIN, agency="LXH")
    service.do(person("LXH", Role.COUNTY_ADMIN, id=second), commands.close_account, account=admin.id)
    assert isinstance(said(service)[-1], AccountClosed)


def test_people_see_themselves_and_administrators_see_their_own(service: Console, admin: Actor) -> None:
    planner = opened(service, admin, "jt.plan", Role.PLANNER)
    other = opened(service, admin, "yj.plan", Role.PLANNER, agency="YJ")
    jt_admin = person("JT", Role.AGENCY_ADMIN)

    assert [one.id for one in service.ask(jt_admin, accounts_of)] == [planner]
    assert [one.id for one in service.ask(jt_admin, administered)] == ["JT"]
    assert len(service.ask(admin, accounts_of)) == 3
    assert [one.id for one in service.ask(admin, accounts_of, agency="YJ")] == [other]
    assert service.ask(person("JT", Role.PLANNER, id=planner), account_view, account=planner).login == "jt.plan"
    assert service.ask(person("JT", Role.PLANNER, id=planner), accounts_of) == ()
    with pytest.raises(NotFound):
        service.ask(person("JT", Role.PLANNER, id=planner), account_view, account=other)


def test_a_repeated_key_opens_one_account_whatever_the_hash(service: Console, admin: Actor) -> None:
    facts: dict[str, Any] = {"agency": "JT", "login": "jt.plan", "display_name": "某某", "roles": [Role.PLANNER]}
    first = service.do(admin, commands.open_account, key="k", password=HASH, **facts)
    again = service.do(admin, commands.open_account, key="k", password=PasswordHash("other salt"), **facts)

    assert first.value == again.value
    with pytest.raises(Rejected):
        service.do(admin, commands.open_account, key="k", password=HASH, **(facts | {"login": "jt.other"}))


def test_persons_without_a_role_change_nobody(service: Console, admin: Actor) -> None:
    account = opened(service, admin, "jt.plan", Role.PLANNER)

    with pytest.raises(Forbidden):
        service.do(person("JT", Role.APPROVER), commands.change_account, account=account, roles=[Role.VIEWER])
