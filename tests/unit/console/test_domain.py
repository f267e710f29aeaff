"""Console's rules: who may hold which roles, what a login is, how often one may fail."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import Rejected
from schemas.vocabulary import AgencyKind, Role
from services.console.domain import identity, remit, throttle
from services.console.domain import roles as rules

AT = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


def test_roles_come_back_once_and_in_order() -> None:
    held = rules.check_roles([Role.PUBLISHER, Role.PLANNER, Role.PUBLISHER], AgencyKind.AGENCY, None)

    assert held == (Role.PLANNER, Role.PUBLISHER)


@pytest.mark.parametrize(
    ("roles", "kind", "officer", "refusal"),
    [
        ([Role.PLANNER, Role.APPROVER], AgencyKind.AGENCY, None, rules.PlannerAndApprover),
        ([Role.WITNESS, Role.AGENCY_ADMIN], AgencyKind.WITNESS_BODY, None, rules.WitnessWithOtherRole),
        ([Role.WITNESS], AgencyKind.AGENCY, None, rules.RoleNotForThisBody),
        ([Role.PLANNER], AgencyKind.WITNESS_BODY, None, rules.RoleNotForThisBody),
        ([Role.COUNTY_ADMIN], AgencyKind.WITNESS_BODY, None, rules.RoleNotForThisBody),
        ([Role.VIEWER], AgencyKind.EXTERNAL, None, rules.BodyHasNoAccounts),
        ([], AgencyKind.AGENCY, None, rules.NoRole),
        ([Role.INSPECTOR], AgencyKind.AGENCY, None, rules.OfficerMissing),
        ([Role.TEAM_LEAD], AgencyKind.AGENCY, "", rules.OfficerMissing),
    ],
)
def test_roles_that_do_not_go_are_refused_by_rule(
    roles: list[Role], kind: AgencyKind, officer: str | None, refusal: type[Rejected]
) -> None:
    with pytest.raises(refusal):
        rules.check_roles(roles, kind, officer)


def test_a_witness_may_look_and_witness_and_nothing_else() -> None:
    assert rules.check_roles([Role.WITNESS, Role.VIEWER], AgencyKind.WITNESS_BODY, None) == (Role.VIEWER, Role.WITNESS)


def test_a_clash_names_the_roles_and_its_source() -> None:
    with pytest.raises(rules.PlannerAndApprover) as refusal:
        rules.check_roles([Role.APPROVER, Role.PLANNER], AgencyKind.AGENCY, None)

    assert refusal.value.facts["roles"] == ("计划岗", "审核岗")
    assert refusal.value.facts["source"]


def test_every_role_has_both_names() -> None:
    assert set(rules.NAMES) == set(Role)
    assert set(rules.KIND_NAMES) == set(rules.ALLOWED) == set(AgencyKind)


def test_only_a_county_administrator_makes_county_administrators() -> None:
    rules.check_may_give([Role.COUNTY_ADMIN], by_county_admin=True)
    rules.check_may_give([Role.PLANNER], by_county_admin=False)
    with pytest.raises(rules.RoleNotYoursToGive):
        rules.check_may_give([Role.COUNTY_ADMIN], by_county_admin=False)


def test_an_agency_administrator_stays_with_the_own_agency() -> None:
    remit.check_may_administer(county_admin=True, agency_admin=False, own_agency="LXH", agency="JT")
    remit.check_may_administer(county_admin=False, agency_admin=True, own_agency="JT", agency="JT")
    for admin, own in ((True, "YJ"), (False, "JT")):
        with pytest.raises(remit.NotYourAgency):
            remit.check_may_administer(county_admin=False, agency_admin=admin, own_agency=own, agency="JT")


def test_nobody_acts_on_oneself_and_one_administrator_stays() -> None:
    remit.check_not_own("a", "b")
    remit.check_one_stays(1)
    with pytest.raises(remit.OwnAccount):
        remit.check_not_own("a", "a")
    with pytest.raises(remit.LastCountyAdmin):
        remit.check_one_stays(0)


@pytest.mark.parametrize("login", ["jt.plan", " JT.Plan ", "abc", "a" * 40])
def test_logins_are_stored_in_one_form(login: str) -> None:
    assert identity.check_login(login) == login.strip().lower()


@pytest.mark.parametrize("login", ["ab", ".abc", "a b c", "交通局", "a" * 41, "abc\n1", "abc\x00"])
def test_odd_logins_are_refused(login: str) -> None:
    with pytest.raises(identity.LoginMalformed):
        identity.check_login(login)


def test_agency_codes_staff_numbers_and_names_have_their_shapes() -> None:
    assert identity.check_agency_id("JT") == "JT"
    assert identity.check_officer(" JT-007 ") == "JT-007"
    assert identity.check_officer("  ") is None
    assert identity.check_officer(None) is None
    assert identity.check_name("  平罗县 交通运输局 ") == "平罗县 交通运输局"
    for code in ("jt", "J", "JT-1", "A" * 13):
        with pytest.raises(identity.AgencyIdMalformed):
            identity.check_agency_id(code)
    for officer in ("警号 7", "x" * 41):
        with pytest.raises(identity.OfficerMalformed):
            identity.check_officer(officer)
    for name in ("", "  ", "x" * 81, "a\x07b", "a\u202eb"):
        with pytest.raises(identity.NameMalformed):
            identity.check_name(name)


@pytest.mark.parametrize("password", ["short-1", "x" * 129, "aaaaaaaaaaaa", "12121212121212", "my-JT.plan-pass"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(identity.PasswordTooWeak):
        identity.check_password(password, "jt.plan")


def test_a_long_password_is_taken() -> None:
    assert identity.check_password("一次抽取一次进门事后可查", "jt.plan") == "一次抽取一次进门事后可查"


@given(st.integers(0, 40))
def test_waits_begin_after_the_free_failures_and_never_exceed_the_longest(times: int) -> None:
    limit, failures, at = throttle.PER_LOGIN, None, AT
    for _ in range(times):
        failures = throttle.after_failure(failures, at, limit)

    assert bool(throttle.blocked_seconds(failures, at)) == (times >= limit.free)
    assert throttle.blocked_seconds(failures, at) <= limit.longest.total_seconds()
    assert not throttle.blocked_seconds(failures, at + limit.longest)


def test_old_failures_are_forgotten() -> None:
    failures = None
    for minute in range(10):
        failures = throttle.after_failure(failures, AT + timedelta(minutes=minute), throttle.PER_LOGIN)
    later = throttle.after_failure(failures, AT + timedelta(minutes=25), throttle.PER_LOGIN)

    assert later == throttle.Failures(1, AT + timedelta(minutes=25))


@pytest.mark.parametrize(
    ("opened", "seen", "alive"),
    [(0, 0, True), (0, 29, True), (29, 30, False), (719, 1, True), (720, 1, False)],
)
def test_a_session_ends_when_idle_or_old(opened: int, seen: int, alive: bool) -> None:
    minutes = (timedelta(minutes=one) for one in (opened, seen))
    opened_at, seen_at = (AT - one for one in minutes)

    assert throttle.is_alive(opened_at, seen_at, AT) == alive
