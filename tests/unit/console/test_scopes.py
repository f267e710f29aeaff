"""What a client may be given, and how long its key is good."""

from datetime import UTC, date, datetime

import pytest

from schemas.vocabulary import Role, Scope
from services.console.domain.scopes import (
    MOST,
    NAMES,
    ROLES,
    ExpiryOutside,
    Key,
    NoScope,
    TooManyClients,
    check_expiry,
    check_room,
    check_scopes,
    is_live,
    key_text,
    read_key,
    roles_of,
)

NOW = datetime(2018, 11, 28, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
SECRET = "A" * 43


def test_a_key_is_taken_apart_as_it_was_put_together() -> None:
    assert read_key(key_text("K-640221-2018-001", SECRET)) == Key("K-640221-2018-001", SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "K-640221-2018-001",
        f"onevisit_K-640221-2018-001_{SECRET}A",
        f"onevisit_K-640221-2018-001_{SECRET[:-1]}",
        f"onevisit_K-640221-2018-001_{SECRET[:-1]}é",
        f" onevisit_K-640221-2018-001_{SECRET}",
        f"onevisit_U-640221-2018-001_{SECRET}",
    ],
)
def test_what_is_no_key_is_not_looked_up(text: str) -> None:
    assert read_key(text) is None


def test_scopes_are_kept_in_order_and_once() -> None:
    asked = [Scope.REFERRALS_READ, Scope.FEED_READ, Scope.FEED_READ]

    assert check_scopes(asked) == (Scope.FEED_READ, Scope.REFERRALS_READ)
    with pytest.raises(NoScope):
        check_scopes([])


def test_every_scope_has_a_name_and_roles_and_none_lets_a_client_do_what_takes_two_people() -> None:
    assert set(NAMES) == set(ROLES) == set(Scope)
    # Whoever speaks in a draw is one of several bodies; a draw handed in is confirmed by a person of the lead.
    everything = roles_of(set(Scope) - {Scope.DRAWS_SPEAK, Scope.DRAWS_IMPORT})

    assert not everything & {Role.APPROVER, Role.PUBLISHER, Role.INSPECTOR, Role.DRAW_OFFICER, Role.WITNESS}
    assert not everything & {Role.AGENCY_ADMIN, Role.COUNTY_ADMIN, Role.PLANNER}
    assert not roles_of(set(Scope)) & {Role.APPROVER, Role.AGENCY_ADMIN}


@pytest.mark.parametrize("day", [date(2018, 11, 28), date(2019, 11, 29)])
def test_a_key_ends_today_at_the_earliest_and_within_a_year(day: date) -> None:
    assert check_expiry(day, NOW) == day


@pytest.mark.parametrize("day", [date(2018, 11, 27), date(2019, 11, 30)])
def test_another_last_day_is_refused_with_the_latest(day: date) -> None:
    with pytest.raises(ExpiryOutside) as refusal:
        check_expiry(day, NOW)

    assert refusal.value.facts == {"latest": date(2019, 11, 29)}


def test_a_key_is_good_through_its_last_day_in_shanghai_unless_revoked() -> None:
    assert is_live(date(2018, 11, 28), revoked=False, at=NOW)
    assert not is_live(date(2018, 11, 28), revoked=False, at=datetime(2018, 11, 28, 16, 0, tzinfo=UTC))
    assert not is_live(date(2018, 11, 28), revoked=True, at=NOW)


def test_an_agency_has_only_so_many_clients() -> None:
    check_room(MOST - 1)
    with pytest.raises(TooManyClients):
        check_room(MOST)
