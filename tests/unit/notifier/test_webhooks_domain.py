"""When a delivery is tried again, when it is given up, and what that does to its webhook."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.domain.webhooks import (
    KindUnknown,
    Next,
    Sent,
    State,
    TooManyWebhooks,
    after_try,
    check_kinds,
    check_room,
    forgotten_before,
    wants,
)
from services.notifier.pushing import RULES

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_success_delivers(status: int) -> None:
    assert after_try(RULES, 3, status, NOW, is_test=False) == Next(Sent.DELIVERED)
    assert after_try(RULES, 1, status, NOW, is_test=True) == Next(Sent.DELIVERED)


def test_the_ladder_is_that_of_the_reference_and_ends_with_the_webhook_disabled() -> None:
    waits, tries = [], 0
    while (found := after_try(RULES, tries := tries + 1, 503, NOW, is_test=False)).sent is Sent.WAITING:
        assert found.next_at is not None
        waits.append((found.next_at - NOW).total_seconds())

    assert [0, *waits] == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert found == Next(Sent.FAILED, webhook=State.FAILING)
    assert timedelta(days=3) < sum(RULES.retries, timedelta()) < timedelta(days=4)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500])
def test_whatever_is_no_success_is_tried_again_a_redirect_too(status: int | None) -> None:
    assert after_try(RULES, 1, status, NOW, is_test=False) == Next(Sent.WAITING, NOW + timedelta(seconds=5))


def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    assert after_try(RULES, 1, 410, NOW, is_test=False) == Next(Sent.FAILED, webhook=State.GONE)


@pytest.mark.parametrize("status", [None, 410, 500])
def test_a_test_is_tried_once_and_disables_nothing(status: int | None) -> None:
    assert after_try(RULES, 1, status, NOW, is_test=True) == Next(Sent.FAILED)


def test_what_arrived_is_forgotten_before_what_failed_and_what_waits_never() -> None:
    at = datetime(2018, 12, 4, tzinfo=UTC)
    before = forgotten_before(RULES, at)

    assert before == {Sent.DELIVERED: at - timedelta(days=90), Sent.FAILED: at - timedelta(days=365)}


def test_no_choice_of_kinds_is_all_of_them() -> None:
    assert wants([], "visit.scheduled")
    assert wants(["visit.scheduled"], "visit.scheduled")
    assert not wants(["visit.scheduled"], "draw.opened")


def test_kinds_are_kept_in_the_order_in_which_they_are_known() -> None:
    assert check_kinds(["b", "a", "a"], ["a", "b", "c"]) == ["a", "b"]
    with pytest.raises(KindUnknown) as refusal:
        check_kinds(["b", "z", "y"], ["a", "b"])

    assert refusal.value.facts == {"kinds": ["y", "z"]}


def test_an_agency_has_only_so_many_webhooks() -> None:
    check_room(RULES.most - 1, RULES)
    with pytest.raises(TooManyWebhooks):
        check_room(RULES.most, RULES)
